"""Label smoothing: equal to Keras's, with the compiled loss's reduction, dtype and weight; refused where it cannot be."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import sonmat as sm
from sonmat.errors import DataError, UnsupportedError

ROWS = 100
Rows = tuple[np.ndarray, np.ndarray]


@pytest.fixture
def pictures() -> Rows:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, ROWS).astype(np.int32)
    x = 0.3 * rng.random((ROWS, 6, 6)).astype(np.float32)
    x[np.arange(ROWS), labels] += 1
    return x, labels


def network(
    *, optimizer: Any = None, loss: Any = "sparse_categorical_crossentropy", weights: Any = None
) -> keras.Model:
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((6, 6)), keras.layers.Flatten(), keras.layers.Dense(4, "softmax")])
    optimizer = optimizer or keras.optimizers.SGD(0.1, momentum=0.9)
    model.compile(optimizer=optimizer, loss=loss, loss_weights=weights, metrics=["accuracy"])
    return model


# Equal to Keras's


@pytest.mark.parametrize("logits", [False, True])
@pytest.mark.parametrize("sparse", [True, False])
def test_label_smoothing_is_that_of_keras(pictures, logits, sparse):
    x, y = pictures
    dense = keras.utils.to_categorical(y, 4)
    losses = keras.losses
    kind = losses.SparseCategoricalCrossentropy if sparse else losses.CategoricalCrossentropy
    model = network(loss=kind(from_logits=logits))
    reference = network(loss=losses.CategoricalCrossentropy(from_logits=logits, label_smoothing=0.2))
    ours = sm.fit(model, x, y if sparse else dense, epochs=2, label_smoothing=0.2, seed=5, shuffle=False, verbose=0)
    theirs = reference.fit(x, dense, epochs=2, shuffle=False, verbose=0)
    np.testing.assert_allclose(ours.history["loss"], theirs.history["loss"], rtol=1e-4)
    for a, b in zip(model.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize(
    ("settings", "weights"),
    [({"reduction": "sum"}, None), ({"reduction": "mean_with_sample_weight"}, None), ({}, 0.25), ({}, [3.0]),
     ({"reduction": "sum"}, 0.5), ({"dtype": "bfloat16"}, None)],
)  # fmt: skip
def test_smoothing_keeps_the_reduction_dtype_and_weight_of_the_loss(pictures, settings, weights, sparse):
    x, y = pictures
    dense, counted = keras.utils.to_categorical(y, 4), np.linspace(0.1, 3, ROWS).astype(np.float32)
    kind = keras.losses.SparseCategoricalCrossentropy if sparse else keras.losses.CategoricalCrossentropy
    losses = kind(**settings), keras.losses.CategoricalCrossentropy(label_smoothing=0.2, **settings)
    models = []
    for loss in losses:
        models.append(network(optimizer=keras.optimizers.SGD(0.01), loss=loss, weights=weights))
    told = {"epochs": 2, "batch_size": 32, "shuffle": False, "verbose": 0, "sample_weight": counted}
    ours = sm.fit(models[0], x, y if sparse else dense, label_smoothing=0.2, **told)
    theirs = models[1].fit(x, dense, **told)
    np.testing.assert_allclose(ours.history["loss"], theirs.history["loss"], rtol=1e-4)
    for a, b in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)


def test_smoothing_of_a_sequence_is_that_of_keras():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(24, 1, 3)).astype(np.float32), rng.integers(0, 4, (24, 1))
    models = []
    for loss in ("sparse_categorical_crossentropy", keras.losses.CategoricalCrossentropy(label_smoothing=0.2)):
        keras.utils.set_random_seed(3)
        models.append(keras.Sequential([keras.Input((1, 3)), keras.layers.Dense(4, "softmax")]))
        models[-1].compile(keras.optimizers.SGD(0.1), loss)
    sm.fit(models[0], x, y, label_smoothing=0.2, epochs=2, shuffle=False, verbose=0)
    models[1].fit(x, np.eye(4)[y], epochs=2, shuffle=False, verbose=0)
    for a, b in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)


def test_smoothing_leaves_the_validation_loss_and_the_compiled_loss_alone(pictures):
    model = network()
    history = sm.fit(model, *pictures, label_smoothing=0.3, validation_data=pictures, epochs=2, verbose=0).history
    assert history["val_loss"][-1] == pytest.approx(model.evaluate(*pictures, verbose=0)[0], rel=1e-4)
    assert history["loss"][-1] > history["val_loss"][-1] + 0.1  # the smoothed loss cannot fall below its entropy
    assert model.loss == "sparse_categorical_crossentropy"
    assert isinstance(model._compile_loss._flat_losses[0].loss, keras.losses.Loss)  # not what stands for it in a step


# What cannot be


def own_loss(name: str) -> Any:
    def loss(y: Any, outputs: Any) -> Any:
        return keras.ops.mean(outputs, -1)

    loss.__name__ = name
    return loss


class CategoricalCrossentropy(keras.losses.CategoricalCrossentropy):
    """A user's own, which may do anything."""

    def call(self, y: Any, outputs: Any) -> Any:
        return 2 * super().call(y, outputs)


@pytest.mark.parametrize(
    "loss",
    [
        "mse",
        keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        keras.losses.CategoricalCrossentropy(axis=1),
        keras.losses.SparseCategoricalCrossentropy(ignore_class=0),
        own_loss("sparse_categorical_crossentropy"),
        own_loss("categorical_crossentropy"),
        CategoricalCrossentropy(),
        ["categorical_crossentropy"],
    ],
)
def test_smoothing_needs_a_plain_cross_entropy_of_keras(pictures, loss):
    model = network(loss=loss)
    before = model.get_weights()
    for y in (pictures[1], keras.utils.to_categorical(pictures[1], 4)):
        with pytest.raises(UnsupportedError, match="label_smoothing needs"):
            sm.fit(model, pictures[0], y, label_smoothing=0.1, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_smoothing_a_training_step_that_has_a_loss_of_its_own_is_refused(pictures):
    class Own(keras.Sequential):
        def compute_loss_and_updates(
            self, trainable: Any, rest: Any, metrics: Any, x: Any, y: Any, *args: Any, **kw: Any
        ):
            outputs, rest = self.stateless_call(trainable, rest, x)
            loss = keras.ops.mean(keras.losses.sparse_categorical_crossentropy(y, outputs))
            return loss, (loss, outputs, rest, metrics)

    model = Own(network().layers)
    model.compile("sgd", "sparse_categorical_crossentropy")
    sm.fit(model, *pictures, verbose=0)
    before = model.get_weights()
    with pytest.raises(UnsupportedError, match="train_step"):
        sm.fit(model, *pictures, label_smoothing=0.1, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_smoothing_several_outputs_is_refused(pictures):
    x, y = pictures
    inputs = keras.Input((6, 6))
    flat = keras.layers.Flatten()(inputs)
    model = keras.Model(inputs, [keras.layers.Dense(4, "softmax", name=name)(flat) for name in "ab"])
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(UnsupportedError, match="one output"):
        sm.fit(model, x, [y, y], label_smoothing=0.1, verbose=0)
    sm.fit(model, x, [y, y], verbose=0)


@pytest.mark.parametrize("loss", ["mse", "binary_crossentropy", keras.losses.Huber()])
def test_class_numbers_for_a_loss_that_compares_outputs_are_refused(pictures, loss):
    x, y = pictures
    for labels in (y, y[:, None]):
        with pytest.raises(DataError, match=r"compares y with all 4 outputs.*class numbers"):
            sm.fit(network(loss=loss), x, labels, verbose=0)
        with pytest.raises(DataError, match="compares y"):
            sm.evaluate(network(loss=loss), x, labels)
    sm.fit(network(loss=loss), x, keras.utils.to_categorical(y, 4), verbose=0)
    sm.fit(network(loss=own_loss("mean_squared_error")), x, y, verbose=0)  # a user's own may take what it likes


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "categorical_crossentropy"])
def test_a_softmax_over_one_class_is_refused(pictures, loss):
    model = keras.Sequential([keras.Input((6, 6)), keras.layers.Flatten(), keras.layers.Dense(1, "softmax")])
    model.compile("sgd", loss)
    with pytest.raises(DataError, match="2 outputs or more"):
        sm.fit(model, pictures[0], np.zeros((ROWS, 1)), verbose=0)
    model.compile("sgd", "binary_crossentropy")
    sm.fit(model, pictures[0], np.zeros((ROWS, 1)), verbose=0)
