"""Where Optuna keeps a study: told what the study's folder holds, through databases that go away and come back."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

from sonmat.errors import RunError, StorageError
from sonmat.files import storing
from sonmat.language import say
from sonmat.search.asked import Asked
from sonmat.search.database import open_database, shown
from sonmat.search.halving import rungs
from sonmat.search.mirror import Mirror, quiet
from sonmat.search.trial import Trial

if TYPE_CHECKING:
    from optuna.storages import BaseStorage, RDBStorage

    from sonmat.search.journal import Journal

PATIENCE = 300.0
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0  # seconds between tries
_PIECE = 500  # trials told at once: well under a second, in which Optuna's own tools wait
_LOCK = ".telling.lock"


class Store:
    """Tells Optuna's storage what a study's folder holds: every trial with its parameters, values and state.

    It is a copy for Optuna's tools. The folder is the truth: what is missing here, whoever lost it, is told again from
    there, and nothing is read back but what has been told. A journal file is told the metric of every epoch, which costs
    it 0.2 ms a trial of ten epochs; a database the metric at each rung, since it takes each number as a transaction
    (2 ms on the same machine; 22 ms a trial of ten epochs).

    Args:
        folder: The study's folder.
        notify: Told, in a sentence, why the study waits or what was put aside.
        patience: Seconds for which a database may be away before that is an error.
    """

    def __init__(self, folder: Path, notify: Callable[[str], None] | None = None, patience: float = PATIENCE) -> None:
        self._folder = folder
        self._notify = notify or _warn
        self._patience = patience
        self._storage: BaseStorage | None = None
        self._backend: Journal | RDBStorage | None = None
        self._mirrors: dict[str, Mirror] = {}

    def tell(
        self, asked: Asked, names: Sequence[str], trials: Sequence[Trial], everything: Callable[[], Sequence[Trial]]
    ) -> None:
        """Bring Optuna's storage up to the folder.

        Args:
            asked: The study.
            names: Optuna's names for it; the last holds all trials, one before it those from before the space was widened.
            trials: Those to tell of.
            everything: All trials, in the order of their numbers. They are told where Optuna does not have `trials` yet,
                since it counts trials as they come.

        Raises:
            StorageError: The database stayed away; the results are safe in the folder.
            RecipeError, UnsupportedError: It is no database that can be used.
        """
        last = self._mirrors.get(names[-1])
        if last is not None and last.holds(trials) and not last.lacks(trials) and not self._replaced:
            return
        waited, wait = 0.0, _FIRST_WAIT
        while True:
            try:
                self._tell(asked, names, trials, everything)
            except _away() as error:
                self.close()
                if waited >= self._patience:
                    raise self._stayed_away(asked, error) from error
                self._notify(self._waiting(asked, error, wait))
                time.sleep(wait)
                waited, wait = waited + wait, min(2 * wait, _LONGEST_WAIT)
            else:
                return

    def check(self, asked: Asked) -> None:
        """See that there is a storage, before anything is done.

        Raises:
            StorageError: The database does not answer.
            RecipeError, UnsupportedError: It is no database that can be used.
        """
        if asked.storage is None:
            return
        try:
            with quiet():
                self._open(asked)
        except _away() as error:
            raise StorageError(
                say(
                    f"The database {shown(asked.storage)} cannot be used: {_reason(error)}.",
                    f"데이터베이스 {shown(asked.storage)}을(를) 쓸 수 없습니다: {_reason(error)}.",
                ),
                say("Start it, or correct the URL.", "데이터베이스를 켜거나 URL을 고치세요."),
            ) from error
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the database."""
        from optuna.storages.journal import BaseJournalBackend

        backend, self._backend, self._storage = self._backend, None, None
        self._mirrors.clear()
        if backend is not None and not isinstance(backend, BaseJournalBackend):
            with contextlib.suppress(Exception):  # a connection that is broken may not even close
                backend.scoped_session.remove()
                backend.engine.dispose()

    @property
    def _replaced(self) -> bool:
        """Whether the journal is another file than it was."""
        from sonmat.search.journal import Journal

        return isinstance(self._backend, Journal) and self._backend.replaced

    def _tell(
        self, asked: Asked, names: Sequence[str], trials: Sequence[Trial], everything: Callable[[], Sequence[Trial]]
    ) -> None:
        from sonmat.search.journal import MovedError

        with storing(self._folder):
            lock = filelock.FileLock(self._folder / _LOCK)
        with _held(lock), quiet():
            for _ in range(3):
                try:
                    return self._tell_once(asked, names, trials, everything)
                except MovedError:
                    self.close()
        raise RunError(
            say(
                f"Another program keeps writing to {self._folder / 'trials.log'} without waiting for its lock.",
                f"다른 프로그램이 잠금을 기다리지 않고 {self._folder / 'trials.log'}에 계속 쓰고 있습니다.",
            ),
            say("End it, then resume the study.", "그 프로그램을 끝낸 뒤 스터디를 이어서 하세요."),
        )

    def _tell_once(
        self, asked: Asked, names: Sequence[str], trials: Sequence[Trial], everything: Callable[[], Sequence[Trial]]
    ) -> None:
        from sonmat.search.parameters import Parameters

        try:
            mirrors = self._opened(asked, names)
        except _BrokenError:
            self._set_aside()
            mirrors = self._opened(asked, names)  # an empty one cannot be broken
        parameters = Parameters(asked.space)
        trials = trials if mirrors[-1].holds(trials) else everything()
        try:
            for mirror in mirrors:
                due = mirror.lacks(trials, new=mirror is mirrors[-1])
                for begin in range(0, len(due), _PIECE):
                    with self._together(mirror):
                        mirror.tell(due[begin : begin + _PIECE], parameters)
                if due:
                    mirror.refresh()
        except BaseException:
            self.close()  # what was told half is told again
            raise

    def _opened(self, asked: Asked, names: Sequence[str]) -> list[Mirror]:
        if self._replaced:
            self.close()
        try:
            storage = self._storage or self._open(asked)
            for name in names:
                if name not in self._mirrors:
                    steps = None if asked.storage is None else rungs(asked.recipe.train.epochs, asked.halving)
                    self._mirrors[name] = Mirror(
                        storage, name, maximize=asked.maximize, metric=asked.metric, steps=steps
                    )
                self._mirrors[name].refresh()
        except BaseException as error:
            self.close()
            # Optuna has no error of its own for a journal that it cannot read, but whatever json and its asserts say
            if asked.storage is None and isinstance(error, Exception) and not isinstance(error, OSError):
                raise _BrokenError(str(error)) from error
            raise
        return [self._mirrors[name] for name in names]

    def _open(self, asked: Asked) -> BaseStorage:
        from optuna.storages import JournalStorage, get_storage

        if asked.storage is not None:
            self._backend = open_database(asked.storage)
            self._storage = get_storage(self._backend)
        else:
            from sonmat.search.journal import JOURNAL, Journal

            self._backend = Journal(self._folder / JOURNAL)
            self._storage = JournalStorage(self._backend)
        return self._storage

    @contextlib.contextmanager
    def _together(self, mirror: Mirror) -> Iterator[None]:
        from sonmat.search.journal import Journal

        if isinstance(self._backend, Journal):
            with self._backend.together(mirror.refresh):
                yield
        else:
            yield

    def _set_aside(self) -> None:
        from sonmat.search.journal import JOURNAL

        file = self._folder / JOURNAL
        aside = self._folder / f"trials.broken-{time.time_ns()}.log"
        with storing(file):
            file.rename(aside)
        self._notify(
            say(
                f"{file} could not be read. It is now {aside.name}, and was made again from the study's own files.",
                f"{file}을(를) 읽을 수 없어 {aside.name}(으)로 옮기고, 스터디의 파일로 다시 만들었습니다.",
            )
        )

    def _waiting(self, asked: Asked, error: Exception, wait: float) -> str:
        place = shown(asked.storage or "")
        return say(
            f"The database {place} does not answer ({_reason(error)}); trying again in {wait:g} s. "
            f"Nothing is lost: the results are in {self._folder}.",
            f"데이터베이스 {place}이(가) 응답하지 않습니다 ({_reason(error)}). {wait:g}초 뒤에 다시 시도합니다. "
            f"결과는 {self._folder}에 그대로 있습니다.",
        )

    def _stayed_away(self, asked: Asked, error: Exception) -> StorageError:
        place = shown(asked.storage or "")
        return StorageError(
            say(
                f"The database {place} stayed away: {_reason(error)}. Nothing is lost: the results are in {self._folder}.",
                f"데이터베이스 {place}이(가) 돌아오지 않았습니다: {_reason(error)}. 결과는 {self._folder}에 그대로 있습니다.",
            ),
            say(
                f"When it is back, go on with: sonmat sweep --resume {self._folder}",
                f"데이터베이스가 돌아오면 이어서 하세요: sonmat sweep --resume {self._folder}",
            ),
        )


class _BrokenError(Exception):
    """The journal cannot be read."""


@contextlib.contextmanager
def _held(lock: filelock.BaseFileLock) -> Iterator[None]:
    with storing(lock.lock_file):
        lock.acquire()  # the system frees it when its process dies
    try:
        yield
    finally:
        lock.release()


def _away() -> tuple[type[Exception], ...]:
    """What is raised by a database that is away; the journal has no such errors."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    return StorageInternalError, SQLAlchemyError


def _reason(error: BaseException) -> str:
    """The last line of what the driver says, which names the cause; Optuna wraps it."""
    cause = error.__cause__ or error
    cause = getattr(cause, "orig", None) or cause
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    return (lines[-1] if lines else type(cause).__name__).rstrip(".")


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=2)
