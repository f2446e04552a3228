"""Many pictures read at once and made alike: sizes first, from their headers, then pixels, by several threads."""

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

from sonmat.data.fitting import as_channels, choose_size, fitted
from sonmat.data.image_cache import ImageCache, Known, Store, digest_of, stamp_of
from sonmat.data.image_file import Header, content_of, decode, header_of, quiet_decoders
from sonmat.data.memory import room_for_data
from sonmat.data.progress import Progress, counting
from sonmat.data.read_settings import ReadSettings
from sonmat.data.table_file import Bad
from sonmat.errors import DataError
from sonmat.language import say

_MOST_THREADS = 16
_LARGE = 16_000_000  # pixels: of such pictures one is decoded at a time, for each may take half a gigabyte
_SIDE_BY_SIDE = 64  # pictures a thread takes at a time
_LISTED = 10
_DIGIT = 28  # pixels of a side that digits are cleaned to, where no other size is asked for

_Result = TypeVar("_Result")


@dataclass(frozen=True, eq=False)
class Pixels:
    """Pictures as they are trained on.

    Attributes:
        inputs: uint8 (n, height, width) of grey, or (n, height, width, 3).
        read: (n,) which of the files that were asked for these are.
        size: Height and width.
        notes: What was chosen, in sentences.
        bad: The files that could not be read.
    """

    inputs: np.ndarray
    read: np.ndarray
    size: tuple[int, int]
    notes: tuple[str, ...]
    bad: tuple[Bad, ...]


def read_pictures(
    files: Sequence[tuple[str, Path]], place: Path, settings: ReadSettings, progress: Progress | None = None
) -> Pixels:
    """Read pictures and make them one size.

    Args:
        files: Name and path of each.
        place: The folder or table they are of, under which they are kept.
        settings: Size and channels, where these are not to be chosen; and whether what cannot be read is left out.
        progress: Called with the pictures done and the pictures there are.

    Raises:
        DataError: Some cannot be read (it lists them), none can, or all of them do not fit into memory.
    """
    reader = _Reader(files, place, clean=settings.clean)
    with quiet_decoders(), counting(place.name, reader.headers.count(None), progress) as report:
        reader.read_headers(report)
        good = [n for n, header in enumerate(reader.headers) if header is not None]
        if not good:
            raise _unreadable(reader.bad, len(files), place, none_left=True)
        height, width, note = _sized(settings, [reader.headers[n] for n in good])
        may_be_coloured = any(not header.grey for header in reader.headers if header is not None)
        channels = 3 if may_be_coloured and not settings.clean else 1
        _check_memory(place, len(good), height, width, channels)
        inputs, grey = reader.read_pixels(good, height, width, channels, report)
    read = np.array([n for n in good if reader.headers[n] is not None], np.int64)
    reader.keep(read, inputs, grey)
    if reader.bad and (not settings.skip_unreadable or not len(read)):
        raise _unreadable(reader.bad, len(files), place, none_left=not len(read))
    notes = [note] if note else []
    if settings.clean:
        notes.append(
            say(
                f"Pictures are cleaned to digits as MNIST has them: light strokes on black, centred, {height} × {width}.",
                f"그림을 MNIST의 숫자처럼 다듬습니다: 검은 바탕에 밝은 획, 가운데로, {height} × {width}.",
            )
        )
    elif settings.channels is None:
        inputs, told = _as_grey_as_they_are(inputs, grey)
        notes.append(told)
    elif settings.channels != channels:
        inputs = np.stack([as_channels(one, settings.channels) for one in inputs])
    return Pixels(inputs, read, (height, width), tuple(notes), tuple(reader.bad.values()))


def _sized(settings: ReadSettings, headers: Sequence[Header | None]) -> tuple[int, int, str]:
    if settings.size is not None:
        return (*settings.size, "")
    if settings.clean:
        return (_DIGIT, _DIGIT, "")
    known = [header for header in headers if header is not None]
    chosen = choose_size([one.height for one in known], [one.width for one in known])
    return chosen.height, chosen.width, chosen.note


def _as_grey_as_they_are(inputs: np.ndarray, grey: np.ndarray) -> tuple[np.ndarray, str]:
    if inputs.ndim == 3 or grey.all():
        plain = inputs if inputs.ndim == 3 else np.ascontiguousarray(inputs[..., 0])
        return plain, say("All are grey, and stay so.", "모두 흑백이므로 흑백으로 둡니다.")
    few = int(grey.sum())
    told = say("They are in colour", "컬러입니다") + (
        say(f"; {few:,} of {len(grey):,} are grey", f"(흑백 {few:,}개)") if few else ""
    )
    return inputs, told + "."


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


class _Reader:
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


def _check_memory(place: Path, count: int, height: int, width: int, channels: int) -> None:
    """Refuse pictures that do not fit into memory, before any is decoded.

    Raises:
        DataError: It says which size would fit.
    """
    size, room = count * height * width * channels, room_for_data()
    if size <= room:
        return
    fits = (
        int((room / (count * channels) * height / width) ** 0.5),
        int((room / (count * channels) * width / height) ** 0.5),
    )
    told = f"[{fits[0]},{fits[1]}]" if fits[0] != fits[1] else str(fits[0])
    raise DataError(
        say(
            f"{count:,} pictures of {height} × {width} pixels{' in colour' if channels == 3 else ''} would take {size / 1e9:,.1f} GB "
            f"of memory and there is room for {room / 1e9:,.1f} GB ({place}).",
            f"{height} × {width} 픽셀{' 컬러' if channels == 3 else ''} 그림 {count:,}개에는 메모리 {size / 1e9:,.1f} GB가 필요한데 쓸 수 "
            f"있는 것은 {room / 1e9:,.1f} GB입니다 ({place}).",
        ),
        say(f"This size would fit: --set size={told}.", f"들어가는 크기: --set size={told}.")
        if min(fits) >= 1
        else say("Take fewer pictures.", "그림을 줄이세요."),
    )


def _unreadable(bad: dict[int, Bad], count: int, place: Path, *, none_left: bool) -> DataError:
    some = [bad[n] for n in sorted(bad)]
    listed = "".join(f"\n  - {one.place}: {one.reason}" for one in some[:_LISTED])
    if len(some) > _LISTED:
        more = len(some) - _LISTED
        listed += say(f"\n  - and {more:,} more", f"\n  - 그 밖에 {more:,}개")
    return DataError(
        say(
            f"{len(some):,} of {count:,} pictures of {place} could not be read:{listed}",
            f"{place}의 그림 {count:,}개 중 {len(some):,}개를 읽지 못했습니다:{listed}",
        ),
        say("Get the files again.", "파일을 다시 받으세요.")
        if none_left
        else say(
            "Mend or remove these files, or leave them out: --skip-unreadable (skip_unreadable=True).",
            "이 파일들을 고치거나 지우세요. 빼고 읽으려면: --skip-unreadable (skip_unreadable=True).",
        ),
    )
