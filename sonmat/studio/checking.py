"""The sizes of a network that is being written down, as the page shows them while someone types."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from sonmat.errors import SonmatError
from sonmat.models.recipe import Recipe
from sonmat.models.sizes import LayerSizes

Shape = tuple[tuple[int, ...], int, int]
"""Of an input; classes; training rows."""


def refused(error: SonmatError, at: int | None = None, layers: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """What cannot be, and why."""
    return {"ok": False, "problem": error.problem, "fix": error.fix, "at": at, "layers": list(layers)}


def checked(values: Mapping[str, Any], shape: Shape | None = None) -> dict[str, Any] | None:
    """The sizes of a network of layers, worked out in this process; None where that cannot be."""
    return None


def told(recipe: Recipe, layers: Sequence[dict[str, Any]], rows: int) -> dict[str, Any]:
    """The answer for a network that can be."""
    batch = recipe.train.batch_size if isinstance(recipe.train.batch_size, int) else recipe.train.batch_size[0][1]
    return {
        "ok": True,
        "layers": list(layers),
        "parameters": sum(one["parameters"] or 0 for one in layers),
        "steps": math.ceil(rows / batch),
        "rows": rows,
        "problem": None,
    }


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
