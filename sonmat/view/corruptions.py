"""How much a network can stand, as a picture: accuracy against strength, a panel for each way of spoiling."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from rich.table import Table

from sonmat.data.corruptions import CORRUPTIONS, Corruption, corrupted
from sonmat.language import say
from sonmat.view.canvas import BLUE, FAINT, INK, finish, sheet, style
from sonmat.view.images import colored
from sonmat.view.words import fit, percent

_COLUMNS = 4
_WIDE, _HIGH, _HEAD = 2.65, 2.3, 0.75  # inches: of a panel, and what is above all of them


def corruptions_picture(
    clean: float,
    found: Mapping[str, Sequence[float]],
    example: np.ndarray,
    path: str | os.PathLike[str] | None = None,
    *,
    title: str = "",
) -> Path | Figure:
    """Draw accuracy against strength for each corruption, and an example of its weakest, middle and strongest.

    Args:
        clean: Accuracy on rows as they are.
        found: By corruption, accuracy at each of its strengths.
        example: One picture, (rows, columns) or (rows, columns, channels) uint8.
        path: The PNG to write; None gives the figure itself.
        title: The heading.

    Raises:
        StorageError: The file cannot be written.
    """
    lines = -(-len(found) // _COLUMNS)
    with style():
        width, height = _COLUMNS * _WIDE + 0.35, lines * _HIGH + _HEAD
        figure = sheet(width, height)
        heading = title or say("How much it can stand", "얼마나 견디는지")
        figure.text(0.5, 1 - 0.26 / height, fit(heading, 90), ha="center", va="center", fontsize=12.5)
        mean = float(np.mean([value for values in found.values() for value in values]))
        remark = say(
            f"accuracy; as they are {percent(clean)}, mean of all below {percent(mean)}",
            f"정확도. 그대로는 {percent(clean)}, 아래 전체의 평균은 {percent(mean)}",
        )
        figure.text(0.5, 1 - 0.52 / height, remark, ha="center", va="center", color=FAINT, fontsize=9)
        for number, (name, values) in enumerate(found.items()):
            line, place = divmod(number, _COLUMNS)
            left, bottom = 0.5 + place * _WIDE, height - _HEAD - (line + 1) * _HIGH + 0.5
            axes = figure.add_axes((left / width, bottom / height, (_WIDE - 0.45) / width, (_HIGH - 1.1) / height))
            _panel(axes, CORRUPTIONS[name], clean, values)
            _examples(figure, name, example, (left, bottom + _HIGH - 1.05, _WIDE - 0.45), (width, height))
        return finish(figure, path)


def corruptions_table(clean: float, found: Mapping[str, Sequence[float]]) -> Table:
    """The same numbers for a terminal: a line for each corruption, from weak to strong."""
    table = Table(title=say(f"accuracy as they are: {percent(clean)}", f"그대로의 정확도: {percent(clean)}"))
    table.add_column(say("spoilt by", "손상"))
    table.add_column(say("strengths", "세기"))
    strongest = max(len(values) for values in found.values())
    for number in range(strongest):
        table.add_column(
            {0: say("weak", "약함"), strongest - 1: say("strong", "강함")}.get(number, ""), justify="right"
        )
    for name, values in found.items():
        one = CORRUPTIONS[name]
        steps = " … ".join((f"{one.strengths[0]:g}", f"{one.strengths[-1]:g}"))
        table.add_row(say(*one.title), f"{steps} {say(*one.unit)}", *(percent(value) for value in values))
    return table


def _panel(axes: Axes, one: Corruption, clean: float, values: Sequence[float]) -> None:
    steps = range(1, len(values) + 1)
    axes.plot((0, *steps), (clean, *values), marker="o", markersize=3.5, color=BLUE)
    axes.axhline(clean, color=FAINT, linewidth=0.7, linestyle=(0, (2, 2)), zorder=1)
    axes.set_ylim(0, 1.04)
    axes.set_yticks((0, 0.5, 1))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
    axes.set_xticks((0, *steps), (one.untouched, *(f"{strength:g}" for strength in one.strengths)))
    axes.tick_params(labelsize=7.5)
    axes.set_xlabel(fit(say(*one.unit), 34), fontsize=8, color=FAINT, labelpad=2)
    axes.grid(True, axis="y")
    axes.spines["right"].set_visible(False)
    worst = min(values)
    at = int(np.argmin(values)) + 1
    place = (6, -12) if worst > 0.2 else (6, 6)  # the line comes from above
    axes.annotate(percent(worst), (at, worst), place, textcoords="offset points", ha="right", fontsize=7.5, color=INK)


def _examples(
    figure: Figure, name: str, example: np.ndarray, at: tuple[float, float, float], of: tuple[float, float]
) -> None:
    """The name, and the example at three strengths beside it; places in inches."""
    one = CORRUPTIONS[name]
    left, bottom, wide = at
    figure.text(left / of[0], (bottom + 0.18) / of[1], say(*one.title), fontsize=10, va="center", color=INK)
    side, strengths = 0.4, one.strengths[:: max(1, (len(one.strengths) - 1) // 2)]
    for number, strength in enumerate(strengths):
        tile = corrupted(example[None], name, strength, number)
        place = left + wide - (len(strengths) - number) * (side + 0.05)
        axes = figure.add_axes((place / of[0], bottom / of[1], side / of[0], side / of[1]))
        axes.imshow(colored(tile)[0], interpolation="nearest")
        axes.set_axis_off()
