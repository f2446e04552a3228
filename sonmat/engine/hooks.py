"""Which of a run's callbacks must be entered at every batch, and which lose nothing where they are not."""

from __future__ import annotations

from typing import Any

import keras

_TRAIN_HOOKS = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
_TEST_HOOKS = ("on_test_batch_begin", "on_test_batch_end")
_SAVERS = (keras.callbacks.ModelCheckpoint, keras.callbacks.BackupAndRestore)


def wants_batches(callback: keras.callbacks.Callback) -> bool:
    """Whether a callback overrides a hook of training batches in a way that needs every batch.

    Keras's own ModelCheckpoint and BackupAndRestore that save by the epoch look at no batch, TerminateOnNaN is told of the
    one batch that matters, and the progress bar is told by the segment.
    """
    overridden = {name for name in _TRAIN_HOOKS if _overrides(callback, name)}
    if isinstance(callback, _SAVERS) and callback.save_freq == "epoch":
        overridden -= {name for name in overridden if _is_kerass_own(callback, name, _SAVERS)}
    overridden -= {
        name
        for name in overridden
        if _is_kerass_own(callback, name, (keras.callbacks.TerminateOnNaN, keras.callbacks.ProgbarLogger))
    }
    return bool(overridden)


def wants_test_batches(callback: keras.callbacks.Callback) -> bool:
    """Whether a callback overrides a hook of validation batches. Keras's progress bar is silent there inside `fit`."""
    return any(
        _overrides(callback, name) and not _is_kerass_own(callback, name, (keras.callbacks.ProgbarLogger,))
        for name in _TEST_HOOKS
    )


def terminators(callbacks: list[Any]) -> list[keras.callbacks.TerminateOnNaN]:
    """The callbacks that want to be told of a loss that is not finite."""
    return [callback for callback in callbacks if isinstance(callback, keras.callbacks.TerminateOnNaN)]


def _overrides(callback: keras.callbacks.Callback, name: str) -> bool:
    method = getattr(callback, name)
    return getattr(method, "__func__", method) is not getattr(keras.callbacks.Callback, name)


def _is_kerass_own(callback: keras.callbacks.Callback, name: str, classes: tuple[type, ...]) -> bool:
    """Whether the hook is the one a Keras class defines, not one that a subclass or an instance put over it."""
    function = getattr(getattr(callback, name), "__func__", None)
    return any(function is getattr(cls, name) for cls in classes if isinstance(callback, cls))
