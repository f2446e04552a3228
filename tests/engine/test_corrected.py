"""The accuracy with the labels corrected that are known to be wrong."""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np
import pytest

import sonmat
from sonmat.data.dataset import Dataset
from sonmat.data.known_errors import known_errors
from sonmat.engine.corrected import Corrected, corrected

LEFT_OUT = [2130, 2654, 3520, 8527, 9679]


@pytest.fixture
def test(mnist: str) -> Dataset:
    return sonmat.load(mnist)[1]


@pytest.fixture
def model() -> Any:
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10)])
    network.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return network


def test_it_equals_a_count_by_hand(test: Dataset, model: Any) -> None:
    found = sonmat.evaluate(model, test)
    again = found.corrected
    assert again is not None
    said = found.outputs.argmax(1)
    true = np.array(test.labels, int)
    for row, label in ((947, 9), (1621, 6), (1901, 4), (2462, 0), (2597, 3), (3558, 0), (5937, 3), (6651, 6), (6783, 6),
                       (9729, 6)):  # fmt: skip
        true[row] = label
    kept = np.setdiff1d(np.arange(10_000), LEFT_OUT)
    assert (again.n, again.labels, again.left_out, again.ceiling) == (9_995, 15, 5, 0.9985)
    assert again.wrong == (said[kept] != true[kept]).sum()
    assert again.accuracy == (said[kept] == true[kept]).mean()
    assert found.accuracy == (said == test.labels).mean()  # as it is, as ever
    assert [one.said for one in again.rows] == [said[one.row] for one in again.rows]
    assert [one.row for one in again.rows if one.corrected is None] == LEFT_OUT
    assert "2103.14749" in again.source


def test_who_says_what_people_say_is_right_everywhere(test: Dataset) -> None:
    known = known_errors(test)
    assert known is not None
    said = known.labels(test.labels)
    found = corrected(known, test.labels, said)
    assert (found.accuracy, found.wrong) == (1.0, 0)
    assert (said == test.labels).mean() == known.ceiling
    as_labelled = corrected(known, test.labels, np.asarray(test.labels))
    assert as_labelled.wrong == 10  # who says what the labels say is wrong where they are corrected


def test_raw_arrays_get_it_as_well(test: Dataset, model: Any) -> None:
    inputs, labels = np.array(test.inputs), np.array(test.labels)
    found = sonmat.evaluate(model, inputs, labels).corrected
    assert found is not None
    assert found.rows[0].row == 947


def test_what_is_not_that_test_set_whole_gets_none(test: Dataset, model: Any, mnist: str) -> None:
    inputs, labels = np.array(test.inputs), np.array(test.labels)
    changed = inputs.copy()
    changed[0, 0, 0] = 1
    assert sonmat.evaluate(model, changed, labels).corrected is None
    assert sonmat.evaluate(model, inputs[::-1].copy(), labels[::-1].copy()).corrected is None
    assert sonmat.evaluate(model, test.take(slice(5_000))).corrected is None
    assert sonmat.evaluate(model, inputs, labels, batch_size=100, steps=10).corrected is None
    assert sonmat.evaluate(model, sonmat.load(mnist)[0].take(slice(10_000), part="test")).corrected is None


def test_it_survives_json(test: Dataset, model: Any) -> None:
    found = sonmat.evaluate(model, test)
    told = json.loads(json.dumps(found.as_dict()))
    assert set(told["corrected"]) >= {"accuracy", "wrong", "labels", "source"}
    assert Corrected.from_dict(told["corrected"]) == found.corrected
    part = sonmat.evaluate(model, test.take(slice(100)))
    assert "corrected" not in part.as_dict()


@pytest.mark.parametrize("broken", [5, [5], "x", {"rows": 3}, {"accuracy": 1}, {"rows": [{"row": 1}]}, {"a": 1}])
def test_a_strangers_result_is_none(broken: Any) -> None:
    from sonmat.jobs.finished import _evaluation

    assert _evaluation({"n": 3, "loss": 0.5, "corrected": broken}).corrected is None
