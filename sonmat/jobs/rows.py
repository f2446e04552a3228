"""The rows that a recipe means: training, validation and test."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sonmat.data.checks import check_classes_differ
from sonmat.data.cutting import Cutting
from sonmat.data.dataset import Dataset
from sonmat.data.progress import Progress
from sonmat.data.sources import load_as
from sonmat.data.tokenizer import Tokenizer
from sonmat.errors import DataError
from sonmat.jobs.own_data import findable, read_settings, settings_like
from sonmat.language import say
from sonmat.models.recipe import Recipe
from sonmat.models.textcnn import DATA
from sonmat.runs.folder import Run

PARTS = ("test", "validation", "train")


def rows_of(
    recipe: Recipe, *, tokenizer: Tokenizer | None = None, progress: Progress | None = None
) -> tuple[Dataset, Dataset, Dataset]:
    """Training, validation and test rows of a recipe: the same ones every time.

    Sentences are cut by a tokenizer that is trained on the training rows alone, or by the one that a run has already.
    """
    _check_named(recipe)
    whole, test = load_as(recipe.data, read_settings(recipe), progress=progress)
    train, validation = _split(recipe, whole)
    if train.sentences is None:
        return train, validation, test
    chosen = tokenizer or Cutting.of(recipe.tokens).train(train.needed_sentences())
    return train.tokenized(chosen), validation.tokenized(chosen), test.tokenized(chosen)


def _split(recipe: Recipe, whole: Dataset) -> tuple[Dataset, Dataset]:
    """Training and validation rows: the data's own where it has a validation part, else as the recipe splits."""
    own = whole.reading.validation if whole.reading is not None else None
    if own is not None:
        held = np.isin(whole.rows, own)
        return whole.take(~held, part="train"), whole.take(held, part="validation")
    return whole.split(recipe.split, seed=recipe.seed if recipe.split_seed is None else recipe.split_seed)


def _check_named(recipe: Recipe) -> None:
    if Path(recipe.data).name == DATA and not Path(recipe.data).exists():
        raise DataError(
            say(
                f"{recipe.model.name} learns from sentences of your own, and no file of them was named.",
                f"{recipe.model.name}은(는) 직접 준비한 문장으로 학습하는데 파일을 적지 않았습니다.",
            ),
            say(
                f"Give a CSV with a text and a label in each row: sonmat train {recipe.model.name} --data FILE.csv",
                f"행마다 글과 레이블이 있는 CSV를 주세요: sonmat train {recipe.model.name} --data FILE.csv",
            ),
        )


def rows_to_train(recipe: Recipe, *, progress: Progress | None = None) -> tuple[Dataset, Dataset, Dataset]:
    """`rows_of` for a training that is about to begin.

    Raises:
        DataError: There is nothing to learn: all training rows are of one class.
    """
    rows = rows_of(recipe, progress=progress)
    check_classes_differ(rows[0].labels, rows[0].name)
    return rows


def part_of(
    run: Run,
    part: str,
    data: str | os.PathLike[str] | None,
    *,
    skip_unreadable: bool = False,
    progress: Progress | None = None,
) -> Dataset:
    """The rows to look at with a trained model, prepared the way it was trained.

    Args:
        run: The model.
        part: "test", "validation" or "train".
        data: A data set's name or path; None is the one that the run was trained on.
        skip_unreadable: Of other data: leave out pictures and rows that cannot be read.

    Raises:
        DataError: No such part, or a model file for which no data was named.
    """
    if part not in PARTS:
        raise DataError(
            say(f"There is no part called {part!r}.", f"{part!r}(이)라는 부분은 없습니다."),
            say("Known: test, validation, train.", "가능한 것: test, validation, train."),
        )
    recipe = run.recipe
    if recipe is not None and (data is None or findable(os.fspath(data)) == recipe.data):
        parts = rows_of(recipe, tokenizer=run.tokenizer, progress=progress)
        rows = dict(zip(("train", "validation", "test"), parts, strict=True))[part]
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
        shape = run.model.input_shape[1:] if isinstance(run.model.input_shape, tuple) else ()
        settings = settings_like(shape, recipe, digits=_knows_digits(run, shape), skip_unreadable=skip_unreadable)
        train, test = load_as(data, settings, progress=progress)
        rows = _read_by(run, train if part == "train" else test)
    return replace(rows, scale=scale_for(run, rows))


def _knows_digits(run: Run, shape: Sequence[int | None]) -> bool:
    """Whether a model learned MNIST or what is like it, and no pictures in files, which are taken as they were trained on."""
    of_files = run.recipe is not None and (run.recipe.read or {}).get("size") is not None
    return (
        tuple(shape[:2]) == (28, 28) and shape[2:] in ((), (1,)) and run.classes == tuple("0123456789") and not of_files
    )


def _read_by(run: Run, rows: Dataset) -> Dataset:
    """Rows of another data set as a run reads them: sentences by its tokenizer, classes by its numbers."""
    if rows.sentences is not None and run.tokenizer is None:
        raise DataError(
            say(
                f"{rows.name} holds sentences, and the model reads none.",
                f"{rows.name}에는 문장이 있는데 이 모델은 문장을 읽지 않습니다.",
            ),
            say(
                "Train one that does: sonmat train textcnn --data FILE.csv",
                "문장을 읽는 모델을 학습하세요: sonmat train textcnn --data FILE.csv",
            ),
        )
    if run.tokenizer is not None and rows.sentences is None:
        raise DataError(
            say(
                f"The model reads sentences, and {rows.name} holds none.",
                f"이 모델은 문장을 읽는데 {rows.name}에는 문장이 없습니다.",
            ),
            say("Give a CSV file with a text and a label in each row.", "행마다 글과 레이블이 있는 CSV 파일을 주세요."),
        )
    rows = renumbered(rows, run.classes)
    return rows.tokenized(run.tokenizer) if run.tokenizer is not None else _shaped(run, rows)


def renumbered(rows: Dataset, classes: tuple[str, ...]) -> Dataset:
    """Rows with the class numbers that a model has for their names; as they are where the names are numbers alone.

    Raises:
        DataError: A class that the model does not know, of a folder or table.
    """
    unknown = [name for name in rows.classes if name not in classes]
    if unknown and classes and rows.reading is not None and rows.reading.by_name:
        raise DataError(
            say(
                f"The model does not know the classes {_listed(unknown)} of {rows.name}; it knows {_listed(classes)}.",
                f"모델은 {rows.name}의 클래스 {_listed(unknown)}을(를) 모릅니다. 아는 것: {_listed(classes)}.",
            ),
            say("Rename or remove these folders or labels.", "폴더나 레이블의 이름을 바꾸거나 빼세요."),
        )
    if rows.classes == classes or not set(rows.classes) <= set(classes):
        return rows
    numbers = np.array([classes.index(name) for name in rows.classes], np.int64)
    return replace(rows, labels=numbers[rows.labels], classes=classes)


def _shaped(run: Run, rows: Dataset) -> Dataset:
    """Grey pictures with a channel of their own where the model takes them so."""
    wanted = run.model.input_shape
    if rows.reading is None or not rows.reading.by_name or wanted != (None, *rows.inputs.shape[1:], 1):
        return rows
    return replace(rows, inputs=rows.inputs[..., None])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:5])) + ("…" if len(names) > 5 else "")


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
