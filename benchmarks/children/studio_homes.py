"""Homes for `benchmarks.studio`: a thousand runs copied from one that was trained, and a study of ten thousand trials.

    python -m benchmarks.children.studio_homes HOME RUN 1000 10000

The trials' numbers are made up (a curve that follows from the settings) and kept by the study's own files, sampler and halving:
what is measured is how the page takes them, not what they say.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from sonmat.models.catalog import base_recipe
from sonmat.runs.folder import RECIPE
from sonmat.runs.titles import write_title
from sonmat.search.batch import Batch
from sonmat.search.space import Choice, Range, Space
from sonmat.search.study import Asked, Study
from sonmat.search.trial import Trial

EPOCHS, CHUNK = 10, 200
_NAMES = ("quiet heron", "bold cnn", "", "넓은 신경망", "a second look")
_SPACE = Space(
    {
        "train.learning_rate": Range(1e-3, 1.0, log=True),
        "train.batch_size": Choice((20, 50, 100)),
        "model.hidden": Choice(([20, 20], [64, 64], [128])),
        "train.optimizer": Choice(("sgd", "adam")),
    }
)


def runs(home: Path, run: Path, count: int) -> None:
    """So many runs of their own names, seeds and titles, with the files of one."""
    recipe = (run / RECIPE).read_text(encoding="utf-8")
    for number in range(count):
        folder = home / "runs" / f"20260101-{number:06d}-notes-mlp"
        shutil.copytree(run, folder, ignore=shutil.ignore_patterns("checkpoint", ".*", "*.png", "*.html", "epochs"))
        (folder / RECIPE).write_text(recipe.replace("seed = 0", f"seed = {number}"), encoding="utf-8")
        write_title(folder, _NAMES[number % len(_NAMES)])


def study(home: Path, count: int) -> None:
    """A study of so many trials, searched as `sonmat sweep` does, but for the training."""
    recipe = base_recipe("notes-mlp")
    asked = Asked(
        replace(recipe, train=replace(recipe.train, epochs=EPOCHS)),
        _SPACE,
        trials=count,
        sampler="qmc",
        halving=3,
        finalists=0,
    )
    made = Study.create(home / "studies" / f"20260101-000000-{count}-trials", asked)
    while (batch := made.take_batch()) is not None:
        with batch:
            _train(batch)


def _train(batch: Batch) -> None:
    for rung, epochs in enumerate(batch.rungs):
        last = rung == len(batch.rungs) - 1
        due = batch.due(rung)
        for begin in range(0, len(due), CHUNK):
            part = [_trained(trial, epochs) for trial in due[begin : begin + CHUNK]]
            batch.record(rung, part, None if last else {"at": np.full((len(part), 1), epochs)}, last=last)
        if rung:
            batch.drop_states(rung - 1)


def _trained(trial: Trial, epochs: int) -> Trial:
    rate = trial.settings["train.learning_rate"]
    best = 0.97 - abs(np.log10(rate) + 1) / 10 + 0.01 * (trial.settings["train.optimizer"] == "adam")
    curve = best * (1 - np.exp(-np.arange(1, epochs + 1) / 2)) + trial.seed % 100 / 10_000
    curves = {"val_accuracy": curve.astype(np.float32), "loss": (1 - curve).astype(np.float32)}
    begin = 1.7e9 + trial.number
    return replace(
        trial, curves=curves, value=float(curve[-1]), seconds=0.1 * epochs, began=begin, ended=begin + epochs
    )


def main() -> int:
    """The command."""
    home, run, count, trials = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    runs(home, run, count)
    study(home, trials)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
