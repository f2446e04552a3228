"""The learning rate that `sm.find_learning_rate` suggests, beside a sweep of rates that are really trained with.

    python -m benchmarks.lr_finder            # two minutes
    python -m benchmarks.claims               # put the figures into the documents

Each case trains a network on 10,000 rows at eight rates, twice, and at the rates that each rule suggests. Smoothing and rule were
chosen by the cases on MNIST with seeds 0 and 1; those figures are of seeds 2 and 3, and Fashion-MNIST was not looked at before.
What a rule costs is the best rate's mean validation accuracy less the mean of the trainings at its suggestions. The best of
eight is chosen by the accuracies it is credited with, which makes every cost a little too large.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import sonmat as sm
from benchmarks.machine import machine, source_fingerprint
from benchmarks.processes import ROOT
from benchmarks.record import now
from sonmat.engine.program import State, assign_training_state, training_state
from sonmat.engine.rate_test import RateTest, longest_fall
from sonmat.files import write_json
from sonmat.models.catalog import base_recipe
from sonmat.runs.recorder import environment

RESULT = ROOT / "benchmarks" / "results" / "lr_finder.json"
SEEDS = (2, 3)
ROWS = 10_000


@dataclass(frozen=True)
class Case:
    """A network with its optimizer, and the rates to sweep: eight from `low` to `high`."""

    name: str
    model: str
    low: float
    high: float
    epochs: int = 2
    data: str = "mnist"
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def rates(self) -> list[float]:
        """The swept rates."""
        return [float(rate) for rate in np.geomspace(self.low, self.high, 8)]


CASES = (
    Case("notes-mlp, SGD", "notes-mlp", 1e-3, 3.0),
    Case("mlp, Adam", "mlp", 1e-4, 0.3),
    Case("notes-cnn, Adam", "notes-cnn", 1e-4, 0.3, epochs=1),
    Case("mlp, SGD", "mlp", 1e-3, 3.0, options={"optimizer": "sgd"}),
    Case("notes-mlp, Adam", "notes-mlp", 1e-4, 0.3, options={"optimizer": "adam"}),
    Case("notes-cnn, SGD with momentum", "notes-cnn", 1e-3, 1.0, 1, options={"optimizer": "sgd", "momentum": 0.9}),
    Case("mlp, RMSprop", "mlp", 1e-4, 0.3, options={"optimizer": "rmsprop"}),
    Case("notes-mlp, SGD", "notes-mlp", 1e-3, 3.0, data="fashion-mnist"),
    Case("mlp, Adam", "mlp", 1e-4, 0.3, data="fashion-mnist"),
    Case("notes-cnn, Adam", "notes-cnn", 1e-4, 0.3, epochs=1, data="fashion-mnist"),
)


def _steepest(test: RateTest) -> float:
    lowest = max(2, int(np.argmin(test.smoothed[np.isfinite(test.losses)])) + 1)
    return float(test.rates[int(np.argmin(np.gradient(test.smoothed[:lowest])))])


def _tenth(test: RateTest) -> float:
    return float(test.rates[int(np.argmin(test.smoothed[np.isfinite(test.losses)]))] / 10)


def _valley(test: RateTest) -> float:
    """fastai's: the middle of the longest fall."""
    end, length = longest_fall(test.smoothed[np.isfinite(test.losses)])
    return float(test.rates[max(0, end - length // 2)])


RULES: dict[str, Callable[[RateTest], float]] = {
    "sonmat": lambda test: float(test.suggestion or np.nan),
    "valley": _valley,
    "minimum/10": _tenth,
    "steepest": _steepest,
}


@dataclass
class Work:
    """A network of one case and seed, which trains again and again from its first weights."""

    case: Case
    seed: int

    def __post_init__(self) -> None:
        whole = sm.load(self.case.data)[0]
        self.rows, rest = whole.split(ROWS / len(whole), seed=self.seed)
        self.validation = rest.split(ROWS / len(rest), seed=self.seed)[0]
        self.model = sm.build(self.case.model, self.rows, seed=self.seed, **self.case.options)
        self.batch_size = base_recipe(self.case.model).train.batch_size
        self.test = sm.find_learning_rate(self.model, self.rows, batch_size=self.batch_size, seed=self.seed)
        self.first: State = training_state(self.model)

    def trained(self, rate: float) -> dict[str, float]:
        """What a training at a rate reaches on the validation rows; a diverged one reaches guessing's accuracy."""
        assign_training_state(self.model, self.first)
        self.model.optimizer.learning_rate = rate
        options: dict[str, Any] = {"epochs": self.case.epochs, "batch_size": self.batch_size, "verbose": 0}
        try:
            sm.fit(self.model, self.rows, seed=self.seed, **options)
        except sm.NonFiniteLossError:
            return {"rate": rate, "accuracy": 0.1, "loss": float("inf")}
        found = sm.evaluate(self.model, self.validation)
        return {"rate": rate, "accuracy": float(found.accuracy), "loss": float(found.metrics["loss"])}


def measured(case: Case) -> dict[str, Any]:
    """The sweep of a case, and trainings at what each rule suggests, for every seed."""
    works = [Work(case, seed) for seed in SEEDS]
    return {
        "name": case.name,
        "data": case.data,
        "sweep": [[work.trained(rate) for rate in case.rates] for work in works],
        "suggested": {name: [work.trained(rule(work.test)) for work in works] for name, rule in RULES.items()},
        "seconds": [work.test.seconds for work in works],
        "compile_seconds": [work.test.compile_seconds for work in works],
        "steps": [len(work.test.rates) for work in works],
    }


def summarize(cases: list[dict[str, Any]]) -> dict[str, Any]:
    """For each case the best rate of the sweep and what each rule costs beside it, in accuracy and loss; and means by data."""
    told = [_summary(case) for case in cases]
    means = {
        data: {
            rule: statistics.fmean(one["rules"][rule]["cost"] for one in told if one["data"] == data) for rule in RULES
        }
        for data in dict.fromkeys(one["data"] for one in told)
    }
    return {"cases": told, "mean_cost": means}


def _summary(case: dict[str, Any]) -> dict[str, Any]:
    points = [
        {key: statistics.fmean(run[i][key] for run in case["sweep"]) for key in ("rate", "accuracy", "loss")}
        for i in range(len(case["sweep"][0]))
    ]
    best = max(points, key=lambda point: point["accuracy"])
    rules = {
        name: {
            "rates": [one["rate"] for one in runs],
            "accuracy": statistics.fmean(one["accuracy"] for one in runs),
            "cost": best["accuracy"] - statistics.fmean(one["accuracy"] for one in runs),
            "loss_cost": statistics.fmean(one["loss"] for one in runs) - best["loss"],
        }
        for name, runs in case["suggested"].items()
    }
    seconds = statistics.fmean(case["seconds"])
    return {"name": case["name"], "data": case["data"], "best": best, "rules": rules, "seconds": seconds}


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.lr_finder", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument(
        "--out", type=Path, default=RESULT, help="where the JSON goes (benchmarks/results/lr_finder.json)"
    )
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    cases = []
    for case in CASES:
        cases.append(measured(case))
        told = _summary(cases[-1])
        costs = " ".join(f"{rule} {100 * one['cost']:.1f}" for rule, one in told["rules"].items())
        rates = ", ".join(f"{rate:.2g}" for rate in told["rules"]["sonmat"]["rates"])
        say(f"{case.data} {case.name}: best {told['best']['rate']:.2g}, suggested {rates}; costs in points: {costs}")
    summary = summarize(cases)
    identity = {"rows": ROWS, "seeds": list(SEEDS), "machine": machine(), "source": source_fingerprint()}
    about = {"identity": identity, "ended": now(), "versions": environment()["versions"]}
    write_json(asked.out, {**about, "summary": summary, "cases": cases})
    say(f"{summary['mean_cost']}\nWritten to {asked.out}.")
    return 0


def say(line: str) -> None:
    """Progress."""
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
