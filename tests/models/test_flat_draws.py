"""Weights drawn flat are the bits that Keras draws."""

from __future__ import annotations

import math

import jax
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras.src.backend.jax import random as drawing

from sonmat.models.flat_draws import drawn_flat
from sonmat.models.seeding import private_randomness

NAMES = ("uniform", "normal", "truncated_normal")


def _both(name: str, shape: tuple[int, ...], **named: object) -> tuple[np.ndarray, np.ndarray]:
    draw, named = getattr(keras.random, name), {"seed": 7, **named}
    plain = draw(shape, **named)
    with drawn_flat():
        flat = draw(shape, **named)
    assert flat.dtype == plain.dtype
    return np.asarray(plain), np.asarray(flat)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(NAMES), st.lists(st.integers(0, 9), max_size=4).map(tuple))
def test_any_shape_has_kerass_bits(name: str, shape: tuple[int, ...]) -> None:
    plain, flat = _both(name, shape)
    assert flat.shape == shape
    assert plain.tobytes() == flat.tobytes()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_any_dtype_has_kerass_bits(name: str, dtype: str) -> None:
    plain, flat = _both(name, (5, 7, 3), dtype=dtype)
    assert plain.tobytes() == flat.tobytes()


def test_bounds_and_spread_are_kept() -> None:
    for plain, flat in (
        _both("uniform", (3, 3, 8, 16), minval=-0.3, maxval=0.2),
        _both("normal", (31, 2), mean=2.0, stddev=0.1),
    ):
        assert plain.tobytes() == flat.tobytes()


def test_arrays_larger_than_a_power_of_two_is_worth() -> None:
    plain, flat = _both("uniform", (1025, 1024))
    assert plain.tobytes() == flat.tobytes()


def test_shapes_share_one_program(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, ...]] = []
    was = jax.random.uniform
    monkeypatch.setattr(jax.random, "uniform", lambda *a, **k: asked.append(k["shape"]) or was(*a, **k))
    with private_randomness(3):
        keras.Sequential(
            [keras.Input((28, 28, 1)), keras.layers.Conv2D(8, 3), keras.layers.Flatten(), keras.layers.Dense(2)]
        )
    assert asked == [(2**14,)] * 2
    assert math.prod((26 * 26 * 8, 2)) < 2**14


def test_what_is_traced_and_other_generators_are_kerass_own() -> None:
    with drawn_flat():
        traced = jax.jit(lambda key: keras.random.uniform((2, 3), seed=key))(jax.random.PRNGKey(1))
    assert np.array_equal(traced, keras.random.uniform((2, 3), seed=jax.random.PRNGKey(1)))
    plain, flat = _both("uniform", (5, 9), seed=jax.random.key(1, impl="rbg"))  # its bits depend on the whole shape
    assert plain.tobytes() == flat.tobytes()


def test_keras_is_put_back_also_after_an_error_and_when_nested() -> None:
    before = [getattr(drawing, name) for name in NAMES]

    def failing() -> None:
        with drawn_flat(), drawn_flat():
            assert getattr(drawing, NAMES[0]) is not before[0]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert [getattr(drawing, name) for name in NAMES] == before
