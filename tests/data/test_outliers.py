"""Outliers: made of training rows, strokes and noise, framed as digits are, and the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from sonmat.data.framing import box_of
from sonmat.data.outliers import digit_outliers, picture_outliers, texture
from sonmat.data.scribbles import SIGNS, scribble, sign

LOOK_ALIKE = set("OoDQIlijZzSsBbGgqT")


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    images = np.zeros((40, 28, 28), np.uint8)
    images[:, 4:24, 10:18] = random.integers(100, 255, (40, 1, 1))
    return images, np.arange(40) % 10


def test_no_sign_is_a_digit_or_looks_like_one():
    assert not set(SIGNS) & (LOOK_ALIKE | set("0123456789"))
    assert len(SIGNS) > 50


@pytest.mark.parametrize("make", [sign, scribble])
@pytest.mark.parametrize("side", [28, 32])
def test_strokes_are_framed_as_digits_are(make: object, side: int):
    random = np.random.default_rng(1)
    made = np.stack([make(random, side) for _ in range(80)])  # type: ignore[operator]
    assert made.shape == (80, side, side)
    assert made.dtype == np.uint8
    assert box_of(made) == pytest.approx(20 / 28, abs=0.04)
    assert 0.02 < (made > 127).mean() < 0.4


def test_the_seed_alone_decides(digits: tuple[np.ndarray, np.ndarray]):
    one, two = (digit_outliers(*digits, 60, 3) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert (digit_outliers(*digits, 60, 4) != one).any()


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 1)])
def test_they_have_the_shape_of_the_rows(shape: tuple[int, ...], digits: tuple[np.ndarray, np.ndarray]):
    images, labels = digits
    made = digit_outliers(images.reshape(40, *shape), labels, 30, 0)
    assert (made.shape, made.dtype) == ((30, *shape), np.uint8)
    assert len({one.tobytes() for one in made}) == 30


def test_none_is_a_row(digits: tuple[np.ndarray, np.ndarray]):
    images, labels = digits  # each is its own mirror image
    made = digit_outliers(images, labels, 300, 5)
    assert not {one.tobytes() for one in made} & {one.tobytes() for one in images}
    alike = np.tile(images[:1], (8, 1, 1))  # halves and quarters of equal pictures are those pictures
    alike[:] = 90
    made = picture_outliers(alike, 100, 5)
    assert not {one.tobytes() for one in made} & {one.tobytes() for one in alike}


@pytest.mark.parametrize("shape", [(16, 20), (32, 32, 3)])
def test_for_any_pictures(shape: tuple[int, ...]):
    images = np.random.default_rng(0).integers(0, 256, (10, *shape), dtype=np.uint8)
    made = picture_outliers(images, 25, 1)
    assert (made.shape, made.dtype) == ((25, *shape), np.uint8)
    np.testing.assert_array_equal(made, picture_outliers(images, 25, 1))


def test_textures_are_of_many_kinds():
    random = np.random.default_rng(0)
    made = [texture((28, 28), random) for _ in range(60)]
    assert len({one.tobytes() for one in made}) > 55
    spreads = np.array([one.std() for one in made])
    assert spreads.min() < 10 < 60 < spreads.max()
