"""A study folder: what was asked, what has been tried, and the next batch to try."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock

from sonmat.errors import RecipeError, RunError, StorageError
from sonmat.files import read_json, remove_dead_parts, storing, write_json
from sonmat.language import say
from sonmat.search.asked import Asked as Asked
from sonmat.search.asked import most_asked, next_number
from sonmat.search.batch import Batch, hold, take
from sonmat.search.batches import Batches
from sonmat.search.database import settled
from sonmat.search.finalists import read_repeats, take_finalists
from sonmat.search.mirror import FINAL
from sonmat.search.plan import Plan
from sonmat.search.sampler import batch_size, make_sampler
from sonmat.search.space import Space
from sonmat.search.store import PATIENCE, Store
from sonmat.search.study_file import StudyFile, first_name, next_name, read_study, write_study
from sonmat.search.study_folder import check_free, find_study, is_study, study_folders
from sonmat.search.study_folder import new_study as new_study
from sonmat.search.trial import DONE, FAILED, Trial

if TYPE_CHECKING:
    import pandas as pd

    from sonmat.search.asking import Asking

BATCHES, FINALISTS, RESULT = "batches", "finalists", "result.json"
_LOCK = ".asking.lock"
_LARGEST = 2**26  # bytes of result.json


class Study:
    """A study on disk. Reading it takes no lock and waits for nobody; any number of processes may work on it.

    Args:
        path: The folder.
        notify: Told, in a sentence, why it waits for a database; by default that is a warning.
        patience: Seconds for which a database may be away before that is an error.

    Attributes:
        path: The folder.
        created: Whether this very object made it.
    """

    def __init__(self, path: Path, *, notify: Callable[[str], None] | None = None, patience: float = PATIENCE) -> None:
        self.path = path
        self._store = Store(path, notify, patience)
        self._batches = Batches(path / BATCHES)
        self._asking: Asking | None = None
        self.created = False
        self._before: set[Path] = set()

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        asked: Asked,
        *,
        notify: Callable[[str], None] | None = None,
        patience: float = PATIENCE,
    ) -> Study:
        """A new study in a folder that is new or empty; the one that is there, where it was asked the same.

        Raises:
            RunError: The folder holds another study, or files that are none.
            RecipeError: A sampler that cannot search the space, or no database.
            UnsupportedError: A library that the sampler or the database needs is not installed.
            StorageError: The folder cannot be written, or the database does not answer.
        """
        study = cls(Path(path).expanduser(), notify=notify, patience=patience)
        if asked.storage is not None:
            asked = replace(asked, storage=settled(asked.storage, Path.cwd()))
        if not study._is_there(asked):
            study._before = set(study.path.iterdir()) if study.path.is_dir() else set()
            make_sampler(asked.sampler, asked.space, asked.sampler_seed)
            study._store.check(asked)
            with storing(study.path):
                study.path.mkdir(parents=True, exist_ok=True)
            with study._alone():
                if not study._is_there(asked):
                    write_study(study.path, StudyFile(asked, (first_name(study.path, asked),)))
                    study.created = True
        try:
            study.tell()
        except StorageError:  # a disk or database may come back
            raise
        except Exception:
            study.undo()
            raise
        return study

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        notify: Callable[[str], None] | None = None,
        patience: float = PATIENCE,
    ) -> Study:
        """The study in a folder; a bare name is looked for among the studies too.

        Raises:
            RunError: There is none, or its file cannot be read.
            RecipeError: What it was asked cannot be.
        """
        study = cls(find_study(path), notify=notify, patience=patience)
        read_study(study.path)
        return study

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.path.resolve().name

    @property
    def optuna_name(self) -> str:
        """What Optuna calls it, for `optuna.load_study`.

        Raises:
            RunError: Its file cannot be read.
            RecipeError: What it was asked cannot be.
        """
        return read_study(self.path).names[-1]

    @property
    def asked(self) -> Asked:
        """What it was asked, extensions included.

        Raises:
            RunError: Its file cannot be read.
            RecipeError: What it was asked cannot be.
        """
        return read_study(self.path).asked

    @property
    def trials(self) -> list[Trial]:
        """All trials, in the order of their numbers, with their curves. What cannot be read is passed over."""
        return [trial for known in self._batches.known(strict=False) for trial in known.trials]

    @property
    def repeats(self) -> list[Trial]:
        """The finalists' repeats."""
        return read_repeats(self.path / FINALISTS)

    @property
    def result(self) -> dict[str, Any] | None:
        """What the study came to, as `end` kept it; None before that."""
        return read_json(self.path / RESULT, _LARGEST)

    @property
    def left(self) -> int:
        """Trials that have not come to their end: those of other processes, and those that were not asked for yet."""
        trials = self.trials
        unfinished = sum(trial.state not in FINAL for trial in trials)
        return unfinished + max(0, most_asked(self.asked, trials) - next_number(trials))

    def best(self) -> Trial | None:
        """The best trial that ran all its epochs; while there is none, the best of those that ran longest."""
        worth = [trial for trial in self.trials if trial.value is not None]
        longest = max((trial.epochs for trial in worth), default=0)
        found = [trial for trial in worth if trial.state == DONE] or [t for t in worth if t.epochs == longest]
        sign = 1.0 if self.asked.maximize else -1.0
        return max(found, key=lambda trial: (sign * (trial.value or 0.0), -trial.number), default=None)

    def to_dataframe(self, rows: str = "trials") -> pd.DataFrame:
        """The trials as a table: `"trials"`, a row a trial, or `"epochs"`, a row an epoch; see `frame_of`."""
        from sonmat.search.frames import frame_of

        return frame_of(self.trials, rows)

    def extend(self, *, trials: int | None = None, space: Space | None = None) -> None:
        """Ask for more: a study is never narrowed, since what it has tried stays.

        Args:
            trials: How many there shall be in all.
            space: A space that holds the one so far.

        Raises:
            RecipeError: Fewer trials, or a space that is narrower or of another kind.
            StorageError: The file cannot be written.
        """
        with self._alone():
            found = read_study(self.path)
            asked, names = found.asked, found.names
            if trials is not None and trials < asked.trials:
                raise RecipeError(
                    say(
                        f"The study was asked for {asked.trials} trials, which is more than {trials}.",
                        f"이미 {asked.trials}번 시도하기로 한 스터디라서 {trials}번으로 줄일 수 없습니다.",
                    ),
                    say(f"Ask for {asked.trials} or more in all.", f"모두 합해 {asked.trials}번 이상으로 하세요."),
                )
            if space is not None and (wider := asked.space.widened(space)) != asked.space:
                asked, names = replace(asked, space=wider), (*names, next_name(names))
            asked = asked if trials is None else replace(asked, trials=trials)
            if asked != found.asked:
                write_study(self.path, StudyFile(asked, names))

    def end(self, result: Mapping[str, Any]) -> None:
        """Keep what the study came to: ready for JSON."""
        write_json(self.path / RESULT, dict(result))

    def tell(self) -> None:
        """Tell Optuna's storage what it is missing; `take_batch` does so too.

        Raises:
            StorageError: The database stayed away; the results are safe in the folder.
            RunError: A plan cannot be read.
        """
        self._tell(self._all())

    def take_batch(self) -> Batch | None:
        """A batch to train, held until it is released: one that nobody works on and that is not finished, or a new one.

        Returns:
            None where nothing is left to ask for. Other processes may still be training then; see `left`.

        Raises:
            StorageError: The disk is full, or the database stayed away.
            RunError: The study's file or a plan cannot be read.
        """
        self.tell()
        while True:
            for known in self._batches.known(strict=True):
                batch = None if known.finished else take(known.folder, self._tell)
                if batch is not None:
                    return batch
            with self._alone():
                plan = self._ask()
                folder = None if plan is None else self._batches.make(plan)
            if folder is None:
                self._asking = None  # it has proposed trials that did not come to be
                if plan is None:
                    self.tell()
                    return None
                continue
            batch = take(folder, self._tell)
            if batch is not None:
                try:
                    self.tell()
                except BaseException:
                    batch.release()
                    raise
                return batch

    def take_finals(self, settings: Sequence[tuple[int, Mapping[str, Any]]], seeds: Sequence[int]) -> Batch | None:
        """The finalists' repeats, as a batch of one rung.

        Args:
            settings: Number and settings of each finalist.
            seeds: Each is trained with each of them.

        Returns:
            None where another process holds them, or all are done.
        """
        asked = self.asked
        return take_finalists(
            self.path / FINALISTS, settings, seeds, epochs=asked.recipe.train.epochs, maximize=asked.maximize
        )

    def undo(self) -> None:
        """Remove it again, where this object made it, nothing came of it yet and nobody else works on it."""
        if not self.created or self._held() or any(trial.curves or trial.reason for trial in self.trials):
            return
        for left in set(self.path.iterdir()) - self._before if self.path.is_dir() else ():
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # where there was something before
            self.path.rmdir()

    def _held(self) -> bool:
        """Whether a process, this one too, holds one of its batches."""
        for known in self._batches.known(strict=False):
            if not known.finished:
                lock = hold(known.folder)
                if lock is None:
                    return True
                lock.release()
        return False

    def row(self) -> dict[str, object]:
        """The study as a line of a table. A folder that is broken still has one, which says so."""
        try:
            return self._row()
        except Exception:  # a listing must survive whatever lies in the folder
            return {"name": self.name, "state": say("broken", "깨짐")}

    def _row(self) -> dict[str, object]:
        asked, trials, best = self.asked, self.trials, self.best()
        most, ended = most_asked(asked, trials), sum(trial.state in FINAL for trial in trials)
        done = self.result is not None and ended >= most
        return {
            "name": self.name,
            "state": say("finished", "완료") if done else say("unfinished", "미완료"),
            "model": asked.recipe.model.name,
            "data": Path(asked.recipe.data).name or asked.recipe.data,
            "sampler": asked.sampler,
            "trials": f"{ended}/{most}",
            "failed": sum(trial.state == FAILED for trial in trials) or None,
            "metric": asked.metric,
            "best": None if best is None else best.value,
            "seconds": round(sum(trial.seconds for trial in trials), 2) or None,
        }

    def _ask(self) -> Plan | None:
        """The plan of the next batch; None where nothing is left to ask for. The study is held alone."""
        from sonmat.search.asking import Asking

        asked, known = self.asked, self._batches.known(strict=True)
        trials = [trial for one in known for trial in one.trials]
        count = min(batch_size(asked.sampler, asked.trials), most_asked(asked, trials) - next_number(trials))
        if count <= 0:
            return None
        if self._asking is None or self._asking.asked != asked:
            self._asking = Asking(asked)
        return self._asking.plan(
            trials, {number: note for one in known for number, note in one.plan.notes.items()}, count
        )

    def _tell(self, trials: Sequence[Trial]) -> None:
        found = read_study(self.path)
        self._store.tell(found.asked, found.names, trials, self._all)

    def _all(self) -> list[Trial]:
        """All trials; an error where some cannot be read."""
        return [trial for known in self._batches.known(strict=True) for trial in known.trials]

    def _is_there(self, asked: Asked) -> bool:
        """Whether this study is there already.

        Raises:
            RunError: The folder holds another, or files that are none.
        """
        if not is_study(self.path):
            check_free(self.path)
            return False
        if self.asked != asked:
            raise RunError(
                say(
                    f"{self.path} holds a study that was asked something else.",
                    f"{self.path}에는 다른 것을 묻는 스터디가 있습니다.",
                ),
                say(
                    f"Choose another --out, or go on with it: sonmat sweep --resume {self.path}",
                    f"다른 --out을 고르거나 그대로 이어서 하세요: sonmat sweep --resume {self.path}",
                ),
            )
        return True

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else asks or extends meanwhile; the system lets go of the lock when the process dies."""
        with storing(self.path):
            lock = filelock.FileLock(self.path / _LOCK)
            lock.acquire()
        try:
            remove_dead_parts(self.path)
            yield
        finally:
            lock.release()


def open_study(path: str | os.PathLike[str]) -> Study:
    """As `Study.open`."""
    return Study.open(path)


def list_studies(where: Path | None = None) -> list[Study]:
    """Every study in a folder, in the order of their names."""
    return [Study(path) for path in study_folders(where)]
