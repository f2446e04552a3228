"""What a network's layers look like after training: weights that grew, units that are dead, layers nothing has moved."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from sonmat.engine.evidence import Layer, Settings
from sonmat.engine.examples import Examples
from sonmat.engine.predict import outputs_for
from sonmat.models.peak import course_of, peak_of
from sonmat.models.whitening import is_whitened

_SPATIAL = {3: keras.layers.GlobalMaxPooling1D, 4: keras.layers.GlobalMaxPooling2D, 5: keras.layers.GlobalMaxPooling3D}


def layers_of(model: keras.Model) -> tuple[Layer, ...]:
    """Every layer with weights of its own, in the model's order."""
    rectified = {layer.name for layer in rectified_layers(model)}
    return tuple(
        _layer(layer, layer.name in rectified)
        for layer in model._flatten_layers(include_self=False)
        if layer.weights and not list(layer._flatten_layers(include_self=False))
    )


def _layer(layer: keras.Layer, rectified: bool) -> Layer:
    kernel = getattr(layer, "kernel", None)
    bias = getattr(layer, "bias", None)
    values = None if kernel is None else np.asarray(kernel, np.float32)
    return Layer(
        name=layer.name,
        kind=type(layer).__name__,
        parameters=int(layer.count_params()),
        units=_units(layer),
        trainable=bool(layer.trainable),
        unmoved=bias is not None and not np.asarray(bias, np.float32).any() and _starts_at_zero(layer),
        growth=None if values is None else _growth(values),
        rectified=rectified,
        whitened=is_whitened(layer),
    )


def _starts_at_zero(layer: keras.Layer) -> bool:
    return isinstance(getattr(layer, "bias_initializer", None), keras.initializers.Zeros)


def _growth(kernel: np.ndarray) -> float:
    """How much larger the weights are than Glorot's initializer makes them: √(2 / (fan in + fan out))."""
    window = int(np.prod(kernel.shape[:-2])) if kernel.ndim > 2 else 1
    fans = window * (kernel.shape[-2] + kernel.shape[-1]) if kernel.ndim > 1 else 2 * kernel.shape[0]
    return float(np.sqrt((kernel.astype(np.float64) ** 2).mean()) / np.sqrt(2 / fans))


def _units(layer: keras.Layer) -> int:
    for name in ("units", "filters"):
        if isinstance(getattr(layer, name, None), int):
            return int(getattr(layer, name))
    try:
        return int(layer.output.shape[-1] or 0)
    except (AttributeError, ValueError, TypeError):
        return 0


def rectified_layers(model: keras.Model) -> list[keras.Layer]:
    """Layers with weights whose outputs are a ReLU's: exactly 0 where they are not positive."""
    return [
        layer
        for layer in model._flatten_layers(include_self=False)
        if layer.weights and getattr(layer, "activation", None) is keras.activations.relu
    ]


def watched(model: keras.Model, examples: Examples) -> tuple[Any, dict[str, np.ndarray]]:
    """Outputs of the model, and for each ReLU layer the largest output of each unit, from one pass.

    Returns:
        What `predict` gives, and layer's name → (units,); no entry where a layer's output cannot be reached, as in a model
        that is written as a class.
    """
    reached = _probe(model)
    if reached is None:
        return outputs_for(model, examples), {}
    probe, names = reached
    outputs, *inside = outputs_for(probe, examples)
    return outputs, {name: values.max(0) for name, values in zip(names, inside, strict=True)}


def _probe(model: keras.Model) -> tuple[keras.Model, list[str]] | None:
    """The model with further outputs: each ReLU unit's largest value over the places of a feature map."""
    outside, names = [], []
    try:
        for layer in rectified_layers(model):
            inside = layer.output
            if len(inside.shape) in _SPATIAL and layer in model.layers:
                outside.append(_SPATIAL[len(inside.shape)](data_format=_data_format(layer))(inside))
            elif len(inside.shape) == 2 and layer in model.layers:
                outside.append(inside)
            else:
                continue
            names.append(layer.name)
        if not names or len(model.outputs) != 1:
            return None
        return keras.Model(model.inputs, [model.outputs[0], *outside]), names
    except (AttributeError, ValueError):  # written as a class, or used more than once
        return None


def _data_format(layer: keras.Layer) -> str:
    return getattr(layer, "data_format", None) or "channels_last"


def settings_of(model: keras.Model) -> Settings:
    """What the model itself says of how it was trained."""
    every = model._flatten_layers(include_self=False)
    drops = [float(layer.rate) for layer in every if isinstance(layer, keras.layers.Dropout)]
    weighted = [layer for layer in model._flatten_layers(include_self=False) if layer.weights and _hidden(layer)]
    normalizations = [layer for layer in every if isinstance(layer, keras.layers.BatchNormalization)]
    optimizer = getattr(model, "optimizer", None)
    rate, left = _rate(optimizer)
    return Settings(
        optimizer=type(optimizer).__name__ if optimizer is not None else None,
        learning_rate=rate,
        dropout=max(drops, default=0.0),
        parameters=int(model.count_params()),
        narrowest=min((_units(layer) for layer in weighted[:-1]), default=None),
        momentum=max((float(layer.momentum) for layer in normalizations), default=None),
        rate_left=left,
    )


def _hidden(layer: keras.Layer) -> bool:
    return getattr(layer, "kernel", None) is not None and not list(layer._flatten_layers(include_self=False))


def _rate(optimizer: Any) -> tuple[float | None, float | None]:
    """The learning rate, or its schedule's peak; and the share of the peak that is left now, where there is a schedule."""
    try:
        rate = float(np.asarray(optimizer.learning_rate))
        schedule, steps = optimizer._learning_rate, int(optimizer.iterations)
        if not isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
            return rate, None
        return course_of(schedule, steps) if steps else (peak_of(schedule), None)
    except (AttributeError, TypeError, ValueError, ArithmeticError):  # what only resembles an optimizer
        return None, None
