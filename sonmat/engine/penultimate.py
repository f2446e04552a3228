"""What a classifier sees in its input just before it decides: the inputs of its last layer with weights."""

from __future__ import annotations

import keras

_PLACE = "__sonmat_with_features__"  # a dunder name, which Keras's savers pass over


def with_features(model: keras.Model) -> keras.Model:
    """A model of the same layers that gives its output and, as a second one, what its last dense layer reads, (n, features).

    It is made once for a model, so that what is compiled for it is compiled once. The model itself where the features cannot
    be told: several outputs, or a last layer that is no dense one.
    """
    made = model.__dict__.get(_PLACE)
    if made is None:
        made = _with_features(model)
        if made is not model:
            object.__setattr__(model, _PLACE, made)  # past Keras's attribute tracking
    return made


def _with_features(model: keras.Model) -> keras.Model:
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
