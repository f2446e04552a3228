"""How many rows to evaluate at once, and whether that may be chosen at all."""

from __future__ import annotations

from typing import Any

import keras

_VALUES_AT_ONCE = 2**22
"""Activations that a batch may have where its size is free: 16 MiB in float32, which stays in a laptop's cache."""

_MEANS = ("sum_over_batch_size", "mean")


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
    a user wrote may look at the batch, and gets batches of the size that was asked for.
    """
    overridden = any(
        getattr(type(model), name) is not getattr(keras.Model, name)
        for name in ("test_step", "compute_loss", "compute_metrics", "compute_loss_and_updates")
        if hasattr(keras.Model, name)
    )
    return (
        not overridden
        and all(_own(layer) and not getattr(layer, "stateful", False) for layer in model._flatten_layers())
        and all(map(_mean, _flat(getattr(model, "loss", None))))
        and all(_own_metric(metric) for metric in model.metrics)
    )


def _flat(loss: Any) -> list[Any]:
    if isinstance(loss, dict):
        return [part for value in loss.values() for part in _flat(value)]
    if isinstance(loss, (list, tuple)):
        return [part for value in loss for part in _flat(value)]
    return [loss]


def _mean(loss: Any) -> bool:
    if loss is None or isinstance(loss, str):
        return True
    return (
        _own(loss) and getattr(loss, "reduction", "sum_over_batch_size") in _MEANS and _own(getattr(loss, "fn", loss))
    )


def _own_metric(metric: Any) -> bool:
    inner = getattr(metric, "metrics", None)
    if inner is not None and not callable(inner):
        return all(map(_own_metric, inner))
    return _own(metric) and _own(getattr(metric, "_fn", metric))


def _own(thing: Any) -> bool:
    """Whether Keras itself defines this object's class, or this function."""
    module = getattr(thing, "__module__", None) or type(thing).__module__
    return bool(module == "keras" or module.startswith("keras."))
