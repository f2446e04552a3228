"""A population: the same bits again, in parts and in other processes; nobody disturbs a neighbour; and what one can ask it."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np
import pytest

import sonmat as sm
from sonmat.engine.fit_many import defaults_of, prepare_many
from sonmat.engine.population_program import MAPPED, VMAPPED
from sonmat.engine.population_training import Outcome
from sonmat.engine.program import shuffled

L = keras.layers
EPOCHS = 3
SETTINGS: list[dict[str, Any]] = [
    {"rate": 0.1, "seed": 3},
    {"rate": 0.4, "seed": 3},
    {"rate": 0.1, "seed": 8, "learning_rate": 0.2},
    {"rate": 0.1, "seed": 3, "momentum": 0.9},
]


INPUTS = 70
"""So many that the first kernels of a lane's members lie side by side."""


def rows(count: int = 130, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(count, inputs) numbers of 3 classes."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, count)
    return (rng.normal(0, 0.7, (count, INPUTS)) + np.eye(3, INPUTS)[y] * 2).astype("float32"), y


def build(rate: float = 0.2, momentum: float = 0.5, units: int = 8) -> keras.Model:
    layers = [L.Dense(units), L.BatchNormalization(momentum=0.8), L.ReLU(), L.Dropout(rate)]
    model = keras.Sequential([keras.Input((INPUTS,)), *layers, L.Dense(3, activation="softmax")])
    model.compile(
        keras.optimizers.SGD(0.05, momentum=momentum), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def trained(settings: Sequence[dict[str, Any]] = SETTINGS, epochs: int = EPOCHS, **options: Any) -> sm.Population:
    """Four batches, the last of 10 rows; validated every other epoch; the average of the weights beside them."""
    options = {"validation_data": rows(40, 1), "validation_freq": 2, "average": {"decay": 0.8}, **options}
    return sm.fit_many(build, settings, rows(), epochs=epochs, batch_size=40, **options)


def digest(population: Sequence[Any]) -> list[str]:
    """All bits of each member's state and history."""
    texts = []
    for member in population:
        leaves = [leaf for group in member.state for leaf in group]
        text = hashlib.sha256(b"".join(np.ascontiguousarray(leaf).tobytes() for leaf in leaves))
        text.update(repr(sorted(member.columns.items())).encode())
        texts.append(text.hexdigest())
    return texts


def close(ones: Sequence[Any], others: Sequence[Any], tolerance: float = 1e-5) -> None:
    """Members' states and histories are the same but for rounding."""
    for one, other in zip(ones, others, strict=True):
        assert one.columns.keys() == other.columns.keys()
        for name, column in one.columns.items():
            np.testing.assert_allclose(column, other.columns[name], rtol=1e-4, atol=tolerance, err_msg=name)
        for a, b in zip(jax.tree.leaves(one.state), jax.tree.leaves(other.state), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=tolerance)


@pytest.fixture(scope="module", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SONMAT_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module")
def whole(_home: None) -> sm.Population:
    return trained()


# The same bits


def test_the_same_call_gives_the_same_bits(whole):
    assert digest(trained()) == digest(whole)
    assert len(set(digest(whole))) == len(whole)


def test_in_parts_it_gives_the_same_bits(whole):
    first = trained(epochs=1)
    assert [member.epochs for member in first] == [[0]] * 4
    second = trained(epochs=2, resume=first.take([0, 1, 2, 3]))
    third = trained(resume=second)
    assert digest(third) == digest(whole)
    assert [member.history.epoch for member in third] == [[0, 1, 2]] * 4
    assert third[0].history.history == whole[0].history.history
    assert len(third[0].columns["val_loss"]) == 1  # of the second part; the third has none
    assert digest(trained(resume=third)) == digest(whole)  # nothing is left to train


def test_some_of_them_go_on_as_if_all_did(whole):
    half = trained(epochs=1).take([2, 0])
    assert [member.settings for member in half] == [SETTINGS[2], SETTINGS[0]]
    close(trained([SETTINGS[2], SETTINGS[0]], resume=half), whole.take([2, 0]))


def in_mode(mode: str, parts: Sequence[int]) -> list[Outcome]:
    """The population's outcomes, trained in parts that end after these epochs."""
    given = defaults_of(epochs=EPOCHS, batch_size=40, average={"decay": 0.8})
    many = prepare_many(build, SETTINGS, rows(), given, validation_data=rows(40, 1), validation_freq=2)
    (group,) = many.groups
    group.mode = mode
    outcomes: dict[int, Outcome] = {}
    begin = 0
    for end in parts:
        states = {place: outcome.state for place, outcome in outcomes.items()} or None
        past = outcomes
        outcomes = {}
        for one, chunk in many.chunks():
            outcomes |= many.train(one, chunk, states, begin=begin, end=end)[0]
        for place, outcome in past.items():
            names = {*outcome.columns, *outcomes[place].columns}
            joined = {name: outcome.columns.get(name, []) + outcomes[place].columns.get(name, []) for name in names}
            outcomes[place].columns = joined
        begin = end
    assert group.mode == mode
    return [outcomes[place] for place in range(len(SETTINGS))]


def test_one_after_the_other_is_all_at_once(whole):
    mapped = in_mode(MAPPED, [EPOCHS])
    close(mapped, whole)
    assert digest(in_mode(MAPPED, [1, EPOCHS])) == digest(mapped)


def test_all_at_once_is_what_fit_many_does(whole):
    assert digest(in_mode(VMAPPED, [EPOCHS])) == digest(whole)


class Coarse(L.Layer):
    """Adds a pooling of whole numbers, which stays JAX's own, so that no loop may hold it."""

    def call(self, x: Any) -> Any:
        whole = keras.ops.cast(x, "int32")
        return x + keras.ops.cast(jax.lax.reduce_window(whole, 0, jax.lax.max, (1, 2), (1, 1), "SAME"), "float32")


@pytest.mark.filterwarnings("ignore:.*one step at a time")
def test_those_that_are_trained_alone_go_on_to_the_bit():
    def unloopable(rate: float = 0.2) -> keras.Model:
        model = keras.Sequential([keras.Input((INPUTS,)), Coarse(), L.Dropout(rate), L.Dense(3, activation="softmax")])
        model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def run(**options: Any) -> sm.Population:
        settings = [{"rate": 0.1}, {"rate": 0.3, "seed": 2}]
        options = {"epochs": 3, "batch_size": 65, "average": "EMA", **options}
        return sm.fit_many(unloopable, settings, rows(), validation_data=rows(40, 1), validation_freq=2, **options)

    at_once = run()
    assert at_once.plan[0]["mode"] == "alone"
    in_parts = run(resume=run(epochs=2).take([0, 1]))
    assert digest(in_parts) == digest(at_once)
    assert in_parts[1].history.epoch == [0, 1, 2]
    assert in_parts[1].columns == at_once[1].columns


def elsewhere(**places: str) -> str:
    """What `digest(trained())` and the losses are in a process of its own."""
    code = (
        f"import sonmat, runpy; made = runpy.run_path({__file__!r}); population = made['trained']()\n"
        "print(made['digest'](population)); print([member.columns['loss'] for member in population])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **places}, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def test_another_process_gives_the_same_bits(whole, tmp_path: Path):
    found = elsewhere(PYTHONHASHSEED="7", SONMAT_HOME=str(tmp_path / "other"))
    assert found.splitlines()[0] == str(digest(whole))


@pytest.mark.slow
def test_another_process_that_compiles_everything_anew_gives_the_same_bits(whole, tmp_path: Path):
    found = elsewhere(JAX_COMPILATION_CACHE_DIR=str(tmp_path / "programs"), SONMAT_HOME=str(tmp_path / "other"))
    assert found.splitlines()[0] == str(digest(whole))


@pytest.mark.slow
@pytest.mark.parametrize("devices", ["1", "3"])
def test_the_number_of_devices_changes_rounding_at_most(whole, devices):
    losses = eval(elsewhere(JAX_NUM_CPU_DEVICES=devices).splitlines()[1])
    np.testing.assert_allclose(losses, [member.columns["loss"] for member in whole], rtol=1e-4)


# Neighbours


def test_whoever_its_neighbours_are_a_member_is_the_same(whole):
    close(trained([SETTINGS[3]]), [whole[3]])
    many = [{"rate": 0.3, "seed": 3}, {"rate": 0.7, "seed": 1}, SETTINGS[2], {"rate": 0.6, "seed": 3}, SETTINGS[0]]
    found = trained(many)
    close([found[2], found[4]], [whole[2], whole[0]])


def test_the_order_of_the_settings_is_the_order_of_the_members(whole):
    found = trained(SETTINGS[::-1])
    assert [member.settings for member in found] == SETTINGS[::-1]
    assert [member.seed for member in found] == [3, 8, 3, 3]
    close(found, whole[::-1])


def stepping(early: float = 0.1, late: float = 0.1) -> keras.Model:
    """Its rate is another one after the first epoch of four steps."""
    rate = keras.optimizers.schedules.PiecewiseConstantDecay([3], [early, late])
    model = keras.Sequential([keras.Input((INPUTS,)), L.Dense(8), L.ReLU(), L.Dropout(0.2), L.Dense(3)])
    model.compile(keras.optimizers.SGD(rate, momentum=0.5), keras.losses.SparseCategoricalCrossentropy(True))
    return model


def test_a_member_that_diverges_ends_there_and_harms_no_neighbour():
    def run(bad: float, epochs: int = 3) -> sm.Population:
        settings = [{}, {"early": 0.2, "late": bad}, {"early": 0.05}, {"early": bad}]
        return sm.fit_many(stepping, settings, rows(), epochs=epochs, batch_size=40, validation_data=rows(40, 1))

    mild, wild, short = run(0.15), run(1e30), run(1e30, epochs=1)
    assert wild.plan == mild.plan
    assert digest(wild.take([0, 2])) == digest(mild.take([0, 2]))
    assert not any(member.failed for member in (*mild, wild[0], wild[2]))
    assert "epoch 2" in wild[1].failed
    assert wild[1].epochs == [0]
    assert wild[1].columns == {name: column[:1] for name, column in mild[1].columns.items()}
    for ours, before in zip(wild[1].model().get_weights(), short[1].model().get_weights(), strict=True):
        np.testing.assert_array_equal(ours, before)
    assert "epoch 1" in wild[3].failed
    assert wild[3].epochs == []
    assert wild[3].columns == {}
    for ours, first in zip(wild[3].state[0], short[3].state[0], strict=True):
        np.testing.assert_array_equal(ours, first)
        assert np.isfinite(ours).all()
    assert wild.best("loss") in (0, 2)


def test_it_fails_where_fit_does():
    (member,) = sm.fit_many(stepping, [{"late": 1e30}], rows(), epochs=3, batch_size=40)
    from sonmat.models.seeding import private_randomness

    with private_randomness(0):
        model = stepping(late=1e30)
    with pytest.raises(sm.NonFiniteLossError) as told:
        sm.fit(model, *rows(), epochs=3, batch_size=40, seed=0, verbose=0)
    assert f"epoch {told.value.epoch + 1}" in member.failed
    for ours, theirs in zip(member.state[0], model.trainable_variables, strict=True):
        np.testing.assert_allclose(ours, theirs.value, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(member.columns["loss"], model.history.history["loss"], rtol=1e-4)


class Trap(L.Layer):
    """Gives NaN for a batch that begins with a certain row, whose number is its last value."""

    def __init__(self, row: int) -> None:
        super().__init__()
        self.row = float(row)

    def call(self, x: Any) -> Any:
        return x[:, :INPUTS] * keras.ops.where(keras.ops.abs(x[0, INPUTS] - self.row) < 0.5, float("nan"), 1.0)


def test_a_member_that_failed_stays_as_it_was_then():
    """Even where its next epochs, in other orders, would have gone well."""
    x, y = rows(120)
    begins = [set(np.asarray(shuffled(np.arange(120), 0, epoch))[::40].tolist()) for epoch in range(4)]
    row = next(iter(begins[1] - begins[0] - begins[2] - begins[3]))

    def trapped(row: int = -1) -> keras.Model:
        model = keras.Sequential([keras.Input((INPUTS + 1,)), Trap(row), L.Dense(3, activation="softmax")])
        model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
        return model

    data = np.column_stack([x, np.arange(120)]).astype("float32"), y
    runs = [sm.fit_many(trapped, [{}, {"row": row}], data, epochs=epochs, batch_size=40) for epochs in (1, 4)]
    assert [member.failed[-8:] for member in runs[1]] == ["", "epoch 2."]
    assert not runs[0][1].failed
    assert digest([runs[1][1]]) == digest([runs[0][1]])
    assert runs[1][0].epochs == [0, 1, 2, 3]


# What one can ask it


def test_it_is_a_sequence(whole):
    assert len(whole) == 4
    assert list(whole) == list(whole.members)
    assert whole[-1] is whole[3]
    assert isinstance(whole[1:3], sm.Population)
    assert [member.settings for member in whole[1:3]] == SETTINGS[1:3]
    assert whole[::-1][0] is whole[3]
    assert [whole.take([2, 0, 2])[i] is whole[place] for i, place in enumerate([2, 0, 2])] == [True] * 3
    with pytest.raises(IndexError):
        whole[4]
    assert whole[2] in whole
    assert whole.index(whole[2]) == 2
    assert {whole[0]: 1}[whole[0]] == 1
    assert "4 members" in repr(whole)


def scored(population: sm.Population, metric: str, values: Sequence[float | None], failed: int = -1) -> sm.Population:
    """The population as if its members had reached these values."""
    members = [
        dataclasses.replace(
            population[0],
            columns={} if value is None else {metric: [0.5, value]},
            failed="It failed." if place == failed else "",
        )
        for place, value in enumerate(values)
    ]
    return dataclasses.replace(population, members=tuple(members))


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("metric", "values", "best"),
    [
        ("val_accuracy", [0.7, 0.9, 0.8], 1),
        ("accuracy", [0.9, 0.7, 0.9], 0),  # the lowest of equal ones
        ("val_loss", [0.7, 0.2, 0.2], 1),
        ("loss", [-1.0, 2.0], 0),
        ("mean_squared_error", [0.3, 0.1], 1),
        ("sparse_categorical_crossentropy", [0.3, 0.1], 1),
        ("val_accuracy", [None, 0.1, 0.05], 1),
        ("val_accuracy", [NAN, 0.1, NAN], 1),
        ("val_loss", [NAN, 0.1, INF], 1),
        ("val_loss", [INF, INF], 0),
    ],
)
def test_the_best(whole, metric, values, best):
    assert scored(whole, metric, values).best(metric) == best


def test_the_best_by_another_measure_and_without_those_that_failed(whole):
    assert scored(whole, "loss", [0.1, 0.3, 0.2]).best("loss", maximize=True) == 1
    assert scored(whole, "mine", [0.1, 0.3, 0.2]).best("mine", maximize=False) == 0
    assert scored(whole, "val_accuracy", [0.1, 0.3, 0.2], failed=1).best() == 2
    columns = [member.columns["val_accuracy"][-1] for member in whole]
    assert whole.best() == int(np.argmax(columns))
    assert whole.best("loss") == int(np.argmin([member.columns["loss"][-1] for member in whole]))


@pytest.mark.parametrize("values", [[None, None], [NAN]])
def test_there_is_no_best_where_nobody_has_a_value(whole, values):
    with pytest.raises(ValueError, match="val_accuracy"):
        scored(whole, "val_accuracy", values).best()
    with pytest.raises(ValueError, match="nothing"):
        whole.best("nothing")


def test_a_history_is_keras_history(whole):
    history = whole[2].history
    assert isinstance(history, keras.callbacks.History)
    assert set(history.history) == {"accuracy", "loss", "val_accuracy", "val_loss"}
    assert history.epoch == [0, 1, 2]
    assert history.params == {"verbose": 0, "epochs": 3, "steps": 4}
    history.history["loss"].append(0.0)
    assert len(whole[2].history.history["loss"]) == 3  # one's own copy


def test_a_model_is_saved_opened_and_predicts_alike(whole, tmp_path: Path):
    x, y = rows(40, 1)
    model = whole[2].model()
    assert model is not whole[2].model()
    model.save(tmp_path / "member.keras")
    opened = keras.models.load_model(tmp_path / "member.keras")
    expected = model.predict(x, verbose=0)
    np.testing.assert_array_equal(opened.predict(x, verbose=0), expected)
    sm.save_model(model, tmp_path / "other.keras")
    np.testing.assert_array_equal(sm.load_model(tmp_path / "other.keras").predict(x, verbose=0), expected)
    assert int(opened.optimizer.iterations) == 3 * 4
    assert float(opened.optimizer.learning_rate) == pytest.approx(0.2)
    loss, accuracy = model.evaluate(x, y, verbose=0)
    again = sm.fit_many(
        build, [SETTINGS[2]], rows(), validation_data=(x, y), epochs=3, batch_size=40, average={"decay": 0.8}
    )
    assert again[0].columns["val_loss"][-1] == pytest.approx(loss, rel=1e-4)
    assert again[0].columns["val_accuracy"][-1] == pytest.approx(accuracy)


def test_what_was_decided_and_how_long_it_took(whole):
    (group,) = whole.plan
    assert group["members"] == 4
    assert group["mode"] == "vmapped"
    assert group["lanes"] == jax.local_device_count()
    assert group["lane"] * group["lanes"] * group["chunks"] >= 4
    assert group["bytes_each"] == sum(leaf.nbytes for part in whole[0].state for leaf in part)
    assert all(member.seconds > 0 for member in whole)
    assert sum(member.seconds for member in whole) == pytest.approx(whole.train_seconds)
    assert all(0 <= member.lane < group["lanes"] for member in whole)
    shared = {member.lane for member in whole if member.seed == 8}
    assert group["lanes"] == 1 or not any(m.lane in shared for m in whole if m.seed != 8)  # one seed a lane


def test_progress_is_told_to_the_last_member(whole):
    told: list[tuple[int, int]] = []
    settings = [{"units": 3 + i % 2, "seed": i} for i in range(4)]
    sm.fit_many(build, settings, rows(), epochs=1, batch_size=130, progress=lambda *done: told.append(done))
    assert told[-1] == (4, 4)
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert len(told) >= 2
