"""A model at work: kept under its file's fingerprint, equal to Keras, unsure with a reason."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image, ImageDraw

import sonmat as sm
from sonmat import places
from sonmat.data.scribbles import sign
from sonmat.errors import DataError, ModelFileError, RunError, UnsupportedError
from sonmat.serve.predictor import Predictor
from sonmat.serve.reasons import is_several

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An `.npz` of drawn digits, framed as MNIST's are: enough to learn and to know what is no digit."""
    random = np.random.default_rng(0)

    def made(n: int) -> tuple[np.ndarray, np.ndarray]:
        labels = np.arange(n) % 10
        return np.stack([framed_text(str(label), random) for label in labels]), labels.astype(np.uint8)

    (x_train, y_train), (x_test, y_test) = made(2400), made(300)
    path = tmp_path_factory.mktemp("digits") / "drawn.npz"
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return path


def framed_text(text: str, random: np.random.Generator) -> np.ndarray:
    """A character of Pillow's own font, 20 pixels high in 28, its centre of mass in the middle."""
    from PIL import ImageFont

    image = Image.new("L", (80, 80))
    ImageDraw.Draw(image).text((24, 10), text, font=ImageFont.load_default(48), fill=255)
    image = image.rotate(random.uniform(-12, 12), Image.Resampling.BILINEAR)
    cut = image.crop(image.getbbox())
    scale = 20 / max(cut.size)
    small = cut.resize((max(1, round(cut.width * scale)), max(1, round(cut.height * scale))), Image.Resampling.BOX)
    wide = Image.new("L", (28, 28))
    array = np.asarray(small, float)
    down, across = ((array.sum(1 - axis) * np.arange(array.shape[axis])).sum() / array.sum() for axis in (0, 1))
    wide.paste(small, (round(14 - across), round(14 - down)))
    return np.asarray(wide)


@pytest.fixture(scope="module")
def run(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "digits"
    sm.train("quick", data=digits, settings=["epochs=3", "split=0.7"], out=out)
    return out


def test_the_card_says_how_pictures_are_cleaned(run: Path):
    loaded = sm.load_run(run)
    assert loaded.inputs["cleaning"] == "strokes"
    assert loaded.inputs["box"] == pytest.approx(20 / 28, abs=0.04)
    assert loaded.answer is not None
    assert "familiar" in loaded.answer


def test_it_says_what_keras_says(run: Path, digits: Path):
    rows = np.load(digits)["x_test"][:20]
    loaded = sm.load_run(run)
    expected = sm.predict(loaded.model, rows / np.float32(255), tta={"shift": 1})
    heat = loaded.answer["temperature"]
    expected = expected ** (1 / heat) / (expected ** (1 / heat)).sum(1, keepdims=True)
    for lasting in (False, True):
        answers = Predictor.open(run, lasting=lasting).rows(rows)
        np.testing.assert_allclose([one.probabilities for one in answers], expected, atol=2e-5)
        assert [one.label for one in answers] == [str(n) for n in expected.argmax(1)]
        np.testing.assert_array_equal(answers[3].seen, rows[3])


def test_the_second_time_neither_keras_nor_jax_is_imported(run: Path, home: Path, tmp_path: Path):
    Predictor.open(run)
    Image.fromarray(255 - framed_text("4", np.random.default_rng(0))).resize((200, 200)).save(tmp_path / "4.png")
    program = (
        "import sys\nfrom sonmat.cli.app import _status\n"
        f"assert _status(['predict', {str(run)!r}, {str(tmp_path / '4.png')!r}, '--json']) == 0\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'keras', 'jax', 'h5py', 'matplotlib', 'pandas'}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SONMAT_HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    told, modules = done.stdout.rsplit("\n", 2)[:2]
    assert json.loads(told)[0]["class"] == "4"
    assert modules == "[]"


def test_what_is_kept_belongs_to_the_file_and_not_to_its_name(digits: Path, tmp_path: Path):
    first, second = sm.build("notes-mlp", seed=0), sm.build("notes-mlp", seed=1)
    rows = np.load(digits)["x_test"][:5]
    path = tmp_path / "m.keras"
    sm.save_model(first, path, inputs={"scale": 255.0})
    one = Predictor.open(path).rows(rows)
    sm.save_model(second, path, inputs={"scale": 255.0})
    other = Predictor.open(path).rows(rows)
    assert np.abs(one[0].probabilities - other[0].probabilities).max() > 1e-3
    assert len(list((places.cache_folder() / "networks").glob("*.npz"))) == 2


def test_nothing_in_a_run_folder_is_taken_for_a_kept_network(run: Path, tmp_path: Path, home: Path):
    Predictor.open(run)
    (kept,) = (places.cache_folder() / "networks").glob("*.npz")
    other = tmp_path / "stranger"
    other.mkdir()
    for name in ("model.keras", "recipe.toml"):
        (other / name).write_bytes((run / name).read_bytes())
    (other / kept.name).write_bytes(b"hello")
    kept.write_bytes(b"a disk was full")
    assert Predictor.open(other).classes == tuple("0123456789")


def test_a_cache_that_cannot_be_written_is_no_error(run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SONMAT_HOME", str(tmp_path / "file"))
    assert Predictor.open(run).kind == "image"


def test_it_is_unsure_of_what_is_no_digit_and_says_why(run: Path):
    predictor, random = Predictor.open(run), np.random.default_rng(1)
    blank, noise = np.full((200, 300), 230, np.uint8), random.integers(0, 256, (120, 120), dtype=np.uint8)
    empty, noisy = predictor.photos([blank, noise])
    assert empty.unsure
    assert "no ink" in empty.reason
    assert noisy.unsure
    assert noisy.reason
    signs = predictor.rows(np.stack([sign(random) for _ in range(100)]))
    assert np.mean([one.unsure for one in signs]) > 0.7
    assert all(bool(one.reason) == one.unsure for one in signs)
    two = np.full((100, 300), 255, np.uint8)
    for left, text in ((40, "3"), (180, "8")):
        two[20:76, left : left + 56] -= np.kron(framed_text(text, random), np.ones((2, 2), np.uint8))
    (both,) = predictor.photos([two])
    assert both.unsure
    assert is_several(both.reason)
    assert not is_several(empty.reason)
    each = predictor.photo_of_many(two)
    assert [one.label for one in each] == ["3", "8"]
    assert predictor.photo_of_many(blank) == []


def test_most_digits_are_answered(run: Path, digits: Path):
    data = np.load(digits)
    answers = Predictor.open(run).rows(data["x_test"])
    assert np.mean([not one.unsure for one in answers]) > 0.85
    assert np.mean([one.label == str(label) for one, label in zip(answers, data["y_test"], strict=True)]) > 0.97


def test_it_may_be_asked_from_several_threads(run: Path, digits: Path):
    rows = np.load(digits)["x_test"][:32]
    for lasting in (False, True):
        predictor = Predictor.open(run, lasting=lasting)
        expected = [one.label for one in predictor.rows(rows)]
        found: dict[int, list[str]] = {}

        def ask(number: int, predictor: Predictor = predictor, found: dict[int, list[str]] = found) -> None:
            found[number] = [one.label for one in predictor.rows(rows[number : number + 9])]

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == {number: expected[number : number + 9] for number in range(6)}


def test_inputs_that_do_not_fit(run: Path):
    predictor = Predictor.open(run)
    with pytest.raises(DataError, match=r"28 × 28"):
        predictor.rows(np.zeros((2, 27, 28)))
    with pytest.raises(DataError, match="finite"):
        predictor.rows(np.full((1, 28, 28), np.nan))
    with pytest.raises(DataError, match="uint8"):
        predictor.photos([np.zeros((4, 4), np.float32)])
    assert predictor.rows(np.zeros((0, 28, 28))) == []
    with pytest.raises(UnsupportedError):
        predictor.texts(["hello"])


def test_models_that_are_not_there(tmp_path: Path):
    with pytest.raises(ModelFileError, match="Could not open"):
        Predictor.open(tmp_path / "none.keras")
    with pytest.raises(RunError):
        Predictor.open(tmp_path / "none")


def test_a_model_numpy_cannot_run_answers_through_keras(tmp_path: Path):
    model = keras.Sequential([keras.Input((6, 4)), keras.layers.GRU(3), keras.layers.Dense(2, "softmax")])
    model.save(tmp_path / "m.keras")
    rows = np.random.default_rng(0).normal(0, 1, (5, 6, 4)).astype(np.float32)
    found = [one.probabilities for one in Predictor.open(tmp_path / "m.keras").rows(rows)]
    np.testing.assert_allclose(found, np.asarray(model(rows)), atol=1e-5)
