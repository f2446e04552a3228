"""The page of a study: one file, no network, nothing runs that a study says, and its numbers are the study's."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sonmat.errors import StorageError
from sonmat.search.trial import DONE, FAILED, STATES, STOPPED, Trial
from sonmat.view.study_figure import StudyFigure
from sonmat.view.study_page import study_page
from sonmat.view.study_payload import payload

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028<!--<a href='javascript:alert(3)'>\"'&"


def studied(count: int = 60, name: str = "a study", **more: Any) -> StudyFigure:
    random = np.random.default_rng(0)
    trials = []
    for number in range(count):
        rate = float(10 ** random.uniform(-3, 0))
        value = None if number % 9 == 5 else 0.95 - 0.02 * abs(np.log10(rate) + 1) + 0.001 * float(random.normal())
        state = FAILED if value is None else DONE if number % 3 else STOPPED
        curve = np.linspace(0.5, value or 0.5, 4 if state == DONE else 2).astype(np.float32)
        trials.append(
            Trial(number, {"t.rate": rate, "t.units": [8, 16, 32][number % 3], "t.kind": "ab"[number % 2]}, 0, state, value,
                  {"val_accuracy": curve}, 0.5, "" if value else "not finite", number // 8 * 2.0, number // 8 * 2.0 + 1.5)
        )  # fmt: skip
    best = sorted((t for t in trials if t.state == DONE), key=lambda t: -(t.value or 0))[:3]
    repeats = tuple(
        Trial(0, t.settings, seed, DONE, (t.value or 0) - 0.001 * seed, repeats=t.number)
        for t in best
        for seed in range(3)
    )
    return replace(StudyFigure(name, tuple(trials), repeats), **more)


class Page(HTMLParser):
    """What a browser would see of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.text += data


def read(figure: StudyFigure) -> Page:
    page = study_page(figure)
    assert isinstance(page, str)
    return Page(page)


def test_one_file_that_asks_for_nothing() -> None:
    page = read(studied())
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "img", "object", "embed", "base")
        assert not {"src", "href", "srcset", "action"} & set(attributes)
        assert not any(name.startswith("on") for name in attributes)
    policy = next(dict(attributes)["content"] for tag, attributes in page.tags if "http-equiv" in attributes)
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    assert "unsafe-inline" not in policy.split("style-src")[0]
    assert sum("plotly.js v" in script for script in page.scripts) == 1
    data, *run = page.scripts
    assert json.loads(data)["metric"] == "validation accuracy"
    for script in run:  # only what the policy names by its hash is run
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    ours = run[1]
    assert "http" not in ours
    assert "innerHTML" not in ours


def test_names_are_shown_and_never_run() -> None:
    plain = studied()
    trials = tuple(
        replace(
            t, settings={**t.settings, f"m.{HOSTILE}": [HOSTILE, "x"][t.number % 2]}, reason=HOSTILE if t.reason else ""
        )
        for t in plain.trials
    )
    chosen = {t.number: t.settings for t in trials}
    repeats = tuple(replace(t, settings=chosen[t.repeats or 0]) for t in plain.repeats)
    harmless, hostile = read(plain), read(replace(plain, name=HOSTILE, trials=trials, repeats=repeats))
    assert len(hostile.scripts) == len(harmless.scripts) == 3
    assert hostile.scripts[1:] == harmless.scripts[1:]
    assert not [tag for tag, _ in hostile.tags if tag in ("img", "a")]
    assert "<img src=x onerror=alert(2)>" in hostile.text
    data = json.loads(hostile.scripts[0])
    assert data["axes"][-1]["choices"] == [HOSTILE, "x"]
    assert "<" not in hostile.scripts[0]


def test_the_data_are_the_studys() -> None:
    figure = studied()
    data = json.loads(json.dumps(payload(figure), allow_nan=False))
    trials = data["trials"]
    assert trials["number"] == [trial.number for trial in figure.trials]
    for value, trial in zip(trials["value"], figure.trials, strict=True):
        assert value == (None if trial.value is None else pytest.approx(trial.value, rel=1e-5))
    assert trials["state"] == "".join({DONE: "d", STOPPED: "s", FAILED: "f"}[trial.state] for trial in figure.trials)
    assert data["best"] == figure.ended.index(figure.best)
    rate = next(axis for axis in data["axes"] if axis["name"] == "t.rate")
    assert rate["log"]
    assert rate["values"] == pytest.approx([trial.settings["t.rate"] for trial in figure.trials], rel=1e-5)
    kind = next(axis for axis in data["axes"] if axis["name"] == "t.kind")
    assert [kind["choices"][int(at)] for at in kind["values"]] == [trial.settings["t.kind"] for trial in figure.trials]
    assert [one["number"] for one in data["finalists"]] == [one.number for one in figure.ranking.standings]
    assert len(data["pairs"]) == 3
    assert trials["reason"]["5"] == "not finite"


def test_thousands_are_thinned_where_they_are_curves() -> None:
    trials = tuple(
        Trial(
            i, {"a": i / 5000}, 0, DONE if i % 2 else STOPPED, i / 5000, {"val_accuracy": np.linspace(0, i / 5000, 300)}
        )
        for i in range(5_000)
    )
    data = payload(StudyFigure("many", trials))
    curves = data["fan"]["curves"]
    assert len(curves) == 800
    assert max(len(curve["values"]) for curve in curves) <= 80
    assert max(curve["epochs"][-1] for curve in curves) == 300
    assert data["best"] in {curve["trial"] for curve in curves}
    assert len(data["trials"]["number"]) == 5_000


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", ["The winner", "Every trial", "chance of being best"]), ("ko", ["1위", "모든 시도", "최고일 확률"])],
)
def test_it_speaks_the_users_language(language: str, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONMAT_LANG", language)
    page = read(studied(test=0.9481))
    assert page.tags[0] == ("html", {"lang": language})
    assert all(one in page.text for one in said)
    assert "0.9481" in page.text
    words = json.loads(page.scripts[0])["words"]
    used = set(re.findall(r"words\.(\w+)", page.scripts[2]))
    assert used == set(words)  # none is missing, and none is carried for nothing


@pytest.mark.parametrize(("readings", "said"), [(None, ""), (1, "read once"), (3, "read 3 times")])
def test_it_says_how_often_the_test_set_was_read(readings: int | None, said: str) -> None:
    shown = read(studied(test=0.9481, readings=readings)).text
    assert said in shown
    assert said or "read once" not in shown


def test_the_winners_settings_and_the_legend_of_the_lines_are_there() -> None:
    figure = studied()
    shown = read(figure).text
    first = figure.ranking.first
    assert first is not None
    assert f"Trial {first.number}, all its settings: rate " in shown
    assert figure.best_name in shown
    assert figure.top_name in shown


@pytest.mark.parametrize(
    ("trials", "said"),
    [
        ((), "No trial has ended yet."),
        ((Trial(0, {"a": 1}, 0, FAILED, reason="the loss is not finite"),), "the loss is not finite"),
        ((Trial(0, {"a": 1}, 0, DONE, 0.9),), "one trial, 0.9000"),
    ],
)
def test_small_studies_say_why_they_show_little(trials: tuple[Trial, ...], said: str) -> None:
    assert said in read(StudyFigure("small", trials)).text


def test_it_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = study_page(studied(), tmp_path / "deep" / "study.html")
    assert path == tmp_path / "deep" / "study.html"
    assert [one.name for one in path.parent.iterdir()] == ["study.html"]
    (tmp_path / "taken").mkdir()
    with pytest.raises(StorageError):
        study_page(studied(5), tmp_path / "taken")


NUMBERS = st.one_of(st.floats(0, 1), st.sampled_from([math.nan, math.inf, -math.inf, 1e-300, 1e300, -5.0]), st.none())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(NUMBERS, st.sampled_from(STATES), NUMBERS, st.sampled_from(["a", True, 7, [1], [2, 3]])), max_size=24
    ),
    st.booleans(),
    st.text(max_size=20),
)
def test_any_study_is_json(rows: list[tuple[Any, ...]], maximize: bool, name: str) -> None:
    trials = tuple(
        Trial(i, {"x": x, name or "y": kind}, i % 3, state, value, {"score": np.array([0.5, value or 0.0])}, began=float(i), ended=i + 1.0)
        for i, (value, state, x, kind) in enumerate(rows)
    )  # fmt: skip
    repeats = tuple(replace(trial, repeats=trial.number // 3) for trial in trials)
    data = json.loads(json.dumps(payload(StudyFigure(name, trials, repeats, "score", maximize)), allow_nan=False))
    columns = data["trials"]
    assert len({len(columns[key]) for key in ("number", "value", "state", "epochs", "seconds")}) == 1
    assert all(len(axis["values"]) == len(columns["number"]) for axis in data["axes"])
