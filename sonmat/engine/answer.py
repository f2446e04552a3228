"""The answer that a trained network gives: calibrated probabilities, and whether it should answer at all.

Everything here is NumPy: an answer is given without JAX being imported.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sonmat.engine.outputs import softmax

MOST_INPUTS, MOST_UNITS = 1200, 64
"""Of a `Familiar`: what is larger does not fit into a model's card."""

_LEAST = 1e-12  # of a probability, before its logarithm
_FLOOR = -12.0  # of a logarithm that familiarity is judged by: beyond it there is only rounding
_HALF = 0.5  # of the likeliest class: below it the others together are likelier


@dataclass(frozen=True, eq=False)
class Verdict:
    """What is said of some inputs.

    Attributes:
        probabilities: (n, classes), calibrated.
        sure: (n,) bool.
        odd: (n,) bool: where it is not sure, whether that is because the input is unlike those of the training.
    """

    probabilities: np.ndarray
    sure: np.ndarray
    odd: np.ndarray


@dataclass(frozen=True, eq=False)
class Familiar:
    """How like the training's an input is, by a network of one hidden layer on what the last layer reads and says.

    Attributes:
        middle, spread: (inputs,), what is taken away from the inputs and what they are divided by.
        hidden: (inputs, units) weights, and `offsets` (units,).
        last: (units,) weights of the output, and `offset`.
    """

    middle: np.ndarray
    spread: np.ndarray
    hidden: np.ndarray
    offsets: np.ndarray
    last: np.ndarray
    offset: float

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """(n,): above 0 where an input is likelier one of the training's than an outlier."""
        seen = np.maximum(((inputs - self.middle) / self.spread) @ self.hidden + self.offsets, 0)
        return np.asarray(seen @ self.last + self.offset)


@dataclass(frozen=True, eq=False)
class Answer:
    """How outputs become an answer.

    Attributes:
        temperature: Logits are divided by it (Guo et al. 2017, "On calibration of modern neural networks"). Above 0.
        threshold: The least familiarity with which a network is sure; without `familiar` the least probability of the
            likeliest class. Set on validation rows, so that 95 % of them are answered.
        familiar: What tells the training's inputs from others.
    """

    temperature: float = 1.0
    threshold: float = _HALF
    familiar: Familiar | None = None

    def judged(self, outputs: np.ndarray, features: np.ndarray | None) -> Verdict:
        """The verdict on outputs as probabilities (n, classes), and the features (n, …) they were made of."""
        probabilities = self.calibrated(outputs)
        likely = probabilities.max(1)
        if self.familiar is None:
            sure = likely >= max(self.threshold, _HALF if probabilities.shape[1] > 2 else 0.0)
            return Verdict(probabilities, sure, ~sure & (likely < _HALF))
        known = self.familiar(seen_by(outputs, features)) >= self.threshold
        return Verdict(probabilities, known & (likely >= _HALF), ~known)

    def calibrated(self, outputs: np.ndarray) -> np.ndarray:
        """Probabilities (n, classes), as right as they say."""
        return softmax(np.log(np.maximum(outputs.astype(np.float64), _LEAST)) / self.temperature)

    def as_card(self) -> dict[str, Any]:
        """Ready for a model's card: numbers and lists."""
        told: dict[str, Any] = {"temperature": self.temperature, "threshold": self.threshold}
        if self.familiar is not None:
            told["familiar"] = {name: _listed(getattr(self.familiar, name)) for name in _SHAPES}
        return told

    @classmethod
    def from_card(cls, told: Mapping[str, Any] | None) -> Answer:
        """From a card, which may be a stranger's; without one, what holds for a model of which nothing is known.

        Raises:
            ValueError: It is not what `as_card` gives.
        """
        if told is None:
            return cls()
        if not isinstance(told, Mapping):
            raise ValueError("not a table")
        temperature, threshold = _number(told.get("temperature")), _number(told.get("threshold"))
        if not 1e-3 <= temperature <= 1e3:
            raise ValueError("the temperature is out of its range")
        familiar = told.get("familiar")
        return cls(temperature, threshold, None if familiar is None else _familiar(familiar))


def seen_by(outputs: np.ndarray, features: np.ndarray | None) -> np.ndarray:
    """What familiarity is judged by: the features and the logarithms of the outputs, (n, inputs) float64."""
    logs = np.maximum(np.log(np.maximum(outputs.astype(np.float64), _LEAST)), _FLOOR)
    if features is None or features[0].size + logs.shape[1] > MOST_INPUTS:
        return logs
    return np.concatenate([features.reshape(len(features), -1).astype(np.float64), logs], 1)


_SHAPES = {"middle": 1, "spread": 1, "hidden": 2, "offsets": 1, "last": 1, "offset": 0}


def _familiar(told: Any) -> Familiar:
    if not isinstance(told, Mapping) or set(told) != set(_SHAPES):
        raise ValueError("familiar is not whole")
    arrays = {name: _array(told[name], axes) for name, axes in _SHAPES.items()}
    inputs, units = arrays["hidden"].shape
    expected = {"middle": (inputs,), "spread": (inputs,), "offsets": (units,), "last": (units,)}
    if inputs > MOST_INPUTS or units > MOST_UNITS or any(arrays[name].shape != size for name, size in expected.items()):
        raise ValueError("familiar has sizes that do not fit")
    if (arrays["spread"] <= 0).any():
        raise ValueError("familiar has a spread that is not above 0")
    return Familiar(
        **{name: array for name, array in arrays.items() if name != "offset"}, offset=float(arrays["offset"])
    )


def _array(value: Any, axes: int) -> np.ndarray:
    array = np.array(value)
    if array.ndim != axes or array.dtype.kind not in "if" or not np.isfinite(array).all() or (axes and not array.size):
        raise ValueError("a list of finite numbers was expected")
    return array.astype(np.float64)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError("a finite number was expected")
    return float(value)


def _listed(value: np.ndarray | float) -> Any:
    """Five digits of each number: a card is text."""
    if isinstance(value, float):
        return value
    return [_listed(row) for row in value] if value.ndim > 1 else [float(f"{number:.5g}") for number in value]
