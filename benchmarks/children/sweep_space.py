"""The settings that every contestant of the sweep tries, and their ranges for those that draw them themselves."""

from __future__ import annotations

import math
from typing import Any

RATES = (0.001, 0.1)  # both ends, on a log scale
SEEDS = 5
NETWORK_RATES = (0.0003, 0.003)  # of the convolutional network, under Adam


def notes(count: int) -> list[dict[str, Any]]:
    """As many settings of the notes' job: a learning rate of its own each."""
    return [{"learning_rate": rate} for rate in _spaced(*RATES, count)]


def distinct(count: int) -> list[dict[str, Any]]:
    """As many settings of the notes' network, no two of which share a learning rate or a momentum."""
    rates, step = _spaced(*RATES, count), 0.49 / max(1, count - 1)
    return [
        {"learning_rate": rate, "momentum": round(0.5 + step * number, 6), "seed": number % SEEDS}
        for number, rate in enumerate(rates)
    ]


def networks(count: int) -> list[dict[str, Any]]:
    """As many settings of the convolutional network: every learning rate with every one of four seeds."""
    seeds = 4
    rates = _spaced(*NETWORK_RATES, math.ceil(count / seeds))
    return [{"learning_rate": rate, "seed": seed} for rate in rates for seed in range(seeds)][:count]


def _spaced(low: float, high: float, count: int) -> list[float]:
    """`count` numbers from low to high, each so many times the one before; the middle for a single one."""
    if count == 1:
        return [math.sqrt(low * high)]
    return [low * (high / low) ** (number / (count - 1)) for number in range(count)]
