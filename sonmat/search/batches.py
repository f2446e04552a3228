"""The batches of a study on disk: read without locks, and made so that no kill leaves half of one."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sonmat.errors import RunError
from sonmat.files import storing, sync_folder
from sonmat.search.batch import plan_of
from sonmat.search.plan import Plan, write_plan
from sonmat.search.results import read_all, read_results, settle
from sonmat.search.trial import Trial

_NEW = ".new-"


@dataclass(frozen=True)
class Known:
    """A batch as it was found.

    Attributes:
        folder: Its folder.
        plan: What it is to do.
        trials: As they are now.
        finished: Whether it is finished, and has said so.
    """

    folder: Path
    plan: Plan
    trials: list[Trial]
    finished: bool


class Batches:
    """The folders `0000`, `0001`, … of a study.

    Args:
        path: Where they are.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._finished: dict[str, Known] = {}  # they do not change any more

    def known(self, *, strict: bool) -> list[Known]:
        """All batches, in the order of their numbers.

        Args:
            strict: To raise where a plan cannot be read; otherwise such a batch is passed over.

        Raises:
            RunError: A plan cannot be read: nobody knows which numbers its trials have.
        """
        found = []
        names = self._names()
        self._finished = {name: known for name, known in self._finished.items() if name in set(names)}
        for name in names:
            known = self._finished.get(name)
            if known is None:
                try:
                    known = _read(self.path / name)
                except RunError:
                    if strict:
                        raise
                    continue
                if known.finished:
                    self._finished[name] = known
            found.append(known)
        return found

    def make(self, plan: Plan) -> Path | None:
        """A new batch, which appears with its plan in it or not at all.

        Returns:
            Its folder, or None where another process was faster: then the plan's numbers are taken.

        Raises:
            StorageError: The disk is full or the folder cannot be written.
        """
        with storing(self.path):
            if not self.path.is_dir():
                self.path.mkdir(parents=True, exist_ok=True)
                sync_folder(self.path.parent)
            for left in self.path.glob(
                f"{_NEW}*"
            ):  # only who holds the study's lock makes these: they are a dead one's
                shutil.rmtree(left, ignore_errors=True)
            number = 1 + max((int(name) for name in self._names()), default=-1)
            folder = self.path / f"{number:04d}"
            made = Path(tempfile.mkdtemp(prefix=_NEW, dir=self.path))
            try:
                os.chmod(made, 0o777 & ~_umask())  # mkdtemp makes folders private; a study is meant to be shared
                write_plan(made, plan)
                made.rename(folder)  # which fails where there is a folder with a plan in it
            except OSError as error:
                shutil.rmtree(made, ignore_errors=True)
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST) or isinstance(error, FileExistsError):
                    return None
                raise
            sync_folder(self.path)
        return folder

    def _names(self) -> list[str]:
        names: list[str] = []
        with contextlib.suppress(OSError):
            names = [entry.name for entry in os.scandir(self.path) if re.fullmatch(r"\d{4,9}", entry.name)]
        return sorted(names, key=int)


def _read(folder: Path) -> Known:
    plan = plan_of(folder)
    found = read_all(folder, plan)
    trials = settle(plan, read_results(folder, plan)) if found is None else found
    return Known(folder, plan, trials, found is not None)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
