"""Arrays drawn as grids of numbers and as maps of colours: what the pictures of layers are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import TwoSlopeNorm
from matplotlib.patches import Rectangle

from sonmat.view.canvas import FAINT, INK, ORANGE

DIVERGING = "RdBu_r"  # red above zero, blue below, white at zero; told apart by the colour-blind
GREY = "gray"
_MOST_NUMBERS = 7  # cells a side in which numbers can be read


def number(value: float, digits: int = 3) -> str:
    """A number as the pictures write it: so many figures after the point at most, a true minus."""
    text = f"{value:.{digits}f}" if abs(value) < 100 else f"{value:.4g}"
    if float(text) == 0:
        text = "0" if value == 0 or digits < 3 else f"{value:.1g}"
    return text.replace("-", "−")


def around_zero(values: np.ndarray) -> TwoSlopeNorm:
    """A scale with zero in the middle."""
    most = float(np.nanmax(np.abs(values))) if values.size else 0.0
    return TwoSlopeNorm(0.0, -max(most, 1e-12), max(most, 1e-12))


def grid(
    axes: Any,
    values: np.ndarray,
    *,
    title: str,
    marked: tuple[int, int] | None = None,
    size: float = 8.5,
    scale: np.ndarray | None = None,
) -> None:
    """Draw (rows, columns) as coloured cells with their numbers; NaN is padding, hatched.

    Args:
        axes: Where.
        title: Above it.
        marked: A cell to frame.
        size: Of the numbers, in points.
        scale: The values whose colours these share, where they are others.
    """
    rows, columns = values.shape
    ground = values if scale is None else scale
    norm = around_zero(ground)
    axes.imshow(np.nan_to_num(values), cmap=DIVERGING, norm=norm, alpha=0.75, interpolation="nearest")
    most = max(rows, columns)
    legible, digits = most <= _MOST_NUMBERS, 3 if most <= 3 else 2
    size *= min(1.0, 3.6 / most)
    for row in range(rows):
        for column in range(columns):
            value = values[row, column]
            if np.isnan(value):
                box = Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, hatch="////", edgecolor=FAINT, linewidth=0)
                axes.add_patch(box)
            elif legible:
                strong = abs(value) > 0.7 * float(np.nanmax(np.abs(ground)))
                colour = "white" if strong else INK
                axes.text(column, row, number(value, digits), ha="center", va="center", fontsize=size, color=colour)
    if marked is not None:
        frame(axes, marked[0], marked[1], 1, 1)
    axes.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.2)
    bare(axes, title)


def image(axes: Any, values: np.ndarray, *, title: str, diverging: bool = False, vmin: float | None = None) -> None:
    """Draw (rows, columns) as a map: grey, or around zero in two colours; or (rows, columns, 3) as it is."""
    if diverging:
        axes.imshow(values, cmap=DIVERGING, norm=around_zero(values), interpolation="nearest")
    else:
        axes.imshow(values, cmap=GREY, vmin=vmin, interpolation="nearest")
    bare(axes, title)


def frame(axes: Any, row: float, column: float, rows: float, columns: float) -> None:
    """A frame around cells."""
    box = Rectangle((column - 0.5, row - 0.5), columns, rows, fill=False, edgecolor=ORANGE, linewidth=2.2)
    box.set_clip_on(False)
    axes.add_patch(box)


def bare(axes: Any, title: str) -> None:
    """No ticks; a title above."""
    axes.tick_params(which="both", left=False, bottom=False, labelleft=False, labelbottom=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_title(title, fontsize=9.5, pad=6)
