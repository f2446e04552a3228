"""Every member of a population against its setting built and fitted alone: history, weights, optimizer and metrics."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np
import pytest

import sonmat as sm
from sonmat.models.muon import ConvMuon
from sonmat.models.schedules import SCHEDULES
from sonmat.models.seeding import private_randomness, seed_weights

L = keras.layers
CROSS_ENTROPY = "sparse_categorical_crossentropy"
TRAINED = ("batch_size", "epochs", "augment", "label_smoothing", "average")


WIDE = 70
"""Inputs from which on the first kernels of a lane's members lie side by side."""


def rows(count: int = 150, seed: int = 0, inputs: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """(count, inputs) numbers of 3 classes."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, count)
    return (rng.normal(0, 0.7, (count, inputs)) + np.eye(3, inputs)[y] * 2).astype("float32"), y


def pictures(count: int = 96, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(count, 8, 8) with a bright block at one of 4 places."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, count)
    x = rng.random((count, 8, 8)).astype("float32") * 0.3
    for image, label in zip(x, y, strict=True):
        image[4 * (label // 2) : 4 * (label // 2) + 3, 4 * (label % 2) : 4 * (label % 2) + 3] += 1
    return x, y


@pytest.fixture(autouse=True, scope="module")
def _place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SONMAT_HOME", str(tmp_path_factory.mktemp("home")))
        yield Path()


def alone(
    build: Callable[..., Any], setting: Mapping[str, Any], data: Any, options: Mapping[str, Any]
) -> tuple[keras.Model, keras.callbacks.History, list[np.ndarray]]:
    """A setting built and fitted by itself, and its first weights."""
    seed = setting.get("seed", 0)
    taken = inspect.signature(build).parameters
    any_name = any(one.kind is one.VAR_KEYWORD for one in taken.values())
    given = {key: value for key, value in setting.items() if key in taken or (any_name and key not in TRAINED)}
    told = {key: value for key, value in setting.items() if key in TRAINED and key not in given}
    given.pop("seed", None)
    with private_randomness(seed):
        model = build(**given, **({"seed": seed} if "seed" in taken else {}))
    if hasattr(build, "reseed"):
        build.reseed(model, seed)
    if "learning_rate" in setting and "learning_rate" not in given:
        model.optimizer.learning_rate = setting["learning_rate"]
    first = model.get_weights()
    x, y, *weight = data
    history = sm.fit(
        model, x, y, sample_weight=weight[0] if weight else None, seed=seed, verbose=0, **{**options, **told}
    )
    return model, history, first


def same(
    build: Callable[..., Any],
    settings: Sequence[Mapping[str, Any]],
    data: Any,
    *,
    tolerance: float = 2e-5,
    differ: bool = True,
    **options: Any,
) -> sm.Population:
    """Train a population and its members alone, and compare them."""
    options = {"epochs": 2, "batch_size": 50, **options}
    population = sm.fit_many(build, settings, data, **options)
    assert len(population) == len(settings)
    for member, setting in zip(population, settings, strict=True):
        model, history, first = alone(build, setting, data, options)
        assert member.settings == setting
        assert not member.failed
        compare(member, model, history, tolerance)
        ours = member.model().get_weights()
        moved = [np.abs(a - b).max() for a, b in zip(first, ours, strict=True) if a.dtype != "uint32" and a.size]
        assert not first or max(moved) > 1e-4  # or two that never trained would be equal too
    if differ:
        trained = [np.concatenate([w.ravel() for w in member.model().get_weights()]) for member in population]
        for i, one in enumerate(trained):
            assert all(not np.array_equal(one, other) for other in trained[:i])
    return population


def compare(member: sm.Member, model: keras.Model, history: Any, tolerance: float = 2e-5) -> None:
    assert member.history.history.keys() == history.history.keys()
    for name, column in history.history.items():
        np.testing.assert_allclose(member.history.history[name], column, rtol=1e-4, atol=tolerance, err_msg=name)
    assert member.history.epoch == history.epoch
    assert member.history.params == history.params
    ours = member.model()
    assert ours.history.history == member.history.history
    kinds = ("trainable_variables", "non_trainable_variables", "metrics_variables")
    pairs = [(getattr(ours, kind), getattr(model, kind)) for kind in kinds]
    for mine, theirs in [*pairs, (ours.optimizer.variables, model.optimizer.variables)]:
        for a, b in zip(mine, theirs, strict=True):
            if np.issubdtype(np.asarray(b.value).dtype, np.integer):  # steps, and the states of random generators
                np.testing.assert_array_equal(a.value, b.value, err_msg=b.path)
            else:
                np.testing.assert_allclose(a.value, b.value, rtol=1e-3, atol=tolerance, err_msg=b.path)


def plain(
    units: int = 8,
    rate: float = 0.0,
    optimizer: str = "SGD",
    loss: Any = CROSS_ENTROPY,
    metrics: Sequence[Any] = ("accuracy",),
    normal: bool = False,
    penalty: float | None = None,
    activity: float | None = None,
    learning_rate: Any = 0.05,
    momentum: float | None = None,
    options: Mapping[str, Any] | None = None,
    inputs: int = 6,
) -> keras.Model:
    """A small dense network; the options are the optimizer's."""
    model = keras.Sequential(
        [
            keras.Input((inputs,)),
            L.Dense(
                units,
                activation="tanh",
                kernel_regularizer=None if penalty is None else keras.regularizers.L2(penalty),
                activity_regularizer=None if activity is None else keras.regularizers.L2(activity),
            ),
            *([L.BatchNormalization(momentum=0.8)] if normal else []),
            L.Dropout(rate),
            L.Dense(3, activation="softmax"),
        ]
    )
    options = dict(options or {}) | ({} if momentum is None else {"momentum": momentum})
    model.compile(getattr(keras.optimizers, optimizer)(learning_rate, **options), loss, metrics=list(metrics))
    return model


def convolving(
    filters: int = 3, optimizer: Any = keras.optimizers.SGD, learning_rate: float = 0.1, momentum: float = 0.0
) -> keras.Model:
    layers = [L.Reshape((8, 8, 1)), L.Conv2D(filters, 3, activation="relu"), L.MaxPooling2D()]
    layers += [L.Conv2D(4, 2), L.GlobalAveragePooling2D()]
    model = keras.Sequential([keras.Input((8, 8)), *layers, L.Dense(4, activation="softmax")])
    model.compile(optimizer(learning_rate, momentum=momentum), CROSS_ENTROPY)
    return model


# Optimizers

OPTIMIZERS: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "momentum": ("SGD", [{"momentum": 0.5}, {"momentum": 0.9}]),
    "adam": ("Adam", [{"beta_1": 0.8}, {"beta_2": 0.9, "epsilon": 1e-4}]),
    "adagrad": ("Adagrad", [{"initial_accumulator_value": 0.1}, {"initial_accumulator_value": 0.4}]),
}
OTHERS: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "nesterov": ("SGD", [{"momentum": 0.5, "nesterov": True}, {"momentum": 0.9, "nesterov": True}]),
    "adamw": ("AdamW", [{"weight_decay": 0.01}, {"weight_decay": 0.2}]),
    "amsgrad": ("Adam", [{"amsgrad": True, "beta_1": 0.8}, {"amsgrad": True}]),
    "rmsprop": ("RMSprop", [{"rho": 0.8}, {"rho": 0.95}, {"rho": 0.8, "momentum": 0.5}, {"centered": True}]),
    "nadam": ("Nadam", [{"beta_1": 0.8}, {"beta_1": 0.95}]),
    "lion": ("Lion", [{"beta_1": 0.8}, {"beta_1": 0.95}]),
    "adadelta": ("Adadelta", [{"rho": 0.8}, {"rho": 0.95}]),
    "adamax": ("Adamax", [{"beta_1": 0.8}, {"beta_2": 0.9}]),
    "ftrl": ("Ftrl", [{"l1_regularization_strength": 0.001}, {"l1_regularization_strength": 0.01}]),
    "muon": ("Muon", [{"momentum": 0.8}, {"momentum": 0.95}]),
    "lamb": ("Lamb", [{"beta_1": 0.8}, {"beta_1": 0.95}]),
    "adafactor": ("Adafactor", [{"beta_2_decay": -0.8}, {"beta_2_decay": -0.5}]),
    "clipnorm": ("Adam", [{"clipnorm": 0.01}, {"clipnorm": 0.1}]),
    "global_clipnorm": ("SGD", [{"global_clipnorm": 0.01}, {"global_clipnorm": 0.1}]),
    "clipvalue": ("SGD", [{"clipvalue": 0.001}, {"clipvalue": 0.01}]),
    "keras_ema": ("SGD", [{"use_ema": True, "ema_momentum": 0.5}, {"use_ema": True, "ema_momentum": 0.9}]),
    "overwriting": ("SGD", [{"use_ema": True, "ema_overwrite_frequency": 2, "ema_momentum": m} for m in (0.5, 0.9)]),
    "accumulating": ("SGD", [{"gradient_accumulation_steps": 2}, {"gradient_accumulation_steps": 3}]),
    "scaled": ("SGD", [{"loss_scale_factor": 2.0, "momentum": 0.5}, {"loss_scale_factor": 1024.0, "momentum": 0.9}]),
}


@pytest.mark.parametrize(
    "name", [*OPTIMIZERS, *[pytest.param(name, marks=pytest.mark.slow) for name in OTHERS]]
)  # fmt: skip
def test_optimizers(name):
    optimizer, options = {**OPTIMIZERS, **OTHERS}[name]
    settings = [{"optimizer": optimizer, "options": one} for one in options]
    same(partial(plain, metrics=(), inputs=WIDE), settings, rows(inputs=WIDE))


@pytest.mark.slow
def test_muon_of_convolutions():
    settings = [{"momentum": 0.8}, {"momentum": 0.95}, {"momentum": 0.95, "seed": 1}]
    same(partial(convolving, optimizer=ConvMuon, learning_rate=0.02), settings, pictures(), batch_size=32)


def test_a_rate_that_the_training_sets():
    def build(momentum: float = 0.9) -> keras.Model:
        return plain(momentum=momentum)

    settings = [{"learning_rate": rate, "momentum": momentum} for rate in (0.01, 0.1) for momentum in (0.5, 0.9)]
    population = same(build, settings, rows())
    assert [round(float(member.model().optimizer.learning_rate), 6) for member in population] == [0.01, 0.01, 0.1, 0.1]
    assert [group["members"] for group in population.plan] == [4]


def test_a_rate_for_those_that_do_not_say_is_not_for_those_that_do():
    def build(learning_rate: float = 0.3) -> keras.Model:
        return plain(learning_rate=learning_rate)

    population = sm.fit_many(build, [{"learning_rate": 0.2}, {}], rows(), learning_rate=0.1, epochs=1, batch_size=50)
    assert [round(float(member.model().optimizer.learning_rate), 6) for member in population] == [0.2, 0.1]


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
def test_other_precisions(policy):
    def build(rate: float = 0.2) -> keras.Model:
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(policy)
        try:
            return plain(rate=rate)
        finally:
            keras.config.set_dtype_policy(before)

    settings = [{"rate": 0.1}, {"rate": 0.4}, {"rate": 0.4, "learning_rate": 0.2}]
    same(build, settings, rows(), tolerance=2e-3 if "16" in policy else 2e-5)


# Schedules


def test_schedules_of_a_members_own():
    def build(name: str, peak: float, warmup: float = 0.3) -> keras.Model:
        return plain(learning_rate=SCHEDULES[name](peak, 6, warmup), metrics=())

    settings = [{"name": "OneCycle", "peak": 0.1}, {"name": "OneCycle", "peak": 0.4, "warmup": 0.5}]
    settings += [{"name": "Cosine", "peak": 0.2}, {"name": "Cosine", "peak": 0.2, "warmup": 0.0}]
    same(build, settings, rows())


@pytest.mark.slow
def test_schedules_of_keras():
    def build(rate: float = 0.5, values: tuple[float, ...] = (0.1, 0.2)) -> keras.Model:
        schedules = keras.optimizers.schedules
        if rate:
            return plain(learning_rate=schedules.ExponentialDecay(0.1, 2, rate))
        return plain(learning_rate=schedules.PiecewiseConstantDecay([2], list(values)))

    same(build, [{"rate": 0.5}, {"rate": 0.9}, {"rate": 0}, {"rate": 0, "values": (0.3, 0.1)}], rows())


# Layers, losses, metrics


def test_dropout_of_several_rates_and_seeds_with_a_smaller_last_batch_and_validation():
    settings = [{"rate": 0.1, "seed": 0}, {"rate": 0.5, "seed": 0}, {"rate": 0.1, "seed": 3}]
    population = same(plain, settings, rows(), validation_data=rows(70, 1), batch_size=40)
    assert [group["members"] for group in population.plan] == [3]


def test_a_generator_with_a_seed_of_its_own_goes_on_from_epoch_to_epoch():
    def build(own: int | None = None, rate: float = 0.3) -> keras.Model:
        layers = [L.Dense(8), L.Dropout(rate, seed=own), L.Dropout(rate), L.Dense(3, activation="softmax")]
        model = keras.Sequential([keras.Input((6,)), *layers])
        model.compile("sgd", CROSS_ENTROPY)
        return model

    same(build, [{"own": None}, {"own": 7}], rows())


def test_normalization_penalties_and_clipping():
    settings = [{"penalty": penalty, "options": {"clipnorm": 10 * penalty}} for penalty in (0.01, 0.03)]
    build = partial(plain, normal=True, optimizer="Adam", rate=0.2, inputs=WIDE)
    same(build, settings, rows(inputs=WIDE), validation_data=rows(60, 1, WIDE))


class Told:
    """Something whose text does not say what it holds."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def __repr__(self) -> str:
        return "Told()"


@pytest.mark.parametrize("kind", ["delta", "axis", "call", "layer", "told", "array"])
def test_what_a_configuration_or_a_text_leaves_out(kind: str):
    """Members that look alike by Keras's configurations, or by the text of what the builder is given."""
    np_rates = [np.array(0.30001), np.array(0.30004)]
    values = {
        "delta": [0.1, 10.0],
        "axis": [0, -1],
        "call": [0.5, 2.0],
        "layer": [L.Dropout(rate, name="d") for rate in (0.0, 0.9)],
        "told": [Told(0.1), Told(0.3)],
        "array": np_rates,
    }

    def build(what: Any) -> keras.Model:
        layer, loss, metrics, rate = L.Dense(4), keras.losses.Huber(), [], 0.1
        if kind == "delta":
            loss = keras.losses.Huber(delta=what)
        elif kind == "axis":
            metrics = [keras.metrics.CosineSimilarity(axis=what, name="alike")]
        elif kind == "call":
            own = layer.call
            layer.call = lambda inputs, **more: own(inputs, **more) * what
        elif kind == "layer":
            return keras.Sequential([keras.Input((6,)), L.Dense(4), what, L.Dense(1)])
        else:
            rate = what.rate if kind == "told" else float(what)
        model = keras.Sequential([keras.Input((6,)), layer, L.Dense(1)])
        model.compile(keras.optimizers.SGD(rate), loss, metrics=metrics)
        return model

    def compiled(what: Any) -> keras.Model:
        model = build(what)
        if kind == "layer":
            model.compile(keras.optimizers.SGD(0.01), "mse")
        return model

    x, _ = rows()
    y = x.sum(1, keepdims=True) * 3
    with np.printoptions(precision=3):
        population = sm.fit_many(compiled, [{"what": what} for what in values[kind]], (x, y), epochs=2, batch_size=50)
    for member, what in zip(population, values[kind], strict=True):
        _, history, _ = alone(compiled, {"what": what}, (x, y), {"epochs": 2, "batch_size": 50})
        assert list(member.columns) == list(history.history)
        for name, column in history.history.items():
            np.testing.assert_allclose(member.columns[name], column, rtol=1e-4, err_msg=name)
    one, other = (member.columns["alike" if kind == "axis" else "loss"] for member in population)
    assert one != other


def test_a_seed_is_given_to_those_that_have_one():
    def build(**settings: Any) -> keras.Model:
        first = keras.initializers.GlorotUniform(seed=settings.get("seed", 123))
        model = keras.Sequential([keras.Input((6,)), L.Dense(3, "softmax", kernel_initializer=first)])
        model.compile(keras.optimizers.SGD(0.1), CROSS_ENTROPY)
        return model

    x, y = rows()
    both = sm.fit_many(build, [{}, {"seed": 0}], (x, y), epochs=1)
    apart = [sm.fit_many(build, [one], (x, y), epochs=1)[0] for one in ({}, {"seed": 0})]
    for one, other in zip(both, apart, strict=True):
        assert one.columns["loss"] == pytest.approx(other.columns["loss"], rel=1e-5)
    assert both[0].columns != both[1].columns


@pytest.mark.slow
@pytest.mark.parametrize("size", [25, 40])
def test_wide_kernels_in_batches_of_any_size(size):
    def build(rate: float = 0.1, units: int = 8, own: float | None = None) -> keras.Model:
        first = L.Dense(units, kernel_constraint=None if own is None else keras.constraints.MaxNorm(own))
        layers = [L.Dropout(rate / 2), first, L.Dense(WIDE, "relu"), L.Dropout(rate), L.Dense(units)]
        model = keras.Sequential([keras.Input((WIDE,)), *layers, L.Dense(3, activation="softmax")])
        model.compile(keras.optimizers.Adam(0.01), CROSS_ENTROPY, metrics=["accuracy"])
        return model

    settings = [{"rate": 0.1}, {"rate": 0.4}, {"rate": 0.1, "units": 20}, {"own": 0.5}, {"own": 1.0, "seed": 1}]
    same(build, settings, rows(81, inputs=WIDE), validation_data=rows(45, 1, WIDE), batch_size=size, tolerance=1e-4)


@pytest.mark.slow
def test_penalties_for_activity():
    same(plain, [{"activity": 0.01}, {"activity": 0.1}], rows(), validation_data=rows(70, 1), batch_size=40)
    same(plain, [{"activity": 0.01}], rows(), validation_data=rows(400, 1), batch_size=200)


@pytest.mark.slow
def test_a_loss_that_looks_at_the_batch_is_validated_in_batches_of_the_same_size():
    def worst(y: Any, outputs: Any) -> Any:
        return keras.ops.max(keras.losses.sparse_categorical_crossentropy(y, outputs)) + 0 * outputs[:, 0]

    population = same(partial(plain, loss=worst), [{}], rows(), validation_data=rows(380, 1), batch_size=200)
    assert population[0].columns["val_loss"][0] > 0


def test_convolutions_whose_way_is_measured():
    """Measuring which way is faster must leave the order of the rows alone."""
    population = same(convolving, [{"learning_rate": rate} for rate in (0.1, 0.3)], pictures(), batch_size=32)
    assert population.plan[0]["mode"] in ("vmapped", "mapped")


def test_augmentation_and_smoothed_labels():
    def build() -> keras.Model:
        layers = [L.Flatten(), L.Dense(8, activation="relu"), L.Dense(4, activation="softmax")]
        model = keras.Sequential([keras.Input((8, 8)), *layers])
        model.compile(keras.optimizers.SGD(0.1), CROSS_ENTROPY)
        return model

    settings = [{"augment": {"shift": 1}, "label_smoothing": smoothing} for smoothing in (0.1, 0.4)]
    population = same(build, settings, pictures(), batch_size=32)
    assert population[1].columns["loss"][-1] > population[0].columns["loss"][-1]


@pytest.mark.slow
def test_augmentation_of_several_kinds():
    settings = [
        {"augment": {"shift": 1}},
        {"augment": {"rotate": 10, "scale": 0.1}},
        {"augment": {"rotate": 30, "scale": 0.2}},
        {"augment": {"elastic": 1.0, "cutout": 2, "shear": 5}, "seed": 1},
        {"augment": {}},
    ]
    same(convolving, settings, pictures(), batch_size=32)


@pytest.mark.slow
def test_convolutions_of_volumes():
    def build(filters: int = 2, rate: float = 0.1) -> keras.Model:
        layers = [L.Reshape((4, 4, 4, 1)), L.Conv3D(filters, 2, activation="relu"), L.Dropout(rate)]
        layers += [L.Conv3DTranspose(2, 2), L.Flatten(), L.Dense(4, activation="softmax")]
        model = keras.Sequential([keras.Input((8, 8)), *layers])
        model.compile(keras.optimizers.SGD(0.1), CROSS_ENTROPY)
        return model

    same(build, [{"rate": 0.1}, {"rate": 0.4}], pictures(48), batch_size=16)


@pytest.mark.slow
def test_networks_for_series_and_words():
    def build(rate: float = 0.1, units: int = 4) -> keras.Model:
        layers = [L.Embedding(9, 3, mask_zero=True), L.GRU(units, dropout=rate), L.LayerNormalization()]
        model = keras.Sequential([keras.Input((5,), dtype="int32"), *layers, L.Dense(3, activation="softmax")])
        model.compile("adam", CROSS_ENTROPY, metrics=["accuracy"])
        return model

    x = np.random.default_rng(0).integers(0, 9, (120, 5)).astype("int32")
    data = (x, x[:, 0] % 3)
    same(build, [{"rate": 0.1}, {"rate": 0.4}, {"units": 5}], data, validation_data=data, batch_size=32)


@pytest.mark.slow
def test_metrics_with_states_of_their_own():
    def build(thresholds: int = 20, beta: float = 0.5) -> keras.Model:
        metrics = [
            keras.metrics.AUC(num_thresholds=thresholds, name="auc"),
            keras.metrics.FBetaScore(beta=beta, name="f"),
            "mse",
        ]
        return plain(loss="categorical_crossentropy", metrics=metrics)

    x, y = rows()
    data = (x, np.eye(3, dtype="float32")[y])
    same(build, [{"beta": 0.5}, {"beta": 2.0}, {"thresholds": 30}], data, validation_data=data, differ=False)


def test_metrics_that_begin_with_another_value():
    @keras.saving.register_keras_serializable(package="tests")
    class Counting(keras.metrics.Metric):
        def __init__(self, start: float, name: str = "counting") -> None:
            super().__init__(name=name)
            self.start = start
            self.count = self.add_weight(shape=(), initializer=keras.initializers.Constant(start), name="count")

        def update_state(self, y: Any, outputs: Any, sample_weight: Any = None) -> None:
            self.count.assign_add(1.0)

        def reset_state(self) -> None:
            self.count.assign(self.start)

        def result(self) -> Any:
            return self.count * 1.0

    def build(start: float = 0.0) -> keras.Model:
        return plain(metrics=[Counting(start)])

    population = same(build, [{"start": 0.0}, {"start": 10.0}], rows(), differ=False)
    assert [member.columns["counting"] for member in population] == [[3.0, 3.0], [13.0, 13.0]]


# Weights, order, frequency


def test_class_weights_without_shuffling_validated_now_and_then():
    settings = [{"learning_rate": 0.05}, {"learning_rate": 0.2}]
    options = {"class_weight": {0: 3.0, 2: 0.2}, "shuffle": False, "validation_freq": 2, "epochs": 3}
    population = same(partial(plain), settings, rows(), validation_data=rows(50, 1), **options)
    assert len(population[0].columns["val_loss"]) == 1
    weighted = sm.fit_many(plain, settings[:1], rows(), shuffle=False, epochs=3, batch_size=50)
    assert weighted[0].columns["loss"] != population[0].columns["loss"]


@pytest.mark.slow
def test_sample_weights_and_validation_in_named_epochs():
    x, y = rows()
    weight = np.random.default_rng(3).random(len(x)).astype("float32")
    data, held = (x, y, weight), (*rows(60, 1), weight[:60])
    same(plain, [{"rate": 0.1}, {"rate": 0.3}], data, validation_data=held, validation_freq=[1, 3], epochs=4)


@pytest.mark.slow
def test_a_dataset_is_scaled_in_the_program(small):
    train, _ = sm.load(str(small))
    build = partial(sm.build, "notes-mlp", train)
    settings = [{"learning_rate": rate, "seed": seed} for rate in (0.01, 0.1) for seed in (0, 1)]
    population = sm.fit_many(build, settings, train, epochs=2, batch_size=50)
    for member, setting in zip(population, settings, strict=True):
        model = sm.build("notes-mlp", train, **setting)
        history = sm.fit(model, train, epochs=2, batch_size=50, seed=setting["seed"], verbose=0)
        compare(member, model, history)


# Averages, phases, groups


def test_averages_of_weights_over_batch_sizes_that_change():
    settings = [{"average": {"name": "EMA", "decay": decay}} for decay in (0.5, 0.9)]
    sizes = [(1, 25), (2, 50)]
    options = {"batch_size": sizes, "epochs": 3, "differ": False}
    population = same(partial(plain, metrics=()), settings, rows(), validation_data=rows(50, 1), **options)
    assert population[0].columns["val_loss"] != population[1].columns["val_loss"]


@pytest.mark.slow
def test_averages_of_the_last_epochs():
    settings = [{"average": {"name": "SWA", "start": start}, "rate": rate} for start in (0.2, 0.5) for rate in (0, 0.2)]
    settings += [{"average": "EMA"}, {}, {"average": "SWA", "seed": 1}]
    same(partial(plain, normal=True), settings, rows(), validation_data=rows(50, 1), epochs=5, differ=False)


def test_a_mixed_population():
    settings = [
        {"units": 4, "batch_size": 50, "momentum": 0.9, "epochs": 1},
        {"units": 8, "batch_size": 75, "momentum": 0.0, "epochs": 2, "seed": 4},
        {"units": 4, "batch_size": 50, "momentum": 0.5, "epochs": 1, "seed": 9},
    ]
    population = same(plain, settings, rows())
    assert [group["members"] for group in population.plan] == [2, 1]
    assert [len(member.history.epoch) for member in population] == [1, 2, 1]


@pytest.mark.slow
def test_a_population_of_many_groups():
    settings = [
        {"units": units, "batch_size": size, "momentum": momentum, "epochs": epochs, "seed": seed}
        for units in (4, 8)
        for size in (30, [(1, 50), (1, 75)])
        for momentum in (0.0, 0.9)
        for epochs in (1, 2)
        for seed in (0, 5)
    ]
    population = same(plain, settings, rows(), validation_data=rows(50, 1))
    assert len(population.plan) == 16
    assert all(group["members"] == 2 for group in population.plan)


@pytest.mark.slow
def test_batches_larger_than_the_data():
    same(plain, [{"rate": 0.1}, {"rate": 0.3}], rows(), validation_data=rows(20, 1), batch_size=1000)


@pytest.mark.slow
def test_more_members_than_a_lane_takes():
    rates = np.geomspace(0.001, 0.5, 70)
    settings = [{"learning_rate": float(rate), "seed": i % 3} for i, rate in enumerate(rates)]
    population = sm.fit_many(partial(plain, metrics=()), settings, rows(), epochs=2, batch_size=50)
    assert population.plan[0]["chunks"] > 1 or population.plan[0]["lanes"] > 2
    for place in (0, 23, 41, 69):
        model, history, _ = alone(
            partial(plain, metrics=()), settings[place], rows(), {"epochs": 2, "batch_size": 50}
        )  # fmt: skip
        compare(population[place], model, history)


# Builders


def test_several_inputs_and_outputs_by_a_builder_that_takes_the_seed():
    def build(weight: float = 0.3, seed: int = 0) -> keras.Model:
        left, right = keras.Input((3,), name="left"), keras.Input((3,), name="right")
        made = keras.initializers.GlorotUniform(seed=seed)
        hidden = L.Dense(8, activation="tanh", kernel_initializer=made)(L.Concatenate()([left, right]))
        hidden = L.Dropout(0.2)(hidden)
        kind, size = L.Dense(3, activation="softmax", name="kind")(hidden), L.Dense(1, name="size")(hidden * 0.5)
        model = keras.Model({"left": left, "right": right}, {"kind": kind, "size": size})
        losses = {"kind": CROSS_ENTROPY, "size": "mse"}
        model.compile("adam", losses, loss_weights={"kind": 1.0, "size": weight}, metrics={"kind": ["accuracy"]})
        return model

    x, y = rows()
    data = {"left": x[:, :3], "right": x[:, 3:]}, {"kind": y, "size": x.mean(1)}
    same(build, [{"weight": 0.3, "seed": 4}, {"weight": 2.0, "seed": 5}], data)


def test_layers_and_a_training_step_of_the_users_own():
    class Shifted(L.Layer):
        def __init__(self, by: float) -> None:
            super().__init__()
            self.by = by

        def build(self, shape: Any) -> None:
            self.scale = self.add_weight(shape=(shape[-1],), initializer="ones")

        def call(self, x: Any) -> Any:
            return x * self.scale + self.by

    class Twice(keras.Model):
        def train_step(self, state: Any, data: Any) -> Any:
            _, state = super().train_step(state, data)
            logs, state = super().train_step(state, data)
            return {"loss": logs["loss"], "twice": logs["accuracy"]}, state

    def build(by: float = 0.0, rate: float = 0.1) -> keras.Model:
        entry = keras.Input((6,))
        model = Twice(entry, L.Dense(3, activation="softmax")(L.Dropout(rate)(Shifted(by)(entry))))
        model.compile(keras.optimizers.SGD(0.1), CROSS_ENTROPY, metrics=["accuracy"])
        return model

    population = same(build, [{"by": 0.1}, {"by": 2.0, "rate": 0.3}], rows())
    assert [group["members"] for group in population.plan] == [2]
    assert set(population[0].columns) == {"loss", "twice"}


def test_a_network_that_is_built_when_it_sees_data():
    class Own(L.Layer):
        def build(self, shape: Any) -> None:
            self.kernel = self.add_weight(shape=(shape[-1], 3), initializer="glorot_uniform")

        def call(self, x: Any) -> Any:
            return keras.ops.softmax(x @ self.kernel)

    def build() -> keras.Model:
        model = keras.Sequential([Own()])
        model.compile("sgd", CROSS_ENTROPY)
        return model

    settings = [{"seed": 0}, {"seed": 1}]
    first, second = (sm.fit_many(build, settings, rows(), epochs=1, batch_size=50) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.state[0][0], other.state[0][0])
    assert not np.array_equal(first[0].state[0][0], first[1].state[0][0])


def test_a_builder_that_can_draw_first_weights_again_is_called_once():
    class Building:
        def __init__(self) -> None:
            self.calls = 0

        def __call__(self, rate: float = 0.2) -> keras.Model:
            self.calls += 1
            return plain(rate=rate)

        def reseed(self, model: keras.Model, seed: int) -> None:
            seed_weights(model, seed)

    build, settings = Building(), [{"seed": seed} for seed in (3, 1, 2)]
    population = sm.fit_many(build, settings, rows(), epochs=1, batch_size=50)
    assert build.calls == 1
    for member, setting in zip(population, settings, strict=True):
        model, history, _ = alone(build, setting, rows(), {"epochs": 1, "batch_size": 50})
        compare(member, model, history)


def test_what_a_network_learned_before_it_was_returned_counts():
    """Networks of one configuration that hold different numbers, which no configuration tells."""

    def build(size: float = 1.0, start: float = 0.0) -> keras.Model:
        scaling = L.Normalization()
        scaling.adapt(rows(seed=5)[0] * size)
        last = L.Dense(3, activation="softmax")
        model = keras.Sequential([keras.Input((6,)), scaling, last], name="scaled")
        last.bias.assign([start, 0.0, 0.0])
        model.compile(keras.optimizers.SGD(0.1), CROSS_ENTROPY)
        return model

    same(build, [{"size": 1.0}, {"size": 5.0}, {"size": 5.0, "start": 1.0}], rows())


def test_long_arrays_among_the_settings_are_told_apart():
    middle = np.zeros(3000, "float32")
    middle[1500] = 1.0

    def build(shift: np.ndarray) -> keras.Model:
        return plain(learning_rate=0.1 + float(shift.sum()))

    same(build, [{"shift": np.zeros(3000, "float32")}, {"shift": middle}], rows(), epochs=1)


# What cannot be looped over


class Coarse(L.Layer):
    """Adds a pooling of whole numbers, which stays JAX's own, so that no loop may hold it."""

    def call(self, x: Any) -> Any:
        whole = keras.ops.cast(x, "int32")
        window = (1, 2, 2)
        return x + keras.ops.cast(jax.lax.reduce_window(whole, 0, jax.lax.max, window, (1, 1, 1), "SAME"), "float32")


def unloopable(rate: float = 0.2, momentum: float = 0.0) -> keras.Model:
    layers = [Coarse(), L.Flatten(), L.Dense(8, activation="tanh"), L.Dropout(rate), L.Dense(4, activation="softmax")]
    model = keras.Sequential([keras.Input((8, 8)), *layers])
    model.compile(keras.optimizers.SGD(0.1, momentum=momentum), CROSS_ENTROPY, metrics=["accuracy"])
    return model


@pytest.mark.filterwarnings("ignore:.*one step at a time")
def test_networks_that_cannot_be_looped_over_are_trained_alone():
    settings = [{"rate": 0.1}, {"rate": 0.4, "seed": 1, "learning_rate": 0.3}]
    population = same(
        unloopable, settings, pictures(), validation_data=pictures(32, 1), batch_size=32, average={"decay": 0.8},
        augment={"shift": 1}, label_smoothing=0.1,
    )  # fmt: skip
    assert [group["mode"] for group in population.plan] == ["alone"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*one step at a time")
def test_networks_that_cannot_be_looped_over_among_others():
    def build(native: bool = False, momentum: float = 0.5) -> keras.Model:
        return unloopable(momentum=momentum) if native else convolving(momentum=momentum)

    settings = [{"native": i % 2 == 1, "seed": i // 2} for i in range(4)]
    sizes = [(1, 24), (1, 32)]
    population = same(build, settings, pictures(), batch_size=sizes, epochs=3, class_weight={1: 2.0})
    assert sorted(group["mode"] == "alone" for group in population.plan) == [False, True]


def test_the_comparison_sees_a_difference():
    """The oracle itself: another seed, another number, another epoch are found out."""
    population = sm.fit_many(plain, [{"rate": 0.2}], rows(), epochs=1, batch_size=50)
    options = {"epochs": 1, "batch_size": 50}
    for setting, other in [
        ({"rate": 0.2}, {}),
        ({"rate": 0.21}, {}),
        ({"seed": 1, "rate": 0.2}, {}),
        ({"rate": 0.2}, {"epochs": 2}),
    ]:
        model, history, _ = alone(plain, setting, rows(), {**options, **other})
        if (setting, other) == ({"rate": 0.2}, {}):
            compare(population[0], model, history)
        else:
            with pytest.raises(AssertionError):
                compare(population[0], model, history)
    assert math.isfinite(population[0].columns["loss"][0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Explicitly requested dtype int64")  # Keras's own, with JAX 0.12
        population[0].model()
