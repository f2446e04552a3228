"""The metric against each hyperparameter, one small picture each."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from sonmat.language import say
from sonmat.view.canvas import FAINT, GREEN, finish, style
from sonmat.view.study_figure import StudyFigure, chance_text
from sonmat.view.study_settings import SettingAxis
from sonmat.view.study_sheet import (
    blank,
    draw_best,
    draw_states,
    legend,
    nothing,
    size_of,
    state_dots,
    titled,
    value_axis,
)
from sonmat.view.words import fit

_MOST, _ACROSS = 12, 3
_LEFT = 1.1  # inches, for the numbers of the value axis
_PLACES, _EACH = 14, 16  # where a range's line is measured at most, and trials at each at least
_FEW = 6  # trials that a choice needs for its line
_BEST = 0.1  # the line is the mean of so many of the trials around


def draw_slices(figure: StudyFigure, path: str | os.PathLike[str] | None = None) -> Path | Figure:
    """Draw every trial's value against each of its settings, the most important setting first.

    Choices are strips with jitter; a range's axis is as the space has it. A line is the mean of
    the best tenth of the trials around, failed ones counted: what a value of this setting can reach while others vary.

    Args:
        figure: The study.
        path: The PNG to write; None gives the figure itself.

    Raises:
        StorageError: The file cannot be written.
    """
    with style():
        title, remark = slices_words(figure)
        if nothing(figure) or not figure.axes:
            return finish(blank(title, remark), path)
        shown = figure.axes[:_MOST]
        across = min(_ACROSS, len(shown))
        down = -(-len(shown) // across)
        head = 0.85 if remark else 0.6
        width, height = max(9.0, _LEFT + 3.35 * across), head + 0.7 + 2.75 * down
        drawn = titled(width, height, title, remark)
        wide = (width - _LEFT - 0.25) / across
        top = _line(np.zeros(0), np.zeros(0), None)
        for number, axis in enumerate(shown):
            row, column = divmod(number, across)
            left, bottom = _LEFT + wide * column, height - head - 2.75 * (row + 1) + 0.5
            axes = drawn.add_axes((left / width, bottom / height, (wide - 0.25) / width, 1.85 / height))
            axes.spines["right"].set_visible(False)
            value_axis(axes, figure, named=column == 0)
            axes.set_ylabel(
                axes.get_ylabel().replace(" (", "\n("), fontsize=9.5
            )  # in one line it is longer than the axis
            top = _slice(axes, figure, axis) or top
        line = Line2D([], [], color=GREEN, linewidth=1.8, label=reach_name())
        legend(drawn, [*state_dots(figure), *([line] if top else [])])
        return finish(drawn, path)


def slices_words(figure: StudyFigure) -> tuple[str, str]:
    """The heading, and what else is to be said."""
    title = say(f"{figure.called} against each setting", f"설정별 {figure.called}")
    if nothing(figure):
        return title, nothing(figure)
    if not figure.axes:
        return title, say("No setting was varied.", "바꾼 설정이 없습니다.")
    first = figure.axes[0]
    where = best_where(figure, first)
    if figure.importance and where:
        title = say(f"The best trials: {first.label} {where}", f"가장 좋은 시도들: {first.label} {where}")
    told = []
    if len(figure.axes) > _MOST:
        left = len(figure.axes) - _MOST
        told.append(
            say(f"the {_MOST} most important of {len(figure.axes)} settings", f"중요한 설정 {_MOST}개만, {left}개 생략")
        )
    if figure.beyond.any():
        told.append(say(f"{figure.beyond.sum():,} worse than the axis shows", f"{figure.beyond.sum():,}개는 축 밖"))
    return title, "; ".join(told)


def best_where(figure: StudyFigure, axis: SettingAxis) -> str:
    """Where the best trials lie on a setting that matters by itself: the range that holds all but a tenth at each end, or
    the commonest choice. Empty where the setting does not clearly matter, or nobody can tell."""
    if not any(one.name == axis.name and one.clear for one in figure.importance or ()):
        return ""
    places = axis.places[figure.top]
    places = places[np.isfinite(places)]
    if not len(places):
        return ""
    if axis.choices:
        counts = np.bincount(places.astype(int), minlength=len(axis.choices))
        at = int(counts.argmax())
        return f"{fit(axis.choices[at], 16)} ({chance_text(counts[at] / counts.sum())})"
    low, high = np.quantile(places, [0.1, 0.9])
    ends = axis.text(float(low)), axis.text(float(high))
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} … {ends[1]}"


def reach(figure: StudyFigure, axis: SettingAxis) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The line of a setting: places on it, and the mean place on the value axis of the best tenth of the trials around.

    NaN where fewer than a tenth gave a number; empty where there are too few trials.
    """
    there = np.isfinite(axis.places)
    places, worth = axis.places[there], _worth(figure)[there]
    if axis.choices:
        groups = [np.flatnonzero(places == i) for i in range(len(axis.choices))]
        at = np.arange(len(axis.choices), dtype=np.float64)
    else:
        count = min(_PLACES, len(places) // _EACH)
        if count < 3:
            return np.zeros(0), np.zeros(0)
        groups = np.array_split(np.argsort(places, kind="stable"), count)
        at = np.array([np.median(places[group]) for group in groups])
    found = np.full(len(groups), np.nan)
    for number, group in enumerate(groups):
        if len(group) >= _FEW:
            found[number] = np.sort(worth[group])[-max(1, round(_BEST * len(group))) :].mean()
    found = np.where(np.isfinite(found), found, np.nan)
    return at, found if figure.maximize else -found


def reach_name() -> str:
    """What legends call the line of a setting."""
    return say("mean of the best tenth there (at least one trial)", "그 자리 상위 10% 평균(한 개 이상)")


def _worth(figure: StudyFigure) -> NDArray[np.float64]:
    """(ended,) places, more is better, with failed trials below all."""
    found = figure.places if figure.maximize else -figure.places
    return np.where(np.isfinite(found), found, -np.inf)


def _slice(axes: Axes, figure: StudyFigure, axis: SettingAxis) -> Line2D | None:
    count = len(figure.ended)
    jitter = np.random.default_rng(0).uniform(-0.3, 0.3, count) if axis.choices else np.zeros(count)
    across = axis.places + jitter
    draw_states(axes, figure, across, 0.85 * size_of(count))
    line = _line(*reach(figure, axis), axes, axis)
    assert figure.best is not None
    draw_best(axes, figure, across)
    _foot(axes, axis)
    where = best_where(figure, axis)
    axes.set_title(fit(axis.label, 30), fontsize=10.5, pad=17 if figure.importance else 6)
    told = say(f"the best: {where}", f"상위: {where}") if where else ""
    if not where and figure.importance:
        told = say("alone: could be luck", "혼자서는 우연일 수 있음")
    axes.text(0.5, 1.035, fit(told, 40), transform=axes.transAxes, ha="center", fontsize=8.5, color=FAINT)
    return line


def _line(
    at: NDArray[np.float64], value: NDArray[np.float64], axes: Axes | None, axis: SettingAxis | None = None
) -> Line2D | None:
    if axes is None or axis is None or not np.isfinite(value).any():
        return None
    if not axis.choices:
        (line,) = axes.plot(at, value, color=GREEN, linewidth=1.8, zorder=4, gid="reach")
        return line
    lines: list[Line2D] = []
    for place, height in zip(at, value, strict=True):
        lines += axes.plot([place - 0.36, place + 0.36], [height] * 2, color=GREEN, linewidth=2, zorder=4, gid="reach")
    return lines[0]


def _foot(axes: Axes, axis: SettingAxis) -> None:
    """The axis of the setting itself."""
    room = 34 if axis.choices else 30  # columns of text along a small picture
    most = len(axis.choices) or 6
    ticks = axis.ticks(most, max(3, room // max(1, most)))
    if axis.choices and any(len(text) > 3 for text in axis.choices) and len(axis.choices) > 8:
        every = -(-len(axis.choices) // 5)
        ticks = [(place, fit(axis.choices[round(place)], 7)) for place, _ in ticks if round(place) % every == 0]
    axes.set_xticks([place for place, _ in ticks], [text for _, text in ticks])
    axes.tick_params(axis="x", labelsize=8.5)
    pad = 0.0 if axis.choices else 0.03 * (axis.high - axis.low)
    axes.set_xlim(axis.low - pad, axis.high + pad)
