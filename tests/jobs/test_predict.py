"""Predictions of rows and of image files of every kind."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

import sonmat as sm
from sonmat.errors import DataError
from sonmat.jobs.predict import predict_files, predict_rows, read_image

SHAPE = (28, 28)


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
    assert row.name == file.name == row.classes[int(row.probabilities.argmax())]
    assert float(row.probabilities.sum()) == pytest.approx(1, abs=1e-5)
    expected = sm.load_model(trained / "model.keras")(digit[None] / 255.0)
    np.testing.assert_allclose(row.probabilities, np.asarray(expected)[0], rtol=1e-4)


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
    said = sonmat_command("predict", trained, "--pick", 1, "--pick", 2, "--out", tmp_path / "p.png")
    assert "blocks test 1: " in said.out
    for number in (1, 2):
        assert (tmp_path / f"p-{number}.png").read_bytes().startswith(b"\x89PNG")
    (file,) = json.loads(
        sonmat_command("predict", trained / "model.keras", "--pick", 3, "--data", tmp_path / "none.npz").out or "[0]"
    )
    assert file == 0, "a model file needs data that is there"


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "tiff", "webp", "pgm"])
def test_lossless_formats_give_the_same_pixels(suffix: str, digit: np.ndarray, tmp_path: Path):
    path = tmp_path / f"x.{suffix}"
    Image.fromarray(digit).save(path, **({"lossless": True} if suffix == "webp" else {}))
    np.testing.assert_array_equal(read_image(path, SHAPE), digit)
    assert read_image(path, (28, 28, 1)).shape == (28, 28, 1)
    assert read_image(path, (28, 28, 3)).shape == (28, 28, 3)


def test_sixteen_bits_keep_their_shades(digit: np.ndarray, tmp_path: Path):
    Image.fromarray(digit.astype(np.uint16) * 257).save(tmp_path / "x.png")
    np.testing.assert_array_equal(read_image(tmp_path / "x.png", SHAPE), digit)


@pytest.mark.parametrize(("stroke", "background"), [(255, 0), (0, 255)])
def test_strokes_on_nothing_stay_visible(stroke: int, background: int, tmp_path: Path):
    pixels = np.zeros((28, 28, 4), np.uint8)
    pixels[..., :3] = stroke
    pixels[8:20, 8:20, 3] = 255
    Image.fromarray(pixels, "RGBA").save(tmp_path / "x.png")
    with pytest.warns(UserWarning, match="--invert") if stroke == 0 else _nothing():
        image = read_image(tmp_path / "x.png", SHAPE)
    assert (image[0, 0], image[10, 10]) == (background, stroke)


def _nothing() -> Any:
    import contextlib

    return contextlib.nullcontext()


def test_a_moving_picture_gives_its_first_frame(digit: np.ndarray, tmp_path: Path):
    frames = [Image.fromarray(digit), Image.fromarray(255 - digit)]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(read_image(tmp_path / "x.gif", SHAPE), digit)


def test_dark_on_light_is_said_and_turned(digit: np.ndarray, tmp_path: Path):
    Image.fromarray(255 - digit).save(tmp_path / "x.png")
    with pytest.warns(UserWarning, match="dark on light"):
        read_image(tmp_path / "x.png", SHAPE)
    np.testing.assert_array_equal(read_image(tmp_path / "x.png", SHAPE, invert=True), digit)


def bomb(path: Path, side: int) -> None:
    """A PNG whose header says side × side, with little in it."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(10**6))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [10_000, 30_000])
def test_a_bomb_is_not_unpacked(side: int, tmp_path: Path):
    bomb(tmp_path / "x.png", side)
    with pytest.raises(DataError):
        read_image(tmp_path / "x.png", SHAPE)


def test_files_that_are_no_images(digit: np.ndarray, tmp_path: Path):
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.png").write_bytes(b"")
    Image.fromarray(digit).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:-200])
    Image.fromarray(digit).save(tmp_path / "x.ico")
    for name in ("text.png", "empty.png", "cut.png", "x.ico"):
        with pytest.raises(DataError, match="not an image"):
            read_image(tmp_path / name, SHAPE)
    with pytest.raises(DataError, match="not an image"):
        read_image(tmp_path, SHAPE)
    with pytest.raises(DataError, match="does not exist"):
        read_image(tmp_path / "none.png", SHAPE)
    Image.fromarray(np.zeros((20, 30), np.uint8)).save(tmp_path / "wide.png")
    with pytest.raises(DataError, match=r"28 × 28 pixels; .* has 20 × 30"):
        read_image(tmp_path / "wide.png", SHAPE)
    with pytest.raises(DataError, match="no images"):
        read_image(tmp_path / "whole.png", (784,))


def test_one_output_counts_as_two_classes(tmp_path: Path, digit: np.ndarray):
    model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(1, "sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    sm.save_model(model, tmp_path / "m.keras", inputs={"scale": 255.0})
    Image.fromarray(digit).save(tmp_path / "x.png")
    (found,) = predict_files(tmp_path / "m.keras", [tmp_path / "x.png"])
    said = float(np.asarray(model(digit[None] / 255.0))[0, 0])
    np.testing.assert_allclose(found.probabilities, [1 - said, said], rtol=1e-4)
    assert found.classes == ("0", "1")
