"""A training step in two halves: gradients, which know of no optimizer, and the optimizer's update.

Members of a population whose networks are alike differ in the second half alone, which is quick to trace: the first is traced
once for all of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import keras

from sonmat.engine.batching import keras_own
from sonmat.engine.companion import Companion
from sonmat.engine.examples import preparation
from sonmat.engine.program import State
from sonmat.engine.rewriting import rewriting
from sonmat.engine.smoothing import smoothing
from sonmat.engine.turned import Turned, steps_plainly

_NUMBERED = re.compile(r"_\d+$")
_SNAKE = re.compile(r"(?<!^)(?=[A-Z])")


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


def network_key(model: keras.Model) -> str | None:
    """Tells networks apart by all that their first half and their validation depend on; None where that is not known.

    It is known where everything is Keras's own, which is what its configuration says. Names that Keras numbered are left
    out; those that a user gave may matter to an optimizer.
    """
    optimizer = model.optimizer
    plain = (
        steps_plainly(model)
        and keras_own(model)
        and isinstance(optimizer, keras.optimizers.Optimizer)
        and not hasattr(optimizer, "inner_optimizer")
        and not optimizer.loss_scale_factor
        and not getattr(optimizer, "_exclude_from_weight_decay", None)
        and not getattr(optimizer, "_exclude_from_weight_decay_pattern", None)
        and not optimizer.built
    )
    if not plain:
        return None
    try:
        compiled = {name: value for name, value in model.get_compile_config().items() if name != "optimizer"}
        config = {"class_name": type(model).__name__, "config": model.get_config()}
        told = [type(optimizer).__name__, config, compiled]
        return json.dumps(_renamed(told, _numbered(told)), sort_keys=True, default=_refuse)
    except (TypeError, ValueError, NotImplementedError):
        return None


def _refuse(value: Any) -> Any:
    raise TypeError(type(value).__name__)


def _numbered(value: Any, found: dict[str, str] | None = None) -> dict[str, str]:
    """The names that Keras numbered, `dense_7`, by what they are called instead: `dense`, and which one it is here."""
    names = {} if found is None else found
    if isinstance(value, dict):
        kind, config = value.get("class_name"), value.get("config")
        if not str(value.get("module") or "keras").startswith("keras"):
            raise TypeError(value["module"])  # a regularizer of the user's own, say: its configuration need not say all
        if isinstance(kind, str) and isinstance(config, dict) and isinstance(config.get("name"), str):
            plain = _SNAKE.sub("_", kind).lower()
            if _NUMBERED.sub("", config["name"]) == plain:
                names.setdefault(config["name"], f"{plain} {len(names)}")
        for item in value.values():
            _numbered(item, names)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _numbered(item, names)
    return names


def _renamed(value: Any, names: dict[str, str]) -> Any:
    """A configuration with other names; a layer is named where it stands and where it is read."""
    if isinstance(value, dict):
        return {name: _renamed(item, names) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_renamed(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value
