"""Which of Keras's losses a model is compiled with: told by what it is, since a function of one's own may have any name."""

from __future__ import annotations

from typing import Any

import keras

_NOT_COMPARED = ("sparse_categorical_crossentropy", "categorical_crossentropy", "circle", "ctc")
"""Losses whose targets need not have the outputs' shape, and the one whose targets are checked for themselves."""


def function_of(loss: Any) -> Any:
    """Keras's own function behind a loss as `compile` takes it, or None: a loss of the user's own, or several."""
    found = _object_of(loss)
    if isinstance(found, keras.losses.Loss):
        name = type(found).__name__
        found = getattr(found, "fn", None) if getattr(keras.losses, name, None) is type(found) else None
    name = getattr(found, "__name__", "")
    return found if callable(found) and getattr(keras.losses, name, None) is found else None


def settings_of(loss: Any) -> dict[str, Any]:
    """What Keras's own loss was told: `from_logits`, `axis` and the like; nothing where it was given by its name."""
    return dict(getattr(_object_of(loss), "_fn_kwargs", {}))


def compares(loss: Any) -> bool:
    """Whether a loss of Keras's own holds each target against each output, so that both must have the same shape."""
    function = function_of(loss)
    return function is not None and function.__name__ not in _NOT_COMPARED


def name_of(loss: Any) -> str:
    """What to call a loss in an error."""
    return loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)


def _object_of(loss: Any) -> Any:
    if isinstance(loss, str):
        try:
            return keras.losses.get(loss)
        except ValueError:
            return None
    return loss
