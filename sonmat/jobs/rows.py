"""The rows that a recipe means: training, validation and test."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sonmat.data.checks import check_classes_differ
from sonmat.data.dataset import Dataset
from sonmat.data.progress import Progress
from sonmat.data.sources import load
from sonmat.errors import DataError
from sonmat.language import say
from sonmat.models.recipe import Recipe
from sonmat.runs.folder import Run

PARTS = ("test", "validation", "train")


def rows_of(recipe: Recipe, *, progress: Progress | None = None) -> tuple[Dataset, Dataset, Dataset]:
    """Training, validation and test rows of a recipe: the same ones every time."""
    whole, test = load(recipe.data, progress=progress)
    seed = recipe.seed if recipe.split_seed is None else recipe.split_seed
    train, validation = whole.split(recipe.split, seed=seed)
    return train, validation, test


def rows_to_train(recipe: Recipe, *, progress: Progress | None = None) -> tuple[Dataset, Dataset, Dataset]:
    """`rows_of` for a training that is about to begin.

    Raises:
        DataError: There is nothing to learn: all training rows are of one class.
    """
    rows = rows_of(recipe, progress=progress)
    check_classes_differ(rows[0].labels, rows[0].name)
    return rows


def part_of(run: Run, part: str, data: str | os.PathLike[str] | None, *, progress: Progress | None = None) -> Dataset:
    """The rows to look at with a trained model, prepared the way it was trained.

    Args:
        run: The model.
        part: "test", "validation" or "train".
        data: A data set's name or path; None is the one that the run was trained on.

    Raises:
        DataError: No such part, or a model file for which no data was named.
    """
    if part not in PARTS:
        raise DataError(
            say(f"There is no part called {part!r}.", f"{part!r}(이)라는 부분은 없습니다."),
            say("Known: test, validation, train.", "가능한 것: test, validation, train."),
        )
    recipe = run.recipe
    if recipe is not None and (data is None or str(data) == recipe.data):
        rows = dict(zip(("train", "validation", "test"), rows_of(recipe, progress=progress), strict=True))[part]
    elif data is None:
        raise DataError(
            say(
                "A model file does not say which data it is for.",
                "모델 파일만으로는 어떤 데이터를 쓸지 알 수 없습니다.",
            ),
            say("Name it, for example --data mnist.", "데이터를 적으세요. 예: --data mnist."),
        )
    elif part == "validation":
        raise DataError(
            say("Only the run's own data has a validation part.", "검증 부분은 실행 자신의 데이터에만 있습니다."),
            say("Use --part test or --part train with --data.", "--data와 함께 --part test나 --part train을 쓰세요."),
        )
    else:
        train, test = load(data, progress=progress)
        rows = train if part == "train" else test
    return replace(rows, scale=scale_for(run, rows))


def scale_for(run: Run, rows: Dataset) -> float:
    """What raw rows are divided by: as the model's card says; else nothing where the model scales by itself."""
    if run.scale is not None:
        return run.scale
    import keras

    scaling = (keras.layers.Rescaling, keras.layers.Normalization)
    return 1.0 if any(isinstance(layer, scaling) for layer in run.model.layers) else rows.scale


def views_of(run: Run) -> Mapping[str, Any] | None:
    """The test-time augmentation of a run's recipe."""
    return run.recipe.train.tta if run.recipe is not None else None
