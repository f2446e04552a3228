"""What `fit_many` refuses: before anything is trained, naming the member, with what to do about it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

import sonmat as sm
from sonmat.engine.many_training import ManyTraining
from sonmat.engine.population import Population
from sonmat.errors import DataError, RecipeError, SonmatError, TrainingError, UnsupportedError

L = keras.layers
CROSS_ENTROPY = "sparse_categorical_crossentropy"


def rows(count: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """(count, 6) numbers of 3 classes."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, 6)).astype("float32"), rng.integers(0, 3, count)


def build(units: int = 4, loss: Any = CROSS_ENTROPY, rate: Any = 0.1, compiled: bool = True) -> keras.Model:
    model = keras.Sequential([keras.Input((6,)), L.Dense(units), L.Dense(3, activation="softmax")])
    if compiled:
        model.compile(keras.optimizers.SGD(rate), loss)
    return model


@pytest.fixture(autouse=True)
def _untrained(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Nothing is trained while these tests run, but for those that ask for it."""
    if "population" not in request.fixturenames:
        monkeypatch.setattr(ManyTraining, "train", lambda *_, **__: pytest.fail("a chunk was trained"))


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Population:
    """Three members that have been trained for two epochs; the last one failed in its first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SONMAT_HOME", str(tmp_path_factory.mktemp("home")))
        settings = [{"learning_rate": 0.1}, {"learning_rate": 0.2}, {"learning_rate": 1e30}]
        found = sm.fit_many(build, settings, rows(), epochs=2, batch_size=20)
    assert [bool(member.failed) for member in found] == [False, False, True]
    return found


def refused(
    settings: Any,
    error: type[SonmatError] = RecipeError,
    by: Callable[..., Any] = build,
    data: Any = None,
    **options: Any,
) -> SonmatError:
    with pytest.raises(error) as told:
        sm.fit_many(by, settings, rows() if data is None else data, **{"epochs": 1, "batch_size": 20, **options})
    assert told.value.problem
    assert told.value.fix
    return told.value


@pytest.mark.parametrize(
    ("setting", "error", "problem", "fix"),
    [
        ({"unit": 4}, RecipeError, "'unit'", "'units'"),
        ({"learning_rat": 0.1}, RecipeError, "'learning_rat'", "'learning_rate'"),
        ({"epoch": 3}, RecipeError, "'epoch'", "'epochs'"),
        ({"zzz": 1}, RecipeError, "'zzz'", "units"),
        ({"units": 0}, RecipeError, "units=0", "setting"),
        ({"units": -3}, RecipeError, "units=-3", "setting"),
        ({"units": "many"}, RecipeError, "units=many", "setting"),
        ({"batch_size": 0}, RecipeError, "batch_size .* got 0", "batch_size=20"),
        ({"batch_size": -20}, RecipeError, "batch_size .* got -20", "batch_size=20"),
        ({"batch_size": 1.5}, RecipeError, "batch_size .* got 1.5", "batch_size=20"),
        ({"batch_size": "x"}, RecipeError, "batch_size .* got 'x'", "batch_size=20"),
        ({"batch_size": True}, RecipeError, "batch_size .* got True", "batch_size=20"),
        ({"batch_size": None}, RecipeError, "batch_size .* got None", "batch_size=20"),
        ({"batch_size": []}, DataError, "batch_size", "batch_size="),
        ({"batch_size": [(1, 0)]}, DataError, "batch_size", "batch_size="),
        ({"epochs": 0}, RecipeError, "epochs .* got 0", "epochs=20"),
        ({"epochs": 2.0}, RecipeError, "epochs .* got 2.0", "epochs=20"),
        ({"seed": -1}, RecipeError, "seed .* got -1", "seed=20"),
        ({"seed": None}, RecipeError, "seed .* got None", "seed=20"),
        ({"learning_rate": -0.1}, RecipeError, "learning_rate .* got -0.1", "0.1"),
        ({"learning_rate": float("nan")}, RecipeError, "learning_rate .* got nan", "0.1"),
        ({"learning_rate": float("inf")}, RecipeError, "learning_rate .* got inf", "0.1"),
        ({"learning_rate": "fast"}, RecipeError, "learning_rate .* got 'fast'", "schedule"),
        ({"augment": {"shfit": 1}}, RecipeError, "shfit", "shift"),
        ({"augment": {"shift": 1}}, UnsupportedError, "pictures", "augment"),
        ({"label_smoothing": 1.0}, DataError, "label_smoothing", "0.1"),
        ({"label_smoothing": 0.1, "loss": "mse"}, UnsupportedError, "label_smoothing", "label_smoothing"),
        ({"average": "mean"}, RecipeError, "average", "EMA"),
        ({"average": {"decay": 1}}, RecipeError, "decay", "0.9"),
        ({"compiled": False}, TrainingError, "not compiled", "compile"),
        ({"rate": keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.9), "learning_rate": 0.1}, TrainingError,
         "schedule", "number"),
    ],
    ids=lambda value: str(value).partition(" object at ")[0],
)  # fmt: skip
def test_a_setting_that_cannot_be(setting, error, problem, fix):
    told = refused([{}, {"units": 5}, setting], error)
    assert told.problem.startswith(f"settings[2] = {setting!r}: ")
    assert re.search(problem, told.problem)
    assert fix in told.fix
    assert told.problem.count("settings[") == 1


@pytest.mark.parametrize("setting", [3, "units", None, [("units", 4)], {1: 2}])
def test_settings_that_are_no_dicts(setting):
    told = refused([{}, setting])
    assert told.problem.startswith(f"settings[1] = {setting!r}: ")
    assert "dict" in told.problem


@pytest.mark.parametrize("settings", [[], (), {}])
def test_no_settings(settings):
    assert "no settings" in refused(settings).problem


def test_one_dict_is_no_list_of_them():
    assert refused({"units": 4}).problem.startswith("settings[0] = 'units'")


def test_an_argument_that_the_builder_needs():
    def needing(units: int, seed: int) -> keras.Model:
        return build(units)

    told = refused([{"units": 3}, {"seed": 4}], by=needing)  # a seed is always there
    assert told.problem.startswith("settings[1] = {'seed': 4}: ")
    assert "'units'" in told.problem


def test_the_rest_of_a_builders_settings_is_open_where_it_says_so():
    def taking(**settings: Any) -> keras.Model:
        return build(**settings)

    told = refused([{"unit": 4}], by=taking)  # its own error, then
    assert "unit" in told.problem
    assert "batch_size" in refused([{"batch_size": 0}], by=taking).problem  # never the builder's


@pytest.mark.parametrize("made", [None, 3, "model", lambda: build()])
def test_a_builder_that_returns_no_model(made):
    def returning(which: int = 0) -> Any:
        return made if which else build()

    told = refused([{}, {"which": 1}], by=returning)
    assert told.problem.startswith("settings[1] = {'which': 1}: ")
    assert type(made).__name__ in told.problem
    assert "return model" in told.fix


def test_what_a_builder_raises_is_told_with_its_line_and_kept():
    def broken(units: int = 4) -> keras.Model:
        return {}[units]

    told = refused([{"units": 7}], by=broken)
    assert told.problem.startswith("settings[0] = {'units': 7}: test_fit_many_refuses.py:")
    assert "(broken)" in told.problem
    assert isinstance(told.__cause__, KeyError)


def test_what_goes_wrong_in_a_step_says_which_member_it_was():
    def strange(y: Any, outputs: Any) -> Any:
        raise LookupError("no loss today")

    with pytest.raises(LookupError) as told:
        sm.fit_many(build, [{}, {"loss": strange}], rows(), epochs=1)
    assert any("settings[1]" in note for note in told.value.__notes__)


def test_an_impossible_layer_says_its_name_and_sizes():
    def pooling(size: int = 2) -> keras.Model:
        layers = [L.Reshape((6, 1)), L.MaxPooling1D(size, name="pool"), L.Flatten(), L.Dense(3, activation="softmax")]
        model = keras.Sequential([keras.Input((6,)), *layers])
        model.compile("sgd", CROSS_ENTROPY)
        return model

    told = refused([{"size": 2}, {"size": 9}], by=pooling)
    assert told.problem.startswith("settings[1] = {'size': 9}: ")
    assert "pool" in told.problem
    assert "9" in told.problem


def test_a_rate_for_a_schedule_is_refused_before_the_members_ahead_of_it_train():
    """Of one structure, and in another chunk than the first."""
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.9)
    settings = [*[{"rate": schedule, "seed": seed} for seed in range(70)], {"rate": schedule, "learning_rate": 0.1}]
    assert refused(settings, TrainingError).problem.startswith("settings[70]")


def test_another_network_for_another_seed_is_refused_before_anything_trains():
    def deciding(seed: int) -> keras.Model:
        return build(units=4 + seed)

    told = refused([{"seed": 0}, {"seed": 1}], by=deciding)
    assert told.problem.startswith("settings[1] = {'seed': 1}: ")
    assert "another seed" in told.problem


def test_data_that_does_not_fit_the_network():
    x, y = rows()
    assert "(5,)" in refused([{}, {}], DataError, data=(x[:, :5], y)).problem
    assert "row" in refused([{}], DataError, data=(x, y + 1)).problem
    assert "rows" in refused([{}], DataError, data=(x, y[:-1])).problem
    assert "finite" in refused([{}], DataError, data=(np.full_like(x, np.nan), y)).problem
    assert "(4,)" in refused([{}], DataError, validation_data=(x[:, :4], y)).problem
    assert "no rows" in refused([{}], DataError, data=(x[:0], y[:0])).problem


def test_only_the_member_that_does_not_fit_is_named():
    def sized(inputs: int = 6) -> keras.Model:
        model = keras.Sequential([keras.Input((inputs,)), L.Dense(3, activation="softmax")])
        model.compile("sgd", CROSS_ENTROPY)
        return model

    told = refused([{}, {"inputs": 7}], DataError, by=sized)
    assert told.problem.startswith("settings[1] = {'inputs': 7}: ")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"epochs": 0}, "epochs"),
        ({"batch_size": 0}, "batch_size"),
        ({"seed": -1}, "seed"),
        ({"learning_rate": -1}, "learning_rate"),
        ({"label_smoothing": 2}, "label_smoothing"),
        ({"average": "mean"}, "average"),
        ({"validation_freq": 0}, "validation_freq"),
        ({"validation_freq": "often"}, "validation_freq"),
        ({"class_weight": [1.0, 2.0]}, "class_weight"),
    ],
    ids=str,
)
def test_what_all_members_share(options, problem):
    assert problem in refused([{}], SonmatError, **options).problem


def test_another_number_of_members_to_go_on_with(population):
    told = refused([{}], resume=population, epochs=3)
    assert "3 members" in told.problem
    assert "settings are 1" in told.problem
    assert "take" in told.fix


def test_members_that_failed_cannot_go_on(population):
    settings = [member.settings for member in population]
    assert "failed" in refused(settings, resume=population, epochs=3).problem
    assert "failed" in refused(settings[2:], resume=population[2:], epochs=3).problem


def test_members_from_several_epochs_cannot_go_on_together(population):
    shorter = dataclasses.replace(population[1], epochs=[0])
    mixed = dataclasses.replace(population, members=(population[0], shorter))
    assert "same epoch" in refused([{}, {}], resume=mixed, epochs=3).problem


def test_in_korean(monkeypatch):
    monkeypatch.setenv("SONMAT_LANG", "ko")
    told = refused([{}, {"batch_size": 0}])
    assert told.problem.startswith("settings[1] = {'batch_size': 0}: ")
    assert "정수여야" in told.problem
