"""A batch's gradient as the mean of its parts' gradients, so that what a convolution works on stays in a core's cache."""

from __future__ import annotations

import math

import jax
import keras

from sonmat.engine.batching import indifferent_to_batches
from sonmat.models.lengths import slides_of

_CACHE = 2**20
"""Bytes of a core's own cache, as most have. 8 and 16 filters of 3×3, batch 128: 5.0 ms a step on one core in parts of 16 or
32 rows, 5.7 as a whole (AVX-512, jaxlib 0.10). On both cores together parts gain nothing; see docs/log.md."""

_FEWEST = 16  # rows of a part: with fewer, products are small and the gradients' sums begin to count


def part_rows(model: keras.Model, rows: int) -> int:
    """Rows of the parts that a batch is best taken in where a core works alone; `rows` where it is best left whole.

    It is left whole where a part's result could depend on other rows (batch normalization) or on where the batch begins
    (dropout): wherever a layer keeps something beside what is trained.
    """
    if jax.default_backend() != "cpu" or model.non_trainable_variables or not indifferent_to_batches(model):
        return rows
    widest = max((_unfolded(layer) for layer in model._flatten_layers()), default=0)
    if not widest or rows * widest <= _CACHE:
        return rows
    sizes = [size for size in range(_FEWEST, rows) if rows % size == 0 and size * widest <= _CACHE]
    return max(sizes, default=rows)


def _unfolded(layer: keras.Layer) -> int:
    """Bytes that one example's values under all windows of a convolution take; 0 for other layers."""
    kernel = getattr(layer, "kernel", None)
    if not isinstance(layer, keras.layers.Conv1D | keras.layers.Conv2D | keras.layers.Conv3D) or kernel is None:
        return 0
    try:
        slides = slides_of(layer, layer.input.shape)
    except (AttributeError, ValueError):  # used at several places, or of a model that is no graph
        return 0
    return int(4 * math.prod(slide.output for slide in slides) * math.prod(kernel.shape[:-1]))
