"""The examination: its numbers against Keras's and against sums by hand, and that it changes nothing."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest

from sonmat.engine.evidence import Evidence, Failure
from sonmat.engine.examination import Extent, examine
from sonmat.engine.examples import gather
from sonmat.engine.part_evidence import class_numbers, probabilities

RANDOM = np.random.default_rng(0)
X = RANDOM.uniform(0, 1, (400, 6, 6)).astype(np.float32)
Y = (X[:, 0, 0] > 0.5).astype(np.int64) + 2 * (X[:, 1, 1] > 0.5)


def network(*layers: keras.Layer, loss: object = "sparse_categorical_crossentropy") -> keras.Model:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6, 6)), *layers])
    model.compile("sgd", loss, metrics=["accuracy"] if isinstance(loss, str) and "categorical" in loss else None)
    return model


def plain(**settings: object) -> keras.Model:
    return network(
        keras.layers.Flatten(),
        keras.layers.Dense(12, activation="relu", name="first", **settings),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(4, activation="softmax", name="last"),
    )


def test_the_numbers_are_keras_s():
    model = plain()
    found = examine(model, gather(X[:300], Y[:300]), gather(X[300:], Y[300:]))
    for part, (x, y) in ((found.train, (X[:300], Y[:300])), (found.validation, (X[300:], Y[300:]))):
        loss, accuracy = model.evaluate(x, y, verbose=0)
        assert part.loss == pytest.approx(loss, rel=1e-5)
        assert part.accuracy == pytest.approx(accuracy, abs=1e-6)
        assert (part.n, part.of) == (len(x), len(x))
        assert sum(part.counts) == sum(part.predicted) == len(x)
        rows = -np.log(model.predict(x, verbose=0)[np.arange(len(x)), y])
        assert part.loss_error == pytest.approx(rows.std(ddof=1) / np.sqrt(len(x)), rel=1e-4)
    assert found.leak.copies == 0
    assert found.unmeasured == ()


def test_nothing_changes():
    model = plain()
    before = [np.array(weight) for weight in model.get_weights()]
    names, layers = [layer.name for layer in model.layers], len(model.layers)
    examine(model, gather(X, Y))
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert (layers, names) == (len(model.layers), [layer.name for layer in model.layers])
    assert keras.models.model_from_json(model.to_json()).count_params() == model.count_params()


@pytest.mark.parametrize("convolution", [False, True])
def test_dead_units_are_those_that_give_nothing_for_any_row(convolution: bool):
    if convolution:
        model = network(
            keras.layers.Reshape((6, 6, 1)),
            keras.layers.Conv2D(5, 3, activation="relu", name="first"),
            keras.layers.Flatten(),
            keras.layers.Dense(4, activation="softmax"),
        )
    else:
        model = plain()
    layer = model.get_layer("first")
    bias = np.full(layer.bias.shape, 10.0)
    bias[[0, 3]] = -100.0
    layer.bias.assign(bias)
    found = examine(model, gather(X, Y)).layers
    assert found[0].rectified
    assert (found[0].dead, found[0].units) == (2, 5 if convolution else 12)
    assert found[1].dead is None  # softmax is no ReLU


def test_few_rows_are_spread_over_all():
    order = np.argsort(Y, kind="stable")
    found = examine(plain(), gather(X[order], Y[order]), extent=Extent(rows=40))
    assert (found.train.n, found.train.of) == (40, 400)
    assert all(found.train.counts)
    assert found.order.alike > 0.9
    assert found.counts == tuple(np.bincount(Y))


def test_frozen_and_unmoved_layers_are_seen():
    model = plain()
    model.get_layer("first").trainable = False
    model.get_layer("last").bias.assign(np.ones(4))
    first, last = examine(model).layers
    assert (first.trainable, first.unmoved, last.trainable, last.unmoved) == (False, True, True, False)
    assert first.growth == pytest.approx(1, abs=0.15)
    model.get_layer("first").kernel.assign(10 * model.get_layer("first").kernel)
    assert examine(model).layers[0].growth == pytest.approx(10 * first.growth)


@pytest.mark.parametrize(
    ("layers", "scale", "low", "high"),
    [
        ([], 1.0, 0, 255),
        ([], 255.0, 0, 1),
        ([keras.layers.Rescaling(1 / 255)], 255.0, 0, 1 / 255),
        ([keras.layers.Rescaling(2.0, offset=-1.0)], 255.0, -1, 1),
    ],
)
def test_what_the_first_layer_is_given(layers: list[keras.Layer], scale: float, low: float, high: float):
    from dataclasses import replace

    raw = np.zeros((50, 6, 6), np.uint8)
    raw[:, 0, 0] = 255
    model = network(*layers, keras.layers.Flatten(), keras.layers.Dense(4, activation="softmax"))
    seen = examine(model, replace(gather(raw, Y[:50]), scale=scale)).seen
    assert (seen.low, seen.high) == (pytest.approx(low), pytest.approx(high, rel=1e-5))


def test_a_normalization_is_indifferent_to_scale():
    model = network(
        keras.layers.Flatten(), keras.layers.BatchNormalization(), keras.layers.Dense(4, activation="softmax")
    )
    assert examine(model, gather(X, Y)).seen is None


def test_calibration_and_contradictions_by_hand():
    model = network(keras.layers.Flatten(), keras.layers.Dense(4, activation="softmax"))
    outputs = np.full((100, 4), 0.02, np.float32)
    outputs[:, 0] = 0.94
    outputs[:, 1] = 0.03
    labels = np.zeros(100, np.int64)
    labels[:30] = 2
    found = examine(model, None, gather(X[:100], labels), validation_outputs=outputs).validation
    assert found.confidence == pytest.approx(0.94)
    assert found.calibration_error == pytest.approx(0.94 - 0.7)
    assert (found.second, found.sure_wrong) == (pytest.approx(0), pytest.approx(0.6))
    assert found.contradicted == 30
    assert found.commonest == pytest.approx(0.7)
    assert found.confusion[2][0] == 30


def test_a_regression_is_measured_by_its_own_loss():
    model = network(keras.layers.Flatten(), keras.layers.Dense(1), loss="mse")
    found = examine(model, gather(X, X[:, 0, 0])).train
    assert found.loss == pytest.approx(model.evaluate(X, X[:, 0, 0], verbose=0), rel=1e-4)
    assert found.accuracy is None


def test_broken_weights_are_said():
    model = plain()
    model.get_layer("last").bias.assign(np.full(4, np.nan))
    found = examine(model, gather(X, Y), gather(X, Y))
    assert not found.finite
    assert found.train.loss is None
    assert Evidence.from_dict(json.loads(json.dumps(found.as_dict(), allow_nan=False))).train == found.train


def test_evidence_survives_json():
    from dataclasses import replace

    found = replace(examine(plain(), gather(X[:300], Y[:300]), gather(X[300:], Y[300:])), failure=Failure(2, 7))
    assert Evidence.from_dict(json.loads(json.dumps(found.as_dict(), allow_nan=False))) == found
    assert Evidence.from_dict(Evidence().as_dict()) == Evidence()


def test_a_model_written_as_a_class_is_measured_as_far_as_it_can_be():
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.flat = keras.layers.Flatten()
            self.inside = keras.layers.Dense(8, activation="relu")
            self.out = keras.layers.Dense(4, activation="softmax")

        def call(self, x: object) -> object:
            return self.out(self.inside(self.flat(x)))

    model = Own()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model(X[:1])
    found = examine(model, gather(X, Y))
    assert found.train.accuracy is not None
    assert "activations" in found.unmeasured


def test_outputs_become_probabilities():
    logits = np.array([[0.0, 1.0], [3.0, -2.0]], np.float32)
    np.testing.assert_allclose(probabilities(logits).sum(1), 1)
    np.testing.assert_allclose(probabilities(np.array([[0.2], [0.9]], np.float32)), [[0.8, 0.2], [0.1, 0.9]], rtol=1e-6)
    assert probabilities(np.array([[-3.0], [2.0]])) is None
    assert probabilities(np.array([[np.nan, 1.0]])) is None


def test_class_numbers():
    np.testing.assert_array_equal(class_numbers(np.eye(3)[[2, 0, 1]]), [2, 0, 1])
    np.testing.assert_array_equal(class_numbers(np.array([[1.0], [2.0]])), [1, 2])
    assert class_numbers(np.array([0.5, 1.0])) is None
    assert class_numbers(np.array([-1, 1])) is None
