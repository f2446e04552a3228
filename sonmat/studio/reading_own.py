"""Data of one's own, read to say what is in them: what was found and chosen, what is wrong with them, and a few of their rows."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sonmat.data.dataset import Dataset
from sonmat.errors import DataError
from sonmat.jobs.own_data import findable, look_over, notes_of, read_settings
from sonmat.jobs.rows import rows_of
from sonmat.language import say
from sonmat.models.catalog import base_recipe
from sonmat.studio.planes import seen_told

_EACH, _CLASSES = 3, 12  # rows that are shown of a class, and classes that are shown
_LETTERS = 160  # of a sentence
_SIDE = 64  # pixels of what is shown of a picture, at most
_TICK = 0.2  # seconds between two words on how far the reading is


_stopped: deque[str] = deque(maxlen=100)


def stop_reading(tell: Callable[..., None], reading: str) -> None:
    """Let a reading end at its next picture, or before it begins.

    Args:
        tell: Not used.
        reading: What it was called when it was asked for.
    """
    _stopped.append(reading)


def _check_wanted(reading: str) -> None:
    if reading and reading in _stopped:
        raise DataError(say("The reading was stopped.", "읽기를 멈췄습니다."), say("Read it again.", "다시 읽으세요."))


def read_own(tell: Callable[..., None], data: str, read: dict[str, Any], reading: str = "") -> dict[str, Any]:
    """Read a data set by its path.

    Args:
        tell: Told "reading" with what is done, where there are pictures to read.
        data: The path; a name of the studio's own stays one.
        read: How they are read, as a recipe has it under `[read]`.
        reading: What this reading is called, by which it can be stopped.

    Returns:
        Shape, classes, rows of each class in all and of each part as a recipe's usual split makes them, notes, findings,
        and samples.

    Raises:
        DataError: They cannot be read or trained on, or the reading was stopped.
    """
    _check_wanted(reading)
    recipe = replace(base_recipe("notes-mlp"), data=findable(data), read=read or None)
    read_settings(recipe)  # what cannot be is said before anything is read
    _check_writable(recipe.data)
    parts = rows_of(recipe, progress=_reports(tell, recipe.data, reading))
    _check_wanted(reading)
    train, validation, test = parts
    labels = np.concatenate([part.labels.astype(np.int64) for part in parts])
    counts = np.bincount(labels, minlength=len(train.classes))
    # Without the recipe: how many steps it takes is up to the form, which goes on changing.
    findings = [one.as_dict() for one in look_over(*parts) if one.severity != "good"]
    return {
        "data": recipe.data,
        "title": Path(recipe.data).name or recipe.data,
        "shape": list(train.inputs.shape[1:]),
        "classes": list(train.classes),
        "counts": counts.tolist(),
        "rows": [len(train), len(validation), len(test)],
        "own_validation": train.reading is not None and train.reading.validation is not None,
        "reads": "pictures" if train.sentences is None else "sentences",
        "read": dict(read),
        "notes": list(notes_of(train)),
        "findings": findings,
        "samples": _samples(train),
    }


def _reports(tell: Callable[..., None], data: str, reading: str) -> Callable[[int, int | None], None]:
    last = 0.0

    def report(done: int, of: int | None) -> None:
        nonlocal last
        _check_wanted(reading)
        if time.monotonic() - last >= _TICK:
            last = time.monotonic()
            tell("reading", data=data, reading=reading, done=done, of=of)

    return report


def _check_writable(data: str) -> None:
    try:
        data.encode()
    except UnicodeEncodeError:
        raise DataError(
            say("The name of that folder or file is no text.", "그 폴더나 파일의 이름을 글로 적을 수 없습니다."),
            say("Rename it.", "이름을 바꾸세요."),
        ) from None


def _samples(rows: Dataset) -> list[dict[str, Any]]:
    """The first rows of the first classes, as the network will have them."""
    found = []
    for number, name in enumerate(rows.classes[:_CLASSES]):
        places = np.flatnonzero(rows.labels == number)[:_EACH]
        found.append({"label": name, "rows": [_sample(rows, int(place)) for place in places]})
    return found


def _sample(rows: Dataset, place: int) -> dict[str, Any] | str:
    if rows.sentences is not None:
        text = str(rows.sentences[place])
        return text if len(text) <= _LETTERS else text[: _LETTERS - 1] + "…"
    image = np.asarray(rows.inputs[place])
    if image.ndim not in (2, 3):  # numbers that are no picture: a row of them
        image = image.reshape(1, -1)
    step = max(1, -(-max(image.shape[:2]) // _SIDE))
    return seen_told(image[::step, ::step])
