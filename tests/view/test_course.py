"""The course of a training: noise, turns, jumps and what more epochs would bring."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sonmat.view.course import Course, _rising, noise

NUMBERS = st.one_of(st.floats(), st.none(), st.integers(), st.booleans(), st.text(max_size=3), st.just(10**400))
NAMES = st.sampled_from(
    ["loss", "val_loss", "accuracy", "val_accuracy", "epoch", "seconds", "sparse_categorical_accuracy"]
)


def of(**columns: list[float]) -> Course:
    return Course.of([dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)])


def test_noise_is_that_of_the_epochs_and_not_the_trend():
    random = np.random.default_rng(0)
    trend = 2 / np.arange(1, 401)
    assert noise(trend[100:]) < 1e-4
    assert noise(trend + random.normal(0, 0.05, 400)) == pytest.approx(0.05, rel=0.15)
    assert noise(np.array([1.0, 2.0, 1.0])) == 0


@given(st.lists(st.integers(0, 1000), min_size=3, max_size=12, unique=True))
def test_a_rise_is_judged_as_by_kendall(values: list[int]):
    tau = stats.kendalltau(range(len(values)), values, alternative="greater").statistic
    p = _rising(np.array(values, float))
    assert (p < 0.5) == (tau * len(values) * (len(values) - 1) / 2 > 1.0001) or p == pytest.approx(0.5)
    if tau == 1 and len(values) >= 8:
        assert p < 0.001


def test_a_turn_is_where_validation_loss_was_best():
    falls, rises = np.linspace(1, 0.4, 8), np.linspace(0.42, 0.8, 12)
    wiggle = 0.005 * (-1.0) ** np.arange(20)
    turn = of(val_loss=list(np.concatenate([falls, rises]) + wiggle)).turn
    assert turn is not None
    assert turn.best == 8
    assert turn.p_value < 0.001
    assert turn.noises > 10
    assert turn.last > 0.7


def test_there_is_no_turn_while_it_falls():
    assert of(val_loss=[3.0, 2.0, 1.0]).turn is None
    assert of(val_loss=[3.0, 1.0, 2.0]).turn is None  # one epoch is no trend
    assert of(loss=[3.0, 2.0, 1.0]).turn is None


def test_what_twice_the_epochs_would_bring():
    epochs = np.arange(1, 41)
    assert of(val_loss=list(epochs**-0.5)).falling == pytest.approx(1 - 2**-0.5)
    assert of(val_loss=[0.5] * 10).falling == pytest.approx(0, abs=1e-9)
    assert of(val_loss=[0.1, 0.5, 0.9, 1.2]).falling == 0
    assert of(loss=list(epochs**-1.0)).falling == pytest.approx(0.5)  # without validation, the training loss


def test_jumps_are_a_part_of_the_loss():
    random = np.random.default_rng(0)
    assert of(loss=list(np.linspace(2, 1, 30))).jumps < 0.001
    assert of(loss=list(1 + random.normal(0, 0.2, 400))).jumps == pytest.approx(0.2, rel=0.15)


def test_the_first_epoch_whose_loss_is_no_number():
    assert of(loss=[1.0, math.nan, 2.0]).broken == 2
    assert of(loss=[1.0, 0.5]).broken is None
    assert Course.of([{"loss": None}]).broken == 1  # how JSON without NaN writes it


@given(st.lists(st.dictionaries(NAMES, NUMBERS), max_size=14))
def test_any_journal_has_a_course(history: list[dict[str, object]]):
    course = Course.of(history)
    assert len(course) == len(history)
    assert 0 <= course.falling <= 1
    assert course.jumps >= 0
    assert course.best is None or 1 <= course.best <= len(history)
    assert course.turn is None or course.turn.best < len(history)
