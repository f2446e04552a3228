"""`kill -9` of the whole process group at random times, then `sonmat resume`: the same weights, to the bit."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import sonmat as sm
from sonmat.runs.folder import RunFolder

KILLS = 8
SETTINGS = ("--set", "epochs=12", "--set", "hidden=[8]", "--set", "dropout=0.1")


def start(*arguments: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "sonmat.cli", *map(str, arguments)]
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


def finish(process: subprocess.Popen[bytes]) -> str:
    out, err = process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX's")
def test_a_killed_command_goes_on_to_the_same_weights(small: Path, tmp_path: Path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    finish(start("train", "mlp", "--data", small, *SETTINGS, "--out", tmp_path / "warm"))  # compiles for both
    begun = time.monotonic()
    finish(start("train", "mlp", "--data", small, *SETTINGS, "--out", whole))
    takes = time.monotonic() - begun
    chance = random.Random(0)
    stopped = 0
    while stopped < KILLS // 2:
        again = (killed / "recipe.toml").exists()
        process = start(
            *(["resume", killed] if again else ["train", "mlp", "--data", small, *SETTINGS, "--out", killed])
        )
        try:
            process.wait(timeout=chance.uniform(0.3, 1.05) * takes)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            stopped += 1
        else:
            takes *= 0.7  # the machine has become faster than when it was timed, or little is left to train
            if RunFolder(killed).finished:
                if stopped >= KILLS // 4:
                    break
                shutil.rmtree(killed)
        process.communicate()
    assert stopped >= KILLS // 4
    finish(start("resume", killed))

    for left, right in zip(
        sm.load_model(killed / "model.keras").get_weights(),
        sm.load_model(whole / "model.keras").get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(left, right)
    histories = [
        [{name: value for name, value in record.items() if name != "seconds"} for record in RunFolder(run).history]
        for run in (killed, whole)
    ]
    assert histories[0] == histories[1]
    assert RunFolder(killed).result["test"] == RunFolder(whole).result["test"]
    assert len(RunFolder(killed).readings) == 1


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_ctrl_c_says_how_to_go_on(small: Path, tmp_path: Path, home: Path):
    process = start("train", "--data", small, "--set", "epochs=100000")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(b"epoch"):
            break
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130, err.decode()
    (run,) = (home / "runs").iterdir()
    assert err.decode().strip().splitlines()[-1] == f"Stopped. Go on with: sonmat resume {run}", err.decode()
    assert RunFolder(run).history
