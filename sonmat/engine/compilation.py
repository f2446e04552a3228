"""Compiling: the cache on disk, and what must not be compiled into a loop."""

from __future__ import annotations

import os
from typing import Any

import jax

from sonmat import places

SLOW_IN_LOOPS = ("conv_general_dilated", "reduce_window", "select_and_scatter", "select_and_gather")
"""Beginnings of the names of operations that XLA's CPU compiler runs far slower inside a loop."""


def keep_programs() -> None:
    """Let XLA keep what it compiles in the user's cache folder, unless the user has chosen a place of their own."""
    if jax.config.jax_compilation_cache_dir or os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return
    folder = places.programs_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return  # compiling again costs a second; a home that cannot be written is no reason to stop
    if not os.access(folder, os.W_OK):
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update(
        "jax_persistent_cache_min_compile_time_secs", 0.05
    )  # smaller ones load no faster than they compile
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def compiled(function: Any, *arguments: Any) -> Any:
    """A jitted function compiled for arguments like these, ahead of its first call."""
    return function.trace(*arguments).lower().compile()


def slow_in_loops(jaxpr: Any) -> bool:
    """Whether a traced program holds an operation that XLA's CPU compiler runs far slower inside a loop.

    Its convolutions take 1,050–1,190 ms a step inside a loop where the same step outside takes about 70 (jaxlib 0.10).
    """
    return jax.default_backend() == "cpu" and holds(jaxpr, SLOW_IN_LOOPS)


def holds(jaxpr: Any, names: tuple[str, ...]) -> bool:
    """Whether a traced program has an operation, at any depth, whose name begins with one of these."""
    jaxpr = getattr(jaxpr, "jaxpr", jaxpr)
    for equation in jaxpr.eqns:
        if equation.primitive.name.startswith(names):
            return True
        for parameter in equation.params.values():
            for inner in parameter if isinstance(parameter, (list, tuple)) else (parameter,):
                if (hasattr(inner, "eqns") or hasattr(inner, "jaxpr")) and holds(inner, names):
                    return True
    return False
