"""Places that a published data set can be had from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from sonmat.data.arrays import Arrays
from sonmat.data.download import Patience, download
from sonmat.data.formats import read_idx, read_npz
from sonmat.data.progress import Progress
from sonmat.errors import SourceError
from sonmat.language import say

IDX_NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")

_MOST_PACKED = 64 * 2**20  # the largest file published is Fashion-MNIST's, 26 MB
_MOST_BYTES = 256 * 2**20


class Source(Protocol):
    """A place to get a data set's four arrays from."""

    @property
    def label(self) -> str:
        """The place in a few words, for messages."""

    @property
    def address(self) -> str:
        """Where it is exactly."""

    def get(self, folder: Path, progress: Progress, patience: Patience) -> Arrays:
        """Fetch and read the arrays, using `folder` for temporary files.

        Raises:
            DataError: They could not be fetched or read.
        """


@dataclass(frozen=True)
class NpzMirror:
    """One `.npz` with x_train, y_train, x_test and y_test, as Keras publishes MNIST."""

    address: str

    @property
    def label(self) -> str:
        return urlsplit(self.address).netloc

    def get(self, folder: Path, progress: Progress, patience: Patience) -> Arrays:
        path = folder / "mirror.npz"
        download(self.address, path, limit=_MOST_PACKED, progress=progress, patience=patience)
        found = read_npz(path, only=Arrays._fields, limit=_MOST_BYTES)
        missing = [name for name in Arrays._fields if name not in found]
        if missing:
            raise SourceError(
                say(f"the file lacks {', '.join(missing)}", f"파일에 {', '.join(missing)}이(가) 없습니다")
            )
        return Arrays(**found)


@dataclass(frozen=True)
class IdxMirror:
    """A folder on the web with the four packed IDX files.

    Attributes:
        address: The folder, ending in a slash.
        size: Bytes of all four files, for the progress.
        sums: SHA-256 of the four files as they are published, where no sums of their arrays are known.
    """

    address: str
    size: int
    sums: tuple[str, ...] | None = None

    @property
    def label(self) -> str:
        return urlsplit(self.address).netloc

    def get(self, folder: Path, progress: Progress, patience: Patience) -> Arrays:
        done = 0
        for number, name in enumerate(IDX_NAMES):
            path = folder / f"{name}.gz"
            report = _counting_from(done, self.size, progress)
            download(f"{self.address}{name}.gz", path, limit=_MOST_PACKED, progress=report, patience=patience)
            if self.sums is not None and hashlib.sha256(path.read_bytes()).hexdigest() != self.sums[number]:
                raise SourceError(say(f"wrong checksum of {path.name}", f"{path.name}의 체크섬이 다릅니다"))
            done += path.stat().st_size
        return Arrays(*(read_idx(folder / f"{name}.gz", limit=_MOST_BYTES) for name in IDX_NAMES))


def _counting_from(start: int, size: int, progress: Progress) -> Progress:
    return lambda done, total: progress(start + done, max(size, start + done))


@dataclass(frozen=True)
class IdxFolder:
    """A folder on this machine with the four IDX files, packed or not."""

    address: str

    @property
    def label(self) -> str:
        return self.address

    def get(self, folder: Path, progress: Progress, patience: Patience) -> Arrays:
        paths = idx_paths(Path(self.address))
        missing = [name for name, path in paths.items() if path is None]
        if missing:
            raise SourceError(say(f"has no {missing[0]}[.gz]", f"{missing[0]}[.gz] 파일이 없습니다"))
        return Arrays(*(read_idx(path, limit=_MOST_BYTES) for path in paths.values() if path is not None))


def idx_paths(folder: Path) -> dict[str, Path | None]:
    """Where in a folder each of the four IDX files lies; some people unpack them, some write a dot for a dash."""
    spellings: list[Callable[[str], str]] = [lambda name: name, lambda name: name.replace("-idx", ".idx")]
    found: dict[str, Path | None] = {}
    for name in IDX_NAMES:
        candidates = [folder / f"{spell(name)}{ending}" for spell in spellings for ending in ("", ".gz")]
        found[name] = next((path for path in candidates if path.is_file()), None)
    return found
