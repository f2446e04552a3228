"""Runs over HTTP: trained, stopped, gone on with, named, deleted, and what the page is told meanwhile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sonmat as sm
from sonmat.runs.folder import RunFolder
from tests.studio.conftest import Events, Studio, until


def weights(folder: Path) -> list[np.ndarray]:
    return [np.asarray(one) for one in sm.load_model(folder / "model.keras").get_weights()]


def test_a_run_is_trained_and_told_of(studio: Studio, done: str, small: Path):
    row, told = studio.row(done), studio.get(f"/api/runs/{done}")
    assert (row["state"], row["title"], row["epochs"], row["of"]) == ("finished", "blocks", 4, 4)
    assert row["parameters"] == 16330
    assert row["val_accuracy"] > 0.5
    assert row["test_readings"] == 0  # its training does not look
    assert told["history"]["epoch"] == [1, 2, 3, 4]
    assert told["weights"] == [1, 2, 3, 4]
    assert told["findings"]
    assert told["recipe"]["train"]["epochs"] == 4
    events = studio.events
    assert [one["epoch"] for one in events.of("epoch", name=done)] == [0, 1, 2, 3]
    assert [one["logs"]["val_accuracy"] for one in events.of("epoch", name=done)] == told["history"]["val_accuracy"]
    assert events.wait("ended", name=done)["state"] == "finished"
    kinds = [one["kind"] for one in events.all if one.get("name") == done]
    order = [kinds.index(kind) for kind in ("run", "begun", "compiled", "progress", "finishing", "findings")]
    assert order == sorted(order)


@pytest.mark.slow
def test_it_is_what_the_command_trains(studio: Studio, done: str, tmp_path: Path):
    recipe = RunFolder(studio.runs / done).recipe
    found = sm.train(recipe, out=tmp_path / "run")
    for here, there in zip(weights(studio.runs / done), weights(tmp_path / "run"), strict=True):
        np.testing.assert_array_equal(here, there)
    here, there = RunFolder(studio.runs / done).result["validation"], found.result["validation"]
    assert here["accuracy"] == there["accuracy"]
    assert here["confusion"] == there["confusion"]


def test_its_pictures_and_page_come_later(studio: Studio, done: str):
    names = ("report.html", "curves.png", "confusion.png", "hardest.png")
    until(lambda: all((studio.runs / done / name).exists() for name in names), "pictures")


def test_a_network_met_before_begins_anew(studio: Studio, done: str):
    """The warm trainer keeps the network; another seed and rate, and then the first ones again, are as if it did not."""
    recipe = studio.get(f"/api/runs/{done}")["recipe"]
    other = studio.trained({**recipe, "seed": 5, "train": {**recipe["train"], "learning_rate": 0.02}})
    again = studio.trained(recipe)
    assert not np.array_equal(weights(studio.runs / other)[0], weights(studio.runs / done)[0])
    for here, there in zip(weights(studio.runs / again), weights(studio.runs / done), strict=True):
        np.testing.assert_array_equal(here, there)


def test_a_run_is_stopped_and_goes_on_to_the_same_weights(studio: Studio, small: Path):
    recipe = studio.recipe(small, model={"hidden": [8]}, epochs=400, learning_rate=0.1)  # some seconds
    name = studio.train(recipe)
    studio.events.wait("epoch", name=name, epoch=1)
    assert studio.client.delete(f"/api/runs/{name}").status_code == 409
    assert studio.post(f"/api/runs/{name}/stop", status=202)["state"] == "stopping"
    assert studio.ended(name) == "stopped"
    epochs = studio.row(name)["epochs"]
    assert 2 <= epochs < 400
    assert not (studio.runs / name / "model.keras").exists()
    studio.post(f"/api/runs/{name}/stop", status=409)
    studio.post(f"/api/runs/{name}/resume", status=202)
    assert studio.ended(name) == "finished"
    whole = studio.trained(recipe)
    for here, there in zip(weights(studio.runs / name), weights(studio.runs / whole), strict=True):
        np.testing.assert_array_equal(here, there)
    history = [studio.get(f"/api/runs/{one}")["history"]["val_loss"] for one in (name, whole)]
    assert history[0] == history[1]
    assert len(history[0]) == 400


def test_runs_wait_in_order_and_can_be_withdrawn(studio: Studio, small: Path):
    long = studio.train(studio.recipe(small, model={"hidden": [8]}, epochs=2000))
    second, third = (studio.train(studio.recipe(small, epochs=1), title) for title in ("b", "c"))
    assert [studio.row(name)["position"] for name in (second, third)] == [1, 2]
    assert studio.row(third)["state"] == "waiting"
    assert studio.get(f"/api/runs/{third}")["recipe"]["train"]["epochs"] == 1
    studio.client.patch(f"/api/runs/{third}", json={"title": "renamed"})
    studio.post(f"/api/runs/{second}/stop", status=202)
    assert until(lambda: not studio.row(second), "withdrawn")
    assert studio.row(third)["position"] == 1
    studio.events.wait("begun", name=long)
    assert studio.client.patch(f"/api/runs/{long}", json={"title": "long"}).json()["title"] == "long"
    studio.post(f"/api/runs/{long}/stop", status=202)
    assert studio.ended(long) == "stopped"
    assert studio.row(long)["title"] == RunFolder(studio.runs / long).title == "long"
    assert studio.ended(third) == "finished"
    assert RunFolder(studio.runs / third).title == "renamed"
    assert studio.client.delete(f"/api/runs/{long}").status_code == 200
    assert not (studio.runs / long).exists()
    studio.events.wait("gone", name=long)


def test_a_finished_run_goes_on_to_more_epochs(studio: Studio, small: Path):
    name = studio.trained(studio.recipe(small, epochs=1))
    studio.post(f"/api/runs/{name}/resume", status=409)
    studio.post(f"/api/runs/{name}/resume", {"epochs": "many"}, status=422)
    studio.post(f"/api/runs/{name}/resume", {"epochs": 3}, status=202)
    until(lambda: studio.row(name)["epochs"] == 3 and studio.row(name)["state"] == "finished", "three epochs")
    for epochs in (2, 3):  # it has them behind it
        studio.post(f"/api/runs/{name}/resume", {"epochs": epochs}, status=409)
    assert studio.row(name)["state"] == "finished"


def test_what_cannot_be_trained_says_why(studio: Studio, small: Path):
    recipe = studio.recipe(small)
    unknown = {**recipe, "model": {"name": "notes-mlp", "hiden": [3]}}
    assert "hidden" in studio.post("/api/runs", {"recipe": unknown}, 422)["fix"]
    program = {**recipe, "model": {"name": "/tmp/evil.py:build"}}
    assert "command line" in studio.post("/api/runs", {"recipe": program}, 422)["fix"]
    assert "명령줄" in studio.post("/api/runs", {"recipe": program}, 422, lang="ko")["fix"]
    name = studio.train({**recipe, "data": "/nowhere/at-all.npz"})
    assert studio.ended(name) == "failed"
    assert "at-all.npz" in studio.row(name)["problem"]
    assert not (studio.runs / name / "recipe.toml").exists()
    assert studio.client.delete(f"/api/runs/{name}").status_code == 200
    assert not studio.row(name)
    diverging = studio.train({**recipe, "train": {**recipe["train"], "learning_rate": 1e30}})
    assert studio.ended(diverging) == "failed"


def test_only_differences_are_sent(studio: Studio, done: str):
    first = studio.get("/api/runs")
    assert first["whole"]
    assert studio.get("/api/runs", since=first["version"])["rows"] == []
    studio.client.patch(f"/api/runs/{done}", json={"title": "blocks!"})
    second = studio.get("/api/runs", since=first["version"])
    assert [row["title"] for row in second["rows"]] == ["blocks!"]
    assert second["version"] > first["version"]
    assert studio.events.wait("run", name=done, title="blocks!").keys() == {"seq", "kind", "name", "title", "version"}
    studio.client.patch(f"/api/runs/{done}", json={"title": "blocks"})
    assert studio.get("/api/runs", since=5)["whole"]  # of an earlier server


def test_readers_of_events_agree(studio: Studio, small: Path):
    readers = [Events(studio.address) for _ in range(3)]
    name = studio.trained(studio.recipe(small, epochs=2))
    for one in readers:
        one.wait("ended", name=name)
    last = min(len(one.all) for one in readers)
    assert last > 10
    assert readers[0].all[:last] == readers[1].all[:last] == readers[2].all[:last]
    numbers = [one["seq"] for one in readers[0].all]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    again = Events(studio.address, after=readers[0].ids[-5])
    assert until(lambda: again.all, "the rest")[0]["seq"] == numbers[-5] + 1


@pytest.mark.parametrize("after", ["3-abcdef", "999999999"])
def test_numbers_of_another_server_load_all_anew(studio: Studio, after: str):
    assert Events(studio.address, after=after).wait("reload")["boot"] == studio.get("/api/start")["boot"]
