"""Peaks of schedules: by which name they are set, and what is left of them."""

from __future__ import annotations

from typing import Any

import keras
import pytest

from sonmat.models.catalog import base_recipe
from sonmat.models.peak import course_of, peak_setting, rate_course
from sonmat.models.reading import change, settable
from sonmat.models.schedules import SCHEDULES

TABLES: list[tuple[Any, str | None, float, float]] = [
    ({"name": "OneCycle", "peak": 0.4}, "peak", 0.4, 0.0),
    ({"name": "OneCycle", "peak": 0.4, "end": 0.5}, "peak", 0.4, 0.5),
    ({"name": "Cosine", "peak": 0.4}, "peak", 0.4, 0.0),
    ({"name": "WarmUp", "peak": 0.4}, "peak", 0.4, 1.0),
    ({"name": "CosineDecay", "initial_learning_rate": 0.4, "alpha": 0.25}, "initial_learning_rate", 0.4, 0.25),
    (
        {"name": "CosineDecay", "initial_learning_rate": 0.0, "warmup_target": 0.4, "warmup_steps": 20},
        "warmup_target",
        0.4,
        None,
    ),
    (
        {"name": "PolynomialDecay", "initial_learning_rate": 0.4, "end_learning_rate": 0.1},
        "initial_learning_rate",
        0.4,
        0.25,
    ),
    (
        {"name": "ExponentialDecay", "initial_learning_rate": 0.4, "decay_rate": 0.5},
        "initial_learning_rate",
        0.4,
        0.5,
    ),
    ({"name": "PiecewiseConstantDecay", "boundaries": [30, 60], "values": [0.4, 0.2, 0.1]}, None, 0.4, 0.25),
]


@pytest.mark.parametrize(("table", "name", "peak", "left"), TABLES, ids=lambda one: str(one)[:40])
def test_what_sets_a_schedule_s_peak_and_what_is_left_of_it(table: Any, name: str | None, peak: float, left: Any):
    recipe = change(base_recipe("notes-mlp"), ["epochs=5", "batch_size=20"])
    train = type(recipe.train)(**{**vars(recipe.train), "learning_rate": table})
    assert peak_setting(table) == (f"train.learning_rate.{name}" if name else None)
    found, rest = rate_course(train, 400, 5)  # 100 steps
    assert found == pytest.approx(peak)
    assert left is None or rest == pytest.approx(left, abs=1e-6)
    changed = type(recipe)(**{**vars(recipe), "train": train})
    assert name is None or f"train.learning_rate.{name}" in settable(changed)


def test_before_the_end_more_is_left():
    recipe = change(base_recipe("notes-mlp"), ["epochs=10", "learning_rate={name='OneCycle', peak=0.4}"])
    left = [rate_course(recipe.train, 1000, done)[1] for done in (3, 5, 10)]
    assert left == pytest.approx([1.0, 5 / 7, 0.0], abs=1e-6)


def test_one_number_is_its_own_peak():
    recipe = base_recipe("notes-mlp")
    assert rate_course(recipe.train, 1000, 1) == (0.01, None)
    assert peak_setting(0.01) == peak_setting(None) == "train.learning_rate"


def test_a_schedule_of_the_user_s_own_is_looked_at():
    class Tent(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step: Any) -> Any:
            return 0.3 - 0.003 * abs(step - 100.0)

    assert course_of(Tent(), 200) == pytest.approx((0.3, 0.0), abs=1e-6)


def test_every_schedule_of_sonmat_has_a_peak():
    assert all(peak_setting({"name": name, "peak": 0.1}) for name in SCHEDULES)
