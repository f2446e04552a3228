"""A study in the trainer: begun or gone on with, its trials told as they come."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sonmat import places
from sonmat.engine.listener import Stopped
from sonmat.jobs.sweep import Swept, resume_sweep, sweep
from sonmat.jobs.sweep_begun import SweepBegun
from sonmat.models.recipe import Recipe
from sonmat.runs.folder import now
from sonmat.runs.titles import mark_stopped
from sonmat.search.runner import SweepProgress
from sonmat.search.study_folder import is_study
from sonmat.search.trial import RUNNING, WAITING, Trial
from sonmat.studio.telling import Telling
from sonmat.studio.wire import Wire

_EVERY = 0.2  # seconds between two tellings of progress, at least


def begin_sweep(job: dict[str, Any], wire: Wire, stopping: Callable[[], bool]) -> dict[str, Any]:
    """Train a study that the server has asked for; what to say of its end."""
    asked, folder = job["asked"], places.studies_folder() / job["name"]
    with _marking(folder):
        swept = sweep(
            Recipe.from_dict(job["recipe"]),
            space_of(asked["space"]),
            trials=asked.get("trials"),
            sampler=asked.get("sampler") or "qmc",
            metric=asked.get("metric") or "val_accuracy",
            halving=asked.get("halving", 3) or None,
            finalists=asked.get("finalists", 5),
            seeds=asked.get("seeds", 5),
            out=folder,
            **_told(job["name"], wire, stopping),
        )
    return _ended(swept)


def go_on_with_sweep(job: dict[str, Any], wire: Wire, stopping: Callable[[], bool]) -> dict[str, Any]:
    """Go on with a study that was stopped or interrupted."""
    folder = places.studies_folder() / job["name"]
    with _marking(folder):
        return _ended(resume_sweep(folder, trials=job.get("trials"), **_told(job["name"], wire, stopping)))


@contextlib.contextmanager
def _marking(folder: Path) -> Iterator[None]:
    """A study that was asked to stop says so in its folder, until it goes on."""
    mark_stopped(folder, False, now())
    try:
        yield
    except Stopped:
        if is_study(folder):
            mark_stopped(folder, True, now())
        raise


def space_of(told: dict[str, Any]) -> dict[str, Any]:
    """A space as the page writes it, `[low, high, "log"]` or a list of choices, as `parse_space` takes it."""
    found: dict[str, Any] = {}
    for name, value in told.items():
        ranged = isinstance(value, list) and len(value) == 3 and value[2] in ("log", "linear", "int", "int log")
        if not ranged:
            found[name] = value
            continue
        found[name] = {"low": value[0], "high": value[1]} | ({"log": True} if "log" in value[2] else {})
    return found


def trial_told(trial: Trial) -> dict[str, Any]:
    """A trial as the page draws it the moment it comes; its curve is in the study's own answer."""
    return {
        "number": trial.number,
        "settings": dict(trial.settings),
        "state": trial.state,
        "value": trial.value,
        "epochs": trial.epochs,
        "seconds": round(trial.seconds, 4),
        "reason": trial.reason,
    }


def _told(name: str, wire: Wire, stopping: Callable[[], bool]) -> dict[str, Any]:
    known: dict[int, tuple[str, int]] = {}
    last = 0.0

    def told(progress: SweepProgress) -> None:
        nonlocal last
        if stopping():
            raise Stopped(name)
        now = time.perf_counter()
        if now - last < _EVERY:
            return
        last = now
        best = progress.best
        wire.say(
            "study", name=name, phase=progress.phase, done=progress.done, of=progress.trials, seconds=progress.seconds,
            remaining=progress.remaining, waiting=progress.waiting,
            best=None if best is None else {"number": best.number, "value": best.value, "settings": dict(best.settings)},
        )  # fmt: skip

    def tried(trials: Sequence[Trial]) -> None:
        new = [one for one in trials if one.state != WAITING and known.get(one.number) != (one.state, one.epochs)]
        new = [one for one in new if one.state != RUNNING or one.epochs]
        known.update({one.number: (one.state, one.epochs) for one in new})
        if new:
            wire.say("trials", name=name, trials=[trial_told(one) for one in new])

    def begun(what: SweepBegun) -> None:
        wire.say("study_begun", name=name, rows=what.rows, done=what.done, notes=list(what.notes), known=what.known)
        if stopping():
            raise Stopped(name)

    return {
        "told": told,
        "tried": tried,
        "begun": begun,
        "listeners": [Telling(wire, f"{name}/winner", stopping)],
    }


def _ended(swept: Swept) -> dict[str, Any]:
    winner = swept.winner
    return {"winner": None if winner is None else winner.folder.name, "trials": len(swept.study.trials)}
