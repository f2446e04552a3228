"""The sizes of a network that is being written down, as the page shows them while someone types."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from sonmat.errors import RecipeError, SonmatError
from sonmat.models.recipe import Recipe
from sonmat.models.room import check_room
from sonmat.models.sizes import LayerSizes
from sonmat.models.stack_layers import read_layers
from sonmat.models.stack_sizes import stack_sizes
from sonmat.studio.asked_recipe import Shape, known_shape


def refused(error: SonmatError, at: int | None = None, layers: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """What cannot be, and why."""
    return {"ok": False, "problem": error.problem, "fix": error.fix, "at": at, "layers": list(layers)}


def checked(recipe: Recipe, shape: Shape) -> dict[str, Any]:
    """The sizes of a network of layers that a recipe may have, worked out in this process."""
    size, classes, rows = shape
    found = stack_sizes(read_layers(recipe.model.settings["layers"]), size, classes)
    layers = [layer_told(one, place) for one, place in zip(found.layers, found.places, strict=True)]
    if found.problem is not None:
        return refused(found.problem, found.at, layers)
    try:
        numbers = sum(math.prod(side or 1 for side in one.outputs[0]) for one in found.layers if one.outputs)
        check_room(found.parameters, min(_batch(recipe), rows) * numbers)
    except RecipeError as error:
        return refused(error, None, layers)
    return told(recipe, layers, rows)


def located(values: Any, error: SonmatError) -> dict[str, Any]:
    """What cannot be of a recipe that was refused as a whole: of a network of layers, which layer, and those before it."""
    model = values.get("model") if isinstance(values, Mapping) else None
    asked = model.get("layers") if isinstance(model, Mapping) and model.get("name") == "layers" else None
    if not isinstance(asked, list):
        return refused(error)
    at = next((number for number, one in enumerate(asked) if not _reads([one])), None)
    before: list[dict[str, Any]] = []
    shape = _shape(values)
    if at is not None and shape is not None:
        found = stack_sizes(read_layers(asked[:at]), shape[0], shape[1])
        before = [
            layer_told(one, place) for one, place in zip(found.layers, found.places, strict=True) if place is not None
        ]
    return refused(error, at, before)


def _reads(layers: Sequence[Any]) -> bool:
    try:
        read_layers(layers)
    except RecipeError:
        return False
    return True


def _shape(values: Mapping[str, Any]) -> Shape | None:
    try:
        return known_shape(Recipe.from_dict({key: values[key] for key in ("data", "split", "read") if key in values}))
    except SonmatError:
        return None


def told(recipe: Recipe, layers: Sequence[dict[str, Any]], rows: int) -> dict[str, Any]:
    """The answer for a network that can be."""
    batch = _batch(recipe)
    return {
        "ok": True,
        "layers": list(layers),
        "parameters": sum(one["parameters"] or 0 for one in layers),
        "steps": math.ceil(rows / batch),
        "rows": rows,
        "problem": None,
    }


def _batch(recipe: Recipe) -> int:
    size = recipe.train.batch_size
    return size if isinstance(size, int) else size[0][1]


def layer_told(one: LayerSizes, place: int | None = None) -> dict[str, Any]:
    """A layer as the page shows it."""
    return {
        "name": one.name,
        "kind": one.kind,
        "window": one.window,
        "output": list(one.outputs[0]) if one.outputs else None,
        "formula": one.formula,
        "parameters": one.parameters,
        "parameter_formula": one.parameter_formula,
        "multiply_adds": one.multiply_adds,
        "sees": one.sees if isinstance(one.sees, (str, type(None))) else list(one.sees),
        "place": place,
    }
