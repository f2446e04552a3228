"""The learning-rate range test: Keras's own losses, the same bits, an untouched model, and a suggestion that serves."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sonmat as sm
from sonmat.engine.rate_program import MEMORY, TIMES_BEST, orders
from sonmat.engine.rate_test import fall_of, longest_fall, smooth
from sonmat.errors import DataError, NonFiniteLossError, TrainingError, UnsupportedError

Rows = tuple[np.ndarray, np.ndarray]
Make = Callable[..., keras.Model]
LAYERS = keras.layers


def everything(model: keras.Model) -> list[np.ndarray]:
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    return [np.asarray(variable.value).copy() for variable in variables]


def by_keras(model: keras.Model, rows: Rows, found: sm.RateTest, seed: int, assign: Any = None) -> list[float]:
    """The losses of `train_on_batch` over the same rows at the same rates."""
    x, y = rows
    batches = orders(len(x), found.batch_size, len(found.rates), seed)
    losses = []
    for rate, batch in zip(found.rates, batches, strict=True):
        (assign or model.optimizer.learning_rate.assign)(rate)
        losses.append(float(model.train_on_batch(x[batch], y[batch], return_dict=True)["loss"]))
    return losses


OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "sgd": lambda: keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True),
    "adam": lambda: keras.optimizers.Adam(0.001, clipnorm=1.0),
    "adamw": lambda: keras.optimizers.AdamW(0.001, weight_decay=0.01),
    "rmsprop": lambda: keras.optimizers.RMSprop(0.001, use_ema=True, ema_overwrite_frequency=20),
    "scaled": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.01)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_losses_are_those_of_train_on_batch(name: str, rows: Rows, network: Make) -> None:
    found = sm.find_learning_rate(network(OPTIMIZERS[name]()), *rows, batch_size=32, steps=60, high=0.5, seed=4)
    assert len(found.rates) == 60
    model = network(OPTIMIZERS[name]())
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)

    def assign(rate: float) -> None:
        optimizer.learning_rate = rate

    np.testing.assert_allclose(found.losses, by_keras(model, rows, found, 4, assign), rtol=2e-4, atol=1e-6)
    assert np.ptp(found.losses) > 0.3, "the rates did something"


def test_a_wide_kernel_and_a_convolution_give_kerass_losses_too() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(96, 64)).astype("float32"), rng.integers(0, 3, 96)

    def made() -> keras.Model:
        keras.utils.set_random_seed(3)
        layers = [
            LAYERS.Dense(8, "relu"),
            LAYERS.Dense(64),
            LAYERS.Reshape((8, 8, 1)),
            LAYERS.Conv2D(3, 3, activation="relu"),
        ]
        layers += [LAYERS.MaxPooling2D(), LAYERS.Flatten(), LAYERS.BatchNormalization(), LAYERS.Dense(3, "softmax")]
        model = keras.Sequential([keras.Input((64,)), *layers])
        model.compile(keras.optimizers.Adam(0.001), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    found = sm.find_learning_rate(made(), *rows, steps=40, high=0.1)
    np.testing.assert_allclose(found.losses, by_keras(made(), rows, found, 0), rtol=2e-3, atol=1e-5)


@pytest.mark.parametrize("rate", [0.01, keras.optimizers.schedules.CosineDecay(0.01, 10)], ids=["a rate", "a schedule"])
def test_steps_that_may_not_be_looped_over_give_the_same(
    rate: Any, rows: Rows, network: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    looped = sm.find_learning_rate(network(keras.optimizers.Adam(rate)), *rows, steps=60, high=100)
    monkeypatch.setattr("sonmat.engine.rate_program.slow_in_loops", lambda traced: True)
    single = sm.find_learning_rate(network(keras.optimizers.Adam(rate)), *rows, steps=60, high=100)
    assert single.diverged_at == looped.diverged_at
    np.testing.assert_allclose(single.losses, looped.losses, rtol=1e-3, atol=1e-5)


def test_a_schedule_gives_way_and_is_there_afterwards(rows: Rows, network: Make) -> None:
    schedule = keras.optimizers.schedules.CosineDecay(0.25, 100)
    model = network(keras.optimizers.SGD(schedule, momentum=0.5))
    found = sm.find_learning_rate(model, *rows, steps=50)
    plain = sm.find_learning_rate(network(keras.optimizers.SGD(0.25, momentum=0.5)), *rows, steps=50)
    np.testing.assert_array_equal(found.losses, plain.losses)
    assert model.optimizer._learning_rate is schedule
    assert found.present == pytest.approx(0.25)


def test_weights_of_the_rows_count(rows: Rows, network: Make) -> None:
    x, y = rows
    batches = [(x[i : i + 40], y[i : i + 40], np.full(40, 3.0, "float32")) for i in range(0, 200, 40)]
    weighted = sm.find_learning_rate(network(), batches_of(batches), steps=30)
    assert weighted.batch_size == 40
    plain = sm.find_learning_rate(network(), x, y, batch_size=40, steps=30)
    assert weighted.losses[0] == pytest.approx(3 * plain.losses[0], rel=1e-5)


def batches_of(batches: list[Any]) -> Any:
    class Batches(keras.utils.PyDataset):
        def __len__(self) -> int:
            return len(batches)

        def __getitem__(self, index: int) -> Any:
            return batches[index]

    return Batches()


def test_the_same_seed_gives_the_same_bits(rows: Rows, network: Make) -> None:
    def losses(seed: int) -> np.ndarray:
        keras.utils.set_random_seed(1)  # the layers' own initializers draw their seeds now
        model = network("adam", layers=[LAYERS.Dense(8, "relu"), LAYERS.Dropout(0.5)])
        return sm.find_learning_rate(model, *rows, steps=40, seed=seed).losses

    np.testing.assert_array_equal(losses(7), losses(7))
    assert not np.array_equal(losses(7), losses(8))


def test_the_model_is_untouched(rows: Rows, network: Make) -> None:
    model = network("adam", layers=[LAYERS.Dense(8, "relu"), LAYERS.Dropout(0.5), LAYERS.BatchNormalization()])
    model.fit(*rows, epochs=1, verbose=0)
    before, parts = everything(model), (model.optimizer, model.loss, model.train_function)
    config = model.optimizer.get_config()
    first = sm.find_learning_rate(model, *rows, steps=40)
    for old, new in zip(before, everything(model), strict=True):
        np.testing.assert_array_equal(old, new)
    assert (model.optimizer, model.loss, model.train_function) == parts
    assert model.optimizer.get_config() == config
    np.testing.assert_array_equal(sm.find_learning_rate(model, *rows, steps=40).losses, first.losses)


def test_training_afterwards_is_as_if_there_had_been_no_test(rows: Rows, network: Make) -> None:
    plain, tested = network("adam"), network("adam")
    sm.find_learning_rate(tested, *rows, steps=40)
    for model in (plain, tested):
        sm.fit(model, *rows, epochs=2, verbose=0)
    for one, other in zip(everything(plain), everything(tested), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_suggestion_lies_in_the_span_and_trains(rows: Rows, held: Rows, network: Make) -> None:
    found = sm.find_learning_rate(network(keras.optimizers.SGD(1e-5)), *rows, batch_size=20)
    assert len(found.rates) <= 100
    assert (np.diff(found.rates) > 0).all()
    np.testing.assert_allclose(found.rates[1:] / found.rates[:-1], (10 / 1e-6) ** (1 / 99))
    assert found.rates[0] == pytest.approx(1e-6)
    assert found.suggestion is not None
    assert found.span is not None
    assert found.rates[0] <= found.span[0] <= found.suggestion < found.span[1] <= found.rates[-1]
    assert found.suggestion in found.rates
    assert (found.position, found.reason) == ("below", "")
    losses = []
    for rate in (found.present, found.suggestion):
        model = network(keras.optimizers.SGD(rate))
        sm.fit(model, *rows, batch_size=20, epochs=3, verbose=0)
        losses.append(sm.evaluate(model, *held).metrics["loss"])
    assert losses[1] < 0.7 * losses[0]


def test_it_ends_where_the_mean_is_four_times_its_best(rows: Rows) -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,)), LAYERS.Dense(1)])
    model.compile(keras.optimizers.SGD(0.01), "mse")
    found = sm.find_learning_rate(model, *rows, steps=200, high=1e3)
    assert found.diverged_at == found.rates[-1] < 1e3
    finite = found.smoothed[np.isfinite(found.losses)]
    assert (finite[:-1] <= TIMES_BEST * np.minimum.accumulate(finite[:-1]) * (1 + 1e-5)).all()
    assert not found.smoothed[-1] <= TIMES_BEST * found.smoothed.min() * (1 - 1e-5)


def test_negative_losses_do_not_end_it(rows: Rows, network: Make) -> None:
    model = network()
    model.compile("sgd", lambda y, p: -keras.ops.mean(p[:, 0:1], axis=-1))
    found = sm.find_learning_rate(model, *rows, steps=40, high=0.1)
    assert len(found.rates) == 40
    assert found.losses.max() < 0


def test_labels_that_nothing_says_give_no_suggestion(network: Make) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(0, 0.1, (2000, 6)).astype("float32"), rng.permutation(np.arange(2000) % 3)
    found = sm.find_learning_rate(network("adam"), x, y)
    assert found.suggestion is None
    assert found.span is None
    assert found.position == ""
    assert "fell" in found.reason
    assert found.as_dict()["suggestion"] is None


def test_a_test_that_begins_too_high_suggests_nothing(rows: Rows, network: Make) -> None:
    found = sm.find_learning_rate(network(keras.optimizers.SGD(0.01)), *rows, low=1e4, high=1e6, steps=30)
    assert found.suggestion is None
    assert found.reason


@pytest.mark.parametrize(
    "wrong",
    [
        {"low": 1.0, "high": 1.0},
        {"low": 1.0, "high": 0.1},
        {"low": 0.0},
        {"low": -1e-3},
        {"high": math.inf},
        {"low": math.nan},
        {"low": "1e-3"},
        {"high": True},
        {"high": 1e300},
        {"steps": 0},
        {"steps": 19},
        {"steps": 1e9},
        {"steps": 10**9},
        {"steps": True},
        {"batch_size": 0},
        {"batch_size": 2.5},
        {"seed": -1},
        {"seed": None},
    ],
    ids=str,
)
def test_hostile_arguments_are_refused(wrong: dict[str, Any], rows: Rows, network: Make) -> None:
    with pytest.raises(DataError, match=r"must be|from a low rate"):
        sm.find_learning_rate(network(), *rows, **wrong)


def test_hostile_data_are_refused(rows: Rows, network: Make) -> None:
    x, y = rows
    with pytest.raises(DataError, match="too few"):
        sm.find_learning_rate(network(), x[:3], y[:3])
    with pytest.raises(DataError, match="no rows"):
        sm.find_learning_rate(network(), x[:0], y[:0])
    with pytest.raises(DataError):
        sm.find_learning_rate(network(), np.where(x > 1, np.nan, x), y)
    with pytest.raises(DataError, match="Class numbers"):
        sm.find_learning_rate(network(), x, y + 1)
    four = sm.find_learning_rate(network(), x[:4], y[:4])
    assert four.batch_size == 4
    assert len(four.rates) <= 100


def test_hostile_models_are_refused(rows: Rows, network: Make) -> None:
    bare = keras.Sequential([keras.Input((6,)), LAYERS.Dense(3)])
    with pytest.raises(TrainingError, match="not compiled"):
        sm.find_learning_rate(bare, *rows)
    with pytest.raises(UnsupportedError):
        sm.find_learning_rate("a model", *rows)  # type: ignore[arg-type]
    rateless = network()
    object.__setattr__(rateless.optimizer, "_learning_rate", None)
    with pytest.raises(UnsupportedError, match="no learning rate"):
        sm.find_learning_rate(rateless, *rows)
    broken = network()
    broken.layers[0].kernel.assign(np.full(broken.layers[0].kernel.shape, np.nan))
    with pytest.raises(NonFiniteLossError, match="first step") as error:
        sm.find_learning_rate(broken, *rows)
    assert (error.value.epoch, error.value.step) == (0, 0)


class Silent(keras.Sequential):
    """A training step that says nothing of its loss."""

    def train_step(self, state: Any, data: Any) -> Any:
        _, state = super().train_step(state, data)
        return {}, state


def test_a_train_step_without_a_loss_is_refused(rows: Rows) -> None:
    model = Silent([keras.Input((6,)), LAYERS.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(UnsupportedError, match="gives no loss"):
        sm.find_learning_rate(model, *rows)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_smoothing_is_a_weighted_mean(losses: list[float]) -> None:
    smoothed = smooth(np.array(losses))
    for i, value in enumerate(smoothed):
        weights = MEMORY ** np.arange(i, -1, -1.0)
        assert value == pytest.approx(np.average(losses[: i + 1], weights=weights), rel=1e-6, abs=1e-6)


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=40))
def test_the_longest_fall_is_that_of_trying_all(values: list[int]) -> None:
    longest = [1] * len(values)
    for i in range(len(values)):
        longest[i] += max((longest[j] for j in range(i) if values[j] > values[i]), default=0)
    assert longest_fall(np.array(values, float)) == (longest.index(max(longest)), max(longest))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=80), st.sampled_from([None, math.nan, math.inf]))
def test_any_course_of_losses_is_read(losses: list[float], last: float | None) -> None:
    values = np.array([*losses, *([] if last is None else [last])])
    fall = fall_of(values, smooth(values))
    if isinstance(fall, str):
        assert fall
    else:
        assert 0 <= fall.begins <= fall.suggested <= fall.rises < len(values)
