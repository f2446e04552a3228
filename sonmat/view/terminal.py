"""A run's progress: a live line in a terminal, a line an epoch in a log file or a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Column
from rich.text import Text

from sonmat.engine.listener import Listener
from sonmat.engine.listener import Progress as Where
from sonmat.language import say
from sonmat.view.tables import duration

if TYPE_CHECKING:
    from sonmat.engine.training import Training


class Lines(Listener):
    """One line an epoch: what a log file, a pipe or a notebook shows well."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.epochs = 0

    def on_begin(self, training: Training) -> None:
        self.epochs = training.epochs

    def on_compiled(self, seconds: float) -> None:
        self._print(Text(say(f"compiled in {duration(seconds)}", f"컴파일 {duration(seconds)}"), style="dim"))

    def on_epoch(self, epoch: int, logs: dict[str, float], seconds: float) -> None:
        width = len(str(self.epochs))
        line = Text(f"{say('epoch', '에포크')} {epoch + 1:>{width}}/{self.epochs}  ").append_text(_numbers(logs))
        self._print(line.append(f"  {duration(seconds)}", style="dim"))

    def _print(self, line: Text) -> None:
        self.console.print(line, soft_wrap=True)


class Bar(Lines):
    """The same lines, and below them where the running epoch is: steps, loss, accuracy, time left."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._bar = Progress(
            SpinnerColumn("line"),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[told]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
            console=console,
            transient=True,
            refresh_per_second=8,
        )
        self._task = self._bar.add_task("", total=None, told="")

    def start(self) -> None:
        """Show it: not before the download, which shows itself, is over."""
        self._say(say("compiling", "컴파일 중"))
        self._bar.start()

    def stop(self) -> None:
        """Take it away."""
        self._bar.stop()

    def on_compiled(self, seconds: float) -> None:
        super().on_compiled(seconds)
        self._say(f"{say('epoch', '에포크')} –/{self.epochs}")

    def on_progress(self, progress: Where) -> None:
        left = say(f"{duration(progress.remaining)} left", f"{duration(progress.remaining)} 남음")
        self._bar.update(
            self._task,
            description=f"{say('epoch', '에포크')} {progress.epoch + 1}/{progress.epochs}",
            completed=progress.step,
            total=progress.steps,
            told=f"{progress.step:,}/{progress.steps:,}  {left}  {_numbers(progress.logs).plain}",
        )

    def on_end(self, history: dict[str, list[float]]) -> None:
        self._say(say("drawing and evaluating", "그림 그리고 평가하는 중"))

    def _say(self, what: str) -> None:
        self._bar.update(self._task, description=what, total=None, told="")

    def _print(self, line: Text) -> None:
        self._bar.console.print(line, soft_wrap=True)


class Following:
    """What a command shows while a run trains: a live line in a terminal, a line an epoch elsewhere, or nothing.

    Args:
        console: Where; None shows nothing.
    """

    def __init__(self, console: Console | None) -> None:
        self._console = console
        self._shown = None if console is None else Bar(console) if console.is_terminal else Lines(console)
        self.listeners: list[Listener] = [] if self._shown is None else [self._shown]

    def begin(self, headline: Text) -> None:
        """Say what begins, and follow it from now on."""
        if self._console is not None:
            self._console.print(headline, soft_wrap=True)
        if isinstance(self._shown, Bar):
            self._shown.start()

    def stop(self) -> None:
        """Show nothing more."""
        if isinstance(self._shown, Bar):
            self._shown.stop()


@contextmanager
def following(console: Console | None) -> Iterator[Following]:
    """A `Following` that stops whatever happens, so that the terminal has its cursor again."""
    shown = Following(console)
    try:
        yield shown
    finally:
        shown.stop()


def _numbers(logs: dict[str, Any]) -> Text:
    """Loss and metrics, training before validation."""
    text = Text()
    for name, value in sorted(
        logs.items(), key=lambda item: (item[0].startswith("val_"), item[0] not in ("loss", "val_loss"))
    ):
        array = np.asarray(value)
        shown = (
            f"{float(array):.4f}" if array.ndim == 0 else "[" + " ".join(f"{v:.3f}" for v in array.ravel()[:10]) + "]"
        )
        text.append(f"{'  ' if text else ''}{_called(name)} ", style="dim").append(shown)
    return text


def _called(name: str) -> str:
    known = {"loss": "손실", "accuracy": "정확도", "val_loss": "검증 손실", "val_accuracy": "검증 정확도"}
    return say(name, known.get(name, name))
