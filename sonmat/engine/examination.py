"""Looking at a trained network under frozen weights: what it reaches, what its units do, what it is given."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import jax
import keras
import numpy as np

from sonmat.data.guards import Range, contradictions, leak, order, value_range
from sonmat.engine.evidence import Evidence, Settings
from sonmat.engine.examples import Examples
from sonmat.engine.layer_evidence import layers_of, rectified_layers, settings_of, watched
from sonmat.engine.part_evidence import class_numbers, measured
from sonmat.engine.predict import outputs_for

_RANGE_ROWS = 2_000  # for the range of inputs


@dataclass(frozen=True)
class Extent:
    """How much is looked at.

    Attributes:
        rows: Rows of each part, evenly spread over it, that the network is run on.
        near: Validation rows whose nearest training row is looked for.
    """

    rows: int = 10_000
    near: int = 1_000


BRIEF = Extent(rows=3_000, near=0)
"""For the end of a training: on the notes' job a fifth of a second."""


def examine(
    model: keras.Model,
    train: Examples | None = None,
    validation: Examples | None = None,
    *,
    classes: tuple[str, ...] = (),
    extent: Extent | None = None,
    validation_outputs: Any = None,
) -> Evidence:
    """Everything about a trained network that can be seen without training it.

    The model is run as it predicts: no dropout, moving averages in place. Its weights, and its metrics' state, stay as they
    are. At most `extent.rows` rows of each part are looked at; whole sets are compared only where that is cheap (leaks,
    labels).

    Args:
        model: A built Keras model; compiled, or there are no losses to measure.
        train: The rows it was trained on.
        validation: Rows it was not.
        classes: The names of the classes.
        extent: How much to look at.
        validation_outputs: What the model gives for all validation rows, where that is known already.
    """
    extent = extent or Extent()
    found = Evidence(
        classes=classes,
        settings=settings_of(model),
        layers=layers_of(model),
        finite=all(bool(np.isfinite(np.asarray(weight)).all()) for weight in model.get_weights()),
    )
    missing = [] if train is not None else ["data"]
    if train is not None:
        found = _with_training(found, model, train, extent)
        if rectified_layers(model) and all(layer.dead is None for layer in found.layers):
            missing.append("activations")
    if validation is not None:
        some = _spread(len(validation), extent.rows)
        if validation_outputs is None:
            outputs = outputs_for(model, _rows(validation, some))
        else:
            outputs = jax.tree.map(lambda a: a[some], validation_outputs)
        found = replace(found, validation=measured(model, _rows(validation, some), outputs, len(validation)))
        if found.validation is not None and found.validation.loss is None and found.finite:
            missing.append("loss")
    else:
        missing.append("validation")
    if train is not None and validation is not None:
        found = _with_leak(found, train, validation, extent)
    return replace(found, unmeasured=tuple(missing))


def unexamined(settings: Settings | None = None) -> Evidence:
    """The evidence where there is no model to look at."""
    return Evidence(settings=settings or Settings(), unmeasured=("model", "data", "validation"))


def _with_training(found: Evidence, model: keras.Model, train: Examples, extent: Extent) -> Evidence:
    some = _rows(train, _spread(len(train), extent.rows))
    outputs, largest = watched(model, some)
    layers = tuple(
        replace(layer, dead=int((largest[layer.name] <= 0).sum()), units=len(largest[layer.name]))
        if layer.name in largest
        else layer
        for layer in found.layers
    )
    found = replace(found, layers=layers, train=measured(model, some, outputs, len(train)), seen=_seen(model, train))
    labels = class_numbers(train.y)
    if labels is not None:
        counts = np.bincount(labels, minlength=len(found.classes) or _classes(outputs))
        found = replace(found, order=order(labels), counts=tuple(counts.tolist()))
        if extent.near and isinstance(train.x, np.ndarray):
            found = replace(found, contradictions=contradictions(train.x, labels))
    return found


def _with_leak(found: Evidence, train: Examples, validation: Examples, extent: Extent) -> Evidence:
    ours, theirs = train.x, validation.x
    if not isinstance(ours, np.ndarray) or not isinstance(theirs, np.ndarray) or ours.dtype != theirs.dtype:
        return found
    numeric = ours.dtype.kind in "fu" and ours.ndim > 2  # near is a matter of images
    return replace(found, leak=leak(ours, theirs, near=extent.near if numeric else 0))


def _classes(outputs: Any) -> int:
    width = outputs.shape[-1] if isinstance(outputs, np.ndarray) and outputs.ndim == 2 else 2
    return max(2, int(width))


def _spread(n: int, rows: int) -> np.ndarray:
    """At most `rows` positions, evenly over `n`: sorted labels do not leave classes out."""
    return np.arange(n) if n <= rows else np.linspace(0, n - 1, rows).astype(np.int64)


def _rows(examples: Examples, positions: np.ndarray) -> Examples:
    if len(positions) == len(examples):
        return examples
    x, y, weight = jax.tree.map(lambda a: a[positions], examples.arrays)
    return replace(examples, x=x, y=y, weight=weight)


_PASSING = ("InputLayer", "Flatten", "Reshape", "Permute", "ZeroPadding1D", "ZeroPadding2D", "Dropout", "GaussianNoise")


def _seen(model: keras.Model, train: Examples) -> Range | None:
    """The range of what reaches the first layer that computes with it."""
    inputs = train.x
    if not isinstance(inputs, np.ndarray) or inputs.ndim < 2 or inputs.dtype.kind not in "fiub":
        return None
    seen = inputs[_spread(len(inputs), _RANGE_ROWS)].astype(np.float32) / np.float32(train.scale)
    for layer in model._flatten_layers(include_self=False, recursive=True):
        if isinstance(layer, keras.layers.Rescaling):
            seen = np.asarray(layer(seen))
        elif type(layer).__name__ in _PASSING or isinstance(layer, keras.Model):
            continue
        elif isinstance(layer, (keras.layers.Dense, *_CONVOLUTIONS)):
            return value_range(seen)
        else:  # a normalization is indifferent to scale, and what others do to it is not known
            return None
    return None


_CONVOLUTIONS = (
    *(keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D),
    *(keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D),
    *(keras.layers.SeparableConv1D, keras.layers.SeparableConv2D),
)
