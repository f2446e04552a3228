"""The list of runs at a thousand of them: read once, then only what changes."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from sonmat.models.catalog import base_recipe
from sonmat.models.recipe import to_toml
from sonmat.studio import board as boards
from sonmat.studio.board import Board
from sonmat.studio.hub import Hub
from sonmat.studio.run_details import details
from sonmat.studio.wire import encoded

MANY = 1000


@pytest.fixture
def many(home: Path) -> Path:
    """A thousand finished runs, as folders alone."""
    recipe = to_toml(base_recipe("notes-mlp"))
    lines = "".join(
        json.dumps({"epoch": i, "val_loss": 1 / (i + 1), "val_accuracy": 0.9, "seconds": 0.1}) + "\n" for i in range(10)
    )
    result = json.dumps(
        {"finished": "2026", "epochs": 10, "parameters": 16330, "test": {"accuracy": 0.94, "n": 10_000}}
    )
    place, first = home / "runs", home / "first"
    first.mkdir()
    texts = {"recipe.toml": recipe, "history.jsonl": lines, "result.json": result, "model.keras": ""}
    for name, text in texts.items():
        (first / name).write_text(text)
    for number in range(MANY):
        folder = place / f"20260101-{number:06d}-notes-mlp"
        folder.mkdir(parents=True)
        for name in texts:
            (folder / name).hardlink_to(first / name)
    return place


def test_a_thousand_runs_are_listed_and_then_only_differences(many: Path, monkeypatch: pytest.MonkeyPatch):
    read: list[str] = []
    whole = boards.row_of
    monkeypatch.setattr(boards, "row_of", lambda folder: read.append(folder.name) or whole(folder))

    async def work() -> None:
        hub = Hub()
        board = Board(hub)
        await board.look()
        board._looked.set()
        first = await board.since(-1)
        assert (len(first["rows"]), len(read)) == (MANY, MANY)
        assert {row["state"] for row in first["rows"]} == {"finished"}
        assert {row["test_readings"] for row in first["rows"]} == {1}
        names = sorted(row["name"] for row in first["rows"])
        (many / names[3] / "title.txt").write_text("third\n")
        (many / names[5]).rename(many.parent / "elsewhere")
        read.clear()
        before = hub.seq
        await board.look()
        second = await board.since(first["version"])
        assert read == [names[3]]
        assert [(row["name"], row["title"]) for row in second["rows"]] == [(names[3], "third")]
        assert second["gone"] == [names[5]]
        told = [json.loads(text) for seq, text in hub._kept if seq > before]
        assert [set(one) - {"seq", "version"} for one in told] == [{"kind", "name", "title"}, {"kind", "name"}]
        await board.look()
        assert (await board.since(second["version"]))["rows"] == []

    asyncio.run(work())


def test_a_broken_folder_is_a_row_too(tmp_path: Path):
    folder = tmp_path / "20260101-000001-notes-mlp"
    folder.mkdir()
    (folder / "recipe.toml").write_text("no = [recipe")
    (folder / "result.json").write_text("[1")
    row = boards.row_of(folder)
    assert (row["name"], row["state"]) == (folder.name, "failed")
    assert "recipe.toml" in row["problem"]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("history.jsonl", "[" * 200_000),
        ("history.jsonl", json.dumps({"epoch": "x", "seconds": 10**400})),
        ("history.jsonl", json.dumps({"epoch": 0, "seconds": "long", "val_loss": [1]})),
        ("result.json", "[" * 200_000),
        ("result.json", json.dumps({"test": [3], "epochs": {}})),
        ("title.txt", "\0" * 100_000),
        ("recipe.toml", "[" * 100_000),
        ("recipe.toml", None),
        ("history.jsonl", None),
    ],
)
def test_one_broken_folder_hides_no_other(home: Path, file: str, content: str | None):
    for name in ("bad", "good"):
        folder = home / "runs" / name
        folder.mkdir(parents=True)
        (folder / "recipe.toml").write_text(to_toml(base_recipe("notes-mlp")))
    path = home / "runs" / "bad" / file
    path.unlink(missing_ok=True)
    if content is None:
        os.mkfifo(path)  # which nobody writes to
    else:
        path.write_text(content)
    nameless = home / "runs" / os.fsdecode(b"no\xfftext")
    nameless.mkdir()
    (nameless / "recipe.toml").touch()

    async def work() -> list[str]:
        board = Board(Hub())
        watching = asyncio.create_task(board.watch())
        told = await board.since(-1)
        encoded(told).encode()
        watching.cancel()
        return sorted(row["name"] for row in told["rows"])

    assert {"bad", "good"} <= set(asyncio.run(work()))
    assert json.loads(encoded(details(home / "runs" / "bad")))["history"].keys() >= {"epoch"}


def test_what_failed_here_and_went_on_elsewhere_has_not_failed(home: Path):
    folder = home / "runs" / "a"
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text(to_toml(base_recipe("notes-mlp")))

    async def work() -> list[str]:
        board = Board(Hub())
        await board.look()
        board.hold_for_now("a", state="failed", problem="Another process is training.")
        await board.look()
        states = [board.row("a")["state"]]  # type: ignore[index]
        board.hold("a", state="waiting", position=1)  # asked again: whatever happens in the folder, it waits
        (folder / "title.txt").write_text("a\n")
        await board.look()
        states.append(board.row("a")["state"])  # type: ignore[index]
        board.hold_for_now("a", state="failed", position=None, problem="Another process is training.")
        with (folder / "history.jsonl").open("a") as journal:
            journal.write(json.dumps({"epoch": 0, "val_accuracy": 0.5}) + "\n")
        await board.look()
        row = board.row("a")
        assert row is not None
        return [*states, row["state"], row["problem"], str(row["epochs"])]

    assert asyncio.run(work()) == ["failed", "waiting", "interrupted", "", "1"]


def test_a_slow_reader_is_told_to_load_anew():
    async def work() -> list[Any]:
        hub = Hub()
        for number in range(5000):
            hub.tell("run", number=number)
        found = []
        stream = hub.stream(10)
        while len(found) < 2:
            text = await anext(stream)
            found += [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
            if [one["kind"] for one in found] == ["reload"] and hub.seq == 5000:
                hub.tell("run", number=5000)
        return found

    told = asyncio.run(work())
    assert [one["kind"] for one in told] == ["reload", "run"]
    assert told[1]["seq"] == 5001
