"""The step with turned kernels: which models get it, and that it is Keras's step (the rest is in test_fit_equals_keras)."""

from __future__ import annotations

from typing import Any

import jax
import keras
import numpy as np
import pytest

from sonmat.engine import checks
from sonmat.engine.examples import gather
from sonmat.engine.program import training_state
from sonmat.engine.turned import turned_for

pytestmark = pytest.mark.skipif(jax.default_backend() != "cpu", reason="kernels are turned on CPUs only")
L = keras.layers


def built(optimizer: Any = "sgd", units: int = 12, **dense: Any) -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((96,)),
            L.Dense(units, activation="relu", kernel_regularizer="l2", **dense),
            L.Dense(4, activation="softmax"),
        ]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    checks.build(model, gather(*rows()))
    return model


def rows() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(20, 96)).astype("float32"), rng.integers(0, 4, 20)


@pytest.mark.parametrize(
    "name", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Nadam", "Ftrl", "Lion"]
)
@pytest.mark.parametrize(
    "options", [{}, {"use_ema": True, "clipnorm": 0.5, "weight_decay": 0.01}], ids=["plain", "full"]
)
def test_a_step_is_keras_own(name: str, options: dict[str, Any]) -> None:
    model = built(getattr(keras.optimizers, name)(0.01, **options))
    turned = turned_for(model, 20)
    assert turned is not None
    assert (96, 12) in turned.shapes
    x, y = rows()
    state = training_state(model)
    _, theirs = model.train_step(state, (x, y, None))
    _, ours = turned.step(turned.turn(state), (x, y, None))
    for a, b in zip(jax.tree.leaves(theirs), jax.tree.leaves(turned.turn(ours)), strict=True):
        np.testing.assert_allclose(np.asarray(b, "float64"), np.asarray(a, "float64"), rtol=1e-5, atol=1e-6)


def test_shapes_are_as_they_were_after_tracing() -> None:
    model = built("adam")
    before = [tuple(v.shape) for v in [*model.trainable_variables, *model.optimizer.variables]]
    turned = turned_for(model, 20)
    assert turned is not None
    state = turned.turn(training_state(model))
    jax.make_jaxpr(lambda s: turned.step(s, (*rows(), None))[1])(state)
    with pytest.raises(RuntimeError), turned._shapes_turned(model.optimizer):
        raise RuntimeError("an error inside must not leave shapes turned either")
    assert [tuple(v.shape) for v in [*model.trainable_variables, *model.optimizer.variables]] == before


class _OwnStep(keras.Sequential):
    def train_step(self, state: Any, data: Any) -> Any:
        return super().train_step(state, data)


@pytest.mark.parametrize(
    "model",
    [
        lambda: built(keras.optimizers.Muon(0.01)),
        lambda: built(keras.optimizers.Adafactor(0.01)),
        lambda: built(units=48),  # wide layers do not gain
        lambda: built(kernel_constraint=keras.constraints.MaxNorm(1.0)),
    ],
    ids=["muon", "adafactor", "wide", "constraint"],
)
def test_what_is_left_to_keras(model: Any) -> None:
    found = turned_for(model(), 20)
    assert found is None or ((96, 12) not in found.shapes and (96, 48) not in found.shapes)


def test_a_step_of_the_users_own_and_large_batches_are_left_to_keras() -> None:
    model = _OwnStep([keras.Input((96,)), L.Dense(12), L.Dense(4)])
    model.compile("sgd", "mse")
    assert turned_for(model, 20) is None
    assert turned_for(built(), 128) is None
