"""What a training tells the page, and where it hears that it should stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sonmat.engine.listener import Listener, Progress, Stopped
from sonmat.engine.training import Training
from sonmat.studio.wire import Wire

_EVERY = 0.1  # seconds between two tellings of progress, at least


class Telling(Listener):
    """Passes a run's progress on.

    Args:
        wire: Where to.
        name: The run's.
        stopping: Whether it should stop.
    """

    def __init__(self, wire: Wire, name: str, stopping: Callable[[], bool]) -> None:
        self._wire, self._name, self._stopping = wire, name, stopping
        self._last, self._epochs = 0.0, 0
        self._training: Training | None = None

    def on_begin(self, training: Training) -> None:
        self._training, self._epochs = training, training.epochs
        self._say("begun", parameters=int(training.model.count_params()), epochs=training.epochs)

    def on_compiled(self, seconds: float) -> None:
        self._say("compiled", seconds=round(seconds, 4))
        self._check()

    def on_progress(self, progress: Progress) -> None:
        now = time.perf_counter()
        if now - self._last >= _EVERY:
            self._last = now
            self._say(
                "progress", epoch=progress.epoch, epochs=progress.epochs, step=progress.step, steps=progress.steps,
                logs=progress.logs, seconds=round(progress.seconds, 3), remaining=round(progress.remaining, 3),
                steps_per_second=self._speed(),
            )  # fmt: skip
        self._check()

    def on_epoch(self, epoch: int, logs: dict[str, float], seconds: float) -> None:
        self._say("epoch", epoch=epoch, epochs=self._epochs, logs=logs, seconds=round(seconds, 4))
        if epoch + 1 < self._epochs:  # a run at its end has nothing left to stop
            self._check()

    def on_end(self, history: dict[str, list[float]]) -> None:
        self._say("finishing")

    def _speed(self) -> float | None:
        each = self._training.program.step_seconds if self._training is not None else 0.0
        return round(1 / each, 1) if each else None

    def _say(self, kind: str, **told: Any) -> None:
        self._wire.say(kind, name=self._name, **told)

    def _check(self) -> None:
        if self._stopping():
            raise Stopped(self._name)
