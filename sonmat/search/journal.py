"""Optuna's journal file, written so that no kill breaks it and many lines cost one sync."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend, JournalFileOpenLock, JournalFileSymlinkLock

from sonmat.files import storing

JOURNAL = "trials.log"
_OURS = f"./{JOURNAL}"  # where sonmat's own lock points; Optuna's points to the path it was given


class Journal(BaseJournalBackend):
    """The journal file of `optuna.storages.journal.JournalFileBackend`, with its lines and under its lock.

    What Optuna's own class lacks is here: lines that belong together are written and synced at once, half a line that a
    kill or a full disk left is cut off before the next is written (Optuna appends to it, and can then read nothing that
    follows), and the lock of a process that died is recognised at once (Optuna waits for 30 s).

    Only one process of sonmat's may write at a time: the caller sees to that. Optuna's own tools may write at any time.

    Args:
        path: The file, called `JOURNAL`; it is made where it is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with storing(path):
            self._identity = _identity_of(os.open(path, os.O_CREAT | os.O_RDWR, 0o666))
        self._count, self._end = 0, 0  # lines read so far, and where the last of them ends
        self._held: list[dict[str, Any]] | None = None

    @property
    def replaced(self) -> bool:
        """Whether another file has taken this one's place, or this one has become shorter than it was."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return True
        return (found.st_dev, found.st_ino) != self._identity or found.st_size < self._end

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """The lines from one on, whole ones alone."""
        if self._held is not None and log_number_from >= self._count:
            yield from self._held[log_number_from - self._count :]
            return
        if log_number_from < self._count:
            self._count, self._end = 0, 0
        with open(self.path, "rb") as file:
            file.seek(self._end)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._count, self._end = self._count + 1, self._end + len(line)
                if self._count > log_number_from:
                    yield json.loads(line)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Add lines, or keep them until `together` ends."""
        if self._held is not None:
            self._held += logs
            return
        with self._locked():
            self._append(logs)

    @contextlib.contextmanager
    def together(self, sync: Callable[[], object]) -> Iterator[None]:
        """Write what is appended within as one piece, synced once, unless an error ends it.

        Optuna's tools wait meanwhile; after 30 s they take the lock away, so that it should not take long. After an error
        the storage that this journal is the backend of holds what is not written, and is of no more use.

        Args:
            sync: Called once nobody else writes: it is to read what others have written.

        Raises:
            MovedError: The lock was taken away, and another has written.
            StorageError: The disk is full or the file cannot be written.
        """
        with self._locked():
            sync()
            self._held = []
            try:
                yield
                held = self._held
            finally:
                self._held = None
            self._append(held, after=self._end)
            self._count, self._end = self._count + len(held), self.path.stat().st_size

    def _append(self, logs: list[dict[str, Any]], after: int | None = None) -> None:
        if not logs:
            return
        content = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs).encode()
        with storing(self.path), open(self.path, "r+b") as file:
            _cut_torn_line(file)
            if after not in (None, file.tell()):
                raise MovedError
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        lock = f"{self.path}.lock"
        with contextlib.suppress(OSError):
            # a Path would read away the dot; its process is dead, since only one of sonmat's writes at a time
            if os.readlink(lock) == _OURS:  # noqa: PTH115
                os.unlink(lock)
        waiting = _Lock(self.path) if os.name == "posix" else JournalFileOpenLock(str(self.path))
        with storing(self.path):
            waiting.acquire()
        try:
            yield
        finally:
            with contextlib.suppress(RuntimeError):  # another took it away after 30 s
                waiting.release()


class MovedError(Exception):
    """Another has written to the journal although it was locked: what was to be written no longer fits."""


class _Lock(JournalFileSymlinkLock):
    """Optuna's lock, pointing to the file by another name, which tells whose it is."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._ours = f"{path}.lock"

    def acquire(self) -> bool:
        try:
            os.symlink(_OURS, self._ours)  # noqa: PTH211
        except FileExistsError:
            return super().acquire()
        return True


def _cut_torn_line(file: Any) -> None:
    """Go to the end, and cut off what follows the last line's end: nobody was told that it is there."""
    end = file.seek(0, os.SEEK_END)
    place = end
    while place:
        start = max(0, place - 65536)
        file.seek(start)
        found = file.read(place - start).rfind(b"\n")
        if found >= 0:
            place = start + found + 1
            break
        place = start
    if place != end:
        file.truncate(place)
    file.seek(place)


def _identity_of(descriptor: int) -> tuple[int, int]:
    try:
        found = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    return found.st_dev, found.st_ino
