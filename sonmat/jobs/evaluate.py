"""Evaluating a run or a model file, and counting the looks at the test set."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from sonmat.data.dataset import Dataset
from sonmat.data.progress import Progress
from sonmat.engine.evaluate import Evaluation, evaluate
from sonmat.errors import TrainingError
from sonmat.jobs.rows import part_of, views_of
from sonmat.language import say
from sonmat.models.views import Views
from sonmat.runs.folder import Run, RunFolder, load_run, located


@dataclass(frozen=True)
class Evaluated:
    """What a model reached on some rows.

    Attributes:
        found: The numbers.
        rows: The rows.
        readings: How often the run has looked at its test rows, this time included; None where it did not now.
        views: How many views of each row its outputs are the mean of.
    """

    found: Evaluation
    rows: Dataset
    readings: int | None
    views: int = 1

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        told = {"data": self.rows.name, "part": self.rows.part, **self.found.as_dict()}
        told |= {"views": self.views} if self.views > 1 else {}
        return told | ({"test_readings": self.readings} if self.readings is not None else {})


def evaluate_run(
    path: str | os.PathLike[str],
    *,
    data: str | os.PathLike[str] | None = None,
    part: str = "test",
    tta: bool = True,
    skip_unreadable: bool = False,
    progress: Progress | None = None,
) -> Evaluated:
    """Evaluate a run folder or a model file.

    Args:
        path: The run folder, or a `.keras` or `.h5` file.
        data: A data set's name or path; a run knows its own.
        part: "test", "validation" or "train".
        tta: Whether to average over the views that the run's recipe names.
        skip_unreadable: Of other data: leave out pictures and rows that cannot be read.
        progress: Told of the download.

    Raises:
        TrainingError: The model's file has no loss and metrics that could be restored.
    """
    path, folder = located(path)
    run = load_run(path)
    rows = part_of(run, part, data, skip_unreadable=skip_unreadable, progress=progress)
    compile_for(run, rows)
    views = Views.of((views_of(run) if tta else None) or {})
    found = evaluate(run.model, rows, tta=views)
    readings = None
    if folder is not None and part == "test" and is_own(folder, run, rows, data):
        told: dict[str, Any] = {"loss": found.metrics.get("loss"), "n": found.n}
        readings = folder.count_reading("evaluate", told | ({"accuracy": found.accuracy} if found.scores else {}))
    return Evaluated(found, rows, readings, views.count)


def is_own(folder: RunFolder, run: Run, rows: Dataset, data: str | os.PathLike[str] | None) -> bool:
    """Whether rows are the test rows of the run itself, under whatever name; looks at another set are not counted."""
    if run.recipe is not None and (data is None or os.fspath(data) == run.recipe.data):
        return True
    known = (folder.result or {}).get("fingerprints") or {}
    return bool(known.get("test") == rows.fingerprint)


def compile_for(run: Run, rows: Dataset) -> None:
    """Give a classifier that came without loss and metrics the usual ones.

    Raises:
        TrainingError: It is no classifier of these rows, so which loss is meant cannot be known.
    """
    model = run.model
    if model.compiled:
        return
    if model.output_shape != (None, len(rows.classes)):
        raise TrainingError(
            say(
                f"The model is not compiled, and its output {model.output_shape} is not one for {len(rows.classes)} classes.",
                f"모델이 컴파일되지 않았고 출력 {model.output_shape}이(가) {len(rows.classes)}개 클래스에 맞지 않습니다.",
            ),
            say(
                "Load it with sonmat.load_model, call model.compile(…), then sonmat.evaluate.",
                "sonmat.load_model로 불러와 model.compile(…)을 하고 sonmat.evaluate를 쓰세요.",
            ),
        )
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
