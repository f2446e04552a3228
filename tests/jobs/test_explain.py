"""Explaining a run: every picture is drawn, every number is the network's, and what is wrong is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import sonmat as sm
from sonmat.errors import DataError, SonmatError
from sonmat.jobs.explain import explain


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Model files that no training is needed for, and an image."""
    place = tmp_path_factory.mktemp("models")
    settings: dict[str, dict[str, Any]] = {
        "cnn": {"name": "notes-cnn", "filters": [3, 4], "hidden": [5]},
        "average": {"name": "notes-cnn", "filters": [3], "pooling": "average", "padding": "same", "stride": 2},
        "bare": {"name": "notes-cnn", "filters": [3], "pooling": "none"},
        "mlp": {"name": "notes-mlp"},
    }
    for name, options in settings.items():
        model = sm.build(**options, seed=1)
        sm.save_model(model, place / f"{name}.keras", inputs={"scale": 255.0}, classes=[str(n) for n in range(10)])
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 12:16] = 255  # 20 rows high, as a finished picture is: it is taken as it is
    Image.fromarray(image).save(place / "one.png")
    return place


def test_every_picture_of_a_convolutional_network(models: Path, tmp_path: Path) -> None:
    found = explain(models / "cnn.keras", image=models / "one.png", against=models / "mlp.keras", out=tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        *("filters.png", "feature_maps.png", "convolution.png", "max_pooling.png"),
        *("average_pooling.png", "pixels.png", "side_by_side.png"),
    }
    assert {path.name for path in found.pictures.values()} == names
    for path in found.pictures.values():
        with Image.open(path) as picture:
            assert min(picture.size) > 300
            assert len(set(picture.convert("L").resize((60, 60)).tobytes())) > 5
    assert found.notes == ()
    assert found.convolution is not None
    assert found.convolution.value == pytest.approx(found.convolution.given, abs=1e-5)
    assert [one.kind for one in found.poolings] == ["max", "average"]
    model = sm.load_model(models / "cnn.keras")
    x = np.asarray(Image.open(models / "one.png"), np.float32)[None] / 255
    np.testing.assert_allclose(found.steps[-1].output, model.predict(x, verbose=0)[0], atol=1e-5)
    np.testing.assert_allclose(found.prediction.probabilities, found.steps[-1].output, atol=1e-5)


def test_layer_place_and_filter_are_those_asked_for(models: Path, tmp_path: Path) -> None:
    found = explain(models / "cnn.keras", image=models / "one.png", layer="conv_2", at=(3, 5), filter=2, out=tmp_path)
    assert found.convolution is not None
    assert (found.convolution.place.at, found.convolution.place.channel) == ((3, 5), 2)
    assert found.convolution.patch.shape == (3, 3, 3)
    pool = explain(models / "cnn.keras", image=models / "one.png", layer="pool_2", at=(1, 1), filter=3, out=tmp_path)
    assert [(one.place.at, one.place.channel) for one in pool.poolings] == [((1, 1), 3)] * 2


def test_networks_without_pooling_or_convolution(models: Path, tmp_path: Path) -> None:
    average = explain(models / "average.keras", image=models / "one.png", out=tmp_path / "average")
    assert [one.kind for one in average.poolings] == ["average", "max"]
    bare = explain(models / "bare.keras", image=models / "one.png", out=tmp_path / "bare")
    assert bare.notes == ("This network has no pooling.",)
    assert not (tmp_path / "bare" / "max_pooling.png").exists()
    plain = explain(models / "mlp.keras", image=models / "one.png", out=tmp_path / "mlp")
    assert "no convolution" in plain.notes[0]
    assert set(plain.pictures) == {"filters", "feature maps", "pixels"}


def test_a_place_needs_a_window(models: Path, tmp_path: Path) -> None:
    for options in ({"at": (1, 1)}, {"filter": 0}):
        with pytest.raises(DataError, match="no sliding window to place"):
            explain(models / "mlp.keras", image=models / "one.png", out=tmp_path, **options)


def test_korean(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONMAT_LANG", "ko")
    found = explain(models / "mlp.keras", image=models / "one.png", out=tmp_path)
    assert "합성곱이 없어" in found.notes[0]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"layer": "conv2"}, "Did you mean 'conv_2'"),
        ({"layer": "flatten"}, "flatten has no sliding window"),
        ({"layer": "zzz"}, "conv_1, pool_1, conv_2, pool_2"),
        ({"layer": "conv_1", "at": (26, 0)}, "0–25, 0–25"),
        ({"filter": 3}, "It has 0–2"),
        ({"image": "nowhere.png"}, "does not exist"),
        ({"image": None}, "One image is needed"),
        ({"pick": 3}, "One image is needed"),
        ({"against": "nowhere.keras"}, "nowhere"),
    ],
)
def test_what_is_wrong_is_said(options: dict[str, Any], says: str, models: Path, tmp_path: Path) -> None:
    with pytest.raises(SonmatError) as error:
        explain(models / "cnn.keras", **({"image": models / "one.png", "out": tmp_path} | options))
    assert says in str(error.value)


def test_an_image_of_another_size(models: Path, tmp_path: Path) -> None:
    Image.new("L", (20, 28)).save(tmp_path / "small.png")
    explain(models / "cnn.keras", image=tmp_path / "small.png", out=tmp_path)  # made as large as the model's own
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(DataError, match="none of PNG"):
        explain(models / "cnn.keras", image=tmp_path / "text.png", out=tmp_path)
