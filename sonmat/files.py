"""Writing files so that a kill or a full disk never leaves half of one."""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import json
import os
import platform
import re
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from sonmat.errors import StorageError
from sonmat.language import say

_PART = ".part"


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `path` only when it is whole and on disk.

    The bytes go to a temporary name in the same folder, are synced, and are renamed. Whatever stops the writer, `path`
    holds its old content or all of its new content.

    Raises:
        StorageError: The folder cannot be written, or the disk is full; `path` is as it was.
    """
    path = Path(path)
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        prefix = f".{path.name}.{_machine()}-{os.getpid()}."
        descriptor, temporary = tempfile.mkstemp(prefix=prefix, suffix=_PART, dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o666 & ~_umask())  # mkstemp makes files private; a result is meant to be shared
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        sync_folder(path.parent)


def remove_dead_parts(folder: str | os.PathLike[str]) -> None:
    """Delete the temporary files that `replacing` left there when its process was killed.

    Those of processes that live, and of other machines that see the folder, stay.
    """
    with contextlib.suppress(OSError):
        for name in [entry.name for entry in os.scandir(folder)]:
            writer = re.fullmatch(rf"\..+\.{_machine()}-(\d+)\.[^.]*{re.escape(_PART)}", name)
            if writer and not _lives(int(writer[1])):
                with contextlib.suppress(OSError):
                    os.unlink(Path(folder) / name)


def _lives(process: int) -> bool:
    """Whether a process of this machine lives; where the system cannot be asked without harm, it is said to."""
    if os.name != "posix":  # on Windows this very call ends the process
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True


@functools.cache
def _machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:6]


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Replace a file's content, all or nothing."""
    with replacing(path) as file:
        file.write(content)


def write_text(path: str | os.PathLike[str], content: str) -> None:
    """Replace a file's content with UTF-8 text, all or nothing."""
    write_bytes(path, content.encode())


def write_json(path: str | os.PathLike[str], content: Any) -> None:
    """Replace a file's content with JSON, all or nothing."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_plain(path: str | os.PathLike[str], largest: int = 2**28) -> bytes:
    """The bytes of a regular file. Anything else of its name (a pipe nobody writes to would hold the reader for ever) is refused.

    Raises:
        OSError: There is none, it is no regular file, or it has more than `largest` bytes.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode) or about.st_size > largest:
            raise OSError(errno.EINVAL, f"no regular file of at most {largest:,} bytes", str(path))
        return file.read()


def read_json(path: str | os.PathLike[str], largest: int = 2**20) -> dict[str, Any] | None:
    """A JSON object from a file; None where there is none that can be read."""
    try:
        found = json.loads(read_plain(path, largest))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def expanded(path: str | os.PathLike[str]) -> Path:
    """The path with the home that its `~` stands for; one of nobody's stays as it is, and is not found as any other."""
    return Path(os.path.expanduser(path))  # noqa: PTH111  (Path's own raises RuntimeError)


@contextlib.contextmanager
def storing(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn the operating system's refusals to write `path` into a StorageError."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(
            say(f"Could not write {path}: {reason}.", f"{path} 파일을 쓸 수 없습니다: {reason}."),
            say(
                "Free some space or choose a folder you may write to (--out DIR, or SONMAT_HOME=DIR for everything).",
                "공간을 비우거나 쓸 수 있는 폴더를 고르세요 (--out DIR, 또는 전체를 옮기려면 SONMAT_HOME=DIR).",
            ),
        ) from error


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Make a rename in `folder` survive a power cut, where the system can."""
    if os.name == "posix":  # Windows cannot open folders, and journals its renames
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
