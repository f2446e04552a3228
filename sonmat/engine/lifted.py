"""Traced functions that differ in numbers alone, made one function that takes these numbers.

Momentum, decay, dropout rate, clipping and the like go through Python's `if`s in Keras and cannot be traced values. But the
steps of two models that differ in such a number alone are traced to the same operations, and the number stands somewhere among
them as a literal or a constant. Comparing what was traced finds out where; no list of names is needed. Where two differ in
more than numbers (momentum 0 and 0.9 do), they are two functions.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from jax.extend import core

_ADDRESS = re.compile(" at 0x[0-9a-f]+")  # a function's, another in every trace

_OPENED = (
    "jit",
    "pjit",
    "closed_call",
    "custom_jvp_call",
    "custom_vjp_call",
    "custom_vjp_call_jaxpr",
    "remat",
    "remat2",
    "checkpoint",
)
"""Calls whose inside can stand in their place: what is lifted is never differentiated again."""


@dataclass(frozen=True)
class Traced:
    """A traced function, told apart into what it does and the numbers in it.

    Attributes:
        closed: What `jax.make_jaxpr` gave.
        structure: A digest of everything but the numbers.
        numbers: Literals and constants in the order in which they are met.
    """

    closed: Any = field(repr=False)  # JAX asks for the text of what it is given to trace
    structure: str
    numbers: list[Any] = field(repr=False)


def read(closed: Any) -> Traced:
    """Tell a traced function apart."""
    reader = _Reader()
    reader.closed(closed)
    return Traced(closed, hashlib.sha256("\n".join(reader.text).encode()).hexdigest(), reader.numbers)


def differing(traces: Sequence[Traced]) -> list[int]:
    """Which numbers are not the same in all of some functions of one structure."""
    if len({trace.structure for trace in traces}) > 1:
        raise ValueError("functions of several structures")
    first, *others = (trace.numbers for trace in traces)
    return [i for i, number in enumerate(first) if any(not _same(number, other[i]) for other in others)]


def stacked(traces: Sequence[Traced], places: Sequence[int]) -> list[np.ndarray]:
    """The numbers at these places, one array a place, the first axis counting the functions."""
    return [np.stack([np.asarray(trace.numbers[place]) for trace in traces]) for place in places]


@dataclass
class Lifted:
    """One function for all that differ in the numbers at some places.

    Attributes:
        traced: One of them.
        places: Which of its numbers are arguments.
        tree: The structure of what it returns, as `jax.tree.structure` gives it.
    """

    traced: Traced
    places: Sequence[int]
    tree: Any

    def __call__(self, numbers: Sequence[Any], arguments: Sequence[Any]) -> Any:
        """What the function with these numbers returns for these arguments, both flat."""
        given = dict(zip(self.places, numbers, strict=True))
        closed = self.traced.closed
        results = Evaluator(given).closed(closed.jaxpr, closed.consts, list(arguments))
        return jax.tree.unflatten(self.tree, results)


def _same(one: Any, other: Any) -> bool:
    return one is other or _bits(one) == _bits(other)  # 0.0 and -0.0 are two numbers


def _bits(value: Any) -> bytes:
    if jax.dtypes.issubdtype(getattr(value, "dtype", np.bool_), jax.dtypes.extended):  # a key of JAX's
        value = jax.random.key_data(value)
    return np.asarray(value).tobytes()


class _Reader:
    """Writes down what a function does; numbers go into a list, names of values become their order of appearance."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.numbers: list[Any] = []
        self._frozen = 0

    def closed(self, closed: Any) -> None:
        self.jaxpr(getattr(closed, "jaxpr", closed), getattr(closed, "consts", ()))

    def jaxpr(self, jaxpr: Any, constants: Sequence[Any]) -> None:
        names: dict[Any, int] = {}
        for variable, constant in zip(jaxpr.constvars, constants, strict=True):
            self.text.append(f"{self._name(names, variable)} {self._number(constant, variable.aval)}")
        self.text.append(" ".join(self._name(names, variable) for variable in jaxpr.invars))
        for equation in jaxpr.eqns:
            read = [self._atom(names, atom) for atom in equation.invars]
            parameters = self._parameters(equation)
            made = [self._name(names, variable) for variable in equation.outvars]
            self.text.append(f"{equation.primitive.name} {parameters} {' '.join(read)} → {' '.join(made)}")
            frozen = equation.primitive.name not in _OPENED
            self._frozen += frozen
            for inner in inners(equation.params):
                self.closed(inner)
            self._frozen -= frozen
        self.text.append("returns " + " ".join(self._atom(names, atom) for atom in jaxpr.outvars))

    def _name(self, names: dict[Any, int], variable: Any) -> str:
        names[variable] = len(names)
        aval = variable.aval
        return f"{names[variable]}:{getattr(aval, 'dtype', aval)}{getattr(aval, 'shape', '')}"

    def _atom(self, names: dict[Any, int], atom: Any) -> str:
        if isinstance(atom, core.Literal):
            return self._number(atom.val, atom.aval)
        return str(names[atom])

    def _number(self, value: Any, aval: Any) -> str:
        kind = f"#{getattr(aval, 'dtype', type(value))}{getattr(aval, 'shape', '')}"
        if self._frozen:
            return f"{kind}={_bits(value).hex()}"
        self.numbers.append(value)
        keyed = jax.dtypes.issubdtype(getattr(value, "dtype", np.bool_), jax.dtypes.extended)
        return f"{kind}={_bits(value).hex()}" if keyed else kind  # keys of JAX's cannot be stacked as numbers

    def _parameters(self, equation: Any) -> str:
        if equation.primitive.name in _OPENED:
            return ""  # names, placements, how it is differentiated: what it computes is inside
        named = "callback" in equation.primitive.name  # where nothing but its address tells a function from another
        return ",".join(
            f"{key}={_told(value, named)}"
            for key, value in sorted(equation.params.items())
            if not any(True for _ in _jaxprs(value))
        )


def _told(value: Any, named: bool) -> str:
    if isinstance(value, np.ndarray):
        return hashlib.sha256(value.tobytes()).hexdigest()
    return str(value) if named else _ADDRESS.sub("", str(value))


def inners(parameters: Mapping[str, Any]) -> Iterator[Any]:
    """The traced functions among an operation's parameters, in the order of their names."""
    for _, value in sorted(parameters.items()):
        yield from _jaxprs(value)


def _jaxprs(value: Any) -> Iterator[Any]:
    for one in value if isinstance(value, (list, tuple)) else (value,):
        if hasattr(one, "eqns") or hasattr(getattr(one, "jaxpr", None), "eqns"):
            yield one


class Evaluator:
    """Runs a traced function with other numbers at some places; it meets them in the reader's order."""

    def __init__(self, given: Mapping[int, Any]) -> None:
        self._given = given
        self._at = 0

    def closed(self, jaxpr: Any, constants: Sequence[Any], arguments: Sequence[Any]) -> list[Any]:
        known: dict[Any, Any] = {}
        for variable, constant in zip(jaxpr.constvars, constants, strict=True):
            known[variable] = self._number(constant)
        known.update(zip(jaxpr.invars, arguments, strict=True))
        for equation in jaxpr.eqns:
            values = [self._read(known, atom) for atom in equation.invars]
            made = self._equation(equation, values)
            known.update(zip(equation.outvars, made, strict=True))
        return [self._read(known, atom) for atom in jaxpr.outvars]

    @staticmethod
    def opens(equation: Any) -> bool:
        """Whether an operation is a call whose inside can stand in its place."""
        return equation.primitive.name in _OPENED

    def _equation(self, equation: Any, values: list[Any]) -> list[Any]:
        within = sum(map(count_numbers, inners(equation.params))) if self.opens(equation) else 0
        if within and any(self._at <= place < self._at + within for place in self._given):
            (inner,) = inners(equation.params)
            return self.closed(getattr(inner, "jaxpr", inner), getattr(inner, "consts", ()), values)
        self._at += within
        bound = equation.primitive.get_bind_params(dict(equation.params))
        functions, parameters = bound if isinstance(bound, tuple) else ((), bound)  # a pair until JAX 0.9
        with equation.ctx.manager:
            made = equation.primitive.bind(*functions, *values, **parameters)
        return list(made) if equation.primitive.multiple_results else [made]

    def _read(self, known: dict[Any, Any], atom: Any) -> Any:
        return self._number(atom.val) if isinstance(atom, core.Literal) else known[atom]

    def _number(self, value: Any) -> Any:
        place = self._at
        self._at += 1
        return self._given.get(place, value)


def count_numbers(closed: Any) -> int:
    """How many numbers a traced function has, outside of its loops and branches."""
    jaxpr = getattr(closed, "jaxpr", closed)
    own = len(jaxpr.constvars) + sum(isinstance(atom, core.Literal) for atom in jaxpr.outvars)
    for equation in jaxpr.eqns:
        own += sum(isinstance(atom, core.Literal) for atom in equation.invars)
        if equation.primitive.name in _OPENED:
            own += sum(map(count_numbers, inners(equation.params)))
    return own
