"""The weights of a small network after each of its epochs, to look at how they came to be."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sonmat.engine.listener import Listener

if TYPE_CHECKING:
    from sonmat.engine.training import Training

FOLDER = "weights"
MOST_BYTES = 20 << 20
"""Of a run's epochs together: a longer run keeps some of them, evenly spaced, and the last is its model."""

_NAME = re.compile(r"(\d+)\.npy")


class EpochWeights(Listener):
    """Keeps the weights that validation sees after an epoch, as one float32 array a file.

    They can be made again by training again, so they are not synced to the disk, and what cannot be written is left out.

    Args:
        folder: The run folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._every = 0

    def on_begin(self, training: Training) -> None:
        self._training = training
        size = 4 * int(training.model.count_params())
        fit = MOST_BYTES // max(1, size)
        self._every = -(-training.epochs // fit) if fit else 0

    def on_epoch(self, epoch: int, logs: dict[str, float], seconds: float) -> None:
        if not self._every or (epoch + 1) % self._every:
            return
        arrays = [np.asarray(one, np.float32).ravel() for one in self._training.model.get_weights()]
        with contextlib.suppress(OSError):
            self._folder.mkdir(exist_ok=True)
            part = self._folder / f".{epoch + 1}.part"
            with part.open("wb") as file:
                np.save(file, np.concatenate(arrays) if arrays else np.zeros(0, np.float32))
            part.replace(self._folder / f"{epoch + 1}.npy")


def kept_epochs(folder: Path) -> list[int]:
    """The epochs, counted from 1, whose weights a run has."""
    try:
        names = [path.name for path in (folder / FOLDER).iterdir()]
    except OSError:
        return []
    return sorted(int(found[1]) for name in names if (found := _NAME.fullmatch(name)))


def put_epoch(model: Any, folder: Path, epoch: int) -> bool:
    """Give a model the weights that it had after an epoch; whether there are any that fit it."""
    try:
        flat = np.load(folder / FOLDER / f"{int(epoch)}.npy", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return False
    shapes = [one.shape for one in model.get_weights()]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    if flat.ndim != 1 or flat.dtype != np.float32 or not len(ends) or ends[-1] != len(flat):
        return False
    parts = np.split(flat, ends[:-1])
    model.set_weights([part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)])
    return True
