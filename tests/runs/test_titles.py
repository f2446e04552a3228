"""Titles of runs, weights of epochs, and runs that were asked to stop."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sonmat as sm
from sonmat.engine.listener import Listener, Progress, Stopped
from sonmat.jobs.train import resume, train
from sonmat.runs import epoch_weights
from sonmat.runs.epoch_weights import EpochWeights, kept_epochs, put_epoch
from sonmat.runs.folder import RunFolder
from sonmat.runs.titles import LONGEST_TITLE, mark_stopped, read_title, write_title

QUICK = ("epochs=3", "hidden=[8]", "learning_rate=0.1")


class Stop(Listener):
    """Asked to stop in some epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_progress(self, progress: Progress) -> None:
        if progress.epoch == self.epoch:
            raise Stopped


def test_a_title_is_kept_in_one_line_and_taken_away(tmp_path: Path):
    assert read_title(tmp_path) == ""
    write_title(tmp_path, "  손글씨\n first  " + "x" * 300)
    assert read_title(tmp_path).startswith("손글씨 first xx")
    assert len(read_title(tmp_path)) == LONGEST_TITLE
    write_title(tmp_path, " ")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "title.txt").write_bytes(b"\xff\xfe")
    assert read_title(tmp_path) == ""


def test_a_run_that_stops_says_so_until_it_goes_on(small: Path, home: Path, sonmat_command: Callable[..., Any]):
    folder = home / "runs" / "one"
    kept = EpochWeights(folder)
    with pytest.raises(Stopped):
        train(data=small, settings=QUICK, out=folder, title="my first", listeners=[kept, Stop(1)])
    run = RunFolder(folder)
    assert (run.stopped, len(run.history), run.finished) == (True, 1, None)
    assert json.loads(sonmat_command("runs", "ls", "--json").out)[0]["title"] == "my first"
    assert "my first" in sonmat_command("runs", "ls").out
    found = resume(folder, listeners=[kept], drawn=False)
    assert not run.stopped
    assert not (folder / "report.html").exists()
    assert kept_epochs(folder) == [1, 2, 3]
    model = sm.load_model(folder / "model.keras")
    assert put_epoch(model, folder, 3)
    for here, there in zip(model.get_weights(), found.model.get_weights(), strict=True):
        np.testing.assert_array_equal(here, there)
    assert put_epoch(model, folder, 1)
    assert not np.array_equal(model.get_weights()[0], found.model.get_weights()[0])
    (folder / "weights" / "2.npy").write_bytes(b"torn")
    assert not put_epoch(model, folder, 2)
    assert not put_epoch(model, folder, 9)


def test_a_long_run_keeps_some_of_its_epochs(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    parameters = (784 + 1) * 8 + (8 + 1) * 10
    monkeypatch.setattr(epoch_weights, "MOST_BYTES", 2 * 4 * parameters)  # of two epochs
    folder = tmp_path / "run"
    train(data=small, settings=[*QUICK, "epochs=4"], out=folder, listeners=[EpochWeights(folder)], drawn=False)
    assert kept_epochs(folder) == [2, 4]


def test_a_mark_is_taken_away_where_there_is_none(tmp_path: Path):
    mark_stopped(tmp_path, False, "")
    assert not RunFolder(tmp_path).stopped
