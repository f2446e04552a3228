"""The history of a search: what each trial reached, and the best so far."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from sonmat.language import say
from sonmat.search.trial import DONE, FAILED, STOPPED
from sonmat.view.canvas import INK, finish, style
from sonmat.view.study_figure import StudyFigure, difference_text, value_text
from sonmat.view.study_sheet import (
    blank,
    draw_best,
    draw_states,
    legend,
    nothing,
    place,
    size_of,
    state_dots,
    titled,
    value_axis,
)
from sonmat.view.words import fit

_NEARLY = 0.1  # of the gain from a usual trial to the best


def draw_history(figure: StudyFigure, path: str | os.PathLike[str] | None = None) -> Path | Figure:
    """Draw each trial's value by its number, those that were stopped hollow, those that failed below, and the best so far.

    Args:
        figure: The study.
        path: The PNG to write; None gives the figure itself.

    Raises:
        StorageError: The file cannot be written.
    """
    with style():
        why = nothing(figure)
        if why:
            return finish(blank(figure.name, why), path)
        drawn = titled(9, 5.4, *history_words(figure))
        axes = place(drawn, 0.95, 1.25, 0.3, 0.95)
        value_axis(axes, figure)
        numbers = np.array([trial.number for trial in figure.ended], np.float64)
        draw_states(axes, figure, numbers, size_of(len(numbers)))
        handles = [*state_dots(figure), *_best(axes, figure)]
        pad = max(0.6, 0.015 * np.ptp(numbers))
        axes.set_xlim(numbers.min() - pad, numbers.max() + pad)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=9, integer=True, min_n_ticks=1))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.set_xlabel(say("trial", "시도"))
        legend(drawn, handles)
        return finish(drawn, path)


def history_words(figure: StudyFigure) -> tuple[str, str]:
    """The heading, and what else the history shows."""
    best = figure.best
    count = len(figure.ended)
    if best is None:
        return figure.name, nothing(figure)
    reached, name = value_text(best.value), fit(figure.name, 40)
    title = (
        say(f"{name}: one trial, {reached}", f"{name}: 시도 1개, {reached}")
        if count == 1
        else say(
            f"{name}: the best of {count:,} trials reached {reached}",
            f"{name}: 시도 {count:,}개 가운데 최고 {reached}",
        )
    )
    told = []
    near = nearly(figure)
    if near is not None:
        number, value = near
        away = difference_text(abs(value - float(best.value or 0)))
        told.append(say(f"trial {number} was already within {away}", f"시도 {number}에서 이미 {away} 차이까지 접근"))
    stopped, failed = int(figure.are(STOPPED).sum()), int(figure.are(FAILED).sum())
    if stopped:
        told.append(say(f"{stopped:,} stopped early", f"{stopped:,}개는 중간에 멈춤"))
    if failed:
        told.append(say(f"{failed:,} failed", f"{failed:,}개 실패"))
    beyond = int(figure.beyond.sum())
    if beyond:
        told.append(say(f"{beyond:,} worse than the axis shows", f"{beyond:,}개는 축 밖"))
    return title, "; ".join(told)


def best_so_far(figure: StudyFigure) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Numbers of the trials that beat all before them, and their values.

    Trials that were stopped early count only where none was trained to the end: their values are of fewer epochs.
    """
    eligible = figure.are(DONE)
    if not eligible.any():
        eligible = np.isfinite(figure.values)
    numbers = np.array([trial.number for trial in figure.ended])[eligible]
    values = figure.values[eligible]
    if not len(values):
        return numbers, values
    sign = 1.0 if figure.maximize else -1.0
    record = np.maximum.accumulate(sign * values)
    new = np.r_[True, record[1:] > record[:-1]]
    return numbers[new], values[new]


def nearly(figure: StudyFigure) -> tuple[int, float] | None:
    """The first trial that had nearly all of the gain from a usual trial to the best, and its value; None where it is the
    best itself, or where there are too few to tell."""
    numbers, values = best_so_far(figure)
    if len(values) < 2 or len(figure.ended) < 10:
        return None
    whole = figure.are(DONE)
    best, usual = values[-1], float(np.nanmedian(figure.values[whole] if whole.any() else figure.values))
    close = np.abs(values - best) <= _NEARLY * abs(best - usual)
    at = int(np.argmax(close))
    return (int(numbers[at]), float(values[at])) if at < len(values) - 1 else None


def _best(axes: Axes, figure: StudyFigure) -> list[Line2D]:
    numbers, values = best_so_far(figure)
    places = np.clip(figure.scale(values), *figure.window)
    last = max(trial.number for trial in figure.ended)
    draw_best(axes, figure, np.array([trial.number for trial in figure.ended], np.float64))
    if len(figure.ended) < 2:
        return []
    return axes.plot(
        np.r_[numbers, last],
        np.r_[places, places[-1]],
        drawstyle="steps-post",
        color=INK,
        linewidth=1.3,
        zorder=5,
        label=say("best so far", "그때까지 최고"),
        gid="best-so-far",
    )
