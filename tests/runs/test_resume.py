"""A run that is killed, at any moment, and called again ends as if it had never stopped."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sonmat.engine.listener import Listener, Progress
from sonmat.engine.resumable import Snapshot
from sonmat.errors import NonFiniteLossError, RunError, StorageError, UnsupportedError
from sonmat.runs.checkpoint import read_checkpoint, write_checkpoint
from sonmat.runs.fit import fit
from sonmat.runs.journal import append_line, cut_back, read_lines

C, L = keras.callbacks, keras.layers
EPOCHS = 24
KILLS = 20

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the tests fork")


class Starter:
    """The process of `kept_run.py`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.errors = open(folder / "stderr.txt", "w+")  # noqa: SIM115 (closed with the process)
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("kept_run.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env={**os.environ, "JAX_COMPILATION_CACHE_DIR": str(folder / "programs")},
        )

    def run(self, out: str, **job: Any) -> dict[str, Any]:
        """Start a run and wait for its end."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        told = {"out": str(self.folder / out), "epochs": EPOCHS, **job}
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, (self.folder / "stderr.txt").read_text()[-3000:]
        return json.loads(line)  # type: ignore[no-any-return]

    def close(self) -> None:
        self.process.communicate(timeout=60)
        self.errors.close()


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    starter = Starter(tmp_path_factory.mktemp("kept"))
    yield starter
    starter.close()


@pytest.fixture(scope="module")
def whole(starter: Starter) -> dict[str, Any]:
    """What a run leaves that nothing interrupts, compiling apart; and the seconds that it takes."""
    assert starter.run("warm-up")["status"] == 0
    told = starter.run("whole")
    assert told["status"] == 0
    return {**left_by(starter.folder / "whole"), **told}


def left_by(out: Path) -> dict[str, Any]:
    """Everything a run leaves, its times apart."""
    snapshot, identity = read_checkpoint(out / "run" / "checkpoint")
    journal = [
        {key: value for key, value in record.items() if key != "seconds"}
        for record in read_lines(out / "run" / "history.jsonl")
    ]
    with np.load(out / "final.npz") as final:
        weights = [(final[name].dtype.str, final[name].tobytes()) for name in final.files]
    return {
        "weights": weights,
        "history": json.loads((out / "history.json").read_text()),
        "csv": (out / "log.csv").read_bytes(),
        "journal": journal,
        "checkpoint": [array.tobytes() for group in snapshot.arrays for array in group],
        "done": (snapshot.done, snapshot.stopped, snapshot.epochs),
        "identity": identity,
    }


def check_same(came: dict[str, Any], whole: dict[str, Any]) -> None:
    for name, value in came.items():
        assert value == whole[name], name


def test_the_run_is_worth_killing(whole: dict[str, Any]) -> None:
    """It stops early, after the learning rate was reduced; else resuming would not be tried."""
    done, stopped, _ = whole["done"]
    assert stopped
    assert 13 < done < EPOCHS
    rates = whole["history"]["learning_rate"]
    assert rates[-1] < rates[0]
    assert [record["epoch"] for record in whole["journal"]] == list(range(done))
    assert whole["journal"][-1]["learning_rate"] == rates[-1]
    assert len(whole["csv"].splitlines()) == done + 1


@pytest.mark.slow
def test_killed_at_any_time(starter: Starter, whole: dict[str, Any]) -> None:
    """SIGKILL to the process group at uniformly random times, in several runs that are each then let to their end."""
    seed = random.randrange(2**32)
    rng = random.Random(seed)
    kills: list[int] = []  # epochs on disk at each
    runs = 0
    end = whole["done"][0]
    # On a machine whose speed changes, a run may fall between none and all of its epochs: go on until one does not.
    while len(kills) < KILLS or (len(kills) < 4 * KILLS and not any(0 < done < end for done in kills)):
        out = f"killed-{runs}"
        runs += 1
        for _ in range(KILLS // 3 + 1):
            training = rng.random() < 0.6  # else starting up, where nothing is at stake yet, would get most of them
            seconds = whole["training" if training else "seconds"]
            status = starter.run(out, delay=rng.uniform(0, seconds), training=training)["status"]
            if status == 0:
                break
            assert status == -9, (starter.folder / out / "error.txt").read_text()
            kills.append(epochs_kept(starter.folder / out))
        assert starter.run(out)["status"] == 0  # trains on, or finds all done
        print(f"seed {seed}, run {out}: epochs on disk at each kill: {kills}")
        check_same(left_by(starter.folder / out), whole)
    assert any(0 < done < end for done in kills)


def epochs_kept(out: Path) -> int:
    place = out / "run" / "checkpoint"
    return read_checkpoint(place)[0].done if place.exists() else 0


def test_killed_inside_every_write_sync_and_rename(starter: Starter, tmp_path: Path) -> None:
    """The files of one epoch, at each of the operations they take: there is the old checkpoint or the new one, whole."""
    place = starter.folder / "writes"
    place.mkdir()
    old = ([np.full((30, 40), 1.0, "float32")], [np.ones(3, "float32")], [np.zeros((30, 40), "float32")], [])
    seen = set()
    for number in range(1, 1000):
        (place / "history.jsonl").unlink(missing_ok=True)
        append_line(place / "history.jsonl", {"epoch": 0, "정확도": 0.5})
        write_checkpoint(place / "checkpoint", Snapshot(1, False, old, {"loss": [1.0]}, [0], [{}]), {"seed": 0})
        status = starter.run("writes", writes_only=True, at=number)["status"]
        snapshot, identity = read_checkpoint(place / "checkpoint")
        seen.add((status, snapshot.done))
        assert identity == {"seed": 0}
        assert float(snapshot.arrays[0][0][0, 0]) == snapshot.done == len(snapshot.history["loss"])
        cut_back(place / "history.jsonl", snapshot.done)
        assert [record["epoch"] for record in read_lines(place / "history.jsonl")] == list(range(snapshot.done))
        if status == 0:
            break
        assert status == -9
    assert number > 12
    assert seen == {(-9, 1), (-9, 2), (0, 2)}  # killed before the rename and after it, and not at all


MOMENTS = ["write:1", "fsync:1", "write:2", "write:40", "fsync:2", "chmod:1", "replace:1", "fsync:3", "fsync:4"]


@pytest.mark.parametrize("at", MOMENTS)
def test_killed_inside_the_files_of_a_run(starter: Starter, whole: dict[str, Any], at: str) -> None:
    """The journal's line and its sync; the checkpoint's bytes, sync, mode, rename and folder; the next epoch's line."""
    out = "inside-" + at.replace(":", "-")
    assert starter.run(out, at=at)["status"] == -9
    assert starter.run(out)["status"] == 0
    check_same(left_by(starter.folder / out), whole)


def test_a_full_disk(starter: Starter, whole: dict[str, Any]) -> None:
    assert starter.run("full", limit=6000)["status"] == 1
    out = starter.folder / "full"
    error = (out / "error.txt").read_text()
    assert error.startswith("StorageError: Could not write")
    assert "checkpoint" in error
    assert "→" in error
    assert read_checkpoint(out / "run" / "checkpoint")[0].done in (1, 2)  # the disk fills while epoch 2 is written
    assert [path.name for path in (out / "run").iterdir() if path.name.endswith(".part")] == []
    assert starter.run("full")["status"] == 0
    check_same(left_by(out), whole)


def test_two_processes_at_once(tmp_path: Path) -> None:
    code = (
        "import sys, filelock; lock = filelock.FileLock(sys.argv[1]); lock.acquire(); print('held', flush=True); "
        "sys.stdin.read()"
    )
    (tmp_path / "run").mkdir()
    command = [sys.executable, "-c", code, str(tmp_path / "run" / ".lock")]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    with pytest.raises(RunError, match="Another process is training in") as caught:
        kept(tmp_path / "run")
    assert caught.value.fix
    other.kill()  # the system lets go of what a dead process held
    other.wait()
    other.stdout.close()
    assert kept(tmp_path / "run")[1].epoch == [0, 1, 2]


# In this process: interrupted by an exception from a listener, and called again with a new model and new callbacks.


class Interrupt(Listener):
    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_progress(self, progress: Progress) -> None:
        if progress.epoch == self.epoch:
            raise KeyboardInterrupt


def rows() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(120, 6)).astype("float32"), rng.integers(0, 3, 120)


def network(optimizer: Any = None, units: int = 5, loss: Any = "sparse_categorical_crossentropy") -> keras.Model:
    keras.utils.set_random_seed(3)
    layers = [L.Dense(units, activation="relu"), L.Dropout(0.2), L.Dense(3, activation="softmax")]
    model = keras.Sequential([keras.Input((6,)), *layers])
    model.compile(optimizer or keras.optimizers.Adam(0.02), loss, metrics=["accuracy"])
    return model


def kept(folder: Path | None, model: keras.Model | None = None, **options: Any) -> tuple[keras.Model, Any]:
    model = model or network()
    x, y = rows()
    data = options.pop("data", (x, y))
    told = {"epochs": 3, "batch_size": 20, "verbose": 0, "validation_data": (x[:50], y[:50]), **options}
    return model, fit(model, *data, run=folder, **told)


def check_bits(model: keras.Model, expected: keras.Model) -> None:
    for a, b in zip(model.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(a.value, b.value, err_msg=a.path)
    for a, b in zip(model.optimizer.variables, expected.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a.value, b.value, err_msg=a.path)


class Keeper(C.Callback):
    """State of every kind that can be saved, nested, which decides how training goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.log: dict[str, Any] = {"losses": [], "pair": (0, None), "best": np.float32(np.inf)}
        self.weights: list[Any] | None = None
        self.rate = 0.02

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.log["losses"].append(("begun", epoch))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.log["losses"].append((epoch, logs["loss"]))
        self.log["pair"] = (epoch, self.log["pair"][0])
        self.log["best"] = min(self.log["best"], np.float32(logs["loss"]))
        self.rate *= 0.7
        self.model.optimizer.learning_rate = self.rate
        if self.weights is not None:
            self.model.set_weights([(a + b) / 2 for a, b in zip(self.weights, self.model.get_weights(), strict=True)])
        self.weights = self.model.get_weights()


CALLBACKS: dict[str, Callable[[Path], list[Any]]] = {
    "none": lambda out: [],
    "early stopping with min_delta": lambda out: [
        C.EarlyStopping("loss", min_delta=0.02, patience=2, restore_best_weights=True, start_from_epoch=1)
    ],
    "plateau with min_delta": lambda out: [C.ReduceLROnPlateau("loss", min_delta=0.05, patience=1, cooldown=1)],
    "best checkpoint": lambda out: [
        C.ModelCheckpoint(str(out / "best.weights.h5"), "val_loss", save_best_only=True, save_weights_only=True)
    ],
    "swapped averages": lambda out: [C.SwapEMAWeights(swap_on_epoch=True)],
    "scheduler": lambda out: [C.LearningRateScheduler(lambda epoch, rate: rate * 0.8)],
    "nested state": lambda out: [Keeper()],
    "batch hook": lambda out: [C.LambdaCallback(on_train_batch_end=lambda batch, logs: None), C.TerminateOnNaN()],
    "CSV that is appended": lambda out: [C.CSVLogger(str(out / "log.csv"), append=True)],
}


@pytest.mark.parametrize("which", CALLBACKS)
@pytest.mark.filterwarnings("ignore:.*looks at every batch")
def test_an_interrupted_run_goes_on_exactly(tmp_path: Path, which: str) -> None:
    def make(place: str) -> dict[str, Any]:
        (tmp_path / place).mkdir(exist_ok=True)
        averages = {"use_ema": True, "ema_momentum": 0.9} if which == "swapped averages" else {}
        model = network(keras.optimizers.Adam(0.02, **averages))
        return {"model": model, "callbacks": CALLBACKS[which](tmp_path / place), "epochs": 7}

    expected, history = kept(None, **make("plain"))
    again = make("again")
    for epoch in (2, 4):
        with pytest.raises(KeyboardInterrupt):
            kept(tmp_path / "run", **make("again"), listeners=[Interrupt(epoch)])
    again = make("again")
    model, came = kept(tmp_path / "run", **again)
    check_bits(model, expected)
    assert came.history == history.history
    assert came.epoch == history.epoch
    for file in (tmp_path / "plain").glob("*.csv"):
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes()
    if which == "nested state":
        whole = [item for epoch in range(7) for item in (("begun", epoch), (epoch, history.history["loss"][epoch]))]
        assert again["callbacks"][0].log["losses"] == whole
        assert again["callbacks"][0].log["pair"] == (6, 5)


def test_a_snapshot_holds_the_state_of_its_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Callbacks go on changing their lists while another thread writes."""
    from sonmat.runs import recorder

    seen: list[int] = []
    keep = recorder.write_checkpoint

    def slow(path: Path, snapshot: Any, identity: Any) -> None:
        begun.wait(10)  # the next epoch has begun, and its on_epoch_begin has added to the list
        begun.clear()
        seen.append(len(snapshot.callbacks[0]["log"]["losses"]))
        keep(path, snapshot, identity)

    begun = threading.Event()

    class Tell(Listener):
        def on_progress(self, progress: Progress) -> None:
            begun.set()

        def on_epoch(self, epoch: int, logs: dict[str, float], seconds: float) -> None:
            if epoch == 2:
                begun.set()

    monkeypatch.setattr(recorder, "write_checkpoint", slow)
    kept(tmp_path / "run", callbacks=[Keeper()], listeners=[Tell()])
    assert seen == [2, 4, 6]


def test_a_finished_run_trains_no_more_and_then_on(tmp_path: Path) -> None:
    expected, history = kept(None, epochs=3)
    first, _ = kept(tmp_path, epochs=3)
    check_bits(first, expected)
    before = (tmp_path / "checkpoint").read_bytes()
    again, came = kept(tmp_path, epochs=3)
    check_bits(again, expected)
    assert came.history == history.history
    assert (tmp_path / "checkpoint").read_bytes() == before
    expected, history = kept(None, epochs=5)
    longer, came = kept(tmp_path, epochs=5)
    check_bits(longer, expected)
    assert came.history == history.history
    assert [record["epoch"] for record in read_lines(tmp_path / "history.jsonl")] == list(range(5))


def test_the_same_callback_objects_may_be_given_again(tmp_path: Path) -> None:
    stop = C.EarlyStopping("loss", patience=1, min_delta=5.0, restore_best_weights=True)
    _, history = kept(tmp_path, epochs=9, callbacks=[stop])
    assert len(history.epoch) == 2
    model, came = kept(tmp_path, epochs=9, callbacks=[stop])
    assert came.history == history.history
    check_bits(
        model,
        kept(None, epochs=9, callbacks=[C.EarlyStopping("loss", patience=1, min_delta=5.0, restore_best_weights=True)])[
            0
        ],
    )


x, y = rows()
OTHERS: dict[str, dict[str, Any]] = {
    "batch_size": {"batch_size": 30},
    "seed": {"seed": 9},
    "shuffle": {"shuffle": False},
    "data": {"data": (x * 2, y)},
    "validation": {"validation_data": (x[:49], y[:49])},
    "model": {"model": lambda: network(units=6)},
    "optimizer": {"model": lambda: network(keras.optimizers.Adam(0.02, beta_1=0.8))},
    "loss": {"model": lambda: network(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))},
    "callbacks": {"callbacks": [C.EarlyStopping(patience=7)]},
    "wanted": {"identity": {"wanted": "other"}},
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_run_in_the_folder(tmp_path: Path, name: str) -> None:
    kept(tmp_path, epochs=1, callbacks=[C.EarlyStopping(patience=5)], identity={"wanted": "this"})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    other = dict(OTHERS[name])
    if "model" in other:
        other["model"] = other["model"]()
    told = {"epochs": 2, "callbacks": [C.EarlyStopping(patience=5)], "identity": {"wanted": "this"}, **other}
    with pytest.raises(RunError, match=f"holds another run.*{name}") as caught:
        kept(tmp_path, **told)
    assert "→" in caught.value.problem
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_objects_in_a_models_configuration_do_not_make_it_another(tmp_path: Path) -> None:
    class Own(L.Layer):
        def __init__(self, function: Any, **options: Any) -> None:
            super().__init__(**options)
            self.function = function

        def call(self, inputs: Any) -> Any:
            return self.function(inputs)

        def get_config(self) -> Any:
            return {**super().get_config(), "function": self.function}

    def make() -> keras.Model:
        keras.utils.set_random_seed(3)
        model = keras.Sequential([keras.Input((6,)), Own(lambda x: x * 2), L.Dense(3, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    kept(tmp_path, make(), epochs=1)
    assert kept(tmp_path, make(), epochs=2)[1].epoch == [0, 1]  # the function has another address now


def test_a_damaged_checkpoint_is_told(tmp_path: Path) -> None:
    kept(tmp_path, epochs=1)
    place = tmp_path / "checkpoint"
    place.write_bytes(place.read_bytes()[:-100])
    with pytest.raises(RunError, match="not a checkpoint"):
        kept(tmp_path)


def test_state_that_cannot_be_saved_is_told_before_training(tmp_path: Path) -> None:
    class Odd(C.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.handle = object()
            self.fine = [1, {"a": np.ones(2)}]

    def quiet(callbacks: list[Any]) -> list[str]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            kept(tmp_path / str(len(callbacks)), callbacks=callbacks, epochs=1)
        return [str(w.message) for w in caught if "cannot be saved" in str(w.message)]

    assert quiet([C.EarlyStopping(restore_best_weights=True), C.ReduceLROnPlateau(), C.TerminateOnNaN()]) == []
    (message,) = quiet([Odd()])
    assert message.startswith("Odd.handle cannot be saved")


def test_a_run_needs_a_seed(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="needs a seed; got seed=None"):
        kept(tmp_path, seed=None)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="Could not write"):
        kept(tmp_path / "file" / "run")


def test_a_broken_loss_leaves_the_last_good_epoch(tmp_path: Path) -> None:
    class Break(C.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 2:
                self.model.optimizer.learning_rate = np.inf

    with pytest.raises(NonFiniteLossError):
        kept(tmp_path, callbacks=[Break()])
    assert read_checkpoint(tmp_path / "checkpoint")[0].done == 2
    assert [record["epoch"] for record in read_lines(tmp_path / "history.jsonl")] == [0, 1]


def test_another_learning_rate_is_another_run(tmp_path: Path) -> None:
    """A changed rate must not give the old numbers back; a rate that training has changed since says nothing."""
    x, y = np.eye(4, dtype="float32")[np.arange(40) % 4], np.arange(40) % 4

    def trained(rate: Any, epochs: int = 1) -> keras.callbacks.History:
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, "softmax", kernel_initializer="zeros")])
        model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy")
        return fit(model, x, y, epochs=epochs, verbose=0, run=tmp_path / "run")

    first = trained(0.1).history["loss"]
    assert trained(0.1, epochs=2).history["loss"][:1] == first
    with pytest.raises(RunError, match="learning_rate"):
        trained(0.5, epochs=2)
    with pytest.raises(RunError, match="learning_rate"):
        trained(keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9), epochs=2)
