"""Both ways with plain Keras on the TensorFlow backend, in an environment where sonmat is not."""

from __future__ import annotations

import os
import subprocess
import textwrap
from pathlib import Path

import keras
import numpy as np
import pytest

from sonmat.runs.model_files import load_model, save_model
from sonmat.runs.script import keras_script

pytestmark = pytest.mark.peers
ROOT = Path(__file__).parents[2]


def peers_python() -> str:
    python = Path(os.environ.get("SONMAT_PEERS_PYTHON") or ROOT / "benchmarks/.venv/bin/python")
    if not python.exists():
        pytest.skip(f"no peers' Python at {python}: run `make peers`, or set SONMAT_PEERS_PYTHON")
    return str(python)


def run_peer(code: str, folder: Path, *arguments: str) -> str:
    script = folder / "peer.py"
    script.write_text(textwrap.dedent(code))
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": ""}
    done = subprocess.run(
        [peers_python(), str(script), *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


MAKE = """
    import keras, numpy as np, sys
    L = keras.layers
    rng = np.random.default_rng(0)
    image = keras.Input((8, 8, 1)); words = keras.Input((5,))
    a = L.Rescaling(1 / 255)(image)
    a = L.Conv2D(4, 3, activation="relu")(a); a = L.BatchNormalization()(a); a = L.MaxPooling2D()(a)
    a = L.Dropout(0.3)(L.Flatten()(a))
    b = L.GRU(4)(L.Bidirectional(L.LSTM(3, return_sequences=True))(L.Embedding(9, 4, mask_zero=True)(words)))
    inner = keras.Sequential([keras.Input((4,)), L.Dense(4, "gelu"), L.LayerNormalization()])
    out = L.Dense(3, "softmax")(L.Concatenate()([a, inner(inner(b))]))
    model = keras.Model([image, words], out)
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = [rng.uniform(0, 255, (16, 8, 8, 1)).astype("float32"), rng.integers(0, 9, (16, 5))]
    model.fit(x, rng.integers(0, 3, 16), epochs=2, verbose=0)
    model.save("m.keras"); model.save("m.h5")
    np.savez("m.npz", x0=x[0], x1=x[1], y=model.predict(x, verbose=0))
"""


def test_what_tensorflow_saved_opens_here(tmp_path: Path) -> None:
    run_peer(MAKE, tmp_path)
    with np.load(tmp_path / "m.npz") as arrays:
        inputs, expected = [arrays["x0"], arrays["x1"]], arrays["y"]
    for suffix in (".keras", ".h5"):
        model = load_model(tmp_path / f"m{suffix}")
        assert keras.backend.backend() == "jax"
        assert model.compiled
        np.testing.assert_allclose(model.predict(inputs, verbose=0), expected, atol=1e-5)


READ = """
    import keras, numpy as np, sys
    assert keras.backend.backend() == "tensorflow"
    x = np.load("x.npy")
    for name in ("mnist_model.h5", "mnist_model.keras"):
        model = keras.models.load_model(name)
        np.save(name + ".npy", model.predict(x / 255.0, verbose=0))
        model.evaluate(x / 255.0, np.zeros(len(x)), verbose=0)
"""


def notes_network() -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(20, activation="relu"),
            keras.layers.Dense(20, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_what_sonmat_saves_opens_in_plain_keras_as_the_notes_second_script_does(tmp_path: Path) -> None:
    model = notes_network()
    x = np.random.default_rng(0).integers(0, 256, (16, 28, 28)).astype("uint8")
    np.save(tmp_path / "x.npy", x)
    for suffix in (".h5", ".keras"):
        save_model(model, tmp_path / f"mnist_model{suffix}", inputs={"scale": 255.0}, classes=list("0123456789"))
    run_peer(READ, tmp_path)
    for suffix in (".h5", ".keras"):
        theirs = np.load(tmp_path / f"mnist_model{suffix}.npy")
        np.testing.assert_allclose(theirs, model.predict(x / 255.0, verbose=0), atol=1e-5)


def test_the_exported_script_runs_without_sonmat(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 600)
    inputs = np.zeros((600, 28, 28), "uint8")
    for n, label in enumerate(labels):
        inputs[n, label * 9 : label * 9 + 9] = 200
    np.savez(
        tmp_path / "data.npz", x_train=inputs[:500], y_train=labels[:500], x_test=inputs[500:], y_test=labels[500:]
    )
    script = keras_script(notes_network(), dataset="mnist", split=0.7, seed=0, epochs=4, batch_size=20, scale=255.0)
    assert "sonmat" not in script.split('"""')[2]
    printed = run_peer(script, tmp_path, "data.npz")
    assert "350 training and 150 validation" in printed
    assert (tmp_path / "mnist_model.h5").exists()
