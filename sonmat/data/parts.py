"""Which rows of data of one's own are for training, for validation and for the test: by what folders, files and arrays are called."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from sonmat.data.dataset import Dataset
from sonmat.data.names import tidy
from sonmat.data.read_settings import ReadSettings
from sonmat.data.splitting import stratified
from sonmat.errors import DataError
from sonmat.language import say

HELD_OUT = 0.2
"""Of data that have no test part."""

PARTS = {
    "train": frozenset({"train", "training", "학습", "훈련"}),
    "test": frozenset({"test", "testing", "tests", "시험", "테스트"}),
    "validation": frozenset({"valid", "val", "validation", "validate", "dev", "검증"}),
}
"""What parts are called, in small letters."""


def part_called(words: str | Sequence[str]) -> str:
    """The part that a name is of, or one of the words of a name; "" where it is of none."""
    plain = {tidy(word).casefold() for word in ([words] if isinstance(words, str) else words)}
    return next((part for part, names in PARTS.items() if plain & names), "")


def roles(there: Collection[str], settings: ReadSettings, what: str) -> tuple[dict[str, str], list[str]]:
    """What each part that is there becomes: "train", "validation" or "test"; and what is to be said of it.

    Without a test part the validation part is it. Else a recipe validates on the validation part, unless
    `settings.own_validation` is False: then it joins the training part.

    Args:
        there: Of "train", "test" and "validation"; or "all" alone.
        settings: How the data are read.
        what: What holds a part, in the user's language: a folder, a table, arrays.

    Raises:
        DataError: A validation part is asked for, and there is none beside a test part.
    """
    both = {"validation", "test"} <= set(there)
    if settings.own_validation and settings.wished and not both:
        raise DataError(
            say(
                f"own_validation asks for the data's own validation part beside a test part, and there {_named(there)}.",
                f"own_validation에는 테스트와 따로 있는 검증 부분이 필요한데 {_named(there)}.",
            ),
            say(
                "Leave it out: the recipe splits validation rows off the training rows.",
                "빼세요. 검증 행은 레시피가 학습 행에서 나눕니다.",
            ),
        )
    becomes = {"all": "train", "train": "train", "test": "test", "validation": "validation"}
    if "validation" not in there:
        return becomes, []
    if not both:
        return becomes | {"validation": "test"}, [
            say(f"The validation {what} is the test part.", f"검증 {what}를 테스트로 씁니다.")
        ]
    if settings.own_validation is False:
        return becomes | {"validation": "train"}, [
            say(
                f"The validation {what} joins the training {what}: the recipe splits its own validation rows off.",
                f"검증 {what}는 학습 {what}에 합칩니다. 검증 행은 레시피가 직접 나눕니다.",
            )
        ]
    if not settings.wished:  # of a trained model, which validates no more
        return becomes, []
    return becomes, [
        say(
            f"The validation rows are those of the validation {what}. To split them off the training rows instead: "
            "--set own_validation=false",
            f"검증 행은 검증 {what}의 것입니다. 학습 행에서 나누어 쓰려면: --set own_validation=false",
        )
    ]


def _named(there: Collection[str]) -> str:
    if not {"validation", "test"} & set(there):
        return say("is neither", "둘 다 없습니다")
    return say(f"is a {'test' if 'test' in there else 'validation'} part alone", "그중 하나만 있습니다")


def divided(whole: Dataset, becomes: np.ndarray) -> tuple[Dataset, Dataset]:
    """The training and the test part of data of one's own, with rows numbered anew in each.

    Validation rows are among the training rows; `Reading.validation` says which. Without a test part a fifth is held out; for a
    trained model, which has seen none of them, all rows are both.

    Args:
        whole: All rows, with their reading.
        becomes: (n,) "train", "validation" or "test" of each row.
    """
    test = becomes == "test"
    if test.any():
        train = _numbered(whole, ~test, "train")
        held = np.flatnonzero(becomes[~test] == "validation")
        if len(held) and train.reading is not None:
            settings = replace(train.reading.settings, own_validation=True)
            train = replace(train, reading=replace(train.reading, settings=settings, validation=held))
        return train, _numbered(whole, test, "test")
    if whole.reading is not None and not whole.reading.settings.wished:
        return replace(whole, part="train"), replace(whole, part="test")
    return held_out(whole)


def _numbered(whole: Dataset, rows: np.ndarray, part: str) -> Dataset:
    some = whole.take(rows, part=part)
    reading = whole.reading
    if reading is not None and reading.names:
        reading = replace(reading, names=tuple(np.array(reading.names, object)[rows]))
    return replace(some, rows=np.arange(len(some), dtype=np.int64), reading=reading)


def held_out(whole: Dataset) -> tuple[Dataset, Dataset]:
    """The training and the test part of data that have none: a fifth, stratified, the same rows every time.

    Raises:
        DataError: There are fewer than two rows.
    """
    first, second = stratified(whole.labels, 1 - HELD_OUT, 0)
    return whole.take(first, part="train"), whole.take(second, part="test")
