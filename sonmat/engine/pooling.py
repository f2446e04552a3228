"""Max and sum pooling without XLA's own: its gradients are slow on a CPU, and hopeless inside a loop.

The maximum gives its gradient to the first of the largest values, in the window's row-major order, as XLA's
`select_and_scatter` does: images have flat regions, where every value of a window is the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from sonmat.engine.windows import SLICED_AT_MOST, area, gathered, output_length, padded, places, slices

_AT_ONCE = 4  # values compared in one go: the choice is computed again for each one's gradient
_JOINT_AT_MOST = (
    4  # places of a window that are sliced at once; above, one dimension after the other: 3 ms for 17 (3×3)
)


def largest(values: Sequence[Any]) -> Any:
    """The elementwise maximum of arrays of one shape; the first of the largest takes the gradient."""
    while len(values) > _AT_ONCE:  # consecutive ones together, so that the first stays the first
        groups = range(0, len(values), _AT_ONCE)
        values = [largest(values[start : start + _AT_ONCE]) for start in groups]
    return _largest(list(values)) if len(values) > 1 else values[0]


@jax.custom_vjp  # type: ignore[untyped-decorator]
def _largest(values: Sequence[Any]) -> Any:
    found = values[0]
    for value in values[1:]:
        found = jnp.maximum(found, value)
    return found


def _largest_forward(values: Sequence[Any]) -> tuple[Any, tuple[Any, int]]:
    found = _largest(values)
    which = jnp.full(found.shape, len(values) - 1, jnp.uint8)
    for number in range(len(values) - 2, -1, -1):
        which = jnp.where(values[number] == found, jnp.uint8(number), which)
    return found, (lax.optimization_barrier(which), len(values))  # chosen once, not again for each gradient


def _largest_backward(kept: tuple[Any, int], gradient: Any) -> tuple[list[Any]]:
    which, count = kept
    return ([jnp.where(which == number, gradient, 0) for number in range(count)],)


_largest.defvjp(_largest_forward, _largest_backward)


@dataclass(frozen=True)
class Pooling:
    """A window that moves over an array and keeps one value of each place.

    Attributes:
        kind: "max", "min" or "sum".
        size, strides, dilation: Of the window, along each dimension of the array.
        pads: Values put before and after each dimension; they never win, and add nothing.
    """

    kind: str
    size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, kind: str, parameters: Mapping[str, Any]) -> Pooling | None:
        """From the parameters of JAX's `reduce_window_…`; None where the input is dilated, which no layer of Keras does."""
        if any(gap != 1 for gap in parameters["base_dilation"]):
            return None
        return cls(
            kind,
            tuple(parameters["window_dimensions"]),
            tuple(parameters["window_strides"]),
            tuple(parameters["window_dilation"]),
            tuple(tuple(pair) for pair in parameters["padding"]),
        )

    @property
    def apart(self) -> bool:
        """Whether no two windows share a value, nothing is padded, and no value is left out between windows."""
        return self.size == self.strides and set(self.dilation) == {1} and not any(map(any, self.pads))

    def __call__(self, x: Any) -> Any:
        """The pooled array.

        Args:
            x: Floating point, of as many dimensions as the window.
        """
        if self.kind == "min":
            return -Pooling("max", self.size, self.strides, self.dilation, self.pads)(-x)
        x = padded(x, self.pads, -np.inf if self.kind == "max" else 0)
        if area(self.size) <= _JOINT_AT_MOST:
            return self._sliced(x, range(x.ndim))
        for axis in reversed(range(x.ndim)):  # the last first: so the first of the largest stays the first
            if self.size[axis] > SLICED_AT_MOST:
                x = self._gathered(x, axis)
            elif self.size[axis] > 1 or self.strides[axis] > 1:
                x = self._sliced(x, [axis])
        return x

    def _sliced(self, x: Any, axes: Sequence[int]) -> Any:
        """The pooling along some of the dimensions."""
        size, strides, dilation = (
            tuple(one[axis] if axis in axes else 1 for axis in range(x.ndim))
            for one in (self.size, self.strides, self.dilation)
        )
        counts = tuple(output_length(*one) for one in zip(x.shape, size, strides, dilation, strict=True))
        return self._reduced(slices(x, strides, tuple(places(size, dilation)), counts))

    def _gathered(self, x: Any, axis: int) -> Any:
        """The pooling along one dimension, by windows made at once."""
        numbers = self.size[axis], self.strides[axis], self.dilation[axis]
        x = gathered(x, axis, *numbers, output_length(x.shape[axis], *numbers))
        if self.kind == "sum":
            return x.sum(-1)
        first = jnp.argmax(x, -1, keepdims=True)  # the first of the largest
        return jnp.take_along_axis(x, first, -1)[..., 0]

    def _reduced(self, values: list[Any]) -> Any:
        if self.kind == "max":
            return largest(values)
        total = values[0]
        for value in values[1:]:
            total = total + value
        return total
