"""The finalists' repeats: the best settings of a study, trained again with several seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sonmat.errors import RunError
from sonmat.files import storing, sync_folder
from sonmat.search.batch import Batch, hold
from sonmat.search.plan import Plan, current_part, plain_settings, read_plan, write_plan
from sonmat.search.results import read_results, settle
from sonmat.search.trial import Trial


def take_finalists(
    folder: Path,
    settings: Sequence[tuple[int, Mapping[str, Any]]],
    seeds: Sequence[int],
    *,
    epochs: int,
    maximize: bool,
) -> Batch | None:
    """The repeats, to be trained.

    Repeats that an earlier choice of finalists has left keep their numbers and results; those that are among the new ones
    are not trained again.

    Args:
        folder: Where they are kept; it is made where it is missing.
        settings: Number of the trial and its settings, for each finalist.
        seeds: Each finalist is trained with each of them.
        epochs: How long.
        maximize: Whether more of the metric is better.

    Returns:
        None where another process holds them or all are done.

    Raises:
        RunError: The plan that is there cannot be read.
        StorageError: The folder cannot be written.
    """
    with storing(folder):
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            sync_folder(folder.parent)
    lock = hold(folder)
    if lock is None:
        return None
    try:
        plan = _planned(folder, settings, seeds, epochs, maximize)
        batch = Batch(folder, plan, lock)
        if not batch.finished:
            return batch
    except BaseException:
        lock.release()
        raise
    lock.release()
    return None


def read_repeats(folder: Path) -> list[Trial]:
    """The repeats that count now, as they are now; none where there is no plan that can be read."""
    try:
        plan = read_plan(folder)
    except (OSError, RunError):
        return []
    return settle(current_part(plan), read_results(folder, plan))


def _planned(
    folder: Path, settings: Sequence[tuple[int, Mapping[str, Any]]], seeds: Sequence[int], epochs: int, maximize: bool
) -> Plan:
    """The plan of these repeats, on disk."""
    try:
        before = read_plan(folder)
    except FileNotFoundError:
        before = Plan((), (epochs,), None, maximize)
    numbers = {(trial.repeats, trial.seed): trial.number for trial in before.trials}
    first = 1 + max(numbers.values(), default=-1)
    wanted = [(number, seed, plain_settings(one)) for number, one in settings for seed in seeds]
    new = [one for one in wanted if one[:2] not in numbers]
    numbers |= {(number, seed): first + place for place, (number, seed, _) in enumerate(new)}
    plan = Plan(
        trials=[
            *before.trials,
            *(
                Trial(number=numbers[number, seed], settings=one, seed=int(seed), repeats=int(number))
                for number, seed, one in new
            ),
        ],
        rungs=(epochs,),
        factor=None,
        maximize=maximize,
        current=sorted({numbers[number, seed] for number, seed, _ in wanted}),
    )
    if (plan.trials, plan.rungs, plan.current) != (list(before.trials), tuple(before.rungs), before.current):
        write_plan(folder, plan)
    return plan
