"""The study folder: made, opened, read while it is written, extended, and shown as tables."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonmat import places
from sonmat.errors import RecipeError, RunError, SonmatError, StorageError, UnsupportedError
from sonmat.models.recipe import Recipe, TrainSettings
from sonmat.search import study as study_module
from sonmat.search.space import Choice, Range, Space
from sonmat.search.study import Asked, Study, list_studies, new_study, open_study
from sonmat.search.trial import DONE, FAILED, STOPPED, WAITING


def load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


kept = load(Path(__file__).with_name("kept_study.py"))
asked, work, seen = kept.asked, kept.work, kept.seen


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(study_module, "batch_size", lambda name, trials: 4)


@pytest.fixture
def done(tmp_path: Path) -> Study:
    """A study of which everything is tried."""
    study = Study.create(tmp_path / "study", asked())
    work(study)
    return study


def test_a_study_from_end_to_end(done: Study):
    trials = done.trials
    assert [trial.number for trial in trials] == list(range(12))
    assert {trial.state for trial in trials} == {DONE, STOPPED, FAILED}
    for trial in trials:
        done.asked.space.check(trial.settings)
        assert trial.epochs in ((10,) if trial.state == DONE else (2, 4))
        np.testing.assert_array_equal(
            trial.curves["val_accuracy"], kept.trained(trial, trial.epochs).curves["val_accuracy"]
        )
    best = done.best()
    assert best is not None
    assert best.value == max(trial.value for trial in trials if trial.state == DONE)
    assert done.left == 0
    assert done.take_batch() is None
    assert seen(Study.open(done.path).trials) == seen(trials)


@pytest.mark.parametrize("sampler", ["random", "grid", "qmc", "tpe", "cmaes"])
def test_each_sampler_asks_the_same_again_in_another_process(sampler: str, tmp_path: Path):
    whole = Study.create(tmp_path / "whole", asked(sampler=sampler, sampler_seed=3))
    work(whole)
    for _ in range(3):  # as many processes, each of which does one batch
        study = Study.create(tmp_path / "cut", asked(sampler=sampler, sampler_seed=3))
        batch = study.take_batch()
        assert batch is not None
        kept.train(batch)
        batch.release()
    assert Study.open(tmp_path / "cut").take_batch() is None
    assert seen(study.trials) == seen(whole.trials)
    other = Study.create(tmp_path / "other", asked(sampler=sampler, sampler_seed=4))
    work(other)
    assert [trial.settings for trial in other.trials] != [trial.settings for trial in whole.trials]


def test_a_waiting_batch_is_read_too(tmp_path: Path):
    study = Study.create(tmp_path / "study", asked())
    assert study.trials == []
    assert study.best() is None
    assert study.left == 12
    with study.take_batch() as batch:  # type: ignore[union-attr]
        assert [trial.state for trial in Study.open(study.path).trials] == [WAITING] * 4
        batch.record(0, [kept.trained(batch.trials[0], 2)])
        best = study.best()
        assert best is not None
        assert best.number == 0
        assert study.left == 12


def test_two_objects_get_different_batches(tmp_path: Path):
    first, second = (Study.create(tmp_path / "study", asked()) for _ in range(2))
    batches = [study.take_batch() for study in (first, second, first)]
    numbers = [[trial.number for trial in batch.trials] for batch in batches if batch]
    assert numbers == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert second.take_batch() is None  # nothing is left to ask for, though nothing is done
    assert second.left == 12
    assert batches[1] is not None
    batches[1].release()
    again = first.take_batch()
    assert again is not None
    assert [trial.number for trial in again.trials] == [4, 5, 6, 7]


def test_threads_share_a_study(tmp_path: Path):
    Study.create(tmp_path / "study", asked(trials=24))
    logs = [tmp_path / f"log{n}" for n in range(3)]
    threads = [
        threading.Thread(target=work, args=(Study.open(tmp_path / "study"),), kwargs={"log": log}) for log in logs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = [line for log in logs if log.exists() for line in log.read_text().splitlines()]
    assert len(lines) == len(set(lines))
    assert [trial.number for trial in Study.open(tmp_path / "study").trials] == list(range(24))
    kept.check_optuna(Study.open(tmp_path / "study"))


def test_reading_goes_on_while_a_study_is_worked_on(tmp_path: Path):
    study = Study.create(tmp_path / "study", asked(trials=24))
    ended = threading.Event()
    problems: list[Exception] = []
    sizes: list[int] = []

    def read() -> None:
        while not ended.is_set():
            try:
                reader = Study.open(study.path)
                sizes.append(len(reader.trials))
                reader.row()
                reader.to_dataframe("epochs")
            except Exception as error:
                problems.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    work(study, chunk=1)
    ended.set()
    reader.join()
    assert not problems
    assert sizes == sorted(sizes)
    assert all(size % 4 == 0 for size in sizes)


def test_reading_neither_locks_nor_writes(done: Study):
    def files() -> dict[str, tuple[int, int]]:
        return {str(f): (f.stat().st_mtime_ns, f.stat().st_ino) for f in done.path.rglob("*")}

    before = files()
    with done._alone():  # as if another process were just asking
        reader = Study.open(done.path)
        assert len(reader.trials) == 12
        assert reader.row()["trials"] == "12/12"
    assert files() == before


def test_no_more_trials_than_a_finite_space_has(tmp_path: Path):
    space = Space({"train.learning_rate": Choice((0.1, 0.2, 0.3)), "train.optimizer": Choice(("sgd", "adam"))})
    for sampler in ("random", "grid", "tpe"):
        study = Study.create(tmp_path / sampler, asked(sampler=sampler, space=space, trials=50))
        assert study.left == 6
        work(study)
        found = [tuple(trial.settings.values()) for trial in study.trials]
        assert sorted(found) == sorted((rate, name) for rate in (0.1, 0.2, 0.3) for name in ("sgd", "adam"))
        assert study.left == 0


# — asked —

NUMBERS = st.floats(1e-6, 1.0)
SPACES = st.dictionaries(
    st.from_regex(r"(train|model)\.[a-z_가-힣]{1,8}", fullmatch=True),
    st.one_of(
        st.lists(st.integers(-5, 5) | st.text(max_size=5) | st.lists(st.integers(1, 64), max_size=3), min_size=1)
        .filter(lambda values: len({str(type(v)) + str(v) for v in values}) == len(values))
        .map(lambda values: Choice(tuple(values))),
        st.tuples(NUMBERS, NUMBERS, st.booleans())
        .filter(lambda ends: ends[0] < ends[1])
        .map(lambda ends: Range(ends[0], ends[1], log=ends[2])),
    ),
    min_size=1,
    max_size=4,
)


@given(
    SPACES,
    st.builds(Recipe, seed=st.integers(0, 2**32 - 1), train=st.builds(TrainSettings, learning_rate=NUMBERS)),
    st.fixed_dictionaries(
        {
            "trials": st.integers(1, 10**6),
            "sampler_seed": st.integers(0, 2**62),
            "metric": st.sampled_from(["val_accuracy", "val_손실"]),
            "maximize": st.booleans(),
            "halving": st.none() | st.integers(2, 100),
            "storage": st.none() | st.just('postgresql://me:p%40"s@host/db'),
        }
    ),
)
@settings(deadline=None)
def test_what_is_asked_comes_back_from_toml(dimensions: Any, recipe: Recipe, options: dict[str, Any]):
    question = Asked(recipe, Space(dimensions), **options)
    assert Asked.from_toml(question.to_toml()) == question


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"trials": 0}, "trials"),
        ({"trials": True}, "trials"),
        ({"trials": 1.5}, "trials"),
        ({"sampler_seed": -1}, "sampler_seed"),
        ({"finalists": -1}, "finalists"),
        ({"seeds": 0}, "seeds"),
        ({"halving": 1}, "halving"),
        ({"metric": ""}, "metric"),
        ({"sampler": 3}, "sampler"),
        ({"maximize": "yes"}, "maximize"),
        ({"storage": ""}, "storage"),
    ],
)
def test_what_cannot_be_asked_is_refused(change: dict[str, Any], named: str):
    with pytest.raises(RecipeError, match=named):
        asked(**change)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("trials = ", "not valid TOML"),
        ("trails = 3", "trials"),
        ("trials = 3", "space"),
        ("space = 3\nrecipe = {}", "space"),
        ("space = {}\nrecipe = {epoch = 3}", "epoch"),
        ("recipe = {}\n[space]\na = []", "a"),
    ],
)
def test_bad_toml_names_its_file(text: str, match: str):
    with pytest.raises(RecipeError, match=match) as error:
        Asked.from_toml(text, source="there/study.toml")
    assert "there/study.toml" in str(error.value)


# — the folder —


def test_a_study_is_found_by_path_and_by_name(home: Path):
    folder = new_study("notes-mlp")
    study = Study.create(folder, asked(trials=4))
    assert folder.parent == home / "studies" == places.studies_folder()
    assert folder.name.endswith("-notes-mlp")
    assert new_study("../x y").name.endswith("-x-y")
    assert open_study(folder).path == folder
    assert open_study(study.name).path == folder
    assert [one.name for one in list_studies()] == [study.name]
    with pytest.raises(RunError, match="There is no study") as error:
        open_study(study.name[:-1] + "q")
    assert study.name in str(error.value)
    assert list_studies(home / "nowhere") == []


def test_studies_go_into_the_working_folder_without_a_home(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SONMAT_HOME")
    assert places.studies_folder() == Path("studies")


def test_the_same_question_goes_on_and_another_is_refused(tmp_path: Path):
    study = Study.create(tmp_path / "study", asked())
    batch = study.take_batch()
    assert len(Study.create(tmp_path / "study", asked()).trials) == 4
    with pytest.raises(RunError, match="something else"):
        Study.create(tmp_path / "study", asked(trials=13))
    assert batch is not None


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("…")
    (tmp_path / "file").write_text("…")
    for name in ("thesis", "file"):
        with pytest.raises(RunError, match="is not a study"):
            Study.create(tmp_path / name, asked())
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".DS_Store").write_text("")
    Study.create(tmp_path / "empty", asked())


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
def test_a_place_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refused(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refused)
    with pytest.raises(StorageError, match="Permission denied"):
        Study.create(tmp_path / "study", asked())


def test_what_cannot_be_is_refused_before_anything_is_there(tmp_path: Path):
    for options, match in (
        ({"sampler": "tea"}, "tea"),
        ({"storage": "nonsense"}, "nonsense"),
        ({"storage": "sqlite://"}, "memory"),
        ({"storage": "nodialect://host/x"}, "nodialect"),
    ):
        with pytest.raises(RecipeError, match=match):
            Study.create(tmp_path / "study", asked(**options))
        assert not (tmp_path / "study").exists()
    with pytest.raises(UnsupportedError, match="pip install 'oracledb'"):
        Study.create(tmp_path / "study", asked(storage="oracle://me@localhost/x"))
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"format = 1",
        b'format = 1\noptuna = "x"',
        b'format = 1\noptuna = [""]',
        b'format = 9\noptuna = ["x"]',
        b'format = 1\noptuna = ["x"]\nspace = {a = {low = "x"}}\nrecipe = {}',
        b'format = 1\noptuna = ["x"]\nspace = {}\nrecipe = {model = {name = 3}}',
        b'format = 1\noptuna = ["x"]\nspace = {}\nrecipe = {train = {epochs = [[1]]}}',
        b"a = " + b"[" * 100_000,
        b"a." * 10_000,
    ],
)
def test_a_strange_study_file_is_an_error(content: bytes, done: Study):
    (done.path / "study.toml").write_bytes(content)
    for attempt in (lambda: Study.open(done.path), lambda: done.asked, done.take_batch, lambda: done.extend(trials=90)):
        with pytest.raises(SonmatError, match=r"study\.toml"):
            attempt()
    assert done.row() == {"name": "study", "state": "broken"}
    assert len(done.trials) == 12


def test_a_broken_plan_stops_work_but_not_reading(done: Study):
    done.extend(trials=16)
    (done.path / "batches" / "0001" / "plan.json").write_bytes(b"junk")
    study = Study.open(done.path)
    assert [trial.number for trial in study.trials] == [*range(4), *range(8, 12)]
    with pytest.raises(RunError, match="0001"):
        study.take_batch()


def test_a_deleted_batch_leaves_the_numbers_of_the_others(done: Study):
    import shutil

    shutil.rmtree(done.path / "batches" / "0001")
    done.extend(trials=16)
    study = Study.open(done.path)
    work(study)
    assert [trial.number for trial in study.trials] == [*range(4), *range(8, 16)]
    assert study.left == 0


def test_a_listing_survives_anything(tmp_path: Path):
    Study.create(tmp_path / "good", asked())
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "study.toml").write_bytes(b"\x00")
    (tmp_path / "other").mkdir()
    rows = {row["name"]: row["state"] for row in (study.row() for study in list_studies(tmp_path))}
    assert rows == {"bad": "broken", "good": "unfinished"}


def test_the_result_is_kept(done: Study):
    assert done.result is None
    assert done.row()["state"] == "unfinished"
    done.end({"winner": 3, "왜": "best"})
    assert Study.open(done.path).result == {"winner": 3, "왜": "best"}
    row = done.row()
    best = done.best()
    assert best is not None
    assert (row["state"], row["trials"], row["best"], row["sampler"]) == ("finished", "12/12", best.value, "tpe")
    for content in (b"[]", b"{", b"[" * 100_000):
        (done.path / "result.json").write_bytes(content)
        assert done.result is None


# — more —


def test_more_trials_are_as_if_they_had_been_asked_for_at_once(done: Study, tmp_path: Path):
    done.extend(trials=20)
    assert done.left == 8
    work(Study.open(done.path))
    whole = Study.create(tmp_path / "whole", asked(trials=20))
    work(whole)
    assert seen(done.trials) == seen(whole.trials)
    assert done.asked == whole.asked
    kept.check_optuna(done)


def test_a_study_is_not_narrowed(done: Study):
    before = (done.path / "study.toml").read_bytes()
    with pytest.raises(RecipeError, match="12 trials"):
        done.extend(trials=11)
    with pytest.raises(RecipeError, match="learning_rate"):
        done.extend(trials=20, space=Space({"train.learning_rate": Range(0.01, 0.1, log=True)}))
    assert (done.path / "study.toml").read_bytes() == before
    done.extend(trials=12, space=done.asked.space)
    assert (done.path / "study.toml").read_bytes() == before


WIDER = Space(
    {
        "train.learning_rate": Range(1e-5, 10.0, log=True),
        "train.batch_size": Choice((10, 100)),
        "model.hidden": Choice(([128],)),
        "train.optimizer": Choice(("adam", "sgd", "rmsprop")),
    }
)


@pytest.mark.parametrize("sampler", ["tpe", "random", "cmaes", "qmc"])
def test_a_wider_space(tmp_path: Path, sampler: str):
    done = Study.create(tmp_path / "study", asked(sampler=sampler))
    work(done)
    before = seen(done.trials)
    name = done.optuna_name
    done.extend(trials=44, space=WIDER)
    work(Study.open(done.path))
    assert seen(done.trials)[:12] == before
    new = done.trials[12:]
    assert {trial.settings["train.batch_size"] for trial in new} == {10, 20, 50, 100}
    assert any(trial.settings["model.hidden"] == [128] for trial in new)
    assert any(not 1e-3 <= trial.settings["train.learning_rate"] <= 1 for trial in new)
    kept.check_optuna(done)  # under a new name, the old trials among the new
    assert done.optuna_name != name
    theirs = kept.optuna_study(done).trials
    assert all(trial.distributions == theirs[-1].distributions for trial in theirs)  # as importances need it


def test_a_wider_grid_holds_the_old_one(tmp_path: Path):
    def space(*rates: float) -> Space:
        return Space({"train.learning_rate": Choice(rates), "train.batch_size": Choice((20, 50))})

    study = Study.create(tmp_path / "study", asked(sampler="grid", space=space(0.1, 0.2)))
    work(study)
    assert len(study.trials) == 4
    study.extend(space=space(0.05, 0.3))
    assert study.left == 4
    work(study)
    found = [tuple(trial.settings.values()) for trial in study.trials]
    assert sorted(found) == sorted((rate, size) for rate in (0.05, 0.1, 0.2, 0.3) for size in (20, 50))


def test_a_grid_of_a_range_may_be_widened(tmp_path: Path):
    study = Study.create(
        tmp_path / "study", asked(sampler="grid", space=Space({"train.learning_rate": Range(0.1, 0.5)}), trials=50)
    )
    work(study)
    study.extend(space=Space({"train.learning_rate": Range(0.1, 0.9)}))
    work(study)
    assert study.left == 0
    found = [trial.settings["train.learning_rate"] for trial in study.trials]
    assert len(found) == len(set(found))
    assert {0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9} == set(found)


def test_another_process_asks_in_the_wider_space_at_once(tmp_path: Path):
    study, other = (Study.create(tmp_path / "study", asked()) for _ in range(2))
    study.take_batch()
    other.extend(space=Space({"train.batch_size": Choice((10, 30, 40, 60, 70, 80, 90))}), trials=40)
    held = [study.take_batch() for _ in range(9)]
    assert any(t.settings["train.batch_size"] not in (20, 50) for batch in held if batch for t in batch.trials)


# — tables —


def test_a_row_a_trial(done: Study):
    frame = done.to_dataframe()
    assert list(frame["number"]) == list(range(12))
    trial = done.trials[2]
    row = frame.iloc[2]
    assert row["train.learning_rate"] == trial.settings["train.learning_rate"]
    assert row["model.hidden"] in ("[20, 20]", "[64, 64]")
    assert row["state"] == trial.state
    assert row["last.loss"] == trial.curves["loss"][-1]
    assert row["epochs"] == trial.epochs
    assert row["began"].timestamp() == pytest.approx(1.7e9 + 20)
    failed = frame[frame["state"] == FAILED]
    assert failed["value"].isna().all()
    assert failed["reason"].str.contains("finite").all()
    assert frame.groupby("model.hidden")["value"].max().notna().all()


def test_a_row_an_epoch(done: Study):
    frame = done.to_dataframe("epochs")
    assert len(frame) == sum(trial.epochs for trial in done.trials)
    for trial in done.trials:
        rows = frame[frame["number"] == trial.number]
        assert list(rows["epoch"]) == list(range(1, trial.epochs + 1))
        np.testing.assert_array_equal(rows["val_accuracy"], trial.curves["val_accuracy"])


def test_tables_of_nothing(tmp_path: Path):
    study = Study.create(tmp_path / "study", asked())
    assert len(study.to_dataframe()) == 0
    assert "value" in study.to_dataframe().columns
    assert len(study.to_dataframe("epochs")) == 0
    with pytest.raises(UnsupportedError, match="columns"):
        study.to_dataframe("columns")
    study.take_batch()
    assert study.to_dataframe()["value"].isna().all()
    assert len(study.to_dataframe("epochs")) == 0


def test_curves_that_not_all_have(tmp_path: Path):
    study = Study.create(tmp_path / "study", asked(trials=4, halving=None))
    with study.take_batch() as batch:  # type: ignore[union-attr]
        told = [kept.trained(trial, 10) for trial in batch.trials]
        short = replace(told[0], curves={"f1": np.array([0.5, 0.6])}, value=0.6)
        batch.record(0, [short, *told[1:]], last=True)
    frame = study.to_dataframe("epochs")
    assert len(frame) == 2 + 3 * 10
    assert frame["f1"].notna().sum() == 2
    assert frame[frame["number"] == 0]["loss"].isna().all()


# — finalists —


def test_finals(done: Study):
    ranked = sorted((t for t in done.trials if t.value is not None), key=lambda t: -t.value)
    chosen = [(trial.number, dict(trial.settings)) for trial in ranked[:2]]
    with done.take_finals(chosen, [0, 1, 2]) as batch:  # type: ignore[union-attr]
        kept.train(batch)
    assert done.take_finals(chosen, [0, 1, 2]) is None
    assert [(trial.repeats, trial.seed) for trial in done.repeats] == [(n, s) for n, _ in chosen for s in range(3)]
    assert {trial.epochs for trial in done.repeats} == {10}
    assert len(done.trials) == 12  # repeats are no trials


def test_importing_a_study_imports_nothing_heavy():
    heavy = ("optuna", "pandas", "keras", "jax", "sqlalchemy", "scipy", "matplotlib", "plotly")
    program = f"import sys, sonmat.search.study; print([m for m in {heavy} if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_ten_thousand_trials_are_few_files_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What costs when a study is read is opening files: two a finished batch, and none twice."""
    monkeypatch.setattr(study_module, "batch_size", lambda name, trials: 50)
    study = Study.create(tmp_path / "study", asked(sampler="random", trials=400))
    work(study, chunk=10)
    opened: list[str] = []
    real = open

    def counting(file: Any, *arguments: Any, **options: Any) -> Any:
        opened.append(str(file))
        return real(file, *arguments, **options)

    monkeypatch.setattr("builtins.open", counting)
    reader = Study.open(study.path)
    assert len(reader.trials) == 400
    assert len([file for file in opened if "batches" in file]) == 2 * 8
    opened.clear()
    assert len(reader.trials) == 400
    assert not [file for file in opened if "batches" in file]
