"""Outlier exposure: a training that is also shown inputs of no class, and learns to give all classes alike for them.

Hendrycks et al. 2019, "Deep anomaly detection with outlier exposure" (arXiv 1812.04606). Rows of no class have the label −1.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import keras
import numpy as np

from sonmat.engine.examples import Examples
from sonmat.errors import DataError, UnsupportedError
from sonmat.language import say

NONE = -1
"""The label of a row of no class."""


def exposed(examples: Examples, outliers: Any) -> Examples:
    """The examples with outliers behind them, as raw as they are.

    Raises:
        DataError: The outliers are not shaped as the inputs.
        UnsupportedError: Several inputs or outputs, one-hot targets, or weights.
    """
    x, y, weight = examples.arrays
    if not isinstance(x, np.ndarray) or not isinstance(y, np.ndarray) or weight is not None or y.ndim != 1:
        raise UnsupportedError(
            say(
                "outliers need one input and one output, class numbers as targets, and no weights.",
                "outliers에는 입력과 출력이 하나씩이고 정답이 클래스 번호이며 가중치가 없어야 합니다.",
            ),
            say("Leave outliers out.", "outliers를 빼세요."),
        )
    more = np.asarray(outliers)
    if more.shape[1:] != x.shape[1:]:
        raise DataError(
            say(
                f"Outliers should have the inputs' shape {x.shape[1:]}; these have {more.shape[1:]}.",
                f"outliers의 모양은 입력과 같은 {x.shape[1:]}이어야 하는데 {more.shape[1:]}입니다.",
            ),
            say("Make them as the inputs are made.", "입력과 같은 방법으로 만드세요."),
        )
    labels = np.concatenate([y.astype(np.int32), np.full(len(more), NONE, np.int32)])
    return replace(examples, x=np.concatenate([x, more.astype(x.dtype)]), y=labels)


@contextlib.contextmanager
def exposing(model: keras.Model, outliers: bool) -> Iterator[None]:
    """While it is open, a training step that is traced keeps rows of no class out of its metrics.

    In their place the metrics see rows of the same batch that have a class: they stay what they are without outliers, up to
    which rows count twice.
    """
    if not outliers:
        yield
        return
    whole = model.compute_metrics

    def compute_metrics(x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        rows = _classed(y)
        return whole(x, jnp.take(y, rows, 0), jnp.take(y_pred, rows, 0), sample_weight)

    object.__setattr__(model, "compute_metrics", compute_metrics)  # past Keras's attribute tracking
    try:
        yield
    finally:
        model.__dict__.pop("compute_metrics", None)


def _classed(labels: Any) -> Any:
    """As many row numbers as there are rows, all of rows with a class (of any, where a batch has none)."""
    flat = labels.reshape(len(labels), -1)[:, 0]
    order = jnp.argsort(flat < 0, stable=True)  # those with a class first
    count = jnp.maximum(1, jnp.sum(flat >= 0))
    return order[jnp.arange(len(flat)) % count]
