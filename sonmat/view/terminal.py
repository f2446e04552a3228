"""A run's progress: a live line in a terminal, a line an epoch in a log file or a notebook."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from sonmat.engine.listener import Listener
from sonmat.engine.listener import Progress as Where
from sonmat.language import say
from sonmat.view.tables import duration

if TYPE_CHECKING:
    from sonmat.engine.training import Training

_SHADES = " .:-=+*#%@"


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
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[told]}"),
            console=console,
            transient=True,
            refresh_per_second=8,
        )
        self._task = self._bar.add_task(say("compiling", "컴파일 중"), total=None, told="")

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()

    def on_progress(self, progress: Where) -> None:
        left = say(f"{duration(progress.remaining)} left", f"{duration(progress.remaining)} 남음")
        self._bar.update(
            self._task,
            description=f"{say('epoch', '에포크')} {progress.epoch + 1}/{progress.epochs}",
            completed=progress.step,
            total=progress.steps,
            told=f"{progress.step:,}/{progress.steps:,}  {_numbers(progress.logs).plain}  {left}",
        )

    def _print(self, line: Text) -> None:
        self._bar.console.print(line, soft_wrap=True)


def _numbers(logs: dict[str, Any]) -> Text:
    """Loss and metrics, training before validation."""
    text = Text()
    for name, value in sorted(logs.items(), key=lambda item: (item[0].startswith("val_"), item[0] not in ("loss", "val_loss"))):
        array = np.asarray(value)
        shown = f"{float(array):.4f}" if array.ndim == 0 else "[" + " ".join(f"{v:.3f}" for v in array.ravel()[:10]) + "]"
        text.append(f"{'  ' if text else ''}{_called(name)} ", style="dim").append(shown)
    return text


def _called(name: str) -> str:
    known = {"loss": "손실", "accuracy": "정확도", "val_loss": "검증 손실", "val_accuracy": "검증 정확도"}
    return say(name, known.get(name, name))


def image_text(image: np.ndarray, width: int = 28) -> Text:
    """A small image for a terminal, a character for two columns of a pixel: light is dense.

    Args:
        image: (height, width) or (height, width, channels), any range.
    """
    plane = np.asarray(image, np.float64)
    plane = plane.mean(-1) if plane.ndim == 3 else plane
    step = max(1, plane.shape[1] // width)
    plane = plane[::step, ::step]
    low, high = plane.min(), plane.max()
    level = ((plane - low) / (high - low or 1.0) * (len(_SHADES) - 1)).round().astype(int)
    return Text("\n".join("".join(_SHADES[v] * 2 for v in row).rstrip() for row in level))
