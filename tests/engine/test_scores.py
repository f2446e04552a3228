from __future__ import annotations

import json
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from sonmat.engine.scores import paired_test, score, wilson
from sonmat.errors import DataError

PAIRS = st.integers(1, 6).flatmap(
    lambda k: st.tuples(st.just(k), st.lists(st.tuples(st.integers(0, k - 1), st.integers(0, k - 1)), max_size=60))
)


def test_hand_counted() -> None:
    scores = score([0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 2, 2], ("cat", "dog", "새"))
    assert scores.confusion.tolist() == [[2, 1, 0], [0, 1, 1], [0, 0, 1]]
    assert scores.n == 6
    assert scores.accuracy == 4 / 6
    assert scores.classes == ("cat", "dog", "새")
    cat, dog, bird = scores.per_class
    assert (cat.n, cat.precision, cat.recall, cat.f1) == (3, 1.0, 2 / 3, 0.8)
    assert (dog.n, dog.precision, dog.recall, dog.f1) == (2, 0.5, 0.5, 0.5)
    assert (bird.n, bird.precision, bird.recall) == (1, 0.5, 1.0)
    assert bird.f1 == pytest.approx(2 / 3)


@settings(max_examples=200, deadline=None)
@given(PAIRS)
def test_counts_and_ranges(case: tuple[int, list[tuple[int, int]]]) -> None:
    k, pairs = case
    labels, predicted = [a for a, _ in pairs], [b for _, b in pairs]
    scores = score(labels, predicted, [str(i) for i in range(k)])
    for i in range(k):
        for j in range(k):
            assert scores.confusion[i, j] == pairs.count((i, j))
    assert scores.confusion.sum() == scores.n == len(pairs) == sum(one.n for one in scores.per_class)
    if pairs:
        assert scores.accuracy == sum(a == b for a, b in pairs) / len(pairs)
        assert 0 <= scores.interval[0] <= scores.accuracy <= scores.interval[1] <= 1
    for one in scores.per_class:
        if not math.isnan(one.precision) and not math.isnan(one.recall) and one.precision + one.recall > 0:
            mean = 2 * one.precision * one.recall / (one.precision + one.recall)
            assert one.f1 == pytest.approx(mean)
    json.dumps(scores.as_dict(), allow_nan=False)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 20_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_scipys(case: tuple[int, int]) -> None:
    right, n = case
    expected = scipy.stats.binomtest(right, n).proportion_ci(method="wilson")
    assert wilson(right, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_nothing_to_score() -> None:
    scores = score([], [], ("a", "b"))
    assert scores.n == 0
    assert math.isnan(scores.accuracy)
    assert scores.interval == (0.0, 1.0)
    assert scores.as_dict()["accuracy"] is None
    assert scores.as_dict()["confusion"] == [[0, 0], [0, 0]]


def test_one_class_all_right() -> None:
    scores = score([0] * 50, [0] * 50, ("only",))
    assert scores.accuracy == 1.0
    assert scores.interval[1] == 1.0
    assert 0.92 < scores.interval[0] < 0.95
    assert scores.per_class[0].f1 == 1.0


def test_a_class_that_is_never_predicted() -> None:
    absent = score([1, 1], [1, 1], ("absent", "here")).per_class[0]
    lost = score([0, 1], [1, 1], ("a", "b")).per_class[0]
    assert math.isnan(absent.precision)
    assert math.isnan(absent.recall)
    assert math.isnan(absent.f1)
    assert math.isnan(lost.precision)
    assert lost.recall == 0
    assert lost.f1 == 0


@pytest.mark.parametrize(
    ("labels", "predicted"),
    [([0, 1], [0]), ([0, 2], [0, 1]), ([0, -1], [0, 1]), ([0.0, 1.0], [0, 1]), ([[0], [1]], [0, 1]), ([0, 1], [0, 2])],
)
def test_refuses_what_is_no_class_number(labels: list[int], predicted: list[int]) -> None:
    with pytest.raises(DataError) as caught:
        score(labels, predicted, ("a", "b"))
    assert caught.value.fix


def _answers(both: int, only_a: int, only_b: int, neither: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    a = np.r_[np.ones(both), np.ones(only_a), np.zeros(only_b), np.zeros(neither)].astype(int)
    b = np.r_[np.ones(both), np.zeros(only_a), np.ones(only_b), np.zeros(neither)].astype(int)
    return np.ones(len(a), int), a, b


def test_published_example() -> None:
    # Bentur et al. 2009, as worked in Fagerland, Lydersen and Laake, "Recommended tests and confidence intervals for
    # paired binomial proportions", Statistics in Medicine 33 (2014): exact p 0.0703, Bonett-Price -0.508 to -0.013.
    result = paired_test(*_answers(1, 1, 7, 12))
    assert (result.n, result.b, result.c) == (21, 1, 7)
    assert result.p_value == pytest.approx(18 / 256)
    assert result.difference == pytest.approx(-6 / 21)
    assert result.interval == pytest.approx((-0.508, -0.013), abs=5e-4)
    assert result.better is None


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 3000), st.integers(0, 3000), st.integers(0, 50), st.integers(0, 50))
def test_mcnemar_is_scipys_binomial_test(only_a: int, only_b: int, both: int, neither: int) -> None:
    labels, a, b = _answers(both, only_a, only_b, neither)
    result, mirrored = paired_test(labels, a, b), paired_test(labels, b, a)
    if only_a + only_b:
        expected = scipy.stats.binomtest(only_a, only_a + only_b, 0.5).pvalue
        assert result.p_value == pytest.approx(expected, rel=1e-8, abs=1e-250)  # SciPy's underflows to 0
    else:
        assert result.p_value == 1.0
    assert mirrored.p_value == result.p_value
    assert mirrored.interval == pytest.approx((-result.interval[1], -result.interval[0]))
    assert -1 <= result.interval[0] <= result.interval[1] <= 1
    if len(labels):
        assert result.difference == pytest.approx(result.accuracy_a - result.accuracy_b)


def test_verdicts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONMAT_LANG", "en")
    labels, a, b = _answers(900, 60, 20, 20)
    assert paired_test(labels, a, b).better == "a"
    assert paired_test(labels, b, a).better == "b"
    assert paired_test(labels, a, b).verdict("mlp", "cnn").startswith("mlp is really better")
    assert paired_test(labels, b, a).verdict("mlp", "cnn").startswith("cnn is really better")
    assert "exactly the same" in paired_test(labels, a, a).verdict()
    monkeypatch.setenv("SONMAT_LANG", "ko")
    assert "우연" in paired_test(*_answers(90, 5, 3, 2)).verdict()
    json.dumps(paired_test([], [], []).as_dict(), allow_nan=False)


def test_many_differences_do_not_overflow() -> None:
    result = paired_test(*_answers(0, 300_000, 301_000, 0))
    assert result.p_value == pytest.approx(scipy.stats.binomtest(300_000, 601_000, 0.5).pvalue, rel=1e-6)
