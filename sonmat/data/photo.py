"""A photograph or scan of handwriting, cleaned to what a network that learned MNIST expects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from sonmat.data.finished import BOX, Cleaned, finished
from sonmat.data.framing import framed
from sonmat.data.light import Ink, ink_of, otsu
from sonmat.data.marks import Mark, in_reading_order, parts_of, together
from sonmat.data.ruling import without_ruling

LONGEST = 640
"""Pixels of a side that are looked at; a photograph is made smaller first, which takes noise out as well."""

_SMALL = 64  # pixels: such a picture is a digit cut out of something, and may touch its edges
_FAINTEST = 0.05  # of the paper's light: less is no ink
_SURE = 5.0  # times the noise
_TOUCHING = np.ones((3, 3), bool)  # corners count


@dataclass(frozen=True)
class _Place:
    """Where pixels that were worked on lie in the picture.

    Attributes:
        scale: Pixels of the picture in one of theirs.
        border: Of theirs, around the picture.
        size: Rows and columns of the picture.
    """

    scale: float
    border: int
    size: tuple[int, int]

    def of(self, mark: Mark) -> tuple[int, int, int, int]:
        """A mark's box in the picture."""
        edges = [round((edge - self.border) * self.scale) for edge in mark.box]
        most = (*self.size, *self.size)
        top, left, bottom, right = (min(max(0, edge), limit) for edge, limit in zip(edges, most, strict=True))
        return top, left, bottom, right


def cleaned(picture: np.ndarray, side: int = 28, box: float = BOX) -> Cleaned:
    """The digit in a picture.

    A picture that is what MNIST's are already, of their size and on black, is taken as it is.

    Args:
        picture: uint8, (rows, columns) or (rows, columns, 3): what a camera, a scanner or a drawing program gives.
        side: Pixels a side of the result.
        box: The longer side of the digit in it, as a share of the side.
    """
    ready = finished(picture, side)
    if ready is not None:
        return ready
    marks, ink, place = _marks(picture)
    if not marks:
        return Cleaned(np.zeros((side, side), np.uint8), (0, 0, *picture.shape[:2]), inked=False)
    main = _main(marks, ink.strength.shape)
    return _shown(main, marks, ink, place, side, box)


def cleaned_all(picture: np.ndarray, side: int = 28, box: float = BOX) -> list[Cleaned]:
    """Every digit in a picture, in reading order; none where there is no ink."""
    marks, ink, place = _marks(picture)
    if not marks:
        return []
    tall = max(mark.height for mark in marks)
    worth = [mark for mark in marks if mark.height >= 0.35 * tall]
    return [_shown(mark, [mark], ink, place, side, box) for mark in in_reading_order(worth)]


def _marks(picture: np.ndarray) -> tuple[list[Mark], Ink, _Place]:
    """The marks, and the ink they are of; in pixels of a picture of another size, with a border around it."""
    small, back = _sized(picture)
    border = _border(small.shape)
    place = _Place(back, border, (picture.shape[0], picture.shape[1]))
    ink = ink_of(_padded(small, border))
    mask = _inked(ink)
    if not mask.any():
        return [], ink, place
    if min(small.shape[:2]) > _SMALL:
        faint = ink.strength > max(0.7 * _SURE * ink.noise, 0.15 * float(np.percentile(ink.strength[mask], 70)))
        mask = without_ruling(ink.strength, mask, faint)
    parts = parts_of(mask, ink.strength)
    return together(parts) if parts else [], ink, place


def _sized(picture: np.ndarray) -> tuple[np.ndarray, float]:
    longest = max(picture.shape[:2])
    back = longest / LONGEST if longest > LONGEST else min(1.0, longest / 112)
    if back == 1.0:
        return picture, 1.0
    size = (max(1, round(picture.shape[1] / back)), max(1, round(picture.shape[0] / back)))
    how = Image.Resampling.BOX if back > 1 else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(picture).resize(size, how)), back


def _border(shape: tuple[int, ...]) -> int:
    """A digit cut out tightly gets paper around it; a photograph has its own."""
    return round(0.2 * max(shape[:2])) if max(shape[:2]) <= 2 * _SMALL else 0


def _padded(picture: np.ndarray, border: int) -> np.ndarray:
    """The picture on more of the paper that its edge is mostly of."""
    if not border:
        return picture
    edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    level = np.median(edge, axis=0)
    frame = ((border, border), (border, border), *(((0, 0),) if picture.ndim == 3 else ()))
    wide = np.pad(picture, frame)
    wide[...] = np.rint(level).astype(np.uint8)
    wide[border:-border, border:-border] = picture
    return wide


def _inked(ink: Ink) -> np.ndarray:
    """What is inked: half as strongly as the pen, and more a little where it touches that.

    How strong the pen is shows where there is most of it; a smear on a board, or the print of the page behind, is weaker.
    """
    least = max(_FAINTEST, _SURE * ink.noise)
    strong = ink.strength[ink.strength > least]
    nothing = np.zeros(ink.strength.shape, bool)
    if strong.size < 6:
        return nothing
    cut = max(least, min(otsu(strong), 0.5 * float(np.percentile(strong, 97))))
    labels, count = ndimage.label(ink.strength > cut, _TOUCHING)
    if not count:
        return nothing
    numbers = np.arange(1, count + 1)
    sums = ndimage.sum_labels(ink.strength, labels, numbers)
    main = ink.strength[labels == 1 + int(np.argmax(sums))]
    pen = float(np.percentile(main, 70))
    high, low = max(least, cut, 0.5 * pen), max(0.7 * least, 0.4 * pen)
    labels, count = ndimage.label(ink.strength > low, _TOUCHING)
    certain = np.zeros(count + 1, bool)
    certain[labels[ink.strength > high]] = True  # high > low: only what has a label; ndimage.maximum sorts every pixel
    return np.asarray(certain[labels])


def _main(marks: list[Mark], shape: tuple[int, ...]) -> Mark:
    """The mark that is meant: inked most, and not at the rim."""
    middle = np.array(shape) / 2

    def weight(mark: Mark) -> float:
        away = np.abs((np.array([mark.top + mark.bottom, mark.left + mark.right]) / 2 - middle) / middle).max()
        return float(mark.weight * (1.5 - away))

    return max(marks, key=weight)


def _shown(mark: Mark, marks: list[Mark], ink: Ink, place: _Place, side: int, box: float) -> Cleaned:
    rivals = [one for one in marks if one is not mark and one.height > 0.5 * mark.height]
    return Cleaned(framed(ink.strength, mark.mask, side, box), place.of(mark), len(rivals))
