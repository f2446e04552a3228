"""Parallel coordinates: each trial a line through all its settings to what it reached."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from sonmat.language import say
from sonmat.view.canvas import BLUE, FAINT, GREEN, INK, ORANGE, finish, style
from sonmat.view.study_figure import StudyFigure, bent
from sonmat.view.study_settings import SettingAxis
from sonmat.view.study_sheet import PALE, blank, legend, nothing, place, titled
from sonmat.view.words import fit

_AXES = 8  # settings, besides the metric
_LINES, _TOP = 1_200, 200  # drawn at most, of the rest and of the best
_STEPS = 24  # points of a curve between two axes
_REST = "#C9D3D9"


def draw_parallel(figure: StudyFigure, path: str | os.PathLike[str] | None = None) -> Path | Figure:
    """Draw each trial as a curve through its settings: the best in blue over the rest in grey, the best of
    the search in orange, and the winner in green where that is another.

    Args:
        figure: The study.
        path: The PNG to write; None gives the figure itself.

    Raises:
        StorageError: The file cannot be written.
    """
    with style():
        title, remark = parallel_words(figure)
        if nothing(figure) or not figure.axes:
            return finish(blank(title, remark), path)
        axes_shown = figure.axes[:_AXES]
        width = max(7.0, 1.9 * (len(axes_shown) + 1) + 1.2)
        drawn = titled(width, 5.4, title, remark)
        axes = place(drawn, 0.75, 0.75, 0.75, 1.3)
        handles = _lines(axes, figure, axes_shown)
        for number, axis in enumerate(axes_shown):
            _scale(axes, number, axis.label, [(_unit(axis, at), text) for at, text in axis.ticks(6, 11)])
        low, high = figure.window
        ticks = [((at - low) / (high - low), text) for at, text in figure.scale.ticks(low, high)]
        _scale(axes, len(axes_shown), figure.called, ticks, last=True)
        axes.text(len(axes_shown), 1.035, bent(figure.scale), ha="center", va="center", fontsize=7.5, color=FAINT)
        axes.set_xlim(-0.02, len(axes_shown) + 0.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_axis_off()
        legend(drawn, handles)
        return finish(drawn, path)


def parallel_words(figure: StudyFigure, rest: int = _LINES, top: int = _TOP) -> tuple[str, str]:
    """The heading, and what is left out where so many lines are drawn of the rest and of the best."""
    title = say("From the settings to the result", "설정에서 결과까지")
    if nothing(figure):
        return title, nothing(figure)
    if not figure.axes:
        return title, say("No setting was varied.", "바꾼 설정이 없습니다.")
    told = []
    drawn = len(chosen_lines(figure, rest, top))
    there = int(np.isfinite(figure.values).sum())
    if drawn < there:
        told.append(
            say(f"{drawn:,} of {there:,} trials, evenly chosen", f"시도 {there:,}개 중 고르게 뽑은 {drawn:,}개")
        )
    if len(figure.axes) > _AXES:
        told.append(
            say(
                f"the {_AXES} most important of {len(figure.axes)} settings",
                f"설정 {len(figure.axes)}개 중 중요한 {_AXES}개",
            )
        )
    return title, "; ".join(told)


def chosen_lines(figure: StudyFigure, rest: int = _LINES, top: int = _TOP) -> NDArray[np.int64]:
    """The places of the trials that are drawn, worst first: all, or evenly chosen from the best to the worst."""
    order = figure.order[np.isfinite(figure.values[figure.order])]
    best = order[figure.top[order]]
    others = order[~figure.top[order]]
    chosen = np.r_[_evenly(best, top), _evenly(others, rest)]
    return np.asarray(chosen[::-1], np.int64)


def _evenly(places: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    if len(places) <= most:
        return places
    return np.asarray(places[np.unique(np.linspace(0, len(places) - 1, most).round().astype(int))], np.int64)


def _unit(axis: SettingAxis, place: float) -> float:
    return (place - axis.low) / (axis.high - axis.low)


def _lines(axes: Axes, figure: StudyFigure, shown: tuple[SettingAxis, ...]) -> list[Line2D]:
    low, high = figure.window
    random = np.random.default_rng(0)
    heights = np.empty((len(figure.ended), len(shown) + 1))
    for number, axis in enumerate(shown):
        jitter = random.uniform(-0.22, 0.22, len(figure.ended)) if axis.choices else 0.0
        heights[:, number] = (axis.places + jitter - axis.low) / (axis.high - axis.low)
    heights[:, -1] = (figure.places - low) / (high - low)
    chosen = chosen_lines(figure)
    top, rest = chosen[figure.top[chosen]], chosen[~figure.top[chosen]]
    handles = []
    for places, color, width, alpha, label in (
        (rest, _REST, 0.7, 0.55 if len(rest) > 300 else 0.9, say("the rest", "나머지")),
        (top, BLUE, 0.9, 0.45 if len(top) > 60 else 0.8, figure.top_name),
        (_winner(figure), GREEN, 2.4, 1.0, figure.winner_name),
        (figure.order[:1], ORANGE, 2.4, 1.0, figure.best_name),
    ):
        if not len(places):
            continue
        curves = [_curve(heights[at]) for at in places]
        axes.add_collection(LineCollection(curves, colors=color, linewidths=width, alpha=alpha, capstyle="round"))
        handles.append(Line2D([], [], color=color if color != _REST else PALE, linewidth=max(1.8, width), label=label))
    return handles[::-1]


def _winner(figure: StudyFigure) -> NDArray[np.int64]:
    return np.array([] if figure.other_winner is None else [figure.other_winner], np.int64)


def _curve(heights: NDArray[np.float64]) -> NDArray[np.float64]:
    """A smooth curve that leaves each axis level: where curves cross, the eye can follow each."""
    part = np.linspace(0, 1, _STEPS)
    ease = part**2 * (3 - 2 * part)
    between = heights[:-1, None] + (heights[1:] - heights[:-1])[:, None] * ease
    across = np.arange(len(heights) - 1)[:, None] + part
    return np.column_stack((across.ravel(), between.ravel()))


def _scale(axes: Axes, at: int, name: str, ticks: list[tuple[float, str]], *, last: bool = False) -> None:
    axes.plot([at, at], [0, 1], color=INK, linewidth=1.1, zorder=4, clip_on=False)
    side = 1 if last else -1
    for height, text in ticks:
        if -0.001 <= height <= 1.001:
            axes.plot([at, at + 0.018 * side], [height] * 2, color=INK, linewidth=0.9, zorder=4, clip_on=False)
            box = {"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none", "alpha": 0.78}
            axes.text(at + 0.03 * side, height, text, ha="left" if last else "right", va="center", fontsize=8.5,
                      zorder=5, bbox=box)  # fmt: skip
    axes.text(at, 1.085, fit(name, 20), ha="center", va="center", fontsize=10, color=INK if last else FAINT, zorder=5)
