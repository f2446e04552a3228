"""Predicting with a run or a model file: a picked test image, photographs, or sentences.

What answers is imported where it is used: a photograph is answered by a second process in less time than Keras takes to be
imported.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sonmat.errors import DataError
from sonmat.language import say
from sonmat.serve.predictor import Answered, Predictor

if TYPE_CHECKING:
    from sonmat.data.dataset import Dataset
    from sonmat.data.known_errors import KnownError
    from sonmat.data.progress import Progress


@dataclass(frozen=True)
class Prediction:
    """What a model says of one input.

    Attributes:
        file: The image file, the sentence, or "mnist test 7" for a picked row; a digit among several has its number behind.
        name: The class with the largest probability.
        probabilities: Of every class, in the classes' order; calibrated, they sum to 1.
        classes: Their names.
        image: What the model saw, a raw input.
        label: The true class's number, where it is known.
        error: What is known of that label, where it is known to be wrong.
        unsure: Whether the model should not be asked about this input.
        reason: Why; "" where it is sure.
        box: Where in the photograph it was: top, left, bottom, right.
        cleaning: What was done to a photograph: "strokes" or "resized"; "" for rows and sentences.
    """

    file: str
    name: str
    probabilities: np.ndarray
    classes: tuple[str, ...]
    image: np.ndarray
    label: int | None = None
    error: KnownError | None = None
    unsure: bool = False
    reason: str = ""
    box: tuple[int, int, int, int] | None = None
    cleaning: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        told: dict[str, Any] = {
            "file": self.file,
            "class": self.name,
            "probabilities": [round(float(p), 7) for p in self.probabilities],
            "unsure": self.unsure,
            "reason": self.reason,
        }
        told |= {"box": list(self.box)} if self.box is not None else {}
        told |= {"true": self.classes[self.label]} if self.label is not None else {}
        if self.error is None:
            return told
        people = self.error.corrected
        return told | {"label_known_wrong": {"corrected": None if people is None else self.classes[people]}}


@dataclass(frozen=True)
class Unread:
    """A picture that could not be read.

    Attributes:
        file: Its file.
        error: Why, and what to do.
    """

    file: str
    error: DataError

    def as_dict(self) -> dict[str, str]:
        """Ready for JSON."""
        return {"file": self.file, "problem": self.error.problem, "fix": self.error.fix}


def predict_rows(
    path: str | os.PathLike[str],
    rows: Sequence[int] | None,
    *,
    data: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> list[Prediction]:
    """Predict test rows by their numbers; None picks one at random.

    Raises:
        DataError: A row that the test set does not have.
    """
    from sonmat.data.known_errors import by_row
    from sonmat.jobs.rows import part_of
    from sonmat.runs.folder import load_run, located

    run = load_run(located(path)[0])
    test = part_of(run, "test", data, progress=progress)
    numbers = [secrets.randbelow(len(test))] if rows is None else list(rows)
    check_rows(test, numbers)
    chosen = test.take(np.array(numbers))
    predictor = Predictor.open(path, scale=test.scale)
    classes = predictor.classes if run.classes or len(test.classes) != len(predictor.classes) else test.classes
    wrong = by_row(test, numbers)
    answers = predictor.rows(chosen.inputs)
    return [
        _told(
            f"{test.name} test {number}{_quoted(test, number)}", one, classes, label=int(label), error=wrong.get(number)
        )
        for number, one, label in zip(numbers, answers, chosen.labels, strict=True)
    ]


def check_rows(test: Dataset, numbers: Sequence[int]) -> None:
    """Refuse numbers of rows that the test set does not have.

    Raises:
        DataError: The first of them.
    """
    for number in numbers:
        if not 0 <= number < len(test):
            raise DataError(
                say(
                    f"The test set has rows 0 to {len(test) - 1:,}; got {number}.",
                    f"테스트 데이터의 행은 0부터 {len(test) - 1:,}까지인데 {number}이(가) 왔습니다.",
                ),
                say("Pick one of them.", "그중에서 고르세요."),
            )


def _quoted(rows: Dataset, number: int) -> str:
    """The sentence of a row, where it is one."""
    return "" if rows.sentences is None else f": {rows.sentences[number]}"


def predict_files(
    path: str | os.PathLike[str],
    files: Sequence[str | os.PathLike[str]],
    *,
    many: bool = False,
    invert: bool = False,
    unread: list[Unread] | None = None,
) -> list[Prediction]:
    """Predict photographs, scans or drawings of any size; sentences where the model reads those.

    Args:
        path: The run folder or model file.
        files: PNG, JPEG, WebP, BMP, TIFF, GIF or HEIC images. A model of sentences is given sentences instead.
        many: Whether each picture holds several digits, which are read in order.
        invert: Whether to turn dark into light first, for a model that does not tell ink from paper itself.
        unread: Where given, files that are missing or no images are added to it, and the others are answered.

    Raises:
        DataError: A file that is missing or no image, or none of this model's kind.
    """
    predictor = Predictor.open(path)
    if predictor.kind == "text":
        texts = [os.fspath(one) for one in files]
        return [_told(text, one, predictor.classes) for text, one in zip(texts, predictor.texts(texts), strict=True)]
    files, pictures = _pictures(files, invert, unread)
    if not pictures:
        return []
    if many:
        found = [predictor.photo_of_many(picture) for picture in pictures]
        return [
            _told(f"{os.fspath(file)}#{number}", one, predictor.classes, cleaning=predictor.cleaning)
            for file, answers in zip(files, found, strict=True)
            for number, one in enumerate(answers, start=1)
        ]
    return [
        _told(os.fspath(file), one, predictor.classes, cleaning=predictor.cleaning)
        for file, one in zip(files, predictor.photos(pictures), strict=True)
    ]


def _pictures(
    files: Sequence[str | os.PathLike[str]], invert: bool, unread: list[Unread] | None
) -> tuple[list[str], list[np.ndarray]]:
    """The files that can be read, and their pixels."""
    read, pictures = [], []
    for path in files:
        file = os.fspath(path)
        try:
            pictures.append(_picture(file, invert=invert))
            read.append(file)
        except DataError as error:
            if unread is None:
                raise
            unread.append(Unread(file, error))
    return read, pictures


def _picture(file: str | os.PathLike[str], *, invert: bool) -> np.ndarray:
    from sonmat.data.image_file import open_image

    if not Path(file).exists():
        raise DataError(
            say(f"{os.fspath(file)} does not exist.", f"{os.fspath(file)}은(는) 없는 파일입니다."),
            say(
                "This model looks at pictures: give image files. Sentences are for a model that was trained on sentences.",
                "이 모델은 그림을 봅니다. 이미지 파일을 주세요. 문장은 문장으로 학습한 모델에 줍니다.",
            ),
        )
    picture = open_image(file)
    return np.asarray(255 - picture) if invert else picture


def _told(
    file: str,
    one: Answered,
    classes: Sequence[str],
    *,
    label: int | None = None,
    error: KnownError | None = None,
    cleaning: str = "",
) -> Prediction:
    image = one.seen if one.seen is not None else np.zeros(0, np.uint8)
    name = classes[int(one.probabilities.argmax())]
    return Prediction(
        file, name, one.probabilities, tuple(classes), image, label, error, one.unsure, one.reason, one.box, cleaning
    )
