"""A range: the numbers that one setting may take, from end to end."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.search.plain import exact, finite_number, is_number, whole_number

_FINEST = 10**9  # steps; samplers count them in floats, and nobody tries more


@dataclass(frozen=True)
class Range:
    """All numbers from `low` to `high`, both included.

    Attributes:
        low, high: The ends; whole numbers where `whole`, otherwise floats.
        log: Whether the logarithm is spread evenly instead of the number; `low` is above 0 then.
        step: The distance from one value to the next, counted from `low` and leading to `high` exactly, as the numbers are
            written in decimal; None is every number. Not together with `log`.
        whole: Whether only whole numbers are meant.

    Raises:
        RecipeError: No range: ends that are not finite or not below each other, a step that does not lead to `high`.
    """

    low: float | int
    high: float | int
    log: bool = False
    step: float | int | None = None
    whole: bool = False

    def __post_init__(self) -> None:
        kind = whole_number if self.whole else finite_number
        for name in ("low", "high", "step"):
            if name != "step" or self.step is not None:
                object.__setattr__(self, name, kind(getattr(self, name)))
        if self.whole and self.step == 1:
            object.__setattr__(self, "step", None)  # every whole number, written in one way only
        self._check_ends()
        if self.log:
            self._check_log()
        if self.step is not None:
            self._check_step(self.step)

    @cached_property
    def count(self) -> int | None:
        """How many values there are; None where they are continuous."""
        return int(self._steps) + 1 if self.whole or self.step is not None else None

    @property
    def ends(self) -> list[float | int]:
        """The values to try where all cannot be."""
        return [self.low, self.high]

    def value(self, place: int) -> float | int:
        """The value at a place, 0 to `count` − 1, of a range that is not continuous."""
        if self.whole:
            return int(self.low) + place * int(self.step or 1)
        return float(exact(self.low) + place * exact(self.step or 1))

    def place(self, value: object) -> int | None:
        """Where a value stands in a range that is not continuous; None where it is not in it."""
        if not is_number(value) or not self.low <= value <= self.high:  # type: ignore[operator]  # it is a number
            return None
        assert isinstance(value, int | float)
        if self.whole:
            place, rest = divmod(value - self.low, self.step or 1)
            return int(place) if isinstance(value, int) and not rest else None
        step = float(self.step or 1)
        place = min(round((value - self.low) / step), int(self._steps))
        # 0.1 + 2 · 0.1, as a sampler calculates, is the step that is written 0.3
        return place if math.isclose(self.value(place), value, rel_tol=1e-12, abs_tol=1e-9 * step) else None

    def holds(self, value: object) -> bool:
        """Whether the value lies inside, and on a step where there are steps."""
        if self.count is not None:
            return self.place(value) is not None
        return is_number(value) and bool(self.low <= value <= self.high)  # type: ignore[operator]

    def at(self, share: float) -> float | int:
        """The value at a share, 0 to 1, of the way from `low` to `high`; even shares give the range's own spread."""
        if self.log:
            low, high = self._logs
            number = math.exp(low + share * (high - low))
            return self._inside(round(number) if self.whole else number)
        if self.count is not None:
            return self.value(min(int(share * self.count), self.count - 1))
        return self._inside(self.low + share * (self.high - self.low))

    def share(self, value: Any) -> float:
        """The inverse of `at`, 0 to 1; of a value that has a part of its own, the middle."""
        if self.log:
            low, high = self._logs
            return (math.log(value) - low) / (high - low)
        if self.count is not None:
            place = self.place(value)
            assert place is not None
            return (place + 0.5) / self.count
        return float((value - self.low) / (self.high - self.low))

    def cells(self, points: int) -> int:
        """How many values a grid has here: all, or `points` of a continuous range."""
        return self.count or points

    def cell(self, place: int, points: int) -> float | int:
        """The value at a place of the grid; both ends are among them."""
        if self.count is not None:
            return self.value(place)
        if place in (0, points - 1):
            return self.high if place else self.low
        return self._inside(float(f"{self.at(place / (points - 1)):.12g}"))  # 0.01, not 0.010000000000000002

    def covers(self, other: Range) -> bool:
        """Whether every value of the other range is one of this."""
        if not (self.low <= other.low and other.high <= self.high):
            return False
        if self.step is None:
            return not self.whole or other.whole
        if other.count is None:
            return False
        apart = (exact(other.low) - exact(self.low), exact(other.step or 1))
        return all((distance / exact(self.step)).denominator == 1 for distance in apart)

    def __str__(self) -> str:
        step = "" if self.step is None else f":{self.step!r}"
        return f"{'log:' if self.log else ''}{self.low!r}..{self.high!r}{step}"

    def _inside(self, number: float | int) -> float | int:
        return min(max(number, self.low), self.high)

    @cached_property
    def _logs(self) -> tuple[float, float]:
        """The ends' logarithms; a whole number has as much room below as above it, the ends too."""
        half = 0.5 if self.whole else 0.0
        return math.log(self.low - half), math.log(self.high + half)

    @cached_property
    def _steps(self) -> Fraction:
        return (exact(self.high) - exact(self.low)) / exact(self.step or 1)

    def _check_ends(self) -> None:
        if self.low == self.high:
            raise RecipeError(
                say(f"{self} is a single value.", f"{self}은(는) 값 하나입니다."),
                say(
                    f"Write {self.low!r} alone, or two different ends.",
                    f"{self.low!r}만 쓰거나, 양 끝을 다르게 쓰세요.",
                ),
            )
        if self.low > self.high:
            raise RecipeError(
                say(f"{self} is empty: its low end is above its high end.", f"{self}: 아래 끝이 위 끝보다 큽니다."),
                say(f"Write {self.high!r}..{self.low!r}.", f"{self.high!r}..{self.low!r}(으)로 쓰세요."),
            )
        if not math.isfinite(self.high - self.low):
            raise RecipeError(
                say(f"{self} is too wide to calculate with.", f"{self}은(는) 계산하기에 너무 넓습니다."),
                say("Bring the ends closer together.", "양 끝을 더 가깝게 하세요."),
            )

    def _check_log(self) -> None:
        if self.low <= 0:
            raise RecipeError(
                say(f"{self}: there is no logarithm of {self.low!r}.", f"{self}: {self.low!r}에는 로그가 없습니다."),
                say("Begin above 0, or leave out log.", "0보다 큰 수에서 시작하거나, log를 빼세요."),
            )
        if self.step is not None:
            raise RecipeError(
                say(f"{self} has a step, but steps even in log.", f"{self}에는 log와 간격이 함께 있습니다."),
                say("Leave one of the two out, or list the values.", "둘 중 하나를 빼거나, 값을 모두 쓰세요."),
            )

    def _check_step(self, step: float | int) -> None:
        if step <= 0:
            raise RecipeError(
                say(f"{self}: a step is above 0.", f"{self}: 간격은 0보다 커야 합니다."),
                say("Write for example 0..0.5:0.1.", "예: 0..0.5:0.1."),
            )
        if self._steps > _FINEST or step < 4 * math.ulp(max(abs(self.low), abs(self.high))):
            raise RecipeError(
                say(f"{self} has too many steps to count.", f"{self}은(는) 단계가 너무 많습니다."),
                say("Leave out the step.", "간격을 빼세요."),
            )
        if self._steps.denominator != 1:
            below = int(self._steps)
            ends = [exact(self.low) + place * exact(step) for place in (below, below + 1) if place]
            ranges = [f"{self.low!r}..{int(end) if self.whole else float(end)!r}:{step!r}" for end in ends]
            raise RecipeError(
                say(f"{self}: the steps miss {self.high!r}.", f"{self}: 간격이 {self.high!r}에 닿지 않습니다."),
                say(f"Write {' or '.join(ranges)}.", f"{' 또는 '.join(ranges)}(으)로 쓰세요."),
            )
