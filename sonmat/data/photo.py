"""A photograph or scan of handwriting, cleaned to what a network that learned MNIST expects."""

from __future__ import annotations

import functools
import math
import operator
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from sonmat.data.finished import BOX, Cleaned, finished
from sonmat.data.framing import framed
from sonmat.data.light import Ink, ink_of, otsu
from sonmat.data.marks import Mark, in_reading_order, parts_of, together
from sonmat.data.ruling import mended, printed
from sonmat.data.strokes import stroke_width

LONGEST = 640
"""Pixels of a side that are looked at; a photograph is made smaller first, which takes noise out as well."""

_SMALL = 64  # pixels: such a picture is a digit cut out of something, and may touch its edges
_FAINTEST = 0.05  # of the paper's light: less is no ink
_CANVAS = 200  # pixels of a side of a drawing that are looked at
_DRAWN = 0.35  # of the pen's darkness: less is the blur beside a stroke
_SURE = 5.0  # times the noise
_PALEST = 0.1  # of the lighter of ink and paper: on 98 of 100 blank pages specks stand out less
_WIDE = 0.8  # of the shorter side: a digit cut out tightly has strokes as wide as a third of it
_BLURRED = 2  # pixels: the edge of a stroke in a photograph that is not sharp
_RIM = 6  # pixels beside such a thing that are half of it
_TINY = 20  # pixels: all that such a picture shows is one digit, and its thinner strokes are grey
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
    ready = finished(picture, side, box)
    if ready is not None:
        return ready
    marks, ink, place = _marks(picture)
    if not marks:
        return Cleaned(np.zeros((side, side), np.uint8), (0, 0, *picture.shape[:2]), inked=False)
    main = _main(marks, ink.strength.shape)
    return _shown(main, marks, ink, place, side, box)


def drawn(picture: np.ndarray, side: int = 28, box: float = BOX) -> Cleaned:
    """The digit drawn on a plain canvas: its light is even, nothing is printed on it, and so little is left to clean.

    It takes a tenth of the time that `cleaned` takes, as a stroke is followed by its answer.

    Args:
        picture: uint8, (rows, columns) or (rows, columns, 3); strokes of one darkness on paper of one lightness, or the
            other way round.
        side, box: As `cleaned` has them.
    """
    ready = finished(picture, side, box)
    if ready is not None:
        return ready
    small, back = _sized(picture, _CANVAS)
    grey = small.astype(np.float32) if small.ndim == 2 else small.mean(-1, dtype=np.float32)
    paper = float(np.median(grey))
    away = np.abs(grey - paper)
    pen = float(away.max())
    if pen < _FAINTEST * 255:
        return Cleaned(np.zeros((side, side), np.uint8), (0, 0, *picture.shape[:2]), inked=False)
    border = _border(small.shape)
    strength = np.pad(away / pen, border)
    parts = parts_of(strength > _DRAWN, strength)
    marks = together(parts) if parts else []
    if not marks:
        return Cleaned(np.zeros((side, side), np.uint8), (0, 0, *picture.shape[:2]), inked=False)
    place = _Place(back, border, (picture.shape[0], picture.shape[1]))
    return _framed(_main(marks, strength.shape), marks, strength, place, side, box)


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
    padded = _padded(small, border)
    ink = ink_of(padded, _WIDE, _darker(padded, border)) if border else ink_of(padded)
    lines = np.zeros(ink.strength.shape, bool)
    if min(small.shape[:2]) > _SMALL:
        lines = printed(ink.strength > _faintest(ink))
    strength = np.where(lines, np.float32(0), ink.strength)
    tiny = max(picture.shape[:2]) <= _TINY
    parts = _parts(strength, lines, ink, 0.25 if tiny else 0.5)
    if parts and not border and _beside_the_page(parts[0]):
        away = ndimage.binary_dilation(parts[0].mask, iterations=_RIM)
        inner = _parts(np.where(away, np.float32(0), strength), lines, ink, 0.5)
        tall = max((part.height for part in inner if not part.at_edge), default=0)
        parts = inner if tall > 0.2 * min(small.shape[:2]) else parts
    marks = [functools.reduce(operator.or_, parts)] if tiny and parts else together(parts) if parts else []
    return [mark for mark in marks if _stands_out(mark, ink, place)], ink, place


def _faintest(ink: Ink) -> float:
    """Of ink, so strong is what may be a printed line in the way; a weaker one is not seen beside the pen."""
    least = max(_FAINTEST, 0.7 * _SURE * ink.noise)
    strong = ink.strength[ink.strength > least]
    return max(least, 0.2 * float(np.percentile(strong, 97))) if strong.size else least


def _parts(strength: np.ndarray, lines: np.ndarray, ink: Ink, share: float) -> list[Mark]:
    written = _inked(strength, ink.noise, share)
    return parts_of(mended(written, lines, ink.strength), ink.strength) if written.any() else []


def _beside_the_page(part: Mark) -> bool:
    """Whether it is a table, a hand or a shadow: it reaches out of the picture, and is wider than strokes are."""
    wide = 0.06 * min(part.labels.shape)
    return part.at_edge and stroke_width(part.mask[part.top : part.bottom, part.left : part.right]) > wide


def _darker(padded: np.ndarray, border: int) -> bool:
    """Whether what differs from the paper around a digit that was cut out is darker than it."""
    grey = padded if padded.ndim == 2 else padded.mean(-1)
    apart = grey[border:-border, border:-border] - float(grey[0, 0])
    return bool((apart * np.abs(apart)).sum() < 0)


def _stands_out(mark: Mark, ink: Ink, place: _Place) -> bool:
    """Whether a mark is stronger than what is around it, as strokes are; the noise of a blank page ends nowhere."""
    blur = _BLURRED + math.ceil(1 / place.scale)  # what was made larger has edges as wide as its pixels were
    border = blur + 4
    top, left = max(0, mark.top - border), max(0, mark.left - border)
    part = slice(top, mark.bottom + border), slice(left, mark.right + border)
    mask, strength = mark.mask[part], ink.strength[part]
    near = ndimage.binary_dilation(mask, iterations=blur)
    around = ndimage.binary_dilation(near, iterations=3) & ~near
    beside = float(np.percentile(strength[around], 70)) if around.any() else 0.0
    apart = float(np.percentile(strength[mask], 70)) - beside
    # Specks are small and their surroundings spotted as well: of a large mark on clean paper less is asked.
    large = max(mark.height, mark.width) >= 0.25 * min(ink.strength.shape)
    clear = large and apart >= 10 * ink.noise and apart >= 4 * beside
    return ink.contrast * apart >= (0.7 if clear else 1.0) * _PALEST


def _sized(picture: np.ndarray, most: int = LONGEST) -> tuple[np.ndarray, float]:
    longest = max(picture.shape[:2])
    back = longest / most if longest > most else min(1.0, longest / 112)
    if back == 1.0:
        return picture, 1.0
    size = (max(1, round(picture.shape[1] / back)), max(1, round(picture.shape[0] / back)))
    how = Image.Resampling.BOX if back > 1 else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(picture).resize(size, how)), back


def _border(shape: tuple[int, ...]) -> int:
    """A digit cut out tightly gets paper around it; a photograph has its own."""
    return round(0.2 * max(shape[:2])) if max(shape[:2]) <= 2 * _SMALL else 0


def _padded(picture: np.ndarray, border: int) -> np.ndarray:
    """The picture on more of the paper that it is mostly of."""
    if not border:
        return picture
    edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    # A bold digit may cover most of the edge, or most of the middle, but not of both: they count alike.
    every = picture.reshape(-1, *picture.shape[2:])
    level = np.median(np.concatenate([every, np.repeat(edge, max(1, len(every) // len(edge)), 0)]), axis=0)
    frame = ((border, border), (border, border), *(((0, 0),) if picture.ndim == 3 else ()))
    wide = np.pad(picture, frame)
    wide[...] = np.rint(level).astype(np.uint8)
    wide[border:-border, border:-border] = picture
    return wide


def _inked(strength: np.ndarray, noise: float, share: float) -> np.ndarray:
    """What is inked: half as strongly as the pen (or another share), and more a little where it touches that.

    How strong the pen is shows where there is most of it; a smear on a board, or the print of the page behind, is weaker.
    """
    least = max(_FAINTEST, _SURE * noise)
    strong = strength[strength > least]
    nothing = np.zeros(strength.shape, bool)
    if strong.size < 6:
        return nothing
    cut = max(least, min(otsu(strong), 0.5 * float(np.percentile(strong, 97))))
    labels, count = ndimage.label(strength > cut, _TOUCHING)
    if not count:
        return nothing
    sums = np.bincount(labels.ravel(), strength.ravel())
    main = strength[labels == 1 + int(np.argmax(sums[1:]))]
    pen = float(np.percentile(main, 70))
    high, low = max(least, 2 * share * cut, share * pen), max(0.7 * least, 0.8 * share * pen)
    labels, count = ndimage.label(strength > low, _TOUCHING)
    certain = np.zeros(count + 1, bool)
    certain[labels[strength > high]] = True  # high > low: only what has a label; ndimage.maximum sorts every pixel
    return np.asarray(certain[labels])


def _main(marks: list[Mark], shape: tuple[int, ...]) -> Mark:
    """The mark that is meant: inked most, and not at the rim."""
    middle = np.array(shape) / 2

    def weight(mark: Mark) -> float:
        away = np.abs((np.array([mark.top + mark.bottom, mark.left + mark.right]) / 2 - middle) / middle).max()
        return float(mark.weight * (1.5 - away))

    return max(marks, key=weight)


def _shown(mark: Mark, marks: list[Mark], ink: Ink, place: _Place, side: int, box: float) -> Cleaned:
    return _framed(mark, marks, ink.strength, place, side, box)


def _framed(mark: Mark, marks: list[Mark], strength: np.ndarray, place: _Place, side: int, box: float) -> Cleaned:
    rivals = [one for one in marks if one is not mark and one.height > 0.5 * mark.height]
    return Cleaned(framed(strength, mark.mask, side, box), place.of(mark), len(rivals))
