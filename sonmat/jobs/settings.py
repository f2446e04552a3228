"""What a run's recipe, checkpoint and journal say of how it was trained, for its diagnosis."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sonmat.engine.evidence import Evidence, Failure
from sonmat.errors import RecipeError, RunError
from sonmat.models.averaging import Averaging
from sonmat.models.compilation import spans
from sonmat.models.peak import rate_course
from sonmat.models.recipe import Recipe, TrainSettings
from sonmat.runs.checkpoint import read_checkpoint
from sonmat.runs.folder import CHECKPOINT, RunFolder

_ANY_ROWS = 10_000  # of a schedule that spans the training: how much of its peak is left does not depend on them


def with_settings(evidence: Evidence, folder: RunFolder, recipe: Recipe | None) -> Evidence:
    """The evidence with what recipe, checkpoint and journal add to what the model says of its training.

    They are asked first: a saved model holds Keras's nearest optimizer, and a schedule's peak instead of the schedule.
    """
    identity = _identity(folder)
    settings, train = evidence.settings, recipe.train if recipe is not None else None
    rate, left = _rate(train, evidence, identity, len(folder.history))
    settings = replace(
        settings,
        optimizer=_class(identity.get("optimizer")) or (train.optimizer if train else None) or settings.optimizer,
        learning_rate=rate or settings.learning_rate,
        rate_left=left if rate else settings.rate_left,
        batch_size=_first_size(train.batch_size if train else identity.get("batch_size")),
        epochs=train.epochs if train else None,
        shuffle=True if train else identity.get("shuffle"),
        **companion_settings(recipe.as_dict()["train"] if recipe is not None else identity),
    )
    return replace(evidence, settings=settings, failure=_failure(folder))


def companion_settings(told: Mapping[str, Any]) -> dict[str, Any]:
    """Label smoothing and averages, as a recipe, a checkpoint or a training's own record tells them."""
    smoothing = told.get("label_smoothing")
    found: dict[str, Any] = {"label_smoothing": 0.0, "average": None, "decay": None}
    if isinstance(smoothing, (int, float)) and 0 <= smoothing < 1:
        found["label_smoothing"] = float(smoothing)
    try:
        average = Averaging.of(told["average"]) if told.get("average") else None
    except (RecipeError, TypeError):  # a stranger may have written it
        average = None
    if average is not None:
        found |= {"average": average.name, "decay": average.decay if average.name == "EMA" else None}
    return found


def _rate(
    train: TrainSettings | None, evidence: Evidence, identity: Mapping[str, Any], done: int
) -> tuple[float | None, float | None]:
    """The learning rate or its peak, and what is left of that after so many epochs; None where that is not known."""
    if train is None or not isinstance(train.learning_rate, Mapping):
        return _number(train.learning_rate if train is not None else None) or _number(
            identity.get("learning_rate")
        ), None
    rows = evidence.train.of if evidence.train is not None else _ANY_ROWS if spans(train) else 0
    if not rows or not done:
        return None, None
    try:
        return rate_course(train, rows, done)
    except RecipeError:  # of another version
        return None, None


def _first_size(batch_size: Any) -> int | None:
    """Rows a step; of several batch sizes the first, a recipe's `[epochs, rows]` or a checkpoint's `[epoch, rows]`."""
    return int(batch_size[0][1]) if isinstance(batch_size, list) else batch_size


def _identity(folder: RunFolder) -> dict[str, Any]:
    if not (folder.path / CHECKPOINT).exists():
        return {}
    try:
        return read_checkpoint(folder.path / CHECKPOINT)[1]
    except RunError:
        return {}


def _failure(folder: RunFolder) -> Failure | None:
    told = folder.failure
    if told is None:
        return None
    epoch, step = (told.get(name) for name in ("epoch", "step"))
    return Failure(epoch, step) if isinstance(epoch, int) and isinstance(step, int) else None


def _number(value: Any) -> float | None:
    """A learning rate that is one number, as recipes and checkpoints write it; None for a schedule."""
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return None
    return float(found) if isinstance(found, (int, float)) and not isinstance(found, bool) else None


def _class(optimizer: Any) -> str | None:
    try:
        return str(json.loads(optimizer)["class"])
    except (TypeError, ValueError, KeyError):
        return None
