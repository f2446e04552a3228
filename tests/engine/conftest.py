"""Small data and small networks that the engine's tests share."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray]:
    """200 rows of 6 numbers in 3 classes: six batches of 32 and one of 8."""
    return made(200, 0)


@pytest.fixture
def held() -> tuple[np.ndarray, np.ndarray]:
    """70 other rows of the same kind."""
    return made(70, 1)


def made(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, count)
    x = rng.normal(0, 0.7, (count, 6)) + np.eye(3, 6)[y] * 2
    return x.astype("float32"), y


@pytest.fixture
def network() -> Any:
    """Makes compiled networks of the same initial weights."""
    return compiled


def compiled(optimizer: Any = "sgd", *, layers: list[Any] | None = None, **compiling: Any) -> keras.Model:
    keras.utils.set_random_seed(3)
    hidden = [keras.layers.Dense(8, activation="relu")] if layers is None else layers
    model = keras.Sequential([keras.Input((6,)), *hidden, keras.layers.Dense(3, activation="softmax")])
    settings = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], **compiling}
    model.compile(optimizer, **settings)
    return model
