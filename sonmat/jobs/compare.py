"""Comparing two runs on the rows that neither was trained on."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import numpy as np

from sonmat.data.dataset import Dataset
from sonmat.data.progress import Progress
from sonmat.engine.predict import predict_classes
from sonmat.engine.scores import PairedTest, paired_test
from sonmat.errors import DataError, SonmatError
from sonmat.jobs.rows import rows_of, scale_for
from sonmat.language import say
from sonmat.runs.folder import RunFolder, load_run, open_run


@dataclass(frozen=True)
class Comparison:
    """Runs side by side.

    Attributes:
        rows: A table's line for each run.
        test: The paired test of the first two on the same rows; None for other than two.
        why_not: Why there is no test, where two were given.
    """

    rows: list[dict[str, object]]
    test: PairedTest | None
    why_not: str = ""


def compare_runs(paths: list[str | os.PathLike[str]], *, progress: Progress | None = None) -> Comparison:
    """Put runs side by side, and test whether the difference between two is real.

    The test (McNemar's, exact) is on the validation rows that both have; the test set is not looked at.
    """
    runs = [open_run(path) for path in paths]
    rows = [_row(run) for run in runs]
    if len(runs) != 2:
        return Comparison(rows, None)
    try:
        return Comparison(rows, _test(runs[0], runs[1], progress))
    except SonmatError as error:
        return Comparison(rows, None, error.problem)


def _row(run: RunFolder) -> dict[str, object]:
    row = run.row()
    try:
        recipe = run.recipe
    except SonmatError:  # made by sonmat.fit(run=…), or broken
        return row
    settings = {f"model.{name}": str(value) for name, value in recipe.model.settings.items()}
    train = {name: str(value) for name, value in recipe.as_dict()["train"].items() if name != "epochs"}
    return {**row, **settings, **train}


def _test(a: RunFolder, b: RunFolder, progress: Progress | None) -> PairedTest:
    held = [_held_back(run, progress) for run in (a, b)]
    if held[0].name != held[1].name or held[0].classes != held[1].classes:
        raise DataError(
            say("The runs were trained on different data.", "두 실행의 데이터가 다릅니다."),
            say("Compare runs on the same data.", "같은 데이터의 실행끼리 비교하세요."),
        )
    _, first, second = np.intersect1d(held[0].rows, held[1].rows, return_indices=True)
    if not len(first) or not np.array_equal(_raw(held[0])[first], _raw(held[1])[second]):
        raise DataError(
            say("The runs have no validation rows in common.", "두 실행에 공통된 검증 행이 없습니다."),
            say("Train both with the same split and seed.", "두 실행을 같은 split과 seed로 학습하세요."),
        )
    said = []
    for run, rows, chosen in zip((a, b), held, (first, second), strict=True):
        loaded = load_run(run.path)
        shared = rows.take(chosen)
        said.append(predict_classes(loaded.model, replace(shared, scale=scale_for(loaded, shared))))
    return paired_test(held[0].labels[first], said[0], said[1])


def _raw(rows: Dataset) -> np.ndarray:
    """What two runs have in common, however each cuts its sentences."""
    return rows.inputs if rows.sentences is None else rows.sentences


def _held_back(run: RunFolder, progress: Progress | None) -> Dataset:
    return rows_of(run.recipe, progress=progress)[1]
