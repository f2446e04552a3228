"""Squares, ruled lines and the cells of forms, told from what was written."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from sonmat.data.strokes import runs

_SLOPES = np.linspace(-0.12, 0.12, 49)  # a page held in the hand is turned by up to seven degrees
_COVERED = 0.75  # of a picture's width, from where on a straight row of ink is a printed line and no stroke
_SHORTER = 320  # pixels a side in which lines are looked for
_THICKEST = 0.05  # of a picture's side: what is thicker is no printed line
_FRAME = 0.35  # of a picture's sides: a frame around a digit is as large at the least
_RIM = 0.06  # of a frame's side: how far its lines may be from straight
_CLOSED = 0.9  # of a frame's side: so much of it is drawn at the least; a round zero has half


def printed(ink: np.ndarray) -> np.ndarray:
    """The straight lines that go all the way across, and frames that go all the way around something.

    What is longer across a line than the line is thick is a stroke that crosses it, and stays.

    Args:
        ink: (rows, columns) bool, what may be inked, however weakly.

    Returns:
        (rows, columns) bool.
    """
    level, upright = _across(ink), _across(ink.T).T
    lines = _thin(ink, level) | _thin(ink.T, upright.T).T | (level & upright)
    return np.asarray(lines | _frames(ink & ~lines))


def mended(written: np.ndarray, lines: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """What is written without the lines, and with their pixels where ink goes on: on both sides, or darker than the line.

    Args:
        written: (rows, columns) bool, the ink without the lines.
        lines: (rows, columns) bool, of `printed`.
        strength: (rows, columns) float32, 0..1.
    """
    if not (lines.any() and written.any()):
        return written
    reach = _thickness(lines) + 2
    whole = written.copy()
    for structure in (np.ones((2 * reach + 1, 1), bool), np.ones((1, 2 * reach + 1), bool)):
        whole |= ndimage.binary_closing(np.pad(written, reach), structure)[reach:-reach, reach:-reach] & lines
    ruled, pen = float(np.median(strength[lines])), float(np.percentile(strength[written], 75))
    return np.asarray(whole | (lines & (strength > max(1.5 * ruled, 0.4 * pen)))) if ruled < 0.6 * pen else whole


def _thickness(lines: np.ndarray) -> int:
    return max(1, round(float(np.median(np.minimum(runs(lines), runs(lines.T).T)[lines]))))


def _thin(ink: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Of level lines all that is no thicker than such a line is, whatever crosses it."""
    if not near.any():
        return near
    across = runs(ink.T).T
    thick = float(np.median(across[near]))
    if thick > max(3.0, _THICKEST * len(ink)):
        return np.zeros_like(near)
    thin = across <= 1.5 * thick + 1
    reach = int(1.5 * thick) + 1
    return np.asarray(ndimage.binary_dilation(near & thin, np.ones((2 * reach + 1, 1), bool)) & ink & thin)


def _frames(ink: np.ndarray) -> np.ndarray:
    """Rectangles around ink that does not reach them: the cell of a form, whole."""
    found = np.zeros_like(ink)
    labels, _ = ndimage.label(ink, np.ones((3, 3), bool))
    for number, place in enumerate(ndimage.find_objects(labels), 1):
        inside = labels[place]
        rows, columns = inside.shape
        if rows < _FRAME * len(ink) or columns < _FRAME * ink.shape[1]:
            continue
        rim = max(2, round(_RIM * min(rows, columns)))
        own = inside == number
        sides = own[:rim].any(0), own[-rim:].any(0), own[:, :rim].any(1), own[:, -rim:].any(1)
        within = ink[place][rim:-rim, rim:-rim]
        if min(side.mean() for side in sides) < _CLOSED or within.sum() < 0.005 * own.size:
            continue
        if within[:, 0].any() or within[:, -1].any() or within[0].any() or within[-1].any():
            continue  # an eight of straight lines
        own[rim:-rim, rim:-rim] = False
        found[place] |= own
    return found


def _across(ink: np.ndarray) -> np.ndarray:
    """Nearly level lines from one side to the other."""
    rows, columns = ink.shape
    high, wide = (max(1, round(side / _SHORTER)) for side in ink.shape)
    few = np.logical_or.reduceat(ink, np.arange(0, columns, wide), axis=1)
    few = np.logical_or.reduceat(few, np.arange(0, rows, high), axis=0)
    few = few | np.roll(few, 1, 0) | np.roll(few, -1, 0) if len(few) > 100 else few
    x = np.arange(few.shape[1]) * wide - columns / 2
    places = np.arange(few.shape[1])
    end = max(1, few.shape[1] // 12)  # a printed line reaches both edges, a long stroke does not
    reach = int(np.ceil(np.abs(_SLOPES).max() * columns / 2 / high)) + 1
    tall = np.pad(few, ((reach, reach), (0, 0)), mode="edge")
    found = np.zeros_like(ink)
    for slope in _SLOPES:
        # every row's line of this slope at once: the columns are moved up or down against each other
        start = np.rint(slope * x / high).astype(int) + reach
        along = tall[np.arange(len(few))[:, None] + start[None, :], places[None, :]]
        ends = np.minimum(along[:, :end].mean(1), along[:, -end:].mean(1))
        for row in np.flatnonzero((along.mean(1) > _COVERED) & (ends > 0.4)):
            path = np.rint(row * high + slope * (np.arange(columns) - columns / 2)).astype(int)
            inside = (path >= 0) & (path < rows)
            found[path[inside], np.flatnonzero(inside)] = True
    if not found.any():
        return found
    # a line is as thick as ink goes on above and below its middle
    near = max(1, round(rows / 200))
    return np.asarray(ndimage.binary_dilation(found, np.ones((2 * near + 1, 1), bool)) & ink)
