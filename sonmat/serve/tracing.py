"""A Keras model turned into a `Program`: traced through JAX, written down as plain values, and tested to be equal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import keras
import numpy as np

from sonmat.engine.program import values
from sonmat.serve.operations import OPERATIONS
from sonmat.serve.program import Operation, Program, widened

EQUAL = 1e-5
"""How far a program's outputs may be from Keras's; one that is farther away is not used.

Where outputs are so large inside that Keras's own float32 is farther than this from the same network in float64, as with logits
in the thousands, the program is held against Keras in float64.
"""

_BATCHES = (1009, 1013)  # two primes that are no size of a network: what differs between their traces is the batch
_CALLS = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",
    "remat": "jaxpr",
    "checkpoint": "jaxpr",
}


class _Beyond(Exception):
    """The network does something that has no counterpart in NumPy here."""


def program_of(model: keras.Model, about: Mapping[str, Any]) -> Program | None:
    """What a model does, as operations that NumPy runs.

    Args:
        model: A model of one input, (n, …), and one or several outputs.
        about: What to keep with it.

    Returns:
        The program; None where the model does what NumPy cannot do here, or gives other numbers.
    """
    if len(model.inputs) != 1 or any(size is None for size in model.inputs[0].shape[1:]):
        return None
    shape = tuple(model.inputs[0].shape[1:])
    dtype = np.dtype(str(model.inputs[0].dtype))
    state = values(model.trainable_variables), values(model.non_trainable_variables)

    def called(x: Any) -> list[Any]:
        return list(jax.tree.leaves(model.stateless_call(*state, x, training=False)[0]))

    try:
        traces = [jax.make_jaxpr(called)(jax.ShapeDtypeStruct((n, *shape), dtype)) for n in _BATCHES]
        program = _Writer(about).written(*traces)
    except _Beyond:
        return None
    random = np.random.default_rng(0)
    x = (random.random((5, *shape)) if dtype.kind == "f" else random.integers(0, 2, (5, *shape))).astype(dtype)
    came = program.run(x)
    return program if _same(came, called(x)) or _same(came, in_float64(model, x)) else None


def in_float64(model: keras.Model, x: np.ndarray) -> list[np.ndarray]:
    """A model's outputs as Keras itself gives them in float64."""

    def widened_layer(layer: keras.Layer) -> keras.Layer:
        told = layer.get_config()
        whole = isinstance(layer, keras.layers.InputLayer) and str(told.get("dtype")).startswith(("int", "uint"))
        return layer.__class__.from_config(told if whole else told | {"dtype": "float64"})

    twin = keras.models.clone_model(model, clone_function=widened_layer)
    with jax.enable_x64(True):
        wide = [array.astype(np.float64) if array.dtype.kind == "f" else array for array in (x, *model.get_weights())]
        twin.set_weights(wide[1:])
        return [np.asarray(one) for one in jax.tree.leaves(twin(wide[0], training=False))]


def _same(came: Sequence[np.ndarray], expected: Sequence[Any]) -> bool:
    pairs = zip(came, map(np.asarray, expected), strict=True)
    return all(a.shape == b.shape and np.allclose(a, b, rtol=EQUAL, atol=EQUAL) for a, b in pairs)


class _Writer:
    """Writes two traces of one function, of different batches, down as one program."""

    def __init__(self, about: Mapping[str, Any]) -> None:
        self.about = about
        self.operations: list[Operation] = []
        self.constants: dict[int, np.ndarray] = {}
        self._numbers = 0

    def written(self, one: Any, other: Any) -> Program:
        names: dict[Any, int] = {one.jaxpr.invars[0]: 0}
        self._add(one, other, names)
        results = tuple(self._read(names, variable) for variable in one.jaxpr.outvars)
        used = {number for operation in self.operations for number in operation.inputs} | set(results)
        constants = {number: array for number, array in self.constants.items() if number in used}
        return Program(tuple(self.operations), constants, results, self.about)

    def _add(self, one: Any, other: Any, names: dict[Any, int]) -> None:
        for variable, constant in zip(one.jaxpr.constvars, one.consts, strict=True):
            names[variable] = self._constant(constant)
        if len(one.jaxpr.eqns) != len(other.jaxpr.eqns):
            raise _Beyond
        for first, second in zip(one.jaxpr.eqns, other.jaxpr.eqns, strict=True):
            name = first.primitive.name
            inputs = [self._read(names, variable) for variable in first.invars]
            if name in _CALLS:
                self._open(first, second, inputs, names)
            elif name == "optimization_barrier":
                for variable, number in zip(first.outvars, inputs, strict=True):
                    names[variable] = number
            else:
                names[first.outvars[0]] = self._operation(name, first, second, inputs)

    def _open(self, first: Any, second: Any, inputs: list[int], names: dict[Any, int]) -> None:
        inner, twin = (_closed(equation.params[_CALLS[equation.primitive.name]]) for equation in (first, second))
        local = dict(zip(inner.jaxpr.invars, inputs, strict=True))
        self._add(inner, twin, local)
        for variable, made in zip(first.outvars, inner.jaxpr.outvars, strict=True):
            names[variable] = self._read(local, made)

    def _operation(self, name: str, first: Any, second: Any, inputs: list[int]) -> int:
        if name not in OPERATIONS or len(first.outvars) != 1:
            raise _Beyond
        plain = _SPECIAL.get(name, _as_they_are)
        given = _merged(plain(first), plain(second))
        if all(number in self.constants for number in inputs) and not _grows(given):
            known = OPERATIONS[name](given, *(widened(self.constants[number]) for number in inputs))
            return self._constant(known)  # such as a normalization's factor, which is the same for every batch
        self._numbers += 1
        self.operations.append(Operation(name, given, tuple(inputs), self._numbers))
        return self._numbers

    def _read(self, names: dict[Any, int], variable: Any) -> int:
        if hasattr(variable, "val"):
            return self._constant(np.asarray(variable.val, variable.aval.dtype))
        return names[variable]

    def _constant(self, value: Any) -> int:
        self._numbers += 1
        self.constants[self._numbers] = np.asarray(value)
        return self._numbers


def _closed(jaxpr: Any) -> Any:
    if hasattr(jaxpr, "consts"):
        return jaxpr
    raise _Beyond


def _as_they_are(equation: Any) -> dict[str, Any]:
    return {key: _value(equation.params[key]) for key in _KEPT.get(equation.primitive.name, ())}


def _convolution(equation: Any) -> dict[str, Any]:
    given = equation.params
    if given["batch_group_count"] != 1 or any(step != 1 for step in given["lhs_dilation"]):
        raise _Beyond
    specs = given["dimension_numbers"]
    return {
        "dimension_numbers": [list(specs.lhs_spec), list(specs.rhs_spec), list(specs.out_spec)],
        **{key: _value(given[key]) for key in ("window_strides", "padding", "rhs_dilation", "feature_group_count")},
    }


def _reduced_window(equation: Any) -> dict[str, Any]:
    given = equation.params
    if any(step != 1 for key in ("base_dilation", "window_dilation") for step in given[key]):
        raise _Beyond
    return {key: _value(given[key]) for key in ("window_dimensions", "window_strides", "padding")}


def _looked_up(equation: Any) -> dict[str, Any]:
    """Whole rows of a table by numbers, which is what an embedding asks of `gather`; nothing else."""
    given, (table, places) = equation.params, (variable.aval for variable in equation.invars)
    numbers = given["dimension_numbers"]
    rows = tuple(numbers.start_index_map) == (0,) == tuple(numbers.collapsed_slice_dims)
    offsets = tuple(range(places.ndim - 1, places.ndim - 2 + table.ndim))
    whole = tuple(given["slice_sizes"]) == (1, *table.shape[1:]) and table.ndim == 2 and places.shape[-1] == 1
    if (
        not rows
        or not whole
        or tuple(numbers.offset_dims) != offsets
        or any(getattr(numbers, "operand_batching_dims", None) or ())
    ):
        raise _Beyond
    mode = str(given["mode"])
    return {"fill": "FILL" in mode.upper()}


def _padded(equation: Any) -> dict[str, Any]:
    if any(inner for _, _, inner in equation.params["padding_config"]):
        raise _Beyond
    return _as_they_are(equation)


def _bits(equation: Any) -> dict[str, Any]:
    """Logic of whole numbers works bit by bit, which NumPy's logical functions do not."""
    if equation.invars[0].aval.dtype != bool:
        raise _Beyond
    return {}


def _divided(equation: Any) -> dict[str, Any]:
    if np.dtype(equation.invars[0].aval.dtype).kind != "f":  # whole numbers are cut towards 0
        raise _Beyond
    return {}


_SPECIAL: dict[str, Callable[[Any], dict[str, Any]]] = {
    "and": _bits,
    "conv_general_dilated": _convolution,
    "div": _divided,
    "gather": _looked_up,
    "not": _bits,
    "or": _bits,
    "pad": _padded,
    "reduce_window_max": _reduced_window,
    "reduce_window_sum": _reduced_window,
}
_KEPT: dict[str, Sequence[str]] = {
    "argmax": ("axes", "index_dtype"),
    "broadcast_in_dim": ("shape", "broadcast_dimensions"),
    "concatenate": ("dimension",),
    "convert_element_type": ("new_dtype",),
    "dot_general": ("dimension_numbers",),
    "integer_pow": ("y",),
    "iota": ("shape", "dimension", "dtype"),
    "pad": ("padding_config",),
    "reduce_and": ("axes",),
    "reduce_max": ("axes",),
    "reduce_min": ("axes",),
    "reduce_or": ("axes",),
    "reduce_prod": ("axes",),
    "reduce_sum": ("axes",),
    "reshape": ("new_sizes",),
    "rev": ("dimensions",),
    "slice": ("start_indices", "limit_indices", "strides"),
    "squeeze": ("dimensions",),
    "transpose": ("permutation",),
}


def _value(value: Any) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (list, tuple)):
        return [_value(item) for item in value]
    try:
        name = np.dtype(value).name
    except TypeError:
        raise _Beyond from None
    return "float64" if name == "float32" else name  # a program runs in float64


def _merged(one: Any, other: Any) -> Any:
    """The values of both traces: a number that differs is a multiple of the batch."""
    if isinstance(one, dict):
        return {key: _merged(value, other[key]) for key, value in one.items()}
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [_merged(a, b) for a, b in zip(one, other, strict=True)]
    if one == other:
        return one
    if isinstance(one, int) and isinstance(other, int) and one * _BATCHES[1] == other * _BATCHES[0]:
        return {"rows": one // _BATCHES[0]}
    raise _Beyond


def _grows(given: Any) -> bool:
    if isinstance(given, dict):
        return "rows" in given or any(_grows(value) for value in given.values())
    return isinstance(given, list) and any(_grows(value) for value in given)
