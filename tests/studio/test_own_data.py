"""Data of one's own in the studio: paths that go on, what is found in a set, and a training on it."""

from __future__ import annotations

import base64
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

from sonmat import places
from sonmat.studio import own_sets
from sonmat.studio.own_data import plain_path
from tests.studio.conftest import Studio, until


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Colour pictures in a folder for each class; one of them is there twice."""
    folder = tmp_path_factory.mktemp("own") / "shapes of mine"
    random = np.random.default_rng(3)
    for name, colour in (("빨강", (220, 30, 30)), ("blue", (30, 60, 220))):
        (folder / name).mkdir(parents=True)
        for number in range(30):
            pixels = np.full((20, 24, 3), colour, np.uint8) + random.integers(0, 25, (20, 24, 3), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number:02}.png")
    return folder


def pixels(told: dict[str, object]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(str(told["pixels"])), np.uint8).reshape(told["shape"])  # type: ignore[arg-type]


def test_a_folder_is_read_shown_kept_and_trained_on(studio: Studio, shapes: Path):
    found = studio.post("/api/data", {"data": f"{shapes}{os.sep}"})
    assert found["data"] == str(shapes)
    assert found["classes"] == ["blue", "빨강"]
    assert found["reads"] == "pictures"
    assert found["shape"][-1] == 3
    assert sum(found["rows"]) == 60
    first = pixels(found["samples"][1]["rows"][0])
    assert first[..., 0].mean() > 200 > 60 > first[..., 2].mean(), "red, as it is"
    studio.events.wait("own", data=str(shapes))
    assert studio.get("/api/data")["sets"][0]["data"] == str(shapes)
    assert studio.get("/api/start")["own"][0]["classes"] == found["classes"]
    recipe = studio.recipe(shapes, "layers", epochs=2, batch_size=16)
    sizes = studio.post("/api/check", {"recipe": recipe})
    assert sizes["ok"]
    assert sizes["rows"] == pytest.approx(found["rows"][0], abs=1)
    name = studio.trained(recipe)
    assert studio.get(f"/api/runs/{name}")["recipe"]["data"] == str(shapes)


def test_sentences_are_read_and_shown(studio: Studio, sentences: Path):
    found = studio.post("/api/data", {"data": str(sentences)})
    assert found["reads"] == "sentences"
    assert set(found["classes"]) == {"refund", "track", "cancel", "greet"}
    assert all(isinstance(row, str) for one in found["samples"] for row in one["rows"])
    recipe = studio.recipe(sentences, "textcnn", epochs=1)
    assert studio.post("/api/check", {"recipe": recipe})["ok"]
    refused = studio.post("/api/check", {"recipe": studio.recipe(sentences)})
    assert not refused["ok"]
    assert "textcnn" in refused["fix"]


def test_what_is_wrong_with_data_is_said(studio: Studio, tmp_path: Path):
    random = np.random.default_rng(2)
    for name in "ab":
        (tmp_path / name).mkdir()
        for number in range(12):
            Image.fromarray(random.integers(0, 255, (8, 8), np.uint8)).save(tmp_path / name / f"{number}.png")
    for number in range(9):
        (tmp_path / "a" / f"same-{number}.png").write_bytes((tmp_path / "b" / f"{number}.png").read_bytes())
    found = studio.post("/api/data", {"data": str(tmp_path)})
    assert any("same-" in one["evidence"] for one in found["findings"])
    (tmp_path / "b" / "broken.png").write_bytes(b"no picture")
    refused = studio.post("/api/data", {"data": str(tmp_path)}, 422)
    assert "broken.png" in refused["error"]
    left = studio.post("/api/data", {"data": str(tmp_path), "read": {"skip_unreadable": True}})
    assert left["read"] == {"skip_unreadable": True}
    assert "broken.png" in json.dumps(left, ensure_ascii=False)


def test_what_is_no_data_is_refused(studio: Studio, tmp_path: Path):
    paths = [
        str(tmp_path / "gone"),
        str(tmp_path),
        "/dev/zero",
        "/proc/self/mem",
        "~nobody-of-that-name/a.csv",
        "/tmp/" + "long" * 90,
    ]
    for data in ("", "  ", 3, None, ["a"], "a\x00b", "x" * 5000, *paths):
        refused = studio.post("/api/data", {"data": data}, 422)
        assert refused["error"]
        assert refused["fix"] or "\x00" in str(data) or len(str(data)) > 4096
    for read in ({"clean": 1}, {"size": 5}, [], "x", {"nothing": True}):
        studio.post("/api/data", {"data": str(tmp_path), "read": read}, 422)
    assert studio.post("/api/data", {"data": "Fashion_MNIST"}) == {"data": "fashion-mnist"}


def test_a_set_is_taken_off_the_list_and_its_files_stay(studio: Studio, sentences: Path):
    studio.post("/api/data", {"data": str(sentences)})
    answer = studio.client.request("DELETE", "/api/data", json={"data": str(sentences)})
    assert answer.status_code == 200, answer.text
    assert str(sentences) not in {one["data"] for one in studio.get("/api/data")["sets"]}
    assert sentences.exists()
    assert studio.client.request("DELETE", "/api/data", json={"data": str(sentences)}).status_code == 404
    unsaid = studio.client.request("DELETE", "/api/data", json={"data": "x"}, headers={"X-Sonmat": ""})
    assert unsaid.status_code == 403


def test_paths_go_on_from_what_is_typed(studio: Studio, shapes: Path, tmp_path: Path):
    (tmp_path / "rows.CSV").write_text("text,label\na,b\n")
    (tmp_path / "note.pdf").write_text("")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "one").mkdir()
    paths = studio.get("/api/data/paths", start=f"{tmp_path}/")["paths"]
    assert paths == [f"{tmp_path}/one/", f"{tmp_path}/rows.CSV"]
    assert studio.get("/api/data/paths", start=str(shapes)[:-3])["paths"] == [f"{shapes}/"]
    assert studio.get("/api/data/paths", start=f"{tmp_path}/nowhere/x")["paths"] == []
    assert studio.get("/api/data/paths", start="~nobody-of-that-name/")["paths"] == []
    studio.get("/api/data/paths", 422, start="a\x00b")


def test_reading_many_pictures_tells_how_far_it_is_and_can_be_stopped(studio: Studio, tmp_path: Path):
    random = np.random.default_rng(1)
    for name in "ab":
        (tmp_path / name).mkdir()
        for number in range(400):
            Image.fromarray(random.integers(0, 255, (300, 300, 3), np.uint8)).save(tmp_path / name / f"{number}.jpg")
    with ThreadPoolExecutor() as beside:
        stopped = beside.submit(studio.post, "/api/data", {"data": str(tmp_path), "reading": "mine"}, 422)
        heard = studio.events.wait("reading", data=str(tmp_path.resolve()))
        assert 0 <= heard["done"] <= heard["of"]
        assert heard["reading"] == "mine"
        studio.post("/api/data/stop", {"reading": "mine"})
        assert "stopped" in stopped.result()["error"]
    assert str(tmp_path) not in {one["data"] for one in studio.get("/api/data")["sets"]}
    assert sum(studio.post("/api/data", {"data": str(tmp_path)})["rows"]) == 800


def test_a_pipe_that_nobody_writes_to_holds_nothing_up(studio: Studio, sentences: Path, tmp_path: Path):
    for name in ("a.npz", "a.csv"):
        os.mkfifo(tmp_path / name)
        studio.post("/api/data", {"data": str(tmp_path / name)}, 422)
    assert studio.post("/api/data", {"data": str(sentences)})["reads"] == "sentences"


@pytest.mark.parametrize("form", ['"{}"', "'{}'", " {} ", "file://{}"])
def test_a_path_is_taken_as_it_was_copied(shapes: Path, form: str):
    told = str(shapes) if "file" not in form else quote(str(shapes))
    assert plain_path(form.format(told)) == str(shapes)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"sets": 3}', '{"sets": [3, {}, {"data": 5}]}', '{"sets": [{"data": "/x", "title": "x", "shape": [-1]}]}']
)  # fmt: skip
def test_a_list_of_another_shape_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str):
    monkeypatch.setattr(places, "runs_folder", lambda: tmp_path)
    (tmp_path / ".studio").mkdir()
    (tmp_path / ".studio" / "data.json").write_text(text)
    assert own_sets.list_own() == []
    told = {
        "data": str(tmp_path), "title": "t", "shape": [2, 2], "classes": ["a", "b"], "counts": [1, 1], "rows": [1, 1, 1],
        "own_validation": False, "reads": "pictures", "read": {}, "notes": [], "samples": [],
    }  # fmt: skip
    own_sets.keep_own(told)
    own_sets.keep_own(told | {"title": "again"})
    (kept,) = own_sets.list_own()
    assert kept["title"] == "again"
    assert "samples" not in kept
    own_sets.keep_own(told | {"data": str(tmp_path / "gone")})
    assert len(own_sets.list_own()) == 1, "what is no more there is not offered"
    assert own_sets.forget_own(str(tmp_path))
    assert not own_sets.forget_own(str(tmp_path))
    assert until(lambda: own_sets.list_own() == [], "an empty list")
