"""What a layer's sizes follow from: its window, the formula of its output, of its parameters, and its multiply-adds.

A layer is known by the name of its class. What is not known has an empty formula, and None for its multiply-adds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from sonmat.language import say
from sonmat.models.lengths import Slide, slides_of

Shape = tuple[int | None, ...]

_KIND = re.compile(r"^(Conv|DepthwiseConv|SeparableConv|MaxPooling|AveragePooling)[123]D$")
_TRANSPOSED = re.compile(r"^Conv[123]DTranspose$")
# fmt: off
_FREE = (
    "Flatten", "Reshape", "Permute", "RepeatVector", "InputLayer", "Dropout", "SpatialDropout1D",
    "SpatialDropout2D", "Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax", "GaussianNoise",
    "GaussianDropout", "AlphaDropout", "ActivityRegularization", "Masking", "Rescaling", "Embedding",
    "BatchNormalization", "LayerNormalization", "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum",
    "Concatenate", "ZeroPadding1D", "ZeroPadding2D", "Cropping1D", "Cropping2D", "UpSampling1D", "UpSampling2D",
    "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalAveragePooling1D", "GlobalAveragePooling2D", "MaxPooling1D",
    "MaxPooling2D", "MaxPooling3D", "AveragePooling1D", "AveragePooling2D", "AveragePooling3D",
)
# fmt: on
"""Layers whose work is no products of weights and inputs, or a few for each value; it is not counted, as is usual."""


def kind(layer: Any) -> str:
    """The layer's class."""
    return type(layer).__name__


def own(layer: Any) -> str:
    """The class of one of Keras's own layers; empty for others, whose names promise nothing about their attributes."""
    return kind(layer) if type(layer).__module__.startswith(("keras.src.layers.", "keras.layers.")) else ""


def slides(layer: Any, shape: Shape) -> list[Slide]:
    """As `slides_of`, and for "causal" padding too, whose lengths and reach are those of "same"."""
    if own(layer) == "Conv1D" and layer.padding == "causal" and shape[1] is not None:
        return [Slide(shape[1], layer.kernel_size[0], layer.strides[0], True, layer.dilation_rate[0])]
    return slides_of(layer, shape) if own(layer) else []


def window(layer: Any) -> str:
    """Its window in words: size, stride, padding, and dilation and groups where they are not 1; empty where it has none."""
    size = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    if not isinstance(size, (tuple, list)) or not (_KIND.match(own(layer)) or _TRANSPOSED.match(own(layer))):
        return ""
    strides = _tuple(layer.strides, len(size))
    parts = ["×".join(map(str, size)), say("stride ", "스트라이드 ") + _short(strides), str(layer.padding)]
    dilation = _tuple(getattr(layer, "dilation_rate", 1), len(size))
    if set(dilation) != {1}:
        parts.append(say("dilation ", "팽창 ") + _short(dilation))
    if getattr(layer, "groups", 1) != 1 and kind(layer).startswith("Conv"):
        parts.append(say("groups ", "그룹 ") + str(layer.groups))
    return ", ".join(parts)


def output_formula(layer: Any, inputs: Sequence[Shape], output: Shape) -> str:
    """How the output's size follows from the input's, with the numbers put in; one dimension where all are alike."""
    shape, name = inputs[0], own(layer)
    known = [one or 0 for one in shape[1:]]
    if _KIND.match(name):
        return "; ".join(dict.fromkeys(slide.formula for slide in slides(layer, shape)))
    if name == "Flatten" and None not in shape[1:] and len(known) > 1:
        return f"{' × '.join(map(str, known))} = {math.prod(known)}"
    if None in (*_spatial(layer, shape), *_spatial(layer, output)) and name != "Concatenate":
        return ""
    if _TRANSPOSED.match(name):
        return _transposed(layer, shape, output)
    if name.startswith(("ZeroPadding", "Cropping")):
        sign = "+" if name[0] == "Z" else "−"
        pairs = layer.padding if name[0] == "Z" else layer.cropping
        pairs = pairs if isinstance(pairs[0], (tuple, list)) else [pairs]
        spatial = zip(_spatial(layer, shape), pairs, _spatial(layer, output), strict=False)
        return "; ".join(dict.fromkeys(f"{n} {sign} {a} {sign} {b} = {m}" for n, (a, b), m in spatial))
    if name.startswith("UpSampling"):
        sides = _spatial(layer, shape)
        factors = _tuple(layer.size, len(sides))
        return "; ".join(dict.fromkeys(f"{n} × {by} = {(n or 0) * by}" for n, by in zip(sides, factors, strict=True)))
    if name == "Concatenate" and len(inputs) > 1 and output[layer.axis] is not None:
        return " + ".join(str(one[layer.axis]) for one in inputs) + f" = {output[layer.axis]}"
    return ""


def parameter_formula(layer: Any) -> str:
    """How the number of parameters comes about; empty where it teaches nothing."""
    if not layer.built or not layer.weights:
        return ""
    name, bias = own(layer), " + 1" if getattr(layer, "use_bias", False) else ""
    if name == "Dense":
        inputs, units = layer.kernel.shape
        return f"({inputs:,}{bias}) × {units}" if bias else f"{inputs:,} × {units}"
    if re.match(r"^Conv[123]D$", name):
        *size, inputs, filters = layer.kernel.shape
        return _times("·".join(map(str, (*size, inputs))), bias, filters)
    if re.match(r"^DepthwiseConv[123]D$", name):
        *size, inputs, each = layer.kernel.shape
        return _times("·".join(map(str, size)), bias, inputs * each)
    if re.match(r"^SeparableConv[123]D$", name):
        *size, inputs, each = layer.depthwise_kernel.shape
        first = "·".join(map(str, (*size, inputs * each)))
        return f"{first} + {_times(str(inputs * each), bias, layer.filters)}"
    if name == "Embedding":
        return f"{layer.input_dim:,} × {layer.output_dim}"
    if name == "BatchNormalization":
        return f"{len(layer.weights)} × {layer.weights[0].shape[0]}"
    return ""


def multiply_adds(layer: Any, shape: Shape, output: Shape) -> int | None:
    """Products of a weight and an input that one example takes; 0 for layers that have none, None where it is not known."""
    name = own(layer)
    if name in _FREE:
        return 0
    if not layer.built or None in shape[1:] or None in output[1:]:
        return None
    places = math.prod(n or 0 for n in _spatial(layer, output))
    if name == "Dense":
        return math.prod(n or 0 for n in output[1:]) * int(layer.kernel.shape[0])
    if re.match(r"^(Conv|DepthwiseConv)[123]D$", name):
        return places * _count(layer.kernel)
    if re.match(r"^SeparableConv[123]D$", name):
        return places * (_count(layer.depthwise_kernel) + _count(layer.pointwise_kernel))
    if _TRANSPOSED.match(name):
        return math.prod(n or 0 for n in _spatial(layer, shape)) * _count(layer.kernel)
    return None


def _count(weights: Any) -> int:
    return math.prod(int(side) for side in weights.shape)


def _times(places: str, bias: str, count: int) -> str:
    return f"({places}{bias}) × {count}" if bias else f"{places} × {count}"


def _transposed(layer: Any, shape: Shape, output: Shape) -> str:
    if any(one is not None for one in (getattr(layer, "output_padding", None),)):
        return ""
    strides = _tuple(layer.strides, len(layer.kernel_size))
    told = []
    dilation = _tuple(layer.dilation_rate, len(layer.kernel_size))
    for length, size, stride, step, came in zip(
        _spatial(layer, shape), layer.kernel_size, strides, dilation, _spatial(layer, output), strict=True
    ):
        more = "" if layer.padding == "same" else f" + max({(size - 1) * step + 1} − {stride}, 0)"
        told.append(f"{length} × {stride}{more} = {came}")
    return "; ".join(dict.fromkeys(told))


def _spatial(layer: Any, shape: Shape) -> Shape:
    first = getattr(layer, "data_format", "channels_last") == "channels_first"
    return shape[2:] if first else shape[1:-1]


def _tuple(value: Any, count: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (int(value),) * count


def _short(values: tuple[int, ...]) -> str:
    return str(values[0]) if len(set(values)) == 1 else "×".join(map(str, values))
