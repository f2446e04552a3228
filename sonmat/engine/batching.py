"""How many rows to evaluate at once, and whether that may be chosen at all."""

from __future__ import annotations

from typing import Any

import keras

_VALUES_AT_ONCE = 2**22
"""Activations that a batch may have where its size is free: 16 MiB in float32, which stays in a laptop's cache."""

_MEANS = ("sum_over_batch_size", "mean")

_OF_THE_BATCH = (
    "dice",
    "tversky",
    "circle",
)  # losses of Keras's that compare the rows of a batch, or sum over all of them


def roomy(model: keras.Model, rows: int) -> int:
    """Rows in a batch that keep two cores busy without leaving the cache: 128 to 4096."""
    widest = sum(_size(layer) for layer in model.layers) or 1
    chosen = 4096
    while chosen > 128 and chosen * widest > _VALUES_AT_ONCE:
        chosen //= 2
    return min(chosen, rows)


def _size(layer: keras.Layer) -> int:
    try:
        shape = layer.output.shape
    except (AttributeError, ValueError):
        return 0
    size = 1
    for length in shape[1:]:
        size *= length or 1
    return size


def indifferent_to_batches(model: keras.Model) -> bool:
    """Whether loss and metrics over some rows are the same, but for rounding, however they are cut into batches.

    So it is where everything is Keras's own: its losses' means, its metrics, layers that keep nothing between batches. What
    a user wrote may look at the batch, and gets batches of the size that was asked for; so do operations put between
    layers, masks (the mean is over what they leave of a batch) and activity regularizers.
    """
    overridden = any(
        getattr(type(model), name) is not getattr(keras.Model, name)
        for name in ("test_step", "compute_loss", "compute_metrics", "compute_loss_and_updates")
        if hasattr(keras.Model, name)
    )
    return (
        not overridden
        and all(map(_by_row, model._flatten_layers()))
        and all(map(_mean, flat(getattr(model, "loss", None))))
        and all(map(_own_metric, model.metrics))
    )


def keras_own(model: keras.Model) -> bool:
    """Whether a model, its layers, losses and metrics are of Keras's own classes and functions."""
    metrics = getattr(model, "_compile_metrics", None)
    asked = [getattr(metrics, "_user_metrics", None), getattr(metrics, "_user_weighted_metrics", None)]
    return (
        _own(model)
        and all(_own(layer) and _own(getattr(layer, "activation", None)) for layer in model._flatten_layers())
        and not any(isinstance(layer, keras.layers.Lambda) for layer in model._flatten_layers())
        and all(isinstance(one, str) or _own(getattr(one, "fn", one)) for one in flat(getattr(model, "loss", None)))
        and all(isinstance(one, str) or _own(getattr(one, "_fn", one)) for one in flat(asked))
    )


def _by_row(layer: keras.Layer) -> bool:
    return (
        _own(layer)
        and not isinstance(layer, (keras.layers.Lambda, keras.layers.Masking))
        and not getattr(layer, "stateful", False)
        and not getattr(layer, "mask_zero", False)
        and getattr(layer, "activity_regularizer", None) is None
        and _own(getattr(layer, "activation", None))
        and all(isinstance(operation, keras.Layer) for operation in getattr(layer, "operations", ()))
    )


def flat(loss: Any) -> list[Any]:
    """What is in a list or dict, or in lists of lists; one thing alone as a list."""
    if isinstance(loss, dict):
        return [part for value in loss.values() for part in flat(value)]
    if isinstance(loss, (list, tuple)):
        return [part for value in loss for part in flat(value)]
    return [loss]


def _mean(loss: Any) -> bool:
    if isinstance(loss, str):
        return _by_row_named(loss)
    function = getattr(loss, "fn", loss)
    return (
        _own(loss)
        and _own(function)
        and _by_row_named(getattr(function, "__name__", type(function).__name__))
        and getattr(loss, "reduction", "sum_over_batch_size") in _MEANS
        and getattr(loss, "ignore_class", None) is None
    )


def _own_metric(metric: Any) -> bool:
    inner = getattr(metric, "metrics", None)
    if inner is not None and not callable(inner):
        return all(map(_own_metric, inner))
    function = getattr(metric, "_fn", metric)
    return _own(metric) and _own(function) and _by_row_named(getattr(function, "__name__", type(function).__name__))


def _by_row_named(loss: str) -> bool:
    return not loss.lower().startswith(_OF_THE_BATCH)


def _own(thing: Any) -> bool:
    """Whether Keras itself defines this object's class, or this function. None is nobody else's."""
    if thing is None:
        return True
    module = getattr(thing, "__module__", None) or type(thing).__module__
    return bool(module == "keras" or module.startswith("keras."))
