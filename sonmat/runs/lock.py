"""One process at a time in a run folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import filelock

from sonmat.errors import RunError
from sonmat.files import remove_dead_parts, storing
from sonmat.language import say

LOCK = ".lock"


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Make the folder if need be and keep others out of it; the system lets go of the lock when the process dies.

    The thread that holds a folder may hold it again: a job holds it from before the fit to the last picture.

    Raises:
        RunError: Another process is training in it.
        StorageError: The folder cannot be made.
    """
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder.resolve() / LOCK, timeout=0, is_singleton=True)
    with storing(folder):
        try:
            lock.acquire()
        except filelock.Timeout:  # an OSError too, which `storing` would take for a full disk
            taken = True
        else:
            taken = False
    if taken:
        raise RunError(
            say(f"Another process is training in {folder}.", f"다른 프로세스가 {folder}에서 학습하고 있습니다."),
            say("Wait for it, or use another folder.", "끝날 때까지 기다리거나 다른 폴더를 쓰세요."),
        )
    try:
        remove_dead_parts(folder)
        yield
    finally:
        lock.release()
