"""Keras's callbacks under `fit` and under Keras's own `fit`: the same calls, the same files, the same weights."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sonmat.engine.fit import fit
from sonmat.errors import NonFiniteLossError

Rows = tuple[np.ndarray, np.ndarray]
CB = keras.callbacks

pytestmark = pytest.mark.filterwarnings("ignore:.*looks at every batch")


def both(network: Any, rows: Rows, callbacks: Callable[[str], list[Any]], **options: Any) -> tuple[Any, Any, Any, Any]:
    """Keras's fit and ours, each with callbacks of its own (made with "theirs" or "ours")."""
    make = options.pop("make", lambda: network(keras.optimizers.Adam(0.02)))
    shared = {"epochs": 4, "batch_size": 32, "shuffle": False, "verbose": 0, **options}
    theirs, ours = make(), make()
    a, b = callbacks("theirs"), callbacks("ours")
    expected = theirs.fit(*rows, callbacks=a, **shared)
    came = fit(ours, *rows, callbacks=b, **shared)
    same_history(expected, came)
    same_weights(theirs, ours)
    return theirs, ours, a, b


def same_history(expected: Any, came: Any) -> None:
    assert came.epoch == expected.epoch
    assert list(came.history) == list(expected.history)
    for name, column in expected.history.items():
        np.testing.assert_allclose(came.history[name], column, rtol=1e-4, atol=1e-5, err_msg=name)


def same_weights(theirs: keras.Model, ours: keras.Model, tolerance: float = 2e-5) -> None:
    for a, b in zip(theirs.weights, ours.weights, strict=True):
        np.testing.assert_allclose(b.value, a.value, rtol=0, atol=tolerance, err_msg=a.path)
    for a, b in zip(theirs.optimizer.variables, ours.optimizer.variables, strict=True):
        np.testing.assert_allclose(b.value, a.value, rtol=1e-4, atol=tolerance, err_msg=a.path)


EVERY_HOOK = [name for name in dir(CB.Callback) if name.startswith("on_")]


def recorder(log: list[Any], hooks: list[str]) -> CB.Callback:
    """A callback that writes down each call of these hooks, with what the logs are called."""

    def method(name: str) -> Any:
        def call(self: Any, *arguments: Any, logs: Any = None, **_: Any) -> None:
            given = [value for value in arguments if not isinstance(value, dict)]
            named = logs if logs is not None else next((value for value in arguments if isinstance(value, dict)), {})
            assert all(isinstance(value, (int, float, np.ndarray)) for value in named.values())
            log.append((name, [value for value in given if value is not None], sorted(named)))

        return call

    return type("Recorder", (CB.Callback,), {name: method(name) for name in hooks})()


@pytest.mark.parametrize(
    "hooks", [EVERY_HOOK, [n for n in EVERY_HOOK if "batch" not in n]], ids=["every", "no batches"]
)
def test_every_hook_is_called_in_kerass_order(network: Any, rows: Rows, held: Rows, hooks: list[str]) -> None:
    logs: dict[str, list[Any]] = {"theirs": [], "ours": []}
    options = {"validation_data": held, "validation_freq": 2, "validation_batch_size": 30, "initial_epoch": 1}
    both(network, rows, lambda who: [recorder(logs[who], hooks)], **options)
    assert logs["ours"] == logs["theirs"]
    assert {name for name, *_ in logs["ours"]} >= {"on_epoch_begin", "on_test_begin", "on_test_end", "on_train_end"}


def test_evaluate_calls_the_test_hooks(network: Any, rows: Rows) -> None:
    from sonmat.engine.evaluate import evaluate

    logs: dict[str, list[Any]] = {"theirs": [], "ours": []}
    model = network()
    hooks = [name for name in EVERY_HOOK if "test" in name]
    model.evaluate(*rows, verbose=0, callbacks=[recorder(logs["theirs"], hooks)])
    evaluate(model, *rows, batch_size=32, callbacks=[recorder(logs["ours"], hooks)])
    assert logs["ours"] == logs["theirs"] != []


@pytest.mark.parametrize(
    "options",
    [
        {"monitor": "val_loss", "patience": 1, "restore_best_weights": True},
        {"monitor": "val_accuracy", "patience": 2, "restore_best_weights": True, "start_from_epoch": 3},
        {"monitor": "loss", "min_delta": 0.05, "patience": 0},
        {"monitor": "val_loss", "baseline": 0.01, "patience": 2, "restore_best_weights": True},
    ],
    ids=["restores", "starts later", "min_delta", "baseline"],
)
def test_early_stopping(network: Any, rows: Rows, held: Rows, options: dict[str, Any]) -> None:
    noise = np.random.default_rng(5).integers(0, 3, len(held[1]))  # nothing to learn here, so that it stops
    _, ours, a, b = both(
        network, rows, lambda _: [CB.EarlyStopping(**options)], epochs=12, validation_data=(held[0], noise)
    )
    assert b[0].stopped_epoch == a[0].stopped_epoch > 0
    assert b[0].best_epoch == a[0].best_epoch
    assert ours.stop_training


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("best.keras", {"save_best_only": True, "monitor": "val_loss"}),
        ("{epoch:02d}.weights.h5", {"save_weights_only": True}),
        ("{epoch:02d}-{batch:02d}.weights.h5", {"save_weights_only": True, "save_freq": 3}),
        (
            "{val_accuracy:.1f}.keras",
            {"save_best_only": True, "monitor": "val_accuracy", "initial_value_threshold": 0.3},
        ),
    ],
    ids=["best", "weights", "by batch", "threshold"],
)
def test_model_checkpoint(
    network: Any, rows: Rows, held: Rows, tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    both(network, rows, lambda who: [CB.ModelCheckpoint(str(tmp_path / who / name), **options)], validation_data=held)
    files = sorted(path.name for path in (tmp_path / "theirs").iterdir())
    assert sorted(path.name for path in (tmp_path / "ours").iterdir()) == files != []
    for file in files:
        theirs, ours = network(), network()
        for model, who in ((theirs, "theirs"), (ours, "ours")):
            if file.endswith(".keras"):
                model.set_weights(keras.saving.load_model(tmp_path / who / file).get_weights())
            else:
                model.load_weights(tmp_path / who / file)
        for a, b in zip(theirs.get_weights(), ours.get_weights(), strict=True):
            np.testing.assert_allclose(b, a, rtol=0, atol=2e-5, err_msg=file)


def test_a_checkpoint_by_the_epoch_keeps_full_speed(network: Any, rows: Rows, tmp_path: Path) -> None:
    from sonmat.engine import hooks

    by_epoch = [
        CB.ModelCheckpoint(str(tmp_path / "a.keras")),
        CB.BackupAndRestore(str(tmp_path / "b")),
        CB.TerminateOnNaN(),
        CB.EarlyStopping(),
        CB.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
    ]
    by_batch = [
        CB.ModelCheckpoint(str(tmp_path / "a.keras"), save_freq=5),
        CB.BackupAndRestore(str(tmp_path / "b"), save_freq=5),
        CB.LambdaCallback(on_train_batch_end=lambda batch, logs: None),
        type("Own", (CB.TerminateOnNaN,), {"on_batch_end": lambda self, batch, logs=None: None})(),
    ]
    assert [hooks.wants_batches(callback) for callback in by_epoch] == [False] * len(by_epoch)
    assert [hooks.wants_batches(callback) for callback in by_batch] == [True] * len(by_batch)
    with pytest.warns(UserWarning, match="ModelCheckpoint looks at every batch"):
        fit(network(), *rows, callbacks=by_batch[:1], verbose=0)


def test_csv_logger_writes_the_same_file(network: Any, rows: Rows, held: Rows, tmp_path: Path) -> None:
    both(
        network,
        rows,
        lambda who: [CB.ReduceLROnPlateau(patience=1, monitor="loss"), CB.CSVLogger(str(tmp_path / f"{who}.csv"))],
        validation_data=held,
        validation_freq=2,
    )
    tables = []
    for who in ("theirs", "ours"):
        lines = (tmp_path / f"{who}.csv").read_text().splitlines()
        tables.append([line.split(",") for line in lines])
    assert tables[0][0] == tables[1][0]
    for theirs, ours in zip(tables[0][1:], tables[1][1:], strict=True):
        for a, b in zip(theirs, ours, strict=True):
            assert a == b or float(b) == pytest.approx(float(a), rel=1e-4)


def test_reduce_lr_on_plateau(network: Any, rows: Rows, held: Rows) -> None:
    options = {"monitor": "val_loss", "patience": 1, "factor": 0.3, "min_delta": 0.2, "cooldown": 1, "min_lr": 1e-3}
    _, ours, *_ = both(network, rows, lambda _: [CB.ReduceLROnPlateau(**options)], epochs=8, validation_data=held)
    rates = ours.history.history["learning_rate"]
    assert rates[0] == pytest.approx(0.02)
    assert rates[-1] < 0.01


def test_learning_rate_scheduler(network: Any, rows: Rows) -> None:
    def schedule(epoch: int, rate: float) -> float:
        return rate * 0.5 if epoch % 2 else rate

    _, ours, *_ = both(network, rows, lambda _: [CB.LearningRateScheduler(schedule)])
    assert ours.history.history["learning_rate"] == pytest.approx([0.02, 0.01, 0.01, 0.005])


def test_swapped_ema_weights(network: Any, rows: Rows, held: Rows) -> None:
    both(
        network,
        rows,
        lambda _: [CB.SwapEMAWeights(swap_on_epoch=True)],
        make=lambda: network(keras.optimizers.Adam(0.02, use_ema=True, ema_momentum=0.9)),
        validation_data=held,
    )


class Meddler(CB.Callback):
    """Assigns what a callback may assign, at epochs' ends."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == 1:
            self.model.layers[0].bias.assign(np.full(8, 0.1, "float32"))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.optimizer.learning_rate = 0.01 / (epoch + 1)
        self.model.set_weights([weight * 0.9 for weight in self.model.get_weights()])
        self.model.stop_training = epoch == 2


class BatchMeddler(CB.Callback):
    """The same at batches' beginnings and ends."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if batch == 2:
            self.model.optimizer.learning_rate = 0.005

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch == 1:
            self.model.set_weights([weight * 0.9 for weight in self.model.get_weights()])
        if batch == 4 and self.seen > 12:
            self.model.stop_training = True
        self.seen += 1

    def on_train_begin(self, logs: Any = None) -> None:
        self.seen = 0


@pytest.mark.parametrize("callback", [Meddler, BatchMeddler])
def test_what_a_callback_assigns_is_read_back(network: Any, rows: Rows, callback: type) -> None:
    _, ours, *_ = both(network, rows, lambda _: [callback()], epochs=6)
    assert len(ours.history.epoch) < 6


@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_begin"])
def test_a_run_told_to_stop_before_its_first_batch_does_one(network: Any, rows: Rows, hook: str) -> None:
    class Stop(CB.Callback):
        pass

    def stop(self: Any, *_: Any, **__: Any) -> None:
        self.model.stop_training = True

    setattr(Stop, hook, stop)
    _, ours, *_ = both(network, rows, lambda _: [Stop()])
    assert int(ours.optimizer.iterations) == 1


def test_a_callback_list_and_the_history_objects_of_two_fits(network: Any, rows: Rows) -> None:
    def callback_list(model: keras.Model, **options: Any) -> Any:
        return CB.CallbackList([CB.EarlyStopping("loss", patience=9)], model=model, epochs=2, verbose=0, **options)

    theirs, ours = network(), network()
    shared = {"epochs": 2, "shuffle": False, "verbose": 0}
    expected = theirs.fit(*rows, callbacks=callback_list(theirs, add_history=True), **shared)
    came = fit(ours, *rows, callbacks=callback_list(ours, add_history=True), **shared)
    same_history(expected, came)
    assert ours.history is came
    again = fit(ours, *rows, callbacks=callback_list(ours), **shared)  # without a History, which Keras would trip over
    assert again is not came
    assert len(came.epoch) == len(again.epoch) == 2
    own = CB.History()
    assert fit(ours, *rows, callbacks=[own], **shared) is own


def test_callbacks_see_their_parameters(network: Any, rows: Rows) -> None:
    *_, a, b = both(network, rows, lambda _: [CB.Callback()])
    assert b[0].params == a[0].params
    assert b[0].params["steps"] == 7


@pytest.mark.parametrize("by_batch", [False, True])
def test_terminate_on_nan_ends_as_in_keras(network: Any, rows: Rows, by_batch: bool) -> None:
    logs: dict[str, list[Any]] = {"theirs": [], "ours": []}
    hooks = EVERY_HOOK if by_batch else [name for name in EVERY_HOOK if "batch" not in name]
    models = {}
    for who in ("theirs", "ours"):
        model = models[who] = network(keras.optimizers.SGD(1e20), loss="mse", metrics=[])
        options = {
            "callbacks": [CB.TerminateOnNaN(), recorder(logs[who], hooks)],
            "epochs": 3,
            "shuffle": False,
            "verbose": 0,
        }
        targets = np.eye(3, dtype="float32")[rows[1]] * 1e3
        history = model.fit(rows[0], targets, **options) if who == "theirs" else fit(model, rows[0], targets, **options)
        assert model.stop_training
        assert len(history.history["loss"]) == 1
        assert not np.isfinite(history.history["loss"][0])
    assert logs["ours"] == logs["theirs"]
    assert int(models["ours"].optimizer.iterations) == int(models["theirs"].optimizer.iterations)


def test_terminate_on_nan_raises_where_asked(network: Any, rows: Rows) -> None:
    log: list[Any] = []
    model = network(keras.optimizers.SGD(1e20), loss="mse", metrics=[])
    targets = np.eye(3, dtype="float32")[rows[1]] * 1e3
    callbacks = [CB.TerminateOnNaN(raise_error=True), recorder(log, ["on_train_end"])]
    with pytest.raises(RuntimeError, match="NaN or Inf loss encountered at batch"):
        fit(model, rows[0], targets, callbacks=callbacks, verbose=0)
    assert log == []


def test_a_callback_of_ones_own_may_end_a_run_that_broke(network: Any, rows: Rows) -> None:
    class Own(CB.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if not np.isfinite(logs["loss"]):
                self.model.stop_training = True

    targets = np.eye(3, dtype="float32")[rows[1]] * 1e3
    breaking = {"loss": "mse", "metrics": []}
    with pytest.raises(NonFiniteLossError):
        fit(network(keras.optimizers.SGD(1e20), **breaking), rows[0], targets, verbose=0)
    history = fit(network(keras.optimizers.SGD(1e20), **breaking), rows[0], targets, callbacks=[Own()], verbose=0)
    assert len(history.epoch) == 1


@pytest.mark.parametrize("save_freq", ["epoch", 3])
def test_backup_and_restore(network: Any, rows: Rows, tmp_path: Path, save_freq: Any) -> None:
    """Interrupted by an exception and called again, by Keras's own mechanism."""

    class Interrupt(CB.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 2:
                raise KeyboardInterrupt

    options = {"epochs": 4, "verbose": 0, "seed": 3}

    def backup(name: str) -> Any:
        return CB.BackupAndRestore(str(tmp_path / name), save_freq=save_freq)

    whole = network(keras.optimizers.Adam(0.02))
    fit(whole, *rows, **options)
    model = network(keras.optimizers.Adam(0.02))
    with pytest.raises(KeyboardInterrupt):
        fit(model, *rows, callbacks=[backup("a"), Interrupt()], **options)
    again = network(keras.optimizers.Adam(0.02))
    history = fit(again, *rows, callbacks=[backup("a")], **options)
    assert history.epoch == ([2, 3] if save_freq == "epoch" else [1, 2, 3])
    assert not (tmp_path / "a").exists()
    if save_freq == "epoch":  # by steps, the backup is of the middle of an epoch, as in Keras
        for a, b in zip(whole.get_weights(), again.get_weights(), strict=True):
            np.testing.assert_array_equal(b, a)


def test_keyboard_interrupt_leaves_what_keras_leaves(network: Any, rows: Rows) -> None:
    def run(model: keras.Model, go: Any) -> None:
        class Interrupt(CB.Callback):
            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            go(model, *rows, shuffle=False, epochs=2, verbose=0, callbacks=[Interrupt()])

    theirs, ours = (network(keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9)) for _ in range(2))
    run(theirs, keras.Model.fit)
    run(ours, fit)
    same_weights(theirs, ours)  # averaged: the end is reached by an exception too


@pytest.mark.peers
def test_tensorboard(tmp_path: Path) -> None:
    python = os.environ.get("SONMAT_PEERS_PYTHON")
    if not python:
        pytest.skip("SONMAT_PEERS_PYTHON names no Python with TensorFlow, JAX and sonmat's dependencies")
    script = """
        import sys, pathlib
        import sonmat as sm
        import numpy as np, keras, tensorflow as tf
        x, y = np.random.default_rng(0).random((200, 6), "float32"), np.arange(200) % 3
        def run(where, fit):
            keras.utils.set_random_seed(0)
            layers = [keras.Input((6,)), keras.layers.Dense(3, activation="softmax", name="last")]
            model = keras.Sequential(layers, name="network")
            model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
            board = keras.callbacks.TensorBoard(where, histogram_freq=1, update_freq="epoch")
            fit(model, x, y, epochs=2, validation_split=0.2, shuffle=False, verbose=0, callbacks=[board])
            found = []
            for file in sorted(pathlib.Path(where).rglob("events*")):
                for event in tf.compat.v1.train.summary_iterator(str(file)):
                    found += [(file.parent.name, value.tag, event.step) for value in event.summary.value]
            return sorted(set(found))
        theirs = run(sys.argv[1] + "/theirs", keras.Model.fit)
        ours = run(sys.argv[1] + "/ours", sm.fit)
        assert theirs == ours and theirs, (theirs, ours)
        data = tf.data.Dataset.from_tensor_slices((x, y)).batch(20)
        model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        start = model.get_weights()
        a = sm.fit(model, data, validation_data=data, shuffle=False, verbose=0).history
        model.set_weights(start)
        b = sm.fit(model, tf.constant(x), tf.constant(y), batch_size=20, validation_data=(x, y), shuffle=False, verbose=0)
        np.testing.assert_allclose(a["val_loss"], b.history["val_loss"], rtol=1e-5)
        try:
            sm.fit(model, data.repeat(), verbose=0)
        except sm.DataError as error:
            assert "steps_per_epoch" in str(error)
        else:
            raise AssertionError("an endless input was read")
        sm.fit(model, data.repeat(), steps_per_epoch=5, verbose=0)
        import torch
        model.set_weights(start)
        c = sm.fit(model, torch.tensor(x), torch.tensor(y), batch_size=20, shuffle=False, verbose=0, validation_data=(x, y))
        np.testing.assert_allclose(a["val_loss"], c.history["val_loss"], rtol=1e-5)
        loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y)), batch_size=20)
        model.set_weights(start)
        d = sm.fit(model, loader, shuffle=False, verbose=0, validation_data=loader)
        np.testing.assert_allclose(a["val_loss"], d.history["val_loss"], rtol=1e-5)
        print("done")
    """
    done = subprocess.run(
        [python, "-c", textwrap.dedent(script), str(tmp_path)],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "KERAS_BACKEND": "jax",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        },
        timeout=300,
        check=False,
    )
    assert done.stdout.strip().endswith("done"), done.stderr[-3000:]
    assert sys.executable != python
