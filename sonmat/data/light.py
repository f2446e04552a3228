"""Light taken out of a photograph: how strongly each pixel is inked, whatever the lamp, the shadows and the colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

WIDEST = 0.3
"""Of a picture's shorter side: what is wider than this is no stroke, but a shadow, a table, a hand."""

_FLOOR = 16.0  # added to levels before they are divided: the darkest pixels of a camera are noise
_SPREAD = 1.4826  # of a normal distribution, over its median absolute deviation
_GREY = np.array([0.299, 0.587, 0.114], np.float32)
_COLOURED = 3.0  # levels by which colours differ from grey on the mean, below which there is no colour
_PALEST = 0.3  # of the light of what it is on: light ink is as much lighter at the least, to be counted as full
_CLEARER = 1.5  # times as clear as grey is a colour that is looked at instead: cameras and JPEG keep colours badly
_ROUGH = 160  # pixels of the shorter side in which the colour to look at is chosen


@dataclass(frozen=True, eq=False)
class Ink:
    """How strongly a picture is inked.

    Attributes:
        strength: (rows, columns) float32; 0 is bare paper, 1 as strong as ink can be.
        noise: Standard deviation of `strength` on bare paper.
        dark: Whether the ink is darker than what it is on.
        full: What part of the light ink of strength 1 takes away, or for light ink adds.
    """

    strength: np.ndarray
    noise: float
    dark: bool
    full: float = 1.0

    @property
    def contrast(self) -> float:
        """What strength 1 is of the lighter of ink and paper: dark ink and light ink are held against each other by it."""
        return self.full if self.dark else self.full / (1 + self.full)


def ink_of(picture: np.ndarray, widest: float = WIDEST, dark: bool | None = None) -> Ink:
    """The ink of a picture, told from the paper whichever is darker.

    Paper is what a stroke cannot be: wide. So it is seen by closing (or opening) the picture with a square wider than any
    stroke, which keeps the edges of shadows where they are (Serra 1982, "Image analysis and mathematical morphology", the
    black and white top-hat), and by a mean over what is not ink, which keeps the noise out; ink is what both call so. All
    is a ratio to the paper beside it, so that a shadow takes the same share of both.

    Args:
        picture: uint8, (rows, columns) or (rows, columns, 3), of some hundred pixels a side.
        widest: Of the shorter side: what is wider is paper.
        dark: Whether the ink is darker than the paper, where that is known.
    """
    planes = _planes(picture)
    step = max(1, min(picture.shape[:2]) // _ROUGH)
    rough = [ink for plane in planes for ink in _of_plane(_reduced(plane, step), widest)]
    clear = [_clearness(ink) / (1 if i < 2 else _CLEARER) for i, ink in enumerate(rough)]
    asked = [i for i, ink in enumerate(rough) if dark is None or ink.dark == dark]
    best = max(asked, key=clear.__getitem__)
    return _of_plane(planes[best // 2], widest)[best % 2] if step > 1 else rough[best]


def otsu(values: np.ndarray) -> float:
    """Otsu's threshold (1979, "A threshold selection method from gray-level histograms") of values in 0..1."""
    counts, edges = np.histogram(values, 128, (0.0, 1.0))
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[1 + int(np.argmax(np.where(np.isfinite(apart), apart, -1)))])


def _planes(picture: np.ndarray) -> list[np.ndarray]:
    """Grey, and where there is colour each of the three: red ink on a blue board may be as light as the board."""
    levels = picture.astype(np.float32)
    if picture.ndim == 2:
        return [levels]
    grey = levels @ _GREY
    if float(np.abs(levels - grey[..., None]).max(-1).mean()) < _COLOURED:
        return [grey]
    return [grey, *(np.ascontiguousarray(levels[..., channel]) for channel in range(3))]


def _reduced(plane: np.ndarray, step: int) -> np.ndarray:
    """A plane of means over squares."""
    rows, columns = plane.shape[0] // step * step, plane.shape[1] // step * step
    return np.asarray(plane[:rows, :columns].reshape(rows // step, step, columns // step, step).mean((1, 3)))


def _of_plane(plane: np.ndarray, widest: float) -> list[Ink]:
    """Dark ink, and light ink."""
    smooth = ndimage.gaussian_filter(plane, min(1.0, min(plane.shape) / 300)) + _FLOOR
    side = max(3, int(widest * min(plane.shape)) | 1)
    dark = 1 - smooth / ndimage.grey_closing(smooth, (side, side))
    light = 1 - ndimage.grey_opening(smooth, (side, side)) / smooth
    # A hole in a dark stroke looks like a light stroke. But it is as light as the paper around both, and so neither may
    # count as paper.
    certain = (dark > max(otsu(dark), 0.06)) | (light > max(otsu(light), 0.06))
    paper = ~ndimage.binary_dilation(certain, iterations=max(1, min(plane.shape) // 150))
    if paper.mean() < 0.05:
        paper = ~certain if not certain.all() else np.ones_like(certain)
    mean = _mean_of(smooth, paper, side)
    # Light ink is many times as light as what it is on, and the dust beside it twice: as a share of the ink's own light the
    # dust is faint.
    more = np.minimum(light / (1 - light), smooth / mean - 1)
    full = max(_PALEST, float(np.percentile(more, 99.7)))
    return [
        _held(dark, 1 - smooth / mean, paper, 1.0, dark=True),
        _held(more / full, (smooth / mean - 1) / full, paper, full, dark=False),
    ]


def _mean_of(levels: np.ndarray, paper: np.ndarray, side: int) -> np.ndarray:
    """The paper's level everywhere: a smooth mean over the pixels of paper, the overall one where none is near."""
    weight = _smooth(paper.astype(np.float32), side)
    total = _smooth(np.where(paper, levels, 0).astype(np.float32), side)
    overall = float(np.median(levels[paper]))
    return np.asarray((total + 1e-3 * overall) / (weight + 1e-3))


def _smooth(values: np.ndarray, side: int) -> np.ndarray:
    """Under a bump as wide as a square of this side, of three boxes: a hundredth of the time of so wide a Gaussian."""
    for _ in range(3):
        values = ndimage.uniform_filter(values, max(3, side // 2), mode="nearest")
    return values


def _held(hat: np.ndarray, flat: np.ndarray, paper: np.ndarray, full: float, *, dark: bool) -> Ink:
    strength = np.clip(np.minimum(hat, flat), 0, 1).astype(np.float32)
    rest = flat[paper]
    noise = _SPREAD * float(np.median(np.abs(rest - np.median(rest))))
    return Ink(strength, max(noise, 2e-3), dark, full)


def _clearness(ink: Ink) -> float:
    """How far ink stands out: its contrast over the noise, and that there is more than a speck of it."""
    mask = ink.strength > max(otsu(ink.strength), 4 * ink.noise, 0.04)
    if not mask.any():
        return 0.0
    spread = float(np.sqrt(min(1.0, 100 * float(mask.mean()))))
    return ink.contrast * float(ink.strength[mask].mean()) * spread / (ink.contrast * ink.noise + 0.02)
