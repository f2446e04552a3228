"""A mark drawn as MNIST's digits are: light on black, in a box of 20 pixels, its centre of mass in the middle of 28."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from sonmat.data.finished import BOX

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
    ink = _wide_enough(_levels(strength[part], mask[part]), side, box)
    pixel = max(ink.shape) / (box * side)  # of the picture, in one of the result
    down, across = ndimage.center_of_mass(ink)
    reach = side * pixel / 2
    border = int(np.ceil(reach + max(ink.shape)))
    # The middle of 28 pixels lies between two; MNIST's centres of mass lie on the 15th, as its digits were moved by whole ones.
    middle = down + border + 0.5 - pixel / 2, across + border + 0.5 - pixel / 2
    edges = (middle[1] - reach, middle[0] - reach, middle[1] + reach, middle[0] + reach)
    how = Image.Resampling.BOX if pixel > 1.5 else Image.Resampling.BILINEAR
    wide = Image.fromarray(np.pad(ink, border).astype(np.float32))
    small = np.asarray(wide.resize((side, side), how, box=edges))
    inked = small[small > 0.25 * small.max()]
    full = float(np.percentile(inked, 85)) if inked.size else 1.0
    return np.rint(255 * np.clip(small / full, 0, 1)).astype(np.uint8)


def stroke_width(mask: np.ndarray) -> float:
    """How wide the pen was, in pixels: twice the median distance of a stroke's middle from its edge."""
    if not mask.any():
        return 0.0
    inside = ndimage.distance_transform_edt(np.pad(mask, 1))
    ridge = (inside >= ndimage.maximum_filter(inside, 3) - 1e-6) & (inside > 0)
    return float(2 * np.median(inside[ridge]) - 1)


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
    wanted = _THIN * side * max(ink.shape) / (box * side)
    lacking = wanted - stroke_width(ink > 0.5)
    if lacking <= 0.5:
        return ink
    reach = max(1, round(lacking / 2))
    across = np.arange(-reach, reach + 1)
    disc = across[:, None] ** 2 + across**2 <= reach**2 + 0.5
    return np.asarray(ndimage.grey_dilation(np.pad(ink, reach), footprint=disc))
