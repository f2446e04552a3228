"""The sizes of a network of the catalog, for which Keras builds it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sonmat.data.dataset import Dataset
from sonmat.data.progress import silent
from sonmat.jobs.rows import rows_of
from sonmat.models.catalog import build_recipe
from sonmat.models.reading import check
from sonmat.models.recipe import Recipe
from sonmat.models.sizes import sizes
from sonmat.studio.checking import layer_told, told

_last: tuple[str, Dataset] | None = None


def _training_rows(recipe: Recipe) -> Dataset:
    """The rows of a recipe that needs them read; those of the last one are kept, since the page asks at every change."""
    global _last
    try:
        there = Path(recipe.data).stat()
    except OSError:
        return rows_of(recipe, progress=silent)[0]  # which says what is not there
    asked = [recipe.data, there.st_mtime_ns, there.st_size, recipe.split, recipe.split_seed, recipe.seed]
    key = repr([*asked, recipe.read, recipe.tokens])
    if _last is None or _last[0] != key:
        _last = None
        _last = key, rows_of(recipe, progress=silent)[0]
    return _last[1]


def sizes_of(tell: Callable[..., None], recipe: dict[str, Any], shape: list[Any] | None) -> dict[str, Any]:
    """The layers of a recipe's network.

    Args:
        tell: Not used.
        recipe: As `Recipe.as_dict` gives it.
        shape: Of an input, the classes and the training rows; None where the data have to be read for that.

    Raises:
        SonmatError: What the recipe, Keras or the data would be refused for.
    """
    asked = Recipe.from_dict(recipe)
    check(asked)
    if shape is None:
        rows = _training_rows(asked)
        count = len(rows)
    else:
        size, classes, count = tuple(shape[0]), int(shape[1]), int(shape[2])
        names = tuple(map(str, range(classes)))
        pixels = np.random.default_rng(0).integers(0, 256, (classes, *size), dtype=np.uint8)  # what whitening looks at
        rows = Dataset.from_arrays(pixels, np.arange(classes), scale=255.0, classes=names)
    model = build_recipe(asked, rows)
    return told(asked, [layer_told(one) for one in sizes(model)], count)
