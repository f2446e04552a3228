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

from sonmat.engine.windows import SLICED_AT_MOST, Pads, Windows, area, gathered, output_length, padded, places

_JOINT_AT_MOST = 16  # places of a window that are compared at once; above, one dimension after the other


@jax.custom_vjp
def largest(values: Sequence[Any]) -> Any:
    """The elementwise maximum of arrays of one shape; the first of the largest takes the gradient."""
    found = values[0]
    for value in values[1:]:
        found = jnp.maximum(found, value)
    return found


def _largest_forward(values: Sequence[Any]) -> tuple[Any, tuple[Any, int]]:
    found = largest(values)
    which = jnp.full(found.shape, len(values) - 1, jnp.uint8)
    for number in range(len(values) - 2, -1, -1):
        which = jnp.where(values[number] == found, jnp.uint8(number), which)
    return found, (which, len(values))


def _largest_backward(kept: tuple[Any, int], gradient: Any) -> tuple[list[Any]]:
    which, count = kept
    return ([jnp.where(which == number, gradient, 0) for number in range(count)],)


largest.defvjp(_largest_forward, _largest_backward)


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
            return self._joint(x)
        for axis, size in enumerate(self.size):  # rows first: the first of the largest stays the first
            x = self._along(x, len(self.size) - 1 - axis)
        return x

    def _joint(self, x: Any) -> Any:
        counts = self.output_shape(x.shape)
        cut = Windows(x, self.strides)
        return self._reduced([cut.at(place, counts) for place in places(self.size, self.dilation)])

    def _along(self, x: Any, axis: int) -> Any:
        size, stride, dilation = self.size[axis], self.strides[axis], self.dilation[axis]
        count = output_length(x.shape[axis], size, stride, dilation, (0, 0))
        if size > SLICED_AT_MOST:
            return self._reduced_last(gathered(x, axis, size, stride, dilation, count))
        ones = [1] * x.ndim
        alone = Pooling(
            self.kind,
            tuple(ones[:axis] + [size] + ones[axis + 1 :]),
            tuple(ones[:axis] + [stride] + ones[axis + 1 :]),
            tuple(ones[:axis] + [dilation] + ones[axis + 1 :]),
            tuple((0, 0) for _ in ones),
        )
        return alone._joint(x)

    def _reduced(self, values: list[Any]) -> Any:
        if self.kind == "max":
            return largest(values)
        total = values[0]
        for value in values[1:]:
            total = total + value
        return total

    def _reduced_last(self, x: Any) -> Any:
        if self.kind == "sum":
            return x.sum(-1)
        first = jnp.argmax(x, -1, keepdims=True)  # the first of the largest
        return jnp.take_along_axis(x, first, -1)[..., 0]

    def output_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """The shape of the result for a padded input."""
        numbers = zip(shape, self.size, self.strides, self.dilation, strict=True)
        return tuple(output_length(length, *rest, (0, 0)) for length, *rest in numbers)


def unpadded(pads: Pads) -> bool:
    """Whether there is no padding at all."""
    return not any(map(any, pads))
