"""What the files in a batch's folder say of its trials. Read without locks, while others write."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import replace
from pathlib import Path

from sonmat.search.curves import read_trials
from sonmat.search.halving import survivors
from sonmat.search.mirror import FINAL
from sonmat.search.plan import Plan
from sonmat.search.trial import DONE, STOPPED, Trial

ALL = "all.npz"
"""The file of a batch that is finished: all that its chunks say, in one."""

Results = list[dict[int, Trial]]
"""For each rung: number → the trial as it was recorded."""


def chunk_files(folder: Path) -> dict[tuple[int, int], Path]:
    """Rung and chunk → the file of its results, in this order."""
    found = {}
    with contextlib.suppress(OSError), os.scandir(folder) as entries:  # a folder that was deleted meanwhile is empty
        for entry in entries:
            name = re.fullmatch(r"rung(\d{1,4})-chunk(\d{1,9})\.npz", entry.name)
            if name:
                found[int(name[1]), int(name[2])] = folder / entry.name
    return dict(sorted(found.items()))


def read_results(folder: Path, plan: Plan) -> Results:
    """What is recorded, rung by rung. A file that cannot be read counts as one that is not there: it is made again."""
    results: Results = [{} for _ in plan.rungs]
    for (rung, _), file in chunk_files(folder).items():
        if rung < len(results):
            with contextlib.suppress(OSError, ValueError):
                results[rung] = read_trials(file, plan.planned) | results[rung]  # who was first was told
    return results


def ladder(plan: Plan, results: Results) -> list[list[int]]:
    """Who trains at each rung: all at the first, later the survivors of the one before; nobody while that is not done."""
    found = [list(plan.planned)]
    for recorded in results[:-1]:
        if all(number in recorded for number in found[-1]):
            reached = {n: None if recorded[n].state in FINAL else recorded[n].value for n in found[-1]}
            found.append(survivors(reached, plan.factor or 1, plan.maximize, plan.least))
        else:
            found.append([])
    return found


def settle(plan: Plan, results: Results) -> list[Trial]:
    """The trials as they are now. Who was stopped at a rung follows from what is recorded there."""
    latest = dict(plan.planned)
    steps = ladder(plan, results)
    for rung, (alive, recorded) in enumerate(zip(steps, results, strict=True)):
        complete = all(number in recorded for number in alive)
        going_on = set(steps[rung + 1]) if rung + 1 < len(steps) else set()
        for number in alive:
            trial = recorded.get(number)
            if trial is None:
                continue
            if trial.state not in FINAL and rung == len(steps) - 1:
                trial = replace(trial, state=DONE)
            elif trial.state not in FINAL and complete and number not in going_on:
                trial = replace(trial, state=STOPPED)
            latest[number] = trial
    return [latest[number] for number in sorted(latest)]


def read_all(folder: Path, plan: Plan) -> list[Trial] | None:
    """The trials of a batch that is finished, from its one file; None where it has none that says so."""
    try:
        found = read_trials(folder / ALL, plan.planned)
    except (OSError, ValueError):
        return None
    if found.keys() != plan.planned.keys() or any(trial.state not in FINAL for trial in found.values()):
        return None
    return [found[number] for number in sorted(found)]
