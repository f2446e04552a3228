"""All that the page shows of one run: its recipe, its curves, what is to be said of it."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sonmat.jobs.kept_diagnosis import stored_diagnosis
from sonmat.models.reading import parse_assignment
from sonmat.runs.epoch_weights import kept_epochs
from sonmat.runs.folder import RECIPE, RunFolder
from sonmat.view.finding import Finding

_POINTS = 400  # of a curve at most


def details(folder: Path) -> dict[str, Any]:
    """What lies in a run's folder; parts that cannot be read are left out."""
    run = RunFolder(folder)
    return {
        "recipe": _part(lambda: run.recipe.as_dict() if (folder / RECIPE).exists() else None, None),
        "history": _part(lambda: thinned(run.history), thinned([])),
        "findings": _part(lambda: [_told(one) for one in _findings(run)], []),
        "result": _part(lambda: _result(run.result), None),
        "readings": _part(lambda: run.readings, []),
        "weights": _part(lambda: kept_epochs(folder), []),
    }


def _part(read: Callable[[], Any], otherwise: Any) -> Any:
    try:
        return read()
    except Exception:  # of another version, or whatever else lies in the folder
        return otherwise


def thinned(history: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Curves as columns of at most 400 points, the first and the last among them; epochs are counted from 1."""
    count = min(len(history), _POINTS)
    places = sorted({round(place) for place in np.linspace(0, len(history) - 1, count).tolist()}) if count else []
    records = [history[place] for place in places]
    names = list(dict.fromkeys(name for record in records for name in record if name != "epoch"))
    columns: dict[str, list[Any]] = {
        "epoch": [_epoch(record.get("epoch"), place) + 1 for place, record in zip(places, records, strict=True)]
    }
    return columns | {name: [record.get(name) for record in records] for name in names}


def _epoch(told: Any, place: int) -> int:
    return told if isinstance(told, int) and not isinstance(told, bool) and abs(told) < 2**53 else place


def _findings(run: RunFolder) -> tuple[Finding, ...]:
    found = stored_diagnosis(run)
    return found.findings if found is not None else ()


def _told(finding: Finding) -> dict[str, Any]:
    return {**finding.as_dict(), "change": change_of(finding.command)}


def change_of(command: str) -> dict[str, Any] | None:
    """What a finding's command would change in the recipe, by dotted names; None where it changes nothing."""
    words = shlex.split(command) if command else []
    if words[:2] == ["sonmat", "train"]:
        pairs = [word for before, word in itertools.pairwise(words) if before == "--set"]
        return dict(parse_assignment(pair) for pair in pairs) or None
    if words[:2] == ["sonmat", "resume"] and "--epochs" in words[:-1]:
        return {"train.epochs": int(words[words.index("--epochs") + 1])}
    return None


def _result(result: dict[str, Any] | None) -> dict[str, Any] | None:
    """The result without its confusions, which the test screen asks for."""
    if result is None:
        return None
    told = dict(result)
    for part in ("validation", "test"):
        if isinstance(told.get(part), dict):
            told[part] = {key: value for key, value in told[part].items() if key not in ("confusion", "per_class")}
    return told
