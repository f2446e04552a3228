"""Guards: leaks found byte for byte and nearly, sorted labels, ranges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sonmat.data.guards import contradictions, leak, order, row_numbers, value_range


def images(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 8, 8), dtype=np.uint8)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.int64])
def test_copies_are_counted(dtype: type):
    train, validation = images(300, 0).astype(dtype), images(100, 1).astype(dtype)
    validation[7:30] = train[200:223]
    found = leak(train, validation)
    assert (found.checked, found.copies, found.near_checked) == (100, 23, 0)


def test_blank_rows_are_no_leak():
    train, validation = images(50, 0), images(50, 1)
    train[:10] = validation[:10] = 0
    assert leak(train, validation).copies == 0


def test_one_changed_byte_is_no_copy():
    train = images(50, 0)
    changed = train.copy()
    changed[:, 3, 3] ^= 1
    assert leak(train, changed).copies == 0
    assert leak(train, changed, near=50).near == 50


def test_near_copies_stand_out_of_rows_that_are_merely_alike():
    random = np.random.default_rng(0)
    prototypes = random.uniform(0, 1, (10, 16, 16))
    made = prototypes[random.integers(0, 10, 600)] + random.normal(0, 0.2, (600, 16, 16))
    train, validation = made[:400].astype(np.float32), made[400:].astype(np.float32)
    assert leak(train, validation, near=200).near <= 2
    validation[:50] = train[:50] + random.normal(0, 0.03, (50, 16, 16)).astype(np.float32)
    found = leak(train, validation, near=200)
    assert (found.copies, found.near_checked) == (0, 200)
    assert 50 <= found.near <= 52


def test_parts_of_other_shapes_share_nothing():
    assert leak(images(5, 0), images(5, 0).reshape(5, 64)).checked == 0
    assert leak(images(5, 0)[:0], images(5, 0)).checked == 0


@settings(max_examples=50, deadline=None)
@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20)), elements=st.integers(0, 2)))
def test_equal_rows_and_only_they_have_equal_numbers(rows: np.ndarray):
    numbers = row_numbers(rows)
    for i in range(len(rows)):
        for j in range(i):
            assert (numbers[i] == numbers[j]) == np.array_equal(rows[i], rows[j])


def test_order_tells_sorted_from_shuffled_labels():
    labels = np.repeat(np.arange(10), 100)
    assert order(labels).alike == pytest.approx(990 / 999)
    assert order(labels).by_chance == pytest.approx(0.1)
    shuffled = order(np.random.default_rng(0).permutation(labels))
    assert shuffled.alike == pytest.approx(0.1, abs=0.03)
    assert order(labels[:1]).alike == 0


def test_ranges():
    rows = np.array([[[0.0, 2.0]], [[5.0, 5.0]]])
    found = value_range(rows)
    assert (found.low, found.high, found.mean, found.blank, found.varied) == (0, 5, 3, 0.5, True)
    assert not value_range(np.ones((4, 3))).varied
    assert value_range(np.arange(4.0)[:, None]).blank == 0  # one number a row is not blank


def test_contradictions_are_rows_that_are_equal_with_different_labels() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.integers(0, 256, (200, 6, 6), dtype=np.uint8)
    labels = np.arange(200) % 4
    assert contradictions(inputs, labels).rows == 0
    inputs[10], inputs[30], inputs[50] = inputs[3], inputs[3], inputs[2]  # labels 2, 2 beside 3; and 2 beside 2
    inputs[100], inputs[101] = 7, 7  # blank ones say nothing
    found = contradictions(inputs, labels)
    assert (found.checked, found.rows) == (200, 3)
    assert {labels[row] for row in found.pairs[0]} == {2, 3}
    order = rng.permutation(200)
    assert contradictions(inputs[order], labels[order]).rows == 3
    assert contradictions(inputs[:0], labels[:0]).rows == 0


def test_a_leak_names_a_few_pairs() -> None:
    rng = np.random.default_rng(0)
    train = rng.integers(0, 256, (50, 5, 5), dtype=np.uint8)
    validation = np.concatenate([rng.integers(0, 256, (4, 5, 5), dtype=np.uint8), train[[7, 20, 8, 9, 10]]])
    found = leak(train, validation)
    assert found.copies == 5
    assert found.pairs == ((7, 4), (20, 5), (8, 6))
