"""A study that is killed, at any moment, and called again has the same trials and results as one that was not."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sonmat.search.study import Study

HELPER = Path(__file__).with_name("kept_study.py")
KILLED = -9

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the tests fork")


def load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


kept = load(HELPER)


class Starter:
    """The process of `kept_study.py`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.errors = open(folder / "stderr.txt", "w+")  # noqa: SIM115 (closed with the process)
        self.process = subprocess.Popen(
            [sys.executable, str(HELPER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )

    def run(self, **job: Any) -> list[dict[str, Any]]:
        """Do a job, and the one together with it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(job, default=str) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, (self.folder / "stderr.txt").read_text()[-3000:]
        return json.loads(line)  # type: ignore[no-any-return]

    def finish(self, **job: Any) -> dict[str, int]:
        """Do a job to its end; the operations counted."""
        (told,) = self.run(**job)
        assert told["status"] == 0, told["said"]
        return json.loads(told["said"])  # type: ignore[no-any-return]

    def close(self) -> None:
        self.process.communicate(timeout=60)
        self.errors.close()


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    starter = Starter(tmp_path_factory.mktemp("starter"))
    yield starter
    starter.close()


def uninterrupted(starter: Starter, name: str, **job: Any) -> dict[str, Any]:
    """What a study leaves that nothing interrupts, and its operations on files."""
    counted = starter.finish(path=starter.folder / name, **job)
    trials = Study.open(starter.folder / name).trials
    assert {trial.state for trial in trials} == {"done", "stopped", "failed"}
    return {"trials": kept.seen(trials), "counted": counted}


@pytest.fixture(scope="module")
def whole(starter: Starter) -> dict[str, Any]:
    return uninterrupted(starter, "whole")


def check_same(path: Path, whole: dict[str, Any]) -> None:
    study = Study.open(path)
    assert kept.seen(study.trials) == whole["trials"]
    assert study.left == 0
    kept.check_optuna(study)
    assert not [file for file in (path / "batches").rglob("*") if "state" in file.name or file.name.endswith(".part")]
    assert not [file for file in (path / "batches").iterdir() if file.name.startswith(".new")]


def test_every_kind_of_operation_is_hooked(whole: dict[str, Any]):
    assert set(kept.KINDS) <= whole["counted"].keys()


def test_killed_in_each_kind_of_operation(starter: Starter, whole: dict[str, Any], tmp_path: Path):
    for kind in kept.KINDS:
        count = whole["counted"][kind]
        for number in {count // 3 + 1, count}:
            path = tmp_path / f"{kind}-{number}"
            (told,) = starter.run(path=path, at=f"{kind}:{number}")
            assert told["status"] == KILLED, (kind, number, told)
            starter.finish(path=path)
            check_same(path, whole)


@pytest.mark.slow
def test_killed_again_and_again(starter: Starter, whole: dict[str, Any], tmp_path: Path):
    chance = random.Random(1)
    kills = 0
    for _ in range(400):
        (told,) = starter.run(path=tmp_path / "study", at=chance.randint(1, 60))
        kills += told["status"] == KILLED
        if told["status"] != KILLED:
            assert told["status"] == 0, told["said"]
            break
    assert kills >= 10
    check_same(tmp_path / "study", whole)


@pytest.mark.slow
def test_killed_at_every_operation(starter: Starter, tmp_path: Path):
    small: dict[str, Any] = {"asked": {"trials": 8, "epochs": 3, "sampler_seed": 1}}
    whole = uninterrupted(starter, "small", **small)
    for number in range(1, sum(whole["counted"].values()) + 1):
        path = tmp_path / str(number)
        (told,) = starter.run(path=path, at=number, **small)
        assert told["status"] == KILLED, (number, told)
        if (path / "study.toml").exists():
            assert len(Study.open(path).trials) in (0, 4, 8)  # a reader never fails, and sees whole batches
        starter.finish(path=path, **small)
        check_same(path, whole)


@pytest.mark.slow
def test_killed_at_random_times(starter: Starter, whole: dict[str, Any], tmp_path: Path):
    chance = random.Random(2)
    for number in range(20):
        path = tmp_path / str(number)
        for _ in range(4):
            starter.run(path=path, delay=chance.uniform(0.0, 0.4), pause=0.005)
        starter.finish(path=path)
        check_same(path, whole)


def logged(*logs: Path) -> list[str]:
    return [line for log in logs if log.exists() for line in log.read_text().splitlines()]


def together(starter: Starter, path: Path, **first: Any) -> tuple[list[dict[str, Any]], list[Path]]:
    """Two processes on one study, each of which trains something before the other ends."""
    logs = [path.with_name(f"{path.name}-{n}") for n in range(2)]
    options = {"path": path, "asked": {"trials": 40}, "pause": 0.002}
    jobs = [{**options, "log": logs[n], "meet": logs[1 - n]} for n in range(2)]
    return starter.run(**jobs[0], **first, together=jobs[1]), logs


def test_two_processes_share_a_study(starter: Starter, tmp_path: Path):
    told, logs = together(starter, tmp_path / "study")
    assert [one["status"] for one in told] == [0, 0], told
    study = Study.open(tmp_path / "study")
    starter.finish(path=study.path, asked={"trials": 40})
    assert [trial.number for trial in study.trials] == list(range(40))
    assert study.left == 0
    assert all(log.read_text() for log in logs)  # both did their part
    assert len(logged(*logs)) == len(set(logged(*logs)))  # and none what the other did
    assert {line.split()[0] for line in logged(*logs)} == {str(number) for number in range(40)}
    kept.check_optuna(study)


@pytest.mark.parametrize("seed", range(3))
def test_what_a_killed_process_held_another_takes_over(starter: Starter, tmp_path: Path, seed: int):
    # Each of the two is sure of a batch, which is some 150 operations more once a chunk of it is trained: the first is
    # killed while it holds its own, and the second does not wait for what the first has never done.
    told, _ = together(starter, tmp_path / "study", at=random.Random(seed).randint(5, 90), trained=True)
    assert [one["status"] for one in told] == [KILLED, 0], told
    starter.finish(path=tmp_path / "study", asked={"trials": 40})
    study = Study.open(tmp_path / "study")
    assert [trial.number for trial in study.trials] == list(range(40))
    assert study.left == 0
    for trial in study.trials:  # whoever trained it, it is the same
        if trial.state == "done":
            assert kept.seen([trial])[0][-1] == kept.seen([kept.trained(trial, trial.epochs)])[0][-1]
    kept.check_optuna(study)
