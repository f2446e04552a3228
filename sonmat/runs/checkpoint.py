"""The checkpoint: one file that holds all a run needs to go on, replaced as a whole after each epoch."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from sonmat.engine.resumable import Snapshot
from sonmat.errors import RunError
from sonmat.files import replacing
from sonmat.language import say

_FORMAT = 1


def write_checkpoint(path: Path, snapshot: Snapshot, identity: dict[str, Any]) -> None:
    """Replace the checkpoint.

    Args:
        path: The file.
        snapshot: The run.
        identity: What tells this run from another; `read_checkpoint` gives it back.

    Raises:
        StorageError: The disk is full or the folder cannot be written; the old checkpoint is as it was.
    """
    arrays: list[np.ndarray] = []
    tree = {
        "format": _FORMAT,
        "identity": identity,
        "done": snapshot.done,
        "stopped": snapshot.stopped,
        "arrays": _packed([list(group) for group in snapshot.arrays], arrays),
        "history": _packed(snapshot.history, arrays),
        "epochs": snapshot.epochs,
        "callbacks": _packed(snapshot.callbacks, arrays),
    }
    names = [array.dtype.name for array in arrays]
    plain = {
        f"a{i}": array.view(_CARRIER[array.dtype.name]) if array.dtype.name in _CARRIER else array
        for i, array in enumerate(arrays)
    }
    text = np.frombuffer(json.dumps({"tree": tree, "dtypes": names}).encode(), np.uint8)
    with replacing(path) as file:
        np.savez(file, tree=text, **plain)  # type: ignore[arg-type]


def read_checkpoint(path: Path) -> tuple[Snapshot, dict[str, Any]]:
    """The snapshot and the identity that were written.

    Raises:
        RunError: The file is no checkpoint of this version.
    """
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            head = json.loads(stored["tree"].tobytes())
            arrays = [_named(stored[f"a{i}"], name) for i, name in enumerate(head["dtypes"])]
        tree = head["tree"]
        if tree["format"] != _FORMAT:
            raise ValueError(f"format {tree['format']}")
        snapshot = Snapshot(
            done=tree["done"],
            stopped=tree["stopped"],
            arrays=tuple(_unpacked(tree["arrays"], arrays)),
            history=_unpacked(tree["history"], arrays),
            epochs=tree["epochs"],
            callbacks=_unpacked(tree["callbacks"], arrays),
        )
    except Exception as error:  # a broken archive raises whatever zipfile, zlib, json and numpy think of
        raise RunError(
            say(
                f"{path} is not a checkpoint that can be read: {error}.",
                f"{path}은(는) 읽을 수 있는 체크포인트가 아닙니다: {error}.",
            ),
            say("Start the run anew in another folder.", "다른 폴더에서 새로 시작하세요."),
        ) from error
    return snapshot, tree["identity"]


_CARRIER = {
    "bfloat16": np.uint16,
    "float8_e4m3fn": np.uint8,
    "float8_e5m2": np.uint8,
}  # dtypes that .npy has no name for


def _named(array: np.ndarray, name: str) -> np.ndarray:
    return array.view(getattr(ml_dtypes, name)) if name in _CARRIER else array


def _packed(value: Any, arrays: list[np.ndarray]) -> Any:
    """A tree as JSON, with its arrays (and numbers that JSON would round or refuse) moved to a list."""
    if isinstance(value, (np.ndarray, np.generic)):
        arrays.append(np.asarray(value))
        return {"array": len(arrays) - 1, "scalar": isinstance(value, np.generic)}
    if isinstance(value, tuple):
        return {"tuple": [_packed(item, arrays) for item in value]}
    if isinstance(value, list):
        return [_packed(item, arrays) for item in value]
    if isinstance(value, dict):
        return {"dict": {key: _packed(item, arrays) for key, item in value.items()}}
    return value  # Python's JSON keeps floats to the bit, and NaN and infinities too


def _unpacked(value: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, list):
        return [_unpacked(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if "array" in value:
        array = arrays[value["array"]]
        return array[()] if value["scalar"] else array
    if "tuple" in value:
        return tuple(_unpacked(item, arrays) for item in value["tuple"])
    return {key: _unpacked(item, arrays) for key, item in value["dict"].items()}
