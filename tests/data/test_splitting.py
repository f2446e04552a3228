"""Splits: disjoint, stratified, and the same everywhere."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonmat.data.dataset import Dataset
from sonmat.data.splitting import row_keys, stratified
from sonmat.errors import DataError

LABELS = st.lists(st.integers(0, 6), min_size=2, max_size=200).map(lambda values: np.array(values, np.uint8))
FRACTIONS = st.floats(0.001, 0.999)


@given(LABELS, FRACTIONS, st.integers())
def test_the_parts_share_no_row_and_leave_none_out(labels: np.ndarray, fraction: float, seed: int) -> None:
    first, second = stratified(labels, fraction, seed)
    assert sorted([*first, *second]) == list(range(len(labels)))
    exact = len(labels) * Fraction(repr(fraction))
    assert len(first) == min(max(int(exact + Fraction(1, 2)), 1), len(labels) - 1)
    assert (np.diff(first) > 0).all()
    assert (np.diff(second) > 0).all()


@given(LABELS, FRACTIONS, st.integers(0, 9))
def test_every_class_has_its_share(labels: np.ndarray, fraction: float, seed: int) -> None:
    first, _ = stratified(labels, fraction, seed)
    counts, got = np.bincount(labels, minlength=7), np.bincount(labels[first], minlength=7)
    here = counts[counts > 0]
    if (here * min(fraction, 1 - fraction) >= 1).all():  # else the few rows of rare classes are moved
        assert (np.abs(got - counts * fraction) < 1 + 1e-9).all()
        remainders = counts * fraction - np.floor(counts * fraction)
        up = got > np.floor(counts * fraction + 1e-9)
        if up.any() and not up.all():
            assert remainders[up].min() >= remainders[~up].max() - 1e-6


@given(st.lists(st.integers(2, 30), min_size=1, max_size=8), st.floats(0.2, 0.8), st.integers(0, 9))
def test_a_class_of_two_rows_or_more_is_in_both_parts(sizes: list[int], fraction: float, seed: int) -> None:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    first, second = stratified(labels, fraction, seed)
    if len(first) >= len(sizes) and len(second) >= len(sizes):
        assert set(labels[first]) == set(labels[second]) == set(labels)


def test_a_class_of_one_row_goes_to_training_and_validation_says_it_lacks_it() -> None:
    data = Dataset.from_arrays(np.zeros((21, 2)), [0] * 10 + [1] * 10 + [2], classes=["a", "b", "rare"])
    with pytest.warns(UserWarning, match="validation part has no row of 'rare'"):
        train, validation = data.split(0.5)
    assert 2 in train.labels
    assert 2 not in validation.labels


def test_sixty_thousand_rows_give_forty_two_thousand() -> None:
    labels = np.random.default_rng(5).integers(0, 10, 60_000)
    assert [len(part) for part in stratified(labels, 0.7, 0)] == [42_000, 18_000]


def test_the_keys_are_splitmix64_in_pure_python() -> None:
    mask = 2**64 - 1
    for seed in (0, 1, -7, 10**30):
        state = int.from_bytes(hashlib.sha256(str(seed).encode()).digest()[:8], "little")
        expected = []
        for _ in range(100):
            state = (state + 0x9E3779B97F4A7C15) & mask
            z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
            z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
            expected.append(z ^ (z >> 31))
        assert [int(key) for key in row_keys(100, seed)] == expected


@given(LABELS, FRACTIONS, st.integers())
def test_each_class_gives_its_rows_of_the_smallest_keys(labels: np.ndarray, fraction: float, seed: int) -> None:
    first, _ = stratified(labels, fraction, seed)
    keys = row_keys(len(labels), seed)
    for number in set(labels.tolist()):
        rows = sorted(np.flatnonzero(labels == number), key=lambda row: int(keys[row]))
        taken = sum(labels[first] == number)
        assert set(first[labels[first] == number]) == set(rows[:taken])


def _sum_of_split(dtype: str = "uint8") -> str:
    labels = (np.arange(1000) ** 2 % 7 % 5).astype(dtype)
    first, second = stratified(labels, 0.7, 3)
    return hashlib.sha256(first.astype("<i8").tobytes() + b"|" + second.astype("<i8").tobytes()).hexdigest()


PINNED = "eb51442fe109fb03bf1161c9a0b4c5d50e8267fad2c018b7de6c3a6faa61ae4d"


@pytest.mark.parametrize("dtype", ["uint8", "int64", ">i4"])
def test_the_split_of_these_labels_never_changes(dtype: str) -> None:
    assert _sum_of_split(dtype) == PINNED


def test_another_process_splits_in_the_same_way() -> None:
    code = (
        "import hashlib, numpy as np; from sonmat.data.splitting import stratified;"
        "a, b = stratified((np.arange(1000) ** 2 % 7 % 5).astype('uint8'), 0.7, 3);"
        "print(hashlib.sha256(a.astype('<i8').tobytes() + b'|' + b.astype('<i8').tobytes()).hexdigest())"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == _sum_of_split()


@given(st.lists(st.integers(0, 6), min_size=50, max_size=99).map(np.array))
def test_another_seed_is_another_split(labels: np.ndarray) -> None:
    splits = {tuple(stratified(labels, 0.5, seed)[0]) for seed in range(4)}
    assert len(splits) > 1


def test_no_row_is_favoured() -> None:
    labels = np.zeros(50, np.uint8)
    chosen = sum(np.isin(np.arange(50), stratified(labels, 0.5, seed)[0]) for seed in range(400))
    assert np.abs(chosen - 200).max() < 5 * np.sqrt(400 / 4)  # five standard deviations


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan"), float("inf"), "many", None])
def test_a_fraction_outside_is_refused(fraction: object) -> None:
    with pytest.raises(DataError, match="between 0 and 1"):
        stratified(np.array([0, 1]), fraction, 0)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [0.5, "0", None])
def test_a_seed_that_is_no_integer_is_refused(seed: object) -> None:
    with pytest.raises(DataError, match="must be an integer"):
        stratified(np.array([0, 1]), 0.5, seed)  # type: ignore[arg-type]


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_rows_are_refused(rows: int) -> None:
    with pytest.raises(DataError, match=f"there are {rows}"):
        stratified(np.zeros(rows, np.uint8), 0.5, 0)
