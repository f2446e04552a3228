"""A child's side of a measurement: what it is asked, the rows it trains on, its clock, and its answer.

Only NumPy is needed here, because this runs in the peers' environment too.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Work:
    """One measurement, as the parent asks for it.

    Attributes:
        data: An .npz of MNIST in its own order (`x_train`, `y_train`, `x_test`, `y_test`; uint8) with the rows to train
            and to validate on (`rows_train`, `rows_val`).
        result: Where the answer goes, as JSON.
        epochs: How long to train.
        seed: Decides what is random.
        settings: The contestant's own.
    """

    data: Path
    result: Path
    epochs: int
    seed: int
    settings: dict[str, Any]

    @classmethod
    def given(cls) -> Work:
        """The measurement that the first argument, a file, describes."""
        asked = json.loads(Path(sys.argv[1]).read_text())
        return cls(Path(asked["data"]), Path(asked["result"]), asked["epochs"], asked["seed"], asked["settings"])

    def raw(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        """Images (n, 28, 28) and labels (n,), uint8, of `train`, `val` or `test`."""
        with np.load(self.data) as file:
            if part == "test":
                return file["x_test"], file["y_test"]
            rows = file[f"rows_{part}"]
            return file["x_train"][rows], file["y_train"][rows]

    def ready(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        """The same as float32 from 0 to 1, and int32: what peers are quickest on."""
        images, labels = self.raw(part)
        return images.astype(np.float32) / np.float32(255), labels.astype(np.int32)

    def answer(self, packages: Sequence[str], **measured: Any) -> None:
        """Write what was measured, with the versions of what measured it."""
        versions = {"python": platform.python_version()} | {name: _version(name) for name in packages}
        self.result.write_text(json.dumps({**measured, "versions": versions}))


def _version(package: str) -> str:
    own = getattr(sys.modules.get(package), "__version__", None)  # a checkout of sonmat need not be installed
    return str(own) if own else importlib.metadata.version(package)


class Clock:
    """The time of one fit in a fresh process, with no warm-up, by the epoch.

    What compiles (or traces, or is imported late) does so in the first epoch. Its excess over the median of the others is
    therefore taken as compile time, which is generous: whatever else a first epoch has to do is taken off too.
    """

    def __init__(self) -> None:
        self._marks = [time.perf_counter()]

    def epoch(self, *_: Any) -> None:
        """Called at each epoch's end."""
        self._marks.append(time.perf_counter())

    def times(self) -> dict[str, Any]:
        """Seconds of the whole call, of its compiling, of the rest, and of each epoch."""
        total = time.perf_counter() - self._marks[0]
        epochs = [after - before for before, after in zip(self._marks, self._marks[1:], strict=False)]
        compiling = max(0.0, epochs[0] - statistics.median(epochs[1:])) if len(epochs) > 1 else 0.0
        return {
            "total_seconds": total,
            "compile_seconds": compiling,
            "fit_seconds": total - compiling,
            "epoch_seconds": epochs,
        }
