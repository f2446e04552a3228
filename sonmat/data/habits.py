"""Digits as other hands write them than those of MNIST: ones with a flag and a foot, crossed sevens, slashed noughts.

Nearly all ones of MNIST are a bare stroke. Of people's photographs of digits a third of what a network got wrong after one
epoch were ones with a foot, read as 2, or with a flag, read as 7.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from sonmat.data.strokes import stroke_width

_KINDS = (1, 1, 1, 1, 1, 1, 7, 7, 7, 0)  # of ten, as often as they were misread
_FINE = 4  # strokes are drawn so many times as large, for smooth edges

_Line = tuple[tuple[float, float], tuple[float, float]]


def written_otherwise(
    inputs: np.ndarray, labels: np.ndarray, count: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Digits of a data set with a stroke or two more, which they may have.

    Args:
        inputs: (n, side, side) or (n, side, side, 1) uint8, digits as MNIST's are.
        labels: (n,), which digits they are.
        count: How many to make.
        seed: It alone decides which.

    Returns:
        The pictures, (count, …) of the shape and dtype of the inputs; their labels; and the rows that they were made of.
    """
    random = np.random.default_rng(seed)
    pictures = inputs.reshape(len(inputs), *inputs.shape[1:3])
    places = {digit: np.flatnonzero(labels == digit) for digit in set(_KINDS)}
    kinds = [digit for digit in _KINDS if len(places[digit])]
    if not kinds or not count:
        return inputs[:0], labels[:0], np.zeros(0, np.int64)
    rows = np.array([random.choice(places[kinds[random.integers(len(kinds))]]) for _ in range(count)])
    made = np.stack([_written(pictures[row], int(labels[row]), random) for row in rows])
    return made.reshape(count, *inputs.shape[1:]).astype(inputs.dtype), labels[rows], rows


def _written(picture: np.ndarray, digit: int, random: np.random.Generator) -> np.ndarray:
    mask = picture > 100
    if not mask.any():
        return picture
    rows, columns = np.nonzero(mask)
    lines = {1: _flag_and_foot, 7: _bar, 0: _slash}[digit](rows, columns, random)
    pen = float(np.clip(stroke_width(mask), 1.6, 4)) * random.uniform(0.8, 1.1)
    return _centred(np.maximum(picture, _drawn(lines, pen, picture.shape[0])))


def _flag_and_foot(rows: np.ndarray, columns: np.ndarray, random: np.random.Generator) -> list[_Line]:
    """Of a one: a short stroke that falls to the left from its top, a level one under it, or both."""
    height = float(np.ptp(rows)) + 1
    top = float(rows.min()), float(columns[rows == rows.min()].mean())
    bottom = float(rows.max()), float(columns[rows == rows.max()].mean())
    which = random.integers(3)
    lines: list[_Line] = []
    if which != 1:
        angle, length = np.radians(random.uniform(22, 65)), height * random.uniform(0.18, 0.55)
        lines.append((top, (top[0] + length * np.sin(angle), top[1] - length * np.cos(angle))))
    if which != 0:
        left, right = height * random.uniform(0.12, 0.4, 2)
        fall = random.uniform(-0.12, 0.12)
        lines.append(((bottom[0] - fall * left, bottom[1] - left), (bottom[0] + fall * right, bottom[1] + right)))
    return lines


def _bar(rows: np.ndarray, columns: np.ndarray, random: np.random.Generator) -> list[_Line]:
    """Of a seven: a stroke across its middle."""
    height = float(np.ptp(rows)) + 1
    middle = rows.min() + height * random.uniform(0.42, 0.62)
    near = columns[np.abs(rows - middle) <= 1]
    centre = float(near.mean()) if near.size else float(columns.mean())
    left, right = height * random.uniform(0.15, 0.34, 2)
    fall = random.uniform(-0.3, 0.12)
    return [((middle - fall * left, centre - left), (middle + fall * right, centre + right))]


def _slash(rows: np.ndarray, columns: np.ndarray, random: np.random.Generator) -> list[_Line]:
    """Of a nought: a stroke from its upper right to its lower left."""
    low, high = random.uniform(-0.08, 0.25), random.uniform(0.75, 1.08)
    tall, wide = float(np.ptp(rows)), float(np.ptp(columns))
    first = rows.min() + low * tall, columns.min() + high * wide
    return [(first, (rows.min() + high * tall, columns.min() + low * wide))]


def _drawn(lines: list[_Line], pen: float, side: int) -> np.ndarray:
    image = Image.new("L", (_FINE * side, _FINE * side))
    draw = ImageDraw.Draw(image)
    reach = _FINE * pen / 2
    for line in lines:
        points = [(_FINE * (column + 0.5), _FINE * (row + 0.5)) for row, column in line]
        draw.line(points, fill=255, width=max(1, round(_FINE * pen)))
        for x, y in points:
            draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=255)
    return np.asarray(image.resize((side, side), Image.Resampling.BOX))


def _centred(picture: np.ndarray) -> np.ndarray:
    """The picture moved by whole pixels until its centre of mass is in the middle, as far as no ink would leave it."""
    weights = picture.astype(np.float64)
    moved = picture
    for axis in (0, 1):
        along = weights.sum(1 - axis)
        lit = np.flatnonzero(along)
        middle = float((along * np.arange(len(along))).sum() / along.sum())
        way = int(np.clip(round(len(along) / 2 - middle), -lit[0], len(along) - 1 - lit[-1]))
        moved = np.roll(moved, way, axis)
    return moved
