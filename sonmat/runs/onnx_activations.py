"""Keras's activations in ONNX's operations."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np

from sonmat.runs.onnx_graph import Graph, unsupported

_ONE = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "softplus": "Softplus", "softsign": "Softsign"}
_ONE |= {"exponential": "Exp"}


def activated(graph: Graph, activation: Any, x: str, where: str) -> str:
    """The output of one of Keras's activations.

    Args:
        graph: Grows.
        activation: A function of `keras.activations`, or None.
        x: The input's name.
        where: The layer, for an error.

    Raises:
        UnsupportedError: An activation that there is no way for, or one of the user's own.
    """
    name = getattr(activation, "__name__", None) if activation is not None else "linear"
    if isinstance(activation, keras.Layer):
        return activation_layer(graph, activation, [x], [])
    if activation is not None and getattr(keras.activations, str(name), None) is not activation:
        raise unsupported(f"the activation {name} ({where})")
    if name == "linear":
        return x
    if name in _ONE:
        return graph.add(_ONE[name], [x])
    made = {
        "softmax": lambda: graph.add("Softmax", [x], axis=-1),
        "log_softmax": lambda: graph.add("LogSoftmax", [x], axis=-1),
        "elu": lambda: graph.add("Elu", [x], alpha=1.0),
        "selu": lambda: graph.add("Selu", [x]),
        "leaky_relu": lambda: graph.add("LeakyRelu", [x], alpha=0.2),
        "silu": lambda: graph.add("Mul", [x, graph.add("Sigmoid", [x])]),
        "relu6": lambda: _clipped(graph, x, 0.0, 6.0),
        "hard_sigmoid": lambda: graph.add("HardSigmoid", [x], alpha=1 / 6, beta=0.5),
        "hard_silu": lambda: graph.add("Mul", [x, graph.add("HardSigmoid", [x], alpha=1 / 6, beta=0.5)]),
        "gelu": lambda: _gelu(graph, x),
        "mish": lambda: graph.add("Mul", [x, graph.add("Tanh", [graph.add("Softplus", [x])])]),
    }.get(str(name))
    if made is None:
        raise unsupported(f"the activation {name} ({where})")
    return made()


def activation_layer(graph: Graph, layer: Any, inputs: list[str], shapes: list[tuple[int | None, ...]]) -> str:
    """`Activation`, `ReLU`, `LeakyReLU` and `ELU`."""
    (x,) = inputs
    kind = type(layer).__name__
    if kind == "Activation":
        return activated(graph, layer.activation, x, layer.name)
    if kind == "LeakyReLU":
        return graph.add("LeakyRelu", [x], alpha=float(layer.negative_slope))
    if kind == "ELU":
        return graph.add("Elu", [x], alpha=float(layer.alpha))
    if kind != "ReLU" or layer.threshold:
        raise unsupported(f"{kind} ({layer.name})")
    slope = float(layer.negative_slope or 0.0)
    y = graph.add("LeakyRelu", [x], alpha=slope) if slope else graph.add("Relu", [x])
    return y if layer.max_value is None else _clipped(graph, y, None, float(layer.max_value))


def softmax_layer(graph: Graph, layer: Any, inputs: list[str], shapes: list[tuple[int | None, ...]]) -> str:
    """`Softmax` over one axis."""
    if not isinstance(layer.axis, int):
        raise unsupported(f"Softmax over {layer.axis} ({layer.name})")
    return graph.add("Softmax", inputs, axis=layer.axis)


def _clipped(graph: Graph, x: str, low: float | None, high: float) -> str:
    least = graph.constant(np.float32(low), "low") if low is not None else ""
    return graph.add("Clip", [x, least, graph.constant(np.float32(high), "high")])


def _gelu(graph: Graph, x: str) -> str:
    """x · Φ(x), with the error function, as Keras has it."""
    inner = graph.add("Erf", [graph.add("Mul", [x, graph.constant(np.float32(1 / math.sqrt(2)), "root")])])
    half = graph.add("Mul", [x, graph.constant(np.float32(0.5), "half")])
    return graph.add("Mul", [half, graph.add("Add", [inner, graph.constant(np.float32(1.0), "one")])])
