"""A training step in two halves: gradients, which know of no optimizer, and the optimizer's update.

Members of a population whose networks are alike differ in the second half alone, which is quick to trace: the first is traced
once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import keras

from sonmat.engine.companion import Companion
from sonmat.engine.examples import preparation
from sonmat.engine.program import State
from sonmat.engine.rewriting import rewriting
from sonmat.engine.smoothing import smoothing
from sonmat.engine.turned import Turned


@dataclass(frozen=True)
class Halves:
    """The two halves of a training step.

    Attributes:
        gradients: State and batch → gradients, non-trainable and metric variables, logs. The state's third group, the
            optimizer's variables, is empty.
        update: An optimizer, the state, what `gradients` made → the new state.
    """

    gradients: Callable[[State, Any], Any]
    update: Callable[[Any, State, Any], State]


def halves(model: keras.Model, scale: float, companion: Companion) -> Halves:
    """The halves of a step, for a model that has a `network_key`."""
    inner = Turned(model, frozenset())
    prepare = preparation(scale)

    def gradients(state: State, batch: Any) -> Any:
        x, y, weight = batch
        x = companion.varied(state[4], prepare(x)) if len(state) > 4 else prepare(x)
        with rewriting(model), smoothing(model, companion.smoothing):
            made, rest, metrics, logs = inner.gradients(state[:4], (x, y, weight))
        return made, _like(rest, state[1]), _like(metrics, state[3]), logs

    def update(optimizer: Any, state: State, made: Any) -> State:
        trainable, kept = inner.update(optimizer, state[2], made, state[0])
        trainable, kept = _like(trainable, state[0]), _like(kept, state[2])
        if len(state) <= 4:
            return trainable, state[1], kept, state[3]
        extras = _like(companion.followed(state[4], trainable, state[1]), state[4])
        return trainable, state[1], kept, state[3], extras

    return Halves(gradients, update)


def _like(new: list[Any], old: list[Any]) -> list[Any]:
    return [jax.numpy.asarray(a, b.dtype) for a, b in zip(new, old, strict=True)]
