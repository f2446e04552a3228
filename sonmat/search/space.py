"""The space: which settings a study searches, and between which values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.models.recipe import Recipe, unknown
from sonmat.search.choice import Choice
from sonmat.search.dimension import Dimension, widened
from sonmat.search.plain import naming, shown
from sonmat.search.range import Range
from sonmat.search.settings import settings_recipe
from sonmat.search.space_check import check_space
from sonmat.search.space_names import named
from sonmat.search.space_text import as_plain, dotted, parse_pairs, read_dimension, write_dimension

__all__ = ["GRID_POINTS", "Choice", "Dimension", "Range", "Space", "parse_space", "settings_recipe"]

GRID_POINTS = 5
"""Into how many values a grid cuts a continuous range."""

_MOST_LISTED = 1_000_000


@dataclass(frozen=True)
class Space:
    """The settings that a study searches. It knows no recipe; `parse_space` holds it against one.

    Attributes:
        dimensions: Dotted name in the recipe → its values, in the order given.

    Raises:
        RecipeError: A name that is no text, or what is no dimension.
    """

    dimensions: Mapping[str, Dimension]

    def __post_init__(self) -> None:
        for name, dimension in self.dimensions.items():
            if not isinstance(name, str) or not isinstance(dimension, Choice | Range):
                raise RecipeError(
                    say(f"{name!r} should have a Choice or a Range.", f"{name!r}에는 Choice나 Range가 와야 합니다."),
                    say("Read other forms by Space.from_dict.", "다른 형식은 Space.from_dict로 읽으세요."),
                )
        object.__setattr__(self, "dimensions", dict(self.dimensions))

    def as_dict(self) -> dict[str, Any]:
        """The space as a table of TOML; `from_dict` is the inverse."""
        return {name: as_plain(dimension) for name, dimension in self.dimensions.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Space:
        """A space from a table: dotted name → any form that `read_dimension` takes.

        Raises:
            RecipeError: It names the setting, and says what is wrong with its values.
        """
        if not isinstance(values, Mapping):
            raise RecipeError(
                say(
                    f"A space is a table, but {shown(values)} came.",
                    f"공간은 표로 쓰는데 {shown(values)}이(가) 왔습니다.",
                ),
                say("Write its settings under a line [space].", "[space] 줄 아래에 설정을 쓰세요."),
            )
        dimensions = {}
        for name, value in dotted(values).items():
            with naming(name):
                dimensions[name] = read_dimension(value)
        return cls(dimensions)

    def as_texts(self) -> list[str]:
        """The space as the command line takes it, one `KEY=SPEC` a setting."""
        return [f"{name}={write_dimension(dimension)}" for name, dimension in self.dimensions.items()]

    def size(self) -> int | None:
        """The number of combinations; None where a range is continuous."""
        counts = [dimension.count for dimension in self.dimensions.values()]
        return None if None in counts else prod(count for count in counts if count is not None)

    def cells(self, points: int = GRID_POINTS) -> int:
        """How many combinations `grid` has, however many they are.

        Raises:
            RecipeError: `points` is no whole number of 2 or more.
        """
        if not isinstance(points, int) or isinstance(points, bool) or points < 2:
            raise RecipeError(
                say(
                    f"points should be a whole number of 2 or more, but is {points!r}.",
                    f"points에 올 것은 2 이상의 정수, 받은 것은 {points!r}입니다.",
                ),
                say("Both ends of a range are among them.", "범위의 양 끝이 들어갑니다."),
            )
        return prod(dimension.cells(points) for dimension in self.dimensions.values())

    def cell(self, place: int, points: int = GRID_POINTS) -> dict[str, Any]:
        """One combination of the grid, 0 to `cells(points)` − 1; the last setting changes fastest."""
        settings: dict[str, Any] = {}
        for name, dimension in reversed(list(self.dimensions.items())):
            place, here = divmod(place, dimension.cells(points))
            settings[name] = dimension.cell(here, points)
        return {name: settings[name] for name in self.dimensions}

    def grid(self, points: int = GRID_POINTS) -> list[dict[str, Any]]:
        """Every combination; of a continuous range `points` values, evenly spread with both ends among them.

        Raises:
            RecipeError: More than a million combinations.
        """
        cells = self.cells(points)
        if cells > _MOST_LISTED:
            raise RecipeError(
                say(f"The grid would have {cells:,} combinations.", f"격자의 조합이 {cells:,}개나 됩니다."),
                say("List fewer values, or take another sampler.", "값을 줄이거나 다른 샘플러를 쓰세요."),
            )
        return [self.cell(place, points) for place in range(cells)]

    def check(self, settings: Mapping[str, Any]) -> None:
        """Refuse settings that are not of this space.

        Raises:
            RecipeError: A name too many or too few, or a value outside.
        """
        for name in settings:
            if name not in self.dimensions:
                raise unknown(name, self.dimensions, of=say("the space", "공간"))
        for name, dimension in self.dimensions.items():
            if name not in settings:
                raise RecipeError(
                    say(f"{name} has no value.", f"{name}의 값이 없습니다."),
                    say(f"Give one of {dimension}.", f"{dimension} 가운데 하나를 쓰세요."),
                )
            if not dimension.holds(settings[name]):
                raise RecipeError(
                    say(
                        f"{name}={shown(settings[name])} is not in {dimension}.",
                        f"{name}={shown(settings[name])}은(는) {dimension} 안에 없습니다.",
                    ),
                    say("Give a value of the space.", "공간 안의 값을 쓰세요."),
                )

    def widened(self, other: Space) -> Space:
        """The space for a study that goes on with more values.

        Args:
            other: Settings of this space with more values; choices are put together, and a range has to hold the one
                that it follows. A setting that it does not name stays as it is.

        Raises:
            RecipeError: A setting that this space does not have, a narrower range, or another kind.
        """
        dimensions = dict(self.dimensions)
        for name, dimension in other.dimensions.items():
            if name not in dimensions:
                error = unknown(name, dimensions, of=say("the space", "공간"))
                raise RecipeError(
                    error.problem,
                    error.fix + say(" A new setting needs a new study.", " 새 설정을 탐색하려면 새로 시작하세요."),
                )
            with naming(name):
                dimensions[name] = widened(dimensions[name], dimension)
        return Space(dimensions)


def parse_space(texts: Sequence[str] | Mapping[str, Any], recipe: Recipe, data: Any = None) -> Space:
    """A space from what a person wrote, held against the recipe that it is for.

    Args:
        texts: `KEY=SPEC`s of the command line, or the table of a file or of Python; see `read_dimension`. A key is
            dotted, or a last part that only one setting has, as in `change`.
        recipe: What the space changes.
        data: The training rows, where they are at hand: then networks are built for them, to be sure that they can be.
            Otherwise that is tried for sonmat's own networks on the data sets known by name.

    Returns:
        The space, every end and every choice of which the recipe and its builder take.

    Raises:
        RecipeError: An unknown setting, with the nearest known one; or a value, or a combination, that cannot be.
    """
    pairs = list(dotted(texts).items()) if isinstance(texts, Mapping) else parse_pairs(texts)
    if not pairs:
        raise RecipeError(
            say("There is no setting to search.", "탐색할 설정이 없습니다."),
            say("Write for example learning_rate=log:1e-3..1.", "예: learning_rate=log:1e-3..1."),
        )
    dimensions = {}
    for name, value, whole in named(pairs, recipe):
        with naming(name):
            dimensions[name] = read_dimension(value, whole=whole)
    check_space(dimensions, recipe, data)
    return Space(dimensions)
