"""Schedules that span a training, and Muon for convolutions."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import sonmat as sm
from sonmat.errors import RecipeError
from sonmat.models.catalog import base_recipe, build_recipe
from sonmat.models.compilation import check_train, make_optimizer, spans
from sonmat.models.muon import ConvMuon
from sonmat.models.reading import change
from sonmat.models.recipe import TrainSettings
from sonmat.models.schedules import Cosine, OneCycle, WarmUp
from sonmat.models.steps import total_steps


def rates(schedule, count: int) -> np.ndarray:
    return np.array([float(schedule(step)) for step in range(count)])


def test_one_cycle_is_two_straight_lines():
    expected = np.interp(range(101), [0, 30, 100], [0.04 * 0.5, 0.5, 0.0])
    np.testing.assert_allclose(rates(OneCycle(0.5, 100), 101), expected, atol=1e-6)


def test_cosine_is_that_of_keras_with_and_without_warm_up():
    keras_own = keras.optimizers.schedules.CosineDecay
    plain = keras_own(0.3, 80, alpha=0.1)
    np.testing.assert_allclose(rates(Cosine(0.3, 80, end=0.1), 90), rates(plain, 90), rtol=1e-5)
    warm = keras_own(0.0, 60, alpha=0.0, warmup_target=0.3, warmup_steps=20)
    np.testing.assert_allclose(rates(Cosine(0.3, 80, warmup=0.25), 90), rates(warm, 90), rtol=1e-4, atol=1e-7)


def test_warm_up_rises_and_stays():
    expected = np.minimum(np.arange(50) / 10, 1) * 0.2
    np.testing.assert_allclose(rates(WarmUp(0.2, 100), 50), expected, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("peak", [math.nan, math.inf, 1e300, 3.5e38, 1e-300, 1e-40, 0, -1, 10**400])
@pytest.mark.parametrize("kind", [OneCycle, Cosine, WarmUp])
def test_a_peak_that_float32_does_not_hold_is_refused(kind, peak):
    with pytest.raises(ValueError, match="peak should be a number above 0 that float32 can hold"):
        kind(peak, 40)
    with pytest.raises(RecipeError, match="peak"):
        check_train(TrainSettings(optimizer="sgd", learning_rate={"name": kind.__name__, "peak": peak}))
    kind(3e38, 40)
    kind(1.2e-38, 40)
    assert rates(kind(np.float32(0.5), np.int64(40)), 40).max() == pytest.approx(0.5)


@pytest.mark.parametrize("kind", [OneCycle, Cosine, WarmUp])
def test_a_schedule_comes_back_from_its_configuration(kind):
    schedule = kind(0.1, 40, warmup=0.2)
    again = kind.from_config(json.loads(json.dumps(schedule.get_config())))
    np.testing.assert_array_equal(rates(schedule, 45), rates(again, 45))
    assert rates(schedule, 45).max() <= 0.1 + 1e-7
    assert (rates(schedule, 60) >= 0).all()


@pytest.mark.parametrize(
    ("rows", "epochs", "batch", "steps"),
    [(100, 3, 32, 12), (100, 4, [[1, 16], [2, 50]], 13), (100, 1, [[2, 16], [2, 50]], 7), (10, 2, 64, 2)],
)
def test_total_steps_counts_every_batch(rows, epochs, batch, steps):
    assert total_steps(rows, epochs, batch) == steps


def test_the_steps_of_the_schedule_are_those_that_are_trained():
    rng = np.random.default_rng(0)
    data = sm.Dataset.from_arrays(rng.integers(0, 255, (90, 8, 8)).astype(np.uint8), np.arange(90) % 3)
    recipe = change(
        base_recipe("mlp"), ["epochs=3", 'learning_rate={name="OneCycle", peak=0.1}', "batch_size=[[1, 20], [1, 30]]"]
    )
    model = build_recipe(recipe, data)
    sm.fit(model, data, epochs=3, batch_size=[[1, 20], [1, 30]], verbose=0)
    assert int(model.optimizer.iterations) == model.optimizer._learning_rate.steps == 11
    assert float(model.optimizer.learning_rate) == pytest.approx(0, abs=1e-7)


def test_keras_schedules_may_leave_their_length_out():
    settings = TrainSettings(optimizer="sgd", learning_rate={"name": "CosineDecay", "initial_learning_rate": 0.1})
    assert make_optimizer(settings, 77)._learning_rate.decay_steps == 77
    assert spans(settings)
    fixed = TrainSettings(
        optimizer="sgd", learning_rate={"name": "CosineDecay", "initial_learning_rate": 0.1, "decay_steps": 5}
    )
    assert not spans(fixed)


@pytest.mark.parametrize(
    "table",
    [
        {"name": "OneCycel", "peak": 0.1},
        {"name": "OneCycle"},
        {"name": "OneCycle", "peak": -1},
        {"name": "OneCycle", "peak": "high"},
        {"name": "OneCycle", "peak": 0.1, "warmup": 1.0},
        {"name": "OneCycle", "peak": 0.1, "warmup": True},
        {"name": "OneCycle", "peak": 0.1, "shape": "round"},
        {"name": "Cosine", "peak": 0.1, "shape": "linear"},
        {"name": "WarmUp", "peak": 0.1, "steps": 0},
        {"name": "Spanning", "peak": 0.1},
    ],
)
def test_hostile_schedules_are_refused(table):
    with pytest.raises(RecipeError):
        check_train(TrainSettings(optimizer="sgd", learning_rate=table))


def test_a_peak_is_set_from_the_command_line():
    recipe = change(base_recipe("quick"), ["peak=0.5", "augment.shift=1"])
    assert recipe.train.learning_rate["peak"] == 0.5
    assert recipe.train.learning_rate["name"] == "OneCycle"
    assert recipe.train.augment == {"shift": 1}


# Muon


def orthogonal(matrix: np.ndarray, steps: int = 5) -> np.ndarray:
    """Newton and Schulz's quintic iteration with Muon's numbers, in float64."""
    turned = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if turned else matrix) / (np.linalg.norm(matrix) + 1e-7)
    for _ in range(steps):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if turned else x


@pytest.mark.parametrize("shape", [(3, 3, 4, 8), (6, 5), (3, 2, 7)])
def test_a_step_is_that_of_numpy(shape):
    rng = np.random.default_rng(1)
    start, gradient = rng.normal(size=shape), rng.normal(size=shape)
    variable = keras.Variable(start.astype(np.float32), name="kernel")
    optimizer = ConvMuon(0.1, weight_decay=0.0, momentum=0.9)
    optimizer.apply([keras.ops.convert_to_tensor(gradient.astype(np.float32))], [variable])
    matrix = (math.prod(shape[:-1]), shape[-1])
    step = orthogonal((1.9 * gradient).reshape(matrix)) * math.sqrt(max(matrix)) * 0.2
    np.testing.assert_allclose(np.asarray(variable), start - 0.1 * step.reshape(shape), rtol=1e-3, atol=1e-4)


def test_without_convolutions_it_is_keras_muon_to_the_bit():
    x, y = np.random.default_rng(0).random((64, 6)).astype(np.float32), np.arange(64) % 3
    weights = []
    for kind in (ConvMuon, keras.optimizers.Muon):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(3, "softmax")])
        model.compile(kind(0.01), "sparse_categorical_crossentropy")
        sm.fit(model, x, y, epochs=2, verbose=0)
        weights.append(model.get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*weights, strict=True))


def small_net(optimizer) -> keras.Model:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((14, 14, 1)),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.DepthwiseConv2D(3),
            keras.layers.Conv2D(8, 3, activation="relu", name="second"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(10, "softmax", name="probabilities"),
        ]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_which_variables_are_left_to_adam():
    model = small_net(ConvMuon(0.01, exclude_layers=["probabilities", "second"]))
    model.optimizer.build(model.trainable_variables)
    velocities = model.optimizer.adam_velocities
    by_muon = [v for v, velocity in zip(model.trainable_variables, velocities, strict=True) if velocity is None]
    assert len(by_muon) == 1
    assert by_muon[0] is model.layers[0].kernel


def many_kinds(*, named: bool) -> keras.Model:
    """Layers whose kernels have several axes; under Keras's names, or under names that tell nothing."""
    layers = keras.layers
    kinds = {
        "plain": lambda **name: layers.Conv2D(6, 3, **name),
        "deep": lambda **name: layers.DepthwiseConv2D(3, depth_multiplier=2, **name),
        "apart": lambda **name: layers.SeparableConv2D(6, 3, depth_multiplier=2, **name),
        "grouped": lambda **name: layers.Conv2D(6, 3, groups=3, **name),
        "back": lambda **name: layers.Conv2DTranspose(6, 3, **name),
        "sums": lambda **name: layers.EinsumDense("abcd,defg->abcefg", (6, 6, 2, 3, 2), **name),
    }
    made = [make(**({"name": name} if named else {})) for name, make in kinds.items()]
    tail = [layers.Flatten(), layers.Dense(3, "softmax", name="probabilities")]
    model = keras.Sequential([keras.Input((12, 12, 3)), *made, *tail])
    model.compile(ConvMuon(0.01, exclude_layers=["probabilities"]), "sparse_categorical_crossentropy")
    return model


def by_muon(model: keras.Model) -> list[str]:
    velocities = model.optimizer.adam_velocities
    pairs = zip(model.trainable_variables, velocities, strict=True)
    return ["/".join(v.path.split("/")[-2:]) for v, velocity in pairs if velocity is None]


def test_kernels_that_are_several_matrices_are_left_to_adam_by_their_layers():
    model = many_kinds(named=True)
    sm.fit(model, np.zeros((4, 12, 12, 3), np.float32), np.arange(4) % 3, verbose=0)
    assert by_muon(model) == ["plain/kernel", "apart/pointwise_kernel", "back/kernel"]
    # weight decay has to draw the same line
    drawn = {v.path for v in model.trainable_variables if not model.optimizer._should_use_adamw(v)}
    assert len(drawn) == 3


def test_outside_of_sonmat_they_are_told_by_their_paths():
    model = many_kinds(named=False)
    model.fit(np.zeros((4, 12, 12, 3), np.float32), np.arange(4) % 3, verbose=0)
    kinds = [re.sub(r"_\d+", "", name) for name in by_muon(model)]
    # nothing in its path tells that a convolution is grouped
    assert kinds == ["conv2d/kernel", "separable_conv2d/pointwise_kernel", "conv2d/kernel", "conv2d_transpose/kernel"]


def test_a_name_that_two_kinds_of_layers_share_is_no_convolution():
    layers = keras.layers
    inner = keras.Sequential([layers.DepthwiseConv2D(3, depth_multiplier=2, name="same")])
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3, name="same"), inner, layers.Flatten(),
                              layers.Dense(3, "softmax")])  # fmt: skip
    model.compile(ConvMuon(0.01), "sparse_categorical_crossentropy")
    sm.fit(model, np.zeros((4, 8, 8, 3), np.float32), np.arange(4) % 3, verbose=0)
    assert [name for name in by_muon(model) if "same" in name] == []


def test_it_trains_convolutions_in_the_engine_as_in_keras(mnist):
    train, _ = sm.load(mnist)
    x = train.inputs[:600, ::2, ::2, None].astype(np.float32) / 255
    y = train.labels[:600]
    ours, theirs = small_net(ConvMuon(0.01)), small_net(ConvMuon(0.01))
    a = sm.fit(ours, x, y, epochs=2, shuffle=False, verbose=0).history["loss"]
    b = theirs.fit(x, y, epochs=2, shuffle=False, verbose=0).history["loss"]
    np.testing.assert_allclose(a, b, rtol=2e-3)


def test_orthogonal_kernels_learn_faster_than_kernels_left_to_adam(mnist):
    train, _ = sm.load(mnist)
    x = train.inputs[:3000, ::2, ::2, None].astype(np.float32) / 255
    y = train.labels[:3000]
    losses = [
        sm.fit(small_net(kind(0.02)), x, y, epochs=3, verbose=0).history["loss"][-1]
        for kind in (ConvMuon, keras.optimizers.Muon)
    ]
    assert losses[0] < losses[1]


# Files that open without sonmat

_PLAIN = """
import sys, os
os.environ["KERAS_BACKEND"] = "jax"
import keras, numpy as np
model = keras.models.load_model(sys.argv[1])
assert "sonmat" not in sys.modules
x = np.load(sys.argv[2])
print(type(model.optimizer).__name__, float(model.optimizer.learning_rate), int(model.optimizer.iterations))
model.train_on_batch(x, np.zeros(len(x)))
"""


@pytest.mark.parametrize(
    ("optimizer", "told"),
    [
        (lambda: ConvMuon(OneCycle(0.02, 8)), ("Adam", 0.02, 0)),
        (lambda: ConvMuon(0.03), ("Adam", 0.03, 0)),
        (lambda: keras.optimizers.SGD(Cosine(0.25, 8), momentum=0.9), ("SGD", 0.25, 4)),
    ],
)
def test_what_is_saved_opens_in_plain_keras(tmp_path: Path, optimizer, told):
    model = small_net(optimizer())
    x = np.random.default_rng(0).random((8, 14, 14, 1)).astype(np.float32)
    sm.fit(model, x, np.arange(8) % 3, batch_size=2, epochs=1, verbose=0)
    own = model.optimizer
    sm.save_model(model, tmp_path / "model.keras")
    assert model.optimizer is own
    assert model.get_compile_config()["optimizer"]["class_name"] == type(own).__name__
    np.save(tmp_path / "x.npy", x)
    command = [sys.executable, "-c", _PLAIN, str(tmp_path / "model.keras"), str(tmp_path / "x.npy")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    name, rate, steps = done.stdout.split()
    assert (name, int(steps)) == (told[0], told[2])
    assert float(rate) == pytest.approx(told[1])
    loaded = sm.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(sm.predict(loaded, x), sm.predict(model, x))
    if told[0] == "SGD":
        kept = [v for v in loaded.optimizer.variables if "momentum" in v.path]
        assert any(np.abs(np.asarray(v)).max() > 0 for v in kept)


def test_a_save_that_fails_leaves_the_model_as_it_was(tmp_path: Path):
    model = small_net(ConvMuon(0.01))
    own = model.optimizer
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(sm.SonmatError):
        sm.save_model(model, tmp_path / "file" / "model.keras")
    assert model.optimizer is own
