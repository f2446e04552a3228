"""HDF5 from strangers: only what Keras writes is followed and read, and by a process of its own.

No soft or external link is followed, no data set read that is virtual, stored elsewhere, compressed, not plain numbers,
or larger than what the file holds of it. Keras writes none of these.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import ml_dtypes
import numpy as np

from sonmat.errors import ModelFileError
from sonmat.language import say
from sonmat.runs.safe_json import refuse
from sonmat.runs.safe_values import brief

_WORKER = Path(__file__).with_name("hdf5_worker.py")
_PATIENCE = 120  # seconds; the worker itself stops after 5 s of computing where the system can
_MAX_HEADER = 256 << 20


class Hdf5:
    """A stranger's HDF5 file: texts and arrays by path, none of which has been believed yet.

    Args:
        content: The file's bytes.
        attributes_only: Read the root's attributes and nothing else.

    Raises:
        ModelFileError: It is no HDF5, or the HDF5 library breaks on it.
    """

    def __init__(self, content: bytes, *, attributes_only: bool = False) -> None:
        output = _run_worker(content, ["attributes"] if attributes_only else [])
        with refusing_broken():
            length = int.from_bytes(output[:8], "little")
            if length > min(_MAX_HEADER, len(output)):
                raise ValueError("no header")
            header = json.loads(output[8 : 8 + length])
            self._groups: dict[str, Any] = header["groups"]
            self._refused: dict[str, str] = {}
            self._arrays: dict[str, np.ndarray] = {}
            self._take(header["arrays"], memoryview(output)[8 + length :])

    def _take(self, listed: dict[str, Any], content: memoryview) -> None:
        at = 0
        for path, entry in listed.items():
            if "refused" in entry:
                self._refused[path] = entry["refused"]
                continue
            kind = _dtype(entry["dtype"])
            count = math.prod(entry["shape"])
            self._arrays[path] = np.frombuffer(content, kind, count, at).reshape(entry["shape"])
            at += count * kind.itemsize

    def members(self, path: str) -> list[str] | None:
        """The names in a group, or None where there is no group of that path."""
        _check_path(path)
        parts = path.split("/") if path else []
        for end in range(1, len(parts) + 1):
            self._refuse_bad("/".join(parts[:end]))
        return list(self._groups[path]["members"]) if path in self._groups else None

    def array(self, path: str) -> np.ndarray:
        """The numbers of a data set.

        Raises:
            ModelFileError: It is missing, reached by a link, stored elsewhere, or not plain numbers.
        """
        self.members(path)
        if path not in self._arrays:
            refuse(f"The weights {path} are missing.", f"가중치 {path}이(가) 없습니다.")
        return self._arrays[path]

    def text(self, name: str) -> str | None:
        """A text among the root's attributes, or None."""
        value = self._groups[""]["attributes"].get(name)
        return value if isinstance(value, str) else None

    def names(self, path: str, name: str) -> list[str]:
        """A list of names in an attribute of a group; Keras cuts long ones into name0, name1, ..."""
        attributes = self._groups[path]["attributes"]
        pieces = [attributes.get(name)] if name in attributes else []
        while not pieces or name not in attributes:
            piece = attributes.get(f"{name}{len(pieces)}")
            if piece is None:
                break
            pieces.append(piece)
        if not all(isinstance(piece, list) for piece in pieces):
            refuse(f"The attribute {name} should be names.", f"속성 {name}은(는) 이름의 목록이어야 합니다.")
        return [part for piece in pieces for part in piece]

    def _refuse_bad(self, path: str) -> None:
        reason = self._refused.get(path)
        if reason is not None:
            why = {
                "link": say("is a link to another place", "다른 곳을 가리키는 링크입니다"),
                "elsewhere": say(
                    "is kept in other files, is virtual or compressed",
                    "다른 파일에 있거나 가상이거나 압축되어 있습니다",
                ),
                "numbers": say("does not hold plain numbers", "수가 아닌 것이 들어 있습니다"),
            }.get(reason, say("declares more than the file holds", "파일에 있는 것보다 크다고 적혀 있습니다"))
            refuse(f"{path} {why}; Keras writes no such thing.", f"{path}: {why}. Keras는 그렇게 쓰지 않습니다.")


@contextlib.contextmanager
def refusing_broken() -> Iterator[None]:
    """Turn whatever a broken file makes a reader raise into a ModelFileError."""
    try:
        yield
    except ModelFileError:
        raise
    except Exception as error:  # libraries meet broken input with nearly every kind of exception
        _broken(f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:300]}", error)


def _broken(reason: str, cause: Exception | None = None) -> NoReturn:
    try:
        refuse(
            f"The file is broken or is not what Keras writes ({reason}).",
            f"파일이 깨졌거나 Keras가 쓴 것이 아닙니다 ({reason}).",
        )
    except ModelFileError as refusal:
        raise refusal from cause


def _run_worker(content: bytes, arguments: list[str]) -> bytes:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "HDF5_PLUGIN_PATH": "::"}
    command = [sys.executable, "-P", str(_WORKER), *arguments]
    try:
        done = subprocess.run(
            command, input=content, capture_output=True, timeout=_PATIENCE, env=environment, check=False
        )
    except subprocess.TimeoutExpired as error:
        _broken(f"HDF5 does not come to an end of it in {_PATIENCE} s", error)
    if done.returncode != 0:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or [f"HDF5 stopped, {done.returncode}"])[-1]
        _broken(last[:300])
    return done.stdout


def _dtype(name: str) -> np.dtype[Any]:
    kind: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)
    if kind.kind not in "fiub" and name != "bfloat16":
        raise ValueError(f"no numbers: {name}")
    return kind


def _check_path(path: str) -> None:
    if path and any(part in ("", ".", "..") for part in path.split("/")):
        shown = brief(path)
        refuse(f"{shown} is not a path that Keras writes.", f"{shown}은(는) Keras가 쓰는 경로가 아닙니다.")
