"""The network that a run, a model file or a recipe means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sonmat.errors import RunError
from sonmat.models.builders import is_file_builder
from sonmat.models.catalog import CATALOG, build_recipe
from sonmat.models.reading import read_recipe
from sonmat.models.textcnn import DATA
from sonmat.runs.folder import load_run, located

if TYPE_CHECKING:
    import keras


def model_of(name: str) -> keras.Model:
    """A trained model, or the one that a recipe would build for MNIST's images or its own data."""
    if name in CATALOG or name.endswith(".toml") or is_file_builder(name):
        recipe = read_recipe(name)
        if recipe.data in ("mnist", DATA):
            return build_recipe(recipe)
        from sonmat.data.sources import load_as
        from sonmat.jobs.own_data import read_settings

        return build_recipe(recipe, load_as(recipe.data, read_settings(recipe))[0])
    try:
        return load_run(located(name)[0]).model
    except RunError:
        folder = located(name)[1]
        if folder is None or not Path(folder.path).is_dir():
            raise
        from sonmat.jobs.rows import rows_of

        return build_recipe(folder.recipe, rows_of(folder.recipe)[0])  # a run that has not ended yet
