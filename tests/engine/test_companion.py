"""What `fit` does beside Keras's own step: augmentation, label smoothing, averaged weights, batch sizes by schedule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import sonmat as sm
from sonmat.engine.augmentation import augment
from sonmat.engine.companion import _AUGMENTATION
from sonmat.engine.program import shuffled
from sonmat.engine.viewing import seen_as
from sonmat.errors import DataError, RecipeError, SonmatError, UnsupportedError
from sonmat.models.augmentation import Augmentation
from sonmat.models.averaging import Averaging
from sonmat.models.views import Views

VARY = {"shift": 2, "rotate": 20, "scale": 0.2, "shear": 10, "elastic": 1.0, "cutout": 3}
ROWS = 100


@pytest.fixture
def pictures() -> tuple[np.ndarray, np.ndarray]:
    """Blobs at one of four places, (100, 12, 12): learned within some epochs."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, ROWS)
    x = rng.random((ROWS, 12, 12)).astype(np.float32) * 0.3
    for image, label in zip(x, labels, strict=True):
        image[2 + 5 * (label // 2) : 5 + 5 * (label // 2), 2 + 5 * (label % 2) : 5 + 5 * (label % 2)] += 1
    return x, labels.astype(np.int32)


def network(
    *, optimizer: Any = None, loss: Any = "sparse_categorical_crossentropy", normal: bool = False
) -> keras.Model:
    keras.utils.set_random_seed(3)
    layers = [keras.layers.Reshape((12, 12, 1)), keras.layers.Conv2D(4, 3, activation="relu")]
    layers += [keras.layers.BatchNormalization(momentum=0.5)] if normal else []
    model = keras.Sequential([keras.Input((12, 12)), *layers, keras.layers.Flatten(), keras.layers.Dense(4, "softmax")])
    model.compile(optimizer=optimizer or keras.optimizers.SGD(0.1, momentum=0.9), loss=loss, metrics=["accuracy"])
    return model


def fitted(pictures: tuple[np.ndarray, np.ndarray], *, normal: bool = False, **settings: Any) -> keras.Model:
    model = network(normal=normal)
    sm.fit(model, *pictures, verbose=0, **({"epochs": 3, "batch_size": 32, "seed": 5} | settings))
    return model


def noisy(pictures: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Three labels of ten another class: no weights are right for all."""
    x, y = pictures
    return x, np.where(np.random.default_rng(1).random(ROWS) < 0.3, (y + 1) % 4, y).astype(np.int32)


def equal(one: keras.Model, other: keras.Model) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True))


def in_order(pictures: tuple[np.ndarray, np.ndarray], seed: int, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    return jax.tree.map(np.asarray, shuffled(tuple(map(jnp.asarray, pictures)), seed, epoch))


# Equal to a reference


def test_augmented_training_is_keras_training_on_augmented_batches(pictures):
    model, reference = fitted(pictures, augment=VARY), network()
    for epoch in range(3):
        x, y = in_order(pictures, 5, epoch)
        words = np.random.SeedSequence([5, epoch, _AUGMENTATION]).generate_state(2)
        for step, start in enumerate(range(0, ROWS, 32)):
            key = jax.random.fold_in(jax.random.wrap_key_data(jnp.asarray(words, jnp.uint32)), step)
            batch = augment(Augmentation.of(VARY), key, jnp.asarray(x[start : start + 32]))
            reference.train_on_batch(np.asarray(batch), y[start : start + 32])
    for ours, theirs in zip(model.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-5)


def test_ema_is_that_of_numpy_over_every_step(pictures):
    model, reference = fitted(pictures, average={"name": "EMA", "decay": 0.9}, normal=True), network(normal=True)
    average, number = [w.astype(np.float64) for w in reference.get_weights()], 0
    for epoch in range(3):
        x, y = in_order(pictures, 5, epoch)
        for start in range(0, ROWS, 32):
            reference.train_on_batch(x[start : start + 32], y[start : start + 32])
            kept = min(0.9, (1 + number) / (10 + number))
            average = [kept * a + (1 - kept) * w for a, w in zip(average, reference.get_weights(), strict=True)]
            number += 1
    for ours, theirs in zip(model.get_weights(), average, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=5e-4, atol=5e-5)


def test_swa_is_the_mean_of_the_last_epochs_weights(pictures):
    seen: list[list[np.ndarray]] = []
    plain = network(normal=True)
    keep = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(plain.get_weights()))
    sm.fit(plain, *pictures, epochs=4, batch_size=32, seed=5, verbose=0, callbacks=[keep])
    averaged = fitted(pictures, average={"name": "SWA", "start": 0.5}, epochs=4, normal=True)
    for ours, *theirs in zip(averaged.get_weights(), *seen[2:], strict=True):
        np.testing.assert_allclose(ours, np.mean(theirs, axis=0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("average", "epochs", "last"),
    [({"name": "EMA", "decay": 0.9}, 3, [True] * 3), ({"name": "SWA", "start": 0.25}, 4, [False, False, True, True])],
)
def test_validation_is_of_the_averaged_weights_in_every_epoch(pictures, average, epochs, last):
    x, y = noisy(pictures)
    held = x[:40] + 0.2, y[:40]
    model, raw = network(normal=True), network(normal=True)
    shown: list[Any] = []
    keep = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: shown.append(model.get_weights()))
    told = {"epochs": epochs, "batch_size": 32, "seed": 5, "verbose": 0, "validation_data": held}
    found = sm.fit(model, x, y, average=average, callbacks=[keep], **told).history
    plain = sm.fit(raw, x, y, **told).history
    again = sm.evaluate(model, *held)
    assert found["val_loss"][-1] == pytest.approx(again.loss, rel=1e-5)
    assert found["val_accuracy"][-1] == pytest.approx(again.accuracy)
    for epoch, weights in enumerate(shown):
        raw.set_weights(weights)
        assert found["val_loss"][epoch] == pytest.approx(sm.evaluate(raw, *held).loss, rel=1e-5)
        differs = found["val_loss"][epoch] != pytest.approx(plain["val_loss"][epoch], rel=1e-3)
        assert differs == last[epoch], "the loss of the weights as they are"


def test_augmentation_leaves_validation_alone(pictures):
    x, y = noisy(pictures)
    held = x[:40], y[:40]
    model = network(normal=True)
    varied = {"shift": 4, "rotate": 90, "cutout": 8, "flip": True}
    found = sm.fit(model, x, y, augment=varied, epochs=2, seed=5, verbose=0, validation_data=held).history
    again = sm.evaluate(model, *held)
    assert found["val_loss"][-1] == pytest.approx(again.loss, rel=1e-6)
    assert found["val_loss"][-1] == pytest.approx(model.evaluate(*held, verbose=0)[0], rel=1e-4)  # Keras's own
    assert found["val_accuracy"][-1] == pytest.approx(again.accuracy)
    key = jax.random.key(0)
    moved = np.asarray(augment(Augmentation.of(varied), key, jnp.asarray(held[0])))
    assert found["val_loss"][-1] != pytest.approx(sm.evaluate(model, moved, held[1]).loss, rel=1e-3)


def test_batch_sizes_by_schedule_are_fits_that_follow_each_other(pictures):
    phases, parts = fitted(pictures, batch_size=[(1, 16), (2, 50)], epochs=4), network()
    sm.fit(parts, *pictures, batch_size=16, epochs=1, seed=5, verbose=0)
    sm.fit(parts, *pictures, batch_size=50, epochs=4, initial_epoch=1, seed=5, verbose=0)
    assert int(phases.optimizer.iterations) == 7 + 3 * 2
    assert equal(phases, parts)


def test_views_are_the_mean_of_predictions_of_moved_pictures(pictures):
    model = fitted(pictures)
    x, y = pictures
    framed = np.pad(x, ((0, 0), (2, 2), (2, 2)))
    moved = [x, framed[:, 4:, 2:-2], framed[:, :-4, 2:-2], framed[:, 2:-2, 4:], framed[:, 2:-2, :-4]]
    moved += [one[:, :, ::-1] for one in moved]
    expected = np.mean([model.predict(one, verbose=0) for one in moved], axis=0)
    found = sm.predict(model, x, tta={"shift": 2, "flip": True})
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    evaluated = sm.evaluate(model, x, y, tta={"shift": 2, "flip": True})
    assert evaluated.accuracy == pytest.approx((expected.argmax(1) == y).mean())
    assert evaluated.loss == pytest.approx(-np.log(expected[np.arange(ROWS), y]).mean(), rel=1e-3)
    np.testing.assert_array_equal(evaluated.outputs, found)


# Equal to doing nothing


@pytest.mark.parametrize("nothing", [{"augment": {}}, {"augment": {"shift": 0}}, {"label_smoothing": 0.0}])
def test_settings_of_nothing_change_no_bit(pictures, nothing):
    assert equal(fitted(pictures, **nothing), fitted(pictures))


def test_averages_leave_the_training_itself_alone(pictures):
    plain, averaged = network(), network()
    losses = [sm.fit(m, *pictures, epochs=4, seed=5, verbose=0, average=a).history["loss"]
              for m, a in ((plain, None), (averaged, "EMA"))]  # fmt: skip
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)
    assert not equal(plain, averaged)


def test_a_view_of_nothing_is_the_prediction(pictures):
    model = fitted(pictures)
    np.testing.assert_array_equal(sm.predict(model, pictures[0], tta={"shift": 0}), sm.predict(model, pictures[0]))


def test_the_first_view_is_the_picture_as_it_is(pictures):
    views = seen_as(jnp.asarray(pictures[0]), Views(shift=1, flip=True))
    assert len(views) == 10
    np.testing.assert_array_equal(views[0], pictures[0])


# Deterministic, and as before after a stop

ALL = {
    "augment": VARY,
    "label_smoothing": 0.1,
    "average": {"name": "EMA", "decay": 0.9},
    "batch_size": [(2, 16), (1, 32)],
}


def test_the_seed_decides_every_bit(pictures):
    first = fitted(pictures, normal=True, **ALL)
    assert equal(first, fitted(pictures, normal=True, **ALL))
    assert not equal(first, fitted(pictures, normal=True, **ALL | {"seed": 6}))


def test_epochs_are_augmented_each_in_a_way_of_its_own(pictures):
    x, y = pictures[0], np.zeros_like(pictures[1])
    seen = []

    class Spy(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(4, "softmax", kernel_initializer="zeros")
            self.seen = self.add_weight(shape=(12, 12), initializer="zeros", trainable=False)

        def call(self, inputs: Any) -> Any:
            self.seen.assign(inputs[0])
            return self.dense(keras.ops.reshape(inputs, (-1, 144)))

    model = Spy()
    model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy")
    keep = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(np.asarray(model.seen.value)))
    sm.fit(model, x, y, augment={"shift": 2}, shuffle=False, batch_size=100, epochs=2, verbose=0, callbacks=[keep])
    assert not np.array_equal(seen[0], x[0])
    assert not np.array_equal(seen[0], seen[1])


@pytest.mark.parametrize("average", [{"name": "EMA", "decay": 0.9}, {"name": "SWA", "start": 0.2}])
def test_a_resumed_run_ends_in_the_same_bits(pictures, tmp_path: Path, average):
    settings = ALL | {"average": average}
    whole = fitted(pictures, normal=True, epochs=5, **settings)

    class Stop(sm.Listener):
        def on_epoch(self, epoch: int, logs: dict[str, float], seconds: float) -> None:
            if epoch == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted(pictures, normal=True, epochs=5, run=tmp_path / "run", listeners=[Stop()], **settings)
    resumed = fitted(pictures, normal=True, epochs=5, run=tmp_path / "run", **settings)
    assert equal(whole, resumed)
    again = fitted(pictures, normal=True, epochs=5, run=tmp_path / "run", **settings)  # finished: read back
    assert equal(whole, again)


def test_another_augmentation_is_another_run(pictures, tmp_path: Path):
    fitted(pictures, run=tmp_path / "run", augment={"shift": 1})
    with pytest.raises(SonmatError, match="augment"):
        fitted(pictures, run=tmp_path / "run", augment={"shift": 2})
    with pytest.raises(SonmatError, match="augment"):
        fitted(pictures, run=tmp_path / "run")


# It converges, and is worth something


def test_augmentation_generalizes_where_there_is_little_to_learn_from(pictures):
    x, y = pictures
    moved = np.stack([np.roll(image, (1, -1), (0, 1)) for image in x])
    plain = fitted((x[:24], y[:24]), epochs=60, batch_size=8)
    varied = fitted((x[:24], y[:24]), epochs=60, batch_size=8, augment={"shift": 2})
    assert sm.evaluate(varied, moved, y).loss < sm.evaluate(plain, moved, y).loss


def test_averages_of_noisy_training_have_a_lower_loss(pictures):
    x, y = pictures
    long = {"epochs": 12, "batch_size": 2}
    plain = sm.evaluate(fitted(noisy(pictures), **long), x, y).loss
    assert sm.evaluate(fitted(noisy(pictures), average={"decay": 0.98}, **long), x, y).loss < plain


# What cannot be


@pytest.mark.parametrize(
    ("settings", "error", "told"),
    [
        ({"augment": {"shfit": 1}}, RecipeError, "shift"),
        ({"augment": 3}, RecipeError, "table"),
        ({"label_smoothing": 1.0}, DataError, "label_smoothing"),
        ({"label_smoothing": float("nan")}, DataError, "label_smoothing"),
        ({"label_smoothing": "much"}, DataError, "label_smoothing"),
        ({"average": "mean"}, RecipeError, "EMA"),
        ({"average": {"decay": 1}}, RecipeError, "decay"),
        ({"average": {"start": 0.5, "begin": 1}}, RecipeError, "begin"),
        ({"average": {}}, RecipeError, "name"),
        ({"average": {"start": 0.5}}, RecipeError, "name"),
        ({"average": {"decay": np.float32(1)}}, RecipeError, "decay"),
        ({"label_smoothing": np.float32(1)}, DataError, "label_smoothing"),
        ({"label_smoothing": np.True_}, DataError, "label_smoothing"),
        ({"batch_size": []}, DataError, "pairs"),
        ({"batch_size": [(1, 0)]}, DataError, "pairs"),
        ({"batch_size": [(1, 2, 3)]}, DataError, "pairs"),
        ({"batch_size": [(2, 8), (1, 16)], "steps_per_epoch": 2}, UnsupportedError, "steps_per_epoch"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_trained(pictures, settings, error, told):
    model = network()
    before = model.get_weights()
    with pytest.raises(error, match=told):
        sm.fit(model, *pictures, verbose=0, **settings)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_augmentation_and_views_are_for_pictures():
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2, "softmax")])
    model.compile(loss="sparse_categorical_crossentropy")
    x, y = np.ones((8, 5), np.float32), np.zeros(8, np.int32)
    with pytest.raises(UnsupportedError, match="pictures"):
        sm.fit(model, x, y, augment={"shift": 1}, verbose=0)
    with pytest.raises(UnsupportedError, match="pictures"):
        sm.predict(model, x, tta={"shift": 1})
    assert "stateless_call" not in vars(model)


def test_numpys_numbers_are_numbers(pictures):
    numpy = {
        "label_smoothing": np.float32(0.125),
        "average": {"decay": np.float32(0.75)},
        "augment": {"shift": np.int64(2), "flip": np.True_},
    }
    plain = {"label_smoothing": 0.125, "average": {"decay": 0.75}, "augment": {"shift": 2, "flip": True}}
    model = fitted(pictures, epochs=1, **numpy)
    assert equal(model, fitted(pictures, epochs=1, **plain))
    assert Views.of({"shift": np.int64(1), "flip": np.True_}) == Views(1, True)
    found = sm.predict(model, pictures[0], tta={"shift": np.int64(1)})
    np.testing.assert_array_equal(found, sm.predict(model, pictures[0], tta={"shift": 1}))


def test_an_average_by_its_name_alone_has_the_defaults():
    assert Averaging.of("SWA") == Averaging.of({"name": "SWA"})
    assert Averaging.of("EMA").table == {"name": "EMA", "decay": 0.99}
