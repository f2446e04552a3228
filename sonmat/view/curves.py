"""Curves: how loss and accuracy went, epoch by epoch."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from sonmat.errors import DataError
from sonmat.language import say
from sonmat.view.canvas import BLUE, FAINT, INK, ORANGE, finish, sheet, style
from sonmat.view.words import fit

History = Mapping[str, Sequence[float | None]]

_NOT_METRICS = ("epoch", "seconds", "lr", "learning_rate")
_FEW = 30  # up to so many epochs each gets a dot
_STEEP = 50.0  # a loss whose largest value is so many times its median is drawn on a logarithmic axis


@dataclass(frozen=True)
class BestEpoch:
    """The epoch with the lowest validation loss, the first of them where several share it.

    Attributes:
        epoch: Counted from 1, as the picture's axis.
        loss: Its validation loss.
    """

    epoch: int
    loss: float


def curves(
    history: History,
    path: str | os.PathLike[str] | None = None,
    *,
    title: str | None = None,
    metric: str | None = None,
    initial_epoch: int = 0,
) -> Path | Figure:
    """Draw loss (left axis) and accuracy (right axis) of training and validation, with the best epoch marked.

    Args:
        history: Lists of one value an epoch, as in Keras's `History.history`; None and NaN leave a gap. A shorter
            `val_` list is one of `validation_freq`.
        path: The PNG to write; None gives the figure itself.
        title: The heading.
        metric: What the right axis shows; the accuracy unless said, or else the first metric there is.
        initial_epoch: How many epochs had gone before, as in Keras's `fit`.

    Raises:
        DataError: There is no epoch to draw, no such metric, or a list whose length fits none.
        StorageError: The file cannot be written.
    """
    shown = {key: _series(key, history, initial_epoch) for key in history if key not in _NOT_METRICS}
    length = max((len(values) for values in shown.values()), default=0)
    if length == 0:
        raise DataError(
            say("There is no epoch to draw: the history is empty.", "그릴 에포크가 없습니다: 기록이 비어 있습니다."),
            say("Train for at least one epoch.", "한 에포크 이상 학습하세요."),
        )
    chosen = _metric(shown, metric)
    epochs = np.arange(1, length + 1) + initial_epoch
    with style():
        figure = sheet(8, 5)
        # A fixed frame draws in half the time of a computed layout, and puts the axes of two runs in the same place.
        left = figure.add_axes((0.115, 0.24, 0.77, 0.64))
        lines = _pair(left, epochs, shown, "loss", ORANGE)
        _loss_axis(left, [shown[key] for key in ("loss", "val_loss") if key in shown])
        if chosen:
            right = left.twinx()
            lines += _pair(right, epochs, shown, chosen, BLUE)
            _metric_axis(right, chosen)
            if length == 1:
                _apart(left, right)
        best = best_epoch(history, initial_epoch=initial_epoch)
        if best:
            lines.append(_mark(left, figure.axes[-1], best))
        _epoch_axis(left, epochs)
        remark = _remark(shown, epochs)
        figure.text(
            0.5, 0.955 if remark else 0.93, fit(title or _heading(chosen), 80), ha="center", va="center", fontsize=12.5
        )
        figure.text(0.5, 0.905, remark, ha="center", va="center", color=FAINT, fontsize=9.5)
        wide = len(lines) if len(lines) <= 3 else (len(lines) + 1) // 2
        figure.legend(handles=lines, loc="lower center", bbox_to_anchor=(0.5, 0.005), ncols=wide, columnspacing=2.2)
        return finish(figure, path)


def best_epoch(history: History, *, initial_epoch: int = 0) -> BestEpoch | None:
    """The epoch with the lowest validation loss; None where no validation loss is a number."""
    if "val_loss" not in history:
        return None
    losses = _series("val_loss", history, initial_epoch)
    if not np.isfinite(losses).any():
        return None
    at = int(np.nanargmin(np.where(np.isfinite(losses), losses, np.nan)))
    return BestEpoch(epoch=initial_epoch + at + 1, loss=float(losses[at]))


def columns(rows: Iterable[Mapping[str, object]]) -> dict[str, list[float | None]]:
    """A history from one record an epoch, as the journal keeps it; what an epoch did not measure is None."""
    kept = list(rows)
    keys = dict.fromkeys(key for row in kept for key in row)
    return {key: [_number(row.get(key)) for row in kept] for key in keys}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _series(key: str, history: History, initial_epoch: int) -> NDArray[np.float64]:
    values = np.array([math.nan if value is None else float(value) for value in history[key]], np.float64)
    length = max(len(history[other]) for other in history)
    if len(values) in (0, length):
        return values
    for every in range(2, length + 1):
        at = np.flatnonzero((np.arange(length) + initial_epoch + 1) % every == 0)
        if len(at) == len(values) and key.startswith("val_"):
            spread = np.full(length, math.nan)
            spread[at] = values
            return spread
    raise DataError(
        say(
            f"One value an epoch was expected; '{key}' has {len(values)} for {length} epochs.",
            f"에포크마다 값이 하나여야 하는데 '{key}' 값은 {length} 에포크에 {len(values)}개입니다.",
        ),
        say("Put None where an epoch has no value.", "값이 없는 에포크에는 None을 넣으세요."),
    )


def _metric(shown: Mapping[str, object], wanted: str | None) -> str | None:
    there = [key for key in shown if key != "loss" and not key.startswith("val_")]
    if wanted is None:
        return next((key for key in there if "acc" in key), next(iter(there), None))
    if wanted not in there:
        raise DataError(
            say(f"There is no metric '{wanted}' in this history.", f"이 기록에 '{wanted}' 지표가 없습니다."),
            say(f"It has: {', '.join(there) or 'the loss alone'}.", f"있는 지표: {', '.join(there) or '손실뿐'}."),
        )
    return wanted


def _pair(
    axes: Axes, epochs: NDArray[np.int64], shown: Mapping[str, NDArray[np.float64]], key: str, color: str
) -> list[Line2D]:
    """Training dashed and light, validation solid: apart without their colours too."""
    dot = "o" if len(epochs) <= _FEW else None
    lines: list[Line2D] = []
    for name, label, line, face in (
        (key, say("training", "학습"), (0, (4, 1.6)), "white"),
        (f"val_{key}", say("validation", "검증"), "-", color),
    ):
        if name in shown:
            values = np.where(np.isfinite(shown[name]), shown[name], np.nan)
            there = np.isfinite(values)
            # Epochs without a value are passed over between measured ones, so that validation_freq gives a line.
            drawn = there if name.startswith("val_") else np.ones_like(there)
            lines += axes.plot(
                epochs[drawn],
                values[drawn],
                color=color,
                linestyle=line,
                marker=dot or ("o" if there.sum() <= _FEW else None),
                markersize=5,
                markerfacecolor=face,
                alpha=0.85 if name == key else 1.0,
                label=f"{_called(key)}, {label}",
                gid=name,
            )
    return lines


def _loss_axis(axes: Axes, series: Sequence[NDArray[np.float64]]) -> None:
    axes.set_ylabel(_called("loss"), color=ORANGE)
    axes.tick_params(axis="y", labelcolor=ORANGE)
    axes.grid(True, axis="y")
    finite = _finite(series)
    if finite.size and finite.min() > 0 and finite.max() > _STEEP * np.median(finite):
        axes.set_yscale("log")
        axes.set_ylabel(say("loss (logarithmic)", "손실 (로그 눈금)"), color=ORANGE)
        axes.yaxis.set_major_locator(LogLocator(numticks=8))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _power(value)))
        axes.yaxis.set_minor_formatter(NullFormatter())


def _power(value: float) -> str:
    """A power of ten, short also where a float no longer holds it exactly (below 1e-307: 9.88131e-324)."""
    return f"{value:g}" if 1e-4 <= value < 1e6 else f"{value:.0e}"


def _metric_axis(axes: Axes, key: str) -> None:
    axes.set_ylabel(_called(key), color=BLUE, rotation=270, va="bottom")
    axes.tick_params(axis="y", labelcolor=BLUE)


def _apart(left: Axes, right: Axes) -> None:
    """One epoch is one column of dots: loss in its upper half, the metric in its lower."""
    for axes, below, above in ((left, 1.6, 0.3), (right, 0.3, 1.6)):
        low, high = axes.get_ylim()
        axes.set_ylim(low - below * (high - low), high + above * (high - low))


def _finite(series: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    values = np.concatenate(list(series)) if series else np.empty(0)
    finite: NDArray[np.float64] = values[np.isfinite(values)]
    return finite


def _epoch_axis(axes: Axes, epochs: NDArray[np.int64]) -> None:
    first, last = int(epochs[0]), int(epochs[-1])
    margin = max(0.5, 0.03 * (last - first)) if last - first < _FEW else 0.015 * (last - first)
    axes.set_xlim(first - margin, last + margin)
    ticks = MaxNLocator(nbins=12, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1).tick_values(first, last)
    inside = [int(tick) for tick in ticks if first <= tick <= last and tick == int(tick)]
    if inside and inside[0] != first and len(inside) > 1 and inside[0] - first >= (inside[1] - inside[0]) / 2:
        inside.insert(0, first)  # the axis says where it starts
    axes.set_xticks(inside or [first])
    axes.set_xlabel(say("epoch", "에포크"))


def _mark(axes: Axes, top: Axes, best: BestEpoch) -> Line2D:
    axes.axvline(best.epoch, color=INK, linewidth=0.9, linestyle=(0, (1, 2)), zorder=1, gid="best-line")
    (mark,) = top.plot(  # on the uppermost axes, else the metric's lines cover it
        best.epoch,
        best.loss,
        transform=axes.transData,
        marker="*",
        markersize=15,
        markerfacecolor="#F0E442",
        markeredgecolor=INK,
        linestyle="none",
        zorder=5,
        label=say(
            f"best epoch: {best.epoch} (lowest validation loss, {best.loss:.4g})",
            f"가장 좋은 에포크: {best.epoch} (검증 손실 최소, {best.loss:.4g})",
        ),
        gid="best",
    )
    return mark


def _heading(metric: str | None) -> str:
    if metric is None:
        return say("Loss, epoch by epoch", "에포크별 손실")
    return say(f"Loss and {_called(metric)}, epoch by epoch", f"에포크별 손실과 {_called(metric)}")


def _remark(shown: Mapping[str, NDArray[np.float64]], epochs: NDArray[np.int64]) -> str:
    """What the curves cannot show: why no epoch is marked, and where numbers ended."""
    said = []
    if "val_loss" not in shown:
        said.append(
            say("No validation, so no best epoch is marked.", "검증이 없어 가장 좋은 에포크를 표시하지 않습니다.")
        )
    broken = ~np.isfinite(shown["loss"]) if "loss" in shown else np.zeros(0, bool)
    if broken.any():
        first = int(epochs[int(np.argmax(broken))])
        said.append(say(f"The loss is not a number in epoch {first}.", f"{first} 에포크에서 손실이 숫자가 아닙니다."))
    return " ".join(said)


def _called(key: str) -> str:
    known = {
        "loss": say("loss", "손실"),
        "accuracy": say("accuracy", "정확도"),
        "acc": say("accuracy", "정확도"),
        "sparse_categorical_accuracy": say("accuracy", "정확도"),
        "categorical_accuracy": say("accuracy", "정확도"),
        "binary_accuracy": say("accuracy", "정확도"),
    }
    return known.get(key) or key.replace("_", " ")
