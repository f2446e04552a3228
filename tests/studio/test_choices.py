"""What the page offers is what Keras and the recipes know; and the small pieces of a run's details."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest

from sonmat.models.catalog import base_recipe
from sonmat.models.compilation import check_train
from sonmat.models.recipe import TrainSettings
from sonmat.models.stack import stack
from sonmat.studio.choices import ACTIVATIONS, OPTIMIZERS, layer_kinds, recipes
from sonmat.studio.measuring import calibration
from sonmat.studio.run_details import change_of, thinned
from sonmat.studio.sweeping import space_of
from sonmat.studio.wire import decoded, encoded


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_s_defaults_are_keras_s(name: str):
    title, rate, options = OPTIMIZERS[name]
    known = inspect.signature(getattr(keras.optimizers, title)).parameters
    assert known["learning_rate"].default == rate
    assert {option: known[option].default for option, *_ in options} == {option: value for option, value, *_ in options}
    check_train(TrainSettings(optimizer=name, options={option: value for option, value, *_ in options}))


def test_activations_and_layers_are_known():
    for name in ACTIVATIONS:
        assert callable(keras.activations.get(name))
    for kind in layer_kinds():
        layer = {"layer": kind["name"]} | {one["name"]: one["default"] for one in kind["settings"]}
        assert stack(layers=[layer]).output_shape == (None, 10)
        for one in kind["settings"]:
            if "low" in one:
                assert one["low"] <= one["default"] <= one["high"]


def test_recipes_are_the_catalog_s():
    for one in recipes():
        assert one["recipe"] == base_recipe(one["name"]).as_dict()


def test_a_command_becomes_a_change():
    assert change_of("sonmat train run/recipe.toml --set train.learning_rate=0.1 --set 'model.hidden=[64, 32]'") == {
        "train.learning_rate": 0.1,
        "model.hidden": [64, 32],
    }
    assert change_of("sonmat resume run --epochs 20") == {"train.epochs": 20}
    assert change_of("sonmat data show mnist") is None
    assert change_of("") is None


def test_a_long_curve_is_thinned():
    history = [{"epoch": i, "loss": 1 / (i + 1), "seconds": 0.1} for i in range(5000)]
    columns = thinned(history)
    assert len(columns["epoch"]) == len(columns["loss"]) == 400
    assert (columns["epoch"][0], columns["epoch"][-1]) == (1, 5000)
    assert columns["loss"][-1] == history[-1]["loss"]
    assert thinned(history[:3])["epoch"] == [1, 2, 3]
    assert thinned([]) == {"epoch": []}


def test_a_space_is_read_as_the_page_writes_it():
    told = {"a": [0.1, 1, "log"], "b": [1, 9, "int"], "c": [2, 8, "int log"], "d": [1, 2, 3], "e": ["x", "y"]}
    assert space_of(told) == {
        "a": {"low": 0.1, "high": 1, "log": True},
        "b": {"low": 1, "high": 9},
        "c": {"low": 2, "high": 8, "log": True},
        "d": [1, 2, 3],
        "e": ["x", "y"],
    }


def test_calibration_counts_the_distance():
    probabilities = np.array([[0.95, 0.05]] * 4 + [[0.55, 0.45]] * 4)
    labels = np.array([0, 0, 0, 1, 0, 0, 1, 1])
    told = calibration(labels, probabilities)
    assert told["ece"] == pytest.approx((4 * abs(0.95 - 0.75) + 4 * abs(0.55 - 0.5)) / 8)
    assert [one["n"] for one in told["bins"]] == [0, 0, 0, 0, 0, 4, 0, 0, 0, 4]
    assert told["bins"][9]["right"] == 0.75
    assert told["bins"][0]["mean"] is None


def test_what_json_has_no_word_for_is_null():
    told = {"a": float("nan"), "b": [np.float32(1.5), np.int64(2), float("inf")], "c": "ㄱ\n", 3: None}
    assert decoded(encoded(told)) == {"a": None, "b": [1.5, 2, None], "c": "ㄱ\n", "3": None}
    assert "\n" not in encoded(told)
    assert decoded(b"[1]") is None
    assert decoded("{") is None
