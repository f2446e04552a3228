"""The values that a sliding window meets, as whole arrays: what convolutions and pooling are made of on a CPU.

A window at stride s meets, at each of its places, every s-th value of its input. Splitting a dimension once into its s
phases (for stride 2: even and odd) makes each of these a plain slice, which XLA copies fast and whose gradient is a
plain addition, both inside a loop too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

Pads = Sequence[tuple[int, int]]

SLICED_AT_MOST = 32
"""Places along one dimension that are sliced one by one; a longer window is gathered, lest the program grow with it."""


@partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3))
def slices(
    x: Any, strides: tuple[int, ...], offsets: tuple[tuple[int, ...], ...], counts: tuple[int, ...]
) -> list[Any]:
    """What a window that moves by `strides` meets at each of its places.

    Args:
        x: Any array.
        strides: The stride along each dimension of `x`, 1 or more.
        offsets: The places, counted from the window's first position.
        counts: Positions of the window along each dimension.

    Returns:
        For each place an array of shape `counts`: the values at `offset + stride × i`, along each dimension.
    """
    phases = _Phases(x.shape, strides)
    planes = phases.split(x)
    return [phases.read(planes, offset, counts) for offset in offsets]


def _slices_forward(
    x: Any, strides: tuple[int, ...], offsets: tuple[tuple[int, ...], ...], counts: tuple[int, ...]
) -> tuple[list[Any], Any]:
    return slices(x, strides, offsets, counts), x


def _slices_backward(
    strides: tuple[int, ...],
    offsets: tuple[tuple[int, ...], ...],
    counts: tuple[int, ...],
    x: Any,
    gradients: list[Any],
) -> tuple[Any]:
    """Each gradient added in its place, in one array. As the sum of padded arrays, which it would be otherwise, XLA computes
    all of it anew in each operation that reads it: 25 ms a step for 9 with average pooling (32-64 filters, batch 128)."""
    phases = _Phases(x.shape, strides)
    planes = jnp.zeros(phases.planes_shape, x.dtype)
    for offset, gradient in zip(offsets, gradients, strict=True):
        planes = phases.added(planes, offset, gradient)
    return (phases.join(planes),)


slices.defvjp(_slices_forward, _slices_backward)


class _Phases:
    """An array of some shape, split by strides: the phases of each strided dimension are dimensions of their own, in front."""

    def __init__(self, shape: Sequence[int], strides: Sequence[int]) -> None:
        self.shape, self.strides = tuple(shape), tuple(strides)
        self._strided = [axis for axis, stride in enumerate(strides) if stride > 1]
        self._parts: list[int] = []  # each strided dimension as two: groups of `stride`, and the places in a group
        outer: list[int] = []
        inner: list[int] = []
        for size, stride in zip(shape, strides, strict=True):
            outer.append(len(self._parts))
            self._parts.append(-(-size // stride))
            if stride > 1:
                inner.append(len(self._parts))
                self._parts.append(stride)
        self._order = [*inner, *outer]
        self._whole = [self._parts[part] * stride for part, stride in zip(outer, strides, strict=True)]
        self.planes_shape = tuple(self._parts[part] for part in self._order)

    def split(self, x: Any) -> Any:
        """The phases of `x`."""
        if not self._strided:
            return x
        room = [(0, whole - size) for whole, size in zip(self._whole, self.shape, strict=True)]
        return jnp.pad(x, room).reshape(self._parts).transpose(self._order)  # no window reaches the padding

    def join(self, planes: Any) -> Any:
        """The array that has these phases."""
        if not self._strided:
            return planes
        back = sorted(range(len(self._order)), key=self._order.__getitem__)
        return lax.slice(planes.transpose(back).reshape(self._whole), [0] * len(self.shape), self.shape)

    def read(self, planes: Any, offset: Sequence[int], counts: Sequence[int]) -> Any:
        """The values at `offset + stride × i` for i below `count`, along each dimension."""
        phase, starts = self._place(offset)
        return lax.slice(planes[phase], starts, [a + b for a, b in zip(starts, counts, strict=True)])

    def added(self, planes: Any, offset: Sequence[int], values: Any) -> Any:
        """`planes` with `values` added where `read` would read them."""
        phase, starts = self._place(offset)
        values = values.reshape((*(1 for _ in phase), *values.shape))
        before = lax.dynamic_slice(planes, (*phase, *starts), values.shape)
        return lax.dynamic_update_slice(planes, before + values, (*phase, *starts))

    def _place(self, offset: Sequence[int]) -> tuple[tuple[int, ...], list[int]]:
        phase = tuple(offset[axis] % self.strides[axis] for axis in self._strided)
        return phase, [start // stride for start, stride in zip(offset, self.strides, strict=True)]


def places(size: Sequence[int], dilation: Sequence[int]) -> list[tuple[int, ...]]:
    """The offsets of a window's places, the last dimension running fastest."""
    found: list[tuple[int, ...]] = [()]
    for length, step in zip(size, dilation, strict=True):
        found = [(*place, i * step) for place in found for i in range(length)]
    return found


def output_length(length: int, size: int, stride: int, dilation: int) -> int:
    """How often a window fits: ⌊(length − reach) / stride⌋ + 1, where reach is (size − 1) × dilation + 1."""
    return max(0, (length - (size - 1) * dilation - 1) // stride + 1)


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
