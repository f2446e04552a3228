"""A traced function as one list of operations, calls among them opened where that helps to see across their borders."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jax.extend import core

from sonmat.engine.compilation import holds

_CALLS = ("jit", "pjit", "closed_call")
"""Calls whose inside can stand in their place; a custom derivative or a loop cannot."""


@dataclass(frozen=True)
class Value:
    """What an operation reads or makes, by number."""

    number: int
    aval: Any


@dataclass(frozen=True)
class Constant:
    """A value that is known while tracing."""

    value: Any
    aval: Any


Atom = Value | Constant


@dataclass
class Operation:
    """One operation.

    Attributes:
        name: JAX's name of the primitive.
        parameters: Its parameters.
        inputs: What it reads.
        outputs: What it makes.
        context: JAX's settings under which it was traced.
    """

    primitive: Any
    parameters: Mapping[str, Any]
    inputs: list[Atom]
    outputs: list[Value]
    context: contextlib.AbstractContextManager[Any]

    @property
    def name(self) -> str:
        """JAX's name of the primitive."""
        return str(self.primitive.name)

    def run(self, *values: Any) -> list[Any]:
        """The outputs for these inputs."""
        bound = self.primitive.get_bind_params(dict(self.parameters))
        functions, parameters = bound if isinstance(bound, tuple) else ((), bound)  # a pair until JAX 0.9
        with self.context:
            made = self.primitive.bind(*functions, *values, **parameters)
        return list(made) if self.primitive.multiple_results else [made]


@dataclass
class Flat:
    """A traced function, flat.

    Attributes:
        inputs: Its arguments.
        operations: In an order in which they can be run.
        outputs: Its results.
    """

    inputs: list[Value] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    outputs: list[Atom] = field(default_factory=list)
    _count: int = 0

    @classmethod
    def of(cls, closed: Any, opened: tuple[str, ...]) -> Flat:
        """From what `jax.make_jaxpr` gives.

        Args:
            closed: The traced function.
            opened: Beginnings of names of primitives; a call that holds one of them is opened.
        """
        flat = cls()
        names: dict[Any, Atom] = {}
        for variable in closed.jaxpr.invars:
            flat.inputs.append(flat._named(names, variable))
        flat._add(closed.jaxpr, closed.consts, names, opened)
        flat.outputs = [_read(names, variable) for variable in closed.jaxpr.outvars]
        return flat

    def _named(self, names: dict[Any, Atom], variable: Any) -> Value:
        self._count += 1
        value = Value(self._count, variable.aval)
        names[variable] = value
        return value

    def _add(self, jaxpr: Any, constants: Any, names: dict[Any, Atom], opened: tuple[str, ...]) -> None:
        for variable, constant in zip(jaxpr.constvars, constants, strict=True):
            names[variable] = Constant(constant, variable.aval)
        for equation in jaxpr.eqns:
            inputs = [_read(names, variable) for variable in equation.invars]
            inner = equation.params.get("jaxpr") if equation.primitive.name in _CALLS else None
            if inner is not None and holds(inner, opened):
                within, known = getattr(inner, "jaxpr", inner), getattr(inner, "consts", ())
                local = dict(zip(within.invars, inputs, strict=True))
                self._add(within, known, local, opened)
                for variable, made in zip(equation.outvars, within.outvars, strict=True):
                    names[variable] = _read(local, made)
                continue
            outputs = [self._named(names, variable) for variable in equation.outvars]
            self.operations.append(
                Operation(equation.primitive, equation.params, inputs, outputs, equation.ctx.manager)
            )

    def uses(self) -> Counter[Atom]:
        """How often each value is read, the results counted."""
        read = (atom for operation in self.operations for atom in operation.inputs)
        return Counter(atom for atom in (*read, *self.outputs) if isinstance(atom, Value))

    def run(self, arguments: list[Any], instead: Callable[[Operation, Callable[[Atom], Any]], list[Any] | None]) -> Any:
        """The results for some arguments.

        Args:
            arguments: As many as there are inputs.
            instead: Asked for each operation; what it returns are the outputs, and for None the operation is run. Its
                second argument reads a value.
        """
        known: dict[int, Any] = {value.number: argument for value, argument in zip(self.inputs, arguments, strict=True)}

        def read(atom: Atom) -> Any:
            return atom.value if isinstance(atom, Constant) else known[atom.number]

        for operation in self.operations:
            made = instead(operation, read)
            if made is None:
                made = operation.run(*map(read, operation.inputs))
            known.update(zip((value.number for value in operation.outputs), made, strict=True))
        return [read(atom) for atom in self.outputs]


def _read(names: dict[Any, Atom], variable: Any) -> Atom:
    return Constant(variable.val, variable.aval) if isinstance(variable, core.Literal) else names[variable]
