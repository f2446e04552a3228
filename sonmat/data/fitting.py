"""Pictures of any sizes made alike: which size, and how a picture gets it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sonmat.language import say

_AN_EPOCH = 60_000 * 28 * 28  # pixels, MNIST's: pictures are made so large that an epoch of all of them has no more
_LEAST, _MOST = 32, 96  # pixels of a side, were it square, that this rule chooses between; 32 leaves CIFAR as it is
_STEP = 4  # sides that are chosen are multiples of this: halves of halves come out even
_LONGEST = 4.0  # a side may be so many times the other


@dataclass(frozen=True)
class Chosen:
    """The size that pictures are made.

    Attributes:
        height, width: In pixels.
        note: What was chosen and why, in a sentence.
    """

    height: int
    width: int
    note: str


def choose_size(heights: Sequence[int], widths: Sequence[int]) -> Chosen:
    """A size for pictures of these sizes.

    Where all have one size that is small enough, they stay as they are. Else the size has the shape of the median picture and
    as many pixels, but no more than let an epoch of all of them have as many as one of MNIST has: 32 × 32 to 96 × 96.
    """
    tall, wide = np.asarray(heights), np.asarray(widths)
    side = min(max(math.sqrt(_AN_EPOCH / len(tall)), _LEAST), _MOST)
    alike = bool((tall == tall[0]).all() and (wide == wide[0]).all())
    if alike and tall[0] * wide[0] <= side * side:
        height, width = int(tall[0]), int(wide[0])
        return Chosen(
            height,
            width,
            say(f"All pictures are {height} × {width} pixels.", f"모든 그림이 {height} × {width} 픽셀입니다."),
        )
    middle = float(np.median(tall)), float(np.median(wide))
    ratio = min(max(middle[0] / middle[1], 1 / _LONGEST), _LONGEST)
    area = min(middle[0] * middle[1], side * side)
    exact = math.sqrt(area * ratio), math.sqrt(area / ratio)
    if area < side * side:  # the median picture itself
        height, width = (max(1, round(one)) for one in exact)
    else:
        height, width = (max(_STEP, _STEP * round(one / _STEP)) for one in exact)
    return Chosen(height, width, _told(tall, wide, height, width))


def _told(tall: np.ndarray, wide: np.ndarray, height: int, width: int) -> str:
    areas = tall.astype(np.int64) * wide
    order = np.lexsort((tall, areas))
    least, most = (f"{tall[n]:,} × {wide[n]:,}" for n in (order[0], order[-1]))
    from_to = say(f"{least} to {most}", f"{least}부터 {most}") if least != most else most
    return say(
        f"Pictures of {from_to} pixels (height × width) are made {height} × {width}: they keep their shape, and what is left "
        f"is filled with the colour of their edge. Another size: --set size={2 * max(height, width)}.",
        f"{from_to} 픽셀(높이 × 너비)인 그림을 {height} × {width}로 맞춥니다. 모양은 그대로 두고 남는 곳은 가장자리 색으로 "
        f"채웁니다. 다른 크기: --set size={2 * max(height, width)}.",
    )


def fitted(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """A picture made this size: scaled until it fits, in the middle, on the colour that its edge has most often.

    A picture that is this size already is given back as it is. One that fills all but a line is stretched by that line.

    Args:
        pixels: uint8 (h, w) or (h, w, 3).
        height, width: 1 or more.

    Returns:
        uint8 (height, width) or (height, width, 3).
    """
    from PIL import Image

    tall, wide = pixels.shape[:2]
    if (tall, wide) == (height, width):
        return pixels
    scale = min(height / tall, width / wide)
    inner = max(1, round(tall * scale)), max(1, round(wide * scale))
    if inner[0] >= height - 1 and inner[1] >= width - 1:
        inner = height, width
    resized = Image.fromarray(pixels).resize(inner[::-1], Image.Resampling.BILINEAR, reducing_gap=3.0)
    small = np.asarray(resized)
    if inner == (height, width):
        return small
    edge = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    canvas = np.empty((height, width, *small.shape[2:]), np.uint8)
    canvas[...] = np.median(edge, axis=0).astype(np.uint8)
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    canvas[top : top + inner[0], left : left + inner[1]] = small
    return canvas


def as_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    """A picture (h, w) or (h, w, 3) in grey, 1, or in colours, 3; grey as Pillow weighs it (ITU-R 601-2)."""
    if channels == 3:
        return pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
    if pixels.ndim == 2:
        return pixels
    weighed = pixels.astype(np.uint32) @ np.array([19_595, 38_470, 7_471], np.uint32)
    return ((weighed + 0x8000) >> 16).astype(np.uint8)


def resized(picture: np.ndarray, size: tuple[int, int], channels: int) -> np.ndarray:
    """A picture as large as a model's own, (rows, columns) or (rows, columns, channels) uint8, made so as training made its own.

    Args:
        picture: uint8, (rows, columns) or (rows, columns, 3).
        size: Rows and columns.
        channels: 1 for grey, 3 for colours.
    """
    return as_channels(fitted(picture, *size), channels)
