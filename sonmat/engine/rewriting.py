"""Convolutions and pooling replaced, on a CPU, by programs that a loop runs fast.

A model's forward pass is traced, and traced again with other operations in the place of JAX's convolutions and pooling
(`convolution`, `pooling`), wherever in the model they come from: Keras's layers, custom layers, `keras.ops`, JAX itself. All
else, and the gradient, is what it was. Convolution, bias, activation and a pooling whose windows lie side by side are computed
together where nothing else reads what is between them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import keras

from sonmat.engine.compilation import SLOW_IN_LOOPS, holds
from sonmat.engine.convolution import Convolution, biased
from sonmat.engine.flattened import Atom, Flat, Operation, Value
from sonmat.engine.pooling import Pooling, largest

_CONVOLUTION = "conv_general_dilated"
_POOLINGS = {"reduce_window_max": "max", "reduce_window_min": "min", "reduce_window_sum": "sum"}
_MONOTONE = ("tanh", "logistic")


@contextlib.contextmanager
def rewriting(model: keras.Model) -> Iterator[list[str]]:
    """While a step of this model is traced, its convolutions and pooling are rewritten; on another device nothing is.

    Yields:
        Why an operation stayed JAX's own, one entry each; filled by the tracing.
    """
    refused: list[str] = []
    if jax.default_backend() != "cpu" or not may_convolve(model):
        yield refused
        return
    own = model.stateless_call

    def stateless_call(trainable: Any, rest: Any, *args: Any, **kwargs: Any) -> Any:
        return rewritten(lambda *arrays: own(*arrays, **kwargs), (trainable, rest, *args), refused)

    # In the instance's dictionary, past Keras's own bookkeeping of attributes, and gone when the trace is.
    before = model.__dict__.get("stateless_call")
    model.__dict__["stateless_call"] = stateless_call
    try:
        yield refused
    finally:
        del model.__dict__["stateless_call"]
        if before is not None:
            model.__dict__["stateless_call"] = before


def may_convolve(model: keras.Model) -> bool:
    """Whether a layer convolves or pools, as far as its class tells; a class that is not Keras's own may."""
    return any(
        not type(layer).__module__.startswith("keras.") or ".convolutional." in module or ".pooling." in module
        for layer in model._flatten_layers()
        if (module := type(layer).__module__)
    )


def rewritten(function: Callable[..., Any], arguments: tuple[Any, ...], refused: list[str] | None = None) -> Any:
    """What `function` gives for `arguments`, computed without JAX's convolutions and pooling where there is another way.

    Args:
        function: Of trees of arrays; returns a tree of arrays.
        arguments: Arrays or tracers.
        refused: Takes the reasons for what stays.
    """
    masks: list[Any] = []

    def with_masks(*inputs: Any) -> Any:
        outputs = function(*inputs)
        found = [getattr(leaf, "_keras_mask", None) for leaf in jax.tree.leaves(outputs)]
        masks[:] = [mask is not None for mask in found]
        return outputs, [mask for mask in found if mask is not None]

    closed, shapes = jax.make_jaxpr(with_masks, return_shape=True)(*arguments)
    if not holds(closed, SLOW_IN_LOOPS):
        return function(*arguments)
    plan = Plan.of(Flat.of(closed, SLOW_IN_LOOPS))
    if refused is not None:
        refused.extend(plan.refused)
    leaves = [jnp.asarray(leaf) for leaf in jax.tree.leaves(arguments)]
    results = plan.run(leaves)
    outputs, found = jax.tree.unflatten(jax.tree.structure(shapes), results)
    marked = [leaf for leaf, mask in zip(jax.tree.leaves(outputs), masks, strict=True) if mask]
    for leaf, mask in zip(marked, found, strict=True):
        leaf._keras_mask = mask  # as Keras marks what a masked layer gives; the loss looks for it
    return outputs


@dataclass
class Plan:
    """What is done instead of which operation.

    Attributes:
        flat: The traced function.
        instead: By the number of an operation's first output: what makes its outputs; an empty list of outputs for what is
            computed together with a later operation.
        refused: Why an operation stays JAX's own.
        together: How many poolings are computed with the convolution before them.
    """

    flat: Flat
    instead: dict[int, Callable[[Callable[[Atom], Any]], list[Any]]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    together: int = 0

    @classmethod
    def of(cls, flat: Flat) -> Plan:
        """Decide for each operation."""
        plan = cls(flat)
        makers = {value: operation for operation in flat.operations for value in operation.outputs}
        uses = flat.uses()
        for operation in flat.operations:
            if operation.name == _CONVOLUTION:
                plan._convolve(operation)
            elif operation.name in _POOLINGS:
                plan._pool(operation, Chain.before(operation, makers, uses))
            elif operation.name.startswith(SLOW_IN_LOOPS) or any(
                holds(inner, SLOW_IN_LOOPS) for inner in _inner(operation)
            ):
                plan.refused.append(f"{operation.name}: {_why(operation)}")
        return plan

    def run(self, arguments: list[Any]) -> list[Any]:
        """The function's results."""

        def instead(operation: Operation, read: Callable[[Atom], Any]) -> list[Any] | None:
            chosen = self.instead.get(operation.outputs[0].number) if operation.outputs else None
            return None if chosen is None else chosen(read)

        results: list[Any] = self.flat.run(arguments, instead)
        return results

    def _convolve(self, operation: Operation) -> None:
        convolution = convolution_of(operation)
        if isinstance(convolution, str):
            self.refused.append(f"convolution: {convolution}")
            return
        x, kernel = operation.inputs
        dtype = operation.outputs[0].aval.dtype

        def run(read: Callable[[Atom], Any]) -> list[Any]:
            return [convolution(read(x), read(kernel)).astype(dtype)]

        self.instead[operation.outputs[0].number] = run

    def _pool(self, operation: Operation, chain: Chain | None) -> None:
        (x,) = operation.inputs
        pooling = pooling_of(operation)
        if isinstance(pooling, str):
            self.refused.append(f"pooling: {pooling}")
            return
        if chain is not None and chain.fits(pooling):
            self.together += 1
            for skipped in chain.operations:
                self.instead[skipped.outputs[0].number] = lambda read: [None]
            self.instead[operation.outputs[0].number] = lambda read: [chain.run(read, pooling)]
        else:
            self.instead[operation.outputs[0].number] = lambda read: [pooling(read(x))]


def convolution_of(operation: Operation) -> Convolution | str:
    """The convolution that an operation is, or why it stays JAX's own."""
    x, kernel = (value.aval for value in operation.inputs)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        return f"values of {x.dtype}"
    if 0 in operation.outputs[0].aval.shape:
        return "an empty output"
    return Convolution.of(operation.parameters, kernel.shape)


def pooling_of(operation: Operation) -> Pooling | str:
    """The pooling that an operation is, or why it stays JAX's own."""
    aval = operation.inputs[0].aval
    if not jnp.issubdtype(aval.dtype, jnp.floating):
        return f"values of {aval.dtype}"
    if 0 in operation.outputs[0].aval.shape:
        return "an empty output"
    return Pooling.of(_POOLINGS[operation.name], operation.parameters) or "a dilated input"


@dataclass(frozen=True)
class Chain:
    """A convolution and what follows it one after the other, read by nothing else, up to a pooling.

    Attributes:
        convolution: The first operation's.
        operations: The convolution, then additions of a value per channel and activations.
    """

    convolution: Convolution
    operations: tuple[Operation, ...]

    @classmethod
    def before(cls, pool: Operation, makers: dict[Value, Operation], uses: Any) -> Chain | None:
        """The chain that ends in the pooling's input, or None."""
        found: list[Operation] = []
        atom = pool.inputs[0]
        while isinstance(atom, Value) and uses[atom] == 1 and atom in makers:
            operation = makers[atom]
            found.append(operation)
            if operation.name == _CONVOLUTION:
                convolution = convolution_of(operation)
                return None if isinstance(convolution, str) else cls(convolution, tuple(reversed(found)))
            following = _continued(operation)
            if following is None:
                return None
            atom = following
        return None

    def fits(self, pooling: Pooling) -> bool:
        """Whether the two can be computed together."""
        batch, channels = self.convolution.output_order[0], self.convolution.output_order[-1]
        within = pooling.size[batch] == pooling.size[channels] == 1
        biases = (_bias(operation) for operation in self.operations if operation.name == "add")
        plain = all(_per_channel(bias, channels) for bias in biases)
        same = len({operation.outputs[0].aval.dtype for operation in self.operations}) == 1
        return within and plain and same and pooling.apart and pooling.kind in ("max", "sum")

    def run(self, read: Callable[[Atom], Any], pooling: Pooling) -> Any:
        """The pooled output."""
        first, *after = self.operations
        every = [pooling.size[axis] for axis in self.convolution.output_order[1:-1]]
        x, kernel = map(read, first.inputs)
        dtype = first.outputs[0].aval.dtype
        phases = [phase.astype(dtype) for phase in self.convolution.phases(x, kernel, every)]
        if pooling.kind == "max":  # all that may follow is monotone: the largest stays the largest
            return self.convolution.ordered(self._after(largest(phases), after, read))
        values = [self._after(phase, after, read) for phase in phases]
        return self.convolution.ordered(sum(values[1:], values[0]))

    def _after(self, y: Any, operations: Sequence[Operation], read: Callable[[Atom], Any]) -> Any:
        for operation in operations:
            if operation.name == "add":
                y = biased(y, jnp.reshape(read(_bias(operation)), -1))
            elif operation.name in _MONOTONE:
                (y,) = operation.run(y)
            else:
                y = jax.nn.relu(y)
        return y


def _continued(operation: Operation) -> Atom | None:
    """The input along which a chain goes on, where the operation may be part of one."""
    if operation.name == "add":
        shape = operation.outputs[0].aval.shape
        whole = [atom for atom in operation.inputs if atom.aval.shape == shape]
        return whole[0] if len(whole) == 1 else None
    return operation.inputs[0] if operation.name in _MONOTONE or _is_relu(operation) else None


def _bias(operation: Operation) -> Atom:
    """What is added to the larger input."""
    return min(operation.inputs, key=lambda atom: atom.aval.size)


def _per_channel(atom: Atom, channels: int) -> bool:
    return all(size == 1 for axis, size in enumerate(atom.aval.shape) if axis != channels)


def _is_relu(operation: Operation) -> bool:
    """JAX's own: a maximum with 0 whose derivative at 0 is 0. By its name and file, as another derivative would look alike."""
    if operation.name != "custom_jvp_call":
        return False
    info = getattr(operation.parameters["call_jaxpr"], "debug_info", None)
    name, _, place = str(getattr(info, "func_src_info", "")).partition(" at ")
    return name == "relu" and "jax" in place and "nn" in place


def _inner(operation: Operation) -> Iterator[Any]:
    for parameter in operation.parameters.values():
        for one in parameter if isinstance(parameter, (list, tuple)) else (parameter,):
            if hasattr(one, "eqns") or hasattr(one, "jaxpr"):
                yield one


def _why(operation: Operation) -> str:
    return "inside it" if any(True for _ in _inner(operation)) else "no other way is known"
