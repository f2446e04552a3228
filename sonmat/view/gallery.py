"""Images side by side, each with a few words under it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sonmat.view.canvas import FAINT, INK, ORANGE, sheet
from sonmat.view.words import fit

_TILE = 1.25  # inches


def gallery(
    images: NDArray[np.uint8],
    captions: Sequence[tuple[str, str, str]],
    heading: str,
    remark: str,
    *,
    columns: int | None = None,
) -> Figure:
    """Tiles with up to three lines under each. Call it inside `style()`.

    Args:
        images: (n, height, width, 3).
        captions: The lines; an empty one is left out.
        heading: Above all.
        remark: Under the heading.
        columns: How many tiles a line has; by default as many as there are lines.
    """
    count, high, wide = images.shape[:3]
    columns = columns or math.ceil(math.sqrt(count))
    lines = -(-count // columns)
    pixel = _TILE / max(high, wide)  # inches
    across, under = max(wide, round(_TILE / pixel)) + round(0.3 / pixel), high + math.ceil(0.6 / pixel)
    # All tiles in one array, drawn once: an axes for each would take ten times as long.
    mosaic = np.full((lines * under, columns * across, 3), 255, np.uint8)
    width, height = max(columns * across * pixel + 0.3, 6.4), lines * under * pixel + 0.95
    figure = sheet(width, height)
    part = columns * across * pixel / width
    axes = figure.add_axes(((1 - part) / 2, 0.08 / height, part, lines * under * pixel / height))
    for i, (image, (true, said, row)) in enumerate(zip(images, captions, strict=True)):
        top, left = i // columns * under, i % columns * across + (across - wide) // 2
        mosaic[top : top + high, left : left + wide] = image
        middle, base = left + wide / 2 - 0.5, top + high - 0.5
        for text, drop, color in ((true, 0.1, INK), (said, 0.26, ORANGE), (row, 0.41, FAINT)):
            if text:
                axes.text(middle, base + drop / pixel, text, ha="center", va="center", color=color, fontsize=8)
    axes.imshow(mosaic, interpolation="nearest", aspect="auto")
    axes.set_axis_off()
    figure.text(0.5, 1 - 0.3 / height, fit(heading, int(width * 11)), ha="center", va="center", fontsize=12.5)
    figure.text(0.5, 1 - 0.58 / height, remark, ha="center", va="center", color=FAINT, fontsize=8.5)
    return figure
