"""Digits written otherwise: what was there stays, a stroke comes, and the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from sonmat.data.habits import written_otherwise


def digits(shape: tuple[int, ...] = (28, 28)) -> tuple[np.ndarray, np.ndarray]:
    images, labels = np.zeros((30, 28, 28), np.uint8), np.tile([1, 7, 0], 10)
    images[labels == 1, 4:24, 13:16] = 255
    images[labels == 7, 4:7, 8:20] = images[labels == 7, 4:24, 17:20] = 255
    images[labels == 0, 4:24, 8:20] = 255
    images[labels == 0, 7:21, 11:17] = 0
    return images.reshape(30, *shape), labels


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 1)])
def test_labels_and_rows_are_those_of_what_they_are_made_of(shape: tuple[int, ...]):
    images, labels = digits(shape)
    made, of_whom, rows = written_otherwise(images, labels, 60, 0)
    assert (made.shape, made.dtype) == ((60, *shape), np.uint8)
    np.testing.assert_array_equal(of_whom, labels[rows])
    assert set(of_whom) == {0, 1, 7}


def test_ink_comes_and_none_goes():
    images, labels = digits()
    made, _, rows = written_otherwise(images, labels, 80, 1)
    before, after = ((part > 127).sum((1, 2)) for part in (images[rows], made))
    assert (after >= before).all()
    assert (after > before).mean() > 0.95
    weights = made / made.sum((1, 2), keepdims=True)
    for axis in (1, 2):
        middles = (weights.sum(axis) * (np.arange(28) + 0.5)).sum(1)
        assert (np.abs(middles - 14) <= 1.01).all()  # moved by whole pixels, as MNIST's are


def test_ones_get_a_flag_or_a_foot_where_those_are():
    images, labels = digits()
    made, of_whom, _ = written_otherwise(images, labels, 200, 2)
    ones = made[of_whom == 1] > 127
    assert (ones.any(1).sum(1) > 3).all()
    middle = ones[:, 11:17].sum((1, 2)) / 6  # the stem alone is three pixels wide
    assert np.median(middle) < 7


def test_the_seed_alone_decides():
    one, same, other = (written_otherwise(*digits(), 40, seed)[0] for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_without_such_digits_there_are_none():
    images, _ = digits()
    made, labels, rows = written_otherwise(images, np.full(30, 5), 40, 0)
    assert len(made) == len(labels) == len(rows) == 0
