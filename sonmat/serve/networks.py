"""Two ways to run a trained network: by NumPy, ready at once, and by Keras, compiled, for whoever asks many times."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from sonmat.models.views import Views
from sonmat.serve.program import Program

if TYPE_CHECKING:
    import keras

_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)  # batches that are compiled; others are filled up to the next


class Network(Protocol):
    """Inputs as the model takes them, (n, …), to its outputs (n, classes) and its features (n, …), or None for these."""

    def __call__(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]: ...


class InNumpy:
    """A program's answers, meant over the views."""

    def __init__(self, program: Program, views: Views) -> None:
        self._program, self._views = program, views

    def __call__(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        looks = views_of(inputs, self._views)
        found = self._program.run(np.concatenate(looks))
        means = [one.reshape(len(looks), len(inputs), *one.shape[1:]).mean(0) for one in found]
        return means[0], means[1] if len(means) > 1 else None


class InKeras:
    """A model's answers, meant over the views: one compiled program for each of a few sizes of a batch."""

    def __init__(self, model: keras.Model, views: Views) -> None:
        from sonmat.engine.penultimate import with_features

        self._model, self._views = with_features(model), views
        self._lock = threading.Lock()

    def __call__(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        parts = [self._part(inputs[start : start + _SIZES[-1]]) for start in range(0, len(inputs), _SIZES[-1])]
        outputs = np.concatenate([part[0] for part in parts])
        return outputs, np.concatenate([part[1] for part in parts]) if len(parts[0]) > 1 else None

    def _part(self, inputs: np.ndarray) -> list[np.ndarray]:
        from sonmat.engine.predict import predict

        size = next(size for size in _SIZES if size >= len(inputs))
        filled = np.concatenate([inputs, np.repeat(inputs[:1], size - len(inputs), axis=0)])
        with self._lock:
            found: Any = predict(self._model, filled, batch_size=size, tta=self._views or None)
        return [one[: len(inputs)] for one in (found if isinstance(found, list) else [found])]


def views_of(pictures: np.ndarray, views: Views) -> list[np.ndarray]:
    """A batch in each view, as `sonmat.engine.viewing` has them."""
    moved = [_moved(pictures, down, right) for down, right in views.moves]
    return moved + ([one[:, :, ::-1] for one in moved] if views.flip else [])


def _moved(pictures: np.ndarray, down: int, right: int) -> np.ndarray:
    if not down and not right:
        return pictures
    rows, columns = pictures.shape[1:3]
    most = max(abs(down), abs(right))
    framed = np.pad(pictures, [(0, 0), (most, most), (most, most)] + [(0, 0)] * (pictures.ndim - 3))
    return framed[:, most - down : most - down + rows, most - right : most - right + columns]
