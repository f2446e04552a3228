"""Data sets by name or path."""

from __future__ import annotations

import difflib
import os
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

from sonmat.data.arrays import Arrays
from sonmat.data.cache import alone, cache_file, read_cache, write_cache
from sonmat.data.dataset import Dataset
from sonmat.data.download import Patience
from sonmat.data.known import KNOWN, Known
from sonmat.data.local import check_no_settings, load_path
from sonmat.data.progress import Progress, showing
from sonmat.data.read_settings import ReadSettings
from sonmat.errors import DataError, SourceError, StorageError
from sonmat.files import expanded
from sonmat.language import say

_LISTED = 10  # of what was left out


def load(
    name_or_path: str | os.PathLike[str],
    *,
    size: int | Sequence[int] | None = None,
    channels: int | None = None,
    clean: bool = False,
    text: str | None = None,
    label: str | None = None,
    skip_unreadable: bool = False,
    progress: Progress | None = None,
    folder: Path | None = None,
) -> tuple[Dataset, Dataset]:
    """Load a data set's training and test part.

    Args:
        name_or_path: `"mnist"`, `"fashion-mnist"` or `"kmnist"`, fetched once and kept; or data of one's own: a
            folder with a folder of pictures for each class, a CSV file, an `.npz` file or a folder of IDX files (see
            `sonmat.data.local.load_path`). A name wins over a file of that name.
        size: Pixels of a side, or (height, width), that pictures of one's own are made; chosen by them without it.
        channels: 1 makes them grey, 3 coloured; they are what they are without it.
        clean: Whether they are photographs or scans of digits, to be cleaned to what MNIST's are.
        text, label: The columns of a table, by header or number from 1; found out without them.
        skip_unreadable: Leave out pictures and rows that cannot be read; one refuses the data otherwise.
        progress: Called with the bytes (of pictures: their number) done and in all; a bar or a line on stderr without it.
        folder: Where fetched sets are kept, instead of the user's cache folder.

    Returns:
        The training and the test part.

    Raises:
        SourceError: No such name, or no source gave the data set; it lists each and why.
        DataError: The file cannot be read or trained on.
    """
    settings = ReadSettings(
        size,  # type: ignore[arg-type]  # one number is both sides
        channels=channels,
        clean=clean,
        text=text,
        label=label,
        skip_unreadable=skip_unreadable,
    )
    parts = load_as(name_or_path, settings, progress=progress, folder=folder)
    reading = parts[0].reading
    if reading is not None and reading.left_out:
        listed = "".join(f"\n  - {one.place}: {one.reason}" for one in reading.left_out[:_LISTED])
        count = len(reading.left_out)
        warnings.warn(
            say(
                f"{count:,} pictures or rows could not be read and were left out:{listed}",
                f"읽지 못한 그림이나 행 {count:,}개를 뺐습니다:{listed}",
            ),
            stacklevel=2,
        )
    return parts


def load_as(
    name_or_path: str | os.PathLike[str],
    settings: ReadSettings,
    *,
    progress: Progress | None = None,
    folder: Path | None = None,
) -> tuple[Dataset, Dataset]:
    """`load`, as a recipe has its settings.

    Args:
        name_or_path, progress, folder: As `load` has them.
        settings: How data of one's own are read.
    """
    named = _named(name_or_path)
    if named is None:
        return load_path(expanded(name_or_path), settings, progress)
    check_no_settings(named.name, settings)
    arrays, source = obtain(named, progress=progress, folder=folder)
    train = Dataset.from_arrays(
        arrays.x_train, arrays.y_train, classes=named.classes, name=named.name, part="train", source=source
    )
    test = Dataset.from_arrays(
        arrays.x_test, arrays.y_test, classes=named.classes, name=named.name, part="test", source=source
    )
    return train, test


def fetch(name: str, *, progress: Progress | None = None, folder: Path | None = None) -> Path:
    """Make sure that a published data set is on this machine.

    Returns:
        The file that holds it.

    Raises:
        SourceError: No such name, or no source gave the data set.
        StorageError: It could not be written.
    """
    known = _named(name)
    if known is None:
        raise _unknown(str(name))
    _, _, unwritten = _get(known, progress, folder)
    if unwritten is not None:
        raise unwritten
    return cache_file(known.name, folder)


def obtain(known: Known, *, progress: Progress | None = None, folder: Path | None = None) -> tuple[Arrays, str]:
    """The arrays of a published data set, from the cache or else the first source that has them.

    A broken cache is fetched again, and where the cache cannot be written the arrays are there all the same; a
    warning says so.

    Returns:
        The arrays, and the address they came from.

    Raises:
        SourceError: No source gave them; it lists each and why.
    """
    arrays, source, unwritten = _get(known, progress, folder)
    if unwritten is not None:
        warnings.warn(
            say(
                f"{known.name} is loaded but could not be kept, and will be fetched again next time. {unwritten}",
                f"{known.name}을(를) 읽었지만 저장하지 못해 다음에 다시 받습니다. {unwritten}",
            ),
            stacklevel=3,
        )
    return arrays, source


def _get(known: Known, progress: Progress | None, folder: Path | None) -> tuple[Arrays, str, StorageError | None]:
    """The arrays, where they came from, and why they could not be kept."""
    path = cache_file(known.name, folder)
    kept = _kept(path, known, warn=True)
    if kept is not None:
        return *kept, None
    with alone(path, quiet=progress is not None):
        kept = _kept(path, known, warn=False)  # another process may have fetched it while we waited
        if kept is not None:
            return *kept, None
        arrays, source = _from_sources(known, progress)
        try:
            write_cache(path, arrays, source)
        except StorageError as error:
            return arrays, source, error
        return arrays, source, None


def _kept(path: Path, known: Known, *, warn: bool) -> tuple[Arrays, str] | None:
    try:
        path.stat()
    except OSError:
        return None
    try:
        return read_cache(path, known.sums)
    except DataError as error:
        if warn:
            warnings.warn(
                say(
                    f"The kept copy of {known.name} is broken and is fetched again: {error.problem}",
                    f"저장해 둔 {known.name}이(가) 깨져 다시 받습니다: {error.problem}",
                ),
                stacklevel=5,
            )
        return None


def _from_sources(known: Known, progress: Progress | None) -> tuple[Arrays, str]:
    patience, reasons = Patience(), []
    for source in known.sources:
        try:
            with (
                tempfile.TemporaryDirectory(prefix="sonmat-", ignore_cleanup_errors=True) as temporary,
                showing(known.name, source.label, progress) as report,
            ):
                arrays = source.get(Path(temporary), report, patience)
            arrays.verify(known.sums)
        except DataError as error:
            reasons.append((source.address, error.problem))
        except OSError as error:  # no room for temporary files
            reasons.append((source.address, error.strerror or str(error)))
        else:
            return arrays, source.address
    raise _nowhere(known, reasons)


def _nowhere(known: Known, reasons: list[tuple[str, str]]) -> SourceError:
    listed = "".join(f"\n  - {address}: {reason}" for address, reason in reasons)
    return SourceError(
        say(
            f"{known.name} could not be fetched; every source was tried:{listed}",
            f"{known.name}을(를) 받지 못했습니다. 모든 곳을 시도했습니다:{listed}",
        ),
        say(
            f"Check the network or proxy and run: sonmat data fetch {known.name}. Or get the files elsewhere and give "
            "their path: an .npz, or a folder of IDX files.",
            f"네트워크나 프록시를 확인하고 실행하세요: sonmat data fetch {known.name}. 또는 파일을 다른 곳에서 구해 "
            "경로를 주세요: .npz 파일이나 IDX 파일 폴더.",
        ),
    )


def _named(name_or_path: str | os.PathLike[str]) -> Known | None:
    """The data set of this name, or None where it is the path of something that is there or looks like a path."""
    if not isinstance(name_or_path, str):
        return None
    known = KNOWN.get(name_or_path.strip().lower().replace("_", "-"))
    if known is not None:
        return known
    path = expanded(name_or_path)
    if path.suffix or path.name != name_or_path or path.exists():
        return None
    raise _unknown(name_or_path)


def _unknown(name: str) -> SourceError:
    names = ", ".join(KNOWN)
    near = difflib.get_close_matches(name.lower().replace("_", "-"), KNOWN, n=1, cutoff=0.5)
    fix = say(
        "Use one of these names, or the path of a folder of pictures, a CSV, an .npz or a folder of IDX files.",
        "이 이름 중 하나나 그림 폴더, CSV, .npz 파일, IDX 파일 폴더의 경로를 쓰세요.",
    )
    if near:
        fix = say(f"Did you mean {near[0]!r}?", f"{near[0]!r}을(를) 찾으셨나요?")
    return SourceError(
        say(
            f"There is no data set named {name!r}; known are {names}.",
            f"{name!r}(이)라는 데이터는 없습니다. 있는 것: {names}.",
        ),
        fix,
    )
