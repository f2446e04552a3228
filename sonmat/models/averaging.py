"""Averaging the weights that a training passes through: the settings, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.models.numbers import plain
from sonmat.models.recipe import unknown

KINDS = ("EMA", "SWA")


@dataclass(frozen=True)
class Averaging:
    """Which average of the weights is validated, saved and used. Training itself goes on from the weights as they are.

    Attributes:
        name: "EMA", an exponential moving average over every step; or "SWA", the plain mean of the weights at the end of
            each epoch of the last part (Izmailov et al. 2018, arXiv 1803.05407). The moving statistics of batch
            normalization are averaged with them.
        decay: EMA: how much of the average a step keeps, 0 to below 1. In the first steps it is less,
            (1 + step) / (10 + step), so that the initial weights are forgotten.
        start: SWA: the share of the epochs after which averaging begins, 0 to below 1.
    """

    name: str = "EMA"
    decay: float = 0.99
    start: float = 0.75

    def __post_init__(self) -> None:
        if self.name not in KINDS:
            raise _wrong("name", say("EMA or SWA", "EMA나 SWA"), self.name, '"EMA"')
        for key in ("decay", "start"):
            value = getattr(self, key)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
                raise _wrong(key, say("a number from 0 to below 1", "0 이상 1 미만의 수"), value, "0.9")

    @classmethod
    def of(cls, value: Mapping[str, Any] | str | Averaging) -> Averaging:
        """The settings from a table, or from the name alone.

        Raises:
            RecipeError: An unknown key, a value out of its range, or neither a name nor a decay.
        """
        if isinstance(value, Averaging):
            return value
        if isinstance(value, str):
            return cls(value)
        if not isinstance(value, Mapping):
            raise _wrong("", say("a table", "설정 표"), value, '{name = "EMA", decay = 0.99}')
        for key in value:
            if key not in NAMES:
                raise unknown(f"train.average.{key}", [f"train.average.{name}" for name in NAMES])
        if not {"name", "decay"} & value.keys():  # a decay can only be EMA's
            raise RecipeError(
                say(
                    f"train.average needs a name, EMA or SWA; the table has {', '.join(value) or 'nothing'}.",
                    f"train.average에는 name(EMA나 SWA)이 필요한데, 표에 있는 것: {', '.join(value) or '없음'}.",
                ),
                say(
                    'Write for example average = {name = "SWA", start = 0.75}, or leave average out.',
                    '예: average = {name = "SWA", start = 0.75}. 쓰지 않으려면 average를 빼세요.',
                ),
            )
        return cls(**{key: plain(item) for key, item in value.items()})

    @property
    def table(self) -> dict[str, Any]:
        """The settings that count for this kind, for a recipe or a run's identity."""
        used = {"EMA": ("name", "decay"), "SWA": ("name", "start")}[self.name]
        return {key: value for key, value in asdict(self).items() if key in used}


NAMES = tuple(item.name for item in fields(Averaging))


def _wrong(key: str, expected: str, came: object, example: str) -> RecipeError:
    name = f"train.average.{key}".rstrip(".")
    last = name.rpartition(".")[2]
    return RecipeError(
        say(
            f"{name} should be {expected}, but is {came!r}.", f"{name}에 올 것은 {expected}, 받은 것은 {came!r}입니다."
        ),
        say(f"Write for example {last} = {example}.", f"예: {last} = {example}."),
    )
