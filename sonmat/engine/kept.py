"""Compiled programs, kept with the model they were compiled for, so that a second `fit` does not trace again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import keras

from sonmat.engine.compilation import compiled
from sonmat.engine.program import Program

_PLACE = "__sonmat_programs__"  # a dunder name, which Keras's savers pass over
_MOST = 8


def kept_program(
    model: keras.Model, kind: str, data: Any, numbers: tuple[Any, ...], make: Callable[[], Program]
) -> Program:
    """The program of this kind for data of these shapes, made on first use.

    It is made anew where the model was compiled again, or where layers were frozen or thawed: what Keras's own compiled
    step depends on.
    """
    program: Program = _kept(model, (kind, _shapes(data), numbers), make)
    return program


def kept_compiled(model: keras.Model, kind: str, numbers: tuple[Any, ...], function: Any, *arguments: Any) -> Any:
    """A function of the model, compiled for arguments of these shapes on first use."""
    return _kept(model, (kind, _shapes(arguments), numbers), lambda: compiled(jax.jit(function), *arguments))


def _kept(model: keras.Model, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
    place = model.__dict__.get(_PLACE)
    if place is None:
        place = {}
        object.__setattr__(model, _PLACE, place)  # past Keras's attribute tracking
    parts = _parts(model)
    key = (*key, tuple(map(id, parts)))
    if key not in place:
        if len(place) >= _MOST:
            place.pop(next(iter(place)))
        place[key] = (make(), parts)  # the parts are held so that no other object can take their ids
    return place[key][0]


def _shapes(data: Any) -> tuple[Any, ...]:
    return str(jax.tree.structure(data)), *((leaf.shape, str(leaf.dtype)) for leaf in jax.tree.leaves(data))


def _parts(model: keras.Model) -> list[Any]:
    optimizer = getattr(model, "optimizer", None)  # one that only predicts need not be compiled
    return [
        optimizer,
        getattr(optimizer, "_learning_rate", None),
        getattr(model, "_compile_loss", None),
        getattr(model, "_compile_metrics", None),
        keras.config.floatx(),
        *model.trainable_variables,
    ]
