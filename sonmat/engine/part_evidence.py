"""What outputs are worth: losses row by row, calibration, confusions and contradicted labels."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from sonmat.engine.evidence import Part
from sonmat.engine.examples import Examples

_CERTAIN = 0.9999
_GROUPS = 15
_SMALLEST = 1e-7  # Keras's epsilon: the least probability that a loss takes the log of


def measured(model: keras.Model, examples: Examples, outputs: Any, of: int) -> Part:
    """The numbers of some rows.

    Args:
        model: Says which loss is meant.
        examples: The rows.
        outputs: What the model gives for them.
        of: How many rows the part has in all.
    """
    labels, chances = class_numbers(examples.y), probabilities(outputs)
    losses = row_losses(model, examples.y, outputs)
    loss, error = None, None
    if losses is not None and np.isfinite(losses).all():
        loss = float(losses.mean())
        error = float(losses.std(ddof=1) / np.sqrt(len(losses))) if len(losses) > 1 else None
    part = Part(len(examples), of, loss, error)
    if labels is None or chances is None or labels.max() >= chances.shape[1]:
        return part
    return _classified(part, labels, chances)


def _classified(part: Part, labels: np.ndarray, chances: np.ndarray) -> Part:
    n, k = chances.shape
    said = chances.argmax(1)
    largest = chances[np.arange(n), said]
    right = said == labels
    confusion = np.bincount(labels * k + said, minlength=k * k).reshape(k, k)
    rivals = chances.copy()
    rivals[np.arange(n), said] = -1.0
    wrong = ~right
    return Part(
        n=part.n,
        of=part.of,
        loss=part.loss,
        loss_error=part.loss_error,
        accuracy=float(right.mean()),
        commonest=float(np.bincount(labels).max() / n),
        counts=tuple(confusion.sum(1).tolist()),
        predicted=tuple(confusion.sum(0).tolist()),
        confusion=tuple(map(tuple, confusion.tolist())),
        confidence=float(largest.mean()),
        calibration_error=_calibration_error(largest, right),
        saturated=float((largest > _CERTAIN).mean()),
        second=float((rivals.argmax(1) == labels)[wrong].mean()) if wrong.any() else None,
        sure_wrong=float(wrong[np.argsort(-largest, kind="stable")[: max(1, n // 2)]].mean()),
        contradicted=_contradicted(labels, said, chances),
    )


def _calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    group = np.minimum((confidence * _GROUPS).astype(np.int64), _GROUPS - 1)
    sizes = np.bincount(group, minlength=_GROUPS)
    apart = np.bincount(group, confidence, _GROUPS) - np.bincount(group, right, _GROUPS)
    return float(np.abs(apart).sum() / sizes.sum())


def _contradicted(labels: np.ndarray, said: np.ndarray, chances: np.ndarray) -> int:
    """Rows that another class claims with at least its usual confidence in its own rows."""
    k = chances.shape[1]
    usual = np.array([chances[labels == c, c].mean() if (labels == c).any() else 1.0 for c in range(k)])
    return int(((said != labels) & (chances[np.arange(len(said)), said] >= usual[said])).sum())


def class_numbers(targets: Any) -> np.ndarray | None:
    """Targets as class numbers (n,) int64, where they are class numbers or one-hot rows."""
    if not isinstance(targets, np.ndarray) or not len(targets):
        return None
    if targets.ndim == 2 and targets.shape[1] > 1:
        one_hot = ((targets == 0) | (targets == 1)).all() and (targets.sum(1) == 1).all()
        return targets.argmax(1).astype(np.int64) if one_hot else None
    if targets.ndim > 2:
        return None
    flat = targets.reshape(-1)
    whole = flat.dtype.kind in "iub" or bool((flat == np.floor(flat)).all())
    return flat.astype(np.int64) if whole and flat.min() >= 0 and flat.max() < 65_536 else None


def probabilities(outputs: Any) -> np.ndarray | None:
    """Outputs as probabilities (n, classes): softmax of logits, both classes of a sigmoid; None where they are neither."""
    if not isinstance(outputs, np.ndarray) or outputs.ndim != 2 or not np.isfinite(outputs).all():
        return None
    values = outputs.astype(np.float64)
    if values.shape[1] == 1:
        return np.concatenate([1 - values, values], 1) if values.min() >= 0 and values.max() <= 1 else None
    if values.min() >= 0 and np.allclose(values.sum(1), 1, atol=1e-2):
        return values
    raised = np.exp(values - values.max(1, keepdims=True))
    chances: np.ndarray = raised / raised.sum(1, keepdims=True)
    return chances


def row_losses(model: keras.Model, targets: Any, outputs: Any) -> np.ndarray | None:
    """The compiled loss of each row (n,), regularizers apart; None where it has several outputs or none is compiled."""
    loss = getattr(model, "loss", None)
    if loss is None or not isinstance(targets, np.ndarray) or not isinstance(outputs, np.ndarray):
        return None
    if not np.isfinite(outputs).all():
        return None
    name = _loss_name(loss)
    labels = class_numbers(targets)
    if (
        "categorical_crossentropy" in name
        and labels is not None
        and outputs.ndim == 2
        and labels.max() < outputs.shape[1]
    ):
        chances = probabilities(outputs)
        assert chances is not None
        likelihood = chances[np.arange(len(labels)), labels]
        logs: np.ndarray = -np.log(np.clip(likelihood, _SMALLEST, 1.0))
        return logs
    if outputs.shape == (*targets.shape, 1):  # as Keras adjusts ranks
        targets = targets[..., None]
    if targets.shape != outputs.shape and not name.startswith("sparse"):
        return None
    try:
        one = keras.losses.get(loss)
        each = one.call(targets, outputs) if isinstance(one, keras.losses.Loss) else one(targets, outputs)
        losses: np.ndarray = np.asarray(each, np.float64).reshape(len(targets), -1).mean(1)
        return losses
    except (TypeError, ValueError, AttributeError):  # several outputs, or a loss of the user's own over the batch
        return None


def _loss_name(loss: Any) -> str:
    if isinstance(loss, str):
        name = loss
    else:
        name = getattr(loss, "name", None) or getattr(loss, "__name__", "") or ""
    plain = str(name).lower()
    known = {"categoricalcrossentropy": "categorical_crossentropy"}
    known |= {f"sparse{old}": f"sparse_{new}" for old, new in known.items()}
    return known.get(plain, plain)
