"""A network as operations for NumPy gives what Keras gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

import sonmat as sm
from sonmat.serve.operations import OPERATIONS
from sonmat.serve.program import read_program
from sonmat.serve.tracing import EQUAL, in_float64, program_of

L = keras.layers


def sequential(*layers: keras.Layer, shape: tuple[int, ...] = (12, 12, 2)) -> keras.Model:
    return keras.Sequential([keras.Input(shape), *layers])


def residual() -> keras.Model:
    inputs = keras.Input((10, 10, 3))
    x = L.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    x = L.Add()([x, L.Conv2D(4, 1)(inputs)])
    x = L.Concatenate()([L.GlobalMaxPooling2D()(x), L.GlobalAveragePooling2D()(x)])
    return keras.Model(inputs, L.Dense(3, activation="softmax")(x))


def sentences() -> keras.Model:
    inputs = keras.Input((9,), dtype="int32")
    x = L.Embedding(20, 6)(inputs)
    both = [L.GlobalMaxPooling1D()(L.Conv1D(5, width, activation="relu")(x)) for width in (2, 3)]
    return keras.Model(inputs, L.Dense(4, activation="softmax")(L.Concatenate()(both)))


MODELS: dict[str, Callable[[], keras.Model]] = {
    "notes-mlp": lambda: sm.build("notes-mlp"),
    "notes-cnn": lambda: sm.build("notes-cnn"),
    "quick": lambda: sm.build("quick"),
    "strong": lambda: sm.build("strong", filters=[4, 8, 8]),
    "residual": residual,
    "sentences": sentences,
    "strides and dilation": lambda: sequential(
        L.Conv2D(4, 3, strides=2, padding="same"), L.Conv2D(3, 2, dilation_rate=2), L.Flatten(), L.Dense(2)
    ),
    "groups": lambda: sequential(
        L.DepthwiseConv2D(3, depth_multiplier=2), L.Conv2D(4, 2, groups=2), L.Flatten(), L.Dense(1, "sigmoid")
    ),
    "pooling": lambda: sequential(
        L.MaxPooling2D(3, strides=2, padding="same"), L.AveragePooling2D(2, padding="same"), L.Flatten()
    ),
    "activations": lambda: sequential(
        *(L.Dense(5, activation=name) for name in ("elu", "selu", "gelu", "swish", "tanh", "softplus", "leaky_relu")),
        *(L.Dense(5, activation=name) for name in ("hard_sigmoid", "relu6", "exponential", "softsign", "log_softmax")),
        shape=(6,),
    ),
    "normalizing": lambda: sequential(
        L.Rescaling(0.5, 1), L.LayerNormalization(), L.UnitNormalization(), L.Dropout(0.5), shape=(6, 16)
    ),
    "shapes": lambda: sequential(
        L.Permute((3, 1, 2)), L.Reshape((2, -1)), L.ZeroPadding1D(2), L.Cropping1D(1), L.UpSampling1D(2), L.Flatten()
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def built() -> dict[str, keras.Model]:
    return {name: make() for name, make in MODELS.items()}


def inputs_of(model: keras.Model, rows: int, seed: int = 1) -> np.ndarray:
    shape, random = (rows, *model.inputs[0].shape[1:]), np.random.default_rng(seed)
    if str(model.inputs[0].dtype).startswith("int"):
        return random.integers(0, 20, shape).astype(np.int32)
    return random.normal(0.3, 1, shape).astype(np.float32)


@pytest.mark.parametrize("name", MODELS)
def test_it_gives_what_keras_gives_for_any_number_of_rows(name: str, built: dict[str, keras.Model]):
    model = built[name]
    random = np.random.default_rng(2)
    model.set_weights(
        [w + random.uniform(0, 0.1, w.shape) for w in model.get_weights()]
    )  # normalizations do something, and logits grow to thousands
    program = program_of(model, {})
    assert program is not None
    x = inputs_of(model, 300)
    (exact,), narrow = in_float64(model, x), np.asarray(model(x))
    own = np.abs(narrow - exact).max()  # what float32 costs Keras: up to 3e-5 of a probability here
    for rows in (1, 7, 300):
        (came,) = program.run(x[:rows])
        np.testing.assert_allclose(came, exact[:rows], rtol=EQUAL, atol=EQUAL)
        np.testing.assert_allclose(came, narrow[:rows], rtol=EQUAL, atol=EQUAL + own)


@pytest.mark.parametrize("name", ["notes-cnn", "quick", "sentences"])
def test_probabilities_are_those_of_keras_in_float32(name: str):
    model = MODELS[name]()
    program = program_of(model, {})
    assert program is not None
    x = inputs_of(model, 20)
    np.testing.assert_allclose(program.run(x)[0], np.asarray(model(x)), rtol=0, atol=EQUAL)


def test_a_kept_program_is_the_same_to_the_bit(built: dict[str, keras.Model], tmp_path: Path):
    program = program_of(built["quick"], {"classes": ["영", "1"]})
    assert program is not None
    program.save(tmp_path / "p.npz")
    again = read_program(tmp_path / "p.npz")
    assert again is not None
    assert again.about == {"classes": ["영", "1"]}
    x = inputs_of(built["quick"], 3)
    np.testing.assert_array_equal(again.run(x)[0], program.run(x)[0])


def test_weights_are_worked_into_constants_once(built: dict[str, keras.Model]):
    program = program_of(built["quick"], {})
    assert program is not None
    known = set(program.constants)
    assert all(not set(one.inputs) <= known for one in program.operations)


def test_what_numpy_cannot_do_is_left_to_keras():
    assert program_of(sequential(L.LSTM(3), shape=(4, 2)), {}) is None
    assert program_of(sequential(L.Conv2D(2, 3), shape=(None, None, 1)), {}) is None


def test_a_program_that_gives_other_numbers_is_not_used(monkeypatch: pytest.MonkeyPatch):
    model = sm.build("notes-mlp")
    real = OPERATIONS["dot_general"]
    monkeypatch.setitem(OPERATIONS, "dot_general", lambda *given: real(*given) * 1.001)  # type: ignore[index]
    assert program_of(model, {}) is None


@pytest.mark.parametrize("broken", ["nothing", "cut", "text", "unknown operation", "not an archive"])
def test_a_file_that_is_no_program(broken: str, built: dict[str, keras.Model], tmp_path: Path):
    path = tmp_path / "p.npz"
    program = program_of(built["notes-mlp"], {})
    assert program is not None
    program.save(path)
    if broken == "nothing":
        path.unlink()
    elif broken == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif broken == "not an archive":
        path.write_bytes(b"hello")
    else:
        told = (
            "{"
            if broken == "text"
            else json.dumps({"operations": [["os.system", {}, [0], 1]], "results": [1], "about": {}})
        )
        np.savez(path, text=np.frombuffer(told.encode(), np.uint8))
    assert read_program(path) is None
