"""A study as data frames of pandas."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sonmat.errors import UnsupportedError
from sonmat.language import say
from sonmat.search.trial import Trial

if TYPE_CHECKING:
    import pandas as pd

ROWS = ("trials", "epochs")


def frame_of(trials: Sequence[Trial], rows: str = "trials") -> pd.DataFrame:
    """Trials as a table.

    Args:
        trials: Of a study, or its finalists' repeats.
        rows: `"trials"`: a row a trial, with its settings under their dotted names (a list as its JSON, so that rows can be
            grouped by it), and under `last.NAME` what its curves ended with. `"epochs"`: a row an epoch of a trial,
            counted from 1, with the trial's number and state and a column for each curve.

    Raises:
        UnsupportedError: Another kind of rows.
    """
    if rows not in ROWS:
        raise UnsupportedError(
            say(
                f"Rows can be {' or '.join(ROWS)}, not {rows!r}.",
                f"행은 {' 또는 '.join(ROWS)}이고, {rows!r}은(는) 없습니다.",
            ),
            'study.to_dataframe("epochs")',
        )
    return _trials(trials) if rows == "trials" else _epochs(trials)


def _trials(trials: Sequence[Trial]) -> pd.DataFrame:
    import pandas as pd

    columns: dict[str, Any] = {
        "number": np.array([trial.number for trial in trials], np.int64),
        "state": [trial.state for trial in trials],
        "value": np.array([np.nan if trial.value is None else trial.value for trial in trials], np.float64),
    }
    if any(trial.repeats is not None for trial in trials):
        columns["repeats"] = [trial.repeats for trial in trials]
    for name in dict.fromkeys(name for trial in trials for name in trial.settings):
        columns[name] = [_flat(trial.settings.get(name)) for trial in trials]
    for name in _curve_names(trials):
        columns[f"last.{name}"] = np.array([_last(trial.curves.get(name)) for trial in trials], np.float32)
    columns |= {
        "seed": np.array([trial.seed for trial in trials], np.int64),
        "epochs": np.array([trial.epochs for trial in trials], np.int64),
        "seconds": np.array([trial.seconds for trial in trials], np.float64),
        "began": _times([trial.began for trial in trials]),
        "ended": _times([trial.ended for trial in trials]),
        "lane": np.array([trial.lane for trial in trials], np.int64),
        "reason": [trial.reason for trial in trials],
    }
    return pd.DataFrame(columns)


def _epochs(trials: Sequence[Trial]) -> pd.DataFrame:
    import pandas as pd

    lengths = np.array([trial.epochs for trial in trials], np.int64)
    begins = np.concatenate([[0], np.cumsum(lengths)])
    columns: dict[str, Any] = {
        "number": np.repeat(np.array([trial.number for trial in trials], np.int64), lengths),
        "state": np.repeat(np.array([trial.state for trial in trials], object), lengths),
        "epoch": np.arange(begins[-1]) - np.repeat(begins[:-1], lengths) + 1,
    }
    for name in _curve_names(trials):
        column = np.full(begins[-1], np.nan, np.float32)
        for trial, begin in zip(trials, begins, strict=False):
            curve = trial.curves.get(name)
            if curve is not None:
                column[begin : begin + len(curve)] = curve
        columns[name] = column
    return pd.DataFrame(columns)


def _curve_names(trials: Sequence[Trial]) -> list[str]:
    return list(dict.fromkeys(name for trial in trials for name in trial.curves))


def _last(curve: np.ndarray | None) -> float:
    return float(curve[-1]) if curve is not None and len(curve) else np.nan


def _flat(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | tuple | Mapping) else value


def _times(seconds: Sequence[float | None]) -> Any:
    import pandas as pd

    return pd.to_datetime(pd.Series(seconds, dtype="float64"), unit="s", utc=True, errors="coerce").to_numpy()
