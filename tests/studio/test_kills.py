"""What is killed at any moment loses nothing: the trainer, the looker, the server."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sonmat as sm
from sonmat.models.catalog import base_recipe
from sonmat.runs.folder import RunFolder
from sonmat.serve.limits import Refusal
from sonmat.studio import child
from sonmat.studio.hub import Hub
from sonmat.studio.looker import Looker
from tests.studio.conftest import BYTES, ONE, Studio, alive, children, until

pytestmark = pytest.mark.slow


def weights(folder: Path) -> list[np.ndarray]:
    return [np.asarray(one) for one in sm.load_model(folder / "model.keras").get_weights()]


def test_a_killed_trainer_and_looker_come_again(own: Callable[[], Studio], small: Path):
    studio = own()
    recipe = studio.recipe(small, model={"hidden": [8]}, epochs=700, learning_rate=0.1)
    name, waiting = studio.train(recipe), studio.train(studio.recipe(small, epochs=1))
    studio.events.wait("epoch", name=name, epoch=2)
    first = studio.child("trainer")
    os.kill(first, signal.SIGKILL)
    until(lambda: studio.row(name)["state"] == "interrupted", "interrupted")
    assert 3 <= studio.row(name)["epochs"] < 700
    assert studio.ended(waiting) == "finished"  # the queue went on, in another process
    assert studio.child("trainer") != first
    studio.post(f"/api/runs/{name}/resume", status=202)
    assert studio.ended(name) == "finished"
    whole = studio.trained(recipe)
    for here, there in zip(weights(studio.runs / name), weights(studio.runs / whole), strict=True):
        np.testing.assert_array_equal(here, there)
    os.kill(studio.child("looker"), signal.SIGKILL)
    studio.events.wait("worker", which="looker", state="dead")
    assert studio.get(f"/api/test/{name}")["n"] == 180
    answer = studio.client.post("/api/draw", params={"runs": name}, content=ONE, headers=BYTES)
    assert answer.status_code == 200


def test_a_killed_server_loses_nothing(own: Callable[[], Studio], small: Path):
    studio = own()
    recipe = studio.recipe(small, model={"hidden": [8]}, epochs=90, learning_rate=0.1)
    name, waiting = studio.train(recipe, "first"), studio.train(studio.recipe(small, epochs=1), "second")
    studio.events.wait("epoch", name=name, epoch=1)
    trainer = studio.child("trainer")
    studio.kill()
    again = own()
    assert again.row(waiting)["title"] == "second"  # the queue is there
    until(lambda: again.row(name)["state"] in ("training", "finished"), "seen under way")
    assert again.ended(name) == "finished"  # the first server's trainer brought it to its end
    assert not RunFolder(again.runs / name).stopped
    assert again.row(name)["epochs"] == 90
    until(lambda: not alive(trainer), "the end of the first trainer")
    assert again.ended(waiting) == "finished"
    assert (again.row(name)["title"], again.row(waiting)["title"]) == ("first", "second")
    assert len(RunFolder(again.runs / name).history) == 90


def test_a_stopped_server_lets_the_run_end(own: Callable[[], Studio], small: Path):
    studio = own()
    name = studio.train(studio.recipe(small, model={"hidden": [8]}, epochs=700))
    studio.events.wait("epoch", name=name, epoch=1)
    assert name in studio.end()  # it says what trains on
    until(lambda: RunFolder(studio.runs / name).finished, "the end of the run")


def test_a_study_is_begun_again_where_the_trainer_died_before_it_left_anything(own: Callable[[], Studio], small: Path):
    studio = own()
    asked = {
        "recipe": studio.recipe(small, epochs=2),
        "space": {"train.learning_rate": [0.01, 0.1, "log"]},
        "trials": 2,
    }
    until(lambda: "trainer" in children(studio.process.pid), "the trainer")
    name = studio.post("/api/studies", asked | {"finalists": 0}, 201)["name"]
    os.kill(studio.child("trainer"), signal.SIGKILL)
    assert studio.events.wait("study_ended", name=name)["state"] == "finished"
    assert studio.get(f"/api/studies/{name}")["row"]["done"] == 2


def test_a_queue_of_another_shape_keeps_no_studio_from_starting(own: Callable[[], Studio], small: Path):
    studio = own()
    recipe = studio.recipe(small, epochs=1)
    studio.end()
    queue = studio.runs / ".studio" / "queue.json"
    good = {"id": 3, "do": "train", "name": "20260101-000000-good", "recipe": recipe, "title": "good"}
    bad = [
        {**good, "recipe": {"model": 3}},
        {**good, "recipe": None},
        {**good, "name": "../../x"},
        {**good, "name": 5},
        {"do": "train"},
        7,
        None,
    ]
    queue.write_text(json.dumps({"waiting": [*bad, good], "now": [1], "failed": "x"}))
    again = own()
    assert again.ended(good["name"]) == "finished"
    assert [row["name"] for row in again.get("/api/runs")["rows"]] == [good["name"]]


def test_an_answer_beyond_all_measure_costs_one_looker(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(child, "_LONGEST", 20_000)

    async def work() -> tuple[str, Any]:
        looker = Looker(Hub(), lambda *_: None)
        looker.child.start()
        recipe = base_recipe("convnet").as_dict()
        recipe["model"] |= {"filters": [4] * 60, "convolutions": 2}
        with pytest.raises(Refusal) as refused:
            await looker.ask("sizes", recipe=recipe, shape=[[28, 28], 10, 100])
        small = await looker.ask("sizes", recipe=base_recipe("notes-mlp").as_dict(), shape=[[28, 28], 10, 100])
        await looker.child.leave()
        return refused.value.problem, small

    problem, small = asyncio.run(work())
    assert "not there" in problem
    assert small["parameters"] == 16330


def test_one_studio_keeps_the_runs_of_a_home(own: Callable[[], Studio]):
    first = own()
    with pytest.raises(AssertionError, match=r"A studio keeps .*\n.*" + first.address):
        own()


def test_a_run_of_the_command_line_is_seen(own: Callable[[], Studio], small: Path, monkeypatch: pytest.MonkeyPatch):
    studio = own()
    monkeypatch.setenv("SONMAT_HOME", str(studio.home))
    out = studio.runs / "by-hand"
    sm.train(data=small, settings=["epochs=1"], out=out)
    until(lambda: studio.row("by-hand").get("state") == "finished", "the run")
    assert studio.events.of("run", name="by-hand")
    (out / "title.txt").write_text("mine\n")
    until(lambda: studio.row("by-hand")["title"] == "mine", "its title")
