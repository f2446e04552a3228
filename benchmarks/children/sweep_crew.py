"""Several processes that try settings at the same time, each on a core of its own: one of them, and what all say together.

Settings of the work, beside the contestant's own: `worker`, its number from 0; `workers`, how many there are; `meeting`, a
folder that they share.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.children.work import Work

_PATIENCE = 300.0  # seconds to wait for the others


class Worker:
    """A worker's place among the others, and the seconds of its trials.

    Where there are several, it ties itself to one core when it is made; so make it before anything that counts cores is
    imported.
    """

    def __init__(self, work: Work) -> None:
        self.number, self.count = int(work.settings.get("worker", 0)), int(work.settings.get("workers", 1))
        self.meeting = Path(work.settings.get("meeting", "."))
        self._work = work
        self._last = self._began = 0.0
        self._seconds: list[float] = []
        self._cold: list[bool] = []
        if self.count > 1 and hasattr(os, "sched_setaffinity"):
            cores = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, {cores[self.number % len(cores)]})

    def share(self, settings: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Its own part of the settings: every so many-th."""
        return list(settings[self.number :: self.count])

    def begin(self) -> None:
        """Wait until everybody is ready, and start the clock.

        Raises:
            TimeoutError: Somebody did not come.
        """
        (self.meeting / f"ready-{self.number}").touch()
        limit = time.monotonic() + _PATIENCE
        while any(not (self.meeting / f"ready-{number}").exists() for number in range(self.count)):
            if time.monotonic() > limit:
                raise TimeoutError(f"worker {self.number} waited {_PATIENCE:.0f} seconds for the others")
            time.sleep(0.01)
        self._began = self._last = time.perf_counter()

    def trial(self, *, cold: bool = False) -> None:
        """Called at each trial's end; `cold` for one that paid for what later ones have (compiling, late imports)."""
        now = time.perf_counter()
        self._seconds.append(now - self._last)
        self._cold.append(cold or len(self._seconds) == 1)
        self._last = now

    def answer(self, packages: Sequence[str], accuracies: Sequence[float], **more: Any) -> None:
        """Write each trial's seconds, which of them were cold, and the best validation accuracy."""
        self._work.answer(
            packages,
            total_seconds=self._last - self._began,
            trial_seconds=self._seconds,
            cold=self._cold,
            at_once=1,
            val_accuracy=float(max(accuracies)),
            **more,
        )


def joined(answers: list[dict[str, Any]]) -> dict[str, Any]:
    """The answers of workers that tried at the same time as one.

    Returns:
        `seconds`: of wall time a trial, of all workers together, each at the median of its warm trials. `first_seconds`: what
        a worker's first trial took longer than that. `trials`, and how many of them were `warm`.
    """
    rates, firsts, warm, trials = [], [], 0, 0
    for answer in answers:
        spent = answer.get("trial_seconds", [answer["total_seconds"]])
        cold = answer.get("cold", [False] * len(spent))
        steady = [one for one, first in zip(spent, cold, strict=True) if not first]
        usual = statistics.median(steady or spent)
        rates.append(answer.get("at_once", 1) / usual)
        firsts.append(max(0.0, spent[0] - usual) if cold[0] else 0.0)
        trials, warm = trials + len(spent), warm + len(steady)
    return {
        "seconds": 1 / sum(rates),
        "first_seconds": statistics.median(firsts),
        "trials": trials,
        "warm": warm,
        "total_seconds": max(answer["total_seconds"] for answer in answers),
        "val_accuracy": max(answer["val_accuracy"] for answer in answers),
        "versions": answers[0]["versions"],
        "workers": [{key: value for key, value in answer.items() if key != "versions"} for answer in answers],
    }
