"""The page of a run: whole, self-contained, small, and safe whatever a stranger wrote into the run."""

from __future__ import annotations

import json
import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import sonmat as sm
from sonmat.errors import RunError, SonmatError
from sonmat.jobs.explain import explain
from sonmat.jobs.report import report
from sonmat.view.page import chart, picture, text

_VOID = {"meta", "img", "line", "polyline", "circle", "br", "link", "input"}


class Page(HTMLParser):
    """Reads a page, and refuses what is not well formed or reaches out of it."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.words = ""
        self.language = ""
        self.raw = path.read_text(encoding="utf-8")
        self.feed(self.raw)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            if name in ("src", "href"):
                assert (value or "").startswith("data:image/png;base64,")
            if tag == "html" and name == "lang":
                self.language = value or ""
        if tag == "img":
            assert dict(attrs)["alt"]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.words += data


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run with everything in its folder."""
    place = tmp_path_factory.mktemp("runs")
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 240)
    images = rng.integers(0, 60, (240, 12, 12)).astype(np.uint8)
    images[np.arange(240), 3 * labels + 1] = 250
    np.savez(place / "bars.npz", x_train=images[:180], y_train=labels[:180], x_test=images[180:], y_test=labels[180:])
    settings = ["filters=[3]", "epochs=3", "batch_size=20"]
    done = sm.train("notes-cnn", data=place / "bars.npz", settings=settings, out=place / "run")
    Image.fromarray(images[0]).save(place / "one.png")
    explain(done.folder, image=place / "one.png")
    return done.folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


def test_training_writes_the_page(trained: Path) -> None:
    page = Page(trained / "report.html")
    assert page.language == "en"
    assert page.tags.count("h1") == 1
    assert "script" not in page.tags
    assert "://" not in re.sub(r"base64,[^\"]*", "", page.raw)
    result = json.loads((trained / "result.json").read_text())
    for part in ("validation", "test"):
        assert f"{100 * result[part]['accuracy']:.2f} %" in page.words
    assert "The test set has been read once by this run." in page.words
    assert "model.filters" in page.words
    assert page.tags.count("polyline") == 4
    for heading in ("Diagnosis", "Curves", "Classes", "Pictures", "Recipe", "Rows", "Where it ran"):
        assert heading in page.words


def test_pictures_of_an_explanation_join_and_the_page_stays_small(run: Path) -> None:
    page = Page(report(run))
    assert page.tags.count("img") >= 5
    assert "One window of a convolution" in page.words
    assert len(page.raw) < 500_000


def test_explanations_of_before_a_run_went_on_are_left_out(run: Path) -> None:
    later = (run / "model.keras").stat().st_mtime - 60
    for path in (run / "explain").iterdir():
        os.utime(path, (later, later))
    page = Page(report(run))
    assert "One window of a convolution" not in page.words
    assert page.tags.count("img") == 2


def test_korean(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONMAT_LANG", "ko")
    page = Page(report(run))
    assert page.language == "ko"
    assert "진단" in page.words
    assert "검증 정확도" in page.words


def test_an_unfinished_run_and_a_scripts_run(run: Path, tmp_path: Path) -> None:
    for name in ("result.json", "model.keras", "diagnosis.json", "confusion.png", "hardest.png"):
        (run / name).unlink()
    page = Page(report(run, tmp_path / "unfinished.html"))
    assert "not finished yet" in page.words
    assert "sonmat resume" in page.words
    (run / "recipe.toml").unlink()
    page = Page(report(run))
    assert "made by sonmat.fit in a script" in page.words
    assert "Curves" in page.words


@pytest.mark.parametrize(
    "name",
    [
        "result.json",
        "env.json",
        "diagnosis.json",
        "history.jsonl",
        "confusion.png",
        "test_readings.json",
        "recipe.toml",
    ],
)
@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00", b"[]", b"{}", b'{"test": 3, "rows": [], "validation": {"per_class": [1, {}]}}']
)
def test_broken_files_leave_a_page(run: Path, name: str, content: bytes) -> None:
    (run / name).write_bytes(content)
    Page(report(run))


def test_whatever_a_stranger_writes_is_only_text(run: Path) -> None:
    evil = "<script>alert(1)</script>\x1b[31m\u202eabc\"'><img src=x onerror=y>" + "long" * 500
    result = json.loads((run / "result.json").read_text())
    for one in result["test"]["per_class"]:
        one["name"] = evil
    result["rows"] = {evil: evil}
    result["finished"] = evil
    (run / "result.json").write_text(json.dumps(result))
    (run / "env.json").write_text(json.dumps({evil: evil, "versions": {evil: [evil]}}))
    line = {"epoch": 0, "loss": 1.0, evil: 0.5, "accuracy": "nan"}
    (run / "history.jsonl").write_text(json.dumps(line) + "\n")
    page = Page(report(run))
    assert "script" not in page.tags
    assert "\x1b" not in page.raw
    assert "\u202e" not in page.raw
    assert "<script>alert(1)</script>" in page.words


def test_what_is_wrong_is_said(run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError):
        report(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(SonmatError):
        report(run, tmp_path / "file" / "report.html")


@pytest.mark.skipif(os.name == "nt", reason="permissions")
def test_a_page_that_cannot_be_written_loses_no_run(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sonmat.jobs import report as module
    from sonmat.runs.folder import RunFolder

    (run / "report.html").unlink()
    (run / "report.html").mkdir()
    with pytest.warns(UserWarning, match="report.html could not be written"):
        module.report_trained(RunFolder(run))


def test_charts_have_gaps_where_values_are_missing() -> None:
    drawn = chart(
        "loss", [("training", "one", [1.0, float("nan"), 0.5, 0.4]), ("validation", "two", [float("inf")] * 4)]
    )
    assert drawn.count("<polyline") == 2
    assert drawn.count("<circle") == 1
    assert chart("loss", [("training", "one", [float("nan")])]) == ""
    assert "nan" not in chart("loss", [("training", "one", [2.0, 2.0])])


def test_pictures_are_made_small(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (1500, 1500, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    assert 0 < len(picture(tmp_path / "noise.png", "noise")) < 400_000
    (tmp_path / "no.png").write_bytes(b"\x89PNG\r\n\x1a\nxx")
    assert picture(tmp_path / "no.png", "none") == picture(tmp_path / "missing.png", "none") == ""


def test_text_is_escaped() -> None:
    assert text("<a & 'b'>\n\u200f\x07") == "&lt;a &amp; &#x27;b&#x27;&gt;   "
    assert len(text("x" * 1000)) == 400
