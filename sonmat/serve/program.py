"""A trained network as a list of operations and arrays, which NumPy runs: kept as data, so that a file of it can do no harm."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sonmat.files import replacing
from sonmat.serve.operations import OPERATIONS

_ROWS = 64  # at once: a convolution's windows take nine times its input's memory
_TEXT = "text"


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation.

    Attributes:
        name: A key of `OPERATIONS`.
        given: Its parameters, plain values; `{"rows": k}` stands for k times the rows of the batch.
        inputs, output: Numbers of values.
    """

    name: str
    given: Mapping[str, Any]
    inputs: tuple[int, ...]
    output: int


@dataclass(frozen=True, eq=False)
class Program:
    """What a network does with a batch, in float64: it adds no rounding of its own to that of Keras's float32.

    Attributes:
        operations: In order.
        constants: Arrays by number of value.
        results: Numbers of the values that are given back; the input is number 0.
        about: What else is known of the network, ready for JSON.
    """

    operations: tuple[Operation, ...]
    constants: Mapping[int, np.ndarray]
    results: tuple[int, ...]
    about: Mapping[str, Any]

    def run(self, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        """The results for a batch, each (n, …), floats as float32."""
        constants = {number: widened(array) for number, array in self.constants.items()}
        parts = [self._run(widened(rows[at : at + _ROWS]), constants) for at in range(0, len(rows), _ROWS)]
        return tuple(np.concatenate(part) if len(parts) > 1 else part[0] for part in zip(*parts, strict=True))

    def _run(self, rows: np.ndarray, constants: Mapping[int, np.ndarray]) -> list[np.ndarray]:
        values: dict[int, np.ndarray] = {0: rows, **constants}
        with np.errstate(all="ignore"):  # an infinite logit is no reason for a warning, as it is none for JAX
            for one in self.operations:
                given = {key: _sized(value, len(rows)) for key, value in one.given.items()}
                values[one.output] = OPERATIONS[one.name](given, *(values[number] for number in one.inputs))
        return [_narrowed(np.asarray(values[number])) for number in self.results]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it whole or not at all.

        Raises:
            StorageError: The file cannot be written.
        """
        told = {
            "operations": [[one.name, dict(one.given), list(one.inputs), one.output] for one in self.operations],
            "results": list(self.results),
            "about": dict(self.about),
        }
        text = np.frombuffer(json.dumps(told).encode(), np.uint8)
        with replacing(path) as file:
            arrays: dict[str, Any] = {_TEXT: text, **{f"c{number}": array for number, array in self.constants.items()}}
            np.savez(file, **arrays)


def read_program(path: str | os.PathLike[str]) -> Program | None:
    """A program that was kept; None where there is none that can be read."""
    try:
        with np.load(Path(path), allow_pickle=False) as kept:
            told = json.loads(kept[_TEXT].tobytes())
            constants = {int(name[1:]): kept[name] for name in kept.files if name != _TEXT}
        operations = tuple(
            Operation(str(name), dict(given), tuple(map(int, inputs)), int(output))
            for name, given, inputs, output in told["operations"]
        )
        if any(one.name not in OPERATIONS for one in operations):
            return None
        return Program(operations, constants, tuple(map(int, told["results"])), told["about"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile):
        return None  # such as a file that a full disk cut off


def widened(array: np.ndarray) -> np.ndarray:
    """An array with float32 as float64; any other as it is."""
    return array.astype(np.float64) if array.dtype == np.float32 else array


def _narrowed(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype == np.float64 else array


def _sized(value: Any, rows: int) -> Any:
    if isinstance(value, dict):
        return value["rows"] * rows
    if isinstance(value, list):
        return [_sized(item, rows) for item in value]
    return value
