"""What the trials of a chunk need to train on from a rung: their weights and the like, kept until the next rung is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sonmat.search.packing import read_packed, write_packed

States = bytes | Mapping[str, np.ndarray]
"""Arrays whose first axis counts the trials of the chunk, or bytes that only all of them together can read."""

_FORMAT = 1
_LARGEST = 2**40
_WHOLE = "whole"


def write_states(path: Path, numbers: Sequence[int], states: States) -> None:
    """Replace a file by the states of these trials, all or nothing.

    Raises:
        ValueError: An array's first axis is not that of the trials.
        StorageError: The disk is full or the folder cannot be written.
    """
    whole = isinstance(states, bytes)
    arrays = {_WHOLE: np.frombuffer(states, np.uint8)} if isinstance(states, bytes) else dict(states)
    for name, array in arrays.items():
        if not whole and (np.ndim(array) < 1 or len(array) != len(numbers)):
            raise ValueError(f"state {name!r} of shape {np.shape(array)} is not of {len(numbers)} trials")
    write_packed(path, {"format": _FORMAT, "numbers": [int(n) for n in numbers], "whole": whole}, arrays)


def read_states(path: Path, wanted: Iterable[int]) -> dict[int, Any]:
    """The states of those of the wanted trials that are in the file.

    Returns:
        Number → name → array without the axis of the trials; where bytes were kept, number → these bytes, one object for
        all trials of the chunk.

    Raises:
        FileNotFoundError: It is not there.
        ValueError: It is not such a file, or not whole.
    """
    head, arrays = read_packed(path, _LARGEST)
    try:
        if head["format"] != _FORMAT:
            raise ValueError(f"format {head['format']}")
        places = {int(number): place for place, number in enumerate(head["numbers"])}
        asked = [number for number in wanted if number in places]
        if head["whole"]:
            content = arrays[_WHOLE].tobytes() if asked else b""
            return dict.fromkeys(asked, content)
        if any(len(array) != len(places) for array in arrays.values()):
            raise ValueError("states of other trials")
        # copies, so that the few who go on do not keep the states of a whole chunk in memory
        return {number: {name: array[places[number]].copy() for name, array in arrays.items()} for number in asked}
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise ValueError(f"{path}: {type(error).__name__}: {error}") from error
