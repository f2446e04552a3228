"""Test-time augmentation: the views of a picture whose outputs are averaged, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.models.numbers import plain
from sonmat.models.recipe import unknown

_MOST = 8


@dataclass(frozen=True)
class Views:
    """How else a picture is looked at when a trained model is used; its output is the mean over all views.

    Attributes:
        shift: Pixels, a whole number, 0 to 8. Also as moved by so many up, down, left and right, with zeros coming in.
        flip: Each of these mirrored left and right too.
    """

    shift: int = 0
    flip: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.shift, bool) or not isinstance(self.shift, int) or not 0 <= self.shift <= _MOST:
            raise _wrong(
                "shift", say(f"a whole number from 0 to {_MOST}", f"0부터 {_MOST}까지의 정수"), self.shift, "1"
            )
        if not isinstance(self.flip, bool):
            raise _wrong("flip", say("true or false", "true나 false"), self.flip, "true")

    @classmethod
    def of(cls, value: Mapping[str, Any] | Views) -> Views:
        """The settings from a table.

        Raises:
            RecipeError: An unknown key, or a value out of its range.
        """
        if isinstance(value, Views):
            return value
        if not isinstance(value, Mapping):
            raise _wrong("", say("a table", "설정 표"), value, "{shift = 1}")
        for key in value:
            if key not in NAMES:
                raise unknown(f"train.tta.{key}", [f"train.tta.{name}" for name in NAMES])
        return cls(**{key: plain(item) for key, item in value.items()})

    @property
    def table(self) -> dict[str, Any]:
        """What differs from one look, for a recipe or a run's record."""
        return {name: value for name, value in asdict(self).items() if value}

    @property
    def moves(self) -> list[tuple[int, int]]:
        """Rows and columns that each view is moved by."""
        s = self.shift
        return [(0, 0), (-s, 0), (s, 0), (0, -s), (0, s)] if s else [(0, 0)]

    @property
    def count(self) -> int:
        """How many views of a picture there are, itself included."""
        return len(self.moves) * (2 if self.flip else 1)

    def __bool__(self) -> bool:
        return bool(self.shift or self.flip)


NAMES = tuple(item.name for item in fields(Views))


def _wrong(key: str, expected: str, came: object, example: str) -> RecipeError:
    name = f"train.tta.{key}".rstrip(".")
    last = name.rpartition(".")[2]
    return RecipeError(
        say(
            f"{name} should be {expected}, but is {came!r}.", f"{name}에 올 것은 {expected}, 받은 것은 {came!r}입니다."
        ),
        say(f"Write for example {last} = {example}.", f"예: {last} = {example}."),
    )
