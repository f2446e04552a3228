"""A run to be killed, in a process of its own, and the process that starts and kills it.

Imports take seconds, so they are done once: the process forks a child for each run, before XLA has begun any thread.
It reads a line of JSON for each run to start:

    out         a folder for the run folder, the CSV file and what a finished run leaves
    epochs      epochs to train
    delay       seconds after which the child's process group is killed
    training    whether they count from the first step, not from the start of the process
    at          the operation on files, counted from 1 once the third epoch begins, at which the child kills itself: a
                number, or "write:3", "fsync:2", "chmod:1", "replace:1" for the n-th of a kind
    limit       bytes that a file may have from then on
    writes_only whether only the files of an epoch are written, without training, over those of the epoch before

and answers with a line when the run has ended: its exit status, or minus the signal; its seconds; and those from the first
step on.
"""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import sonmat  # noqa: F401  (chooses the backend)

import keras  # isort: skip
import numpy as np

from sonmat.engine.listener import Listener
from sonmat.engine.resumable import Snapshot
from sonmat.runs import journal
from sonmat.runs.checkpoint import write_checkpoint
from sonmat.runs.fit import fit


def rows() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 1200)
    x = (rng.normal(0, 1, (1200, 40)) + np.eye(3, 40)[y]).astype("float32")
    return x, np.where(rng.random(1200) < 0.3, rng.integers(0, 3, 1200), y)  # noise, so that it overfits and stops


def network() -> keras.Model:
    keras.utils.set_random_seed(3)
    L = keras.layers
    layers = [L.Dense(10, activation="relu"), L.Dropout(0.3), L.BatchNormalization(), L.Dense(3, activation="softmax")]
    model = keras.Sequential([keras.Input((40,)), *layers])
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def callbacks(out: Path) -> list[Any]:
    C = keras.callbacks
    return [
        C.ReduceLROnPlateau("val_loss", factor=0.5, patience=1, min_delta=1e-3),
        C.EarlyStopping("val_loss", patience=11, min_delta=1e-4, restore_best_weights=True),
        C.CSVLogger(str(out / "log.csv")),
    ]


def train(out: Path, epochs: int, listeners: list[Listener]) -> None:
    x, y = rows()
    model = network()
    history = fit(
        model,
        x[:900],
        y[:900],
        validation_data=(x[900:], y[900:]),
        batch_size=20,
        epochs=epochs,
        callbacks=callbacks(out),
        run=out / "run",
        listeners=listeners,
        verbose=0,
        seed=4,
    )
    arrays = [*model.get_weights(), *map(np.asarray, model.optimizer.variables)]
    np.savez(out / "final.npz", *arrays)
    (out / "history.json").write_text(json.dumps({**history.history, "epoch": history.epoch}))


def write_an_epoch(out: Path) -> None:
    """What the recorder does for epoch 1, with numbers that tell it from epoch 0."""
    arrays = ([np.full((30, 40), 2.0, "float32")], [np.ones(3, "float32")], [np.zeros((30, 40), "float32")], [])
    snapshot = Snapshot(2, False, arrays, {"loss": [1.0, 2.0]}, [0, 1], [{"best": np.ones(7)}])
    journal.append_line(out / "history.jsonl", {"epoch": 1, "loss": 2.0, "정확도": 0.5})
    write_checkpoint(out / "checkpoint", snapshot, {"seed": 0})


class Trouble(Listener):
    """Tells when training begins, and begins trouble with the third epoch."""

    def __init__(self, job: dict[str, Any], told: int) -> None:
        self.job = job
        self.told = told

    def on_compiled(self, seconds: float) -> None:
        os.write(self.told, b".")

    def on_epoch(self, epoch: int, logs: dict[str, float], seconds: float) -> None:
        if epoch == 1:
            begin_trouble(self.job)


def begin_trouble(job: dict[str, Any]) -> None:
    if job.get("at"):
        kill_at(job["at"])
    if job.get("limit"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["limit"], job["limit"]))


def kill_at(moment: int | str) -> None:
    """Kill this process at the n-th write, sync, change of mode or rename: inside a write, before the others."""
    wanted, _, number = str(moment).rpartition(":")
    left = [int(number)]

    def due(name: str) -> bool:
        left[0] -= wanted in ("", name)
        return left[0] == 0

    def before(name: str) -> None:
        keep = getattr(os, name)

        def patched(*arguments: Any, **options: Any) -> Any:
            if due(name):
                os.killpg(0, signal.SIGKILL)
            return keep(*arguments, **options)

        setattr(os, name, patched)

    class Torn(io.BufferedWriter):
        def write(self, content: Any) -> int:
            if due("write"):
                super().write(bytes(content)[: len(bytes(content)) // 2])
                self.flush()
                os.killpg(0, signal.SIGKILL)
            return super().write(content)

    for name in ("fsync", "chmod", "replace"):
        before(name)
    os.fdopen = lambda descriptor, mode="r", *_, **__: Torn(io.FileIO(descriptor, mode))  # type: ignore[assignment]
    journal.open = lambda path, mode: Torn(io.FileIO(path, mode.replace("b", "")))  # type: ignore[attr-defined]


def run_child(job: dict[str, Any], told: int) -> None:
    os.setsid()
    out = Path(job["out"])
    out.mkdir(parents=True, exist_ok=True)
    if job.get("writes_only"):
        begin_trouble(job)
        write_an_epoch(out)
    else:
        train(out, job["epochs"], [Trouble(job, told)])


def forked(job: dict[str, Any]) -> dict[str, Any]:
    begin = time.perf_counter()
    hears, told = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(hears)
        status = 1
        try:
            run_child(job, told)
            status = 0
        except BaseException as error:
            (Path(job["out"]) / "error.txt").write_text(f"{type(error).__name__}: {error}")
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(told)
    if job.get("delay") is None or job.get("training"):
        os.read(hears, 1)  # ends with the child where it never trains
    trained = time.perf_counter()
    if job.get("delay") is not None:
        time.sleep(job["delay"])
        try:
            os.killpg(child, signal.SIGKILL)
        except ProcessLookupError:  # it ended, or has not made its group yet
            os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(hears)
    end = time.perf_counter()
    return {"status": status, "seconds": end - begin, "training": end - trained}


def main() -> None:
    for line in iter(sys.stdin.readline, ""):
        print(json.dumps(forked(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
