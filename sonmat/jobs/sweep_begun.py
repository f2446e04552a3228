"""What a study will cost, and what it has come to already, told before it begins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sonmat.data.dataset import Dataset
from sonmat.search.halving import rungs
from sonmat.search.runner import Runner
from sonmat.search.sampler import AT_ONCE
from sonmat.search.study import Asked, Study
from sonmat.search.trial import Trial

if TYPE_CHECKING:
    from sonmat.engine.forecast import Forecast


@dataclass(frozen=True)
class SweepBegun:
    """A study that is about to be trained.

    Attributes:
        folder: Where it is, from now on whatever happens.
        asked: What it was asked.
        rows: How many there are, by part.
        done: Trials that have come to their end already.
        notes: What was decided on the way, in sentences.
        forecast: What the search will cost; None where nothing is left to search.
        finals: What the finalists will cost beside it, in seconds; None where that is unknown.
    """

    folder: Path
    asked: Asked
    rows: dict[str, int]
    done: int
    notes: tuple[str, ...]
    forecast: Forecast | None
    finals: float | None


def sweep_begun(
    study: Study, runner: Runner, rows: tuple[Dataset, Dataset, Dataset], notes: Sequence[str]
) -> SweepBegun:
    """What the study will cost: a batch of it is made ready, and a few steps of each of its programs are measured."""
    from sonmat.engine.forecast import forecast_of

    asked = study.asked
    sizes = {"train": len(rows[0]), "validation": len(rows[1]), "test": len(rows[2])}
    ended = [trial for trial in study.trials if trial.state not in ("waiting", "running")]
    found, finals = None, None
    peek = _next_trials(study)[:AT_ONCE]
    if peek:
        epochs = _mean_epochs(asked, len(peek))
        many = runner.prepared(peek)
        found = forecast_of(many, epochs)
        left = max(0, study.left)
        share = left / len(peek)
        each = found.seconds / max(1, found.models) / epochs
        found = replace(
            found, models=left, seconds=found.seconds * share, programs=math.ceil(found.programs * max(1.0, share)),
            chunks=math.ceil(found.chunks * share),
        )  # fmt: skip
        finals = each * asked.recipe.train.epochs * asked.finalists * asked.seeds
    return SweepBegun(study.path, asked, sizes, len(ended), tuple(notes), found, finals)


def _next_trials(study: Study) -> list[Trial]:
    """The trials that will be trained first; another process may take them before this one does."""
    batch = study.take_batch()
    if batch is None:
        return []
    with batch:
        return next((due for rung in range(len(batch.rungs)) if (due := batch.due(rung))), [])


def _mean_epochs(asked: Asked, count: int) -> float:
    """Epochs that a trial trains on average, halving counted in."""
    alive, before, total = float(count), 0, 0.0
    for end in rungs(asked.recipe.train.epochs, asked.halving):
        total += alive * (end - before)
        before, alive = end, math.ceil(alive / (asked.halving or 1))
    return total / count
