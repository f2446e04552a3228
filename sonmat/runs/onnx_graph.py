"""A Keras network as an ONNX graph: its layers one after the other, with their weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import onnx
from onnx import helper, numpy_helper

from sonmat.errors import UnsupportedError
from sonmat.language import say

OPSET, IR_VERSION = 17, 8
"""What ONNX Runtime 1.12 of 2022 reads, and everything since."""

BATCH = "batch"

Shapes = list[tuple[int | None, ...]]

Converter = Callable[["Graph", Any, list[str], Shapes], str]
"""From a graph, a layer, the names of its inputs and their shapes without the batch to the name of its output."""

OPERATIONS = "keras.ops"
"""The converter of what is no layer, such as `x + y`; it is told the call's node where others are told the layer."""


@dataclass
class Graph:
    """An ONNX graph that grows.

    Attributes:
        nodes: Its operations, in order.
        constants: Its weights.
    """

    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)

    def name(self, wanted: str) -> str:
        """A name that nothing else has."""
        found, number = wanted, 1
        while found in self._taken:
            number += 1
            found = f"{wanted}_{number}"
        self._taken.add(found)
        return found

    def constant(self, values: Any, name: str = "constant") -> str:
        """Weights or numbers, by the name that they get."""
        named = self.name(name)
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), named))
        return named

    def add(self, operation: str, inputs: Sequence[str], **attributes: Any) -> str:
        """The output of an operation, by its name."""
        output = self.name(operation.lower())
        self.nodes.append(helper.make_node(operation, list(inputs), [output], name=output, **attributes))
        return output


def onnx_model(model: keras.Model, converters: dict[str, Converter]) -> Any:
    """The `onnx.ModelProto` of a network; the first dimension of its inputs and outputs is free.

    Args:
        model: A built Sequential or functional model in float32.
        converters: By the name of a layer's class.

    Raises:
        UnsupportedError: A layer, or a kind of model, that there is no way for; it is named.
    """
    check_graph(model)
    graph = Graph()
    names = [graph.name(tensor.name.split(":")[0]) for tensor in model.inputs]
    outputs = _converted(graph, model, names, converters)
    named = [graph.name(f"output_{number}" if number else "output") for number in range(len(outputs))]
    for output, name in zip(outputs, named, strict=True):
        graph.nodes.append(helper.make_node("Identity", [output], [name], name=f"{name}_is"))
    proto = helper.make_graph(
        graph.nodes,
        str(model.name),
        [_described(name, tensor) for name, tensor in zip(names, model.inputs, strict=True)],
        [_described(name, tensor) for name, tensor in zip(named, model.outputs, strict=True)],
        graph.constants,
    )
    made = helper.make_model(proto, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="sonmat")
    made.ir_version = IR_VERSION
    onnx.checker.check_model(made, full_check=True)
    return made


def check_graph(model: Any) -> None:
    """Refuse a model of its own class, whose layers cannot be told from outside."""
    if not isinstance(model, keras.Model) or not hasattr(graph_of(model), "_nodes_by_depth"):
        raise UnsupportedError(
            say(
                f"{model.name} is no Sequential or functional model, so it cannot be written as ONNX.",
                f"{model.name}은(는) 순차 모델이나 함수형 모델이 아니어서 ONNX로 쓸 수 없습니다.",
            ),
            say(
                "Build it with keras.Sequential or keras.Model(inputs, outputs).",
                "keras.Sequential이나 keras.Model(inputs, outputs)로 만드세요.",
            ),
        )


def graph_of(model: Any) -> Any:
    """What holds a model's nodes: a Sequential keeps a functional model."""
    return getattr(model, "_functional", None) or model


def _described(name: str, tensor: Any) -> Any:
    kinds = {"float32": onnx.TensorProto.FLOAT, "int32": onnx.TensorProto.INT32, "int64": onnx.TensorProto.INT64}
    kinds["uint8"] = onnx.TensorProto.UINT8
    if str(tensor.dtype) not in kinds:
        raise unsupported(f"{tensor.dtype} ({tensor.name})")
    shape = [
        BATCH,
        *(f"{name}_{axis}" if size is None else size for axis, size in enumerate(tensor.shape[1:], start=1)),
    ]
    return helper.make_tensor_value_info(name, kinds[str(tensor.dtype)], shape)


def _converted(graph: Graph, model: Any, inputs: list[str], converters: dict[str, Converter]) -> list[str]:
    within = graph_of(model)
    check_graph(model)
    known = {id(tensor): name for tensor, name in zip(within.inputs, inputs, strict=True)}
    for depth in sorted(within._nodes_by_depth, reverse=True):
        for node in within._nodes_by_depth[depth]:
            if not node.input_tensors:
                continue  # an input
            given = [known[id(tensor)] for tensor in node.input_tensors]
            shapes = [tuple(tensor.shape[1:]) for tensor in node.input_tensors]
            if not isinstance(node.operation, keras.Layer) and OPERATIONS in converters:
                made = [converters[OPERATIONS](graph, node, given, shapes)]
            else:
                made = _layer(graph, node.operation, given, shapes, converters)
            known.update((id(tensor), name) for tensor, name in zip(node.outputs, made, strict=True))
    return [known[id(tensor)] for tensor in within.outputs]


def _layer(
    graph: Graph,
    layer: Any,
    inputs: list[str],
    shapes: list[tuple[int | None, ...]],
    converters: dict[str, Converter],
) -> list[str]:
    if isinstance(layer, keras.Model):
        return _converted(graph, layer, inputs, converters)
    kind = type(layer).__name__
    own = isinstance(layer, keras.Layer) and type(layer).__module__.startswith("keras.")
    if not own or kind not in converters:
        raise unsupported(f"{kind} ({layer.name})", converters)
    if layer.compute_dtype not in ("float32", "int32"):
        raise unsupported(f"{kind} in {layer.compute_dtype} ({layer.name})")
    return [converters[kind](graph, layer, inputs, shapes)]


def unsupported(what: str, known: dict[str, Converter] | None = None) -> UnsupportedError:
    """The error for what there is no way for."""
    fix = say(
        "Export it as .keras, or build it of layers that are known",
        ".keras로 내보내거나 아는 층으로 만드세요",
    )
    return UnsupportedError(
        say(f"There is no way to write {what} as ONNX.", f"{what}을(를) ONNX로 쓸 방법이 없습니다."),
        f"{fix}: {', '.join(sorted(known))}." if known else f"{fix}.",
    )
