"""How much a trained network can stand: accuracy on pictures made worse by degrees."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sonmat.data.corruptions import CORRUPTIONS, corrupted
from sonmat.data.dataset import Dataset
from sonmat.data.progress import Progress
from sonmat.engine.outputs import probabilities_of
from sonmat.engine.predict import predict
from sonmat.jobs.evaluate import is_own
from sonmat.jobs.rows import part_of, views_of
from sonmat.models.views import Views
from sonmat.runs.folder import Run, load_run, located

ROWS = 1000
"""Rows that are spoilt at most: 55 times each."""


@dataclass(frozen=True)
class Endured:
    """What a model reaches on spoilt rows.

    Attributes:
        rows: The rows as they are.
        clean: Accuracy on them.
        found: By corruption, accuracy at each of its strengths.
        readings: How often the run has looked at its test rows, this time included; None where it did not now.
        views: How many views of each row its outputs are the mean of.
    """

    rows: Dataset
    clean: float
    found: dict[str, tuple[float, ...]]
    readings: int | None
    views: int = 1

    @property
    def mean(self) -> float:
        """The mean accuracy over all corruptions and strengths."""
        return float(np.mean([value for values in self.found.values() for value in values]))

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        told: dict[str, Any] = {
            "data": self.rows.name,
            "part": self.rows.part,
            "n": len(self.rows),
            "clean": self.clean,
            "mean": self.mean,
            "corruptions": {
                name: {
                    "unit": CORRUPTIONS[name].unit[0],
                    "strengths": list(CORRUPTIONS[name].strengths),
                    "accuracy": list(values),
                }
                for name, values in self.found.items()
            },
        }
        told |= {"views": self.views} if self.views > 1 else {}
        return told | ({"test_readings": self.readings} if self.readings is not None else {})


def evaluate_corruptions(
    path: str | os.PathLike[str],
    *,
    data: str | os.PathLike[str] | None = None,
    part: str = "validation",
    tta: bool = True,
    seed: int = 0,
    told: Callable[[int, int], None] = lambda done, of: None,
    progress: Progress | None = None,
) -> Endured:
    """Evaluate a run folder or a model file on rows spoilt in every way of `CORRUPTIONS`.

    Args:
        path: The run folder, or a `.keras` or `.h5` file.
        data: A data set's name or path; a run knows its own.
        part: "validation", "test" or "train"; the test set counts as one reading.
        tta: Whether to average over the views that the run's recipe names.
        seed: Decides the noise and the places.
        told: Called with how often the rows were spoilt so far, and how often they will be.
        progress: Told of the download.

    Raises:
        DataError: The rows are no pictures, or there is no such part.
    """
    path, folder = located(path)
    run = load_run(path)
    rows = _some(part_of(run, part, data, progress=progress))
    views = Views.of((views_of(run) if tta else None) or {})
    # before the rows themselves, so that what cannot be spoilt is refused at once
    found: dict[str, tuple[float, ...]] = {}
    done, of = 0, sum(len(corruption.strengths) for corruption in CORRUPTIONS.values())
    for name, corruption in CORRUPTIONS.items():
        for number, strength in enumerate(corruption.strengths):
            value = _accuracy(run, rows, corrupted(rows.inputs, name, strength, seed + number), views)
            found[name] = (*found.get(name, ()), value)
            done += 1
            told(done, of)
    clean = _accuracy(run, rows, rows.inputs, views)
    readings = None
    if folder is not None and part == "test" and is_own(folder, run, rows, data):
        readings = folder.count_reading("corruptions", {"accuracy": clean, "n": len(rows)})
    return Endured(rows, clean, found, readings, views.count)


def _some(rows: Dataset) -> Dataset:
    """Rows evenly spaced over all of them."""
    if len(rows) <= ROWS:
        return rows
    return rows.take(np.linspace(0, len(rows) - 1, ROWS).round().astype(int))


def _accuracy(run: Run, rows: Dataset, inputs: np.ndarray, views: Views) -> float:
    outputs = probabilities_of(predict(run.model, replace(rows, inputs=inputs), tta=views or None))
    return float((outputs.argmax(1) == rows.labels).mean())
