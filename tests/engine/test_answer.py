"""The answer: calibrated on held-out rows, kept in a card as plain numbers, and unsure of what it does not know."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from sonmat.engine.answer import Answer, seen_by
from sonmat.engine.answering import KEPT, fit_answer, fit_temperature
from sonmat.engine.outputs import softmax

K = 5


def said(random: np.random.Generator, n: int, heat: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Outputs, `heat` times as confident as they are right, and labels drawn from what they should be."""
    logits = random.normal(0, 2.5, (n, K))
    true = softmax(logits)
    labels = np.array([random.choice(K, p=row) for row in true])
    return softmax(logits * heat), labels


@pytest.mark.parametrize("heat", [0.4, 1.0, 3.0])
def test_the_temperature_undoes_what_was_too_sure(heat: float):
    outputs, labels = said(np.random.default_rng(0), 6000, heat)
    assert fit_temperature(outputs, labels) == pytest.approx(heat, rel=0.12)
    answer = fit_answer(outputs, labels)
    calibrated = answer.calibrated(outputs)
    np.testing.assert_allclose(calibrated.sum(1), 1, rtol=1e-9)
    np.testing.assert_array_equal(calibrated.argmax(1), outputs.argmax(1))
    assert calibrated.max(1).mean() == pytest.approx((outputs.argmax(1) == labels).mean(), abs=0.02)


def rows(random: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outputs, labels and features of a network that is sure of five clusters."""
    labels = random.integers(0, K, n)
    features = 4 * np.eye(K)[labels] + random.normal(0, 0.7, (n, K))
    return softmax(3 * features), labels, features


def test_it_keeps_what_it_was_asked_to_and_refuses_what_is_strange():
    random = np.random.default_rng(1)
    outputs, labels, features = rows(random, 1500)
    strange = random.normal(0, 3, (1500, K)) - 4
    answer = fit_answer(outputs, labels, features, (softmax(3 * strange), strange))
    held, _, held_features = rows(random, 4000)
    assert answer.judged(held, held_features).sure.mean() == pytest.approx(KEPT, abs=0.015)
    other = random.normal(0, 3, (1000, K)) - 4
    refused = answer.judged(softmax(3 * other), other)
    assert (~refused.sure).mean() > 0.95
    assert refused.odd[~refused.sure].mean() > 0.9


def test_without_outliers_the_threshold_is_of_confidence():
    random = np.random.default_rng(2)
    outputs, labels = said(random, 3000)
    answer = fit_answer(outputs, labels)
    assert answer.familiar is None
    fresh, _ = said(random, 3000)
    likely = answer.calibrated(fresh).max(1)
    np.testing.assert_array_equal(answer.judged(fresh, None).sure, likely >= max(answer.threshold, 0.5))


def test_fitting_is_deterministic_and_survives_a_card():
    outputs, labels, features = rows(np.random.default_rng(3), 600)
    strange = np.random.default_rng(4).normal(0, 2, (600, K))
    one, two = (fit_answer(outputs, labels, features, (softmax(strange), strange), seed=5) for _ in range(2))
    assert one.as_card() == two.as_card()
    again = Answer.from_card(json.loads(json.dumps(one.as_card())))
    before, after = (answer.judged(outputs, features) for answer in (one, again))
    np.testing.assert_allclose(before.probabilities, after.probabilities)
    assert (before.sure == after.sure).mean() > 0.995


def test_few_rows_are_enough_for_something():
    outputs, labels, features = rows(np.random.default_rng(6), 8)
    answer = fit_answer(outputs, labels, features, (outputs, features))
    assert answer.familiar is None
    assert answer.judged(outputs, features).probabilities.shape == (8, K)


def test_features_that_are_too_many_are_left_out():
    outputs = softmax(np.zeros((3, K)))
    assert seen_by(outputs, np.zeros((3, 4, 2))).shape == (3, 8 + K)
    assert seen_by(outputs, np.zeros((3, 5000))).shape == (3, K)


FAMILIAR = {"middle": [0.0], "spread": [1.0], "hidden": [[1.0]], "offsets": [0.0], "last": [1.0], "offset": 0.0}
GOOD = {"temperature": 1.0, "threshold": 0.5, "familiar": FAMILIAR}


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 0},
        {"temperature": -1.0},
        {"temperature": "1"},
        {"temperature": True},
        {"temperature": None},
        {"threshold": None},
        {"threshold": []},
        {"familiar": []},
        {"familiar": {**FAMILIAR, "spread": [0.0]}},
        {"familiar": {**FAMILIAR, "hidden": [[1.0, 2.0]]}},
        {"familiar": {**FAMILIAR, "hidden": [1.0]}},
        {"familiar": {**FAMILIAR, "middle": ["a"]}},
        {"familiar": {**FAMILIAR, "middle": []}},
        {"familiar": {**FAMILIAR, "offset": [1.0]}},
        {"familiar": {**FAMILIAR, "hidden": [[0.0] * 65], "offsets": [0.0] * 65, "last": [0.0] * 65}},
        {"familiar": {name: FAMILIAR[name] for name in ("middle", "spread")}},
        {"familiar": {**FAMILIAR, "hidden": [[1.0], [1.0, 2.0]]}},
    ],
)
def test_a_strangers_answer_is_refused(change: dict[str, Any]):
    Answer.from_card(GOOD)
    with pytest.raises(ValueError):
        Answer.from_card({**GOOD, **change})
