"""Everything a run needs to go on as if it had never stopped: taken from it after an epoch, and put back."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import keras
import numpy as np

if TYPE_CHECKING:
    from sonmat.engine.training import Training

_NOT_STATE = {"model", "_model", "params", "validation_data", "_supports_tf_logs"}
_SIZE = "bytes in the file"
_COMPARES = "compares"  # whether Keras has chosen a callback's comparison, and turned the sign of its min_delta with it
_REBUILT = (keras.callbacks.History, keras.callbacks.ProgbarLogger)


@dataclass(frozen=True)
class Snapshot:
    """A run between two epochs.

    Attributes:
        done: Epochs that are finished, counted from 0; training goes on with the epoch of this number.
        stopped: Whether a callback has ended the run.
        arrays: Trainable, non-trainable (random states too), optimizer and metric variables, in Keras's order.
        history: Keras's History: name → a value for each epoch, and the epochs themselves.
        callbacks: The state of each callback, in the list's order, by attribute; None where it has none to save.
    """

    done: int
    stopped: bool
    arrays: tuple[list[np.ndarray], ...]
    history: dict[str, list[Any]]
    epochs: list[int]
    callbacks: list[dict[str, Any] | None] = field(default_factory=list)


def taken(training: Training) -> Snapshot:
    """The state of a run whose epoch has just ended."""
    model = training.model
    return Snapshot(
        done=training.done,
        stopped=bool(model.stop_training),
        arrays=tuple([np.asarray(a) for a in group] for group in training.state),
        history={name: list(column) for name, column in training.history.history.items()},
        epochs=list(training.history.epoch),
        callbacks=[_state(callback) for callback in training.callbacks.callbacks],
    )


def put_back(training: Training, snapshot: Snapshot) -> None:
    """Make a run that has just begun the one that the snapshot was taken of."""
    training.restore(tuple(list(map(jnp.asarray, group)) for group in snapshot.arrays))
    training.history.history = {name: list(column) for name, column in snapshot.history.items()}
    training.history.epoch = list(snapshot.epochs)
    for callback, state in zip(training.callbacks.callbacks, snapshot.callbacks, strict=True):
        if state is None:
            continue
        if state.get(_COMPARES) and callback.monitor_op is None:
            callback._set_monitor_op()
        for name, value in state.items():
            if name not in (_SIZE, _COMPARES):
                setattr(callback, name, copy.deepcopy(value))
    training.initial_epoch = training.done = snapshot.done
    training.model.stop_training = training.stopped = snapshot.stopped


def before_begin(callbacks: list[Any], snapshot: Snapshot) -> None:
    """Let files that callbacks append to go on where the snapshot was taken, before `on_train_begin` opens them."""
    for callback, state in zip(callbacks, snapshot.callbacks, strict=False):
        if isinstance(callback, keras.callbacks.CSVLogger) and state is not None:
            callback.append = True
            path, size = Path(callback.filename), int(state.get(_SIZE, 0))
            if path.exists() and path.stat().st_size > size:
                os.truncate(path, size)


def unsavable(callbacks: list[Any]) -> list[str]:
    """What of these callbacks no snapshot can hold, as `Class.attribute`; resuming will then not be exact."""
    found = []
    for callback in callbacks:
        if isinstance(callback, (*_REBUILT, keras.callbacks.CSVLogger)):
            continue
        for name, value in vars(callback).items():
            if name in _NOT_STATE or _is_plain(value):
                continue
            if not callable(value) or getattr(value, "__closure__", None):
                found.append(f"{type(callback).__name__}.{name}")
    return found


def _state(callback: Any) -> dict[str, Any] | None:
    if isinstance(callback, _REBUILT):
        return None
    if isinstance(callback, keras.callbacks.CSVLogger):
        path = Path(callback.filename)
        return {"keys": callback.keys, _SIZE: path.stat().st_size if path.exists() else 0}
    # Copied, because a callback goes on changing its lists while the snapshot is written.
    state = {name: copy.deepcopy(value) for name, value in vars(callback).items() if _is_state(name, value)}
    return state | ({_COMPARES: True} if getattr(callback, "monitor_op", None) is not None else {})


def _is_state(name: str, value: Any) -> bool:
    return name not in _NOT_STATE and _is_plain(value)


def _is_plain(value: Any) -> bool:
    if value is None or isinstance(value, (bool, int, float, str, np.ndarray, np.generic)):
        return not (isinstance(value, np.ndarray) and value.dtype == object)
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    return False
