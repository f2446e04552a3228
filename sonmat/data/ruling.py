"""Squares, ruled lines and the cells of forms, taken out of what is inked."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

_SLOPES = np.linspace(-0.12, 0.12, 49)  # a page held in the hand is turned by up to seven degrees
_COVERED = 0.62  # of a picture's width, from where on a straight row of ink is a printed line and no stroke
_SHORTER = 320  # pixels a side in which lines are looked for


def without_ruling(strength: np.ndarray, mask: np.ndarray, faint: np.ndarray) -> np.ndarray:
    """What is inked, less the straight lines that go all the way across.

    A stroke that crosses a line is left whole: where it is darker than the line, or has ink on both sides of it.

    Args:
        strength: (rows, columns) float32, 0..1.
        mask: (rows, columns) bool, what is inked.
        faint: (rows, columns) bool, what may be, weaker than the pen; lines are looked for in it.

    Returns:
        The mask without the lines.
    """
    lines = _across(faint) | _across(faint.T).T
    if not (lines & mask).any():
        return mask
    rest = mask & ~lines
    ruled = float(np.median(strength[lines]))
    bridged = _mended(rest, lines & mask)
    if rest.any() and ruled < 0.6 * np.percentile(strength[rest], 75):
        return np.asarray(bridged | (mask & lines & (strength > 1.5 * ruled)))
    return bridged


def _mended(rest: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Where ink goes on on both sides of a line, it was not interrupted there."""
    thick = _thickness(lines)
    reach = thick + 2
    bridged = rest.copy()
    for structure in (np.ones((2 * reach + 1, 1), bool), np.ones((1, 2 * reach + 1), bool)):
        bridged |= ndimage.binary_closing(np.pad(rest, reach), structure)[reach:-reach, reach:-reach] & lines
    return bridged


def _thickness(lines: np.ndarray) -> int:
    inside = ndimage.distance_transform_edt(lines)
    return max(1, round(2 * float(np.percentile(inside[lines], 90))))


def _across(mask: np.ndarray) -> np.ndarray:
    """Nearly level lines from one side to the other."""
    rows, columns = mask.shape
    step = max(1, round(columns / _SHORTER))
    few = np.add.reduceat(mask.astype(np.float32), np.arange(0, columns, step), axis=1) > 0
    few = few | np.roll(few, 1, 0) | np.roll(few, -1, 0) if rows > 100 else few
    x = np.arange(few.shape[1]) * step - columns / 2
    found = np.zeros_like(mask)
    where = np.arange(rows)[:, None]
    end = max(1, few.shape[1] // 12)  # a printed line reaches both edges, a long stroke does not
    for slope in _SLOPES[np.argsort(np.abs(_SLOPES))]:
        shift = np.rint(slope * x).astype(int)
        places = np.clip(where + shift[None, :], 0, rows - 1)
        along = np.take_along_axis(few, places, 0)
        ends = np.minimum(along[:, :end].mean(1), along[:, -end:].mean(1))
        for row in np.flatnonzero((along.mean(1) > _COVERED) & (ends > 0.4)):
            path = np.rint(row + slope * (np.arange(columns) - columns / 2)).astype(int)
            inside = (path >= 0) & (path < rows)
            found[path[inside], np.flatnonzero(inside)] = True
    if not found.any():
        return found
    # a line is as thick as ink goes on above and below its middle, but no thicker than a line is
    near = max(1, round(rows / 200))
    return np.asarray(ndimage.binary_dilation(found, np.ones((2 * near + 1, 1), bool)) & mask)
