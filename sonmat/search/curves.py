"""The curves and results of many trials in one file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sonmat.search.packing import read_packed, write_packed
from sonmat.search.trial import STATES, Trial

_FORMAT = 1
_LARGEST = 2**31  # bytes: a million epochs of a hundred trials are half of it
_LISTS = ("numbers", "states", "values", "seconds", "reasons", "began", "ended", "lanes", "lengths")


def write_trials(path: Path, trials: Sequence[Trial]) -> None:
    """Replace a file by what these trials gave, all or nothing.

    Curves are kept as one array `curves` of (names, trials, epochs) float32, padded with NaN; the rest as JSON, to the
    bit. Settings and seeds are not in it, but in the batch's plan.

    Raises:
        StorageError: The disk is full or the folder cannot be written; the file is as it was.
    """
    names = list(dict.fromkeys(name for trial in trials for name in trial.curves))
    lengths = [[len(trial.curves.get(name, ())) for name in names] for trial in trials]
    longest = max((length for row in lengths for length in row), default=0)
    curves = np.full((len(names), len(trials), longest), np.nan, np.float32)
    for place, trial in enumerate(trials):
        for at, name in enumerate(names):
            curves[at, place, : lengths[place][at]] = trial.curves.get(name, ())
    head = {
        "format": _FORMAT,
        "names": names,
        "numbers": [int(trial.number) for trial in trials],
        "states": [trial.state for trial in trials],
        "values": [_number(trial.value) for trial in trials],
        "seconds": [float(trial.seconds) for trial in trials],
        "reasons": [str(trial.reason) for trial in trials],
        "began": [_number(trial.began) for trial in trials],
        "ended": [_number(trial.ended) for trial in trials],
        "lanes": [int(trial.lane) for trial in trials],
        "lengths": lengths,
    }
    write_packed(path, head, {"curves": curves})


def read_trials(path: Path, planned: Mapping[int, Trial]) -> dict[int, Trial]:
    """What `write_trials` wrote, with the settings of the plan.

    Args:
        path: The file.
        planned: Number → the trial as it was planned.

    Raises:
        FileNotFoundError: It is not there.
        ValueError: It is not such a file, not whole, or of other trials.
    """
    head, arrays = read_packed(path, _LARGEST)
    try:
        return _read(head, arrays["curves"], planned)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"{path}: {type(error).__name__}: {error}") from error


def _read(head: dict[str, Any], curves: np.ndarray, planned: Mapping[int, Trial]) -> dict[int, Trial]:
    names, lists = head["names"], [head[name] for name in _LISTS]
    if head["format"] != _FORMAT or curves.ndim != 3 or curves.dtype != np.float32:
        raise ValueError("an unexpected form")
    if curves.shape[:2] != (len(names), len(lists[0])) or not all(isinstance(name, str) for name in names):
        raise ValueError("curves of other trials")
    found = {}
    for place, (number, state, value, seconds, reason, began, ended, lane, lengths) in enumerate(
        zip(*lists, strict=True)
    ):
        plan = planned[number]
        if state not in STATES or len(lengths) != len(names) or not isinstance(reason, str):
            raise ValueError(f"trial {number} is not told as it should be")
        found[plan.number] = Trial(
            number=plan.number,
            settings=plan.settings,
            seed=plan.seed,
            state=state,
            value=_number(value),
            curves={
                name: curves[at, place, :length]
                for at, (name, length) in enumerate(zip(names, lengths, strict=True))
                if length
            },
            seconds=float(seconds),
            reason=reason,
            began=_number(began),
            ended=_number(ended),
            lane=int(lane),
            repeats=plan.repeats,
        )
    return found


def _number(value: Any) -> float | None:
    """A finite number, or None."""
    return float(value) if value is not None and math.isfinite(value) else None
