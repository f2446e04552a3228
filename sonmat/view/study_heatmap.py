"""Pairs of hyperparameters as heatmaps: what each combination reached."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from sonmat.language import say
from sonmat.search.ranking import deviation
from sonmat.search.trial import DONE, STOPPED, Trial
from sonmat.view.canvas import FAINT, INK, ORANGE, finish, style
from sonmat.view.numbers import frame
from sonmat.view.study_figure import StudyFigure, value_text
from sonmat.view.study_settings import SettingAxis
from sonmat.view.study_sheet import GOODNESS, blank, legend, nothing, titled
from sonmat.view.words import fit

_MOST = 6  # pictures
_HATCH = "#8D9AA3"
_SIDE = 12  # cells of a side at most: of more choices, the first


@dataclass(frozen=True, eq=False)
class Cells:
    """What the combinations of two hyperparameters reached.

    Attributes:
        across, down: The two.
        names_across, names_down: What is written at the cells.
        values: (down, across) the best setting's mean over its seeds in each cell; NaN where there is none.
        spreads: (down, across) its standard deviation over seeds; NaN for fewer than two.
        seeds: (down, across) how many it has.
        tried: (down, across) how many trials ended there.
        partial: (down, across) whether all that gave a value there were stopped early.
    """

    across: SettingAxis
    down: SettingAxis
    names_across: list[str]
    names_down: list[str]
    values: NDArray[np.float64]
    spreads: NDArray[np.float64]
    seeds: NDArray[np.int64]
    tried: NDArray[np.int64]
    partial: NDArray[np.bool_]


def draw_heatmap(
    figure: StudyFigure, path: str | os.PathLike[str] | None = None, *, pair: tuple[str, str] | None = None
) -> Path | Figure:
    """Draw what each combination of two hyperparameters reached: in each cell the best setting's mean over its seeds,
    and where it has several, their standard deviation.

    Args:
        figure: The study.
        path: The PNG to write; None gives the figure itself.
        pair: Dotted names of the two; the pairs of the most important ones unless said.

    Raises:
        StorageError: The file cannot be written.
    """
    with style():
        title, remark = heatmap_words(figure)
        pairs = _pairs(figure, pair)
        if nothing(figure) or not pairs:
            return finish(blank(title, remark), path)
        grids = [cells_of(figure, one, other) for one, other in pairs]
        drawn = _sheet(figure, grids, title, remark)
        return finish(drawn, path)


def heatmap_words(figure: StudyFigure) -> tuple[str, str]:
    """The heading, and how to read a cell."""
    title = say(f"{figure.called} of each combination", f"설정 조합별 {figure.called}")
    if nothing(figure):
        return title, nothing(figure)
    if len(figure.axes) < 2:
        return title, say("It takes two settings that were varied.", "바꾼 설정이 둘 이상이어야 합니다.")
    remark = say("the best setting in each cell; blank: untried", "칸마다 가장 좋은 설정의 값; 빈칸은 해 보지 않음")
    if figure.are(STOPPED).any():
        remark = say(
            "each cell's best setting that was trained to the end; blank: untried",
            "칸마다 끝까지 학습한 것 중 가장 좋은 값; 빈칸은 해 보지 않음",
        )
    if any(trial.repeats is not None for trial in figure.repeats) or len({t.seed for t in figure.ended}) > 1:
        remark += say("; ± over its seeds, where there are several", "; 시드가 여럿이면 평균 ± 표준편차")
    return title, remark


def cells_of(figure: StudyFigure, across: SettingAxis, down: SettingAxis) -> Cells:
    """The cells of a pair.

    Trials that were stopped early count only in cells where none was trained to the end: their values are of fewer
    epochs. Trials with the same settings are one setting with several seeds, and so are a finalist's repeats, which take
    the place of its value in the search: that was the best of many, and lucky.
    """
    columns, names_across = across.cells()
    rows, names_down = down.cells()
    shape = (min(len(names_down), _SIDE), min(len(names_across), _SIDE))
    values, spreads = np.full(shape, np.nan), np.full(shape, np.nan)
    seeds, tried = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    inside = (rows >= 0) & (columns >= 0) & (rows < shape[0]) & (columns < shape[1])
    groups: dict[tuple[int, int, str], list[int]] = {}
    for at in np.flatnonzero(inside):
        tried[rows[at], columns[at]] += 1
        if np.isfinite(figure.values[at]):
            groups.setdefault((int(rows[at]), int(columns[at]), figure.keys[at]), []).append(int(at))
    repeated = _repeated(figure.repeats)
    # A finalist was trained to the end when it was repeated, if not before.
    whole = figure.are(DONE) | np.array([trial.number in repeated for trial in figure.ended], np.bool_)
    full = {key[:2] for key, members in groups.items() if whole[members].any()}
    partial = np.zeros(shape, np.bool_)
    for (row, column, _), everyone in groups.items():
        partial[row, column] = (row, column) not in full
        members = everyone if partial[row, column] else [at for at in everyone if whole[at]]
        if not members:
            continue
        found = next(
            (repeated[figure.ended[at].number] for at in members if figure.ended[at].number in repeated),
            figure.values[members],
        )
        mean = float(found[0] if len(found) == 1 else np.mean(found))  # of ten thousand nearly all are alone
        if np.isnan(values[row, column]) or figure.better(mean, values[row, column]):
            values[row, column] = mean
            spreads[row, column] = deviation(found) if len(found) > 1 else np.nan
            seeds[row, column] = len(found)
    names = names_across[: shape[1]], names_down[: shape[0]]
    return Cells(across, down, *names, values, spreads, seeds, tried, partial)


def cells_name(axis: SettingAxis) -> str:
    """What is written along a heatmap's side: a range's cells are parts of it, not values that were tried."""
    label = fit(axis.label, 30)
    return (
        label if axis.choices else say(f"{label} (parts of its range, by their middles)", f"{label} (구간의 가운데 값)")
    )


def best_cell(grid: Cells, maximize: bool) -> tuple[int, int] | None:
    """(row, column) of the best cell, among those trained to the end where there is any; None where none has a value."""
    there = np.isfinite(grid.values)
    if not there.any():
        return None
    if (there & ~grid.partial).any():
        there &= ~grid.partial
    worth = np.where(there, grid.values if maximize else -grid.values, -np.inf)
    row, column = np.unravel_index(int(worth.argmax()), worth.shape)
    return int(row), int(column)


def partial_name() -> str:
    """What legends call a cell without a trial that was trained to the end."""
    return say("only trials that were stopped early", "중간에 멈춘 시도만 있음")


def cell_shades(figure: StudyFigure, grids: list[Cells]) -> list[NDArray[np.float64]]:
    """(down, across) how good each cell is, 0..1, on one scale for all grids; NaN where it has no value.

    0 is three times as far below the best as the middle is: cells far below are alike, and the good ones differ.
    """
    sign = 1.0 if figure.maximize else -1.0
    places = [sign * np.clip(figure.scale(one.values), *figure.window) for one in grids]
    found = np.concatenate([one.ravel() for one in places])
    found = found[np.isfinite(found)]
    if not len(found):
        return places
    best, middle, worst = float(found.max()), float(np.median(found)), float(found.min())
    low = max(worst, best - 3 * (best - middle)) if middle < best else worst
    length = best - low or 1.0
    return [np.clip(1 + (one - best) / length, 0.0, 1.0) for one in places]


def _repeated(repeats: tuple[Trial, ...]) -> dict[int, NDArray[np.float64]]:
    found: dict[int, list[float]] = {}
    for trial in repeats:
        if trial.repeats is not None and trial.value is not None and np.isfinite(trial.value):
            found.setdefault(trial.repeats, []).append(float(trial.value))
    return {number: np.array(values) for number, values in found.items()}


def _pairs(figure: StudyFigure, pair: tuple[str, str] | None) -> list[tuple[SettingAxis, SettingAxis]]:
    if pair is not None:
        named = {axis.name: axis for axis in figure.axes}
        return [(named[pair[0]], named[pair[1]])] if set(pair) <= set(named) else []
    weight = {frozenset(one.names): one.share for one in figure.interactions or () if one.clear}
    found = list(itertools.combinations(figure.axes[:4], 2))
    return sorted(found, key=lambda two: -weight.get(frozenset(axis.name for axis in two), 0.0))[:_MOST]


def _sheet(figure: StudyFigure, grids: list[Cells], title: str, remark: str) -> Figure:
    across = 1 if len(grids) == 1 else 2
    down = -(-len(grids) // across)
    wide, high = (7.6, 4.6) if across == 1 else (5.4, 3.75)
    width, height = wide * across + 0.3, high * down + 1.35
    drawn = titled(width, height, title, remark)
    for number, (one, shade) in enumerate(zip(grids, cell_shades(figure, grids), strict=True)):
        row, column = divmod(number, across)
        left, bottom = wide * column + 1.15, height - 0.85 - high * (row + 1) + 0.62
        size = ((wide - 1.25) / width, (high - 0.85) / height)
        axes = drawn.add_axes((left / width, bottom / height, *size))
        _draw(axes, figure, one, shade, wide - 1.25)
    crosses = Line2D([], [], linestyle="none", marker="x", color=ORANGE, label=say("all failed", "모두 실패"))
    star = Line2D([], [], linestyle="none", marker="s", markersize=10, markerfacecolor="none", markeredgecolor=ORANGE,
                  markeredgewidth=2, label=say("the best cell", "가장 좋은 칸"))  # fmt: skip
    hatched = Patch(
        facecolor=_lighter(GOODNESS(0.5)), edgecolor=_HATCH, hatch="////", linewidth=0, label=partial_name()
    )
    failed = any((one.tried[np.isnan(one.values)] > 0).any() for one in grids)
    partial = any(one.partial.any() for one in grids)
    legend(drawn, [star, *([hatched] if partial else []), *([crosses] if failed else [])])
    return drawn


def _lighter(color: Any) -> Any:
    """A colour, or many, half way to white."""
    return 0.5 + 0.5 * np.asarray(color)


def _ground(axes: Axes, grid: Cells, shade: NDArray[np.float64]) -> None:
    """The colours of the cells; lighter and hatched where no trial was trained to the end."""
    colors = GOODNESS(np.nan_to_num(shade))
    colors[np.isnan(shade)] = (1, 1, 1, 1)
    colors[grid.partial] = _lighter(colors[grid.partial])
    axes.imshow(colors, aspect="auto", interpolation="nearest")
    for row, column in np.argwhere(grid.partial):
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, hatch="////", edgecolor=_HATCH, linewidth=0,
                                 zorder=0.4))  # fmt: skip


def _draw(axes: Axes, figure: StudyFigure, grid: Cells, shade: NDArray[np.float64], inches: float) -> None:
    _ground(axes, grid, shade)
    rows, columns = grid.values.shape
    wide, tall = (5.6, 3.0) if np.isfinite(grid.spreads).any() else (4.7, 2.4)  # a text's share of its cell
    size = min(9.0, 72 * inches / columns / wide, 72 * (2.7 / rows) / tall)
    best = best_cell(grid, figure.maximize)
    for row in range(rows):
        for column in range(columns):
            value = grid.values[row, column]
            if np.isnan(value):
                if grid.tried[row, column]:
                    axes.plot(
                        column, row, marker="x", markersize=7, markeredgewidth=1.4, color=ORANGE, linestyle="none"
                    )
                continue
            told = value_text(value)
            if np.isfinite(grid.spreads[row, column]):
                told += f"\n±{grid.spreads[row, column]:.4f}"
            color = "white" if shade[row, column] > 0.55 and not grid.partial[row, column] else INK
            axes.text(column, row, told, ha="center", va="center", fontsize=size, color=color, linespacing=1.05)
            if (row, column) == best:
                frame(axes, row, column, 1, 1)
    room = max(3, int(inches * 13 / columns))
    axes.set_xticks(range(columns), [fit(name, room) for name in grid.names_across])
    axes.set_yticks(range(rows), [fit(name, 9) for name in grid.names_down])
    axes.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
    axes.set_axisbelow(True)  # else its lines cut the frame of the best cell
    axes.grid(which="minor", color="white", linewidth=1.4)
    axes.tick_params(which="both", length=0, labelsize=8.5)
    axes.tick_params(axis="x", labelsize=8.5 if columns <= 6 else 7.5)
    for spine in axes.spines.values():
        spine.set_color(FAINT)
        spine.set_linewidth(0.4)
    axes.set_xlabel(cells_name(grid.across), labelpad=3)
    axes.set_ylabel(cells_name(grid.down).replace(" (", "\n("), labelpad=3)
