"""Keras's layers in ONNX's operations, as they are when a network is used: dropout does nothing, statistics stand still.

Arrays stay in Keras's order, channels last; around a convolution or pooling they are turned, which ONNX Runtime's optimizer
mostly takes out again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sonmat.runs.onnx_activations import activated, activation_layer, softmax_layer
from sonmat.runs.onnx_graph import OPERATIONS, Converter, Graph, Shapes, unsupported
from sonmat.runs.onnx_operations import operation


def _same(graph: Graph, layer: Any, inputs: list[str], shapes: Shapes) -> str:
    return inputs[0]


def _dense(graph: Graph, layer: Any, inputs: list[str], shapes: Shapes) -> str:
    y = graph.add("MatMul", [inputs[0], graph.constant(np.asarray(layer.kernel), f"{layer.name}_kernel")])
    return activated(graph, layer.activation, _biased(graph, layer, y), layer.name)


def _biased(graph: Graph, layer: Any, y: str) -> str:
    if not layer.use_bias:
        return y
    return graph.add("Add", [y, graph.constant(np.asarray(layer.bias), f"{layer.name}_bias")])


def _embedding(graph: Graph, layer: Any, inputs: list[str], shapes: Shapes) -> str:
    if layer.mask_zero:
        raise unsupported(f"Embedding with mask_zero ({layer.name})")
    numbers = graph.add("Cast", [inputs[0]], to=7)  # int64
    return graph.add("Gather", [graph.constant(np.asarray(layer.embeddings), f"{layer.name}_table"), numbers])


def _convolution(graph: Graph, layer: Any, inputs: list[str], shapes: Shapes) -> str:
    kernel = np.asarray(layer.kernel)
    rank = kernel.ndim - 2
    turned = np.moveaxis(kernel, (-1, -2), (0, 1))  # outputs, inputs of a group, space
    return _convolved(graph, layer, inputs[0], shapes[0], turned, layer.groups, rank)


def _depthwise(graph: Graph, layer: Any, inputs: list[str], shapes: Shapes) -> str:
    kernel = np.asarray(layer.kernel)  # space, inputs, multiplier
    rank, groups = kernel.ndim - 2, kernel.shape[-2]
    turned = np.moveaxis(kernel, (-2, -1), (0, 1)).reshape(-1, 1, *kernel.shape[:rank])
    return _convolved(graph, layer, inputs[0], shapes[0], turned, groups, rank)


def _convolved(
    graph: Graph, layer: Any, x: str, shape: tuple[int | None, ...], kernel: np.ndarray, groups: int, rank: int
) -> str:
    strides, dilation = _each(layer.strides, rank), _each(layer.dilation_rate, rank)
    weights = [graph.constant(kernel, f"{layer.name}_kernel")]
    if layer.use_bias:
        weights.append(graph.constant(np.asarray(layer.bias), f"{layer.name}_bias"))
    first = _is_channels_first(layer)
    space = shape[1:] if first else shape[:-1]
    y = graph.add(
        "Conv",
        [x if first else _turned(graph, x, rank, to_first=True), *weights],
        kernel_shape=kernel.shape[2:],
        strides=strides,
        dilations=dilation,
        group=groups,
        **_padding(layer.padding, space, kernel.shape[2:], strides, dilation),
    )
    return activated(graph, layer.activation, y if first else _turned(graph, y, rank, to_first=False), layer.name)


def _pooling(graph: Graph, layer: Any, inputs: list[str], shapes: Shapes) -> str:
    rank = 1 if type(layer).__name__.endswith("1D") else 2
    size, strides = _each(layer.pool_size, rank), _each(layer.strides, rank)
    first = _is_channels_first(layer)
    space = shapes[0][1:] if first else shapes[0][:-1]
    how = {"kernel_shape": size, "strides": strides, **_padding(layer.padding, space, size, strides, [1] * rank)}
    average = type(layer).__name__.startswith("Average")
    x = inputs[0] if first else _turned(graph, inputs[0], rank, to_first=True)
    # what was put around the picture does not count in the mean, as in Keras
    y = graph.add("AveragePool", [x], count_include_pad=0, **how) if average else graph.add("MaxPool", [x], **how)
    return y if first else _turned(graph, y, rank, to_first=False)


def _global_pooling(graph: Graph, layer: Any, inputs: list[str], shapes: Shapes) -> str:
    rank = 1 if type(layer).__name__.endswith("1D") else 2
    start = 2 if _is_channels_first(layer) else 1
    operation = "ReduceMean" if "Average" in type(layer).__name__ else "ReduceMax"
    axes = list(range(start, start + rank))
    return graph.add(operation, [inputs[0]], axes=axes, keepdims=int(layer.keepdims))


def _batch_normalization(graph: Graph, layer: Any, inputs: list[str], shapes: Shapes) -> str:
    variance, mean = np.asarray(layer.moving_variance, np.float64), np.asarray(layer.moving_mean, np.float64)
    gamma = np.asarray(layer.gamma, np.float64) if layer.scale else np.ones_like(mean)
    beta = np.asarray(layer.beta, np.float64) if layer.center else np.zeros_like(mean)
    factor = gamma / np.sqrt(variance + layer.epsilon)
    rank = len(shapes[0]) + 1
    shape = [1] * rank
    shape[layer.axis] = -1
    return _scaled(graph, inputs[0], layer.name, factor.reshape(shape), (beta - mean * factor).reshape(shape))


def _scaled(graph: Graph, x: str, name: str, factor: np.ndarray, offset: np.ndarray) -> str:
    y = graph.add("Mul", [x, graph.constant(factor.astype(np.float32), f"{name}_scale")])
    return graph.add("Add", [y, graph.constant(offset.astype(np.float32), f"{name}_offset")])


def _layer_normalization(graph: Graph, layer: Any, inputs: list[str], shapes: Shapes) -> str:
    axes = [layer.axis] if isinstance(layer.axis, int) else list(layer.axis)
    rank = len(shapes[0]) + 1
    if [axis % rank for axis in axes] != [rank - 1] or getattr(layer, "rms_scaling", False):
        raise unsupported(f"LayerNormalization over {layer.axis} ({layer.name})")
    size = shapes[0][-1] or 1
    gamma = np.asarray(layer.gamma) if layer.scale else np.ones(size, np.float32)
    weights = [graph.constant(gamma, f"{layer.name}_gamma")]
    if layer.center:
        weights.append(graph.constant(np.asarray(layer.beta), f"{layer.name}_beta"))
    return graph.add("LayerNormalization", [inputs[0], *weights], axis=-1, epsilon=float(layer.epsilon))


def _rescaling(graph: Graph, layer: Any, inputs: list[str], shapes: Shapes) -> str:
    x = graph.add("Cast", [inputs[0]], to=1)  # float32
    return _scaled(graph, x, layer.name, np.asarray(layer.scale, np.float64), np.asarray(layer.offset, np.float64))


def _normalization(graph: Graph, layer: Any, inputs: list[str], shapes: Shapes) -> str:
    mean, deviation = np.asarray(layer.mean, np.float64), np.sqrt(np.asarray(layer.variance, np.float64))
    if layer.invert:
        return _scaled(graph, inputs[0], layer.name, deviation, mean)
    factor = 1 / np.maximum(deviation, 1e-7)
    return _scaled(graph, inputs[0], layer.name, factor, -mean * factor)


def _flatten(graph: Graph, layer: Any, inputs: list[str], shapes: Shapes) -> str:
    if _is_channels_first(layer) and len(shapes[0]) > 1:
        return graph.add("Flatten", [_turned(graph, inputs[0], len(shapes[0]) - 1, to_first=False)], axis=1)
    return graph.add("Flatten", [inputs[0]], axis=1)


def _reshape(graph: Graph, layer: Any, inputs: list[str], shapes: Shapes) -> str:
    target = list(layer.target_shape)
    shape = np.array([0 if -1 in target else -1, *target], np.int64)
    return graph.add("Reshape", [inputs[0], graph.constant(shape, f"{layer.name}_shape")])


def _permute(graph: Graph, layer: Any, inputs: list[str], shapes: Shapes) -> str:
    return graph.add("Transpose", [inputs[0]], perm=[0, *layer.dims])


def _zero_padding(graph: Graph, layer: Any, inputs: list[str], shapes: Shapes) -> str:
    pads = [layer.padding] if type(layer).__name__.endswith("1D") else list(layer.padding)
    around = [(0, 0), *map(tuple, pads)]
    around.insert(1 if _is_channels_first(layer) else len(around), (0, 0))
    numbers = np.array([low for low, _ in around] + [high for _, high in around], np.int64)
    return graph.add("Pad", [inputs[0], graph.constant(numbers, f"{layer.name}_pads")])


def _merged(operation: str) -> Converter:
    def merge(graph: Graph, layer: Any, inputs: list[str], shapes: Shapes) -> str:
        y = inputs[0]
        for other in inputs[1:]:
            y = graph.add(operation, [y, other])
        return y

    return merge


def _average(graph: Graph, layer: Any, inputs: list[str], shapes: Shapes) -> str:
    return graph.add("Mean", inputs)


def _concatenate(graph: Graph, layer: Any, inputs: list[str], shapes: Shapes) -> str:
    return graph.add("Concat", inputs, axis=layer.axis)


def _is_channels_first(layer: Any) -> bool:
    return getattr(layer, "data_format", "channels_last") == "channels_first"


def _turned(graph: Graph, x: str, rank: int, *, to_first: bool) -> str:
    last = rank + 1
    order = [0, last, *range(1, last)] if to_first else [0, *range(2, last + 1), 1]
    return graph.add("Transpose", [x], perm=order)


def _each(value: Any, rank: int) -> list[int]:
    return [int(value)] * rank if isinstance(value, int) else [int(one) for one in value]


def _padding(
    kind: str, space: tuple[int | None, ...], size: Any, strides: list[int], dilation: list[int]
) -> dict[str, Any]:
    """Zeros around, so many before and after as Keras has: half of them, and the odd one after."""
    if kind == "valid":
        return {}
    pads: list[tuple[int, int]] = []
    for length, window, stride, step in zip(space, size, strides, dilation, strict=True):
        reach = (window - 1) * step
        if kind == "causal":
            pads.append((reach, 0))
        elif length is None:
            return {"auto_pad": "SAME_UPPER"}
        else:
            room = max((-(-length // stride) - 1) * stride + reach + 1 - length, 0)
            pads.append((room // 2, room - room // 2))
    return {"pads": [low for low, _ in pads] + [high for _, high in pads]}


CONVERTERS: dict[str, Converter] = {
    **dict.fromkeys(
        (
            "Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "AlphaDropout",
            "ActivityRegularization", "Identity",
        ),
        _same,
    ),
    **dict.fromkeys(("Conv1D", "Conv2D"), _convolution),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), _depthwise),
    **dict.fromkeys(("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D"), _pooling),
    **dict.fromkeys(
        ("GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalAveragePooling1D", "GlobalAveragePooling2D"), _global_pooling
    ),
    **dict.fromkeys(("Activation", "ReLU", "LeakyReLU", "ELU"), activation_layer),
    "Softmax": softmax_layer,
    "Dense": _dense,
    "Embedding": _embedding,
    "BatchNormalization": _batch_normalization,
    "LayerNormalization": _layer_normalization,
    "Rescaling": _rescaling,
    "Normalization": _normalization,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Permute": _permute,
    **dict.fromkeys(("ZeroPadding1D", "ZeroPadding2D"), _zero_padding),
    "Add": _merged("Add"),
    "Subtract": _merged("Sub"),
    "Multiply": _merged("Mul"),
    "Maximum": _merged("Max"),
    "Minimum": _merged("Min"),
    "Average": _average,
    "Concatenate": _concatenate,
    OPERATIONS: operation,
}  # fmt: skip
"""What there is a way for, by the name of a layer's class."""
