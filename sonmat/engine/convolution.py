"""Convolutions as matrix products of the values under the window, which a CPU does several times faster than XLA's own.

For each place of the window the values it meets are one slice of the input (`windows`); put side by side along the channels
they make, of every output position, a row, and the kernel is the matrix these rows are multiplied with. Where max or average
pooling follows, only the positions that it keeps are computed, one product for each phase of its stride, so that pooling is a
maximum or mean of whole arrays.

Reference: Chellapilla, Puri, Simard, "High performance convolutional neural networks for document processing", 2006, for
convolution as a product; the phases are ours (32-64 filters, batch 128: 8.3 ms a step where the same products over all
positions, pooled afterwards, take 10.3; two cores, AVX-512, jaxlib 0.10).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from sonmat.engine.windows import area, output_length, padded, places, slices

_FEW = 16  # outputs of a depthwise kernel up to which a matrix that is mostly zeros is faster than sums (3.1 ms for 4.8 at 8)
_BYTES_AT_ONCE = 2**26
"""Of the rows of a batch; where they would be more, parts of the batch follow one another. 28 images of 64 channels, 32×32
pixels, 3×3 places take so much."""
_PLACES_AT_MOST = 1024  # of a kernel whose output is more than one position: beyond, the rows would fill the memory


@dataclass(frozen=True)
class Convolution:
    """A convolution of any number of spatial dimensions, in the order batch, space, channels.

    Attributes:
        size, strides, dilation: Of the kernel, along each spatial dimension.
        gaps: Zeros between the input's values, along each spatial dimension (of a transposed convolution).
        pads: Zeros before and after each spatial dimension.
        groups: Groups of input channels that are convolved apart.
        input_order, kernel_order, output_order: The dimensions in the orders (batch, space, channels), (space, inputs,
            outputs) and (batch, space, channels), as JAX has them.
    """

    size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    gaps: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    groups: int
    input_order: tuple[int, ...]
    kernel_order: tuple[int, ...]
    output_order: tuple[int, ...]

    @classmethod
    def of(cls, parameters: Mapping[str, Any], kernel: tuple[int, ...]) -> Convolution | str:
        """From the parameters of JAX's `conv_general_dilated` and the kernel's shape; or why it stays JAX's own."""
        if parameters["batch_group_count"] != 1:
            return "groups of the batch"
        numbers = parameters["dimension_numbers"]
        outputs, inputs, *space = numbers.rhs_spec
        size = tuple(kernel[axis] for axis in space)
        if area(size) > _PLACES_AT_MOST:
            return f"a kernel of {area(size):,} places"
        return cls(
            size,
            tuple(parameters["window_strides"]),
            tuple(parameters["rhs_dilation"]),
            tuple(step - 1 for step in parameters["lhs_dilation"]),
            tuple(tuple(pair) for pair in parameters["padding"]),
            parameters["feature_group_count"],
            (numbers.lhs_spec[0], *numbers.lhs_spec[2:], numbers.lhs_spec[1]),
            (*space, inputs, outputs),
            (numbers.out_spec[0], *numbers.out_spec[2:], numbers.out_spec[1]),
        )

    def __call__(self, x: Any, kernel: Any) -> Any:
        """The convolution of `x` with `kernel`, dimensions in JAX's order."""
        return self.ordered(self.phases(x, kernel, [1] * len(self.size))[0])

    def ordered(self, y: Any) -> Any:
        """An output in the order of this convolution's own."""
        back = sorted(range(y.ndim), key=self.output_order.__getitem__)
        return y.transpose(back)

    def phases(self, x: Any, kernel: Any, every: Sequence[int]) -> list[Any]:
        """The outputs at every so many positions, beginning with the first, the second, … of them.

        Args:
            x: Inputs, dimensions in JAX's order.
            kernel: Kernel, dimensions in JAX's order.
            every: n along each spatial dimension. Positions that make no whole group of n are left out.

        Returns:
            An array (batch, space, channels) for each phase, the last dimension's running fastest.
        """
        x, kernel = x.transpose(self.input_order), kernel.transpose(self.kernel_order)
        still = ((0, 0),)
        x = padded(x, (*still, *self.pads, *still), inner=(0, *self.gaps, 0))
        lengths = zip(x.shape[1:-1], self.size, self.strides, self.dilation, strict=True)
        counts = tuple(output_length(*numbers) // n for numbers, n in zip(lengths, every, strict=True))
        positions = math.prod(every) * math.prod(counts)
        parts = _parts(len(x), positions * area(self.size) * x.shape[-1] * x.dtype.itemsize)
        if parts == 1:
            return self._phases(x, kernel, every, counts)
        run = jax.checkpoint(lambda part: self._phases(part, kernel, every, counts))  # the rows are made again
        found = lax.map(run, x.reshape(parts, -1, *x.shape[1:]))
        return [one.reshape(-1, *one.shape[2:]) for one in found]

    def _phases(self, x: Any, kernel: Any, every: Sequence[int], counts: tuple[int, ...]) -> list[Any]:
        if counts == tuple(every) == (1,) * len(counts):
            reach = [slice(0, step * (n - 1) + 1, step) for n, step in zip(self.size, self.dilation, strict=True)]
            return [self._everywhere(x[(slice(None), *reach)], kernel)]
        steps = tuple(stride * n for stride, n in zip(self.strides, every, strict=True))
        rows = _Rows(x, steps, self.size, self.dilation, counts)
        starts = places(every, self.strides)
        if self.groups == 1:
            matrix = kernel.reshape(-1, kernel.shape[-1])
            return [_product(beside, matrix) for beside in rows.beside(starts)]
        if kernel.shape[-2] == 1 and kernel.shape[-1] <= _FEW:
            matrix = self._diagonal(kernel)
            return [_product(beside, matrix) for beside in rows.beside(starts)]
        if kernel.shape[-2] == 1 and kernel.shape[-1] == self.groups and set(steps) == {1}:
            return [_depthwise(x, kernel.reshape(-1, self.groups), tuple(places(self.size, self.dilation)))]
        by = self._by_channel if kernel.shape[-2] == 1 else self._by_group
        return [by(values, kernel) for values in rows.apart(starts)]

    def _everywhere(self, x: Any, kernel: Any) -> Any:
        """A kernel as large as its input: one product, without a slice."""
        ones = (1,) * len(self.size)
        if self.groups == 1:
            return (x.reshape(len(x), -1) @ kernel.reshape(-1, kernel.shape[-1])).reshape(len(x), *ones, -1)
        values = [one.reshape(len(x), *ones, -1) for one in jnp.moveaxis(x.reshape(len(x), -1, x.shape[-1]), 1, 0)]
        return self._by_group(values, kernel)

    def _by_channel(self, values: list[Any], kernel: Any) -> Any:
        """Each input channel by kernels of its own: no product of matrices, but a sum over the places."""
        kernel = kernel.reshape(len(values), self.groups, -1)
        total = sum(value[..., None] * one for value, one in zip(values, kernel, strict=True))
        return total.reshape(*values[0].shape[:-1], -1)

    def _diagonal(self, kernel: Any) -> Any:
        """A depthwise kernel as the matrix of an ordinary one, which is 0 where an output does not read an input."""
        kernel = kernel.reshape(-1, 1, self.groups, kernel.shape[-1] // self.groups)
        own = jnp.eye(self.groups, dtype=kernel.dtype)[:, :, None]
        return (own * kernel).reshape(kernel.shape[0] * self.groups, -1)

    def _by_group(self, values: list[Any], kernel: Any) -> Any:
        """Each group of channels by its own kernel: a batch of products."""
        shape, groups = values[0].shape, self.groups
        rows = jnp.stack([value.reshape(-1, groups, shape[-1] // groups) for value in values], 2)
        rows = rows.reshape(len(rows), groups, -1)
        matrix = kernel.reshape(rows.shape[-1], groups, -1)
        y = lax.dot_general(rows, matrix, (((2,), (0,)), ((1,), (1,))))  # (groups, rows, outputs)
        return y.transpose(1, 0, 2).reshape(*shape[:-1], -1)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _depthwise(x: Any, kernel: Any, offsets: tuple[tuple[int, ...], ...]) -> Any:
    """Each channel by one kernel of its own, at stride 1: a sum over the places, in one pass.

    So is the gradient of `x`, with the kernel turned round; that of the kernel is products with ones. With what JAX would make
    of the sum it took twice as long: 2.8 ms for 1.4 (13×13×32, batch 128).

    Args:
        x: (batch, space, channels).
        kernel: (places, channels).
        offsets: The places, the first at 0 and the last the furthest in all dimensions.
    """
    return sum(value * one for value, one in zip(_shifted(x, offsets), kernel, strict=True))


def _shifted(x: Any, offsets: Sequence[Sequence[int]]) -> list[Any]:
    room = [size - reach for size, reach in zip(x.shape[1:-1], map(max, zip(*offsets, strict=True)), strict=True)]
    return [
        lax.slice(x, (0, *offset, 0), (len(x), *(a + b for a, b in zip(offset, room, strict=True)), x.shape[-1]))
        for offset in offsets
    ]


def _depthwise_forward(x: Any, kernel: Any, offsets: tuple[tuple[int, ...], ...]) -> tuple[Any, tuple[Any, Any]]:
    return _depthwise(x, kernel, offsets), (x, kernel)


def _depthwise_backward(offsets: tuple[tuple[int, ...], ...], kept: tuple[Any, Any], gradient: Any) -> tuple[Any, Any]:
    x, kernel = kept
    around = padded(gradient, ((0, 0), *((reach, reach) for reach in offsets[-1]), (0, 0)))
    products = [value * gradient for value in _shifted(x, offsets)]
    ones = jnp.ones((1, gradient.size // gradient.shape[-1]), gradient.dtype)
    sums = [
        (ones @ jnp.concatenate(some, -1).reshape(ones.shape[1], -1)).reshape(len(some), -1)
        for start in range(
            0, len(products), 3
        )  # three at a time: all at once are written to memory first, 2.4 ms for 1.4
        if (some := products[start : start + 3])
    ]
    return _depthwise(around, kernel[::-1], offsets), jnp.concatenate(sums)


_depthwise.defvjp(_depthwise_forward, _depthwise_backward)


@jax.custom_vjp  # type: ignore[untyped-decorator]
def biased(y: Any, bias: Any) -> Any:
    """`y` plus a value for each channel, (channels,), its last dimension.

    The bias's gradient is a product with ones: XLA's own sum over all but the last dimension takes longer, up to 0.6 ms for
    the 2.6 million values of a first layer.
    """
    return y + bias


def _biased_forward(y: Any, bias: Any) -> tuple[Any, Any]:
    return y + bias, bias


def _biased_backward(bias: Any, gradient: Any) -> tuple[Any, Any]:
    rows = gradient.reshape(-1, gradient.shape[-1])
    total = jnp.ones((1, len(rows)), rows.dtype) @ rows
    return gradient, jnp.broadcast_to(total, (1, *bias.shape))[0] if bias.size > 1 else total.sum(keepdims=True)[0]


biased.defvjp(_biased_forward, _biased_backward)


def _product(rows: Any, matrix: Any) -> Any:
    """The rows times the matrix. Two dimensions: with more, the gradient's products run at half the speed (XLA 0.10)."""
    return (rows.reshape(-1, rows.shape[-1]) @ matrix).reshape(*rows.shape[:-1], -1)


def _parts(examples: int, bytes_each: int) -> int:
    """The fewest equal parts of a batch whose rows take `_BYTES_AT_ONCE` at most, if one example's do."""
    fewest = -(-examples * bytes_each // _BYTES_AT_ONCE)
    return next((parts for parts in range(max(1, fewest), examples) if examples % parts == 0), max(1, examples))


@dataclass(frozen=True)
class _Rows:
    """The values under the window at every position, for windows that begin at given offsets."""

    x: Any
    steps: tuple[int, ...]
    size: tuple[int, ...]
    dilation: tuple[int, ...]
    counts: tuple[int, ...]

    def apart(self, starts: Sequence[Sequence[int]]) -> list[list[Any]]:
        """For each start, an array (batch, space, channels) for each place of the window."""
        within = places(self.size, self.dilation)
        offsets = [(0, *(a + b for a, b in zip(start, place, strict=True)), 0) for start in starts for place in within]
        counts = (len(self.x), *self.counts, self.x.shape[-1])
        values = slices(self.x, (1, *self.steps, 1), tuple(offsets), counts)
        return [values[at : at + len(within)] for at in range(0, len(values), len(within))]

    def beside(self, starts: Sequence[Sequence[int]]) -> list[Any]:
        """For each start, the values of all places side by side: (batch, space, places × channels).

        One dimension after the other, the last first so that it runs fastest among the channels: a 5×5 window with 2×2 phases
        is 30 slices instead of 100, which compile in half the time and run as fast.
        """
        return self._beside(self.x, len(self.size), starts)

    def _beside(self, x: Any, axis: int, starts: Sequence[Sequence[int]]) -> list[Any]:
        if axis == 0:
            return [x]
        strides, counts = [1] * x.ndim, list(x.shape)
        strides[axis], counts[axis] = self.steps[axis - 1], self.counts[axis - 1]
        along = sorted({start[axis - 1] for start in starts})
        offsets = [start + i * self.dilation[axis - 1] for start in along for i in range(self.size[axis - 1])]
        where = tuple((*[0] * axis, offset, *[0] * (x.ndim - axis - 1)) for offset in offsets)
        values = slices(x, tuple(strides), where, tuple(counts))
        width = self.size[axis - 1]
        grown = [jnp.concatenate(values[at : at + width], -1) for at in range(0, len(values), width)]
        done = [self._beside(one, axis - 1, starts) for one in grown]
        return [rows for together in zip(*done, strict=True) for rows in together]  # the last dimension fastest
