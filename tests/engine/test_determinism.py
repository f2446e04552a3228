"""The same seed gives the same bits: in another process, with a warm cache, in segments of any length, in parts."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sonmat.engine import program
from sonmat.engine.fit import fit
from sonmat.engine.randomness import unseeded_generators


def made(convolution: bool = False) -> keras.Model:
    keras.utils.set_random_seed(3)
    L = keras.layers
    first = [L.Reshape((8, 5, 1)), L.Conv2D(4, 3, activation="relu"), L.Flatten()] if convolution else []
    # The first kernel is wide enough to be kept turned over in the loop.
    layers = [*first, L.Dense(8, activation="relu"), L.Dropout(0.3), L.BatchNormalization(), L.Dropout(0.2, seed=7)]
    model = keras.Sequential([keras.Input((40,)), *layers, L.Dense(3, activation="softmax")])
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def rows() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 40)).astype("float32"), rng.integers(0, 3, 200)


def digest(model: keras.Model) -> str:
    arrays = [*model.get_weights(), *map(np.asarray, model.optimizer.variables)]
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()


def trained(seed: int | None = 5, convolution: bool = False, **options: Any) -> tuple[str, dict[str, Any]]:
    model = made(convolution)
    x, y = rows()
    options = {"epochs": 2, "batch_size": 32, "validation_data": (x[:50], y[:50]), "verbose": 0, **options}
    history = fit(model, x, y, seed=seed, **options)
    return digest(model), history.history


@pytest.fixture(scope="module")
def plain() -> tuple[str, dict[str, Any]]:
    return trained()


def test_another_process_with_a_cold_and_with_a_warm_cache(plain: Any, tmp_path: Path) -> None:
    places = {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "programs"), "PYTHONHASHSEED": "7"}
    code = f"import sonmat, runpy; print(runpy.run_path({__file__!r})['trained']())"
    for cache in ("cold", "warm"):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **places}, check=False
        )
        assert done.stdout.strip() == str(plain), (cache, done.stderr[-2000:])
    assert any((tmp_path / "programs").iterdir())


@pytest.mark.parametrize(("seconds", "first"), [(1e-9, 1), (1e-9, 3), (100.0, 100)])
def test_segments_of_any_length(plain: Any, monkeypatch: pytest.MonkeyPatch, seconds: float, first: int) -> None:
    monkeypatch.setattr(program, "SEGMENT_SECONDS", seconds)
    monkeypatch.setattr(program, "_FIRST_STEPS", first)
    assert trained() == plain


@pytest.mark.filterwarnings("ignore:.*looks at every batch")
@pytest.mark.parametrize("convolution", [False, True], ids=["one loop", "single steps"])
def test_batch_hooks_change_no_bit(convolution: bool) -> None:
    """Both ways run the same compiled program: a loop of one step, or the single step where loops are slow."""
    seen: list[int] = []
    hook = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    assert trained(convolution=convolution, callbacks=[hook]) == trained(convolution=convolution)
    assert seen == [*range(7)] * 2


def test_two_epochs_are_one_and_one(plain: Any) -> None:
    model = made()
    x, y = rows()
    options = {"batch_size": 32, "validation_data": (x[:50], y[:50]), "verbose": 0, "seed": 5}
    first = fit(model, x, y, epochs=1, **options).history
    second = fit(model, x, y, initial_epoch=1, epochs=2, **options).history
    assert digest(model) == plain[0]
    assert {name: first[name] + second[name] for name in first} == plain[1]


def test_another_seed_is_another_order_and_another_dropout(plain: Any) -> None:
    assert trained(seed=6)[0] != plain[0]
    unshuffled = {"shuffle": False}
    assert trained(seed=6, **unshuffled)[0] != trained(seed=5, **unshuffled)[0]  # dropout alone
    assert trained(seed=6, **unshuffled) == trained(seed=6, **unshuffled)


def test_large_seeds_are_told_apart() -> None:
    x = np.arange(100)
    orders = {tuple(np.asarray(program.shuffled(x, seed, 0))) for seed in (1, 1 + 2**32, 1 + 2**62)}
    assert len(orders) == 3


def states() -> list[Any]:
    numpy_state = np.random.get_state()  # noqa: NPY002 (what must not change)
    shared = keras.random.SeedGenerator  # the class is public; the generator behind unseeded calls is global
    found = keras.src.backend.common.global_state.get_global_attribute("global_seed_generator")
    assert found is None or isinstance(found, shared)
    return [
        random.getstate(),
        numpy_state[1].tobytes(),
        numpy_state[2],
        None if found is None else np.asarray(found.state).tolist(),
    ]


@pytest.mark.parametrize("seed", [0, None])
def test_global_random_state_is_left_alone(seed: int | None) -> None:
    model = made()
    x, y = rows()
    keras.random.uniform((1,))  # makes the global generator
    before = states()
    fit(model, x, y, validation_split=0.2, seed=seed, verbose=0)
    assert states() == before


def test_without_a_seed_dropout_is_kerass_own_stream() -> None:
    x, y = rows()
    theirs, ours = made(), made()
    assert len(unseeded_generators(ours)) == 1
    options = {"epochs": 2, "shuffle": False, "verbose": 0}
    theirs.fit(x, y, **options)
    fit(ours, x, y, seed=None, **options)
    for a, b in zip(theirs.weights, ours.weights, strict=True):
        tolerance = 0 if a.dtype == "uint32" else 2e-5
        np.testing.assert_allclose(b.value, a.value, rtol=0, atol=tolerance, err_msg=a.path)


def test_without_a_seed_the_order_is_left_to_chance() -> None:
    assert trained(seed=None)[0] != trained(seed=None)[0]


def test_a_seed_leaves_generators_with_a_seed_of_their_own() -> None:
    model = made()
    x, y = rows()
    own = next(layer for layer in model.layers if getattr(layer, "seed", None) == 7).seed_generator
    fit(model, x, y, batch_size=50, verbose=0)
    assert np.asarray(own.state).tolist() == [7, 4]  # Keras's: the seed, and the steps counted
