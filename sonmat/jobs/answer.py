"""How a trained network answers, worked out from its validation rows and kept in its card."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sonmat.data.dataset import Dataset
from sonmat.data.framing import box_of
from sonmat.data.habits import written_otherwise
from sonmat.data.outliers import digit_outliers, picture_outliers
from sonmat.engine.answering import fit_answer
from sonmat.engine.outputs import probabilities_of
from sonmat.engine.penultimate import with_features
from sonmat.engine.predict import predict
from sonmat.errors import DataError
from sonmat.language import say
from sonmat.models.recipe import Recipe
from sonmat.runs.tokenizer_card import inputs_of

if TYPE_CHECKING:
    import keras

_OUTLIERS, _ROWS = 3000, 10_000  # at most, of each kind: more tell no more
DIGITS = tuple("0123456789")
_MADE = 2  # sets of outliers that are kept
_SEED = 1 << 20  # added to the recipe's: outliers of the training and of the answer are others


@dataclass(frozen=True)
class Card:
    """What a model's file says beside the model.

    Attributes:
        inputs: How raw inputs become the model's, and how pictures become raw inputs.
        classes: The classes' names.
        answer: Calibration, and when the model is unsure; None where it gives no probabilities of classes.
    """

    inputs: dict[str, Any]
    classes: tuple[str, ...]
    answer: dict[str, Any] | None


def card_of(recipe: Recipe, model: keras.Model, train: Dataset, validation: Dataset) -> Card:
    """The card of a network that has been trained."""
    inputs = inputs_of(train)
    if train.inputs.ndim in (3, 4) and train.inputs.dtype == np.uint8 and inputs.get("cleaning") != "resized":
        box = box_of(train.inputs)
        inputs |= (
            {"cleaning": inputs.get("cleaning", "resized")}
            if box is None
            else {"cleaning": "strokes", "box": round(box, 4)}
        )
    return Card(inputs, train.classes, _answer(recipe, model, validation))


def outliers_for(recipe: Recipe, rows: Dataset) -> np.ndarray | None:
    """The inputs of no class that a recipe is trained on beside its rows; None where it asks for none.

    Raises:
        DataError: It asks for some, and none can be made of such rows.
    """
    if not recipe.train.outliers:
        return None
    made = outliers_of(rows, round(recipe.train.outliers * len(rows)), recipe.seed)
    if made is None:
        raise DataError(
            say(
                f"train.outliers makes pictures of no class from pictures in uint8; {rows.name} has {rows.inputs.dtype} of "
                f"shape {rows.inputs.shape[1:]}.",
                f"train.outliers는 uint8 그림으로 어느 클래스도 아닌 그림을 만드는데, {rows.name}은(는) 모양이 "
                f"{rows.inputs.shape[1:]}인 {rows.inputs.dtype}입니다.",
            ),
            say("Leave it out: --set train.outliers=0", "빼세요: --set train.outliers=0"),
        )
    return made


def taught(recipe: Recipe, rows: Dataset) -> Dataset:
    """The rows that a recipe trains on: its own, and where it asks for `habits` some of them as other hands write them.

    Raises:
        DataError: It asks for them, and the rows are no digits as MNIST's are.
    """
    if not recipe.train.habits:
        return rows
    if rows.classes != DIGITS or rows.inputs.dtype != np.uint8 or box_of(rows.inputs) is None:
        raise DataError(
            say(
                f"train.habits adds strokes to digits as MNIST's are; {rows.name} has others.",
                f"train.habits는 MNIST 같은 숫자에 획을 더하는데, {rows.name}은(는) 그런 숫자가 아닙니다.",
            ),
            say("Leave it out: --set train.habits=0", "빼세요: --set train.habits=0"),
        )
    pictures, labels, of = written_otherwise(
        rows.inputs, rows.labels, round(recipe.train.habits * len(rows)), recipe.seed
    )
    return replace(
        rows,
        inputs=np.concatenate([rows.inputs, pictures]),
        labels=np.concatenate([rows.labels, labels]),
        rows=np.concatenate([rows.rows, rows.rows[of]]),
    )


def outliers_of(rows: Dataset, count: int, seed: int) -> np.ndarray | None:
    """Inputs of no class, made of the rows and of nothing else; None where none can be made."""
    pictures = rows.inputs
    if pictures.ndim not in (3, 4) or pictures.dtype != np.uint8 or count < 1 or min(pictures.shape[1:3]) < 8:
        return None
    if rows.classes == DIGITS and box_of(pictures) is not None:
        return digit_outliers(pictures, rows.labels, count, seed)
    return picture_outliers(pictures, count, seed)


def _answer(recipe: Recipe, model: keras.Model, validation: Dataset) -> dict[str, Any] | None:
    whole = with_features(model)
    rows, made = _asked(validation, recipe.seed + _SEED)
    try:
        outputs, features = _seen(whole, rows, recipe)
    except DataError:  # outputs that are no probabilities of classes: a regression, several outputs
        return None
    strange = None
    if made is not None:
        named = Dataset.from_arrays(made, np.zeros(len(made), np.int64), scale=rows.scale, name="outliers")
        strange = _seen(whole, named, recipe)
    return fit_answer(outputs, rows.labels, features, strange, seed=recipe.seed).as_card()


_drawn: dict[tuple[int, int], tuple[np.ndarray, Dataset, np.ndarray | None]] = {}
"""What was made of validation rows last: a second training on the same rows needs the same, which takes a second to draw."""


def _asked(validation: Dataset, seed: int) -> tuple[Dataset, np.ndarray | None]:
    """The validation rows that an answer is fitted on, and inputs of no class beside them."""
    key = (id(validation.inputs), seed)
    if key not in _drawn:
        rows = validation.take(slice(_ROWS)) if len(validation) > _ROWS else validation
        made = outliers_of(rows, min(_OUTLIERS, len(rows)), seed)
        while len(_drawn) >= _MADE:
            _drawn.pop(next(iter(_drawn)))
        _drawn[key] = validation.inputs, rows, made  # the inputs are held, so that no other array can take their id
    _, rows, made = _drawn[key]
    return replace(validation, inputs=rows.inputs, labels=rows.labels, rows=rows.rows, sentences=rows.sentences), made


def _seen(model: keras.Model, rows: Dataset, recipe: Recipe) -> tuple[np.ndarray, np.ndarray | None]:
    """Probabilities and features, as they will be when the model is asked."""
    found = predict(model, rows, tta=recipe.train.tta)
    several = isinstance(found, list) and len(found) == 2
    outputs, features = (found[0], found[1]) if several else (found, None)
    return probabilities_of(outputs), features
