"""The values that a sliding window meets, as whole arrays: what convolutions and pooling are made of on a CPU.

A window at stride s meets, at each of its places, every s-th value of its input. Splitting a dimension once into its s
phases (for stride 2: even and odd) makes each of these a plain slice, which XLA copies fast and whose gradient is a
plain addition, both inside a loop too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

Pads = Sequence[tuple[int, int]]

SLICED_AT_MOST = 32
"""Places along one dimension that are sliced one by one; a longer window is gathered, lest the program grow with it."""


class Windows:
    """An array, cut for windows that move by `strides`.

    Args:
        x: Any array.
        strides: The stride along each dimension of `x`, 1 or more.
    """

    def __init__(self, x: Any, strides: Sequence[int]) -> None:
        self.strides = tuple(strides)
        self._axes = tuple(axis for axis, stride in enumerate(self.strides) if stride > 1)
        self._planes = self._split(x)

    def _split(self, x: Any) -> Any:
        """The phases of each strided dimension as dimensions of their own, in front."""
        if not self._axes:
            return x
        whole = [(0, -size % stride) for size, stride in zip(x.shape, self.strides, strict=True)]
        x = jnp.pad(x, whole)  # never read: no window reaches it
        shape: list[int] = []
        front: list[int] = []
        back: list[int] = []
        for size, stride in zip(x.shape, self.strides, strict=True):
            back.append(len(shape))
            shape.append(size // stride)
            if stride > 1:
                front.append(len(shape))
                shape.append(stride)
        return x.reshape(shape).transpose(*front, *back)

    def at(self, offsets: Sequence[int], counts: Sequence[int]) -> Any:
        """The values at `offset + stride × i` for i below `count`, along each dimension; an array of shape `counts`."""
        phases = tuple(offsets[axis] % self.strides[axis] for axis in self._axes)
        starts = [offset // stride for offset, stride in zip(offsets, self.strides, strict=True)]
        stops = [start + count for start, count in zip(starts, counts, strict=True)]
        return lax.slice(self._planes[phases], starts, stops)


def places(size: Sequence[int], dilation: Sequence[int]) -> list[tuple[int, ...]]:
    """The offsets of a window's places, the last dimension running fastest."""
    found: list[tuple[int, ...]] = [()]
    for length, step in zip(size, dilation, strict=True):
        found = [(*place, i * step) for place in found for i in range(length)]
    return found


def output_length(length: int, size: int, stride: int, dilation: int, pads: tuple[int, int]) -> int:
    """How often a window fits: ⌊(length + padding − reach) / stride⌋ + 1, where reach is (size − 1) × dilation + 1."""
    room = length + sum(pads) - ((size - 1) * dilation + 1)
    return max(0, room // stride + 1)


def padded(x: Any, pads: Pads, value: Any = 0, inner: Sequence[int] | None = None) -> Any:
    """`x` with `value` around it (cut where a padding is negative), and between its elements where `inner` says so."""
    inner = inner or [0] * x.ndim
    if all(pair == (0, 0) for pair in pads) and not any(inner):
        return x
    config = [(low, high, gap) for (low, high), gap in zip(pads, inner, strict=True)]
    return lax.pad(x, jnp.asarray(value, x.dtype), config)


def gathered(x: Any, axis: int, size: int, stride: int, dilation: int, count: int) -> Any:
    """Every window along one dimension, in a new last dimension of length `size`."""
    index = jnp.arange(count)[:, None] * stride + jnp.arange(size) * dilation
    taken = jnp.take(x, index.reshape(-1), axis=axis, mode="clip")
    shape = (*x.shape[:axis], count, size, *x.shape[axis + 1 :])
    return jnp.moveaxis(taken.reshape(shape), axis + 1, -1)


def area(size: Sequence[int]) -> int:
    """Places in a window."""
    return math.prod(size)
