"""Run folders: made, found, listed, counted, deleted, whatever lies in them."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sonmat.errors import RecipeError, RunError, StorageError
from sonmat.models.catalog import base_recipe
from sonmat.runs.folder import RunFolder, list_runs, new_run, now, open_run, remove_run
from sonmat.runs.lock import held

RECIPE = base_recipe("notes-mlp")


def begun(name: str) -> RunFolder:
    run = new_run(name)
    run.write_recipe(RECIPE)
    return run


def end(run: RunFolder, epochs: int = RECIPE.train.epochs, accuracy: float = 0.5) -> int:
    (run.path / "model.keras").write_bytes(b"")
    return run.end({"finished": now(), "epochs": epochs, "test": {"accuracy": accuracy, "loss": 1.0, "n": 7, "x": []}})


def test_runs_begun_in_one_second_have_their_own_folders():
    made: list[RunFolder] = []
    threads = [threading.Thread(target=lambda: made.append(new_run("/some/file.py:build"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({run.path for run in made}) == 8
    assert all(run.path.is_dir() and "file-py-build" in run.name for run in made)


def test_a_run_is_found_by_path_and_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    run = begun("a")
    monkeypatch.chdir(tmp_path)
    assert open_run(run.path).path == run.path
    assert open_run(run.name).path == run.path
    assert [one.path for one in list_runs()] == [run.path]
    for name in ("nowhere", "", ".", "a\0b", "x" * 400):
        with pytest.raises(RunError):
            open_run(name)


def test_without_a_home_runs_are_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SONMAT_HOME")
    monkeypatch.chdir(tmp_path)
    run = begun("a")
    assert run.path.resolve().parent == (tmp_path / "runs").resolve()
    assert open_run(run.name).recipe == RECIPE


def test_a_folder_is_free_or_holds_the_same_run(tmp_path: Path):
    run = RunFolder(tmp_path / "run")
    run.check_free(RECIPE)
    run.path.mkdir()
    (run.path / ".lock").touch()  # what a kill at the start leaves
    (run.path / ".recipe.toml.x1.part").touch()
    run.check_free(RECIPE)
    run.write_recipe(RECIPE)
    run.check_free(RECIPE)
    with pytest.raises(RunError, match="another recipe"):
        run.check_free(replace(RECIPE, seed=1))


def test_finished_means_every_epoch_of_the_recipe():
    run = begun("a")
    assert (run.result, run.finished) == (None, None)
    end(run, epochs=3)
    assert run.result
    assert run.finished is None
    end(run)
    assert run.finished


def test_readings_are_counted_once_each():
    run = begun("a")
    assert run.readings == []
    assert end(run) == 1
    assert run.count_reading("evaluate", {"accuracy": 0.25, "n": 7, "per_class": []}) == 2
    assert end(run, accuracy=0.75) == 3
    assert [(one["by"], one["accuracy"]) for one in run.readings] == [
        ("train", 0.5),
        ("evaluate", 0.25),
        ("train", 0.75),
    ]
    assert all("per_class" not in one for one in run.readings)


def test_readings_at_once_are_all_counted():
    run = begun("a")
    threads = [threading.Thread(target=run.count_reading, args=("evaluate", {"n": n})) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one["n"] for one in run.readings) == list(range(12))


def test_one_holder_at_a_time_who_may_hold_again(tmp_path: Path):
    refused: list[str] = []

    def other() -> None:
        try:
            with held(tmp_path / "run"):
                refused.append("")
        except RunError as error:
            refused.append(error.problem)

    def ask() -> str:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        return refused[-1]

    with held(tmp_path / "run"):
        with held(tmp_path / "run"):
            assert "Another process" in ask()
        assert "Another process" in ask()
    assert ask() == ""


def test_removing(tmp_path: Path):
    run = begun("a")
    (run.path / "inner").mkdir()
    (run.path / "inner" / "x").touch()
    (tmp_path / "kept").touch()
    (run.path / "link").symlink_to(tmp_path)
    remove_run(run)
    assert not run.path.exists()
    assert (tmp_path / "kept").exists()


def test_removing_a_link_leaves_what_it_leads_to(tmp_path: Path, home: Path):
    there = begun("there").path.rename(tmp_path / "elsewhere")
    (home / "runs" / "link").symlink_to(there)
    remove_run(open_run("link"))
    assert not (home / "runs" / "link").is_symlink()
    assert (there / "recipe.toml").is_file()


def test_a_place_that_cannot_be_written(home: Path):
    (home / "runs").write_text("a file where the folder should be")
    with pytest.raises(StorageError):
        new_run("a")
    assert list_runs() == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=80) | st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["epoch", "test", "seconds", "epochs"]), inner),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
@pytest.mark.parametrize("file", ["recipe.toml", "history.jsonl", "result.json", "test_readings.json"])
def test_whatever_is_in_the_files_the_list_survives(file: str, content: bytes, tmp_path: Path):
    run = RunFolder(tmp_path)
    run.write_recipe(RECIPE)
    (tmp_path / file).write_bytes(content)
    assert run.row()["name"] == tmp_path.name
    assert isinstance(run.history, list)
    assert isinstance(run.readings, list)
    try:
        assert run.recipe is not None
    except (RunError, RecipeError):
        assert file == "recipe.toml"
    if file != "recipe.toml":
        (tmp_path / file).unlink()
