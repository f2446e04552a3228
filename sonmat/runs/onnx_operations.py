"""Keras's operations on tensors, as functional models hold them between layers, in ONNX's operations."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from onnx import helper

from sonmat.runs.onnx_graph import Graph, Shapes, unsupported

_TWO = {
    "Add": "Add",
    "Subtract": "Sub",
    "Multiply": "Mul",
    "Divide": "Div",
    "TrueDivide": "Div",
    "Mod": "Mod",
    "Minimum": "Min",
    "Maximum": "Max",
}
_ONE = {"Sqrt": "Sqrt", "Exp": "Exp", "Log": "Log", "Absolute": "Abs", "Negative": "Neg"}
_OVER = {"Sum": "ReduceSum", "Mean": "ReduceMean", "Max": "ReduceMax", "Min": "ReduceMin"}
_TO_THE_END = np.iinfo(np.int64).max


def operation(graph: Graph, node: Any, inputs: list[str], shapes: Shapes) -> str:
    """The output of one call of an operation, by its name.

    Args:
        graph: Grows.
        node: Keras's node of the call: the operation, and its arguments, tensors or numbers.
        inputs: The names of the tensors among the arguments, in order.
        shapes: Theirs, without the batch.

    Raises:
        UnsupportedError: An operation, or a way of slicing, that there is no way for.
    """
    kind = type(node.operation).__name__
    if not type(node.operation).__module__.startswith("keras.src.ops.") or node.arguments.kwargs.get("out") is not None:
        raise unsupported(f"{kind} ({node.operation.name})")
    names = {id(tensor): name for tensor, name in zip(node.input_tensors, inputs, strict=True)}
    values = [*node.arguments.args, *(one for one in node.arguments.kwargs.values() if one is not None)]
    if kind == "GetItem":
        return _sliced(graph, inputs[0], values[1], node.operation.name)
    if kind == "ExpandDims":
        return graph.add("Unsqueeze", [inputs[0], _numbers(graph, node.operation.axis)])
    if kind == "Concatenate" and len({str(tensor.dtype) for tensor in node.input_tensors}) == 1:
        return graph.add("Concat", inputs, axis=node.operation.axis)
    given = [_as(graph, value, names, str(node.outputs[0].dtype)) for value in values]
    if kind in _TWO and len(given) == 2:
        return graph.add(_TWO[kind], given)
    if kind in _ONE and len(given) == 1:
        return graph.add(_ONE[kind], given)
    if kind in _OVER and len(given) == 1 and node.operation.axis is not None:
        return _over(graph, kind, given[0], node.operation)
    raise unsupported(f"{kind} ({node.operation.name})")


def _as(graph: Graph, value: Any, names: dict[int, str], dtype: str) -> str:
    """An argument in the type that is computed in: ONNX, unlike Keras, does not mix types."""
    if not isinstance(value, keras.KerasTensor):
        return graph.constant(np.asarray(value, dtype))
    if str(value.dtype) == dtype:
        return names[id(value)]
    return graph.add("Cast", [names[id(value)]], to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


def _over(graph: Graph, kind: str, x: str, settings: Any) -> str:
    axes = [settings.axis] if isinstance(settings.axis, int) else list(settings.axis)
    keep = int(settings.keepdims)
    if kind == "Sum":  # the only one whose axes are an input in this version of ONNX
        return graph.add("ReduceSum", [x, _numbers(graph, axes)], keepdims=keep)
    return graph.add(_OVER[kind], [x], axes=axes, keepdims=keep)


def _sliced(graph: Graph, x: str, key: Any, where: str) -> str:
    parts = list(key) if isinstance(key, tuple | list) else [key]
    if not all(isinstance(part, slice) and part.step in (None, 1) for part in parts):
        raise unsupported(f"a slice such as {key} ({where})")
    starts = [part.start or 0 for part in parts]
    stops = [_TO_THE_END if part.stop is None else part.stop for part in parts]
    return graph.add("Slice", [x, *(_numbers(graph, one) for one in (starts, stops, list(range(len(parts)))))])


def _numbers(graph: Graph, values: Any) -> str:
    return graph.constant(np.atleast_1d(np.asarray(values, np.int64)))
