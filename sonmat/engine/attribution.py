"""Which pixels mattered for what a network says: by covering them, and by the gradient.

References: occlusion, Zeiler and Fergus, "Visualizing and understanding convolutional networks", 2014; the gradient,
Simonyan, Vedaldi and Zisserman, "Deep inside convolutional networks", 2014.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from sonmat.engine.program import values

_TINY = 1e-7


@dataclass(frozen=True, eq=False)
class Occlusion:
    """How much a class's probability falls when a patch is covered.

    Attributes:
        drop: (rows, columns): the mean fall over all patches that cover a pixel; negative where covering helps.
        size, stride: Of the patch, in pixels.
        cover: The value it is covered with.
    """

    drop: np.ndarray
    size: int
    stride: int
    cover: float


def occlusion(model: keras.Model, x: np.ndarray, number: int) -> Occlusion:
    """Cover a patch of the image at every second place or so, and see how the probability of a class falls.

    Args:
        model: A built classifier of images.
        x: One input as the network takes it: (rows, columns) or (rows, columns, channels).
        number: The class.
    """
    rows, columns = x.shape[:2]
    size = max(1, round(min(rows, columns) / 5.6))  # 5 of MNIST's 28 pixels: about a stroke's width and a half
    stride = max(1, math.ceil(max(rows, columns) / 32))
    cover = float(np.median(np.concatenate([x[0].ravel(), x[-1].ravel(), x[:, 0].ravel(), x[:, -1].ravel()])))
    tops = range(1 - size, rows, stride)
    lefts = range(1 - size, columns, stride)
    places = [(slice(max(0, a), a + size), slice(max(0, b), b + size)) for a in tops for b in lefts]
    covered = np.repeat(np.asarray(x, np.float32)[None], len(places) + 1, 0)
    for image, place in zip(covered[1:], places, strict=True):
        image[place] = cover
    chances = probability(model, covered, number)
    drop, counts = np.zeros((rows, columns)), np.zeros((rows, columns))
    for place, chance in zip(places, chances[1:], strict=True):
        drop[place] += chances[0] - chance
        counts[place] += 1
    return Occlusion(drop / counts, size, stride, cover)


def gradient(model: keras.Model, x: np.ndarray, number: int) -> np.ndarray:
    """The size of the gradient of a class's log-probability by each pixel, (rows, columns): the largest over channels."""
    state = values(model.trainable_variables), values(model.non_trainable_variables)

    def log_probability(image: Any) -> Any:
        outputs = model.stateless_call(*state, image[None], training=False)[0]
        return jnp.log(as_chances(outputs)[0, number] + _TINY)

    found = np.abs(np.asarray(jax.jit(jax.grad(log_probability))(jnp.asarray(x, jnp.float32))))
    sizes: np.ndarray = found if found.ndim == 2 else found.max(-1)
    return sizes


def probability(model: keras.Model, x: np.ndarray, number: int) -> np.ndarray:
    """The probability of a class for each input, (n,)."""
    found = [np.asarray(as_chances(model(x[at : at + 256], training=False)))[:, number] for at in range(0, len(x), 256)]
    return np.concatenate(found)


def as_chances(outputs: Any) -> Any:
    """Outputs as probabilities of classes: a sigmoid's one output counts as two classes, logits go through softmax."""
    if outputs.shape[-1] == 1:
        return jnp.concatenate([1 - outputs, outputs], -1)
    likely = (outputs.min() >= 0) & (jnp.abs(outputs.sum(-1) - 1).max() < 1e-3)
    return jnp.where(likely, outputs, jax.nn.softmax(outputs))
