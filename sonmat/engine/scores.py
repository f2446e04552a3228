"""How right a classifier was, and whether another is really better."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sonmat.errors import DataError
from sonmat.language import say

_Z = 1.959963984540054  # the standard normal's 97.5 % point: 95 % lies between -_Z and +_Z
_LEVEL = 0.05  # a difference counts as real where chance gives as much in fewer than 1 of 20 cases


@dataclass(frozen=True)
class ClassScore:
    """How one class fared.

    Attributes:
        name: The class.
        n: How many examples truly are of it (its support).
        precision: Of those called this class, the part that is, 0..1; NaN where nothing was called it.
        recall: Of those that are this class, the part that was found, 0..1; NaN where there are none.
        f1: Harmonic mean of the two, 0..1; NaN only where the class neither occurs nor was predicted.
    """

    name: str
    n: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, eq=False)
class Scores:
    """How right a classifier was.

    Attributes:
        n: How many examples were scored.
        accuracy: The part that was right, 0..1; NaN where n is 0.
        interval: Wilson's 95 % interval of the accuracy, 0..1.
        per_class: One score a class, in the order of the classes.
        confusion: (classes, classes) int64 counts; rows are the true classes, columns the predicted ones.
    """

    n: int
    accuracy: float
    interval: tuple[float, float]
    per_class: tuple[ClassScore, ...]
    confusion: NDArray[np.int64]

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in order."""
        return tuple(one.name for one in self.per_class)

    def as_dict(self) -> dict[str, Any]:
        """The same as plain lists and numbers, ready for JSON; what is undefined is None."""
        return {
            "n": self.n,
            "accuracy": _known(self.accuracy),
            "interval": list(self.interval),
            "per_class": [
                {
                    "name": one.name,
                    "n": one.n,
                    "precision": _known(one.precision),
                    "recall": _known(one.recall),
                    "f1": _known(one.f1),
                }
                for one in self.per_class
            ],
            "confusion": self.confusion.tolist(),
        }


@dataclass(frozen=True)
class PairedTest:
    """Two classifiers on the same examples.

    Attributes:
        n: How many examples both answered.
        accuracy_a: The part that the first got right, 0..1; NaN where n is 0.
        accuracy_b: The same of the second.
        b: Examples that only the first got right.
        c: Examples that only the second got right.
        p_value: McNemar's exact two-sided test: how often chance alone splits b + c at least so unevenly.
        difference: accuracy_a - accuracy_b, -1..1.
        interval: 95 % interval of the difference (Bonett and Price).
    """

    n: int
    accuracy_a: float
    accuracy_b: float
    b: int
    c: int
    p_value: float
    difference: float
    interval: tuple[float, float]

    @property
    def better(self) -> Literal["a", "b"] | None:
        """Which of the two is really better; None where chance may explain the difference."""
        if self.p_value >= _LEVEL:
            return None
        return "a" if self.b > self.c else "b"

    def verdict(self, name_a: str = "A", name_b: str = "B") -> str:
        """The result in one sentence, in the user's language."""
        if self.b + self.c == 0:
            return say(
                f"{name_a} and {name_b} were right on exactly the same examples.",
                f"{name_a}, {name_b} 두 모델은 정확히 같은 예제를 맞혔습니다.",
            )
        p = f"p = {self.p_value:.3f}" if self.p_value >= 0.001 else "p < 0.001"
        if self.better is None:
            return say(
                f"No real difference shown: chance alone can explain it ({p}).",
                f"차이가 있다고 할 수 없습니다: 우연으로도 설명됩니다 ({p}).",
            )
        winner = name_a if self.better == "a" else name_b
        low, high = self.interval if self.better == "a" else (-self.interval[1], -self.interval[0])
        return say(
            f"{winner} is really better, by {100 * low:.2f} to {100 * high:.2f} percentage points ({p}).",
            f"{winner} 쪽이 실제로 더 좋습니다: {100 * low:.2f}~{100 * high:.2f}%p 차이 ({p}).",
        )

    def as_dict(self) -> dict[str, Any]:
        """The same as plain lists and numbers, ready for JSON; what is undefined is None."""
        return {
            "n": self.n,
            "accuracy_a": _known(self.accuracy_a),
            "accuracy_b": _known(self.accuracy_b),
            "b": self.b,
            "c": self.c,
            "p_value": self.p_value,
            "difference": _known(self.difference),
            "interval": list(self.interval),
            "better": self.better,
        }


def score(labels: ArrayLike, predicted: ArrayLike, classes: Sequence[str]) -> Scores:
    """Score predictions.

    Args:
        labels: (n,) integers, the true classes, 0..len(classes)-1.
        predicted: (n,) integers, the predicted ones.
        classes: The names of the classes.

    Raises:
        DataError: The two differ in length, or hold what is no class number.
    """
    true, said = _class_numbers(labels, "labels", len(classes)), _class_numbers(predicted, "predicted", len(classes))
    _same_length(true, said)
    k = len(classes)
    confusion = np.bincount(true * k + said, minlength=k * k).reshape(k, k).astype(np.int64)
    right = int(np.trace(confusion))
    return Scores(
        n=len(true),
        accuracy=_ratio(right, len(true)),
        interval=wilson(right, len(true)),
        per_class=tuple(_class_score(name, i, confusion) for i, name in enumerate(classes)),
        confusion=confusion,
    )


def wilson(right: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a proportion, `right` of `n`; (0, 1) where n is 0.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    if n == 0:
        return (0.0, 1.0)
    p, zz = right / n, _Z * _Z
    centre = (p + zz / (2 * n)) / (1 + zz / n)
    half = _Z * math.sqrt(p * (1 - p) / n + zz / (4 * n * n)) / (1 + zz / n)
    # At the ends the formula gives 0 and 1 exactly; floats miss them by a last digit.
    return (0.0 if right == 0 else centre - half, 1.0 if right == n else centre + half)


def paired_test(labels: ArrayLike, predicted_a: ArrayLike, predicted_b: ArrayLike) -> PairedTest:
    """Ask whether one of two classifiers is really better, from their answers to the same examples.

    Args:
        labels: (n,) integers, the true classes.
        predicted_a: (n,) integers, what the first predicted.
        predicted_b: (n,) integers, what the second predicted, row by row for the same examples.

    Raises:
        DataError: The three differ in length, or hold what is no class number.

    Source: Q. McNemar, Psychometrika 12 (1947); the interval: D. G. Bonett and R. M. Price, "Adjusted Wald confidence
    interval for a difference of binomial proportions based on paired data", J. Educ. Behav. Stat. 37 (2012).
    """
    true = _class_numbers(labels, "labels")
    first, second = _class_numbers(predicted_a, "predicted_a"), _class_numbers(predicted_b, "predicted_b")
    _same_length(true, first)
    _same_length(true, second)
    n, right_a, right_b = len(true), first == true, second == true
    b, c = int(np.sum(right_a & ~right_b)), int(np.sum(right_b & ~right_a))
    accuracy_a, accuracy_b = _ratio(int(right_a.sum()), n), _ratio(int(right_b.sum()), n)
    return PairedTest(n, accuracy_a, accuracy_b, b, c, _mcnemar(b, c), _ratio(b - c, n), _bonett_price(b, c, n))


def _mcnemar(b: int, c: int) -> float:
    n, k = b + c, min(b, c)
    if b == c:
        return 1.0  # also where nothing differs
    i = np.arange(1, k + 1, dtype=np.float64)
    logs = np.concatenate([[0.0], np.cumsum(np.log((n - i + 1) / i))])  # log of n over 0, 1, …, k
    top = logs.max()
    return min(1.0, 2 * math.exp(top + math.log(np.exp(logs - top).sum()) - n * math.log(2)))


def _bonett_price(b: int, c: int, n: int) -> tuple[float, float]:
    p, q = (b + 1) / (n + 2), (c + 1) / (n + 2)
    half = _Z * math.sqrt((p + q - (p - q) ** 2) / (n + 2))
    return (max(-1.0, p - q - half), min(1.0, p - q + half))


def _class_score(name: str, i: int, confusion: NDArray[np.int64]) -> ClassScore:
    hits, support, called = int(confusion[i, i]), int(confusion[i].sum()), int(confusion[:, i].sum())
    return ClassScore(name, support, _ratio(hits, called), _ratio(hits, support), _ratio(2 * hits, support + called))


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _class_numbers(values: ArrayLike, name: str, k: int | None = None) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.size == 0:
        array = array.astype(np.int64)  # an empty list has no integer type of its own
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise DataError(
            say(
                f"{name} should be class numbers, integers of shape (n,); they are {array.dtype}, shape {array.shape}.",
                f"{name}: (n,) 모양의 정수 클래스 번호여야 하는데 {array.dtype}, {array.shape} 모양이 들어왔습니다.",
            ),
            say("For probabilities use probabilities.argmax(-1).", "확률이라면 probabilities.argmax(-1)을 쓰세요."),
        )
    if array.size and (array.min() < 0 or (k is not None and array.max() >= k)):
        top = "" if k is None else str(k - 1)
        raise DataError(
            say(
                f"{name} should lie in 0..{top}; they reach from {array.min()} to {array.max()}.",
                f"{name}: 0..{top} 범위여야 하는데 {array.min()}부터 {array.max()}까지 들어왔습니다.",
            ),
            say("Number the classes from 0, one name for each.", "클래스 번호는 0부터, 이름과 하나씩 짝지으세요."),
        )
    return array.astype(np.int64)


def _same_length(true: NDArray[np.int64], said: NDArray[np.int64]) -> None:
    if len(true) != len(said):
        raise DataError(
            say(
                f"One prediction a label was expected; there are {len(true)} labels and {len(said)} predictions.",
                f"정답 하나에 예측 하나여야 하는데 정답 {len(true)}개, 예측 {len(said)}개입니다.",
            ),
            say("Predict the same rows that the labels belong to.", "정답과 같은 행을 예측하세요."),
        )
