"""How data of one's own are read: what a recipe keeps of it under `[read]`, so that they are read alike every time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from sonmat.data.table_file import Bad
from sonmat.errors import RecipeError
from sonmat.language import say

LARGEST_SIDE = 4_096
"""Pixels that a side of a picture may be asked to have."""


@dataclass(frozen=True)
class ReadSettings:
    """How pictures and tables are read. What is None is found out from the data, and then written down here.

    Attributes:
        size: Height and width that pictures are made, in pixels; one number is both.
        channels: 1 makes pictures grey, 3 coloured.
        clean: Whether pictures are photographs or scans of digits, which are cleaned to what MNIST's are (see
            `sonmat.data.photo`): light strokes on black, centred; then they are grey, and as high as wide, 28 by default.
        text: The column of texts or of images' names in a table, by its header or its number from 1.
        label: The column of labels.
        own_validation: Whether the pictures of a folder's own `valid/` are the validation rows; else they join the training
            rows, of which the recipe splits its own validation rows off. True where there are such.
        skip_unreadable: Leave out pictures and rows that cannot be read; else one of them refuses the data.
        wished: Whether the others are wishes, which are refused where they are of no use; else they are what a trained model
            goes by, and hold as far as they apply. No part of a recipe.

    Raises:
        RecipeError: A value that cannot be.
    """

    size: tuple[int, int] | None = None
    channels: int | None = None
    clean: bool = False
    text: str | None = None
    label: str | None = None
    own_validation: bool | None = None
    skip_unreadable: bool = False
    wished: bool = field(default=True, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", _size(self.size))
        if self.channels not in (None, 1, 3) or isinstance(self.channels, bool):
            raise _wrong("channels", say("1 (grey) or 3 (colours)", "1(흑백) 또는 3(컬러)"), self.channels, "1")
        for key in ("text", "label"):
            value = getattr(self, key)
            if isinstance(value, int) and not isinstance(value, bool):  # `--set text=2` is read as a number
                object.__setattr__(self, key, str(value))
            elif value is not None and (not isinstance(value, str) or not value.strip()):
                raise _wrong(key, say("a column's name or number", "열의 이름이나 번호"), value, '"label"')
        for key in ("clean", "skip_unreadable", "own_validation"):
            if not isinstance(getattr(self, key), bool) and not (
                key == "own_validation" and self.own_validation is None
            ):
                raise _wrong(key, say("true or false", "true 또는 false"), getattr(self, key), "true")
        if self.clean:
            self._check_clean()

    def _check_clean(self) -> None:
        if self.size is not None and self.size[0] != self.size[1]:
            raise _wrong("size", say("one number where clean is on", "clean을 켜면 수 하나"), list(self.size), "28")
        if self.channels == 3:
            raise _wrong("channels", say("1 where clean is on", "clean을 켜면 1"), 3, "1")

    @classmethod
    def of(cls, table: Mapping[str, Any] | None) -> ReadSettings:
        """From a recipe's table.

        Raises:
            RecipeError: An unknown name, or a value that cannot be.
        """
        for key in table or {}:
            if key not in NAMES:
                raise RecipeError(
                    say(f"There is no setting called 'read.{key}'.", f"'read.{key}'(이)라는 설정은 없습니다."),
                    say("Known: ", "있는 것: ") + ", ".join(NAMES) + ".",
                )
        return cls(**(table or {}))

    def as_dict(self) -> dict[str, Any]:
        """As a recipe's table, in TOML's plain types, without what is left open."""
        told = {key: getattr(self, key) for key in NAMES if getattr(self, key) not in (None, False)}
        told |= {} if self.own_validation is None else {"own_validation": self.own_validation}
        return told | ({"size": list(self.size)} if self.size else {})


NAMES = tuple(item.name for item in fields(ReadSettings) if item.name != "wished")
"""What may be set under `[read]`."""


@dataclass(frozen=True)
class Reading:
    """How data of one's own were read.

    Attributes:
        settings: With everything that was found out.
        notes: What was found and chosen, in sentences.
        left_out: Pictures and rows that could not be read, where they are left out.
        by_name: Whether class names come from folders or a table, so that another set's classes can be told by them.
        in_order: Whether the order of rows is the data's own, and says something about them.
        validation: (n,) numbers of the rows that are the data's own validation part; they are among the training rows.
        names: What each row is called, by its number in the set as it was loaded: the picture's file. Empty for all else.
    """

    settings: ReadSettings = field(default_factory=ReadSettings)
    notes: tuple[str, ...] = ()
    left_out: tuple[Bad, ...] = ()
    by_name: bool = True
    in_order: bool = True
    names: tuple[str, ...] = field(default=(), repr=False)
    validation: np.ndarray | None = field(default=None, repr=False, compare=False)


def _size(value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    sides = (value, value) if isinstance(value, int) else value
    whole = isinstance(sides, Sequence) and not isinstance(sides, str) and len(sides) == 2
    if not whole or not all(isinstance(n, int) and not isinstance(n, bool) and 1 <= n <= LARGEST_SIDE for n in sides):
        expected = say(
            f"pixels of a side, or [height, width], 1 to {LARGEST_SIDE}",
            f"한 변의 픽셀 수나 [높이, 너비], 1~{LARGEST_SIDE}",
        )
        raise _wrong("size", expected, value, "64")
    return int(sides[0]), int(sides[1])


def _wrong(key: str, expected: str, came: object, example: str) -> RecipeError:
    return RecipeError(
        say(
            f"read.{key} should be {expected}, but is {came!r}.",
            f"read.{key}에 올 것은 {expected}, 받은 것은 {came!r}입니다.",
        ),
        say(
            f"Write for example --set read.{key}={example}, or {key} = {example} under [read].",
            f"예: --set read.{key}={example}, 또는 [read] 아래에 {key} = {example}.",
        ),
    )
