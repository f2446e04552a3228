"""A picture as a network is shown it, and the pictures that are so already: what needs no cleaning needs no SciPy either."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BOX = 20 / 28
"""Of a picture's side: the longer side of MNIST's digits."""


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


def finished(picture: np.ndarray, side: int = 28) -> Cleaned | None:
    """The picture itself where it has the size and black surroundings, or white ones, of a finished one.

    Args:
        picture: uint8, (rows, columns) or (rows, columns, 3).
        side: Pixels a side of a finished one.
    """
    if picture.shape[:2] != (side, side):
        return None
    grey = picture if picture.ndim == 2 else picture.mean(-1).round().astype(np.uint8)
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    if np.percentile(edge, 90) <= 8 and np.median(grey) <= 8:
        light = grey
    elif np.percentile(edge, 10) >= 247 and np.median(grey) >= 247:
        light = np.asarray(255 - grey)
    else:
        return None
    return Cleaned(light, (0, 0, *picture.shape[:2]), inked=bool(light.any()))
