"""What a classifier sees in its input just before it decides: the inputs of its last layer with weights."""

from __future__ import annotations

import keras


def with_features(model: keras.Model) -> keras.Model:
    """A model of the same layers that gives its output and, as a second one, what its last dense layer reads, (n, features).

    The model itself where that cannot be told: several outputs, or a last layer that is no dense one.
    """
    if len(model.outputs) != 1 or len(model.inputs) != 1:
        return model
    for layer in reversed(model.layers):
        if isinstance(layer, keras.layers.Dense):
            feature = layer.input
            if isinstance(feature, (list, tuple)) or len(feature.shape) != 2:
                return model
            return keras.Model(model.inputs[0], [model.outputs[0], feature], name="with_features")
        if layer.weights:
            return model
    return model
