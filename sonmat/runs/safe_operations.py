"""Keras's operations on tensors, as functional models hold them between layers: masks, `x + y`, `x[:, :3]`."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import keras

from sonmat.runs import safe_values as values

# By the class that a file names: what is called. All compute from tensors and plain numbers alone.
OPERATIONS: dict[str, Callable[..., Any]] = {
    "Absolute": keras.ops.absolute,
    "Add": keras.ops.add,
    "All": keras.ops.all,
    "Any": keras.ops.any,
    "Concatenate": keras.ops.concatenate,
    "Divide": keras.ops.divide,
    "Equal": keras.ops.equal,
    "Exp": keras.ops.exp,
    "ExpandDims": keras.ops.expand_dims,
    "Greater": keras.ops.greater,
    "GreaterEqual": keras.ops.greater_equal,
    "Less": keras.ops.less,
    "LessEqual": keras.ops.less_equal,
    "Log": keras.ops.log,
    "LogicalAnd": keras.ops.logical_and,
    "LogicalNot": keras.ops.logical_not,
    "LogicalOr": keras.ops.logical_or,
    "Max": keras.ops.max,
    "Maximum": keras.ops.maximum,
    "Mean": keras.ops.mean,
    "Min": keras.ops.min,
    "Minimum": keras.ops.minimum,
    "Mod": keras.ops.mod,
    "Multiply": keras.ops.multiply,
    "Negative": keras.ops.negative,
    "NotEqual": keras.ops.not_equal,
    "Sqrt": keras.ops.sqrt,
    "Square": keras.ops.square,
    "Squeeze": keras.ops.squeeze,
    "Subtract": keras.ops.subtract,
    "Sum": keras.ops.sum,
    "TrueDivide": keras.ops.true_divide,
}


class Operation:
    """One operation with its settings; called on tensors like a layer.

    Attributes:
        name: The name under which the file's calls know it.
    """

    def __init__(self, kind: str, config: dict[str, Any]) -> None:
        self.name = values.plain(config.get("name"), f"{kind}.name")
        self._function = operator.getitem if kind == "GetItem" else OPERATIONS[kind]
        self._settings = {key: values.plain(value, f"{kind}.{key}") for key, value in config.items() if key != "name"}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._function is operator.getitem and len(args) == 2 and isinstance(args[1], list):
            args = (args[0], tuple(args[1]))
        return self._function(*args, **self._settings, **kwargs)


def is_operation(record: dict[str, Any], name: str, config: dict[str, Any]) -> bool:
    """Whether a record is an operation; layers share some of the names, and .h5 does not say which it is."""
    if name not in OPERATIONS and name != "GetItem":
        return False
    module = record.get("module")
    return module.startswith("keras.src.ops.") if isinstance(module, str) else "trainable" not in config


def slice_of(record: dict[str, Any]) -> Any:
    """A slice or an ellipsis as a file writes it."""
    if record["class_name"] == "__ellipsis__":
        return Ellipsis
    _, config = values.record_of(record, "operations")
    return slice(*(values.plain(config.get(end), "slice") for end in ("start", "stop", "step")))
