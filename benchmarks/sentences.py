"""What `textcnn` reaches on English intents and on Korean sentences, beside a tuned linear model.

    python -m benchmarks.sentences                  # about 15 minutes; continues where it was interrupted
    python -m benchmarks.sentences snips            # only the intents
    python -m benchmarks.sentences --again          # what is kept of other settings or versions is measured again

SNIPS: seeds 0 to 4, trained on `train.csv` (a tenth of it is for validation) and tested on `validate.csv`, which nothing was
chosen by. Korean: the kind of each sentence of the chatbot data (everyday, sad, love), five folds, each tested once; a tenth of the
other four is for validation, by which the linear model's settings are chosen too before it is fitted to all of the four.
The data lie in `shared/data` beside the checkout. Each result is kept in `benchmarks/results/sentences/` when it is there.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy import Stale, differing
from benchmarks.fit_notes import PEERS_PYTHON, say
from benchmarks.machine import library_versions, load, machine
from benchmarks.processes import ROOT, clean_environment
from benchmarks.record import now
from sonmat.data.splitting import row_keys, stratified
from sonmat.files import write_json
from sonmat.models.catalog import base_recipe

RESULTS = ROOT / "benchmarks" / "results"
KEPT = RESULTS / "sentences"
SHARED = ROOT.parent / "shared" / "data"
SEEDS = FOLDS = range(5)
PACKAGES = ("sonmat", "keras", "jax", "jaxlib", "numpy", "tokenizers")


def identity(seed: int) -> dict[str, Any]:
    """What a result of `textcnn` has to be of."""
    settings = {key: value for key, value in base_recipe("textcnn").as_dict().items() if key != "data"} | {"seed": seed}
    versions = library_versions(PACKAGES)
    versions.pop("python")
    return {"settings": json.loads(json.dumps(settings)), "versions": versions}


def kept(name: str, command: Sequence[str], wanted: dict[str, Any], *, again: bool) -> dict[str, Any]:
    """A result, measured now or before."""
    path = KEPT / f"{name}.json"
    if path.exists():
        found = dict(json.loads(path.read_text()))
        others = differing(found, wanted)
        if not others:
            return found
        if not again:
            raise Stale(f"{path.name} is of something else: {'; '.join(others)}. Measure it again with --again.")
    path.parent.mkdir(parents=True, exist_ok=True)
    busy = load()
    with tempfile.TemporaryDirectory() as place:
        fresh = Path(place) / "out.json"
        arguments = [
            str(fresh) if one == "OUT" else str(Path(place) / "run") if one == "RUN" else one for one in command
        ]
        subprocess.run(arguments, cwd=ROOT, env=clean_environment(), check=True, stdin=subprocess.DEVNULL)
        told = json.loads(fresh.read_text()) | {"load": busy, "ended": now(), "machine": machine()}
    write_json(path, told)
    say(f"{name}: {told['accuracy']:.4f}")
    return dict(told)


def trained(name: str, data: Path, seed: int, *, again: bool) -> dict[str, Any]:
    """One training of `textcnn`."""
    command = [sys.executable, "-m", "benchmarks.children.sentences_run", str(data), str(seed), "RUN", "OUT"]
    return kept(name, command, identity(seed), again=again)


def korean() -> tuple[list[str], list[str]]:
    """The Korean sentences and their kinds."""
    with (SHARED / "chatbot_ko" / "ChatbotData.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["Q"].strip() for row in rows], [row["label"].strip() for row in rows]


def folds(labels: Sequence[str]) -> np.ndarray:
    """The fold of each row, (n,): every fold has its share of every kind, and is the same everywhere."""
    numbers = np.unique(labels, return_inverse=True)[1]
    found = np.zeros(len(labels), np.int64)
    keys = row_keys(len(labels), 0)
    for number in range(numbers.max() + 1):
        rows = np.flatnonzero(numbers == number)
        found[rows[np.argsort(keys[rows], kind="stable")]] = np.arange(len(rows)) % len(FOLDS)
    return found


def fold(number: int, place: Path, *, again: bool, python: str) -> None:
    """One fold: `textcnn` and the linear model, trained and tested on the same rows."""
    texts, labels = korean()
    held = folds(labels) == number
    parts = {"train": np.flatnonzero(~held), "test": np.flatnonzero(held)}
    for part, rows in parts.items():
        with (place / f"{part}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label"])
            writer.writerows((texts[row], labels[row]) for row in rows)
        own = [labels[row] for row in rows]
        told: dict[str, Any] = {"texts": [texts[row] for row in rows], "labels": own}
        if part == "train":  # the rows that textcnn's own split holds back
            split = base_recipe("textcnn").split
            told["validation"] = stratified(np.unique(own, return_inverse=True)[1], split, 0)[1].tolist()
        (place / f"{part}.json").write_text(json.dumps(told), encoding="utf-8")
    trained(f"korean-{number}", place, 0, again=again)
    child = ROOT / "benchmarks" / "children" / "sentences_linear.py"
    command = [python, str(child), str(place / "train.json"), str(place / "test.json"), "OUT"]
    kept(f"linear-{number}", command, {}, again=again)


def summarize() -> dict[str, Any]:
    """The claims, from every result that is kept."""
    found = {path.stem: json.loads(path.read_text()) for path in sorted(KEPT.glob("*-*.json"))}
    summary: dict[str, Any] = {}
    for name, count in (("snips", SEEDS), ("korean", FOLDS), ("linear", FOLDS)):
        runs = [found[f"{name}-{number}"] for number in count if f"{name}-{number}" in found]
        if not runs:
            continue
        reached = [run["accuracy"] for run in runs]
        summary[name] = {
            "runs": len(runs),
            "mean": statistics.mean(reached),
            "spread": statistics.stdev(reached) if len(runs) > 1 else None,
            "accuracies": reached,
            "versions": runs[0]["versions"],
            "machine": runs[0]["machine"],
            "ended": max(run["ended"] for run in runs),
        }
        if name != "linear":
            summary[name] |= {
                key: statistics.median(run[key] for run in runs)
                for key in ("train_seconds", "compile_seconds", "cpu_minutes", "parameters")
            }
    if "korean" in summary and "linear" in summary:
        pairs = zip(summary["korean"]["accuracies"], summary["linear"]["accuracies"], strict=False)
        ahead = [ours - theirs for ours, theirs in pairs]
        summary["ahead"] = {"mean": statistics.mean(ahead), "each": ahead}
    return summary


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Measure what textcnn reaches.")
    parser.add_argument("names", nargs="*", help="snips or korean; both by default")
    parser.add_argument("--again", action="store_true", help="measure again what is kept of other settings or versions")
    parser.add_argument("--peers-python", default=str(PEERS_PYTHON), help="a Python with scikit-learn")
    asked = parser.parse_args()
    names = asked.names or ["snips", "korean"]
    if not SHARED.is_dir():
        parser.exit(1, f"{SHARED} is not there\n")
    try:
        for seed in SEEDS if "snips" in names else ():
            trained(f"snips-{seed}", SHARED / "snips", seed, again=asked.again)
            write_json(RESULTS / "sentences.json", {"summary": summarize()})
        for number in FOLDS if "korean" in names else ():
            with tempfile.TemporaryDirectory() as place:
                fold(number, Path(place), again=asked.again, python=asked.peers_python)
            write_json(RESULTS / "sentences.json", {"summary": summarize()})
    except Stale as stale:
        parser.exit(1, f"{stale}\n")
    for name, claim in summarize().items():
        say(f"{name}: {json.dumps({key: claim.get(key) for key in ('mean', 'spread', 'train_seconds')})}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
