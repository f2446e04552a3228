"""How a download, or the reading of many pictures, shows itself: a bar in a terminal, one line in a log."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from sonmat.language import say

Progress = Callable[[int, int | None], None]
"""Called with the bytes that have come and the bytes there are, or None where nobody knows; of pictures, with their numbers."""


def silent(done: int, total: int | None) -> None:
    """A progress that shows nothing."""


@contextlib.contextmanager
def showing(name: str, source: str, progress: Progress | None) -> Iterator[Progress]:
    """The progress to report to: the caller's own, or else a bar on stderr, or a line where that is no terminal."""
    if progress is not None:
        yield progress
    elif sys.stderr is None:  # a windowed Python has none
        yield silent
    elif sys.stderr.isatty():
        with _bar(say(f"{name} from {source}", f"{name}: {source}"), downloads=True) as report:
            yield report
    else:
        yield _Line(name, source)


class _Line:
    """Says once, when the first bytes come, what is coming."""

    def __init__(self, name: str, source: str) -> None:
        self._name, self._source, self._said = name, source, False

    def __call__(self, done: int, total: int | None) -> None:
        if not self._said:
            self._said = True
            size = f" ({total / 1e6:.1f} MB)" if total else ""
            tell(say(f"Fetching {self._name} from {self._source}{size}", f"{self._name} 받는 중: {self._source}{size}"))


def tell(text: str) -> None:
    """One line on stderr, where there is one."""
    if sys.stderr is not None:
        print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def _bar(told: str, *, downloads: bool) -> Iterator[Progress]:
    from rich import progress as rich
    from rich.console import Console

    done_of_all = rich.DownloadColumn() if downloads else rich.TaskProgressColumn()
    columns = (rich.TextColumn("{task.description}"), rich.BarColumn(), done_of_all, rich.TimeRemainingColumn())
    with rich.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(told, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


_MANY = 500  # pictures from which on a line in a log says that they are being read


@contextlib.contextmanager
def counting(name: str, count: int, progress: Progress | None) -> Iterator[Progress]:
    """The same for pictures that are read: what is reported are pictures done and pictures there are."""
    if progress is not None:
        yield progress
    elif sys.stderr is not None and sys.stderr.isatty():
        with _bar(say(f"reading {name}", f"{name} 읽는 중"), downloads=False) as report:
            yield report
    else:
        if count >= _MANY:
            tell(say(f"Reading {count:,} pictures of {name}", f"{name}의 그림 {count:,}개 읽는 중"))
        yield silent
