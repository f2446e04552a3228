"""Successive halving: its rungs, and who survives them."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonmat.search.halving import rungs, survivors

NUMBERS = st.one_of(st.none(), st.floats())


@pytest.mark.parametrize(
    ("epochs", "factor", "expected"),
    [
        (10, 3, [2, 4, 10]),
        (9, 3, [1, 3, 9]),
        (27, 3, [1, 3, 9, 27]),
        (100, 3, [2, 4, 12, 34, 100]),
        (10, 2, [2, 3, 5, 10]),
        (3, 3, [1, 3]),
        (2, 3, [2]),
        (1, 2, [1]),
        (10, None, [10]),
    ],
)
def test_rungs(epochs: int, factor: int | None, expected: list[int]):
    assert rungs(epochs, factor) == expected


@given(st.integers(1, 10**6), st.integers(2, 50))
def test_rungs_rise_to_the_end_by_about_the_factor(epochs: int, factor: int):
    found = rungs(epochs, factor)
    assert found[-1] == epochs
    assert found[0] >= 1
    assert found == sorted(set(found))
    assert all(factor * (low - 1) < high <= factor * low for low, high in itertools.pairwise(found))
    assert (len(found) == 1) == (epochs < factor)


def test_the_best_third_survives():
    values = {4: 0.5, 1: 0.9, 7: 0.1, 2: 0.8, 5: 0.7, 3: 0.6}
    assert survivors(values, 3, maximize=True) == [1, 2]
    assert survivors(values, 3, maximize=False) == [4, 7]


def test_a_third_is_rounded_up():
    assert survivors({0: 1.0, 1: 2.0, 2: 3.0, 3: 4.0}, 3, maximize=True) == [2, 3]


def test_of_equal_values_the_lower_number_survives():
    assert survivors({3: 0.5, 2: 0.5, 9: 0.5, 1: 0.4}, 2, maximize=True) == [2, 3]
    assert survivors({3: 0.5, 2: 0.5, 9: 0.5, 1: 0.6}, 2, maximize=False) == [2, 3]


def test_the_failed_never_survive_but_are_counted():
    assert survivors({0: None, 1: math.nan, 2: math.inf, 3: 0.1, 4: 0.2, 5: 0.3}, 2, maximize=True) == [3, 4, 5]
    assert survivors({0: None, 1: math.nan, 2: -math.inf}, 2, maximize=False) == []
    assert survivors({}, 3, maximize=True) == []


def test_so_many_go_on_at_least():
    values = {number: float(number) for number in range(9)}
    assert survivors(values, 3, True, least=5) == [4, 5, 6, 7, 8]
    assert survivors(values, 3, True, least=2) == [6, 7, 8]
    assert survivors(values, 3, True, least=20) == list(range(9))
    assert survivors({0: 0.5, 1: None}, 2, True, least=2) == [0], "a failed one does not"


@given(st.dictionaries(st.integers(0, 1000), NUMBERS), st.integers(2, 9), st.booleans())
def test_survivors_are_no_worse_than_the_others(values: dict[int, float | None], factor: int, maximize: bool):
    found = survivors(values, factor, maximize)
    sound = {number: value for number, value in values.items() if value is not None and math.isfinite(value)}
    assert found == sorted(set(found))
    assert found == survivors(dict(reversed(values.items())), factor, maximize)
    assert len(found) == min(len(sound), max(1, math.ceil(len(values) / factor)))
    for number in found:
        for other in sound.keys() - set(found):
            better = sound[number] > sound[other] if maximize else sound[number] < sound[other]
            assert better or (sound[number] == sound[other] and number < other)
