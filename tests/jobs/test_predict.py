"""Predictions of rows, and of pictures of every size."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image, ImageFilter

import sonmat as sm
from sonmat.errors import DataError
from sonmat.jobs.predict import predict_files, predict_rows


@pytest.fixture(scope="module")
def trained(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "run"
    sm.train(data=small, settings=["epochs=3", "hidden=[8]", "learning_rate=0.1"], out=out)
    return out


@pytest.fixture
def digit(small: Path) -> np.ndarray:
    return np.load(small)["x_test"][3]


def test_rows_and_files_are_predicted_alike(trained: Path, digit: np.ndarray, tmp_path: Path):
    Image.fromarray(digit).save(tmp_path / "three.png")
    (row,) = predict_rows(trained, [3])
    (file,) = predict_files(trained, [tmp_path / "three.png"])
    np.testing.assert_allclose(row.probabilities, file.probabilities, rtol=1e-5)
    np.testing.assert_array_equal(row.image, file.image)
    assert (row.label, file.label) == (3, None)
    assert file.cleaning == "resized", "these pictures are no strokes in a frame"
    assert row.name == file.name == row.classes[int(row.probabilities.argmax())]
    assert float(row.probabilities.sum()) == pytest.approx(1, abs=1e-5)
    said = np.asarray(sm.load_model(trained / "model.keras")(digit[None] / 255.0))[0]
    heat = sm.load_run(trained).answer["temperature"]
    expected = said ** (1 / heat) / (said ** (1 / heat)).sum()
    np.testing.assert_allclose(row.probabilities, expected, rtol=1e-3, atol=1e-7)


def test_rows_that_are_not_there(trained: Path):
    for row in (200, -1):
        with pytest.raises(DataError, match="0 to 199"):
            predict_rows(trained, [row])
    (some,) = predict_rows(trained, None)
    assert some.label is not None


def test_the_command(trained: Path, digit: np.ndarray, tmp_path: Path, sonmat_command: Callable[..., Any]):
    Image.fromarray(digit).save(tmp_path / "three.png")
    told = json.loads(sonmat_command("predict", trained, "--pick", 3, "--pick", 4, "--json").out)
    assert [one["true"] for one in told] == ["3", "4"]
    assert [one["file"] for one in told] == ["blocks test 3", "blocks test 4"]
    (one,) = json.loads(sonmat_command("predict", trained, tmp_path / "three.png", "--json").out)
    assert (len(one["probabilities"]), one["file"]) == (10, str(tmp_path / "three.png"))
    assert (one["class"], one["unsure"]) == (told[0]["class"], told[0]["unsure"])
    assert bool(one["reason"]) == one["unsure"]
    said = sonmat_command("predict", trained, "--pick", 1, "--pick", 2, "--out", tmp_path / "p.png")
    assert "blocks test 1: " in said.out
    for number in (1, 2):
        assert (tmp_path / f"p-{number}.png").read_bytes().startswith(b"\x89PNG")
    (file,) = json.loads(
        sonmat_command("predict", trained / "model.keras", "--pick", 3, "--data", tmp_path / "none.npz").out or "[0]"
    )
    assert file == 0, "a model file needs data that is there"


def test_pictures_of_another_size_are_made_the_models(trained: Path, digit: np.ndarray, tmp_path: Path):
    smooth = Image.fromarray(digit).filter(ImageFilter.GaussianBlur(1.5))
    smooth.resize((280, 280), Image.Resampling.NEAREST).save(tmp_path / "large.png")
    smooth.save(tmp_path / "x.png")
    large, same = predict_files(trained, [tmp_path / "large.png", tmp_path / "x.png"])
    np.testing.assert_allclose(large.image.astype(int), same.image.astype(int), atol=8)
    assert large.name == same.name


def test_several_digits_need_a_model_of_digits(trained: Path, digit: np.ndarray, tmp_path: Path):
    Image.fromarray(digit).save(tmp_path / "x.png")
    with pytest.raises(DataError, match="digits alone"):
        predict_files(trained, [tmp_path / "x.png"], many=True)


def test_what_is_no_file_is_said(trained: Path, tmp_path: Path, sonmat_command: Callable[..., Any]):
    said = sonmat_command("predict", trained, "환불하고 싶어요")
    assert said.status == 1
    assert "does not exist" in said.err
    assert "sentences" in said.err
    (tmp_path / "text.png").write_text("hello")
    assert sonmat_command("predict", trained, tmp_path / "text.png").status == 1
    assert sonmat_command("predict", trained, "--random", "--many").status == 2


def test_inverting(trained: Path, digit: np.ndarray, tmp_path: Path):
    Image.fromarray(255 - digit).save(tmp_path / "x.png")
    (found,) = predict_files(trained, [tmp_path / "x.png"], invert=True)
    np.testing.assert_array_equal(found.image, digit)


def test_one_output_counts_as_two_classes(tmp_path: Path, digit: np.ndarray):
    model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(1, "sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    sm.save_model(model, tmp_path / "m.keras", inputs={"scale": 255.0})
    Image.fromarray(digit).save(tmp_path / "x.png")
    (found,) = predict_files(tmp_path / "m.keras", [tmp_path / "x.png"])
    said = float(np.asarray(model(digit[None] / 255.0))[0, 0])
    np.testing.assert_allclose(found.probabilities, [1 - said, said], rtol=1e-4)
    assert found.classes == ("0", "1")


def test_a_model_that_takes_no_pictures(tmp_path: Path, digit: np.ndarray):
    model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(3, "softmax")])
    model.save(tmp_path / "m.keras")
    Image.fromarray(digit).save(tmp_path / "x.png")
    with pytest.raises(DataError, match="no images"):
        predict_files(tmp_path / "m.keras", [tmp_path / "x.png"])


def test_a_file_that_cannot_be_read_keeps_no_other_from_its_answer(
    trained: Path, digit: np.ndarray, tmp_path: Path, sonmat_command: Callable[..., Any]
):
    for name in ("a.png", "b.png"):
        Image.fromarray(digit).save(tmp_path / name)
    (tmp_path / "no.png").write_bytes(b"no picture")
    files = [tmp_path / name for name in ("a.png", "no.png", "gone.png", "b.png")]
    found = sonmat_command("predict", trained, *files)
    assert found.status == 1
    assert found.out.count("a.png") == found.out.count("b.png") == 1
    assert "2 of 4" in found.err
    assert "no.png" in found.err
    assert "gone.png" in found.err
    told = sonmat_command("predict", trained, *files, "--json")
    assert [Path(one["file"]).name for one in json.loads(told.out)] == ["a.png", "b.png", "no.png", "gone.png"]
    assert ["problem" in one for one in json.loads(told.out)] == [False, False, True, True]
    assert "problem" not in sonmat_command("predict", trained, files[0], "--json").out
    assert sonmat_command("predict", trained, files[1]).status == 1
    with pytest.raises(DataError):
        predict_files(trained, files)
