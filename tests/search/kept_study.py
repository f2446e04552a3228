"""A study with a make-believe training, here and in processes of its own that are killed.

What a setting comes to follows from the setting alone, so that a study that was killed can be held against one that was
not. Imported by the tests for that; as a program it is the process that starts and kills studies. Imports take seconds, so
they are done once: it forks a child for each line of JSON that it reads:

    path        the study's folder
    asked       arguments of `asked`
    batch       trials in a batch
    log         a file to which the child writes `NUMBER RUNG` of each trial that it trains
    meet        a file of another such child: after the first batch this one waits until the other has trained too
    pause       seconds that a chunk takes
    at          the operation on files, counted from 1, at which the child kills itself: a number, or "write:3", "fsync:2",
                "replace:1", "rename:1", "symlink:1" … for the n-th of a kind
    trained     to count these operations from the first chunk that it has trained
    delay       seconds after which the child is killed
    count       to answer with the number of operations of each kind instead of being killed
    together    another job, done at the same time

and answers with a line when it has ended: its exit status or minus the signal, what it said, and the operations counted.
"""

from __future__ import annotations

import builtins
import collections
import io
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from sonmat.models.recipe import Recipe, TrainSettings
from sonmat.search import study as study_module
from sonmat.search.batch import Batch
from sonmat.search.space import Choice, Range, Space
from sonmat.search.study import Asked, Study
from sonmat.search.trial import Trial

SPACE = Space(
    {
        "train.learning_rate": Range(1e-3, 1.0, log=True),
        "train.batch_size": Choice((20, 50)),
        "model.hidden": Choice(([20, 20], [64, 64])),
        "train.optimizer": Choice(("sgd", "adam")),
    }
)
KINDS = ("write", "fsync", "chmod", "replace", "rename", "symlink", "mkdir", "unlink")


def asked(epochs: int = 10, **options: Any) -> Asked:
    options = {"trials": 12, "sampler": "tpe", **options}
    return Asked(Recipe(train=TrainSettings(epochs=epochs)), options.pop("space", SPACE), **options)


def trained(trial: Trial, epochs: int) -> Trial:
    """What training comes to; a learning rate above a half fails in the second epoch."""
    rate = trial.settings["train.learning_rate"]
    best = 0.9 - abs(np.log10(rate) + 1) / 10 + 0.01 * (trial.settings.get("train.optimizer") == "adam")
    curve = best * (1 - np.exp(-np.arange(1, epochs + 1) / 2)) + trial.seed / 1000
    if rate > 0.5:
        curve[1:] = np.nan
    curves = {"val_accuracy": curve.astype(np.float32), "loss": (1 - curve).astype(np.float32)}
    begin = 1.7e9 + trial.number * 10
    return replace(
        trial, curves=curves, value=float(curve[-1]), seconds=0.1 * epochs, began=begin, ended=begin + epochs
    )


def work(
    study: Study, *, chunk: int = 2, log: Path | None = None, meet: Path | None = None, pause: float = 0.0
) -> None:
    """Train until nothing is left to ask for."""
    while (batch := study.take_batch()) is not None:
        with batch:
            train(batch, chunk=chunk, log=log, pause=pause)
        patience = time.monotonic() + 60
        while meet is not None and not meet.exists() and time.monotonic() < patience:
            time.sleep(0.001)


def record(batch: Batch, rung: int, trials: list[Trial]) -> None:
    """Train trials to a rung, and keep states that say whose they are."""
    epochs, last = batch.rungs[rung], rung == len(batch.rungs) - 1
    states = None if last else {"who": np.array([[trial.number, epochs] for trial in trials])}
    batch.record(rung, [trained(trial, epochs) for trial in trials], states, last=last)


def train(batch: Batch, *, chunk: int = 2, log: Path | None = None, pause: float = 0.0) -> None:
    for rung in range(len(batch.rungs)):
        due = batch.due(rung)
        for part in (due[begin : begin + chunk] for begin in range(0, len(due), chunk)):
            numbers = [trial.number for trial in part]
            if rung:  # the states say to whom they belong, and how far they have come
                found = {number: state["who"].tolist() for number, state in batch.states(rung - 1, numbers).items()}
                assert found == {number: [number, batch.rungs[rung - 1]] for number in numbers}
            if pause:
                time.sleep(pause)
            record(batch, rung, part)
            if log is not None:
                with open(log, "a") as file:
                    file.writelines(f"{number} {rung}\n" for number in numbers)
                if hasattr(Torn, "operations"):  # in a process that may be killed
                    Torn.operations.counting = True
        if rung:
            batch.drop_states(rung - 1)


def seen(trials: list[Trial]) -> list[Any]:
    """Trials as values that can be compared, NaN included."""
    return [
        [
            *(trial.number, dict(trial.settings), trial.seed, trial.state, trial.value, trial.seconds, trial.reason),
            *(trial.began, trial.ended, trial.lane, trial.repeats),
            {name: (column.dtype.name, column.tobytes()) for name, column in trial.curves.items()},
        ]
        for trial in trials
    ]


def optuna_study(study: Study) -> optuna.Study:
    """The study as Optuna itself opens it."""
    place: Any = study.asked.storage
    if place is None:
        backend = optuna.storages.journal.JournalFileBackend(str(study.path / "trials.log"))
        place = optuna.storages.JournalStorage(backend)
    return optuna.load_study(study_name=study.optuna_name, storage=place)


def check_optuna(study: Study, *, every_epoch: bool = True) -> None:
    """Optuna has each trial once, under its number, with settings, curve, value and state."""
    names = {"done": "COMPLETE", "stopped": "PRUNED", "failed": "FAIL", "running": "RUNNING", "waiting": "RUNNING"}
    theirs, ours = optuna_study(study).trials, study.trials
    assert [trial.number for trial in theirs] == [trial.number for trial in ours]
    for one, trial in zip(theirs, ours, strict=True):
        assert one.state.name == names[trial.state], (one, trial)
        shown = {n: json.dumps(v) if isinstance(v, list) else v for n, v in trial.settings.items()}
        assert one.params == shown
        if one.state.is_finished():
            assert one.value == trial.value
            curve = trial.curves["val_accuracy"].tolist()
            told = one.intermediate_values
            if every_epoch:
                assert sorted(told) == list(range(1, len(curve) + 1))
            assert len(curve) in told
            np.testing.assert_array_equal([told[step] for step in sorted(told)], [curve[s - 1] for s in sorted(told)])


class Operations:
    """Counts what is done to files; at one of them the process kills itself: inside a write, before the others."""

    def __init__(self, at: int | str | None, *, counting: bool = True) -> None:
        kind, _, number = str(at or "never:-1").rpartition(":")
        self._kind, self._left, self.counting = kind, int(number), counting
        self.counted: collections.Counter[str] = collections.Counter()
        for name in KINDS[1:]:
            self._hook(name)
        Torn.operations = self
        os.fdopen = lambda descriptor, mode="r", *_, **__: TornWriter(io.FileIO(descriptor, mode))  # type: ignore[assignment]
        self._open = builtins.open
        builtins.open = self._opened  # type: ignore[assignment]

    def due(self, kind: str) -> bool:
        self.counted[kind] += 1
        if not self.counting:
            return False
        self._left -= self._kind in ("", kind)
        return self._left == 0

    def _hook(self, name: str) -> None:
        keep = getattr(os, name)

        def patched(*arguments: Any, **options: Any) -> Any:
            if self.due(name):
                os.kill(os.getpid(), signal.SIGKILL)
            return keep(*arguments, **options)

        setattr(os, name, patched)

    def _opened(self, file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if str(file).endswith(".log") and mode == "r+b":  # Optuna's journal
            return TornRandom(io.FileIO(file, "r+"))
        return self._open(file, mode, *arguments, **options)


class Torn:
    """A file of which a write may be torn."""

    operations: Operations

    def write(self, content: Any) -> int:
        if self.operations.due("write"):
            super().write(bytes(content)[: len(bytes(content)) // 2])  # type: ignore[misc]
            self.flush()  # type: ignore[attr-defined]
            os.kill(os.getpid(), signal.SIGKILL)
        return super().write(content)  # type: ignore[misc]


class TornWriter(Torn, io.BufferedWriter):
    pass


class TornRandom(Torn, io.BufferedRandom):
    pass


def run_child(job: dict[str, Any]) -> dict[str, int]:
    operations = Operations(job.get("at"), counting=not job.get("trained"))
    study_module.batch_size = lambda name, trials: job.get("batch", 4)  # type: ignore[assignment]
    options = {**job.get("asked", {})}
    study = Study.create(Path(job["path"]), asked(**options), notify=print, patience=job.get("patience", 30.0))
    log, meet = (Path(job[name]) if job.get(name) else None for name in ("log", "meet"))
    work(study, log=log, meet=meet, pause=job.get("pause", 0.0))
    return dict(operations.counted)


def forked(job: dict[str, Any]) -> tuple[int, int]:
    """The child's process and what it says."""
    hears, tells = os.pipe()
    child = os.fork()
    if child:
        os.close(tells)
        return child, hears
    os.close(hears)
    status = 1
    said = ""
    try:
        said = json.dumps(run_child(job))
        status = 0
    except BaseException:
        said = traceback.format_exc()[-3000:]
    finally:
        os.write(tells, said.encode()[:60_000])
        os._exit(status)


def answers(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    jobs = [job, *([job["together"]] if job.get("together") else [])]
    children = [forked(one) for one in jobs]
    for one, (child, _) in zip(jobs, children, strict=True):
        if one.get("delay") is not None:
            time.sleep(one["delay"])
            os.kill(child, signal.SIGKILL)
    for child, hears in children:
        with os.fdopen(hears) as stream:
            said = stream.read()
        yield {"status": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), "said": said}


def main() -> None:
    answer = os.dup(1)  # what a study prints goes elsewhere
    os.dup2(2, 1)
    for line in iter(sys.stdin.readline, ""):
        os.write(answer, (json.dumps(list(answers(json.loads(line)))) + "\n").encode())


if __name__ == "__main__":
    main()
