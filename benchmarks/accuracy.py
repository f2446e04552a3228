"""What the tuned recipes reach: five seeds each, and Keras's own example beside `quick`.

    python -m benchmarks.accuracy                    # about an hour and a half; continues where it was interrupted
    python -m benchmarks.accuracy quick tiny         # only these
    python -m benchmarks.accuracy --again            # what is kept of other settings or versions is measured again
    python -m benchmarks.accuracy --no-peer          # without Keras on TensorFlow
    python -m benchmarks.claims                      # put the figures into the documents and the recipes' heads

Every training is a process of its own that does what `sonmat train NAME --seed N` does. When it ends its result is kept in
`benchmarks/results/accuracy/`, one JSON a seed; run folders lie in `benchmarks/.runs`, where an interrupted training goes on.
A result counts while the recipe's settings and the libraries are those that it was measured with; another is refused.
The recipes were tuned on validation rows alone; here the test set is read once a seed, and nothing is chosen by it.

`ensemble` trains the networks of `strong`, seeds 0 to 4, and averages them. So the five results of `strong` are those of
its members, and seed 0 is trained alone besides: it has to come out the same. What it costs alone is what `strong` is
said to cost, and five times that is what `ensemble` is: the members train one after another, and so long a run is
often interrupted, which its own clock would hide.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.fit_notes import PEERS_PYTHON, say
from benchmarks.machine import library_versions, load, machine
from benchmarks.processes import ROOT, clean_environment
from benchmarks.record import now
from sonmat.data.cache import cache_file
from sonmat.files import write_json
from sonmat.models.catalog import base_recipe

RESULTS = ROOT / "benchmarks" / "results"
KEPT, RUNS = RESULTS / "accuracy", ROOT / "benchmarks" / ".runs"
PINS = ROOT / "benchmarks" / "constraints.txt"
SEEDS = range(5)
NAMES = ("ensemble", "strong", "fashion", "tiny", "quick")
AIM = 0.99


class Stale(Exception):
    """What is kept is of other settings or versions than what is asked for."""


def one(name: str, seed: int, *, again: bool = False) -> dict[str, Any]:
    """One training of a recipe, or what is kept of it."""
    folder = RUNS / f"{name}-{seed}"
    command = [sys.executable, "-m", "benchmarks.children.accuracy_run", name, str(seed), str(folder)]
    return _kept(KEPT / f"{name}-{seed}.json", command, recipe_identity(name, seed), again, folder)


def peer(seed: int, python: str, *, again: bool = False) -> dict[str, Any]:
    """One training of Keras's example on TensorFlow, or what is kept of it."""
    data = cache_file("mnist")
    command = [python, "-m", "benchmarks.children.accuracy_keras", str(seed), str(data)]
    return _kept(KEPT / f"keras-{seed}.json", command, peer_identity(seed), again)


def recipe_identity(name: str, seed: int) -> dict[str, Any]:
    """What a recipe's result has to be of: all its settings as they are now, and the libraries that are here."""
    settings = replace(base_recipe(name), seed=seed).as_dict()
    versions = library_versions()
    versions.pop("python")  # it decides no figure
    return {"recipe": name, "settings": json.loads(json.dumps(settings)), "versions": versions}


def peer_identity(seed: int) -> dict[str, Any]:
    """What a result of Keras's example has to be of: the versions that the peers' environment is made of."""
    pins = re.findall(r"^(keras|tensorflow-cpu)==([^ ;]+)", PINS.read_text(), re.MULTILINE)
    return {"seed": seed, "versions": dict(pins)}


def differing(kept: Any, identity: Any, at: str = "") -> list[str]:
    """What a kept result has of an identity that is otherwise now, each as a sentence's part."""
    if not isinstance(identity, dict) or not isinstance(kept, dict):
        return [] if kept == identity else [f"{at} was {kept!r}, is {identity!r}"]
    # Versions are of the packages asked for alone; of settings none may be there that is not now.
    keys = identity.keys() if at in ("", "versions") else kept.keys() | identity.keys()
    path = f"{at}." if at else ""
    return [one for key in sorted(keys) for one in differing(kept.get(key), identity.get(key), f"{path}{key}")]


def _kept(
    path: Path, command: list[str], identity: dict[str, Any], again: bool, folder: Path | None = None
) -> dict[str, Any]:
    if path.exists():
        kept = dict(json.loads(path.read_text()))
        others = differing(kept, identity)
        if not others:
            return kept
        if not again:
            raise Stale(f"{path.name} is of something else: {'; '.join(others)}. Measure it again with --again.")
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)  # the finished run of the other settings
        path.unlink()  # so that an interrupted training is gone on with, even with --again
    say(f"{path.stem} …")
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    busy, begin = load(), time.perf_counter()
    environment = clean_environment()
    subprocess.run([*command, str(fresh)], cwd=ROOT, env=environment, check=True, stdin=subprocess.DEVNULL)
    told = json.loads(fresh.read_text()) | {
        "process_seconds": round(time.perf_counter() - begin, 2),
        "load": busy,
        "ended": now(),
        "machine": machine(),
    }
    write_json(path, told)
    fresh.unlink()
    say(f"{path.stem}: {told['accuracy']}, {told.get('train_seconds', told.get('total')):.1f} s")
    return dict(told)


def summarize() -> dict[str, Any]:
    """The claims, from every result that is kept."""
    found = {path.stem: json.loads(path.read_text()) for path in sorted(KEPT.glob("*-*.json"))}
    summary: dict[str, Any] = {}
    for name in ("quick", "tiny", "fashion"):
        runs = [found[f"{name}-{seed}"] for seed in SEEDS if f"{name}-{seed}" in found]
        if runs:
            summary[name] = _claim([run["accuracy"] for run in runs], [run["corrected"] for run in runs], runs)
    if "ensemble-0" in found and "strong-0" in found:
        ensemble = found["ensemble-0"]
        scores = ensemble["scores"]["test"]
        alone = found["strong-0"]
        count = len(scores["members"])
        if alone["accuracy"] != scores["members"][0]:
            raise SystemExit(f"strong, seed 0, trained alone is not the first member of ensemble: {alone}")
        summary["strong"] = _claim(scores["members"], scores.get("corrected", []), [alone])
        whole = {key: alone[key] * count for key in ("train_seconds", "cpu_minutes", "parameters")}
        summary["ensemble"] = _claim([ensemble["accuracy"]], [ensemble["corrected"]], [{**alone, **whole}]) | {
            "settings": ensemble["settings"],
            "without": scores["without"],
            "spread": statistics.stdev(scores["without"]),
        }
    peers = [found[f"keras-{seed}"] for seed in SEEDS if f"keras-{seed}" in found]
    if peers and "quick" in summary:
        total = statistics.median(run["without_first"] for run in peers)
        summary["keras"] = {
            "seeds": len(peers),
            "seconds": total,
            "epochs": statistics.median(len(run["seconds"]) for run in peers),
            "reached": all(run["reached"] for run in peers),
            "times": total / summary["quick"]["train_seconds"],
            "versions": peers[0]["versions"],
        }
    return summary


def _claim(accuracies: list[float], corrected: list[Any], runs: list[dict[str, Any]]) -> dict[str, Any]:
    told = [value for value in corrected if value is not None]
    return {
        "seeds": len(accuracies),
        "mean": statistics.mean(accuracies),
        "spread": statistics.stdev(accuracies) if len(accuracies) > 1 else None,
        "corrected": statistics.mean(told) if told else None,
        "accuracies": accuracies,
        **{
            key: statistics.median(run[key] for run in runs)
            for key in ("train_seconds", "compile_seconds", "cpu_minutes")
        },
        "parameters": round(runs[0]["parameters"]),
        "epochs": runs[0]["epochs"],
        "settings": runs[0]["settings"],
        "versions": runs[0]["versions"],
        "machine": runs[0]["machine"],
        "ended": max(run["ended"] for run in runs),
    }


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Measure what the tuned recipes reach.")
    parser.add_argument("names", nargs="*", help=f"which of {', '.join(NAMES)}; all by default")
    parser.add_argument("--no-peer", action="store_true", help="leave Keras on TensorFlow out")
    parser.add_argument("--peers-python", default=str(PEERS_PYTHON), help="a Python with tensorflow-cpu and keras")
    parser.add_argument("--again", action="store_true", help="measure again what is kept of other settings or versions")
    asked = parser.parse_args()
    names = asked.names or list(NAMES)
    if unknown := set(names) - set(NAMES):
        parser.error(f"no such recipe: {', '.join(sorted(unknown))}; known: {', '.join(NAMES)}")
    for name in (name for name in NAMES if name in names):
        for seed in SEEDS if name not in ("ensemble", "strong") else (0,):
            try:
                one(name, seed, again=asked.again)
                if name == "quick" and not asked.no_peer and seed < 3:
                    peer(seed, asked.peers_python, again=asked.again)
            except Stale as stale:
                parser.exit(1, f"{stale}\n")
            write_json(RESULTS / "accuracy.json", {"summary": summarize()})
    for name, claim in summarize().items():
        say(
            f"{name:<10}{json.dumps({key: claim.get(key) for key in ('mean', 'spread', 'corrected', 'train_seconds', 'times')})}"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
