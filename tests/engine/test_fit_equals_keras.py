"""`fit` against Keras's own `fit(shuffle=False)`, from the same initial weights: weights and histories."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from sonmat.engine.fit import fit

L = keras.layers
ROWS = 662  # 20 batches of 32 and one of 22


def data(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, ROWS)
    x = rng.normal(0, 0.4, (ROWS, 8, 8)) + rng.normal(0, 1, (4, 8, 8))[y]
    return x.astype("float32"), y


def mlp(**options: Any) -> keras.Model:
    return keras.Sequential(
        [keras.Input((8, 8)), L.Flatten(), L.Dense(16, activation="relu", **options), L.Dense(4, activation="softmax")]
    )


def cnn() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((8, 8)),
            L.Reshape((8, 8, 1)),
            L.Conv2D(4, 3, activation="relu"),
            L.MaxPooling2D(),
            L.Flatten(),
            L.Dense(4, activation="softmax"),
        ]
    )


def batch_norm() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((8, 8)),
            L.Flatten(),
            L.Dense(16, use_bias=False),
            L.BatchNormalization(),
            L.ReLU(),
            L.Dense(4, activation="softmax"),
        ]
    )


def two_inputs() -> keras.Model:
    left, right = keras.Input((8, 4), name="left"), keras.Input((8, 4), name="right")
    a = L.Dense(8, activation="relu")(L.Flatten()(left))
    b = L.Dense(8, activation="tanh")(L.Flatten()(right))
    return keras.Model({"left": left, "right": right}, L.Dense(4, activation="softmax")(L.Concatenate()([a, b])))


def inputs_for(model: keras.Model, x: np.ndarray) -> Any:
    return {"left": x[:, :, :4], "right": x[:, :, 4:]} if len(model.inputs) == 2 else x


def twins(make: Callable[[], keras.Model], optimizer: Callable[[], Any], **compiling: Any) -> list[keras.Model]:
    """Two models with the same weights, compiled apart."""
    keras.utils.set_random_seed(7)
    models = [make(), make()]
    models[1].set_weights(models[0].get_weights())
    for model in models:
        model.compile(optimizer(), **{"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], **compiling})
    return models


def same(models: list[keras.Model], histories: list[Any], tolerance: float = 1e-5) -> None:
    theirs, ours = (history.history for history in histories)
    assert theirs.keys() == ours.keys()
    for name in theirs:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-4, atol=tolerance, err_msg=name)
    for variable, other in zip(models[0].weights, models[1].weights, strict=True):
        if variable.dtype != "uint32":
            np.testing.assert_allclose(other.value, variable.value, rtol=0, atol=tolerance, err_msg=variable.path)


def both(models: list[keras.Model], x: Any, y: Any, **options: Any) -> list[Any]:
    shared = {"epochs": 2, "batch_size": 32, "shuffle": False, "verbose": 0, **options}
    return [models[0].fit(x, y, **shared), fit(models[1], x, y, **shared)]


OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.05),
    "momentum": lambda: keras.optimizers.SGD(0.02, momentum=0.9, nesterov=True),
    "adam": lambda: keras.optimizers.Adam(0.002),
    "adamw": lambda: keras.optimizers.AdamW(0.002, weight_decay=0.01),
    "rmsprop": lambda: keras.optimizers.RMSprop(0.001),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("make", [mlp, cnn, batch_norm, two_inputs])
def test_weights_and_history_after_two_epochs(make: Callable[[], keras.Model], optimizer: str) -> None:
    x, y = data()
    models = twins(make, OPTIMIZERS[optimizer])
    start = [w.copy() for w in models[0].get_weights()]
    x = inputs_for(models[0], x)
    held = (inputs_for(models[0], data(1)[0]), data(1)[1])
    same(models, both(models, x, y, validation_data=held))
    assert any(np.abs(a - b).max() > 1e-3 for a, b in zip(start, models[1].get_weights(), strict=True))


@pytest.mark.parametrize(
    "options",
    [
        {"use_ema": True, "ema_momentum": 0.9},
        {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 5},
        {"clipnorm": 0.1},
        {"global_clipnorm": 0.1},
        {"clipvalue": 0.01},
        {"weight_decay": 0.01},
        {"gradient_accumulation_steps": 4},
    ],
    ids=lambda options: "-".join(options),
)
def test_what_every_optimizer_can_do(options: dict[str, Any]) -> None:
    x, y = data()
    models = twins(mlp, lambda: keras.optimizers.Adam(0.003, **options))
    same(models, both(models, x, y))


@pytest.mark.parametrize(
    "name", ["Adagrad", "Adadelta", "Adamax", "Nadam", "Ftrl", "Lion", "Lamb", "Adafactor", "Muon"]
)
def test_the_other_optimizers(name: str) -> None:
    x, y = data()
    models = twins(mlp, lambda: getattr(keras.optimizers, name)(0.001))
    same(models, both(models, x, y))


def test_learning_rate_schedule() -> None:
    x, y = data()
    models = twins(mlp, lambda: keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.7)))
    same(models, both(models, x, y))
    assert float(models[1].optimizer.learning_rate) == pytest.approx(0.1 * 0.7**4.2, rel=1e-4)


def test_class_weight() -> None:
    x, y = data()
    models = twins(mlp, OPTIMIZERS["sgd"], weighted_metrics=["accuracy"])
    same(models, both(models, x, y, class_weight={0: 3.0, 1: 0.5, 3: 2.0}))


def test_sample_weight() -> None:
    x, y = data()
    weight = np.random.default_rng(3).random(ROWS)
    models = twins(mlp, OPTIMIZERS["adam"], weighted_metrics=["accuracy"])
    same(models, both(models, x, y, sample_weight=weight, validation_data=(*data(1), weight)))


def test_regularizers() -> None:
    x, y = data()
    models = twins(
        lambda: mlp(kernel_regularizer="l2", bias_regularizer="l1", activity_regularizer=keras.regularizers.L2(1e-3)),
        OPTIMIZERS["sgd"],
    )
    same(models, both(models, x, y, validation_data=data(1)))


def test_constraints() -> None:
    x, y = data()
    models = twins(lambda: mlp(kernel_constraint=keras.constraints.MaxNorm(0.5)), OPTIMIZERS["sgd"])
    same(models, both(models, x, y))


def test_dropout_with_a_seed_of_its_own() -> None:
    def make() -> keras.Model:
        return keras.Sequential(
            [keras.Input((8, 8)), L.Flatten(), L.Dropout(0.5, seed=11), L.Dense(4, activation="softmax")]
        )

    x, y = data()
    models = twins(make, OPTIMIZERS["sgd"])
    same(models, both(models, x, y))


def test_validation_split_frequency_and_first_epoch() -> None:
    x, y = data()
    models = twins(mlp, OPTIMIZERS["sgd"])
    histories = both(models, x, y, epochs=7, initial_epoch=2, validation_split=0.25, validation_freq=2)
    same(models, histories)
    assert histories[1].epoch == [2, 3, 4, 5, 6]
    assert len(histories[1].history["val_loss"]) == 2


def test_validation_frequency_as_a_list_and_explicit_batches() -> None:
    x, y = data()
    models = twins(mlp, OPTIMIZERS["sgd"])
    same(
        models, both(models, x, y, epochs=3, validation_data=data(1), validation_freq=[1, 3], validation_batch_size=50)
    )


def test_validation_steps() -> None:
    x, y = data()
    models = twins(mlp, OPTIMIZERS["sgd"])
    same(models, both(models, x, y, validation_data=data(1), validation_steps=3))


@pytest.mark.parametrize("steps", [7, 10, 21])
@pytest.mark.filterwarnings("ignore:.*steps_per_epoch", "ignore:.*ran out of data")
def test_steps_per_epoch(steps: int) -> None:
    x, y = data()
    models = twins(mlp, OPTIMIZERS["sgd"])
    same(models, both(models, x, y, epochs=5, steps_per_epoch=steps))


def test_fewer_rows_than_a_batch() -> None:
    x, y = data()
    models = twins(mlp, OPTIMIZERS["sgd"])
    same(models, both(models, x[:20], y[:20]))


def test_one_hot_targets_and_metrics_with_state() -> None:
    x, y = data()
    models = twins(
        mlp,
        OPTIMIZERS["adam"],
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        metrics=[
            "accuracy",
            keras.metrics.AUC(num_thresholds=50),
            keras.metrics.Precision(),
            keras.metrics.TopKCategoricalAccuracy(2),
        ],
    )
    hot = np.eye(4, dtype="float32")
    same(models, both(models, x, hot[y], validation_data=(data(1)[0], hot[data(1)[1]])), 1e-4)


def test_a_metric_that_gives_several_values() -> None:
    x, y = data()
    models = twins(mlp, OPTIMIZERS["adam"], loss="categorical_crossentropy", metrics=[keras.metrics.F1Score()])
    histories = both(models, x, np.eye(4, dtype="float32")[y])
    same(models, histories)
    assert np.shape(histories[1].history["f1_score"][0]) == (4,)


def test_two_outputs_with_weights_of_their_own() -> None:
    def make() -> keras.Model:
        entry = keras.Input((8, 8))
        h = L.Dense(8, activation="relu")(L.Flatten()(entry))
        return keras.Model(
            entry, {"kind": L.Dense(4, activation="softmax", name="kind")(h), "size": L.Dense(1, name="size")(h)}
        )

    x, y = data()
    models = twins(
        make,
        OPTIMIZERS["sgd"],
        loss={"kind": "sparse_categorical_crossentropy", "size": "mse"},
        loss_weights={"kind": 1.0, "size": 0.3},
        metrics={"kind": ["accuracy"], "size": ["mae"]},
    )
    same(models, both(models, x, {"kind": y, "size": x.mean((1, 2))}))


def test_frozen_layers_stay_and_a_second_fit_goes_on() -> None:
    x, y = data()
    models = twins(mlp, OPTIMIZERS["adam"])
    both(models, x, y)
    for model in models:
        model.layers[1].trainable = False
        model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    frozen = models[1].layers[1].get_weights()[0].copy()
    same(models, both(models, x, y))
    same(models, both(models, x, y))
    np.testing.assert_array_equal(frozen, models[1].layers[1].get_weights()[0])


def test_a_train_step_of_the_users_own() -> None:
    class Doubled(keras.Model):
        def train_step(self, state: Any, data: Any) -> Any:
            _, state = super().train_step(state, data)
            logs, state = super().train_step(state, data)
            return {"loss": logs["loss"], "twice": logs["accuracy"]}, state

    def make() -> keras.Model:
        entry = keras.Input((8, 8))
        return Doubled(entry, L.Dense(4, activation="softmax")(L.Flatten()(entry)))

    x, y = data()
    models = twins(make, OPTIMIZERS["sgd"])
    histories = both(models, x, y)
    same(models, histories)
    assert set(histories[1].history) == {"loss", "twice"}


def test_a_model_that_is_not_built_yet() -> None:
    def make() -> keras.Model:
        return keras.Sequential([L.Flatten(), L.Dense(4, activation="softmax", kernel_initializer="zeros")])

    x, y = data()
    models = [make(), make()]
    for model in models:
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    same(models, both(models, x, y))


def test_shuffling_is_keras_on_rows_in_that_order() -> None:
    """With shuffling, an epoch is Keras's epoch over the permuted rows."""
    from sonmat.engine.program import shuffled

    x, y = data()
    models = twins(mlp, OPTIMIZERS["sgd"])
    for epoch in range(2):
        order = np.asarray(shuffled(np.arange(ROWS), 5, epoch))
        assert sorted(order) == list(range(ROWS))
        assert list(order) != list(range(ROWS))
        models[0].fit(
            x[order], y[order], batch_size=32, initial_epoch=epoch, epochs=epoch + 1, shuffle=False, verbose=0
        )
    fit(models[1], x, y, batch_size=32, epochs=2, seed=5, verbose=0)
    for a, b in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_allclose(b, a, rtol=0, atol=1e-5)
