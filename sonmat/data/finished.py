"""A picture as a network is shown it, and the pictures that are so already: what needs no cleaning needs no SciPy either."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BOX = 20 / 28
"""Of a picture's side: the longer side of MNIST's digits."""

_FULL = 250  # the lightest pixel of a picture that is at full contrast


@dataclass(frozen=True, eq=False)
class Cleaned:
    """One mark of a picture, as a network is shown it.

    Attributes:
        image: (28, 28) uint8, light strokes on 0; all 0 where there is no ink.
        box: Where it was: top, left, bottom, right, in pixels of the picture; bottom and right lie outside.
        others: How many other marks of about its size the picture has.
        inked: Whether there is ink at all.
    """

    image: np.ndarray
    box: tuple[int, int, int, int]
    others: int = 0
    inked: bool = True


def finished(picture: np.ndarray, side: int = 28, box: float = BOX) -> Cleaned | None:
    """The picture itself, at full contrast, where it has the size, the surroundings and the frame of a finished one.

    Args:
        picture: uint8, (rows, columns) or (rows, columns, 3).
        side: Pixels a side of a finished one.
        box: The longer side of the digit in it, as a share of the side.
    """
    if picture.shape[:2] != (side, side):
        return None
    grey = picture if picture.ndim == 2 else picture.mean(-1).round().astype(np.uint8)
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    light = np.percentile(edge, 90) <= 8 and np.median(grey) <= 8
    if not light and not (np.percentile(edge, 10) >= 247 and np.median(grey) >= 247):
        return None
    strokes: np.ndarray = grey if light else 255 - grey
    whole, most = (0, 0, *picture.shape[:2]), int(strokes.max())
    if not most:
        return Cleaned(strokes, whole, inked=False)
    if not _in_place(strokes, box):
        return None
    return Cleaned(strokes if most >= _FULL else np.rint(strokes * (255 / most)).astype(np.uint8), whole)


def _in_place(strokes: np.ndarray, box: float) -> bool:
    """Whether strokes are about as large as the box, and in the middle: of MNIST's 10,000 test pictures all but one are."""
    side = len(strokes)
    lit = strokes >= 0.35 * strokes.max()
    longest = max(int(np.ptp(np.flatnonzero(lit.any(axis)))) + 1 for axis in (0, 1))
    weights = strokes / float(strokes.sum(dtype=np.float64))
    away = max(abs(float(weights.sum(axis) @ np.arange(side)) - side / 2) for axis in (0, 1))
    return (box - 0.11) * side <= longest <= (box + 0.145) * side and away <= 0.11 * side
