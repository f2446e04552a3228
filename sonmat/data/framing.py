"""A mark drawn as MNIST's digits are: light on black, in a box of 20 pixels, its centre of mass in the middle of 28."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from sonmat.data.finished import BOX
from sonmat.data.strokes import stroke_width

_THIN = 0.068  # of a picture's side; MNIST's strokes are 1.9 of 28 pixels wide at the least
_LOOKED_AT = 600  # rows


def framed(strength: np.ndarray, mask: np.ndarray, side: int = 28, box: float = BOX) -> np.ndarray:
    """One mark as a network that learned MNIST expects it.

    "The original black and white images were size normalized to fit in a 20x20 pixel box while preserving their aspect
    ratio … the images were centered in a 28x28 image by computing the center of mass of the pixels" (LeCun et al. 1998,
    "Gradient-based learning applied to document recognition"). A line far thinner than theirs is drawn as thin as theirs
    may be, as it would be all but gone in a box of 20 pixels.

    Args:
        strength: (rows, columns) float32, 0..1, of the whole picture.
        mask: (rows, columns) bool, the mark; not empty.
        side: Pixels a side of the result.
        box: The longer side of the mark in it, as a share of the side.

    Returns:
        (side, side) uint8, light strokes on 0.
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    small = _shrunk(_wide_enough(_levels(strength[part], mask[part]), side, box), max(1, round(box * side)))
    inked = small[small > 0.25 * small.max()]
    full = float(np.percentile(inked, 85)) if inked.size else 1.0
    return _centred(np.rint(255 * np.clip(small / full, 0, 1)).astype(np.uint8), side)


def _shrunk(ink: np.ndarray, longest: int) -> np.ndarray:
    """The ink with a longer side of so many pixels, from edge to edge of them as MNIST's digits lie in their box."""
    pixel = max(ink.shape) / longest  # of the picture, in one of the result
    rows, columns = (max(1, int(np.ceil(length / pixel - 1e-6))) for length in ink.shape)
    lacking = rows * pixel - ink.shape[0], columns * pixel - ink.shape[1]  # the shorter side need not be whole pixels
    border = [int(np.ceil(max(0.0, one) / 2)) for one in lacking]
    wide = Image.fromarray(np.pad(ink, [(one, one) for one in border]).astype(np.float32))
    top, left = border[0] - lacking[0] / 2, border[1] - lacking[1] / 2
    edges = (left, top, min(left + columns * pixel, wide.width), min(top + rows * pixel, wide.height))
    how = Image.Resampling.BOX if pixel > 1.5 else Image.Resampling.BILINEAR
    return np.asarray(wide.resize((columns, rows), how, box=edges))


def _centred(small: np.ndarray, side: int) -> np.ndarray:
    """With the centre of mass on the 15th of 28 pixels, where MNIST's lie: they were moved by whole pixels."""
    made = np.zeros((side, side), np.uint8)
    if not small.any():
        return made
    places = []
    for axis, length in enumerate(small.shape):
        weights = small.sum(1 - axis, dtype=np.float64)
        start = round(side / 2 - float(weights @ np.arange(length)) / float(weights.sum()))
        places.append(min(max(0, start), side - length))
    made[places[0] : places[0] + small.shape[0], places[1] : places[1] + small.shape[1]] = small
    return made


def box_of(inputs: np.ndarray) -> float | None:
    """The box that pictures of a data set were framed in, as a share of their side; None where they were not framed so.

    Args:
        inputs: (n, side, side) or (n, side, side, 1) uint8, any pictures.
    """
    square = inputs.ndim in (3, 4) and inputs.shape[1] == inputs.shape[2] and inputs.shape[3:] in ((), (1,))
    if not square or inputs.dtype != np.uint8 or not len(inputs):
        return None
    side = inputs.shape[1]
    rows = inputs[:: max(1, len(inputs) // _LOOKED_AT)].reshape(-1, side, side)
    rows = rows[rows.any((1, 2))]
    if not len(rows) or np.mean(rows[:, [0, 0, -1, -1], [0, -1, 0, -1]].max(1) == 0) < 0.95:
        return None
    longest = np.maximum(*(_extent(rows, axis) for axis in (1, 2)))
    places = np.arange(side) + 0.5
    weights = rows.astype(np.float64) / rows.sum((1, 2), keepdims=True, dtype=np.float64)
    away = np.maximum(*(np.abs((weights.sum(axis) * places).sum(1) - side / 2) for axis in (1, 2)))
    middle = float(np.median(longest))
    alike = np.mean(np.abs(longest - middle) <= max(1.0, 0.05 * side)) > 0.85
    centred = np.mean(away <= 0.06 * side) > 0.9
    return middle / side if alike and centred and middle < 0.93 * side else None


def _extent(rows: np.ndarray, axis: int) -> np.ndarray:
    """How many pixels each picture is lit over, across one axis, (n,)."""
    lit = np.asarray(rows.any(axis))
    return np.asarray(lit.shape[1] - lit.argmax(1) - lit[:, ::-1].argmax(1))


def _levels(strength: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Ink from 0 to 1: full where the pen was, in between at its edges, nothing where other marks are."""
    full = float(np.percentile(strength[mask], 60))
    near = ndimage.binary_dilation(mask)
    return np.asarray(np.where(near, np.clip(strength / max(full, 1e-6), 0, 1), 0))


def _wide_enough(ink: np.ndarray, side: int, box: float) -> np.ndarray:
    """The ink with lines as wide as a picture of this size can show."""
    longest, wanted, most = max(ink.shape), _THIN * side, box * side
    width = stroke_width(ink > 0.5)
    if wanted * longest / most - width <= 0.5:
        return ink
    # The digit grows by as much as its lines, and is then made as small as before: (width + 2r)/(longest + 2r) = wanted/most.
    reach = max(1, round((wanted * longest - most * width) / (2 * (most - wanted))))
    across = np.arange(-reach, reach + 1)
    disc = across[:, None] ** 2 + across**2 <= reach**2 + 0.5
    return np.asarray(ndimage.grey_dilation(np.pad(ink, reach), footprint=disc))
