"""Successive halving: after how many epochs trials are compared, and which of them go on.

Source: Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization", AISTATS 2016.
"""

from __future__ import annotations

import math
from collections.abc import Mapping


def rungs(epochs: int, factor: int | None) -> list[int]:
    """The epochs after which trials are compared; the last is where training ends.

    Each rung is `factor` times as many epochs as the one before, counted down from the end for as long as an epoch is
    left, and rounded up, since ranks say least after the first. Ten epochs by thirds are `[2, 4, 10]`, which is a third of
    the work: of 100 trials, 34 train on after 2 epochs and 12 after 4, 340 epochs instead of 1,000. Where there are fewer
    epochs than `factor`, everyone trains all of them.

    Args:
        epochs: Epochs of a whole training, 1 or more.
        factor: One in so many goes on, 2 or more; None for no halving.

    Returns:
        Rising numbers of epochs, all of them 1 or more, with `epochs` at the end.
    """
    if factor is None or epochs < factor:
        return [epochs]
    found = [epochs]
    share = factor
    while share <= epochs:
        found.append(-(-epochs // share))
        share *= factor
    return found[::-1]


def survivors(values: Mapping[int, float | None], factor: int, maximize: bool, least: int = 1) -> list[int]:
    """Which trials of a rung go on.

    One in `factor` of all that reached the rung, the failed ones counted in, rounded up: of a few trials more than one
    should see the end, where the finalists come from. It depends on the values alone, not on the order in which they
    came in, so that two processes, or one that was killed, say the same.

    Args:
        values: Number of the trial → its metric at this rung; None, or what is not finite, where it failed.
        factor: One in so many, 2 or more.
        maximize: Whether more is better.
        least: So many go on, where so many did not fail: the finalists have to come from somewhere.

    Returns:
        Numbers in rising order. Of equal values the lower number goes on; a failed trial never does. One trial at least,
        unless all failed.
    """
    sign = -1.0 if maximize else 1.0
    ranked = sorted(
        (sign * value, number) for number, value in values.items() if value is not None and math.isfinite(value)
    )
    return sorted(number for _, number in ranked[: going_on(len(values), factor, least)])


def going_on(count: int, factor: int, least: int = 1) -> int:
    """How many of a rung's trials go on at the most."""
    return min(count, max(1, least, -(-count // factor)))
