"""The images of a test set whose labels are known to be wrong."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from sonmat.data.dataset import Dataset
from sonmat.data.known_errors import KnownError, known_errors
from sonmat.errors import DataError
from sonmat.language import say
from sonmat.view.canvas import finish, style
from sonmat.view.gallery import gallery
from sonmat.view.images import colored
from sonmat.view.words import fit


def label_errors(data: Dataset, path: str | os.PathLike[str] | None = None) -> Path | Figure:
    """Draw the images of a test set whose labels are known to be wrong, with the label and what people see.

    Args:
        data: A published test set, whole.
        path: The PNG to write; None gives the figure itself.

    Raises:
        DataError: Nothing is known of this data set.
        StorageError: The file cannot be written.
    """
    known = known_errors(data)
    if known is None:
        raise DataError(
            say(
                f"No label of {data.name} is known to be wrong.",
                f"{data.name}에는 틀린 것으로 알려진 레이블이 없습니다.",
            ),
            say("There are such labels for mnist. Leave --errors away.", "mnist에는 있습니다. --errors를 빼세요."),
        )
    captions = [
        (
            say(f"label {fit(data.classes[one.label], 12)}", f"레이블 {fit(data.classes[one.label], 12)}"),
            _votes(one, data.classes),
            f"#{one.row}",
        )
        for one in known.errors
    ]
    heading = say(
        f"{data.name}: {len(captions)} test labels that are known to be wrong",
        f"{data.name}: 틀린 것으로 알려진 테스트 레이블 {len(captions)}개",
    )
    remark = say(
        "below each: the label as published, and what five people saw (arXiv 2103.14749)",
        "아래는 공개된 레이블과 다섯 사람이 본 것 (arXiv 2103.14749)",
    )
    images = colored(data.inputs, np.array([one.row for one in known.errors]))
    with style():
        return finish(gallery(images, captions, heading, remark, columns=5), path, small=True)


def _votes(error: KnownError, classes: Sequence[str]) -> str:
    given, other, neither = error.votes
    if error.corrected is not None:
        name = fit(classes[error.corrected], 12)
        return say(f"{other} of 5 see {name}", f"5명 중 {other}명: {name}")
    label, rival = fit(classes[error.label], 6), fit(classes[error.other], 6)
    return say(
        f"{label}: {given}, {rival}: {other}, neither: {neither}",
        f"{label}: {given}, {rival}: {other}, 아님: {neither}",
    )
