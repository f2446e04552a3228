"""What Optuna's storage is told: all of it, whatever was killed, torn, taken away or written by others."""

from __future__ import annotations

import importlib.util
import json
import os
import time
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from sonmat.errors import RecipeError, RunError, StorageError, UnsupportedError
from sonmat.search import database, store
from sonmat.search import study as study_module
from sonmat.search.journal import Journal, MovedError
from sonmat.search.parameters import Parameters
from sonmat.search.space import Choice, Space
from sonmat.search.study import Study


def load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


kept = load(Path(__file__).with_name("kept_study.py"))
asked, work = kept.asked, kept.work


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(study_module, "batch_size", lambda name, trials: 4)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study.create(tmp_path / "study", asked(), notify=fail)


def fail(text: str) -> None:
    raise AssertionError(text)


def half_done(study: Study) -> None:
    """A batch done, and of another the first rung."""
    with study.take_batch() as batch:  # type: ignore[union-attr]
        kept.train(batch)
    with study.take_batch() as batch:  # type: ignore[union-attr]
        kept.record(batch, 0, batch.trials[:3])


def test_optuna_sees_all_there_is(study: Study):
    assert kept.optuna_study(study).trials == []
    assert kept.optuna_study(study).direction.name == "MAXIMIZE"
    half_done(study)
    kept.check_optuna(study)
    work(study)
    kept.check_optuna(study)
    theirs, best = kept.optuna_study(study), study.best()
    assert best is not None
    assert (theirs.best_trial.number, theirs.best_value) == (best.number, best.value)
    assert {trial.state for trial in theirs.trials} == {TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL}
    failed = [trial for trial in theirs.trials if trial.state == TrialState.FAIL]
    assert all("finite" in trial.user_attrs["sonmat:reason"] for trial in failed)
    assert len(theirs.trials_dataframe()) == 12


def test_what_is_worth_less_is_minimized(tmp_path: Path):
    study = Study.create(tmp_path / "study", asked(metric="loss", maximize=False))
    work(study)
    theirs, best = kept.optuna_study(study), study.best()
    assert best is not None
    assert theirs.direction.name == "MINIMIZE"
    assert theirs.best_trial.number == best.number
    told = theirs.best_trial.intermediate_values
    np.testing.assert_array_equal([told[step] for step in sorted(told)], best.curves["loss"].astype(float))


def test_names_that_share_a_database(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/all.db"
    studies = [Study.create(tmp_path / place / "study", asked(storage=url)) for place in "ab"]
    assert len({study.optuna_name for study in studies}) == 2
    for study in studies:
        work(study)
        kept.check_optuna(study, every_epoch=False)


def test_a_database_file_is_the_same_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    study = Study.create("study", asked(storage="sqlite:///all.db"))
    assert study.asked.storage == f"sqlite:///{tmp_path}/here/all.db"
    monkeypatch.chdir(tmp_path)
    study = Study.open("here/study")
    work(study)
    kept.check_optuna(study, every_epoch=False)
    told = kept.optuna_study(study).best_trial.intermediate_values
    assert sorted(told) == [2, 4, 10]  # the rungs: each number is a transaction
    monkeypatch.chdir(tmp_path / "here")
    assert len(Study.create("study", asked(storage="sqlite:///all.db")).trials) == 12


# — what is lost is told again —


def test_a_storage_that_is_gone_is_made_again(study: Study):
    half_done(study)
    (study.path / "trials.log").unlink()
    study.tell()
    kept.check_optuna(study)
    (study.path / "trials.log").unlink()
    work(Study.open(study.path))
    kept.check_optuna(study)


def test_a_database_that_is_gone_is_made_again(tmp_path: Path):
    study = Study.create(tmp_path / "study", asked(storage=f"sqlite:///{tmp_path}/x.db"))
    work(study)
    (tmp_path / "x.db").unlink()
    again = Study.open(study.path)
    again.tell()
    kept.check_optuna(again, every_epoch=False)


@pytest.mark.parametrize("lines", range(1, 90, 8))
def test_a_journal_cut_anywhere_is_completed(study: Study, lines: int):
    half_done(study)
    file = study.path / "trials.log"
    whole = file.read_bytes().splitlines(keepends=True)
    lines = min(lines, len(whole) - 1)
    file.write_bytes(b"".join(whole[:lines]) + whole[lines][: len(whole[lines]) // 2])
    Study.open(study.path, notify=fail).tell()
    kept.check_optuna(study)


BROKEN = {
    "no JSON": b"junk\n",
    "no object": b"3\n",
    "no operation": b"{}\n",
    "an unknown operation": b'{"op_code": 99, "worker_id": "x"}\n',
    "half an operation": b'{"op_code": 4, "worker_id": "x"}\n',
    "a strange value": b'{"op_code": 0, "worker_id": "x", "study_name": "x", "directions": [7]}\n',
    "a pickle": b"\x80\x04\x95\n",
    "depth": b"[" * 100_000 + b"\n",
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("whole", [True, False])
def test_a_broken_journal_is_put_aside_and_made_again(study: Study, kind: str, whole: bool):
    half_done(study)
    file = study.path / "trials.log"
    content = BROKEN[kind] if whole else file.read_bytes() + BROKEN[kind] + b'{"op_code": 9}\n'
    file.write_bytes(content)
    said: list[str] = []
    again = Study.open(study.path, notify=said.append)
    again.tell()
    kept.check_optuna(again)
    assert len(said) == 1
    assert "trials.broken-" in said[0]
    (aside,) = study.path.glob("trials.broken-*.log")
    assert aside.read_bytes() == content
    work(again)
    kept.check_optuna(again)
    assert len(said) == 1


def test_a_journal_broken_while_it_is_open(tmp_path: Path):
    said: list[str] = []
    study = Study.create(tmp_path / "study", asked(), notify=said.append)
    half_done(study)
    with open(study.path / "trials.log", "ab") as file:
        file.write(b"junk\n")
    work(study)
    kept.check_optuna(study)
    assert len(said) == 1


def test_the_folder_is_the_truth(study: Study):
    """Whatever a journal says of trials, results are read from the study's own files."""
    work(study)
    before = kept.seen(study.trials)
    text = (study.path / "trials.log").read_text()
    (study.path / "trials.log").write_text(text.replace('"state":1,"values":[0.', '"state":1,"values":[7.'))
    again = Study.open(study.path)
    again.extend(trials=16)
    work(again)
    assert kept.seen(again.trials)[:12] == before


# — others write too —


def test_a_trial_that_somebody_else_adds_is_left_alone(study: Study):
    half_done(study)
    theirs = kept.optuna_study(study)
    theirs.add_trial(optuna.trial.create_trial(state=TrialState.RUNNING))
    theirs.add_trial(optuna.trial.create_trial(value=0.99, params={}, distributions={}))
    theirs.set_user_attr("note", "mine")
    work(study)
    found = kept.optuna_study(study)
    ours = {trial.user_attrs["sonmat:number"]: trial for trial in found.trials if "sonmat:number" in trial.user_attrs}
    assert sorted(ours) == list(range(12))
    for trial in study.trials:
        assert ours[trial.number].value == trial.value
        assert ours[trial.number].params["train.batch_size"] == trial.settings["train.batch_size"]
    assert found.trials[8].state == TrialState.RUNNING
    assert found.user_attrs == {"note": "mine"}


def test_a_trial_that_somebody_else_ended_is_left_alone(study: Study):
    batch = study.take_batch()
    assert batch is not None
    kept.optuna_study(study).tell(2, state=TrialState.FAIL)
    kept.train(batch)
    batch.release()
    work(study)
    states = [trial.state.name for trial in kept.optuna_study(study).trials]
    assert states[2] == "FAIL"
    assert "RUNNING" not in states


def test_a_trial_made_twice_counts_once(tmp_path: Path):
    """A database may go away after it has made a trial and before it could say so."""
    study = Study.create(tmp_path / "study", asked(storage=f"sqlite:///{tmp_path}/x.db"))
    batch = study.take_batch()
    assert batch is not None
    theirs = kept.optuna_study(study)
    theirs.add_trial(optuna.trial.create_trial(state=TrialState.RUNNING, user_attrs={"sonmat:number": 1}))
    kept.train(batch)
    batch.release()
    found = kept.optuna_study(study).trials
    assert [trial.state.name == "RUNNING" for trial in found] == [False] * 5
    assert found[4].state == TrialState.FAIL
    assert found[1].params == Parameters(study.asked.space).of(study.trials[1].settings)


def journal(path: Path) -> tuple[Journal, JournalStorage]:
    backend = Journal(path / "trials.log")
    return backend, JournalStorage(backend)


def test_many_lines_are_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    backend, ours = journal(tmp_path)
    study = optuna.create_study(storage=ours, study_name="s")
    synced: list[int] = []
    real = os.fsync
    monkeypatch.setattr("os.fsync", lambda descriptor: (synced.append(descriptor), real(descriptor)))
    with backend.together(ours.get_all_studies):
        for _ in range(5):
            study.tell(study.ask(), 1.0)
        assert len(synced) == 0
    assert len(synced) == 1
    theirs = JournalStorage(JournalFileBackend(str(tmp_path / "trials.log")))
    assert [trial.value for trial in optuna.load_study(study_name="s", storage=theirs).trials] == [1.0] * 5
    study.tell(study.ask(), 2.0)  # and it goes on one by one
    other = optuna.load_study(study_name="s", storage=theirs)
    other.tell(other.ask(), 3.0)
    assert [trial.value for trial in study.trials][5:] == [2.0, 3.0]


def test_an_error_within_writes_nothing(tmp_path: Path):
    backend, ours = journal(tmp_path)
    study = optuna.create_study(storage=ours, study_name="s")
    before = (tmp_path / "trials.log").read_bytes()
    with pytest.raises(KeyboardInterrupt), backend.together(ours.get_all_studies):  # noqa: PT012
        study.ask()
        raise KeyboardInterrupt
    assert (tmp_path / "trials.log").read_bytes() == before
    assert not os.path.lexists(tmp_path / "trials.log.lock")


def test_a_write_by_one_who_took_the_lock_away_is_noticed(tmp_path: Path):
    backend, ours = journal(tmp_path)
    study = optuna.create_study(storage=ours, study_name="s")
    with pytest.raises(MovedError), backend.together(ours.get_all_studies):  # noqa: PT012
        study.ask()
        (tmp_path / "trials.log.lock").unlink()
        theirs = JournalStorage(JournalFileBackend(str(tmp_path / "trials.log")))
        optuna.load_study(study_name="s", storage=theirs).ask()
    theirs = JournalStorage(JournalFileBackend(str(tmp_path / "trials.log")))
    assert len(optuna.load_study(study_name="s", storage=theirs).trials) == 1


def test_a_study_goes_on_after_such_a_write(study: Study, monkeypatch: pytest.MonkeyPatch):
    real = Journal._append
    others: list[int] = []

    def raced(self: Journal, logs: Any, after: int | None = None) -> None:
        if after is not None and len(others) < 1:
            others.append(1)
            (study.path / "trials.log.lock").unlink()
            theirs = kept.optuna_study(study)
            theirs.add_trial(optuna.trial.create_trial(value=0.1))
        real(self, logs, after)

    monkeypatch.setattr(Journal, "_append", raced)
    work(study)
    found = kept.optuna_study(study).trials
    assert len(found) == 13
    by_number = {one.user_attrs.get("sonmat:number"): one for one in found}
    assert all(by_number[trial.number].value == trial.value for trial in study.trials)


@pytest.mark.skipif(os.name != "posix", reason="Optuna's lock is a link on POSIX")
def test_the_lock_of_a_dead_process_is_not_waited_for(study: Study, monkeypatch: pytest.MonkeyPatch):
    def no_waiting(_: float) -> None:
        raise AssertionError("it waits")

    half_done(study)
    os.symlink("./trials.log", study.path / "trials.log.lock")  # noqa: PTH211 (a Path has no dot)
    monkeypatch.setattr(time, "sleep", no_waiting)
    work(Study.open(study.path))
    kept.check_optuna(study)


@pytest.mark.skipif(os.name != "posix", reason="Optuna's lock is a link on POSIX")
def test_optunas_own_lock_is_waited_for(study: Study, monkeypatch: pytest.MonkeyPatch):
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            (study.path / "trials.log.lock").unlink()

    os.symlink(str(study.path / "trials.log"), study.path / "trials.log.lock")  # noqa: PTH211
    monkeypatch.setattr("optuna.storages.journal._file.time.sleep", wait)
    study.take_batch()
    assert len(waited) == 3
    assert len(kept.optuna_study(study).trials) == 4


# — databases —


def test_a_database_that_goes_away_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    said: list[str] = []
    url = f"sqlite:///{tmp_path}/x.db"
    study = Study.create(tmp_path / "study", asked(storage=url), notify=said.append, patience=100)
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 4:
            (tmp_path / "away.db").rename(tmp_path / "x.db")

    batch = study.take_batch()
    assert batch is not None
    (tmp_path / "x.db").rename(tmp_path / "away.db")
    monkeypatch.setattr(store, "open_database", away_until(tmp_path / "x.db"))
    study._store.close()  # the connection breaks
    monkeypatch.setattr(store.time, "sleep", wait)
    kept.train(batch)
    batch.release()
    assert waits == [1, 2, 4, 8]
    assert len(said) == 4
    assert all("x.db" in text and str(study.path) in text for text in said)
    work(study)
    kept.check_optuna(study, every_epoch=False)


def away_until(file: Path) -> Any:
    real = database.open_database

    def opened(url: str) -> Any:
        if not file.exists():
            from sqlalchemy.exc import OperationalError

            raise OperationalError("connect", {}, Exception("connection refused"))
        return real(url)

    return opened


def test_a_database_that_stays_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    said: list[str] = []
    study = Study.create(
        tmp_path / "study", asked(storage=f"sqlite:///{tmp_path}/x.db"), notify=said.append, patience=100
    )
    batch = study.take_batch()
    assert batch is not None
    (tmp_path / "x.db").rename(tmp_path / "away.db")
    monkeypatch.setattr(store, "open_database", away_until(tmp_path / "x.db"))
    study._store.close()
    waits: list[float] = []
    monkeypatch.setattr(store.time, "sleep", waits.append)
    with pytest.raises(StorageError, match="connection refused") as error:
        kept.record(batch, 0, batch.trials)
    assert f"sonmat sweep --resume {study.path}" in str(error.value)
    assert sum(waits) >= 100
    assert max(waits) <= 30
    assert len(batch.done(0)) == 4
    batch.release()
    with pytest.raises(StorageError, match="connection refused"):
        Study.open(study.path, notify=said.append, patience=0).take_batch()
    assert len(Study.open(study.path).trials) == 4  # reading needs no database
    (tmp_path / "away.db").rename(tmp_path / "x.db")
    again = Study.open(study.path)
    work(again)
    kept.check_optuna(again, every_epoch=False)


def test_no_database_at_the_start(tmp_path: Path):
    with pytest.raises(StorageError, match="cannot be used") as error:
        Study.create(tmp_path / "study", asked(storage="sqlite:////nowhere/at/all/x.db"))
    assert "unable to open database file" in str(error.value)
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize(
    ("url", "missing", "package"),
    [
        ("postgresql://me@host/x", ("psycopg", "psycopg2"), "psycopg[binary]"),
        ("postgres://me@host/x", ("psycopg", "psycopg2"), "psycopg[binary]"),
        ("postgresql+psycopg2://me@host/x", ("psycopg2",), "psycopg2-binary"),
        ("mysql://me@host/x", ("pymysql", "MySQLdb"), "pymysql"),
        ("mysql+mysqldb://me@host/x", ("MySQLdb",), "mysqlclient"),
        ("mssql://me@host/x", ("pyodbc",), "pyodbc"),
    ],
)
def test_a_missing_driver_is_named(
    url: str, missing: tuple[str, ...], package: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    import sys

    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name in missing else real(name, *a))
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UnsupportedError) as error:
        Study.create(tmp_path / "study", asked(storage=url))
    assert f"python -m pip install '{package}'" in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:se%40cret@host/db",
        "postgresql+psycopg://me:se%40cret@host:5432/db?connect_timeout=3",
        "mysql://host/db?user=me&password=se%40cret",
        "postgresql://host/db?sslpassword=se%40cret",
    ],
)
def test_a_password_is_not_shown(url: str):
    told = database.shown(url)
    assert "cret" not in told
    assert "host" in told


@pytest.mark.parametrize("url", ["", "x", "me:secret@host", "://secret@", "sqlite:///:memory:", "sqlite://", "host:99"])
def test_what_is_no_database_is_refused(url: str, tmp_path: Path):
    with pytest.raises(RecipeError) as error:
        database.settled(url, tmp_path)
    assert "secret" not in str(error.value)


def test_parameters_are_what_people_gave():
    space = Space({"a": Choice(([20, 20], [64])), "b": Choice((1, "1", True)), "c": Choice(({"name": "x"},))})
    shown = Parameters(space)
    assert shown.of({"a": [64], "b": "1", "c": {"name": "x"}}) == {"a": "[64]", "b": "1", "c": '{"name": "x"}'}
    assert json.loads(shown.distributions["a"].choices[0]) == [20, 20]  # type: ignore[attr-defined]
    with pytest.raises(RunError, match="a="):
        shown.of({"a": [3], "b": 1, "c": {"name": "x"}})
    with pytest.raises(RunError, match="c="):
        shown.of({"a": [64], "b": 1})


def test_optunas_messages_stay_away(study: Study, capfd: pytest.CaptureFixture[str]):
    before = optuna.logging.get_verbosity()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        work(study)
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == before
