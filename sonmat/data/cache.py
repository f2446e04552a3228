"""The copies of published data sets that are kept on this machine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sonmat.data.arrays import Arrays
from sonmat.data.formats import read_npz
from sonmat.data.progress import tell
from sonmat.errors import DataError
from sonmat.files import replacing
from sonmat.language import say
from sonmat.places import data_folder

_MOST_BYTES = 512 * 2**20
_LONGEST_SOURCE = 64 * 2**10
_LONGEST_WAIT = 1800.0  # seconds; after that the other process is taken to be stuck


def cache_file(name: str, folder: Path | None = None) -> Path:
    """Where the data set `name` is kept: a plain `.npz` that NumPy opens too."""
    return (folder or data_folder()) / f"{name}.npz"


def read_cache(path: Path, sums: tuple[str, ...] | None) -> tuple[Arrays, str]:
    """Read a kept data set and check every byte of it.

    Args:
        path: The file.
        sums: The published SHA-256s; without them those that were written with the arrays are held against them.

    Returns:
        The arrays, and where they came from.

    Raises:
        DataError: The file is broken, or holds other arrays.
    """
    found = read_npz(path, limit=_MOST_BYTES)
    try:
        arrays = Arrays(*(found[name] for name in Arrays._fields))
        written = tuple(str(value) for value in found["sums"])
        source = str(found["source"])
    except (KeyError, TypeError) as error:
        raise DataError(say(f"{path} lacks {error}.", f"{path}에 {error}이(가) 없습니다.")) from error
    arrays.verify(sums or written)
    return arrays, source


def kept_source(path: Path) -> str | None:
    """Where a kept data set came from, read without its arrays; None where there is none, or the file is broken."""
    with contextlib.suppress(DataError):
        found = read_npz(path, only={"source"}, limit=_LONGEST_SOURCE)
        return str(found["source"]) if "source" in found else None
    return None


def write_cache(path: Path, arrays: Arrays, source: str) -> None:
    """Keep a data set. Not packed, so that it loads in a blink.

    Raises:
        StorageError: The folder cannot be written, or the disk is full.
    """
    with replacing(path) as file:
        np.savez(file, sums=np.array(arrays.sums()), source=np.array(source), **arrays._asdict())


@contextlib.contextmanager
def alone(path: Path, *, quiet: bool) -> Iterator[None]:
    """Let one process at a time fetch the data set kept at `path`; the others wait, then find it there.

    Where no lock can be made (a folder nobody may write, a file system without locks) each fetches for itself.
    """
    import filelock  # 40 ms that a data set already on this machine need not wait for

    lock = filelock.FileLock(path.with_name(f".{path.stem}.lock"))
    with contextlib.suppress(OSError, NotImplementedError):  # filelock's Timeout is an OSError too
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0.5)
        except filelock.Timeout:
            if not quiet:
                tell(
                    say(
                        f"Another process is fetching {path.stem}; waiting for it.",
                        f"다른 프로세스가 {path.stem}을(를) 받고 있어 기다립니다.",
                    )
                )
            lock.acquire(timeout=_LONGEST_WAIT)
    try:
        yield
    finally:
        lock.release()
