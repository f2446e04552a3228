"""What a study will cost, and what it has come to already, told before it begins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sonmat.data.dataset import Dataset
from sonmat.search.halving import going_on, rungs
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
        known: Whether what follows has been measured yet.
        forecast: What the search will cost; None where nothing is left to search.
        finals: What the finalists will cost beside it, in seconds; None where that is unknown.
    """

    folder: Path
    asked: Asked
    rows: dict[str, int]
    done: int
    notes: tuple[str, ...]
    known: bool = False
    forecast: Forecast | None = None
    finals: float | None = None


def sweep_place(study: Study, rows: tuple[Dataset, Dataset, Dataset], notes: Sequence[str]) -> SweepBegun:
    """Where and what the study is, before anything is known of its cost."""
    sizes = {"train": len(rows[0]), "validation": len(rows[1]), "test": len(rows[2])}
    ended = [trial for trial in study.trials if trial.state not in ("waiting", "running")]
    return SweepBegun(study.path, study.asked, sizes, len(ended), tuple(notes))


def sweep_begun(begun: SweepBegun, study: Study, runner: Runner) -> SweepBegun:
    """What the study will cost: a batch of it is made ready, and a few steps of each of its programs are measured."""
    from sonmat.engine.forecast import forecast_of

    asked = study.asked
    found, finals = None, None
    peek = _next_trials(study)
    if peek:
        epochs = _mean_epochs(asked, len(peek), max(1, asked.finalists) if peek[0].number == 0 else 1)
        many = runner.ready(peek)
        found = forecast_of(many, epochs)
        left = max(0, study.left)
        share = left / len(peek)
        each = found.seconds / max(1, found.models) / epochs
        found = replace(
            found, models=left, seconds=found.seconds * share, programs=math.ceil(found.programs * max(1.0, share)),
            chunks=math.ceil(found.chunks * share),
        )  # fmt: skip
        finals = each * asked.recipe.train.epochs * min(asked.finalists, asked.trials) * asked.seeds
    return replace(begun, known=True, forecast=found, finals=finals)


def _next_trials(study: Study) -> list[Trial]:
    """The trials that will be made ready first; another process may take them before this one does."""
    batch = study.take_batch()
    if batch is None:
        return []
    with batch:
        due = next((due for rung in range(len(batch.rungs)) if (due := batch.due(rung))), [])
        return batch.trials if due and len(batch.trials) <= AT_ONCE else due[:AT_ONCE]


def _mean_epochs(asked: Asked, count: int, least: int) -> float:
    """Epochs that a trial of a batch trains on average, halving counted in."""
    alive, before, total = float(count), 0, 0.0
    for end in rungs(asked.recipe.train.epochs, asked.halving):
        total += alive * (end - before)
        before, alive = end, going_on(math.ceil(alive), asked.halving or 1, least)
    return total / count
