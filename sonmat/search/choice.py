"""A choice: the values of one setting, listed."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.search.plain import identity, is_number, plain, shown, wrong


@dataclass(frozen=True)
class Choice:
    """Some values, one of which is taken.

    Attributes:
        values: TOML's plain values: texts, numbers, booleans, lists and tables; the order is kept. One value alone fixes
            the setting.

    Raises:
        RecipeError: No value, a value given twice (1 and 1.0 are the same), or one that TOML cannot hold.
    """

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        if isinstance(self.values, str | Mapping) or not isinstance(self.values, Iterable):
            raise wrong(say("a list of values", "값의 목록"), self.values, "[20, 50, 100]")
        values = tuple(plain(value) for value in self.values)
        if not values:
            raise RecipeError(
                say("There is no value to choose from.", "고를 값이 없습니다."),
                say("Give at least one, such as [20, 50, 100].", "[20, 50, 100]처럼 값을 하나 이상 쓰세요."),
            )
        seen: set[object] = set()
        for value in values:
            if identity(value) in seen:
                raise RecipeError(
                    say(f"{shown(value)} is given twice.", f"{shown(value)}이(가) 두 번 있습니다."),
                    say("Give each value once.", "각 값을 한 번만 쓰세요."),
                )
            seen.add(identity(value))
        object.__setattr__(self, "values", values)

    @property
    def count(self) -> int:
        """How many values there are."""
        return len(self.values)

    @property
    def numeric(self) -> bool:
        """Whether all values are numbers, so that they have an order of size."""
        return all(is_number(value) for value in self.values)

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The places of the values by size where they are numbers, otherwise as they were given."""
        places = range(len(self.values))
        return tuple(sorted(places, key=lambda place: self.values[place])) if self.numeric else tuple(places)

    @property
    def ends(self) -> list[Any]:
        """The values to try where all cannot be: here they can."""
        return [self.value(place) for place in range(self.count)]

    def value(self, place: int) -> Any:
        """The value at a place of the given order, 0 to `count` − 1; a copy, so that nobody changes the space."""
        return copy.deepcopy(self.values[place])

    def place(self, value: object) -> int | None:
        """Where a value stands; None where it is not among them."""
        try:
            return self._places.get(identity(value))
        except TypeError:  # not a plain value at all
            return None

    def holds(self, value: object) -> bool:
        """Whether the value is one of them."""
        return self.place(value) is not None

    def at(self, share: float) -> Any:
        """The value at a share, 0 to 1, of the way through `order`."""
        return self.value(self.order[min(int(share * self.count), self.count - 1)])

    def share(self, value: object) -> float:
        """The inverse of `at`: the middle of the value's part, 0 to 1."""
        place = self.place(value)
        assert place is not None
        return (self.order.index(place) + 0.5) / self.count

    def cells(self, points: int) -> int:
        """How many values a grid has here; `points` is for continuous ranges."""
        return self.count

    def cell(self, place: int, points: int) -> Any:
        """The value at a place of the grid."""
        return self.value(place)

    def __str__(self) -> str:
        return shown(list(self.values))

    @cached_property
    def _places(self) -> dict[object, int]:
        return {identity(value): place for place, value in enumerate(self.values)}
