"""The settings of one trial, laid over a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.models.reading import change
from sonmat.models.recipe import Recipe
from sonmat.search.plain import as_toml, naming, plain, shown


def settings_recipe(recipe: Recipe, settings: Mapping[str, Any]) -> Recipe:
    """The recipe of a trial: as `change` makes it from the same settings on the command line.

    Args:
        recipe: Stays as it is.
        settings: Dotted name → value, in TOML's plain types. A new `model.name` brings its own settings, and a new
            optimizer its own learning rate, whatever the order.

    Raises:
        RecipeError: An unknown setting, or a value that the recipe's records refuse. What only the builder or Keras would
            refuse is left to `check`.
    """
    return change(recipe, [_assignment(name, value) for name, value in settings.items()])


def _assignment(name: str, value: Any) -> str:
    # written as TOML and read again, floats to the bit, so that no setting can mean another thing here than by --set
    if not isinstance(name, str) or not name or "=" in name:
        raise RecipeError(
            say(f"{shown(name)} is no name of a setting.", f"{shown(name)}은(는) 설정의 이름이 아닙니다."),
            say("Write for example train.learning_rate.", "예: train.learning_rate."),
        )
    with naming(name):
        return f"{name} = {as_toml(plain(value))}"
