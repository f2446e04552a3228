"""Where Keras 3 keeps each variable of a model inside `model.weights.h5`.

A model's layers lie under layers/<class_name_in_snake_case>[_number], a layer's own variables under vars/0, vars/1, and
so on, and what it is made of (cells, wrapped layers, projections) under the attribute's name. Keras walks attributes in
alphabetical order, private ones last, and writes each object once, where it meets it first.
Source: keras/src/saving/saving_lib.py of Keras 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import keras


def saved_parts(model: keras.Model) -> list[tuple[tuple[str, ...], Any]]:
    """Every part of a model that has variables of its own.

    Returns:
        Pairs of the part's possible paths (the first is today's) and the part, in Keras's order.
    """
    parts: list[tuple[tuple[str, ...], Any]] = []
    seen: set[int] = set()
    _visit(model, ("",), parts, seen)
    return [(paths, part) for paths, part in parts if own_variables(part)]


def own_variables(part: Any) -> dict[str, Any]:
    """What the part keeps under vars/: its variables by their number in the file."""
    store: dict[str, Any] = {}
    part.save_own_variables(store)
    return store


def _visit(part: Any, paths: tuple[str, ...], parts: list[tuple[tuple[str, ...], Any]], seen: set[int]) -> None:
    if id(part) in seen:
        return
    seen.add(id(part))
    parts.append((paths, part))
    for names, child in _children(part):
        joined = tuple(_join(path, name) for path in paths for name in names)
        _visit(child, joined[:8], parts, seen)


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _children(part: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(part, keras.Model):
        yield from _listed("layers", part.layers)
        return
    for name in sorted(set(dir(part)) - _layer_names(), key=lambda name: f"~{name}" if name.startswith("_") else name):
        try:
            child = getattr(part, name)
        except Exception:  # properties that answer only in some states; Keras passes over them too
            continue
        if isinstance(child, keras.Layer):
            yield _spellings(name), child
        elif isinstance(child, list | tuple):
            yield from _listed(name, child)


def _listed(name: str, children: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    used: dict[str, int] = {}
    for child in children:
        if isinstance(child, keras.Layer):
            own = snake_case(type(child).__name__)
            used[own] = used.get(own, -1) + 1
            yield (f"{name}/{own}_{used[own]}" if used[own] else f"{name}/{own}",), child


def _spellings(name: str) -> tuple[str, ...]:
    """Keras 3 has renamed attributes between private and public; files of either are read."""
    return (name, name[1:] if name.startswith("_") else f"_{name}")


@cache
def _layer_names() -> frozenset[str]:
    return frozenset(dir(keras.Layer()))


def snake_case(name: str) -> str:
    """`Conv2D` → `conv2d`, `LeakyReLU` → `leaky_re_lu`, as Keras does."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
