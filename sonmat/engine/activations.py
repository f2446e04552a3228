"""What every layer of a network makes of one input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from sonmat.errors import UnsupportedError
from sonmat.language import say


@dataclass(frozen=True, eq=False)
class Step:
    """One use of a layer.

    Attributes:
        name: The layer's name; behind the name of the model it lies in, and with a number where it is used again.
        layer: The layer.
        inputs: What it was given, float arrays without the batch.
        output: What it gave, without the batch; the first where it gives several.
    """

    name: str
    layer: keras.layers.Layer
    inputs: tuple[np.ndarray, ...]
    output: np.ndarray

    @property
    def kind(self) -> str:
        """The layer's class."""
        return type(self.layer).__name__


def activations(model: keras.Model, x: np.ndarray) -> list[Step]:
    """Every layer's output for one input, in the order of the network; a model within it is followed inside.

    Args:
        model: A built Sequential or functional model.
        x: One input as the network takes it, scaled, without the batch.

    Raises:
        UnsupportedError: A model of its own class, whose layers cannot be told from outside, or one with several inputs.
    """
    if not _has_graph(model) or len(model.inputs) != 1:
        raise UnsupportedError(
            say(
                f"{model.name} is no Sequential or functional model with one input, so its layers cannot be shown.",
                f"{model.name}은(는) 입력이 하나인 순차 모델이나 함수형 모델이 아니어서 층을 보여 줄 수 없습니다.",
            ),
            say(
                "Build it with keras.Sequential or keras.Model(inputs, outputs).",
                "keras.Sequential이나 keras.Model(inputs, outputs)로 만드세요.",
            ),
        )
    return _steps(model, np.asarray(x, np.float32)[None], "")


def _steps(model: keras.Model, x: Any, prefix: str) -> list[Step]:
    graph = getattr(model, "_functional", None) or model
    nodes = [node for depth in sorted(graph._nodes_by_depth, reverse=True) for node in graph._nodes_by_depth[depth]]
    used = [node for node in nodes if node.input_tensors]
    tensors = {id(tensor): tensor for node in used for tensor in (*node.input_tensors, *node.outputs)}
    found = keras.Model(list(graph.inputs), list(tensors.values()))([x], training=False) if tensors else []
    values = {key: np.asarray(value) for key, value in zip(tensors, found, strict=True)}
    times: dict[str, int] = {}
    steps: list[Step] = []
    for node in used:
        layer = node.operation
        inputs = tuple(values[id(tensor)] for tensor in node.input_tensors)
        times[layer.name] = times.get(layer.name, 0) + 1
        name = prefix + layer.name + (f" ({times[layer.name]})" if times[layer.name] > 1 else "")
        if _has_graph(layer) and len(layer.inputs) == 1:
            steps += _steps(layer, inputs[0], f"{name}/")
        steps.append(Step(name, layer, tuple(one[0] for one in inputs), values[id(node.outputs[0])][0]))
    return steps


def _has_graph(layer: Any) -> bool:
    graph = getattr(layer, "_functional", None) or layer
    return isinstance(layer, keras.Model) and hasattr(graph, "_nodes_by_depth")
