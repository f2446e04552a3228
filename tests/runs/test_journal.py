"""The journal: lines that survive a kill, and a cut back to the checkpoint."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sonmat.errors import StorageError
from sonmat.runs.journal import append_line, cut_back, read_lines


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "history.jsonl"


def epochs(path: Path) -> list[int]:
    return [record["epoch"] for record in read_lines(path)]


def test_lines_are_read_as_they_were_appended(place: Path) -> None:
    records = [{"epoch": 0, "loss": 0.1, "정확도": 0.5}, {"epoch": 1, "loss": 1e-30, "f1": [0.1, 0.2]}]
    append_line(place, records[0])
    append_line(place, {**records[1], "f1": np.array([0.1, 0.2])})
    assert read_lines(place) == records
    append_line(place, {"epoch": 2, "loss": math.nan})
    assert math.isnan(read_lines(place)[-1]["loss"])


def test_there_may_be_no_journal(place: Path) -> None:
    assert read_lines(place) == []
    cut_back(place, 0)
    assert read_lines(place) == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(torn=st.integers(1, 60), done=st.integers(0, 4))
def test_a_torn_last_line_is_passed_over(place: Path, torn: int, done: int) -> None:
    """Torn at any byte, inside a letter too; what is appended after the cut begins a line of its own."""
    place.unlink(missing_ok=True)
    for epoch in range(3):
        append_line(place, {"epoch": epoch, "정확도": 0.5})
    whole = place.read_bytes()
    last = len(whole.splitlines(keepends=True)[-1])
    place.write_bytes(whole[: len(whole) - min(torn, last)])
    left = 2 + (torn == 1)  # a line without its newline is whole
    assert epochs(place) == list(range(left))
    cut_back(place, done)
    assert epochs(place) == list(range(min(done, left)))
    append_line(place, {"epoch": 9})
    assert epochs(place) == [*range(min(done, left)), 9]


def test_cut_back_keeps_one_line_an_epoch_in_order(place: Path) -> None:
    lines = [{"epoch": 1, "loss": 1}, {"epoch": 0}, "text", {"epoch": 1, "loss": 2}, {"epoch": 2}, {}, {"epoch": "0"}]
    place.write_text("".join(json.dumps(line) + "\n" for line in lines) + "\n\n")
    cut_back(place, 2)
    assert read_lines(place) == [{"epoch": 0}, {"epoch": 1, "loss": 2}]


def test_cut_back_writes_nothing_where_nothing_is_to_cut(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append_line(place, {"epoch": 0, "정확도": 0.5})
    before = place.stat()
    cut_back(place, 1)
    assert (place.stat().st_ino, place.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").mkdir()
    with pytest.raises(StorageError, match="Could not write"):
        append_line(tmp_path / "history.jsonl", {"epoch": 0})
