"""`sonmat.augmented`: what training would do to pictures, in NumPy."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sonmat
from sonmat.engine.augmentation import augment
from sonmat.errors import DataError, RecipeError
from sonmat.models.augmentation import Augmentation

BENT = {"shift": 2, "rotate": 20, "scale": 0.1, "elastic": 1.0}


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_it_equals_what_training_does_rounded() -> None:
    raw = images(5, 9, 12)
    key = jax.random.fold_in(jax.random.key(3), 0)
    floats = np.asarray(augment(Augmentation.of(BENT), key, jnp.asarray(raw, jnp.float32)))
    found = sonmat.augmented(raw, BENT, seed=3)
    assert found.dtype == np.uint8
    assert np.abs(found - floats).max() <= 0.5 + 1e-3
    np.testing.assert_allclose(sonmat.augmented(raw.astype(np.float32), BENT, seed=3), floats, atol=1e-3)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int64", "float16", "float32", "float64", "bool"])
@pytest.mark.parametrize("settings", [BENT, {"shift": 1, "flip": True}, {}])
@pytest.mark.parametrize("shape", [(4, 8, 7), (4, 8, 7, 3)])
def test_shape_and_dtype_stay_and_so_does_what_came(
    dtype: str, settings: dict[str, Any], shape: tuple[int, ...]
) -> None:
    raw = (images(*shape) // 2).astype(dtype)
    before = raw.copy()
    found = sonmat.augmented(raw, settings)
    assert (found.shape, found.dtype) == (raw.shape, raw.dtype)
    np.testing.assert_array_equal(raw, before)
    assert found.min() >= min(raw.min(), 0)
    assert found.max() <= raw.max()
    if not settings:
        np.testing.assert_array_equal(found, raw)
        assert found is not raw


def test_full_white_and_the_ends_of_wide_numbers_do_not_wrap_around() -> None:
    white = np.full((20, 6, 6), 255, np.uint8)
    assert (sonmat.augmented(white, {**BENT, "fill": "edge"}) == 255).all()
    for dtype in (np.int32, np.int64, np.uint64):
        most = np.full((3, 6, 6), np.iinfo(dtype).max, dtype)
        assert sonmat.augmented(most, {"rotate": 5, "fill": "edge"}).min() > np.iinfo(dtype).max // 2


def test_a_seed_decides_and_pictures_differ() -> None:
    raw = np.repeat(images(1, 10, 10), 6, axis=0)
    found = sonmat.augmented(raw, BENT, 1)
    np.testing.assert_array_equal(found, sonmat.augmented(raw, BENT, 1))
    assert (found != sonmat.augmented(raw, BENT, 2)).any()
    assert len(np.unique(found.reshape(6, -1), axis=0)) == 6
    sonmat.augmented(raw, BENT, -(10**30))


def test_many_pictures_are_varied_in_parts_that_differ() -> None:
    raw = np.broadcast_to(images(1, 3, 3), (8200, 3, 3))
    found = sonmat.augmented(raw, {"shift": 0.9})
    assert found.shape == raw.shape
    assert (found[:4096] != found[4096:8192]).any()


@pytest.mark.parametrize(
    ("bad", "said"),
    [(np.zeros((4, 9)), "Pictures should be"), (np.zeros((2, 3, 4, 5, 6)), "Pictures should be"),
     (np.zeros((0, 3, 3)), "inputs must be"), (np.full((1, 2, 2), np.nan), "finite"), ("pictures", "numbers"),
     (np.zeros((1, 2, 2), complex), "numbers")],
)  # fmt: skip
def test_what_is_no_picture_is_refused(bad: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        sonmat.augmented(bad, BENT)


@pytest.mark.parametrize("seed", [1.0, "1", None, True])
def test_a_seed_is_a_whole_number(seed: Any) -> None:
    with pytest.raises(DataError, match="seed"):
        sonmat.augmented(images(1, 4, 4), BENT, seed)


def test_settings_are_checked() -> None:
    with pytest.raises(RecipeError, match="shfit"):
        sonmat.augmented(images(1, 4, 4), {"shfit": 2})
