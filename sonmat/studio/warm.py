"""Rows and networks that a trainer has met before, so that a change of a number begins to train at once."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from sonmat.data.progress import Progress
from sonmat.engine.compilation import keep_programs
from sonmat.engine.program import assign
from sonmat.jobs.rows import rows_to_train
from sonmat.jobs.train import Rows
from sonmat.models.catalog import CATALOG, build_recipe
from sonmat.models.recipe import Recipe
from sonmat.models.seeding import seed_weights
from sonmat.models.whitening import needs_rows
from sonmat.studio.freshness import changed

_SETS, _MODELS = 3, 5  # that are kept


@dataclass(frozen=True, eq=False)
class _Kept:
    """A network, and all that it held before it was trained."""

    model: keras.Model
    first: tuple[list[np.ndarray], ...]


class Warm:
    """Gives rows and network of a recipe as `sonmat.jobs.train.prepared` does, and the same ones again where it can.

    A network of the catalog whose recipe differs from an earlier one in seed, length or a plain learning rate alone is that
    earlier one, put back to where its training began: its compiled programs are there already (0.3 of the 0.5 seconds that
    the notes' network takes to its first point are tracing them).
    """

    def __init__(self) -> None:
        self._rows: OrderedDict[str, Rows] = OrderedDict()
        self._models: OrderedDict[str, _Kept] = OrderedDict()

    def prepared(self, recipe: Recipe, progress: Progress | None) -> tuple[Rows, keras.Model]:
        """Rows and a compiled network with the initial weights that the recipe's seed decides.

        Raises:
            SonmatError: What is wrong with the recipe or its data.
        """
        rows = self.rows(recipe, progress)
        keep_programs()
        return rows, self._model(recipe, rows)

    def rows(self, recipe: Recipe, progress: Progress | None = None) -> Rows:
        """Training, validation and test rows."""
        seed = recipe.seed if recipe.split_seed is None else recipe.split_seed
        told = [recipe.data, changed(recipe.data, held=False), recipe.split, seed, recipe.tokens, recipe.read]
        key = json.dumps(told, sort_keys=True, default=str)
        if key not in self._rows:
            self._rows[key] = rows_to_train(recipe, progress=progress)
            while len(self._rows) > _SETS:
                self._rows.popitem(last=False)
        self._rows.move_to_end(key)
        return self._rows[key]

    def _model(self, recipe: Recipe, rows: Rows) -> keras.Model:
        key = _key(recipe, rows)
        kept = self._models.pop(key, None)
        if kept is not None:
            self._models[key] = kept
            _put_back(kept, recipe)
            return kept.model
        model = build_recipe(recipe, rows[0])
        same = recipe.model.name in CATALOG and not recipe.train.members
        if same and model.built and not needs_rows(model):
            model.optimizer.build(model.trainable_variables)
            self._models[key] = _Kept(model, tuple([np.array(one) for one in group] for group in _groups(model)))
            while len(self._models) > _MODELS:
                self._models.popitem(last=False)
        return model


def _key(recipe: Recipe, rows: Rows) -> str:
    """What a network's programs depend on."""
    train = recipe.as_dict()["train"]
    scheduled = isinstance(train.get("learning_rate"), Mapping)
    if not scheduled:
        given = train.pop("learning_rate", None) is not None
        train |= {"learning_rate": given, "epochs": None}
    one = rows[0]
    told = [recipe.as_dict()["model"], train, one.inputs.shape[1:], str(one.inputs.dtype), one.classes, one.scale]
    return json.dumps([told, len(one) if scheduled else None, _vocabulary(one)], sort_keys=True, default=str)


def _vocabulary(rows: Any) -> Any:
    return None if rows.tokenizer is None else id(rows.tokenizer)


def _groups(model: keras.Model) -> tuple[list[Any], ...]:
    return model.trainable_variables, model.non_trainable_variables, model.optimizer.variables


def _put_back(kept: _Kept, recipe: Recipe) -> None:
    for variables, first in zip(_groups(kept.model), kept.first, strict=True):
        assign(variables, first)
    seed_weights(kept.model, recipe.seed)
    if isinstance(recipe.train.learning_rate, float):
        kept.model.optimizer.learning_rate = recipe.train.learning_rate


def first_recipe() -> Recipe:
    """What a trainer makes ready before it is asked: the notes' own network."""
    from sonmat.models.catalog import base_recipe

    recipe = base_recipe("notes-mlp")
    return replace(recipe, train=replace(recipe.train, epochs=1))
