"""What the notes' validation leak does, measured.

    python -m benchmarks.leak      # a few minutes; continues where it was interrupted
    python -m benchmarks.claims    # put the table into the documents

`ds.shuffle(10000)` shuffles anew whenever it is read, so `ds.take(n)` and `ds.skip(n)` divide the rows anew in every epoch,
and twice: what is validated on has mostly been trained on. Two networks show what that does to the validation accuracy.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import tables
from benchmarks.fit_notes import PEERS_PYTHON, say
from benchmarks.machine import machine, source_fingerprint
from benchmarks.processes import ROOT, Child, ChildFailed
from benchmarks.record import OtherRecord, Record
from benchmarks.summary import spread

RESULT = ROOT / "benchmarks" / "results" / "leak.json"
SEEDS = range(5)


@dataclass(frozen=True)
class Case:
    """A network and the rows it is trained on.

    Attributes:
        rows: How many of MNIST's 60,000, the first ones, go through the notes' pipeline.
    """

    name: str
    rows: int
    model: str
    epochs: int
    batch_size: int
    options: dict[str, Any] = field(default_factory=dict)


CASES = (
    Case("notes", rows=60_000, model="notes-mlp", epochs=10, batch_size=20),
    Case("wide", rows=6_000, model="mlp", epochs=10, batch_size=20, options={"hidden": [256, 128], "dropout": 0.0}),
)


def summarize(content: dict[str, Any]) -> dict[str, Any]:
    """For each case: `seen`, the mean share of validation rows trained on after each epoch; accuracies, mean and spread;
    and `gap`, validation minus test accuracy, with the leak and without.
    """
    found: dict[str, Any] = {}
    for case in content["identity"]["cases"]:
        runs = [run for run in content.get("runs", []) if run["case"] == case["name"]]
        if runs:
            found[case["name"]] = {
                "seen": [statistics.fmean(shares) for shares in zip(*(run["seen"] for run in runs), strict=True)],
                **{way: _accuracies([run[way] for run in runs]) for way in ("leak", "disjoint")},
            }
    return found


def _accuracies(runs: list[dict[str, float]]) -> dict[str, Any]:
    found: dict[str, Any] = {"val_rows_trained_on": statistics.fmean(run["val_rows_trained_on"] for run in runs)}
    found |= {name: spread(run[f"{name}_accuracy"] for run in runs) for name in ("train", "val", "test")}
    return found | {"gap": spread(run["val_accuracy"] - run["test_accuracy"] for run in runs)}


def measure(record: Record, data: Path, peers_python: str) -> None:
    """Every case with every seed that the record lacks."""
    runs = record.content.setdefault("runs", [])
    order = data.with_name("order.npz")
    for case in CASES:
        for seed in SEEDS:
            if any((run["case"], run["seed"]) == (case.name, seed) for run in runs):
                continue
            with record.measuring():
                settings = {**asdict(case), "order": str(order)}
                drawn = Child(peers_python, "leak_order").measure(
                    data, epochs=case.epochs, seed=seed, settings=settings
                )
                trained = Child(sys.executable, "leak_fit").measure(
                    data, epochs=case.epochs, seed=seed, settings=settings
                )
                if trained["disjoint"]["val_rows_trained_on"]:
                    raise ChildFailed("the disjoint division is not disjoint")
                record.versions("tf.data", drawn)
                record.versions("sonmat", trained)
                runs.append(
                    {
                        "case": case.name,
                        "seed": seed,
                        "seen": trained["seen"],
                        **{way: trained[way] for way in ("leak", "disjoint")},
                    }
                )
            say(f"{case.name}, seed {seed}: leak {trained['leak']}, disjoint {trained['disjoint']}")


def main() -> int:
    """The command; exit status 1 where something could not be measured."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.leak", description="What the notes' validation leak does."
    )
    parser.add_argument("--fresh", action="store_true", help="throw away what an earlier run has measured")
    parser.add_argument("--out", type=Path, default=RESULT, help="where the JSON goes (benchmarks/results/leak.json)")
    parser.add_argument("--peers-python", default=PEERS_PYTHON, help="the peers' Python, which has TensorFlow")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sonmat-bench-") as folder:
        data = Path(folder) / "mnist.npz"
        identity = {"cases": [asdict(case) for case in CASES], "machine": machine(), "source": source_fingerprint()}
        try:
            record = Record(asked.out, identity, fresh=asked.fresh, summary=summarize)
            Child(sys.executable, "prepare").measure(data, epochs=0, seed=0, settings={"rows": None})
            measure(record, data, asked.peers_python)
        except (ChildFailed, OtherRecord) as error:
            say(str(error))
            return 1
    sys.stdout.write(tables.leak(record.content, korean=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
