"""Studies over HTTP: cost, trials as they come, stop and resume, a trial opened; and corruptions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sonmat.jobs.corruptions import evaluate_corruptions
from sonmat.runs.folder import RunFolder
from sonmat.search.study import Study
from tests.studio.conftest import Studio, until

SPACE = {"train.learning_rate": [0.001, 0.5, "log"], "model.hidden": [[8], [16]]}


def asked(studio: Studio, small: Path, trials: int, epochs: int = 4) -> dict[str, Any]:
    recipe = studio.recipe(small, epochs=epochs, batch_size=50)
    return {"recipe": recipe, "space": SPACE, "trials": trials, "halving": 2, "finalists": 2, "seeds": 2}


@pytest.mark.slow
def test_a_study_is_priced_trained_and_opened(studio: Studio, small: Path):
    cost = studio.post("/api/studies/cost", asked(studio, small, 6))
    assert cost["models"] == 6
    assert cost["seconds"] > 0
    assert cost["bytes"] > 0
    name = studio.post("/api/studies", asked(studio, small, 6), 201)["name"]
    assert studio.events.wait("study_ended", name=name)["state"] == "finished"
    told = studio.get(f"/api/studies/{name}")
    study = Study.open(studio.home / "studies" / name)
    by_event = {one["number"]: one for event in studio.events.of("trials", name=name) for one in event["trials"]}
    for trial in study.trials:
        assert (by_event[trial.number]["state"], by_event[trial.number]["value"]) == (trial.state, trial.value)
    assert told["payload"]["trials"]["number"] == [trial.number for trial in study.trials]
    assert told["winner"]["trial"] == study.result["winner"]["trial"]
    assert (told["row"]["state"], told["row"]["done"]) == ("finished", 6)
    version = told["trials_version"]
    assert studio.get(f"/api/studies/{name}", since=version)["new"] == []
    assert len(studio.get(f"/api/studies/{name}", since=0)["new"]) == 6
    page = studio.client.get(f"/api/studies/{name}/page")
    assert "plotly.js v" in page.text
    assert name in page.text
    assert page.headers["content-security-policy"].startswith("sandbox allow-scripts allow-downloads;")
    number = told["winner"]["trial"]
    other = next(one for one in study.trials if one.number != number and one.state == "done")
    opened = studio.post(f"/api/studies/{name}/trials/{other.number}/open", status=201)
    assert studio.ended(opened["name"]) == "finished"
    assert studio.row(opened["name"])["val_accuracy"] == pytest.approx(other.value, abs=0.02)
    again = studio.post(f"/api/studies/{name}/trials/{other.number}/open")
    assert again == {"name": opened["name"], "new": False}
    winner = RunFolder(study.path / "winners" / str(number))
    first = studio.post(f"/api/studies/{name}/trials/{number}/open", status=201)
    copied = RunFolder(studio.runs / first["name"])  # it is not trained again, nor tested
    assert (first["new"], copied.result, copied.readings) == (False, winner.result, winner.readings)
    assert studio.row(first["name"])["state"] == "finished"
    assert studio.post(f"/api/studies/{name}/trials/{number}/open")["name"] == first["name"]
    studio.post(f"/api/studies/{name}/trials/99/open", status=422)


@pytest.mark.slow
def test_a_study_is_stopped_and_goes_on(studio: Studio, small: Path):
    name = studio.post("/api/studies", asked(studio, small, 12, epochs=120), 201)["name"]
    studio.events.wait("study", name=name)
    assert studio.post(f"/api/studies/{name}/stop", status=202)["state"] == "stopping"
    assert studio.events.wait("study_ended", name=name)["state"] == "stopped"
    row = next(one for one in studio.get("/api/studies")["rows"] if one["name"] == name)
    assert (row["state"], row["of"]) == ("stopped", 12)
    studio.post(f"/api/studies/{name}/stop", status=409)
    studio.post(f"/api/studies/{name}/resume", status=202)
    until(lambda: len(studio.events.of("study_ended", name=name)) == 2, "its end")
    row = next(one for one in studio.get("/api/studies")["rows"] if one["name"] == name)
    assert (row["state"], row["done"]) == ("finished", 12)


def test_a_study_that_cannot_be_is_refused(studio: Studio, small: Path):
    told = asked(studio, small, 4)
    wrong: list[dict[str, Any]] = [
        {"space": {}},
        {"space": {"train.learning_rat": [0.1, 1, "log"]}},
        {"space": {"train.learning_rate": [1, 0.1, "log"]}},
        {"trials": 0},
        {"sampler": "nobody"},
        {"recipe": 3},
    ]
    before = studio.get("/api/studies")["rows"]
    for one in wrong:
        assert studio.post("/api/studies", {**told, **one}, 422)["error"]
    assert studio.get("/api/studies")["rows"] == before


@pytest.mark.slow
def test_corruptions_come_by_event(studio: Studio, done: str):
    assert studio.get(f"/api/test/{done}/corruptions")["found"] is None
    studio.post(f"/api/test/{done}/corruptions", status=202)
    studio.events.wait("corruptions", run=done, ended=True)
    steps = [one["done"] for one in studio.events.of("corruptions", run=done) if not one.get("ended")]
    assert steps == list(range(1, 56))
    found = studio.get(f"/api/test/{done}/corruptions")
    expected = evaluate_corruptions(studio.runs / done).as_dict()
    assert found["found"] == expected
    assert not found["running"]
