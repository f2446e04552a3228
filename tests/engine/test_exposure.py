"""Outlier exposure: rows of no class are learned to be of all classes alike, and no metric counts them."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import sonmat as sm
from sonmat.engine.exposure import NONE
from sonmat.errors import DataError, UnsupportedError

K = 3


def network(metrics: tuple[str, ...] = ("accuracy",)) -> keras.Model:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(K, "softmax")])
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=list(metrics))
    return model


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    y = random.integers(0, K, 60)
    return (
        3 * np.eye(4, dtype=np.float32)[y] + random.normal(0, 0.1, (60, 4)).astype(np.float32),
        y,
        np.full((20, 4), -2.0, np.float32),
    )


def test_a_step_is_keras_on_targets_shared_out(rows: tuple[np.ndarray, np.ndarray, np.ndarray]):
    x, y, strange = rows
    ours, theirs = network(), network()
    sm.fit(ours, x, y, outliers=strange, batch_size=80, epochs=3, shuffle=False, label_smoothing=0.1, verbose=0)
    targets = np.concatenate([np.eye(K)[y] * 0.9 + 0.1 / K, np.full((20, K), 1 / K)])
    theirs.compile(keras.optimizers.SGD(0.1), "categorical_crossentropy")
    theirs.fit(np.concatenate([x, strange]), targets, batch_size=80, epochs=3, shuffle=False, verbose=0)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_metrics_leave_them_out(rows: tuple[np.ndarray, np.ndarray, np.ndarray]):
    x, y, strange = rows
    model = network()
    history = sm.fit(model, x, y, outliers=strange, batch_size=16, epochs=60, verbose=0)
    assert history.history["accuracy"][-1] == 1.0
    said = sm.predict(model, np.concatenate([x, strange]))
    assert (said[:60].argmax(1) == y).all()
    assert said[:60].max(1).mean() > 0.9
    np.testing.assert_allclose(said[60:], 1 / K, atol=0.1)
    assert not hasattr(model.compute_metrics, "__wrapped__")
    assert "compute_metrics" not in model.__dict__


def test_it_is_deterministic(rows: tuple[np.ndarray, np.ndarray, np.ndarray]):
    x, y, strange = rows
    one, two = network(), network()
    for model in (one, two):
        sm.fit(model, x, y, outliers=strange, batch_size=16, epochs=2, seed=3, verbose=0)
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_cannot_be_exposed(rows: tuple[np.ndarray, np.ndarray, np.ndarray]):
    x, y, strange = rows
    with pytest.raises(DataError, match="shape"):
        sm.fit(network(), x, y, outliers=strange[:, :3], verbose=0)
    with pytest.raises(UnsupportedError, match="weights"):
        sm.fit(network(), x, y, sample_weight=np.ones(60), outliers=strange, verbose=0)
    model = network()
    model.compile("sgd", "categorical_crossentropy")
    with pytest.raises(UnsupportedError):
        sm.fit(model, x, np.eye(K)[y], outliers=strange, verbose=0)
    with pytest.raises(DataError):
        sm.fit(network(), x, np.where(y == 0, NONE, y), verbose=0)  # without outliers it is a mistake
