"""A lane's members with the kernels of their first layers side by side, as the columns of one matrix.

The members of a lane see the same rows, so a dense first layer of all of them is one product of the rows with one matrix,
(inputs, members × units), and so is its gradient. Kept like that while a program trains them, with what the optimizer keeps for
them, nothing is turned over between steps: rows times kernels take 5.9 µs a member instead of 12, the gradient and the update as
long as before (the notes' network, 16 members on a core with AVX-512, jaxlib 0.10). What else a step does is vmapped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp

from sonmat.engine.lifted import Evaluator, Traced, inners

_ELEMENTWISE = frozenset(
    (
        "abs", "add", "add_any", "and", "cbrt", "clamp", "convert_element_type", "copy", "div", "eq", "exp", "exp2", "expm1",
        "floor", "ge", "gt", "integer_pow", "is_finite", "le", "log", "log1p", "logistic", "lt", "max", "min", "mul", "ne", "neg",
        "not", "or", "pow", "round", "rsqrt", "select_n", "sign", "sqrt", "square", "sub", "tanh",
    )
)  # fmt: skip

_LEAST_INPUTS, _LEAST_RATIO = 64, 3
"""Kernels of fewer inputs, or inputs to units, are small: vmapped products do as well."""


@dataclass(frozen=True)
class Each:
    """A value of each member, the first axis counting the members."""

    array: Any


@dataclass(frozen=True)
class Columns:
    """A matrix of each member, (inputs, units), or (units, inputs) where it is turned over.

    Attributes:
        array: All of them, (inputs, members × units).
        units: Columns of one.
        turned: Whether a member's matrix is (units, inputs).
        origins: The kernels that it comes from.
    """

    array: Any
    units: int
    turned: bool = False
    origins: frozenset[int] = frozenset()


def to_columns(stacked: Any) -> Any:
    """(members, inputs, units) as (inputs, members × units)."""
    members, inputs, units = stacked.shape
    return jnp.moveaxis(stacked, 0, 1).reshape(inputs, members * units)


def from_columns(array: Any, units: int) -> Any:
    """(inputs, members × units) as (members, inputs, units)."""
    return jnp.moveaxis(array.reshape(array.shape[0], -1, units), 1, 0)


def kernels_for_columns(
    traced: Traced, states: Sequence[Any], kernels: Sequence[int], rest: Sequence[Any]
) -> list[int]:
    """Which kernels are multiplied with rows that all members share, and with nothing else.

    Args:
        traced: The step, or its first half.
        states: The shapes of one member's state, flat.
        kernels: The places of trainable variables among them.
        rest: The shapes of the batch, flat; the same for all members.
    """
    chosen = [place for place in kernels if _is_wide(states[place].shape)]
    while chosen:
        spilled = _spilled(traced, states, chosen, rest)
        if not spilled:
            return chosen
        chosen = [place for place in chosen if place not in spilled]
    return []


def _is_wide(shape: tuple[int, ...]) -> bool:
    return len(shape) == 2 and shape[0] >= _LEAST_INPUTS and shape[0] >= _LEAST_RATIO * shape[1]


def _spilled(traced: Traced, states: Sequence[Any], chosen: Sequence[int], rest: Sequence[Any]) -> set[int]:
    members = 2
    found: set[int] = set()

    def run(*leaves: Any) -> Any:
        given: list[Any] = []
        for place, leaf in enumerate(leaves[: len(states)]):
            if place in chosen:
                given.append(Columns(leaf, states[place].shape[1], origins=frozenset({place})))
            else:
                given.append(Each(leaf))
        evaluator = ColumnsEvaluator({}, members, frozenset(states[place].shape for place in chosen))
        made = evaluator.closed(traced.closed.jaxpr, traced.closed.consts, [*given, *leaves[len(states) :]])
        found.update(evaluator.spilled)
        return [getattr(value, "array", value) for value in made]

    shapes = [
        jax.ShapeDtypeStruct(
            (leaf.shape[0], members * leaf.shape[1]) if place in chosen else (members, *leaf.shape), leaf.dtype
        )
        for place, leaf in enumerate(states)
    ]
    jax.eval_shape(run, *shapes, *rest)
    return found


class ColumnsEvaluator(Evaluator):
    """Runs a traced step of one member for all members of a lane.

    Args:
        given: The numbers in which members differ, by place: `Each`.
        members: How many there are.
        shapes: The shapes of the kernels that lie side by side.

    Attributes:
        spilled: Kernels that something was done with that their columns do not allow, so that they had to be taken apart.
    """

    def __init__(self, given: Mapping[int, Any], members: int, shapes: frozenset[tuple[int, ...]]) -> None:
        super().__init__(given)
        self.members, self.shapes = members, shapes
        self.spilled: set[int] = set()

    def each(self, value: Any) -> Any:
        """A value as one of each member, (members, …)."""
        if isinstance(value, Each):
            return value.array
        if isinstance(value, Columns):
            stacked = from_columns(value.array, value.units)
            return jnp.swapaxes(stacked, 1, 2) if value.turned else stacked
        return jnp.broadcast_to(value, (self.members, *jnp.shape(value)))

    def columns(self, value: Any, units: int) -> Any:
        """A value as columns, (inputs, members × units)."""
        if isinstance(value, Columns):
            return value.array
        stacked = self.each(value)
        return to_columns(stacked)

    def _equation(self, equation: Any, values: list[Any]) -> list[Any]:
        name = equation.primitive.name
        if self.opens(equation) and any(isinstance(value, (Each, Columns)) for value in values):
            (inner,) = inners(equation.params)
            return self.closed(getattr(inner, "jaxpr", inner), getattr(inner, "consts", ()), values)
        if not any(isinstance(value, (Each, Columns)) for value in values):
            return super()._equation(equation, values)
        made = self._beside(name, equation, values)
        if made is not None:
            return [made]
        for value in values:
            if isinstance(value, Columns):
                self.spilled |= value.origins
        plain = [Each(self.each(value)) if isinstance(value, Columns) else value for value in values]
        return self._vmapped(equation, plain)

    def _vmapped(self, equation: Any, values: list[Any]) -> list[Any]:
        def run(*arrays: Any) -> list[Any]:
            return super(ColumnsEvaluator, self)._equation(equation, list(arrays))

        axes = tuple(0 if isinstance(value, Each) else None for value in values)
        arrays = [value.array if isinstance(value, Each) else value for value in values]
        return [Each(array) for array in jax.vmap(run, in_axes=axes)(*arrays)]

    def _beside(self, name: str, equation: Any, values: list[Any]) -> Any:
        """The operation on columns, or None where there is no such way."""
        if name == "dot_general":
            return self._product(equation, values)
        if name == "transpose" and isinstance(values[0], Columns):
            return replace(values[0], turned=not values[0].turned)
        if name == "broadcast_in_dim" and isinstance(values[0], Each) and len(values) == 1:
            return self._spread(equation, values[0])
        if name in _ELEMENTWISE and any(isinstance(value, Columns) for value in values):
            return self._elementwise(equation, values)
        return None

    def _product(self, equation: Any, values: list[Any]) -> Any:
        (contracted, other), (batched, _) = equation.params["dimension_numbers"]
        if batched:
            return None
        one, two = values
        if isinstance(two, Columns) and not isinstance(one, (Each, Columns)) and one.ndim == 2:
            along = 1 if two.turned else 0
            if tuple(contracted) == (1,) and tuple(other) == (along,):
                product = self._bound(equation, one, two.array, ((1,), (0,)))
                rows = product.reshape(product.shape[0], self.members, two.units)
                return Each(jnp.moveaxis(rows, 1, 0))
        return self._gradient(equation, values, tuple(contracted), tuple(other))

    def _gradient(self, equation: Any, values: list[Any], contracted: tuple[int, ...], other: tuple[int, ...]) -> Any:
        """Rows that all share, times each member's: the gradient of a kernel."""
        if contracted != (0,) or other != (0,):
            return None
        places = [i for i, value in enumerate(values) if isinstance(value, Each)]
        shape = equation.outvars[0].aval.shape
        if len(places) != 1 or len(shape) != 2 or not ({shape, shape[::-1]} & self.shapes):
            return None
        rows, own = values[1 - places[0]], values[places[0]].array
        turned = places[0] == 0  # (units, inputs)
        if not isinstance(rows, jax.Array) or rows.ndim != 2 or own.ndim != 3:
            return None
        if (shape[::-1] if turned else shape) not in self.shapes:
            return None
        units = own.shape[2]
        side = jnp.moveaxis(own, 0, 1).reshape(own.shape[1], -1)
        return Columns(self._bound(equation, rows, side, ((0,), (0,))), units, turned)

    def _bound(self, equation: Any, one: Any, two: Any, contracted: Any) -> Any:
        kept = {"precision": equation.params["precision"]}
        if (kind := equation.params.get("preferred_element_type")) is not None:
            kept["preferred_element_type"] = kind
        return jax.lax.dot_general(one, two, (contracted, ((), ())), **kept)

    def _spread(self, equation: Any, value: Each) -> Any:
        """A number of each member, in every place of its kernel."""
        shape = equation.params["shape"]
        if value.array.ndim != 1 or tuple(shape) not in self.shapes:
            return None
        row = jnp.repeat(value.array, shape[1])[None]
        return Columns(jnp.broadcast_to(row, (shape[0], row.shape[1])), shape[1])

    def _elementwise(self, equation: Any, values: list[Any]) -> Any:
        own = [value for value in values if isinstance(value, Columns)]
        if len({(value.units, value.turned) for value in own}) > 1:
            return None
        units, turned = own[0].units, own[0].turned
        operands = [self._operand(value, units, turned) for value in values]
        array = super()._equation(equation, operands)[0]
        origins: frozenset[int] = frozenset().union(*(value.origins for value in own))
        return Columns(array, units, turned, origins)

    def _operand(self, value: Any, units: int, turned: bool) -> Any:
        if isinstance(value, Columns):
            return value.array
        scalar = value.array.ndim == 1 if isinstance(value, Each) else jnp.ndim(value) == 0
        if scalar and isinstance(value, Each):
            return jnp.repeat(value.array, units)[None]
        if scalar:
            return value
        stacked = self.each(value)
        return to_columns(jnp.swapaxes(stacked, 1, 2) if turned else stacked)
