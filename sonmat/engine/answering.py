"""Fitting an answer: the temperature, what is familiar, and the threshold, all from rows that were not trained on."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

from sonmat.engine.answer import Answer, Familiar, seen_by

KEPT = 0.95
"""The share of validation rows that a network answers."""

_FITTED = 0.6  # of the rows; the threshold is set on the rest
_UNITS = 24
_EPOCHS, _BATCH, _RATE, _DECAY = 30, 128, 4e-3, 1e-4
_HOTTEST = 10.0
_FEWEST = 100  # rows of each kind: fewer do not tell what is familiar


def fit_answer(
    outputs: np.ndarray,
    labels: np.ndarray,
    features: np.ndarray | None = None,
    outliers: tuple[np.ndarray, np.ndarray | None] | None = None,
    *,
    seed: int = 0,
) -> Answer:
    """The answer of a network, from what it says of validation rows.

    Args:
        outputs: Probabilities, (n, classes).
        labels: (n,) true class numbers.
        features: (n, …), what the network's last layer reads.
        outliers: The same two for inputs that it should not answer.
        seed: Decides the first weights and the order of what tells outliers apart.

    Returns:
        An answer that is sure of 95 % of such rows.
    """
    temperature = fit_temperature(outputs, labels)
    plain = Answer(temperature)
    likely = plain.calibrated(outputs).max(1)
    if outliers is None or min(len(outputs), len(outliers[0])) < _FEWEST:
        return Answer(temperature, float(np.quantile(likely, 1 - KEPT)))
    inside, outside = seen_by(outputs, features), seen_by(*outliers)
    # Rows are judged too kindly by what was fitted to them: the threshold is set on others.
    order = np.random.default_rng(seed).permutation(len(inside))
    fitted, held = np.split(order, [round(_FITTED * len(order))])
    familiar = fit_familiar(inside[fitted], outside, seed)
    return Answer(temperature, _threshold(familiar(inside[held]), likely[held]), familiar)


def fit_temperature(outputs: np.ndarray, labels: np.ndarray) -> float:
    """The temperature with which the labels are likeliest."""
    logs = np.log(np.maximum(outputs.astype(np.float64), 1e-12))
    rows = np.arange(len(logs))

    def cost(exponent: float) -> float:
        scaled = logs / np.exp(exponent)
        most = scaled.max(1)
        return float(np.mean(np.log(np.exp(scaled - most[:, None]).sum(1)) + most - scaled[rows, labels]))

    limit = np.log(_HOTTEST)
    return float(np.exp(minimize_scalar(cost, bounds=(-limit, limit), method="bounded").x))


def fit_familiar(inside: np.ndarray, outside: np.ndarray, seed: int) -> Familiar:
    """A network of one hidden layer that tells two kinds of rows, (n, inputs) each, apart; both kinds weigh the same."""
    middle, spread = inside.mean(0), inside.std(0)
    spread = np.maximum(spread, 1e-3 + 0.05 * spread.mean())
    x = np.clip((np.concatenate([inside, outside]) - middle) / spread, -30, 30)
    y = np.concatenate([np.ones(len(inside)), np.zeros(len(outside))])
    weight = np.where(y == 1, 0.5 / len(inside), 0.5 / len(outside)) * len(y)
    random = np.random.default_rng(seed)
    parameters = [
        random.normal(0, np.sqrt(2 / x.shape[1]), (x.shape[1], _UNITS)),
        np.zeros(_UNITS),
        random.normal(0, np.sqrt(1 / _UNITS), _UNITS),
        np.zeros(1),
    ]
    moments = [(np.zeros_like(one), np.zeros_like(one)) for one in parameters]
    steps = _EPOCHS * -(-len(x) // _BATCH)
    step = 0
    for _ in range(_EPOCHS):
        order = random.permutation(len(x))
        for start in range(0, len(x), _BATCH):
            rows = order[start : start + _BATCH]
            gradients = _gradients(parameters, x[rows], y[rows], weight[rows])
            step += 1
            _adam(parameters, gradients, moments, step, _RATE * (1 - (step - 1) / steps))
    hidden, offsets, last, offset = parameters
    return Familiar(middle, spread, hidden, offsets, last, float(offset[0]))


def _gradients(parameters: list[np.ndarray], x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> list[np.ndarray]:
    """Of the weighted cross-entropy of a sigmoid, with weight decay."""
    hidden, offsets, last, offset = parameters
    seen = np.maximum(x @ hidden + offsets, 0)
    said = 0.5 + 0.5 * np.tanh(0.5 * (seen @ last + offset[0]))
    error = weight * (said - y) / len(x)
    back = error[:, None] * last * (seen > 0)
    return [x.T @ back + _DECAY * hidden, back.sum(0), seen.T @ error + _DECAY * last, error.sum(keepdims=True)]


def _adam(
    parameters: list[np.ndarray],
    gradients: list[np.ndarray],
    moments: list[tuple[np.ndarray, np.ndarray]],
    step: int,
    rate: float,
) -> None:
    """One step of Adam (Kingma and Ba 2015), in place."""
    for parameter, gradient, (first, second) in zip(parameters, gradients, moments, strict=True):
        first += 0.1 * (gradient - first)
        second += 0.01 * (gradient**2 - second)
        parameter -= rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)


def _threshold(scores: np.ndarray, likely: np.ndarray) -> float:
    """The score that the wanted share of rows reaches, those left out that are unsure of their class anyway."""
    counted = np.where(likely >= 0.5, scores, -np.inf)
    found = float(np.quantile(counted, 1 - KEPT, method="lower"))
    return found if np.isfinite(found) else float(scores.min())
