"""A study in a real PostgreSQL, which is killed in the middle and started again."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sonmat.errors import StorageError
from sonmat.search import study as study_module
from sonmat.search.study import Study


def load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def binaries() -> Path | None:
    """The folder of PostgreSQL's programs; Debian keeps the server's off the path."""
    found = shutil.which("pg_ctl")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "postgres").exists() and (place / "initdb").exists()), None)


BINARIES = binaries()
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BINARIES is None, reason="PostgreSQL's programs are not installed"),
    pytest.mark.skipif(importlib.util.find_spec("psycopg") is None, reason="psycopg is not installed"),
]
kept = load(Path(__file__).with_name("kept_study.py"))
asked, work = kept.asked, kept.work


class Server:
    """A PostgreSQL of the test's own, on a socket in its own folder, run by somebody who is not root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._user: dict[str, Any] = {}
        if ROOT:  # which PostgreSQL refuses to be
            import pwd

            names = {entry.pw_name for entry in pwd.getpwall()}
            self._user = {"user": "postgres" if "postgres" in names else "nobody"}
            shutil.chown(folder, self._user["user"])
        self._run("initdb", "-D", str(folder / "data"), "-A", "trust", "-U", "sonmat", "-E", "UTF8", "--no-sync")
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://sonmat@/postgres?host={self.folder}"

    def start(self) -> None:
        options = ["-D", str(self.folder / "data"), "-k", str(self.folder), "-c", "listen_addresses="]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([self._program("postgres"), *options], stdout=log, stderr=log, **self._user)
        patience = time.monotonic() + 60
        while self._answers() != 0:
            assert self.process.poll() is None, (self.folder / "log").read_text()[-3000:]
            assert time.monotonic() < patience
            time.sleep(0.05)

    def kill(self) -> None:
        """Every process of it at once, as when the power fails."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        family = [int(child) for child in children.read_text().split()] if children.exists() else []
        for process in (self.process.pid, *family):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=60)

    def _answers(self) -> int:
        return self._run("pg_isready", "-h", str(self.folder), "-U", "sonmat", check=False)

    def _run(self, program: str, *arguments: str, check: bool = True) -> int:
        told = subprocess.run(
            [self._program(program), *arguments], capture_output=True, text=True, cwd=self.folder, **self._user
        )
        assert not check or told.returncode == 0, told.stderr
        return told.returncode

    def _program(self, name: str) -> str:
        assert BINARIES is not None
        return str(BINARIES / name)


@pytest.fixture
def server() -> Iterator[Server]:
    # not pytest's folder: nobody but its owner may look into it, and a socket's path must be short
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp" if os.name == "posix" else None))
    server = Server(folder)
    try:
        server.start()
        yield server
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(study_module, "batch_size", lambda name, trials: 4)


def test_a_study_in_postgresql(server: Server, tmp_path: Path):
    here = Study.create(tmp_path / "study", asked(storage=server.url))
    work(here)
    kept.check_optuna(here, every_epoch=False)
    told = kept.optuna_study(here).best_trial
    assert sorted(told.intermediate_values) == [2, 4, 10]
    journal = Study.create(tmp_path / "journal", asked())
    work(journal)
    assert kept.seen(here.trials) == kept.seen(journal.trials)  # where it is kept changes nothing
    here.extend(trials=16, space=kept.Space({"train.batch_size": kept.Choice((10, 100))}))
    work(here)
    kept.check_optuna(here, every_epoch=False)


def test_the_server_is_killed_and_comes_back(server: Server, tmp_path: Path):
    said: list[str] = []

    def heard(text: str) -> None:
        said.append(text)
        if len(said) == 2:
            server.start()

    study = Study.create(tmp_path / "study", asked(storage=server.url), notify=heard)
    batch = study.take_batch()
    assert batch is not None
    kept.record(batch, 0, batch.trials[:2])
    server.kill()
    kept.train(batch)
    batch.release()
    assert len(said) >= 2
    assert "does not answer" in said[0]
    work(study)
    kept.check_optuna(study, every_epoch=False)
    whole = Study.create(tmp_path / "whole", asked())
    work(whole)
    assert kept.seen(study.trials) == kept.seen(whole.trials)


def test_the_server_stays_away_and_the_study_is_resumed(server: Server, tmp_path: Path):
    study = Study.create(tmp_path / "study", asked(storage=server.url), notify=lambda text: None, patience=1)
    batch = study.take_batch()
    assert batch is not None
    server.kill()
    with pytest.raises(StorageError, match="stayed away") as error:
        kept.train(batch)
    assert f"sonmat sweep --resume {study.path}" in str(error.value)
    batch.release()
    assert "waiting" not in [trial.state for trial in Study.open(study.path).trials]  # all of the rung is on disk
    server.start()
    again = Study.open(study.path)
    work(again)
    kept.check_optuna(again, every_epoch=False)


def test_the_server_is_killed_again_and_again(server: Server, tmp_path: Path):
    """At any moment, in the middle of a transaction too."""
    study = Study.create(tmp_path / "study", asked(storage=server.url, trials=20), notify=lambda text: None)
    ended = threading.Event()

    def disturb() -> None:
        for pause in (0.05, 0.2, 0.1, 0.3, 0.15, 0.25):
            if ended.wait(pause):
                return
            server.kill()
            server.start()

    trouble = threading.Thread(target=disturb)
    trouble.start()
    try:
        work(study)
    finally:
        ended.set()
        trouble.join()
    study.tell()
    ours = study.trials
    assert [trial.number for trial in ours] == list(range(20))
    theirs = kept.optuna_study(study).trials
    by_number = {one.user_attrs["sonmat:number"]: one for one in reversed(theirs)}
    assert sorted(by_number) == list(range(20))
    assert all(one.state.is_finished() for one in theirs)
    for trial in ours:
        if trial.value is not None:
            assert by_number[trial.number].value == trial.value


def test_two_processes_share_a_database(server: Server, tmp_path: Path):
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import kept_study as kept; from pathlib import Path\n"
        "kept.study_module.batch_size = lambda name, trials: 4\n"
        "kept.work(kept.Study.open(sys.argv[2]), log=Path(sys.argv[3]), meet=Path(sys.argv[4]))"
    )
    study = Study.create(tmp_path / "study", asked(storage=server.url, trials=24))
    logs = [tmp_path / "a", tmp_path / "b"]
    here = str(Path(__file__).parent)
    processes = [
        subprocess.Popen([sys.executable, "-c", program, here, str(study.path), *map(str, pair)])
        for pair in (logs, logs[::-1])
    ]
    assert [process.wait(timeout=300) for process in processes] == [0, 0]
    lines = [line for log in logs for line in log.read_text().splitlines()]
    assert len(lines) == len(set(lines))
    assert [trial.number for trial in study.trials] == list(range(24))
    assert study.left == 0
    kept.check_optuna(study, every_epoch=False)
