"""Pictures varied as a training would vary them, as NumPy arrays: to look at, or for a loop of one's own."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sonmat.data.checks import checked_inputs
from sonmat.engine.augmentation import augment
from sonmat.errors import DataError
from sonmat.language import say
from sonmat.models.augmentation import Augmentation

_BATCH = 4096  # pictures at once: what they are varied with takes some twenty times their memory


def augmented(images: Any, settings: Mapping[str, Any] | Augmentation, seed: int = 0) -> np.ndarray:
    """Pictures, each varied once, in a way of its own.

    Args:
        images: Numbers, (n, rows, columns) or (n, rows, columns, channels). They stay as they are.
        settings: Such as `{"shift": 2, "rotate": 10}`; see `sonmat.models.augmentation.Augmentation`.
        seed: Any whole number; it alone decides what happens to them.

    Returns:
        An array of the same shape and dtype, computed in float32. Whole numbers are rounded to the nearest and stay
        within their dtype.

    Raises:
        DataError: No pictures, or a value that is not finite.
        RecipeError: An unknown setting, or a value out of its range.
    """
    wanted = Augmentation.of(settings)
    array = checked_inputs(images)
    if array.ndim not in (3, 4):
        raise DataError(
            say(
                f"Pictures should be (n, rows, columns) or (n, rows, columns, channels); these are {array.shape}.",
                f"이미지는 (n, 행, 열) 또는 (n, 행, 열, 채널) 모양이어야 하는데 {array.shape} 모양입니다.",
            ),
            say(
                "Reshape them, for example images.reshape(-1, 28, 28); a single one: images[None].",
                "모양을 바꾸세요. 예: images.reshape(-1, 28, 28). 하나라면 images[None].",
            ),
        )
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise DataError(
            say(f"The seed should be a whole number, but is {seed!r}.", f"시드는 정수여야 하는데 {seed!r}입니다."),
            say("Write for example seed=0.", "예: seed=0."),
        )
    if not wanted:
        return array.copy()
    key = jax.random.key(int(seed) % 2**32)
    parts = [
        np.asarray(_varied(wanted, jax.random.fold_in(key, start), jnp.asarray(_floats(array[start : start + _BATCH]))))
        for start in range(0, len(array), _BATCH)
    ]
    return _as(np.concatenate(parts), array.dtype)


@functools.partial(jax.jit, static_argnums=0)
def _varied(settings: Augmentation, key: jax.Array, images: jax.Array) -> jax.Array:
    return augment(settings, key, images)


def _floats(array: np.ndarray) -> np.ndarray:
    return array if array.dtype == np.float16 else array.astype(np.float32)


def _as(found: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    if dtype.kind == "f":
        return found.astype(dtype)
    if dtype.kind == "b":
        return found >= 0.5
    limits = np.iinfo(dtype)
    most = float(limits.max)
    if int(most) > limits.max:  # 2⁶³ − 1 is no double, and the next above it would wrap around
        most = float(np.nextafter(most, 0))
    return np.clip(np.rint(found.astype(np.float64)), float(limits.min), most).astype(dtype)
