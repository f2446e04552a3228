"""The course of a training: its curves as numbers, how noisy they are, when one turned and whether it still falls."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ACCURACIES = ("accuracy", "acc", "sparse_categorical_accuracy", "categorical_accuracy", "binary_accuracy")


@dataclass(frozen=True, eq=False)
class Turn:
    """That validation loss stopped falling and rose.

    Attributes:
        best: The epoch of the smallest validation loss, counted from 1.
        low, last: The loss then, and the mean of the last epochs'.
        p_value: How often noise alone would rise as steadily (Mann and Kendall's test, one-sided).
        noises: How many times the noise between epochs the rise is, from the median of the epochs around the best.
    """

    best: int
    low: float
    last: float
    p_value: float
    noises: float


@dataclass(frozen=True, eq=False)
class Course:
    """The curves of a run, (epochs,) each; NaN where an epoch has no number.

    Attributes:
        loss, accuracy: Of the training rows, while the weights changed.
        val_loss, val_accuracy: Of the validation rows, at each epoch's end.
        broken: The first epoch, counted from 1, whose training loss is infinite or NaN; None without one.
    """

    loss: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    val_loss: NDArray[np.float64]
    val_accuracy: NDArray[np.float64]
    broken: int | None = None

    @classmethod
    def of(cls, history: Sequence[Mapping[str, Any]]) -> Course:
        """From the records of a journal, whatever they hold."""
        records = [record for record in history if isinstance(record, Mapping)]
        names = {name for record in records for name in record}
        accuracy = next((name for name in _ACCURACIES if name in names), "accuracy")
        loss = _column(records, "loss")
        bad = [i for i, record in enumerate(records) if "loss" in record and not math.isfinite(loss[i])]
        return cls(
            loss,
            _column(records, accuracy),
            _column(records, "val_loss"),
            _column(records, f"val_{accuracy}"),
            bad[0] + 1 if bad else None,
        )

    def __len__(self) -> int:
        return len(self.loss)

    @property
    def best(self) -> int | None:
        """The epoch of the smallest validation loss, counted from 1."""
        return int(np.nanargmin(self.val_loss)) + 1 if np.isfinite(self.val_loss).any() else None

    @property
    def turn(self) -> Turn | None:
        """Where validation loss turned; None where its best epoch is the last, or it has fewer than two after it."""
        best = self.best
        if best is None or best == len(self):
            return None
        after = _finite(self.val_loss[best:])
        if len(after) < 2:
            return None
        low, last = float(self.val_loss[best - 1]), float(after[-min(3, len(after)) :].mean())
        around = float(np.median(_finite(self.val_loss[max(0, best - 2) : best + 1])))  # the best of many is lucky too
        return Turn(best, low, last, _rising(after), (last - around) / max(noise(self.val_loss), 1e-9, 1e-3 * abs(low)))

    @property
    def falling(self) -> float:
        """By which part doubling the epochs would lower the validation loss (without one, the training loss), 0..1.

        A line through log loss over log epoch, second half: losses fall about as a power of the number of steps.
        """
        curve = self.val_loss if np.isfinite(self.val_loss).sum() >= 2 else self.loss
        return _gain(curve)

    @property
    def falling_in_training(self) -> float:
        """The same of the training loss, whatever validation says."""
        return _gain(self.loss)

    @property
    def jumps(self) -> float:
        """The noise between epochs of the training loss, as a part of its mean, over the second half."""
        half = _finite(self.loss[len(self) // 2 :])
        return noise(self.loss[len(self) // 3 :]) / max(float(half.mean()), 1e-3) if len(half) > 1 else 0.0


def noise(curve: NDArray[np.float64]) -> float:
    """The standard deviation of a curve's noise from one epoch to the next, trends apart: from its second differences.

    The median of their magnitudes, so that one turn does not count as noise. 0 for fewer than four epochs.
    """
    values = _finite(curve)
    if len(values) < 4:
        return 0.0
    return float(np.median(np.abs(np.diff(values, 2)))) * 1.4826 / math.sqrt(6)


def _gain(curve: NDArray[np.float64]) -> float:
    values = _finite(curve)
    if len(values) < 2 or (values <= 0).any():
        return 0.0
    start = min(len(values) // 2, len(values) - 2)
    times = np.log(np.arange(start + 1, len(values) + 1))
    slope = float(np.polyfit(times, np.log(values[start:]), 1)[0])
    return 1 - 2 ** min(slope, 0.0)


def _rising(values: NDArray[np.float64]) -> float:
    """Mann and Kendall's one-sided p-value for a rise, by the normal approximation with continuity correction."""
    n = len(values)
    score = sum(int(np.sign(values[i + 1 :] - values[i]).sum()) for i in range(n - 1))
    if score <= 0:
        return 1.0
    deviation = math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    return 0.5 * math.erfc((score - 1) / deviation / math.sqrt(2))


def _column(records: Sequence[Mapping[str, Any]], name: str) -> NDArray[np.float64]:
    return np.array([_number(record.get(name)) for record in records], np.float64)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = values[np.isfinite(values)]
    return found
