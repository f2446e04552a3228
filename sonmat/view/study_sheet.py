"""What the pictures of a study share: a sheet with its heading, the value axis, and how states of trials look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from rich.cells import cell_len

from sonmat.language import say
from sonmat.search.trial import DONE, FAILED, STOPPED
from sonmat.view.canvas import BLUE, FAINT, GREEN, INK, ORANGE, sheet
from sonmat.view.study_figure import StudyFigure
from sonmat.view.words import fit

PALE, STAR = "#A9B8C2", "#F0E442"  # what was stopped early; the best
# From poor to good: it grows darker all the way, so that it reads in grey and for every eye.
GOODNESS = LinearSegmentedColormap.from_list("goodness", ["#DCE8EE", "#9CC7D8", "#4F9FC0", "#1F6E9C", "#123C69"])
_PAD = 0.05  # of the value axis's length, beyond its window
BAND = 0.1  # of it, below the values, for those that failed


def titled(width: float, height: float, title: str, remark: str = "") -> Figure:
    """A sheet of so many inches with a heading, and what else is to be said below it."""
    figure = sheet(width, height)
    figure.text(0.5, 1 - 0.34 / height, fit(title, int(width * 9.2)), ha="center", va="center", fontsize=12.5)
    below = fit(remark, int(width * 12))
    figure.text(0.5, 1 - 0.63 / height, below, ha="center", va="center", color=FAINT, fontsize=9.5)
    return figure


def place(figure: Figure, left: float, bottom: float, right: float, top: float) -> Axes:
    """Axes so many inches from the sheet's edges."""
    wide, high = figure.get_size_inches()
    axes = figure.add_axes((left / wide, bottom / high, 1 - (left + right) / wide, 1 - (bottom + top) / high))
    axes.spines["right"].set_visible(False)
    return axes


def blank(title: str, why: str) -> Figure:
    """The sheet that is drawn where there is nothing to draw: it says why."""
    figure = titled(8, 2.4, title)
    figure.text(0.5, 0.42, why, ha="center", va="center", color=FAINT, fontsize=11)
    return figure


def nothing(figure: StudyFigure) -> str:
    """Why a study has nothing to draw; empty where it has."""
    if not figure.ended:
        return say("No trial has ended yet.", "아직 끝난 시도가 없습니다.")
    if figure.best is None:
        count = len(figure.ended)
        reasons = Counter(trial.reason for trial in figure.ended if trial.reason).most_common(1)
        why = f" ({fit(reasons[0][0], 60)})" if reasons else ""
        if count == 1:
            return say(f"The trial failed: it gave no number{why}.", f"시도가 실패해 값이 없습니다{why}.")
        return say(
            f"All {count:,} trials failed: none gave a number{why}.",
            f"시도 {count:,}개가 모두 실패해 값이 없습니다{why}.",
        )
    return ""


def value_axis(axes: Axes, figure: StudyFigure, *, named: bool = True) -> None:
    """Make the vertical axis that of the study's values, with a band below for trials that failed, where any did.

    Args:
        axes: Whose.
        figure: The study.
        named: Whether the axis is named and numbered.
    """
    below = BAND if figure.are(FAILED).any() else 0.0
    low, high = figure.window
    length = high - low
    axes.set_ylim(low - (_PAD + below) * length, high + _PAD * length)
    ticks = figure.scale.ticks(low - _PAD * length, high + _PAD * length)
    axes.set_yticks([at for at, _ in ticks], [text if named else "" for _, text in ticks])
    axes.grid(True, axis="y")
    axes.set_axisbelow(True)
    if named:
        axes.set_ylabel(figure.axis_name)


def dot(kind: str, label: str, size: float = 6) -> Line2D:
    """A legend's entry for a kind of trial: `done`, `stopped`, `failed`, `best` or `winner`."""
    looks: dict[str, dict[str, Any]] = {
        "done": {"marker": "o", "markerfacecolor": BLUE, "markeredgecolor": BLUE},
        "stopped": {"marker": "o", "markerfacecolor": "white", "markeredgecolor": PALE},
        "failed": {"marker": "x", "markeredgecolor": ORANGE, "markeredgewidth": 1.4},
        "best": {"marker": "*", "markerfacecolor": STAR, "markeredgecolor": INK, "markersize": 13},
        "winner": {"marker": "D", "markerfacecolor": GREEN, "markeredgecolor": INK, "markersize": 7},
    }
    entry = Line2D([], [], linestyle="none", markersize=size, label=label)
    entry.set(**looks[kind])
    return entry


def legend(figure: Figure, handles: Sequence[Artist], *, columns: int = 5) -> None:
    """A legend along the foot of the sheet, in as many rows as it takes."""
    if handles:
        room = figure.get_size_inches()[0] * 13.5  # columns of text
        widths = [cell_len(str(handle.get_label())) + 6 for handle in handles]
        while columns > 1 and sum(max(widths[at::columns]) for at in range(min(columns, len(widths)))) > room:
            columns -= 1
        figure.legend(
            handles=list(handles), loc="lower center", bbox_to_anchor=(0.5, 0.0), ncols=columns, columnspacing=1.8,
            handletextpad=0.5,
        )  # fmt: skip


def state_dots(figure: StudyFigure, *, best: bool = True) -> list[Line2D]:
    """Legend entries for the kinds of trials that a study has."""
    names = {
        DONE: say("trained to the end", "끝까지 학습"),
        STOPPED: say("stopped early", "중간에 멈춤"),
        FAILED: say("failed", "실패"),
    }
    found = [dot(state, name) for state, name in names.items() if figure.are(state).any()]
    if best and figure.best is not None:
        found.append(dot("best", figure.best_name))
        if figure.winner_name:
            found.append(dot("winner", figure.winner_name))
    return found


def size_of(count: int) -> float:
    """The width of a dot in points where so many are drawn."""
    return float(min(5.8, max(2.2, 110 / max(count, 1) ** 0.5)))


def draw_states(axes: Axes, figure: StudyFigure, across: NDArray[np.float64], size: float) -> None:
    """Draw every trial as a dot: hollow where it was stopped, a cross in the band below the values where it failed.

    Args:
        axes: Where; its value axis leaves `BAND` free below where a trial failed.
        figure: The study.
        across: (ended,) places on the other axis.
        size: The width of a dot in points.
    """
    many = len(across) > 500
    low, high = figure.window
    # Markers of a line are drawn ten times as fast as a scatter's.
    looks: dict[str, dict[str, Any]] = {
        STOPPED: {"marker": "o", "markersize": size, "markerfacecolor": "white" if not many else PALE,
                  "markeredgecolor": PALE, "markeredgewidth": 0.9 if not many else 0, "alpha": 0.6 if many else 1.0},
        DONE: {"marker": "o", "markersize": size, "color": BLUE, "markeredgewidth": 0, "alpha": 0.8},
        FAILED: {"marker": "x", "markersize": min(size, 2.8) if many else 5, "color": ORANGE,
                 "markeredgewidth": 0.6 if many else 1.3, "alpha": 0.5 if many else 0.9},
    }  # fmt: skip
    heights = np.where(figure.are(FAILED), low - (_PAD + BAND / 2) * (high - low), figure.places)
    for state, look in looks.items():
        chosen = figure.are(state)
        if chosen.any():
            axes.plot(across[chosen], heights[chosen], linestyle="none", gid=state, zorder=2, **look)


def draw_best(axes: Axes, figure: StudyFigure, across: NDArray[np.float64]) -> None:
    """Draw the star of the best of the search, and the diamond of the winner where that is another.

    Args:
        axes: Where.
        figure: The study, with a best.
        across: (ended,) places on the other axis.
    """
    # The best stands at the edge: there its star must not be cut.
    best, winner = int(figure.order[0]), figure.other_winner
    axes.plot(across[best], figure.places[best], marker="*", markersize=15, markerfacecolor=STAR, markeredgecolor=INK,
              zorder=6, linestyle="none", gid="best", clip_on=False)  # fmt: skip
    if winner is not None:
        axes.plot(across[winner], figure.places[winner], marker="D", markersize=7.5, markerfacecolor=GREEN,
                  markeredgecolor=INK, zorder=6.5, linestyle="none", gid="winner", clip_on=False)  # fmt: skip
