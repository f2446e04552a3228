"""Files of pictures, and what is found out of them step by step: headers, then pixels, by several threads and from the cache."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from sonmat.data.fitting import as_channels, fitted
from sonmat.data.image_cache import ImageCache, Known, Store, digest_of, stamp_of
from sonmat.data.image_file import Header, content_of, decode, header_of
from sonmat.data.progress import Progress
from sonmat.data.table_file import Bad
from sonmat.errors import DataError

_MOST_THREADS = 16
_LARGE = 16_000_000  # pixels: of such pictures one is decoded at a time, for each may take half a gigabyte
_SIDE_BY_SIDE = 64  # pictures a thread takes at a time

_Result = TypeVar("_Result")


@dataclass(frozen=True, eq=False)
class _Row:
    """A picture made its size.

    Attributes:
        pixels: uint8 (height, width) or (height, width, 3).
        grey: Whether it is grey.
        made: Whether that took decoding.
    """

    pixels: np.ndarray
    grey: bool
    made: bool


class PictureFiles:
    """Files, and what is found out of them step by step.

    Attributes:
        headers: Of each file; None where it could not be read.
        bad: Why, by the file's number.
    """

    def __init__(self, files: Sequence[tuple[str, Path]], place: Path, *, clean: bool) -> None:
        self._files = files
        self._clean = clean
        self._cache = ImageCache(place)
        self._threads = min(_MOST_THREADS, (os.cpu_count() or 1) + 1)
        self._one_large = threading.Lock()
        self._stamps = [stamp_of(path) for _, path in files]
        known = self._cache.known()
        found = [known.get(name) for name, _ in files]
        self._known: list[Known | None] = [
            one if one is not None and one.stamp == stamp else None
            for one, stamp in zip(found, self._stamps, strict=True)
        ]
        self.headers: list[Header | None] = [one.header if one is not None else None for one in self._known]
        self._digests = [one.digest if one is not None else b"" for one in self._known]
        self.bad: dict[int, Bad] = {}
        self._unchanged = False

    def read_headers(self, report: Progress) -> None:
        """Of the files that are not known."""
        new = [n for n, header in enumerate(self.headers) if header is None]
        for done, (n, header) in enumerate(self._in_threads(new, self._header), start=1):
            self.headers[n] = header
            report(done // 4, len(self._files) + len(new) // 4)  # pixels take some four times as long

    def _header(self, n: int) -> Header | None:
        return self._or_bad(n, lambda: header_of(self._files[n][1]))

    def read_pixels(
        self, good: Sequence[int], height: int, width: int, channels: int, report: Progress
    ) -> tuple[np.ndarray, np.ndarray]:
        """Inputs, and which of them are grey, of the files whose pixels could be read; the others' headers become None."""
        store = self._cache.pixels(height, width, "-clean" if self._clean else "")
        inputs = np.empty((len(good), height, width) if channels == 1 else (len(good), height, width, 3), np.uint8)
        grey = np.ones(len(good), bool)
        failed: list[int] = []
        fresh = 0

        def one(place: int) -> _Row | None:
            row = self._row(good[place], store, height, width)
            if row is not None:
                inputs[place], grey[place] = as_channels(row.pixels, channels), row.grey
            return row

        for done, (place, row) in enumerate(self._in_threads(range(len(good)), one), start=1):
            if row is None:
                failed.append(place)
                self.headers[good[place]] = None
            elif row.made:
                fresh += 1
            report(done + len(good) // 4, len(good) + len(good) // 4)
        self._unchanged = not fresh and not failed and store is not None and all(self._known)
        if failed:
            inputs, grey = np.delete(inputs, failed, axis=0), np.delete(grey, failed)
        return inputs, grey

    def _row(self, n: int, store: Store | None, height: int, width: int) -> _Row | None:
        """A file's pixels, kept or made; None where it cannot be read."""
        kept = store.row(self._digests[n]) if store is not None else None
        if kept is not None:
            return _Row(*kept, made=False)
        content = self._or_bad(n, lambda: content_of(self._files[n][1]))
        if content is None:
            return None
        self._digests[n] = digest_of(content)
        kept = store.row(self._digests[n]) if store is not None else None
        if kept is not None:
            return _Row(*kept, made=False)
        pixels = self._or_bad(n, lambda: self._made(n, content, height, width))
        return None if pixels is None else _Row(pixels, pixels.ndim == 2, made=True)

    def _made(self, n: int, content: bytes, height: int, width: int) -> np.ndarray:
        header = self.headers[n]
        large = header is not None and header.width * header.height > _LARGE
        with self._one_large if large else contextlib.nullcontext():
            if not self._clean:
                return fitted(decode(content, least_side=2 * max(height, width)), height, width)
            from sonmat.data.photo import LONGEST, cleaned

            return cleaned(decode(content, least_side=LONGEST), height).image

    def keep(self, read: np.ndarray, inputs: np.ndarray, grey: np.ndarray) -> None:
        """Keep what was read for the next time, unless it was all kept already."""
        if self._unchanged or not len(read):
            return
        files: dict[str, Known] = {}
        for n in read.tolist():
            header, stamp = self.headers[n], self._stamps[n]
            if header is not None:
                files[self._files[n][0]] = Known(stamp or (-1, -1, -1), self._digests[n], header)
        self._cache.keep(
            files, inputs, grey, [self._digests[n] for n in read.tolist()], "-clean" if self._clean else ""
        )

    def _or_bad(self, n: int, job: Callable[[], _Result]) -> _Result | None:
        try:
            return job()
        except DataError as error:
            self.bad[n] = Bad(self._files[n][0], error.problem)
            return None

    def _in_threads(self, numbers: Sequence[int], job: Callable[[int], _Result]) -> Iterator[tuple[int, _Result]]:
        """Each number with what came of it, in their order. Decoders leave Python's lock while they work."""
        blocks = [numbers[start : start + _SIDE_BY_SIDE] for start in range(0, len(numbers), _SIDE_BY_SIDE)]
        with ThreadPoolExecutor(self._threads, "sonmat-pictures") as pool:
            try:
                yield from (
                    pair for pairs in pool.map(lambda block: [(n, job(n)) for n in block], blocks) for pair in pairs
                )
            except BaseException:  # Ctrl-C: what has not begun need not
                pool.shutdown(wait=False, cancel_futures=True)
                raise
