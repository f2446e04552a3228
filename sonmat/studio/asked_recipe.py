"""A recipe as the page sends it: filled up from the catalog, checked as far as that goes without Keras."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sonmat import places
from sonmat.data.known import KNOWN
from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.models.builders import is_file_builder
from sonmat.models.catalog import find_builder
from sonmat.models.reading import over_catalog
from sonmat.models.recipe import Recipe
from sonmat.studio.drawn_sets import counts_of
from sonmat.studio.own_sets import own_set

DRAWN: Mapping[str, Any] = {"size": [28, 28], "channels": 1, "clean": True}
"""How drawings are read: centred and of one size, as they are when a network is asked about a new one."""


def recipe_of(told: Any) -> Recipe:
    """The recipe.

    Raises:
        RecipeError: It is none, or names a program of its own: a page is not where one runs a file.
    """
    values = dict(told) if isinstance(told, Mapping) else {}
    model = values.get("model")
    name = model.get("name") if isinstance(model, Mapping) else None
    if not isinstance(name, str) or is_file_builder(name):
        raise RecipeError(
            say("The studio trains the networks of the catalog.", "스튜디오는 목록에 있는 신경망을 학습합니다."),
            say(
                "A builder of your own runs from the command line: sonmat train FILE.py:FUNCTION",
                "직접 만든 빌더는 명령줄에서 씁니다: sonmat train 파일.py:함수이름",
            ),
        )
    if is_drawn(values.get("data")) and not values.get("read"):
        values["read"] = dict(DRAWN)
    recipe = Recipe.from_dict(over_catalog(values, Path.cwd()))
    find_builder(recipe.model.name).check(recipe.model.settings)
    return recipe


def is_drawn(data: Any) -> bool:
    """Whether data are a set of the learner's own drawings."""
    return isinstance(data, str) and Path(data).expanduser().absolute().parent == places.drawings_folder().absolute()


Shape = tuple[tuple[int, ...], int, int]
"""Of an input; classes; training rows."""


def known_shape(recipe: Recipe) -> Shape | None:
    """The shape of an input, the classes and the training rows, where that is known without reading the data."""
    known = KNOWN.get(recipe.data.strip().lower().replace("_", "-"))
    if known is not None:
        return (28, 28), len(known.classes), round(known.rows[0] * recipe.split)
    if is_drawn(recipe.data):
        counts = counts_of(Path(recipe.data))
        size, channels = (recipe.read or DRAWN).get("size", [28, 28]), (recipe.read or DRAWN).get("channels", 1)
        sides = (size, size) if isinstance(size, int) else tuple(size)
        shape = sides if channels == 1 else (*sides, channels)
        return shape, max(2, len(counts)), max(1, round(sum(counts.values()) * 0.8 * recipe.split))
    own = own_set(recipe.data)
    if own is None or own["reads"] != "pictures" or own["read"] != (recipe.read or {}):
        return None
    learn, validate, _ = own["rows"]
    both = learn + validate
    rows = learn if own["own_validation"] else min(both - 1, round(both * recipe.split))
    return tuple(own["shape"]), len(own["classes"]), max(1, rows)
