"""A run as a plain Keras script: it makes the same network, and trains as well without sonmat."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sonmat.errors import UnsupportedError
from sonmat.runs.script import keras_script
from sonmat.runs.script_model import compile_code, model_code

L = keras.layers


def notes_network() -> keras.Model:
    dense = [L.Dense(20, activation="relu"), L.Dense(20, activation="relu"), L.Dense(10, activation="softmax")]
    model = keras.Sequential([keras.Input((28, 28)), L.Flatten(), *dense])
    model.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def settings(**changed: Any) -> dict[str, Any]:
    return {"dataset": "mnist", "split": 0.7, "seed": 0, "epochs": 3, "batch_size": 20, "scale": 255.0} | changed


def made(code: str) -> keras.Model:
    names: dict[str, Any] = {"keras": keras, "layers": keras.layers}
    exec(code, names)
    return names["model"]


def bare(value: Any) -> Any:
    """A configuration without names that Keras counts."""
    if isinstance(value, dict):
        return {k: bare(v) for k, v in value.items() if k not in ("name", "shared_object_id")}
    return [bare(part) for part in value] if isinstance(value, list | tuple) else value


def test_the_notes_network_is_written_as_a_person_would() -> None:
    assert model_code(notes_network()) == (
        "model = keras.Sequential(\n"
        "    [\n"
        "        keras.Input(shape=(28, 28)),\n"
        "        layers.Flatten(),\n"
        '        layers.Dense(20, activation="relu"),\n'
        '        layers.Dense(20, activation="relu"),\n'
        '        layers.Dense(10, activation="softmax"),\n'
        "    ]\n"
        ")\n"
    )
    assert compile_code(notes_network()) == (
        "model.compile(\n"
        "    optimizer=keras.optimizers.SGD(learning_rate=0.01),\n"
        '    loss="sparse_categorical_crossentropy",\n'
        '    metrics=["accuracy"],\n'
        ")\n"
    )


def convolutional() -> keras.Model:
    layers = [
        L.Rescaling(1 / 3),
        L.Conv2D(4, 3, padding="same", kernel_regularizer=keras.regularizers.L2(1e-4), kernel_initializer="he_normal"),
        L.BatchNormalization(momentum=0.9, trainable=False),
        L.LeakyReLU(negative_slope=0.2),
        L.MaxPooling2D(),
        L.Dropout(0.25, seed=4),
        L.Reshape((4, -1)),
        L.Bidirectional(L.LSTM(3, return_sequences=True), merge_mode="sum"),
        L.TimeDistributed(L.Dense(2)),
        L.RNN([L.GRUCell(3), L.LSTMCell(2)]),
        keras.Sequential([keras.Input((2,)), L.Dense(3, name="last")]),
    ]
    return keras.Sequential([keras.Input((8, 8, 1)), *layers])


def functional() -> keras.Model:
    image = keras.Input((8, 4), name="image")
    inner_input = keras.Input((4,))
    inner = keras.Model(inner_input, L.Dense(4, "tanh")(inner_input), name="inner")
    shared = L.Dense(4, name="shared")
    x, h, c = L.LSTM(4, return_state=True)(image)
    y = shared(inner(shared(x)))
    attended = L.MultiHeadAttention(2, 3)(image, value=image, use_causal_mask=True)
    joined = L.Concatenate()([y, inner(h), L.GlobalAveragePooling1D()(attended), L.Add()([h, c])])
    joined = joined * 2 + keras.ops.mean(joined, axis=-1, keepdims=True)
    return keras.Model(image, {"kind": L.Dense(3, name="class")(joined), "again": inner(c)})


@pytest.mark.parametrize("make", [notes_network, convolutional, functional])
def test_the_code_makes_the_same_network(make: Any) -> None:
    model = make()
    again = made(model_code(model))
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]
    again.set_weights(model.get_weights())
    x = np.random.default_rng(0).random((2, *model.inputs[0].shape[1:]), "float32")
    ours, theirs = (keras.tree.flatten(m(x)) for m in (again, model))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), atol=1e-6)
    ours_config, theirs_config = ([bare(layer.get_config()) for layer in m.layers] for m in (again, model))
    if isinstance(model, keras.Sequential):
        assert ours_config == theirs_config


def test_compiled_settings_are_written_whole() -> None:
    model = notes_network()
    model.compile(
        keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(0.1, 100), weight_decay=0.01, clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True, name="own"),
        metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(k=3, name="top3")],
        weighted_metrics=["mse"],
    )
    again = made(model_code(model) + compile_code(model))
    assert bare(again.get_compile_config()) == bare(model.get_compile_config())
    assert again.loss.name == "own"


def test_what_is_not_keras_own_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="Lambda"):
        model_code(keras.Sequential([keras.Input((4,)), L.Lambda(lambda x: x)]))
    with pytest.raises(UnsupportedError, match="not compiled"):
        keras_script(keras.Sequential([keras.Input((4,)), L.Dense(1)]), **settings())
    a, b = keras.Input((4,)), keras.Input((4,))
    with pytest.raises(UnsupportedError, match="one input"):
        keras_script(keras.Model([a, b], L.Add()([a, b])), **settings())


def test_names_from_strangers_stay_text() -> None:
    name = '"); import os; print("'
    model = keras.Sequential([keras.Input((4,)), L.Dense(1, name=name)])
    model.compile("sgd", "mse")
    script = keras_script(model, **settings(dataset='x"""; boom.npz'))
    compile(script, "script", "exec")
    assert made(model_code(model)).layers[0].name == name


@pytest.mark.parametrize("dataset", ["mnist", "fashion-mnist", "kmnist", "some/place.npz"])
def test_scripts_compile_and_name_their_data(dataset: str) -> None:
    script = keras_script(notes_network(), **settings(dataset=dataset))
    compile(script, "script", "exec")
    assert "import sonmat" not in script
    expected = {"mnist": "datasets.mnist.", "fashion-mnist": "datasets.fashion_mnist.", "kmnist": "sys.exit("}
    assert expected.get(dataset, '"some/place.npz"') in script


def stripes(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 700)
    inputs = np.zeros((700, 28, 28), "uint8")
    for row, label in enumerate(labels):
        inputs[row, label * 9 : label * 9 + 9] = 200
    path = folder / "stripes.npz"
    np.savez(path, x_train=inputs[:600], y_train=labels[:600], x_test=inputs[600:], y_test=labels[600:])
    return path


def test_the_script_trains_alone(tmp_path: Path) -> None:
    data = stripes(tmp_path)
    (tmp_path / "run.py").write_text(keras_script(notes_network(), **settings()), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": "", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-P", "run.py", str(data)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "420 training and 180 validation rows, 100 test rows" in done.stdout
    accuracy = float(done.stdout.partition("test: accuracy ")[2][:6])
    assert accuracy > 0.95
    assert {p.name for p in tmp_path.iterdir()} == {"run.py", "stripes.npz", "mnist_model.h5", "curves.png"}
