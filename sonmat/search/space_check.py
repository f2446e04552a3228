"""Holding a space against its recipe and its builder, before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations, product
from typing import Any

from sonmat.data.known import KNOWN
from sonmat.errors import RecipeError, SonmatError
from sonmat.language import say
from sonmat.models.builders import is_file_builder
from sonmat.models.catalog import build_recipe, find_builder
from sonmat.models.reading import check
from sonmat.models.recipe import Recipe
from sonmat.models.seeding import private_randomness
from sonmat.search.dimension import Dimension
from sonmat.search.plain import identity, shown
from sonmat.search.settings import settings_recipe
from sonmat.search.space_names import MODEL, OPTIMIZER


def check_space(dimensions: Mapping[str, Dimension], recipe: Recipe, data: Any = None) -> None:
    """Refuse a space with a value that its recipe, its builder or Keras refuses.

    Tried are both ends of each range and every choice, with the other settings at their first and at their last value;
    and where models or optimizers are searched, the settings of each kind with each of them.

    Args:
        dimensions: As `Space` has them.
        recipe: What the space changes.
        data: The training rows, to build networks for. Without them, only sonmat's own networks are built, for a data set
            known by name; all of these have MNIST's shape.

    Raises:
        RecipeError: It names the setting, or the fewest settings that cannot be together, with their values.
    """
    seen: set[object] = set()
    built: set[object] = set()
    for settings in _tries(dimensions):
        if (same := identity(settings)) in seen:
            continue
        seen.add(same)
        try:
            tried = _checked(recipe, settings)
            if _can_build(tried, data) and (network := identity(vars(tried.model))) not in built:
                built.add(network)
                _build(tried, data)
        except RecipeError as error:
            raise _explained(dimensions, recipe, settings, error, data) from error


def _tries(dimensions: Mapping[str, Dimension]) -> Iterator[dict[str, Any]]:
    ends = {name: dimension.ends for name, dimension in dimensions.items()}
    for place in (0, -1):
        usual = {name: values[place] for name, values in ends.items()}
        yield usual
        for name, values in ends.items():
            for value in values:
                yield usual | {name: value}
                for kind, section in ((MODEL, "model."), (OPTIMIZER, "train.")):
                    if kind in ends and name != kind and name.startswith(section):
                        yield from (usual | {name: value, kind: one} for one in ends[kind])


def _checked(recipe: Recipe, settings: Mapping[str, Any]) -> Recipe:
    """The recipe with the settings, which its builder and Keras take by their kinds."""
    try:
        changed = settings_recipe(recipe, settings)
        check(changed)
    except SonmatError:
        raise
    except Exception as error:  # Keras says what it refuses in whatever kind it happens to trip over
        raise RecipeError(
            say(
                f"Keras refuses it: {type(error).__name__}: {error}",
                f"Keras가 받지 않습니다: {type(error).__name__}: {error}",
            ),
            say("Take another value.", "다른 값을 쓰세요."),
        ) from error
    return changed


def _can_build(recipe: Recipe, data: Any) -> bool:
    known = recipe.data.strip().lower().replace("_", "-") in KNOWN
    return data is not None or (known and not is_file_builder(recipe.model.name))


def _build(recipe: Recipe, data: Any) -> None:
    """Build the network; a hundred times faster than in earnest, unless it fails."""
    import jax

    def network() -> int:
        find_builder(recipe.model.name).build(recipe.model.settings, data=data, seed=recipe.seed)
        return 0

    try:
        with private_randomness(recipe.seed):
            jax.eval_shape(network)  # weights get shapes and no numbers, and nothing is compiled
    except RecipeError:
        build_recipe(recipe, data)  # a builder of one's own may look at its weights, which have no numbers in there


def _explained(
    dimensions: Mapping[str, Dimension], recipe: Recipe, settings: Mapping[str, Any], error: RecipeError, data: Any
) -> RecipeError:
    """The error, with the setting that is to blame, or those that cannot be together."""
    blamed = _blamed(dimensions, recipe, settings, error.problem, data)
    if len(blamed) == 1 and error.problem.startswith(next(iter(blamed))):
        return error
    pairs = [f"{name}={value if isinstance(value, str) else shown(value)}" for name, value in blamed.items()]
    fix = say("Leave one of them out, or make a study for each.", "둘 중 하나를 빼거나, 값마다 따로 스터디를 만드세요.")
    together = len(blamed) > 1 and (MODEL in blamed or OPTIMIZER in blamed)
    return RecipeError(f"{say(' with ', ', ').join(pairs)}: {error.problem}", fix if together else error.fix)


def _blamed(
    dimensions: Mapping[str, Dimension], recipe: Recipe, settings: Mapping[str, Any], problem: str, data: Any
) -> dict[str, Any]:
    """The fewest of the settings that are refused for the same reason, whatever model and optimizer are taken."""
    for count in (1, 2):
        for names in combinations(settings, count):
            some = {name: settings[name] for name in names}
            kinds = [kind for kind in (MODEL, OPTIMIZER) if kind in dimensions and kind not in names]
            others = product(*(dimensions[kind].ends for kind in kinds))
            if all(_refusal(recipe, some | dict(zip(kinds, one, strict=True)), data) == problem for one in others):
                return some
    return dict(settings)


def _refusal(recipe: Recipe, settings: Mapping[str, Any], data: Any) -> str:
    try:
        changed = _checked(recipe, settings)
        if _can_build(changed, data):
            _build(changed, data)
    except RecipeError as error:
        return error.problem
    return ""
