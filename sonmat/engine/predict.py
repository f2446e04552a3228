"""Predictions: probabilities of classes, and the class itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import keras
import numpy as np
from jax import lax

from sonmat.engine import checks
from sonmat.engine.batching import indifferent_to_batches, roomy
from sonmat.engine.compilation import keep_programs
from sonmat.engine.examples import Examples, gather, preparation
from sonmat.engine.kept import kept_compiled
from sonmat.engine.program import len_of, values
from sonmat.engine.rewriting import rewriting
from sonmat.engine.viewing import viewing
from sonmat.models.views import Views


def predict(
    model: keras.Model,
    x: Any,
    *,
    batch_size: int | None = None,
    steps: int | None = None,
    tta: Mapping[str, Any] | Views | None = None,
) -> Any:
    """What the model gives for each example; for a classifier, the probability of each class.

    Args:
        model: A built Keras model; it need not be compiled.
        x: Inputs in any of the forms `fit` takes; targets and weights among them are passed over.
        batch_size: Rows in a batch; by default as many as are fast, where that cannot change the result.
        steps: Batches to look at, where not all.
        tta: Test-time augmentation, such as `{"shift": 1}`: the outputs are means over the views; see `Views`.

    Returns:
        An array (n, ...) or a tree of arrays, in NumPy.
    """
    checks.check_is_model(model)
    keep_programs()
    examples = gather(x, steps=steps)
    checks.check_inputs(model, examples)
    if steps:
        examples = examples.rows(0, steps * (batch_size or examples.batch_size or 32))
    return outputs_for(model, examples, batch_size, Views.of(tta) if tta else None)


def outputs_for(
    model: keras.Model, examples: Examples, batch_size: int | None = None, views: Views | None = None
) -> Any:
    """What `predict` gives, for examples that have been gathered and checked."""
    if not all(layer.built for layer in model._flatten_layers()):
        _build(model, examples)
    free = batch_size is None and indifferent_to_batches(model)
    rows = roomy(model, len(examples)) if free else min(batch_size or examples.batch_size or 32, len(examples))
    return _predictions(model, examples, rows, views, overlap=free)


def _build(model: keras.Model, examples: Examples) -> None:
    """Make the variables of a model that has seen no input yet, as Keras's `predict` does."""
    with keras.StatelessScope():
        model(preparation(examples.scale)(jax.tree.map(jax.numpy.asarray, examples.rows(0, 1).x)))


def predict_classes(model: keras.Model, x: Any, *, batch_size: int | None = None) -> np.ndarray:
    """The class of each example: the one with the largest output, or for a single output whether it is above 0.5.

    Keras had this until 2021; it was `model.predict_classes` there.

    Returns:
        Class numbers, (n,) int64.
    """
    return classes_of(predict(model, x, batch_size=batch_size))


def classes_of(outputs: np.ndarray) -> np.ndarray:
    """Class numbers (n,) from outputs (n, classes), or (n, 1) of a sigmoid."""
    if outputs.ndim > 1 and outputs.shape[-1] == 1:
        return (outputs[..., 0] > 0.5).astype(np.int64)
    classes: np.ndarray = outputs.argmax(-1).astype(np.int64)
    return classes


def _predictions(model: keras.Model, examples: Examples, rows: int, views: Views | None, *, overlap: bool) -> Any:
    """Outputs batch by batch. Where rows do not see each other, the last batch overlaps the one before instead of being
    compiled a second time for its own size."""
    data = jax.device_put(examples.x)
    n = len_of(data)
    state = (values(model.trainable_variables), values(model.non_trainable_variables))
    prepare = preparation(examples.scale)

    def block(state: Any, data: Any, start: Any) -> Any:
        x = jax.tree.map(lambda a: lax.dynamic_slice_in_dim(a, start, rows), data)
        with rewriting(model), viewing(model, views):
            return model.predict_step(state, (prepare(x),))[0]

    def tail(state: Any, data: Any) -> Any:
        x = jax.tree.map(lambda a: a[n // rows * rows :], data)
        with rewriting(model), viewing(model, views):
            return model.predict_step(state, (prepare(x),))[0]

    whole = n // rows
    numbers = (rows, examples.scale, views)
    run = kept_compiled(model, "predict", numbers, block, state, data, np.int32(0))
    parts = [jax.device_get(run(state, data, np.int32(i * rows))) for i in range(whole)]
    if n % rows and overlap:
        last = jax.device_get(run(state, data, np.int32(n - rows)))
        parts.append(jax.tree.map(lambda a: a[rows - n % rows :], last))
    elif n % rows:
        last = kept_compiled(model, "predict the rest", numbers, tail, state, data)
        parts.append(jax.device_get(last(state, data)))
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)
