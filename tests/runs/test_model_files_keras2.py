"""Files that Keras 2 left behind: real ones, made by fixtures/make_keras2.py under TensorFlow 2.0, 2.4 and 2.15."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from sonmat.runs.model_files import load_model, read_card

FIXTURES = Path(__file__).parent / "fixtures"
FILES = sorted(path for path in FIXTURES.iterdir() if path.suffix in (".h5", ".keras"))


def test_the_fixtures_are_there() -> None:
    assert len(FILES) == 12


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_outputs_equal_what_keras_2_gave(path: Path) -> None:
    with np.load(path.with_suffix(".npz")) as arrays:
        inputs = [arrays[name] for name in sorted(arrays) if name.startswith("x")]
        expected = [arrays[name] for name in sorted(arrays) if name.startswith("y")]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model = load_model(path)
    outputs = keras.tree.flatten(model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0))
    for ours, theirs in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert model.compiled
    assert read_card(path) == {}


def test_the_notes_file_is_the_one_that_keras_3_refuses() -> None:
    path = FIXTURES / "tf20-notes.h5"
    with h5py.File(path) as file:
        config = json.loads(file.attrs["model_config"])
        version = file.attrs["keras_version"]
    assert (version if isinstance(version, str) else version.decode()) == "2.2.4-tf"
    assert [layer["class_name"] for layer in config["config"]["layers"]] == ["Flatten", "Dense", "Dense", "Dense"]
    assert config["config"]["layers"][0]["config"]["batch_input_shape"] == [None, 28, 28]
    with pytest.raises(ValueError, match="fully-defined"):
        keras.models.load_model(path)
    assert load_model(path).input_shape == (None, 28, 28)


def test_the_notes_settings_come_back() -> None:
    model = load_model(FIXTURES / "tf20-notes.h5")
    assert type(model.optimizer) is keras.optimizers.SGD
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)
    assert model.loss == "sparse_categorical_crossentropy"
    x, y = np.random.default_rng(0).random((8, 28, 28), "float32"), np.zeros(8)
    assert set(model.evaluate(x, y, return_dict=True, verbose=0)) == {"loss", "accuracy"}


def test_decay_of_keras_2_goes_on_as_a_schedule() -> None:
    model = load_model(FIXTURES / "tf20-cnn.h5")
    schedule = model.optimizer._learning_rate
    assert isinstance(schedule, keras.optimizers.schedules.InverseTimeDecay)
    steps = np.array([0, 10, 1000])
    np.testing.assert_allclose([float(schedule(step)) for step in steps], 0.05 / (1 + 1e-3 * steps), rtol=1e-6)
    assert model.optimizer.momentum == pytest.approx(0.9)
    model.evaluate(np.zeros((4, 14, 14, 1), "float32"), np.zeros(4), verbose=0)
    assert "hits" in model.get_metrics_result()


def test_models_of_keras_2_can_be_trained_and_saved_on(tmp_path: Path) -> None:
    model = load_model(FIXTURES / "tf24-functional.h5")
    rng = np.random.default_rng(0)
    x = [rng.integers(0, 20, (16, 6)).astype("float32"), rng.random((16, 3), "float32")]
    model.fit(x, [rng.integers(0, 3, 16), rng.random((16, 1), "float32")], verbose=0)
    model.save(tmp_path / "m.keras")
    again = load_model(tmp_path / "m.keras")
    for ours, theirs in zip(again.predict(x, verbose=0), model.predict(x, verbose=0), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
