"""A loss that is not finite ends the run, and the error names the epoch, the step and the likely cause."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from sonmat.engine.fit import fit
from sonmat.errors import NonFiniteLossError, TrainingError

Rows = tuple[np.ndarray, np.ndarray]
ops = keras.ops


def regression(optimizer: Any, loss: Any = "mse") -> keras.Model:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8), keras.layers.Dense(1)])
    model.compile(optimizer, loss)
    return model


def first_bad_step(model: keras.Model, x: np.ndarray, y: np.ndarray, epochs: int) -> tuple[int, int]:
    """Where Keras's own losses, step by step, stop being finite."""
    found: list[tuple[int, int]] = []
    epoch = [0]

    def look(batch: int, logs: Any) -> None:
        if not np.isfinite(logs["loss"]) and not found:
            found.append((epoch[0], batch))

    hook = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda number, logs: epoch.__setitem__(0, number), on_train_batch_end=look
    )
    model.fit(x, y, epochs=epochs, batch_size=20, shuffle=False, verbose=0, callbacks=[hook])
    return found[0]


@pytest.mark.parametrize("rate", [0.5, 1.5, 1e4, 1e20])
@pytest.mark.parametrize("by_batch", [False, True])
@pytest.mark.filterwarnings("ignore:.*looks at every batch", "ignore:.*overflow")
def test_a_learning_rate_that_is_too_high(rows: Rows, rate: float, by_batch: bool) -> None:
    x, y = rows[0], rows[1].astype("float32")
    epoch, step = first_bad_step(regression(keras.optimizers.SGD(rate)), x, y, 6)
    model = regression(keras.optimizers.SGD(rate))
    snapshots: list[Any] = [model.get_weights()]
    callbacks = [keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: snapshots.append(model.get_weights()))]
    if by_batch:
        callbacks.append(keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None))
    with pytest.raises(NonFiniteLossError) as caught:
        fit(model, x, y, epochs=6, batch_size=20, shuffle=False, verbose=0, callbacks=callbacks)
    error = caught.value
    assert (error.epoch, error.step) == (epoch, step)
    assert f"epoch {epoch + 1}, step {step + 1}" in error.problem
    assert "learning rate" in str(error)
    assert isinstance(error, TrainingError)
    assert len(snapshots) == epoch + 1
    for kept, expected in zip(model.get_weights(), snapshots[-1], strict=True):
        np.testing.assert_array_equal(kept, expected)
    assert len(model.history.history.get("loss", [])) == epoch


def test_inputs_that_nothing_scales(rows: Rows) -> None:
    x, y = rows[0] * 1e4, rows[1].astype("float32") * 1e4
    with pytest.raises(NonFiniteLossError, match=r"inputs reach .* nothing scales them"):
        fit(regression(keras.optimizers.SGD(0.01)), x, y, epochs=5, verbose=0)


def test_a_scaled_network_is_not_blamed_for_its_inputs(rows: Rows) -> None:
    layers = [keras.Input((6,)), keras.layers.Rescaling(1e-4), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.SGD(1e20), "mse")
    with pytest.raises(NonFiniteLossError, match="learning rate"):
        fit(model, rows[0] * 1e4, rows[1], verbose=0)


def test_targets_that_are_too_large(rows: Rows) -> None:
    with pytest.raises(NonFiniteLossError, match="targets reach"):
        fit(regression("sgd"), rows[0], rows[1] * 1e30, verbose=0)


def test_weights_that_were_broken_before(rows: Rows) -> None:
    model = regression("sgd")
    model.layers[0].kernel.assign(np.full((6, 8), np.nan, "float32"))
    with pytest.raises(NonFiniteLossError, match="were not finite when the epoch began") as caught:
        fit(model, rows[0], rows[1], verbose=0)
    assert (caught.value.epoch, caught.value.step) == (0, 0)


def test_a_loss_of_ones_own_that_takes_the_log_of_zero(rows: Rows) -> None:
    def careless(y_true: Any, y_pred: Any) -> Any:
        return -ops.log(ops.relu(y_pred) * 0.0)

    with pytest.raises(NonFiniteLossError, match=r"log\(0\)"):
        fit(regression("sgd", careless), rows[0], rows[1], verbose=0)


def test_the_smaller_last_batch_counts_too(rows: Rows) -> None:
    x = rows[0].copy()
    x[-3:] = 1e25  # finite, but not its square
    with pytest.raises(NonFiniteLossError) as caught:
        fit(regression("sgd"), x, rows[1], batch_size=32, shuffle=False, verbose=0)
    assert caught.value.step == 6


def test_a_step_outside_a_loop_is_found_too(rows: Rows) -> None:
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Reshape((3, 2, 1)), keras.layers.Conv2D(2, 2), keras.layers.Flatten(), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((6,)), *layers])
    model.compile("sgd", "mse")
    x = rows[0].copy()
    x[70] = 1e25
    with pytest.raises(NonFiniteLossError) as caught:
        fit(model, x, rows[1], batch_size=20, shuffle=False, verbose=0)
    assert caught.value.step == 3
    assert model.optimizer.iterations == 0


def test_scaled_losses_of_mixed_precision_do_not_trip_it(rows: Rows) -> None:
    keras.utils.set_random_seed(0)
    policy = keras.DTypePolicy("mixed_float16")
    layers = [keras.layers.Dense(8, activation="relu", dtype=policy), keras.layers.Dense(3, activation="softmax")]
    theirs, ours = (keras.Sequential([keras.Input((6,)), *layers]) for _ in range(2))
    ours = keras.models.clone_model(theirs)
    ours.set_weights(theirs.get_weights())
    for model in (theirs, ours):
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), initial_scale=2.0**40)
        model.compile(optimizer, "sparse_categorical_crossentropy")
    expected = theirs.fit(*rows, epochs=6, shuffle=False, verbose=0).history
    came = fit(ours, *rows, epochs=6, shuffle=False, verbose=0).history
    np.testing.assert_allclose(came["loss"], expected["loss"], rtol=2e-3)
    assert float(ours.optimizer.dynamic_scale) == float(theirs.optimizer.dynamic_scale) < 2.0**40


def test_validation_may_be_infinite(rows: Rows, held: Rows) -> None:
    broken = held[0].copy()
    broken[3] = 1e30
    history = fit(regression("sgd"), *rows, epochs=2, validation_data=(broken, held[1]), verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert not np.isfinite(history["val_loss"]).any()


def test_in_korean(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONMAT_LANG", "ko")
    with pytest.raises(NonFiniteLossError, match=r"번째 에포크의 \d+번째 스텝") as caught:
        fit(regression(keras.optimizers.SGD(1e20)), *rows, epochs=3, verbose=0)
    assert "학습률" in str(caught.value)
