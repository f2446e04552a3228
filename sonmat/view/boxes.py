"""A photograph with a box around everything that was read in it, and below it what the network saw of each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from sonmat.language import say
from sonmat.view.canvas import BLUE, FAINT, ORANGE, finish, sheet, style
from sonmat.view.words import fit, percent

Mark = tuple[tuple[int, int, int, int], str, float, bool, np.ndarray]
"""Box (top, left, bottom, right), class, its probability, whether the model is unsure, and what it saw."""

_WIDE, _TALLEST = 8.0, 7.0  # inches
_TILE = 0.62
_PIXELS = 1600  # of the photograph that are drawn at most


def boxes(picture: np.ndarray, marks: Sequence[Mark], path: str | os.PathLike[str] | None = None) -> Path | Figure:
    """Draw what was read in a photograph.

    Args:
        picture: uint8 (rows, columns) or (rows, columns, 3).
        marks: In reading order.
        path: The PNG to write; None gives the figure itself.

    Raises:
        StorageError: The file cannot be written.
    """
    rows, columns = picture.shape[:2]
    high = min(_TALLEST, max(1.5, (_WIDE - 0.4) * rows / columns))
    each = int((_WIDE - 0.4) // _TILE)
    lines = -(-len(marks) // each)
    below = lines * (_TILE + 0.2) + 0.15
    with style():
        figure = sheet(_WIDE, high + below + 0.55)
        total = high + below + 0.55
        axes = figure.add_axes((0.2 / _WIDE, (below + 0.05) / total, 1 - 0.4 / _WIDE, high / total))
        axes.imshow(_smaller(picture), cmap="gray", vmin=0, vmax=255, extent=(0, columns, rows, 0))
        axes.set_axis_off()
        for box, name, _, unsure, _ in marks:
            _frame(axes, box, name, ORANGE if unsure else BLUE, rows)
        told = "".join(name if len(name) == 1 else f" {name} " for _, name, _, _, _ in marks).strip()
        heading = (
            say(f"Read: {told}", f"읽은 것: {told}") if marks else say("Nothing is written here", "글씨가 없습니다")
        )
        figure.text(0.5, 1 - 0.27 / total, fit(heading, 90), ha="center", va="center", fontsize=12.5)
        for number, (_, name, chance, unsure, seen) in enumerate(marks):
            line, place = divmod(number, each)
            at = (0.2 + place * _TILE, below - 0.1 - (line + 1) * (_TILE + 0.2) + 0.2)
            tile = figure.add_axes((at[0] / _WIDE, at[1] / total, 0.92 * _TILE / _WIDE, 0.92 * _TILE / total))
            tile.imshow(seen.reshape(seen.shape[:2]) if seen.ndim == 3 and seen.shape[2] == 1 else seen, cmap="gray")
            tile.set_axis_off()
            color = ORANGE if unsure else FAINT
            tile.set_title(f"{fit(name, 8)} {'?' if unsure else percent(chance)}", fontsize=6.5, pad=2, color=color)
        return finish(figure, path)


def _frame(axes: object, box: tuple[int, int, int, int], name: str, color: str, rows: int) -> None:
    top, left, bottom, right = box
    axes.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=color, linewidth=1.4))  # type: ignore[attr-defined]
    axes.text(left, max(0, top - 0.01 * rows), fit(name, 12), color=color, fontsize=11.5, va="bottom")  # type: ignore[attr-defined]


def _smaller(picture: np.ndarray) -> np.ndarray:
    scale = max(picture.shape[:2]) / _PIXELS
    if scale <= 1:
        return picture
    size = (round(picture.shape[1] / scale), round(picture.shape[0] / scale))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))
