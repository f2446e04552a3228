"""Wide kernels kept turned over while a program trains them on a CPU.

A dense kernel (inputs, units) with few units has short rows; XLA's small products and the optimizer's update run along them.
Kept as (units, inputs) inside the loop the notes' job takes a quarter less time: 97 ms an epoch against 121 (2 cores, AVX2,
jaxlib 0.10). Shapes outside the program, and the mathematics, stay Keras's own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import keras

State = tuple[list[jax.Array], ...]

_ELEMENTWISE = tuple(
    getattr(keras.optimizers, name)
    for name in ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Nadam", "Ftrl", "Lion")
)
_MOST_ROWS, _MOST_UNITS = 32, 32  # beyond these it gains nothing, or loses
_LEAST_RATIO = 4  # inputs to units


class Turned:
    """A training step on a state whose wide kernels, and what the optimizer keeps for them, are turned over.

    Args:
        model: A compiled and built model.
        shapes: The shapes that are turned; see `shapes_to_turn`.
        optimizer: The one whose variables the state holds; the model's own by default.
    """

    def __init__(self, model: keras.Model, shapes: frozenset[tuple[int, ...]], optimizer: Any = None) -> None:
        self.model = model
        self.shapes = shapes
        self._trainable = [tuple(v.shape) in shapes for v in model.trainable_variables]
        self._optimizer = [tuple(v.shape) in shapes for v in (optimizer or model.optimizer).variables]

    def turn(self, state: State) -> State:
        """A state as the step has it, from one as Keras has it; and the other way round."""
        trainable, rest, optimizer, *others = state
        return _turned(trainable, self._trainable), rest, _turned(optimizer, self._optimizer), *others

    def step(self, state: State, data: Any) -> tuple[dict[str, Any], State]:
        """Keras's own `train_step`, with gradients for the turned kernels."""
        gradients, rest, metrics, logs = self.gradients(state, data)
        trainable, optimizer = self.update(self.model.optimizer, state[2], gradients, state[0])
        return logs, (trainable, rest, optimizer, metrics)

    def gradients(
        self, state: State, data: Any
    ) -> tuple[list[jax.Array], list[jax.Array], list[jax.Array], dict[str, Any]]:
        """The first half of a step: gradients, non-trainable and metric variables, and logs.

        The optimizer's variables are read by those that scale the loss alone; for others they may be left out.
        """
        model = self.model
        trainable, rest, optimizer, metrics = state
        x, y, weight = data

        def loss_of(kernels: list[jax.Array]) -> Any:
            upright = _turned(kernels, self._trainable)
            kept = _turned(optimizer, self._optimizer) if optimizer else []
            return model.compute_loss_and_updates(
                upright, rest, metrics, x, y, weight, training=True, optimizer_variables=kept
            )

        (_, (loss, outputs, rest, metrics)), gradients = jax.value_and_grad(loss_of, has_aux=True)(trainable)
        logs, metrics = model._update_metrics_variables(metrics, loss, x, y, outputs, weight)
        return gradients, rest, metrics, logs

    def update(
        self, optimizer: Any, state: list[jax.Array], gradients: list[jax.Array], trainable: list[jax.Array]
    ) -> tuple[list[jax.Array], list[jax.Array]]:
        """The second half: the trainable variables and the optimizer's after it.

        Args:
            optimizer: The model's own, or another that was built for its variables.
            state: The optimizer's variables.
        """
        with self._shapes_turned(optimizer):
            made: tuple[list[jax.Array], list[jax.Array]] = optimizer.stateless_apply(state, gradients, trainable)
        return made

    @contextlib.contextmanager
    def _shapes_turned(self, optimizer: Any) -> Iterator[None]:
        """Keras's variables compare shapes on assignment; while the update is traced they expect the turned ones."""
        own = [tuple(variable.shape) in self.shapes for variable in optimizer.variables]
        pairs = zip([*self.model.trainable_variables, *optimizer.variables], [*self._trainable, *own], strict=True)
        touched = [variable for variable, turned in pairs if turned]
        for variable in touched:
            variable._shape = variable._shape[::-1]
        try:
            yield
        finally:
            for variable in touched:
                variable._shape = variable._shape[::-1]


def _turned(arrays: list[jax.Array], which: list[bool]) -> list[jax.Array]:
    return [array.T if turned else array for array, turned in zip(arrays, which, strict=True)]


def turned_for(model: keras.Model, rows: int) -> Turned | None:
    """A step that is faster for this model at this batch size, or None where Keras's own is as fast."""
    shapes = shapes_to_turn(model) if rows <= _MOST_ROWS else frozenset()
    return Turned(model, shapes) if shapes else None


def shapes_to_turn(model: keras.Model) -> frozenset[tuple[int, ...]]:
    """The shapes of the kernels that gain by it; empty where the step is not plain Keras or the device is no CPU.

    A shape is turned for all variables that have it or for none, so that what the optimizer keeps for a kernel needs no
    telling apart.
    """
    if jax.default_backend() != "cpu" or not _is_plain(model):
        return frozenset()
    kernels = {id(layer.kernel) for layer in model._flatten_layers() if _is_plain_dense(layer)}
    chosen: set[tuple[int, ...]] = set()
    others: set[tuple[int, ...]] = set()
    for variable in model.trainable_variables:
        shape = tuple(variable.shape)
        (chosen if id(variable) in kernels and _gains(shape) else others).add(shape)
    return frozenset(chosen - others)


def _is_plain(model: keras.Model) -> bool:
    return steps_plainly(model) and type(model.optimizer) in _ELEMENTWISE


def steps_plainly(model: keras.Model) -> bool:
    """Whether a training step of the model is Keras's own."""
    own: tuple[Callable[..., Any], ...] = (keras.Model.train_step, keras.Model.compute_loss_and_updates)
    return tuple(getattr(type(model), method.__name__) for method in own) == own and hasattr(
        model, "_update_metrics_variables"
    )


def _is_plain_dense(layer: Any) -> bool:
    return (
        type(layer) is keras.layers.Dense
        and layer.built
        and layer.kernel_constraint is None
        and not getattr(layer, "lora_enabled", False)
        and getattr(layer, "quantization_mode", None) is None
    )


def _gains(shape: tuple[int, ...]) -> bool:
    inputs, units = shape
    return units <= _MOST_UNITS and inputs >= _LEAST_RATIO * units
