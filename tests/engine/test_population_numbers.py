"""What a population computes, compiled, against NumPy and against Keras without a compiler."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import sonmat as sm
from sonmat.engine.blueprint import as_device
from sonmat.engine.fit_many import defaults_of, prepare_many
from sonmat.engine.population_program import MAPPED, VMAPPED

L = keras.layers
STEPS = 3


@pytest.fixture(scope="module", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SONMAT_HOME", str(tmp_path_factory.mktemp("home")))
        yield


def build(inputs: int, hidden: int, outputs: int, momentum: float = 0.5) -> keras.Model:
    """A network with one hidden layer; one output is a number, several are classes."""
    last = L.Dense(outputs, activation="softmax" if outputs > 1 else None)
    layers = [L.Dense(hidden, activation="tanh"), last] if hidden else [last]
    model = keras.Sequential([keras.Input((inputs,)), *layers])
    loss = "categorical_crossentropy" if outputs > 1 else "mse"
    model.compile(keras.optimizers.SGD(0.1, momentum=momentum), loss)
    return model


def by_numpy(
    weights: list[np.ndarray], x: np.ndarray, y: np.ndarray, rows: int, rate: float, momentum: float
) -> tuple[list[np.ndarray], float]:
    """An epoch of the same network in 64 bits: its weights, and the mean loss."""
    weights = [w.astype(np.float64) for w in weights]
    speeds = [np.zeros_like(w) for w in weights]
    losses = []
    for start in range(0, len(x), rows):
        inputs, targets = x[start : start + rows].astype(np.float64), y[start : start + rows].astype(np.float64)
        layers = [inputs]
        if len(weights) == 4:
            layers.append(np.tanh(inputs @ weights[0] + weights[1]))
        out = layers[-1] @ weights[-2] + weights[-1]
        if targets.shape[1] == 1:
            losses.append(((out - targets) ** 2).mean())
            slope = 2 * (out - targets) / len(inputs)
        else:
            shares = np.exp(out - out.max(1, keepdims=True))
            shares /= shares.sum(1, keepdims=True)
            losses.append(-(targets * np.log(shares)).sum(1).mean())
            slope = (shares - targets) / len(inputs)
        gradients = [layers[-1].T @ slope, slope.sum(0)]
        if len(weights) == 4:
            slope = slope @ weights[2].T * (1 - layers[1] ** 2)
            gradients = [inputs.T @ slope, slope.sum(0), *gradients]
        speeds = [momentum * v - rate * g for v, g in zip(speeds, gradients, strict=True)]
        weights = [w + v for w, v in zip(weights, speeds, strict=True)]
    return weights, float(np.mean(losses))


SHAPES = [
    (1, 1, 0, 1),  # rows, inputs, hidden units (0: none), outputs
    (1, 9, 5, 1),
    (7, 33, 0, 1),
    (16, 100, 16, 1),  # kernels turned over
    (40, 130, 1, 1),  # kernels side by side, of one column each
    (40, 96, 20, 10),
]
MORE = [(1, 100, 10, 3), (33, 64, 21, 1), (64, 784, 32, 10), (5, 784, 1, 1), (128, 17, 300, 1), (3, 300, 100, 2)]
MODES = [(shape, VMAPPED) for shape in SHAPES] + [((16, 100, 16, 1), MAPPED)]
SLOW = [(shape, mode) for shape in MORE for mode in (VMAPPED, MAPPED)]


@pytest.mark.parametrize(
    ("shape", "mode"), [*MODES, *[pytest.param(*one, marks=pytest.mark.slow) for one in SLOW]]
)  # fmt: skip
def test_steps_are_those_of_numpy(shape, mode):
    rows, inputs, hidden, outputs = shape
    rng = np.random.default_rng(5)
    x = rng.normal(size=(STEPS * rows, inputs)).astype("float32")
    y = rng.normal(size=(len(x), 1)) if outputs == 1 else np.eye(outputs)[rng.integers(0, outputs, len(x))]
    y = y.astype("float32")
    own = [(0.01, 0.5), (0.05, 0.9), (0.002, 0.5)]
    settings = [
        {"inputs": inputs, "hidden": hidden, "outputs": outputs, "learning_rate": rate, "momentum": momentum}
        for rate, momentum in own
    ]
    given = defaults_of(epochs=1, batch_size=rows)
    many = prepare_many(build, settings, (x, y), given, validation_data=(x, y), shuffle=False)
    (group,) = many.groups
    group.mode = mode
    found = {}
    for one, chunk in many.chunks():
        found |= many.train(one, chunk)[0]
    for place, (rate, momentum) in enumerate(own):
        first = many.blueprints.first(many.settings[place])[0]
        weights, loss = by_numpy(first, x, y, rows, rate, momentum)
        assert found[place].columns["loss"][0] == pytest.approx(loss, rel=1e-4)
        for ours, theirs, before in zip(found[place].state[0], weights, first, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-5)
            assert np.abs(theirs - before).max() > 1e-5  # a step that does nothing would not be seen otherwise
        seen = by_numpy(found[place].state[0], x, y, len(x), 0.0, 0.0)[1]
        assert found[place].columns["val_loss"][0] == pytest.approx(seen, rel=1e-4)


def network(rate: float = 0.05, decay: float = 0.5) -> keras.Model:
    layers = [L.Reshape((9, 9, 1)), L.Conv2D(3, 3, activation="relu"), L.MaxPooling2D(), L.Flatten()]
    layers += [L.BatchNormalization(momentum=decay), L.Dense(4, activation="tanh"), L.Dense(1)]
    model = keras.Sequential([keras.Input((81,)), *layers])
    model.compile(keras.optimizers.Adam(rate, beta_1=decay), "mse", metrics=["mae"])
    return model


@pytest.mark.parametrize("mode", [VMAPPED, pytest.param(MAPPED, marks=pytest.mark.slow)])
def test_steps_are_those_of_keras_without_a_compiler(mode):
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(16, 81)).astype("float32"), rng.normal(size=(16, 1)).astype("float32")
    settings = [{"rate": 0.05}, {"rate": 0.01, "decay": 0.8}]
    many = prepare_many(network, settings, (x, y), defaults_of(epochs=1, batch_size=8), shuffle=False)
    (group,) = many.groups
    group.mode = mode
    ((one, chunk),) = many.chunks()
    found, _ = many.train(one, chunk)
    for place, member in enumerate(many.settings):
        model = many.blueprints.model(member)
        state: Any = as_device(many.blueprints.first(member))
        with jax.disable_jit():
            for start in range(0, 16, 8):
                logs, state = model.train_step(state, (x[start : start + 8], y[start : start + 8], None))
        for name, value in logs.items():
            assert found[place].columns[name][0] == pytest.approx(float(value), rel=1e-4)
        for ours, theirs in zip(
            jax.tree.leaves(found[place].state), jax.tree.leaves(list(map(list, state))), strict=True
        ):
            np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


# Where it would come from: reductions of matrices with vectors, of several members at once

REDUCTIONS = {
    "rows times kernel": lambda x, w, b: x @ w + b,
    "their sum": lambda x, w, b: (x @ w + b).sum(0),
    "their squares' mean": lambda x, w, b: ((x @ w + b) ** 2).mean(),
    "the gradient": jax.grad(lambda x, w, b: (jnp.tanh(x @ w + b) ** 2).mean(), (1, 2)),
    "transposed": lambda x, w, b: (x @ w).T @ x,
}


FEW = [(1, 1, 1), (1, 20, 1), (20, 784, 1), (32, 20, 10)]
MANY = [(rows, inputs, units) for rows in (1, 8, 129) for inputs in (1, 17, 300) for units in (1, 33)]


@pytest.mark.parametrize("shapes", [FEW, pytest.param(MANY, marks=pytest.mark.slow)], ids=["few", "many"])
@pytest.mark.parametrize("kind", REDUCTIONS)
def test_compiled_reductions_of_several_members_are_those_of_each(kind, shapes):
    function = REDUCTIONS[kind]
    for shape in shapes:
        rows, inputs, units = shape
        rng = np.random.default_rng(rows + inputs)
        x = rng.normal(size=(rows, inputs)).astype("float32")
        w, b = rng.normal(size=(3, inputs, units)).astype("float32"), rng.normal(size=(3, units)).astype("float32")
        with jax.disable_jit():
            expected = [function(jnp.asarray(x), jnp.asarray(w[i]), jnp.asarray(b[i])) for i in range(3)]
        at_once = jax.vmap(function, (None, 0, 0))
        found = jax.jit(lambda x, w, b, f=at_once: (f(x, w, b), jax.lax.map(lambda own: function(x, *own), (w, b))))(
            x, w, b
        )
        for i, each in enumerate(expected):
            for theirs, *ours in zip(jax.tree.leaves(each), *map(jax.tree.leaves, found), strict=True):
                for one in ours:
                    tolerance = 1e-4 * (1 + float(np.abs(theirs).max()))
                    np.testing.assert_allclose(one[i], theirs, rtol=1e-4, atol=tolerance, err_msg=str(shape))


def test_the_fusion_that_gave_wrong_reductions_is_switched_off():
    version = tuple(int(part) for part in importlib.metadata.version("jaxlib").split(".")[:3])
    switch = "--xla_cpu_experimental_ynn_fusion_type="
    assert (switch in os.environ.get("XLA_FLAGS", "")) == (version >= (0, 10, 2))
    code = "import sonmat, os; sonmat.fit_many; print(os.environ.get('XLA_FLAGS', ''))"
    plain = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=plain, check=True).stdout
    assert (switch in found.split()) == (version >= (0, 10, 2))  # and nothing is fused: the value is empty
    assert sm.fit_many is not None
