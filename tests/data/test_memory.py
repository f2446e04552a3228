"""Room for data."""

from __future__ import annotations

import pytest

from sonmat.data import memory
from sonmat.errors import DataError


def test_there_is_some_memory_and_data_may_have_a_part_of_it() -> None:
    free = memory.free_memory()
    assert 2**20 < free < 2**50
    assert 0 < memory.room_for_data() < 2 * free


def test_what_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 2_000_000_000)
    memory.check_fits(900_000_000)
    with pytest.raises(DataError, match=r"take 1\.5 GB of memory and there is room for 1\.0 GB"):
        memory.check_fits(1_500_000_000)


def test_a_containers_limit_counts_without_the_pages_of_files(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("group")
    for name, content in (("max", "1000"), ("current", "900"), ("stat", "anon 100\ninactive_file 600")):
        (folder / name).write_text(content)
    monkeypatch.setattr(memory, "_GROUPS", ((str(folder), "max", "current", "inactive_file"),))
    (folder / "memory.stat").write_text((folder / "stat").read_text())
    assert memory.free_memory() == 700
    (folder / "max").write_text("max")
    assert memory.free_memory() > 2**20
