"""How numbers become places on an axis: evenly, by their logarithm, or by how far they are from 1."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

LINEAR, LOG, ONE = "linear", "log", "one"
_CLOSEST = 1e-5  # to 1 that is told apart
_SHARES = ("acc", "auc", "precision", "recall", "f1")  # what a metric between 0 and 1 is called
_STEEP, _WIDE = 4.0, 30.0  # times by which errors, and other positive values, differ before the axis is bent
_ROOM = 0.09  # of an axis that a tick takes: the smallest are under two inches
_NEARLY, _FAR = (
    0.95,
    1.6,
)  # what is worse than 95 % by more than so many times their distance from the best leaves the picture


@dataclass(frozen=True)
class Scale:
    """A way from values to places.

    Attributes:
        kind: `linear`; `log` (decades); `one`, for accuracies: the logarithm of the distance from 1, so that 0.90, 0.99
            and 0.999 stand evenly.
    """

    kind: str = LINEAR

    def __call__(self, values: ArrayLike) -> NDArray[np.float64]:
        """Places of values; NaN where a value has none."""
        found = np.asarray(values, np.float64)
        found = np.where(np.isfinite(found), found, np.nan)
        if self.kind == LOG:
            return np.log10(np.where(found > 0, found, np.nan))
        if self.kind == ONE:
            places: NDArray[np.float64] = -np.log10(np.maximum(1 - found, _CLOSEST))
            return places
        return found

    def back(self, places: ArrayLike) -> NDArray[np.float64]:
        """Values at places."""
        found = np.asarray(places, np.float64)
        if self.kind == LOG:
            return np.asarray(10.0**found)
        return np.asarray(1 - 10.0**-found) if self.kind == ONE else found

    def ticks(self, low: float, high: float, most: int = 7) -> list[tuple[float, str]]:
        """Places between two places that read well, with what is written there; at least two where there is room."""
        if self.kind == LINEAR:
            return _even(low, high, most)
        for steps in ((1, 2, 3, 5), (1, 2, 5), (1, 3), (1,)) if self.kind == LOG else ((1, 2, 5), (1, 5), (1,)):
            found = self._decades(low, high, steps, 1)
            if 3 <= len(found) <= most:
                return found if self.kind == LOG else self._closer(found, low, high, most)
        for every in (2, 3, 5, 10, 50):
            if len(found) > most:
                found = self._decades(low, high, (1,), every)
        if len(found) >= 2:
            return found
        first, last = (float(value) for value in self.back([low, high]))
        inside = _even(first, last, most)
        return [(float(self(float(text))), text) for _, text in inside]

    def _closer(self, found: list[tuple[float, str]], low: float, high: float, most: int) -> list[tuple[float, str]]:
        """Ticks near 1, and more above the last of them where there is room: that is where the contenders are."""
        for at, text in self._decades(low, high, tuple(range(1, 10)), 1):
            if len(found) < most + 2 and at - found[-1][0] > _ROOM * (high - low):
                found = [*found, (at, text)]
        return found

    def _decades(self, low: float, high: float, steps: tuple[int, ...], every: int) -> list[tuple[float, str]]:
        sign = 1 if self.kind == LOG else -1
        first, last = sorted((sign * low, sign * high))
        powers = [power for power in range(math.floor(first), math.ceil(last) + 1) if power % every == 0]
        found = []
        for power in powers:
            for step in steps:
                place = sign * (power + math.log10(step))
                if low - 1e-9 <= place <= high + 1e-9 and (self.kind == LOG or power <= 0):
                    found.append((place, self._text(step, power)))
        return sorted(dict(found).items())

    def _text(self, step: int, power: int) -> str:
        if self.kind == LOG:
            value = step * 10.0**power
            return f"{value:g}" if 1e-4 <= value < 1e6 else f"{step}e{power}"
        return f"{1 - step * 10.0**power:.{max(0, -power)}f}"


def value_scale(values: ArrayLike, metric: str, maximize: bool) -> Scale:
    """The scale on which a metric's values can be told apart: bent only where even steps would hide the good ones."""
    found = np.asarray(values, np.float64)
    found = found[np.isfinite(found)]
    if len(found) < 2:
        return Scale()
    if maximize and is_share(metric):
        if found.min() < 0 or found.max() > 1:
            return Scale()
        errors = np.maximum(1 - found, _CLOSEST)
        return Scale(ONE) if np.quantile(errors, 0.95) > _STEEP * errors.min() else Scale()
    return Scale(LOG) if found.min() > 0 and np.quantile(found, 0.95) > _WIDE * found.min() else Scale()


def is_share(metric: str) -> bool:
    """Whether a metric lies between 0 and 1, as its name says."""
    return any(share in metric for share in _SHARES)


def window(places: NDArray[np.float64], maximize: bool, *, bounded: bool = False) -> tuple[float, float]:
    """The places that an axis shows, from the lowest to the highest: all but what is far worse than nearly all.

    Args:
        places: Of all values.
        maximize: Whether more is better.
        bounded: Whether a value cannot be enormous: then all are shown.
    """
    found = places[np.isfinite(places)]
    if not len(found):
        return 0.0, 1.0
    good = np.sort(found if maximize else -found)[::-1]  # the best first
    best, usual, worst = float(good[0]), float(good[int(_NEARLY * (len(good) - 1))]), float(good[-1])
    limit = best - _FAR * (best - usual)
    if not bounded and usual < best and worst < limit:
        worst = limit
    low, high = (worst, best) if maximize else (-best, -worst)
    if high - low < 1e-9 * max(1.0, abs(high)):
        pad = 0.05 * abs(high) if abs(high) > 1e-6 else 0.5
        return low - pad, high + pad
    return low, high


def _even(low: float, high: float, most: int) -> list[tuple[float, str]]:
    places = MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10], min_n_ticks=2).tick_values(low, high)
    slack = 1e-9 * max(abs(low), abs(high), high - low)
    inside = [float(place) for place in places if low - slack <= place <= high + slack]
    if not inside:
        inside = [(low + high) / 2]
    step = abs(places[1] - places[0]) if len(places) > 1 else 1.0
    if not (1e-9 < step < 1e9) or max(map(abs, inside)) >= 1e6:
        return [(place, f"{place:.4g}".replace("e+", "e")) for place in inside]
    digits = next(d for d in range(12) if abs(round(step, d) - step) < 1e-3 * step)
    return [(place, f"{place:.{digits}f}") for place in inside]
