"""Inputs that a classifier should not answer, made of nothing but its own training pictures and a random generator."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from sonmat.data.scribbles import scribble, sign

_TRIES = 20  # before an outlier that keeps being an input becomes noise
_TURNED = (3, 4, 7)  # digits that are none when they lie on their side
_MIRRORED = (3, 4, 6, 7, 9)


def digit_outliers(inputs: np.ndarray, labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Pictures that are no digits, for a network of digits as MNIST's are.

    Signs and scribbles, two digits in one picture, halves of different digits, digits mirrored and on their side, noise and
    textures.

    Args:
        inputs: (n, side, side) or (n, side, side, 1) uint8, digits.
        labels: (n,), which digits they are.
        count: How many to make.
        seed: It alone decides which.

    Returns:
        (count, …) of the shape and dtype of the inputs.
    """
    random = np.random.default_rng(seed)
    pictures = inputs.reshape(len(inputs), *inputs.shape[1:3])
    side = pictures.shape[1]
    by_digit = [np.flatnonzero(labels == digit) for digit in range(10)]

    def any_of(digits: tuple[int, ...]) -> np.ndarray:
        known = [digit for digit in digits if len(by_digit[digit])] or [int(labels[0])]
        places = by_digit[known[random.integers(len(known))]]
        return np.asarray(pictures[places[random.integers(len(places))]])

    def one() -> np.ndarray:
        kind = random.random()
        if kind < 0.5:
            return sign(random, side)
        if kind < 0.64:
            return scribble(random, side)
        if kind < 0.72:
            return _beside(any_of(tuple(range(10))), any_of(tuple(range(10))))
        if kind < 0.8:
            first, second = random.choice(10, 2, replace=False)
            return _halves(any_of((int(first),)), any_of((int(second),)), random)
        if kind < 0.85:
            return np.asarray(any_of(_MIRRORED)[:, ::-1])
        if kind < 0.9:
            return np.rot90(any_of(_TURNED), 1 if random.random() < 0.5 else 3)
        return texture((side, side), random)

    made = np.stack(_unlike(pictures, one, count, random))
    return made.reshape(count, *inputs.shape[1:]).astype(inputs.dtype)


def picture_outliers(inputs: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Pictures of nothing, for a network of any pictures: noise, textures, and pairs of pictures in one another's place.

    Args:
        inputs: (n, rows, columns) or (n, rows, columns, channels) uint8.
        count: How many to make.
        seed: It alone decides which.
    """
    random = np.random.default_rng(seed)
    shape = inputs.shape[1:]

    def one() -> np.ndarray:
        if random.random() < 0.5:
            if len(shape) == 2:
                return texture(shape, random)
            return np.stack([texture(shape[:2], random) for _ in range(shape[2])], -1)
        first, second = inputs[random.integers(len(inputs))], inputs[random.integers(len(inputs))]
        return _halves(first, second, random) if random.random() < 0.5 else _shuffled(first, random)

    return np.stack(_unlike(inputs, one, count, random)).astype(inputs.dtype)


def _unlike(
    inputs: np.ndarray, one: Callable[[], np.ndarray], count: int, random: np.random.Generator
) -> list[np.ndarray]:
    """`count` outliers none of which is one of the inputs: a digit mirrored may be the digit."""
    known = {hash(picture.tobytes()) for picture in inputs}
    made: list[np.ndarray] = []
    for _ in range(count):
        picture = one()
        for _ in range(_TRIES):
            if hash(np.asarray(picture, inputs.dtype).tobytes()) not in known:
                break
            picture = one()
        else:
            picture = random.integers(0, 256, inputs.shape[1:])
        made.append(picture)
    return made


def texture(shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """(rows, columns) uint8 without any thing in it: noise of some grain, stripes, cells, dots, a slope, or one shade."""
    rows, columns = shape
    y, x = np.mgrid[0:rows, 0:columns]
    kind = random.integers(8)
    field: np.ndarray
    if kind == 0:
        field = random.uniform(0, 1, (rows, columns))
    elif kind == 1:
        field = 0.5 + random.uniform(0.05, 0.4) * random.normal(0, 1, (rows, columns))
    elif kind in (2, 3):
        grain = ndimage.gaussian_filter(random.normal(0, 1, (rows, columns)), random.uniform(0.6, 3))
        field = 0.5 + random.uniform(0.1, 0.5) * grain / (grain.std() + 1e-6)
        field = field if kind == 2 else (field > 0.5) * 1.0
    elif kind == 4:
        angle, wave = random.uniform(0, np.pi), random.uniform(0.4, 3)
        field = 0.5 + 0.5 * np.sin((np.cos(angle) * x + np.sin(angle) * y) / wave + random.uniform(0, 6))
    elif kind == 5:
        size = int(random.integers(2, 8))
        field = ((y // size + x // size) % 2) * random.uniform(0.3, 1)
    elif kind == 6:
        field = (random.random((rows, columns)) < random.uniform(0.01, 0.3)) * 1.0
    else:
        slope = random.normal(0, 1, 2)
        field = random.uniform(0.1, 1) + random.uniform(0, 0.5) * (slope[0] * y / rows + slope[1] * x / columns)
    if random.random() < 0.3:
        field = field * random.uniform(0.2, 1)
    return (255 * np.clip(field, 0, 1)).astype(np.uint8)


def _beside(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Two digits in the place of one, each half as wide and high."""
    side = one.shape[0]
    width = side // 2
    both = []
    for digit in (one, other):
        small = ndimage.zoom(digit.astype(np.float32), (0.62, 0.62), order=1)
        cut = (small.shape[1] - width) // 2
        both.append(small[:, cut : cut + width])
    pair = np.concatenate(both, 1)
    top = (side - pair.shape[0]) // 2
    wide = np.zeros_like(one)
    wide[top : top + pair.shape[0], : pair.shape[1]] = np.clip(pair * 1.2, 0, 255).astype(one.dtype)
    return wide


def _halves(one: np.ndarray, other: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The upper, or left, half of one picture on the other half of another."""
    made = one.copy()
    if random.random() < 0.5:
        made[len(one) // 2 :] = other[: len(one) - len(one) // 2]
    else:
        half = one.shape[1] // 2
        made[:, half:] = other[:, : one.shape[1] - half]
    return made


def _shuffled(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The four quarters of a picture in another order."""
    rows, columns = picture.shape[0] // 2, picture.shape[1] // 2
    quarters = [picture[r : r + rows, c : c + columns] for r in (0, rows) for c in (0, columns)]
    order = random.permutation(4)
    if (order == np.arange(4)).all():
        order = order[::-1]
    made = picture.copy()
    for place, taken in enumerate(order):
        r, c = divmod(place, 2)
        made[r * rows : (r + 1) * rows, c * columns : (c + 1) * columns] = quarters[taken]
    return made
