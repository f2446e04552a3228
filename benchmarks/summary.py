"""What a table quotes, worked out from every round: medians, and ratios taken pair by pair."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any

_TIMES = ("fit_seconds", "compile_seconds", "total_seconds")


def summarize(content: dict[str, Any]) -> dict[str, Any]:
    """The figures of `fit_notes.json`.

    Returns:
        `fit`: sonmat and each peer, with the medians of their times and their validation accuracy, and for a peer `faster`:
        how many times as fast sonmat was, each the median of the ratios of pairs: `fit` without compiling, `total` with it,
        and `strict`, which counts all set-up of sonmat's own (but not the peer's) as fitting.
        `process`: whole commands, the same way. `help_seconds`. `accuracy`: mean, standard deviation, least and most over
        seeds. What has not been measured yet is missing.
    """
    rounds = content.get("rounds", [])
    found: dict[str, Any] = {"rounds": len(rounds), "fit": {}}
    names = list(dict.fromkeys(name for entry in rounds for name in entry["pairs"]))
    ours = [pair["sonmat"] for entry in rounds for pair in entry["pairs"].values()]
    if ours:
        found["fit"]["sonmat"] = _medians(ours)
    for name in names:
        pairs = [entry["pairs"][name] for entry in rounds if name in entry["pairs"]]
        faster = {
            key: median(pair["peer"][f"{key}_seconds"] / pair["sonmat"][f"{key}_seconds"] for pair in pairs)
            for key in ("fit", "total")
        }
        faster["strict"] = median(pair["peer"]["fit_seconds"] / _strict(pair["sonmat"]) for pair in pairs)
        found["fit"][name] = _medians([pair["peer"] for pair in pairs]) | {"faster": faster}
    if commands := [entry["process"] for entry in rounds if "process" in entry]:
        found["process"] = {
            "sonmat_seconds": median(pair["sonmat"] for pair in commands),
            "notes_seconds": median(pair["notes"] for pair in commands),
            "faster": median(pair["notes"] / pair["sonmat"] for pair in commands),
        }
    if "help" in content:
        found["help_seconds"] = median(content["help"])
    if "accuracy" in content:
        found["accuracy"] = spread(entry["test_accuracy"] for entry in content["accuracy"])
    return found


def _strict(ours: dict[str, Any]) -> float:
    """sonmat's whole call without what it reports as compiling: its first epoch's other set-up stays in."""
    return float(ours["total_seconds"] - ours["reported_compile_seconds"])


def median(values: Iterable[float]) -> float:
    """The median, as a plain number."""
    return float(statistics.median(values))


def spread(values: Iterable[float]) -> dict[str, Any]:
    """Mean, standard deviation (n − 1), least, most and count."""
    numbers = list(values)
    return {
        "mean": statistics.fmean(numbers),
        "sd": statistics.stdev(numbers) if len(numbers) > 1 else 0.0,
        "least": min(numbers),
        "most": max(numbers),
        "n": len(numbers),
    }


def _medians(measured: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: median(one[name] for one in measured) for name in (*_TIMES, "val_accuracy")}
