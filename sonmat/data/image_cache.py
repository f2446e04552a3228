"""Pictures that were read before, kept by their content: a second look at a folder takes a moment.

Two files for each folder or table: what is known of every file (its size, times, sum and header), and for each size that
pictures were made the pixels by the sums of their files. A file whose size and times are those that are known is taken to be
the same; any other is read again, and its pixels are made anew unless its sum is known.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sonmat.data.formats import read_npz
from sonmat.data.image_file import Header
from sonmat.errors import DataError, StorageError
from sonmat.files import replacing
from sonmat.language import say
from sonmat.places import cache_folder

MOST_BYTES = 4 * 2**30
"""Of all that is kept; the oldest goes first."""

_VERSION = 1  # of how pictures are read: another one finds nothing of what is kept
_FRESH = 2_000_000_000  # ns: a file that changed so shortly before it was looked at may have changed again since
DIGEST = 16  # bytes of a sum

Stamp = tuple[int, int, int]
"""A file's size in bytes, and when its content and its record were changed, in ns."""


@dataclass(frozen=True)
class Known:
    """What is known of a file.

    Attributes:
        stamp: As it was when it was read.
        digest: Of its content.
        header: What it says of itself.
    """

    stamp: Stamp
    digest: bytes
    header: Header


@dataclass(frozen=True, eq=False)
class Store:
    """Pixels that were made before.

    Attributes:
        pixels: uint8 (m, height, width) or (m, height, width, 3).
        grey: (m,) whether each was grey.
        places: Where the pixels of each sum are.
    """

    pixels: np.ndarray
    grey: np.ndarray
    places: Mapping[bytes, int]

    def row(self, digest: bytes) -> tuple[np.ndarray, bool] | None:
        """The pixels of a file of this sum, and whether they are grey; None where they are not kept."""
        place = self.places.get(digest)
        return None if place is None else (self.pixels[place], bool(self.grey[place]))


def images_folder() -> Path:
    """Where pictures are kept: safe to delete."""
    return cache_folder() / "images"


def digest_of(content: bytes) -> bytes:
    """The sum by which a file's content is known."""
    return hashlib.blake2b(content, digest_size=DIGEST).digest()


def stamp_of(path: Path) -> Stamp | None:
    """A file's size and times; None where it changed a moment ago, or cannot be looked at."""
    try:
        found = path.stat()
    except OSError:
        return None
    changed = max(found.st_mtime_ns, found.st_ctime_ns)
    return None if changed > time.time_ns() - _FRESH else (found.st_size, found.st_mtime_ns, found.st_ctime_ns)


class ImageCache:
    """What is kept of the pictures of one folder or table.

    Args:
        place: The folder or the table.
    """

    def __init__(self, place: Path) -> None:
        import PIL

        key = f"{_VERSION}\0{PIL.__version__}\0{place.absolute()}"
        self._stem = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:24]

    def known(self) -> dict[str, Known]:
        """What is known of files, by their names."""
        with contextlib.suppress(DataError, KeyError, ValueError, IndexError):
            found = read_npz(self._path("files"), limit=MOST_BYTES)
            stamps, headers = found["stamps"].tolist(), found["headers"].tolist()
            digests = found["digests"].tobytes()
            names = found["names"].tobytes().decode("utf-8", "surrogateescape").split("\0")
            return {
                name: Known(
                    (stamp[0], stamp[1], stamp[2]),
                    digests[DIGEST * n : DIGEST * (n + 1)],
                    Header(header[0], header[1], bool(header[2])),
                )
                for n, (name, stamp, header) in enumerate(zip(names, stamps, headers, strict=True))
            }
        return {}

    def pixels(self, height: int, width: int, how: str) -> Store | None:
        """The pixels that were made of this size, in this way."""
        path = self._path(f"{height}x{width}{how}")
        with contextlib.suppress(DataError, KeyError, ValueError):
            found = read_npz(path, limit=MOST_BYTES)
            pixels, grey, digests = found["pixels"], found["grey"], found["digests"].tobytes()
            if pixels.dtype != np.uint8 or pixels.shape[1:3] != (height, width) or len(pixels) != len(grey):
                return None
            with contextlib.suppress(OSError):
                os.utime(path)  # it was of use: others go first
            places = {digests[DIGEST * n : DIGEST * (n + 1)]: n for n in range(len(pixels))}
            return Store(pixels, grey, places)
        return None

    def keep(
        self,
        files: Mapping[str, Known],
        pixels: np.ndarray,
        grey: np.ndarray,
        digests: list[bytes],
        how: str,
    ) -> None:
        """Keep what was read, in the place of what was kept before; where it cannot be written a warning says so.

        Args:
            files: What is known now, by name.
            pixels, grey: As `Store` has them.
            digests: The sum of each row of pixels.
            how: The way they were made.
        """
        height, width = pixels.shape[1:3]
        try:
            if pixels.nbytes > MOST_BYTES // 2:
                return
            with replacing(self._path("files")) as file:
                np.savez(
                    file,
                    names=_bytes("\0".join(files).encode("utf-8", "surrogateescape")),
                    stamps=np.array([one.stamp for one in files.values()], np.int64).reshape(-1, 3),
                    digests=_bytes(b"".join(one.digest for one in files.values())),
                    headers=np.array(
                        [(one.header.width, one.header.height, one.header.grey) for one in files.values()], np.int64
                    ).reshape(-1, 3),
                )
            with replacing(self._path(f"{height}x{width}{how}")) as file:
                np.savez(file, pixels=pixels, grey=grey, digests=_bytes(b"".join(digests)))
            _prune()
        except StorageError as error:
            warnings.warn(
                say(
                    f"The pictures are read but could not be kept, and will be read again next time. {error}",
                    f"그림을 읽었지만 저장하지 못해 다음에 다시 읽습니다. {error}",
                ),
                stacklevel=2,
            )

    def _path(self, what: str) -> Path:
        return images_folder() / f"{self._stem}-{what}.npz"


def _bytes(content: bytes) -> np.ndarray:
    return np.frombuffer(content, np.uint8)


def _prune() -> None:
    """Delete what was not used for longest until what is left is no larger than it may be."""
    with contextlib.suppress(OSError):
        kept = sorted(
            ((entry.stat().st_mtime, entry.stat().st_size, entry.path) for entry in os.scandir(images_folder())),
            reverse=True,
        )
        total = 0
        for _, size, path in kept:
            total += size
            if total > MOST_BYTES:
                with contextlib.suppress(OSError):
                    os.unlink(path)
