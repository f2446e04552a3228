"""The notes' own question: which hyperparameters, and what does it cost not to ask?

    python -m benchmarks.notes_question            # minutes; continues where it was interrupted
    python -m benchmarks.notes_question --tiny     # whether everything runs; its figures mean nothing
    python -m benchmarks.claims                    # put the figures into the documents

The notes' network on MNIST, 42,000 rows to train on and 18,000 to judge by, the same for all: six learning rates, three batch
sizes and four widths, each with five seeds that set first weights and the order of rows. Each width with each batch size is
one population (`sm.fit_many`, networks by the recipe's builder), kept in `benchmarks/results/notes_question/` as soon as it
has ended. Training accuracy is measured afterwards, under the weights that training ended with.

Two more populations, of the notes' width, try what is said of batch sizes: rates that grow with the batch, or with its square
root. They are compared with the grid, and nothing is chosen from them.

Only when all that is there, the best setting, the best one of the notes' own width and the notes' defaults are trained with
five seeds that the grid has not used, and each of these networks reads the test set once.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import sonmat as sm
from benchmarks import notes_question_pictures, notes_question_table
from benchmarks.lr_finder import say
from benchmarks.machine import load, machine, source_fingerprint
from benchmarks.notes_question_summary import NOTES, chosen, summarize
from benchmarks.processes import ROOT
from benchmarks.record import OtherRecord, now
from sonmat.files import write_json, write_text
from sonmat.jobs.rows import rows_of
from sonmat.models.catalog import base_recipe
from sonmat.models.recipe import Recipe
from sonmat.runs.recorder import environment
from sonmat.search.recipe_builder import RecipeBuilder

RESULTS = ROOT / "benchmarks" / "results"
KEPT = RESULTS / "notes_question"
RATES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
BATCHES = (20, 50, 100)
WIDTHS = (10, 20, 40, 80)
SCALED = RATES[:-1]  # the rates of batch 20 that larger batches are given scaled
FINALS = "finals"


@dataclass(frozen=True)
class Size:
    """How much is measured; `rows` cuts every part short, and then no part is of the test set."""

    rows: int | None = None
    epochs: int = 10
    seeds: int = 5


FULL, TINY = Size(), Size(rows=3000, epochs=4)


@dataclass(frozen=True)
class Chunk:
    """One population: a width and a batch size, each rate with each seed."""

    name: str
    width: int
    batch: int
    rates: tuple[float, ...]


def chunks() -> list[Chunk]:
    """The grid, then the scaled rates."""
    grid = [Chunk(f"grid-{width}-{batch}", width, batch, RATES) for width in WIDTHS for batch in BATCHES]
    notes_width, notes_batch = NOTES["width"], NOTES["batch"]
    scaled = []
    for batch in BATCHES[1:]:
        more = batch / notes_batch
        rates = [round(rate * factor, 12) for factor in (math.sqrt(more), more) for rate in SCALED]
        scaled.append(Chunk(f"scaled-{notes_width}-{batch}", notes_width, batch, tuple(rates)))
    return [*grid, *scaled]


@dataclass
class Networks:
    """The recipe, its rows, and what is done with them."""

    size: Size

    def __post_init__(self) -> None:
        recipe = base_recipe("notes-mlp")
        self.recipe: Recipe = replace(recipe, split_seed=0, train=replace(recipe.train, epochs=self.size.epochs))
        self.train, self.validation, self.test = rows_of(self.recipe)
        if (rows := self.size.rows) is not None:
            held = self.validation
            self.train = self.train.take(range(rows))
            self.validation, self.test = held.take(range(rows)), held.take(range(rows, 2 * rows))
        self.builder = RecipeBuilder(self.recipe, self.train)
        self._holders: dict[int, Any] = {}

    def trained(self, settings: list[dict[str, Any]], *, test: bool = False) -> dict[str, Any]:
        """A population of these settings (`width`, `batch`, `rate`, `seed`), and what came of each member.

        Args:
            settings: One a member.
            test: Whether each reads the test set, once; then `right` has (members, rows) of each part, too.
        """
        members = [
            self.builder.member(
                {
                    "train.learning_rate": one["rate"],
                    "train.batch_size": one["batch"],
                    "model.hidden": [one["width"], one["width"]],
                },
                one["seed"],
            )
            for one in settings
        ]
        at = time.perf_counter()
        population = sm.fit_many(self.builder, members, self.train, validation_data=self.validation)
        between = time.perf_counter()
        told = [self._run(one, member, test) for one, member in zip(settings, population, strict=True)]
        found: dict[str, Any] = {
            "runs": [run for run, _ in told],
            "seconds": population.train_seconds,
            "compile_seconds": between - at - population.train_seconds,
            "frozen_seconds": time.perf_counter() - between,
        }
        return found | ({"right": [right for _, right in told]} if test else {})

    def _run(self, setting: dict[str, Any], member: sm.Member, test: bool) -> tuple[dict[str, Any], Any]:
        run = dict(setting) | {
            "failed": bool(member.failed),
            **{
                name: [_plain(value) for value in member.columns.get(name, [])] for name in ("val_accuracy", "val_loss")
            },
        }
        if member.failed:
            return run, None
        model = self._holders.setdefault(setting["width"], member.model())  # one program for all of a width
        model.set_weights(member.model().get_weights())
        parts = {"train": self.train, "validation": self.validation} | ({"test": self.test} if test else {})
        right = {}
        for part, rows in parts.items():
            found = sm.evaluate(model, rows)
            run[part] = {"accuracy": float(found.accuracy), "loss": _plain(found.metrics["loss"])}
            right[part] = np.asarray(found.outputs).argmax(-1) == np.asarray(rows.labels)
        again, last = run["validation"]["accuracy"], member.columns["val_accuracy"][-1]
        if abs(again - last) * len(self.validation) > 3:  # rows that another order of sums may flip
            raise RuntimeError(
                f"{setting} is validated at {last} in its population and at {again} under frozen weights"
            )
        return run, right


def finals(networks: Networks, grid: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The chosen settings and the notes' defaults with new seeds; each network reads the test set once.

    Returns:
        `settings` by name; `runs`; and for each part, setting by setting, how many rows so many seeds of the notes' defaults
        (down) and so many of its own (across) got right.
    """
    picked = chosen(grid)
    seeds = range(networks.size.seeds, 2 * networks.size.seeds)
    settings = [{**setting, "name": name, "seed": seed} for name, setting in picked.items() for seed in seeds]
    found = networks.trained(settings, test=True)
    right, joint = found.pop("right"), {}
    for part in ("validation", "test"):
        counts = {
            name: sum(one[part] for one, setting in zip(right, settings, strict=True) if setting["name"] == name)
            for name in picked
            if all(one is not None for one, setting in zip(right, settings, strict=True) if setting["name"] == name)
        }
        joint[part] = {
            name: np.bincount(
                counts["notes"] * (len(seeds) + 1) + count, minlength=(len(seeds) + 1) ** 2
            ).reshape(len(seeds) + 1, -1).tolist()
            for name, count in counts.items()
            if name != "notes"
        }  # fmt: skip
    return {"settings": picked, **found, "joint": joint, "test_readings": sum(one is not None for one in right)}


def collect(folder: Path = KEPT) -> dict[str, Any]:
    """Everything that is kept, as one record: `identity`, `versions`, what it cost, and the `summary`.

    Raises:
        OtherRecord: Some of it is of another machine, source or job than the rest.
    """
    found = {path.stem: json.loads(path.read_text()) for path in _files(folder)}
    first = next(iter(found.values()))
    if others := [name for name, entry in found.items() if entry["identity"] != first["identity"]]:
        raise OtherRecord(f"{folder} mixes results of different runs: {', '.join(others)}. Start anew with --fresh.")
    totals = ("cpu_minutes", "wall_minutes", "seconds", "compile_seconds", "frozen_seconds")
    return {
        "identity": first["identity"],
        "versions": first["versions"],
        "ended": max(entry["ended"] for entry in found.values()),
        **{name: sum(entry[name] for entry in found.values()) for name in totals},
        "load": max((entry["load"] for entry in found.values() if entry["load"] is not None), default=None),
        "summary": summarize(found),
    }


def _files(folder: Path) -> list[Path]:
    """What this benchmark has written there, and nothing else."""
    return [path for name in (*(one.name for one in chunks()), FINALS) if (path := folder / f"{name}.json").exists()]


def _kept(folder: Path, name: str, identity: dict[str, Any], measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What is kept under this name, or what is measured now.

    Raises:
        OtherRecord: What is kept is of another machine, source or job.
    """
    path = folder / f"{name}.json"
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text())
        if differing := [key for key, value in identity.items() if found["identity"].get(key) != value]:
            raise OtherRecord(f"{path} is of another {', '.join(differing)}. Start anew with --fresh.")
        return found
    busy, processor, wall = load(), time.process_time(), time.perf_counter()
    entry = measure() | {
        "identity": identity,
        "versions": environment()["versions"],
        "load": busy,
        "cpu_minutes": (time.process_time() - processor) / 60,
        "wall_minutes": (time.perf_counter() - wall) / 60,
        "ended": now(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    head = {key: value for key, value in entry.items() if key != "runs"}
    lines = ",\n".join(map(json.dumps, entry["runs"]))
    write_text(path, f'{json.dumps(head)[:-1]}, "runs": [\n{lines}\n]}}\n')
    say(f"{name}: {len(entry['runs'])} networks, {entry['seconds']:.1f} s of training, load {busy}")
    return entry


def _plain(value: Any) -> float | None:
    """A number for JSON; None where it is not finite."""
    return round(float(value), 7) if math.isfinite(value) else None


def measure(folder: Path, size: Size) -> dict[str, Any]:
    """Every population that the folder lacks, the finals, and the record of all.

    Raises:
        OtherRecord: What is kept is of another machine, source or job.
    """
    job = {**asdict(size), "rates": list(RATES), "batches": list(BATCHES), "widths": list(WIDTHS)}
    networks, grid = Networks(size), []
    rows = {"train": len(networks.train), "validation": len(networks.validation)}
    identity = {"job": job, "rows": rows, "machine": machine(), "source": source_fingerprint()}
    for chunk in chunks():
        settings = [
            {"width": chunk.width, "batch": chunk.batch, "rate": rate, "seed": seed}
            for seed in range(size.seeds)
            for rate in chunk.rates
        ]
        entry = _kept(folder, chunk.name, identity, lambda settings=settings: networks.trained(settings))  # type: ignore[misc]
        if chunk.name.startswith("grid-"):
            grid += entry["runs"]
    _kept(folder, FINALS, identity, lambda: finals(networks, grid))
    return collect(folder)


def main() -> int:
    """The command; exit status 1 where what is kept is of another run."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.notes_question", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--fresh", action="store_true", help="throw away what an earlier run has measured")
    parser.add_argument("--tiny", action="store_true", help="few rows and epochs, into a temporary folder, no test set")
    parser.add_argument("--out", type=Path, help="the folder for the JSON (benchmarks/results/notes_question)")
    parser.add_argument("--pictures", type=Path, help="the folder to draw into (docs)")
    asked = parser.parse_args()
    place = Path(tempfile.gettempdir()) / "sonmat-notes-question-tiny"
    folder = asked.out or (place / "notes_question" if asked.tiny else KEPT)
    pictures = asked.pictures or (place if asked.tiny else ROOT / "docs")
    if asked.fresh:
        for path in _files(folder):
            path.unlink()
    try:
        record = measure(folder, TINY if asked.tiny else FULL)
    except OtherRecord as error:
        say(str(error))
        return 1
    digest = folder.with_suffix(".json")
    write_json(digest, record)
    for path in notes_question_pictures.draw(record, pictures):
        say(f"drawn: {path}")
    for table in notes_question_table.TABLES.values():
        sys.stdout.write(table(record, korean=False) + "\n\n")
    say(f"Written to {digest}. `python -m benchmarks.claims` puts it into the documents.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
