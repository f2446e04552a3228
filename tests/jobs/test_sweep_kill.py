"""`sonmat sweep` killed and interrupted at random and at chosen moments, alone and in company: the same study, to the bit."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sonmat.runs.folder import RunFolder
from sonmat.search.packing import read_packed
from sonmat.search.study import Study
from sonmat.search.trial import DONE, STOPPED, Trial

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="process groups and signals are POSIX's"),
]

KILLS = 6
PATIENCE = 300.0  # seconds for what has to come at some time
SPACE = ("learning_rate=log:0.02..0.5", "hidden=[4],[6]", "dropout=0.1,0.3")
ASKED = (
    "--set", "epochs=4", "--set", "batch_size=30", "--set", "optimizer=sgd", "--metric", "val_loss", "--halving", 2,
    "--finalists", 3, "--seeds", 3,
)  # fmt: skip
Start = Callable[..., subprocess.Popen[bytes]]


def start(*arguments: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "sonmat.cli", "sweep", *map(str, arguments)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=_hear_interrupts if os.name == "posix" else None,
    )


def _hear_interrupts() -> None:
    """A shell starts what runs in its background deaf to Ctrl-C, and children inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def begin(small: Path, out: Path, trials: int = 12, *more: object) -> subprocess.Popen[bytes]:
    """Start the study that all are compared with, or go on with it."""
    if (out / "study.toml").exists():
        return start("--resume", out, "--json")
    return start("mlp", *SPACE, "--data", small, *ASKED, "--trials", trials, "--out", out, "--json", *more)


def finish(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    out, err = process.communicate()
    assert process.returncode == 0, err.decode()
    told: dict[str, Any] = json.loads(out)
    return told


def kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def wait_for(pattern: str, folder: Path, process: subprocess.Popen[bytes]) -> bool:
    """Wait until there is such a file; whether it came before the process ended."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        if next(folder.glob(pattern), None) is not None:
            return True
        if process.poll() is not None:
            return next(folder.glob(pattern), None) is not None
        time.sleep(0.002)
    raise AssertionError(f"{pattern} did not come")


def seen(trials: list[Trial]) -> list[Any]:
    """What has to be the same, to the bit."""
    return [
        (one.number, dict(one.settings), one.seed, one.state, one.value, one.reason, one.repeats, curves_of(one))
        for one in trials
    ]


def curves_of(trial: Trial) -> dict[str, bytes]:
    return {name: np.asarray(curve).tobytes() for name, curve in trial.curves.items()}


def same(out: Path, whole: Path) -> None:
    study, other = Study.open(out), Study.open(whole)
    assert seen(study.trials) == seen(other.trials)
    assert seen(study.repeats) == seen(other.repeats)
    result, expected = study.result, other.result
    assert result is not None
    assert expected is not None
    for name in ("ranking", "optimism", "best", "trials", "failed", "models"):
        assert result[name] == expected[name], name
    for name in ("trial", "settings", "validation", "test", "test_readings"):
        assert result["winner"][name] == expected["winner"][name], name
    assert result["winner"]["test_readings"] == 1
    runs = [RunFolder(place / result["winner"]["run"]) for place in (out, whole)]
    assert [len(run.readings) for run in runs] == [1, 1]
    histories = [
        [{name: value for name, value in line.items() if name != "seconds"} for line in run.history] for run in runs
    ]
    assert histories[0] == histories[1]
    left = [file.name for file in out.rglob("*") if ".state." in file.name or file.name.endswith(".part")]
    assert not left, "what a kill has left"
    assert {file.name for file in out.glob("*.png")} == {file.name for file in whole.glob("*.png")}


def recorded(study: Path) -> collections.Counter[tuple[str, str, int]]:
    """How often each trial of each batch was recorded at each rung."""
    found: collections.Counter[tuple[str, str, int]] = collections.Counter()
    for file in [*study.glob("batches/*/rung*-chunk*.npz"), *study.glob("finalists/rung*-chunk*.npz")]:
        if ".state." not in file.name:
            head, _ = read_packed(file, 2**30)
            found.update((file.parent.name, file.name.partition("-")[0], number) for number in head["numbers"])
    return found


@pytest.fixture(scope="module")
def whole(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study without a kill."""
    out = tmp_path_factory.mktemp("whole") / "study"
    finish(begin(small, out))
    trials = Study.open(out).trials
    assert {trial.state for trial in trials} == {DONE, STOPPED}
    assert len({trial.value for trial in trials}) == len(trials) == 12
    return out


def test_the_same_command_gives_the_same_study(small: Path, whole: Path, tmp_path: Path) -> None:
    finish(begin(small, tmp_path / "again"))
    same(tmp_path / "again", whole)


def test_killed_at_random_moments(small: Path, whole: Path, tmp_path: Path) -> None:
    begun = time.monotonic()
    finish(begin(small, tmp_path / "timed"))
    takes = time.monotonic() - begun
    chance = random.Random()
    killed = 0
    for _ in range(KILLS):
        process = begin(small, tmp_path / "study")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=chance.uniform(0.1, 0.5) * takes)
        if process.poll() is not None:
            break
        killed += 1
        kill(process)
    assert killed, "every process came to its end before it could be killed"
    finish(begin(small, tmp_path / "study"))
    same(tmp_path / "study", whole)


@pytest.mark.parametrize(
    "moment",
    [
        "study.toml",
        "batches/0000/rung0-chunk0.state.npz",
        "finalists/plan.json",
        "winners/*",
        "winners/*/model.keras",
        "winners/*/result.json",
        "result.json",
    ],
)
def test_killed_at_a_moment(moment: str, small: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "study"
    process = begin(small, out)
    assert wait_for(moment, out, process)
    kill(process)
    finish(begin(small, out))
    same(out, whole)


def test_killed_at_every_step_of_one_study(small: Path, whole: Path, tmp_path: Path) -> None:
    """Again and again, as soon as there is one more file: as many kills as there are chunks, and more."""
    out = tmp_path / "study"
    for moment in ("rung0-chunk0", "rung0-chunk1", "rung1-chunk0", "rung2-chunk0"):
        process = begin(small, out)
        wait_for(f"batches/0000/{moment}.npz", out, process)
        kill(process)
    for moment in (
        "finalists/rung0-chunk0.npz",
        "finalists/rung0-chunk1.npz",
        "winners/*/recipe.toml",
        "winners/*/*.png",
    ):
        process = begin(small, out)
        wait_for(moment, out, process)
        kill(process)
    finish(begin(small, out))
    same(out, whole)


@pytest.mark.parametrize("moment", ["batches/0000/rung0-chunk0.npz", "finalists/plan.json", "winners/*"])
def test_ctrl_c_says_how_to_go_on(moment: str, small: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "study"
    process = begin(small, out)
    assert wait_for(moment, out, process)
    os.kill(process.pid, signal.SIGINT)
    said, err = process.communicate()
    assert process.returncode == 130, err.decode()
    assert err.decode().strip().splitlines()[-1] == f"Stopped. Go on with: sonmat sweep --resume {out}", err.decode()
    assert not said
    finish(begin(small, out))
    same(out, whole)


def test_who_waits_takes_over_from_who_is_killed(small: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "study"
    first = begin(small, out)
    assert wait_for("batches/0000/plan.json", out, first)
    second = start("--resume", out)
    assert second.stdout is not None
    said = b""
    for line in second.stdout:
        said += line
        if b"waiting for another process" in line:
            break
    assert b"waiting" in said, said.decode()
    assert first.poll() is None, "there was nothing to wait for any more"
    kill(first)
    _, err = second.communicate()
    assert second.returncode == 0, err.decode()
    same(out, whole)
    assert set(recorded(out).values()) == {1}


@pytest.mark.parametrize("sampler", ["qmc", "tpe"])
def test_two_processes_end_with_one_result(sampler: str, small: Path, tmp_path: Path) -> None:
    out = tmp_path / "study"
    process = start(
        "mlp", *SPACE, "--data", small, *ASKED, "--trials", 24, "--sampler", sampler, "--out", out, "--json"
    )
    wait_for("batches/0000/plan.json", out, process)
    kill(process)
    both = [start("--resume", out, "--json") for _ in range(2)]
    one, other = (finish(each) for each in both)
    for name in ("ranking", "optimism", "best", "trials", "models", "failed"):
        assert one[name] == other[name], name
    assert one["winner"] == other["winner"]
    assert one["winner"]["test_readings"] == 1
    study = Study.open(out)
    trials = study.trials
    assert [trial.number for trial in trials] == list(range(24))
    assert {trial.state for trial in trials} <= {DONE, STOPPED}
    assert len({json.dumps(trial.settings) for trial in trials}) == 24
    assert set(recorded(out).values()) == {1}, "a trial was trained twice"
    assert len(study.repeats) == 9
    (run,) = (out / "winners").iterdir()
    assert len(RunFolder(run).readings) == 1
    alone = finish(start("--resume", out, "--json"))
    assert alone["ranking"] == one["ranking"]
    assert alone["winner"] == one["winner"]
