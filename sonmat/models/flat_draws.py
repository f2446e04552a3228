"""Initial weights drawn along one axis: the bits that Keras draws, by programs that XLA compiles in a fraction of the time."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

_NAMES = ("uniform", "normal", "truncated_normal")
_LEAST, _MOST = 2**14, 2**20
"""Sizes up to the larger are drawn as a power of two and cut, so that layers of many shapes share a program (0.3 ms a draw)."""


@contextlib.contextmanager
def drawn_flat() -> Iterator[None]:
    """While this runs, Keras draws random weights of several axes flat; what comes out is the same to the bit.

    Threefry counts an array's elements along all its axes. XLA takes 0.5 to 1 s to compile that for the kernel of a small
    convolution and 0.13 s for as many elements on one axis, a program for every shape (jaxlib 0.10).
    """
    from keras.src.backend.jax import random as drawing

    before = {name: getattr(drawing, name) for name in _NAMES}
    if not any(hasattr(function, "flat") for function in before.values()):
        for name, function in before.items():
            setattr(drawing, name, _flat(function, drawing.jax_draw_seed))
    try:
        yield
    finally:
        for name, function in before.items():
            setattr(drawing, name, function)


def _flat(function: Callable[..., Any], drawn: Callable[[Any], Any]) -> Callable[..., Any]:
    import jax

    def draw(shape: Any, *arguments: Any, **named: Any) -> Any:
        if "seed" not in named or not _counts_elements():
            return function(shape, *arguments, **named)
        key = named["seed"] = drawn(named["seed"])
        count = math.prod(shape)
        typed = jax.dtypes.issubdtype(key.dtype, jax.dtypes.prng_key)  # such a key may be of another generator
        if isinstance(key, jax.core.Tracer) or typed or count == 0:
            return function(shape, *arguments, **named)
        values = np.asarray(function((_size(count),), *arguments, **named))
        return jax.numpy.asarray(values[:count].reshape(shape))

    draw.flat = True  # type: ignore[attr-defined]
    return draw


def _size(count: int) -> int:
    return max(_LEAST, 1 << (count - 1).bit_length()) if count <= _MOST else count


def _counts_elements() -> bool:
    """Whether an element's bits depend on the key and its place alone, as they do unless someone has chosen otherwise."""
    import jax

    return bool(jax.config.jax_threefry_partitionable) and jax.config.jax_default_prng_impl == "threefry2x32"
