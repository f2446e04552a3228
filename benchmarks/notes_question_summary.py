"""What the populations of `benchmarks.notes_question` say: means over seeds, paired differences, and what is luck."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from benchmarks.summary import spread
from sonmat.search.ranking import rank, student_quantile
from sonmat.search.trial import DONE, Trial

NOTES: dict[str, Any] = {"width": 20, "batch": 20, "rate": 0.01}
GUESSING = 0.1  # what a training that ended without a number is taken to reach
LEARNED = 0.5  # validation accuracy below which a network counts as one that did not learn
NEAR = 0.005  # of accuracy: what still counts as near the best
_TOP = 10  # settings that are compared with the best, all at once
_NORMAL = 1.959964


@dataclass(frozen=True)
class Cell:
    """One setting with its seeds.

    Attributes:
        width, batch, rate: The setting.
        runs: In the order of their seeds.
    """

    width: int
    batch: int
    rate: float
    runs: tuple[Mapping[str, Any], ...]

    @cached_property
    def values(self) -> np.ndarray:
        """(seeds,) validation accuracy after the last epoch."""
        return np.array([_value(run) for run in self.runs])

    @cached_property
    def train(self) -> np.ndarray:
        """(seeds,) training accuracy under the last weights; NaN where there is none."""
        return np.array([np.nan if run["failed"] else run["train"]["accuracy"] for run in self.runs])

    @property
    def learned(self) -> int:
        """Seeds that did."""
        return int((self.values >= LEARNED).sum())

    @property
    def sound(self) -> bool:
        """Whether all seeds learned."""
        return self.learned == len(self.runs)

    @property
    def setting(self) -> dict[str, Any]:
        """Width, batch and rate."""
        return {"width": self.width, "batch": self.batch, "rate": self.rate}

    def as_dict(self) -> dict[str, Any]:
        """What a table quotes; `gap` is training minus validation accuracy under the last weights."""
        told = {**self.setting, **spread(map(float, self.values)), "learned": self.learned}
        gaps = self.train - self.values
        return told | ({"train": float(self.train.mean()), "gap": spread(map(float, gaps))} if self.sound else {})

    def turn(self) -> dict[str, Any]:
        """Where the mean validation loss is lowest, counted from 1, and whether it surely rises from there to the end."""
        curves = np.array([run["val_loss"] for run in self.runs], float)
        lowest = int(curves.mean(axis=0).argmin())
        rise = paired(curves[:, -1], curves[:, lowest])
        return {"epoch": lowest + 1, "rise": rise, "turned": rise["low"] > 0}


def parameters(width: int) -> int:
    """Weights and biases of the notes' network with this width."""
    return 785 * width + (width + 1) * width + 10 * (width + 1)


def cells(runs: Iterable[Mapping[str, Any]]) -> dict[tuple[int, int, float], Cell]:
    """Settings by width, batch and rate."""
    grouped: dict[tuple[int, int, float], list[Mapping[str, Any]]] = {}
    for run in runs:
        grouped.setdefault((run["width"], run["batch"], run["rate"]), []).append(run)
    return {key: Cell(*key, tuple(sorted(some, key=lambda run: run["seed"]))) for key, some in grouped.items()}


def chosen(grid: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The notes' defaults; the best of their width, where that is not the best of all; and the best, by mean over seeds."""
    found = cells(grid)
    tuned = _best(cell for cell in found.values() if cell.width == NOTES["width"])
    best = _best(found.values())
    return {"notes": dict(NOTES), **({} if tuned is best else {"tuned": tuned.setting}), "best": best.setting}


def paired(first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray) -> dict[str, float]:
    """The mean difference over shared seeds with its 95 % interval (Student's t)."""
    differences = np.asarray(first, float) - np.asarray(second, float)
    n, mean = len(differences), float(differences.mean())
    half = student_quantile(0.975, n - 1) * float(differences.std(ddof=1)) / n**0.5 if n > 1 else float("inf")
    return {"mean": mean, "low": mean - half, "high": mean + half, "n": n}


def summarize(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Every figure that the documents quote, from the populations by name.

    Returns:
        `cells` of the grid; `single`, changes from the notes' defaults; `rates`, `scaling`, `batches`, `widths`,
        `overfitting` and `noise`, what is said of them held against the grid; `answer`, the settings that were tested.
    """
    grid = cells(run for name, entry in entries.items() if name.startswith("grid-") for run in entry["runs"])
    scaled = cells(run for name, entry in entries.items() if name.startswith("scaled-") for run in entry["runs"])
    summary: dict[str, Any] = {
        "networks": sum(len(entry["runs"]) for entry in entries.values()),
        "settings": len(grid),
        "seeds": len(next(iter(grid.values())).runs),
        "cells": [cell.as_dict() for cell in grid.values()],
        "single": _single(grid),
        "rates": _rates(grid),
        "scaling": _scaling(grid, scaled),
        "batches": _batches(grid),
        "widths": _widths(grid),
        "overfitting": _overfitting(grid),
        "noise": _noise(grid),
    }
    return summary | ({"answer": _answer(entries["finals"], grid)} if "finals" in entries else {})


def _value(run: Mapping[str, Any]) -> float:
    return GUESSING if run["failed"] else float(run["validation"]["accuracy"])


def _best(some: Iterable[Cell]) -> Cell:
    """By mean over seeds; one that did not learn with each of them is chosen only where all are such."""
    return max(some, key=lambda cell: (cell.sound, float(cell.values.mean())))


def _notes(grid: Mapping[Any, Cell]) -> Cell:
    return grid[NOTES["width"], NOTES["batch"], NOTES["rate"]]


def _single(grid: Mapping[Any, Cell]) -> dict[str, Any]:
    """From the notes' defaults, with only some of the settings free to change: the best, and what it gains."""
    notes = _notes(grid)
    free = {
        "rate": ("rate",), "batch": ("batch",), "width": ("width",), "training": ("rate", "batch"),
        "all": ("rate", "batch", "width"),
    }  # fmt: skip
    found = {}
    for name, names in free.items():
        kept = [key for key in NOTES if key not in names]
        best = _best(cell for cell in grid.values() if all(cell.setting[key] == NOTES[key] for key in kept))
        found[name] = {**best.as_dict(), "gain": paired(best.values, notes.values)}
    return {"notes": notes.as_dict(), **found}


def _rates(grid: Mapping[Any, Cell]) -> list[dict[str, Any]]:
    """For each width and batch: the best rate, those near it, and the lowest above it at which a seed did not learn."""
    found = []
    for width, batch in dict.fromkeys((cell.width, cell.batch) for cell in grid.values()):
        row = sorted((c for c in grid.values() if (c.width, c.batch) == (width, batch)), key=lambda cell: cell.rate)
        best = _best(row)
        lost = [cell for cell in row if cell.rate > best.rate and not cell.sound]  # below it, it is too slow
        near = [cell.rate for cell in row if cell.sound and cell.values.mean() >= best.values.mean() - NEAR]
        found.append(
            {
                "width": width,
                "batch": batch,
                "best": best.as_dict(),
                "near": near,
                "lost": None if not lost else {"rate": lost[0].rate, "learned": lost[0].learned},
            }
        )
    return found


def _scaling(grid: Mapping[Any, Cell], scaled: Mapping[Any, Cell]) -> dict[str, Any]:
    """Larger batches at the rate of the notes' batch, at one that grows with the batch's square root, and with the batch.

    `near` counts, by rule, the cases of `compared` that are no further from the notes' batch than seeds alone explain.
    """
    width, small = NOTES["width"], NOTES["batch"]
    seeds, luck = len(_notes(grid).runs), _noise(grid)["two_means"]
    rows: list[dict[str, Any]] = []
    for batch in sorted({cell.batch for cell in scaled.values()}):
        for base in sorted(c.rate for c in grid.values() if (c.width, c.batch) == (width, small)):
            found = {
                name: {**grid, **scaled}.get((width, batch, round(base * (batch / small) ** power, 12)))
                for name, power in (("same", 0.0), ("root", 0.5), ("linear", 1.0))
            }
            if any(cell is None for cell in found.values()):
                continue  # the highest rate has no scaled one
            begin = grid[width, small, base]
            rules = {
                name: {**cell.as_dict(), "difference": paired(cell.values, begin.values)}
                for name, cell in found.items()
                if cell is not None
            }
            rows.append({"batch": batch, "base": begin.as_dict(), "rules": rules})
    begun = [row for row in rows if row["base"]["learned"] == seeds]
    near = {
        name: sum(
            row["rules"][name]["learned"] == seeds and abs(row["rules"][name]["difference"]["mean"]) <= luck
            for row in begun
        )
        for name in ("same", "root", "linear")
    }
    return {"rows": rows, "compared": len(begun), "near": near}


def _batches(grid: Mapping[Any, Cell]) -> dict[str, Any]:
    """The smallest batch against the largest: at each rate, at the best rate of each, and at the same training accuracy."""
    sizes = sorted({cell.batch for cell in grid.values()})
    small, large = sizes[0], sizes[-1]
    same = {"better": 0, "worse": 0, "undecided": 0}
    for cell in grid.values():
        other = grid[cell.width, large, cell.rate]
        if cell.batch == small and cell.sound and other.sound:
            gain = paired(cell.values, other.values)
            same["better" if gain["low"] > 0 else "worse" if gain["high"] < 0 else "undecided"] += 1
    tuned = []
    for width in _each(grid, "width"):
        best = {b: _best(c for c in grid.values() if (c.width, c.batch) == (width, b)) for b in sizes}
        at_notes = {str(b): grid[width, b, NOTES["rate"]].as_dict() for b in sizes}
        tuned.append(
            {
                "width": width,
                "same": at_notes,
                "best": {str(b): cell.as_dict() for b, cell in best.items()},
                "gain": paired(best[small].values, best[large].values),
            }
        )
    return {"small": small, "large": large, "same": same, "tuned": tuned, "equal": _equal_fit(grid, small, large)}


def _equal_fit(grid: Mapping[Any, Cell], small: int, large: int) -> dict[str, float] | None:
    """How much more the small batch validates at than the large one where both fit the training rows equally well.

    For each seed and width, validation accuracy of each batch is interpolated at the training accuracies of the other. Both
    ways count the same: a straight line between points of a bent curve flatters the one that is not interpolated.
    """
    seeds = len(next(iter(grid.values())).runs)
    gains = np.full((seeds, 2), np.nan)
    for seed in range(seeds):
        ways: tuple[list[float], list[float]] = ([], [])
        for width in _each(grid, "width"):
            few, many = (
                sorted(
                    (float(cell.train[seed]), float(cell.values[seed]))
                    for cell in grid.values()
                    if (cell.width, cell.batch) == (width, batch) and cell.sound
                )
                for batch in (small, large)
            )
            ways[0].extend(_above(few, many))
            ways[1].extend(-gain for gain in _above(many, few))
        if all(ways):
            gains[seed] = [statistics.fmean(way) for way in ways]
    return None if np.isnan(gains).any() else paired(gains.mean(axis=1), np.zeros(seeds))


def _above(points: Sequence[tuple[float, float]], line: Sequence[tuple[float, float]]) -> list[float]:
    """How far points lie above a line through others, as far as it reaches; both by training, then validation accuracy."""
    at, heights = [x for x, _ in line], [y for _, y in line]
    return [y - float(np.interp(x, at, heights)) for x, y in points if at and at[0] <= x <= at[-1]]


def _widths(grid: Mapping[Any, Cell]) -> list[dict[str, Any]]:
    """Each width at the notes' rate and batch, and at its best; with what its best gains on the best of the width before."""
    found: list[dict[str, Any]] = []
    before: Cell | None = None
    for width in _each(grid, "width"):
        best = _best(cell for cell in grid.values() if cell.width == width)
        gain = None if before is None else paired(best.values, before.values)
        notes = grid[width, NOTES["batch"], NOTES["rate"]].as_dict()
        found.append(
            {"width": width, "parameters": parameters(width), "notes": notes, "best": best.as_dict(), "gain": gain}
        )
        before = best
    return found


def _overfitting(grid: Mapping[Any, Cell]) -> dict[str, Any]:
    """How many settings have a gap above so many points, and a validation loss that turned; the largest gap, and the best."""
    sound = [cell for cell in grid.values() if cell.sound]
    turned = [cell for cell in sound if cell.turn()["turned"]]
    largest = max(sound, key=_gap, default=None)
    best = _best(grid.values())
    return {
        "sound": len(sound),
        "above": {str(points): sum(_gap(cell) > points / 100 for cell in sound) for points in (1, 2)},
        "turned": len(turned),
        "largest": None if largest is None else largest.as_dict() | largest.turn(),
        "best": best.as_dict() | best.turn(),
    }


def _gap(cell: Cell) -> float:
    return float((cell.train - cell.values).mean())


def _noise(grid: Mapping[Any, Cell]) -> dict[str, Any]:
    """What seeds do, among settings within two points of the best; and which others the best is not told apart from."""
    best, notes = _best(grid.values()), _notes(grid)
    good = [cell for cell in grid.values() if cell.sound and cell.values.mean() >= best.values.mean() - 4 * NEAR]
    deviation = statistics.fmean(float(cell.values.var(ddof=1)) for cell in good) ** 0.5
    n = len(best.values)
    rivals = [paired(best.values, cell.values) for cell in grid.values() if cell is not best]
    top = sorted(grid.values(), key=lambda cell: (not cell.sound, -cell.values.mean()))[:_TOP]
    repeats = [
        Trial(0, cell.setting, seed=seed, state=DONE, value=float(value), repeats=place)
        for place, cell in enumerate(top)
        for seed, value in enumerate(cell.values)
    ]
    return {
        "good": len(good),
        "deviation": deviation,
        "two_runs": _NORMAL * 2**0.5 * deviation,
        "two_means": student_quantile(0.975, 2 * n - 2) * (2 / n) ** 0.5 * deviation,
        "tied": sum(rival["low"] <= 0 for rival in rivals),
        "others": len(rivals),
        "top": len(top),
        "chance": rank(repeats, maximize=True).chance,
        "notes": {"least": float(notes.values.min()), "most": float(notes.values.max())},
    }


def _answer(finals: Mapping[str, Any], grid: Mapping[Any, Cell]) -> dict[str, Any]:
    """The settings that were tested: over the grid's seeds, where they were chosen, and over new ones."""
    found: dict[str, Any] = {"test_readings": finals["test_readings"]}
    runs = {name: [run for run in finals["runs"] if run["name"] == name] for name in finals["settings"]}
    values = {
        name: {part: [run[part]["accuracy"] for run in some] for part in ("validation", "test", "train")}
        for name, some in runs.items()
        if not any(run["failed"] for run in some)
    }
    for name, parts in values.items():
        setting = finals["settings"][name]
        cell = grid[setting["width"], setting["batch"], setting["rate"]]
        gaps = np.subtract(parts["train"], parts["validation"])
        found[name] = {
            **setting,
            "parameters": parameters(setting["width"]),
            "searched": spread(map(float, cell.values)),
            **{part: spread(some) for part, some in parts.items()},
            "gap": spread(map(float, gaps)),
        }
        if name != "notes" and "notes" in values:
            found[name]["gain"] = {
                "searched": paired(cell.values, _notes(grid).values),
                **{part: paired(parts[part], values["notes"][part]) for part in ("validation", "test")},
                "rows": {part: _over_rows(finals["joint"][part][name]) for part in ("validation", "test")},
            }
    return found


def _over_rows(joint: Sequence[Sequence[int]]) -> dict[str, float]:
    """The mean difference with the 95 % interval that other rows would give: these networks, other digits (normal).

    Args:
        joint: Rows that so many seeds of the first setting (down) and of the second (across) got right.
    """
    counts = np.asarray(joint, float)
    seeds, n = len(counts) - 1, counts.sum()
    differences = (np.arange(seeds + 1)[None, :] - np.arange(seeds + 1)[:, None]) / seeds
    mean = float((counts * differences).sum() / n)
    deviation = float(((counts * (differences - mean) ** 2).sum() / (n - 1)) ** 0.5)
    half = _NORMAL * deviation / n**0.5
    return {"mean": mean, "low": mean - half, "high": mean + half, "n": int(n)}


def _each(grid: Mapping[Any, Cell], name: str) -> list[int]:
    return sorted({cell.setting[name] for cell in grid.values()})
