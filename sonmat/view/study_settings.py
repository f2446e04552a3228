"""A hyperparameter as an axis: where each trial stands on it, and what is written beside it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sonmat.view.study_scale import LINEAR, LOG, Scale
from sonmat.view.words import fit

if TYPE_CHECKING:
    from sonmat.search.space import Space

_FEW = 6  # different numbers that are drawn as choices where nobody says what they are
_WIDE = 50.0  # times by which positive numbers differ before a logarithm is guessed
_CUT = 8  # cells of a heatmap's side that a range is cut into


@dataclass(frozen=True, eq=False)
class SettingAxis:
    """A hyperparameter that was varied.

    Attributes:
        name: Dotted, as in the recipe.
        label: Its last part, where that is unique.
        scale: How numbers become places.
        places: (trials,) where each stands; a choice's place is its index, NaN where a trial lacks the setting.
        choices: What is written at 0, 1, …; empty for a range.
        low, high: The places of the ends.
        whole: Whether its numbers are whole.
    """

    name: str
    label: str
    scale: Scale
    places: NDArray[np.float64]
    choices: tuple[str, ...]
    low: float
    high: float
    whole: bool = False

    def ticks(self, most: int = 6, width: int = 12) -> list[tuple[float, str]]:
        """Places and what is written there: each choice, or numbers that read well."""
        if self.choices:
            every = -(-len(self.choices) // max(most, 8))
            return [(float(i), fit(text, width)) for i, text in enumerate(self.choices) if i % every == 0]
        found = self.scale.ticks(self.low, self.high, most)
        return [one for one in found if not self.whole or float(one[1]).is_integer()] or found

    def text(self, place: float) -> str:
        """The value at a place, shortly."""
        if self.choices:
            return self.choices[round(place)]
        value = float(self.scale.back(place))
        if 0 < abs(value) < 1e-3:
            mantissa, power = f"{value:.1e}".split("e")
            return f"{mantissa.removesuffix('.0')}e{int(power)}"
        return f"{value:.0f}" if self.whole and abs(value) < 1e6 else f"{value:.2g}"

    def cells(self) -> tuple[NDArray[np.int64], list[str]]:
        """(trials,) the cell of a heatmap that each falls into (-1: none), and what is written at the cells."""
        there = np.isfinite(self.places)
        if self.choices:
            return np.where(there, self.places, -1).astype(np.int64), list(self.choices)
        wanted = int(self.high - self.low) + 1 if self.whole and self.scale.kind == LINEAR else _CUT
        count = max(1, min(_CUT, wanted))
        edges = np.linspace(self.low, self.high, count + 1)
        found = np.clip(np.searchsorted(edges, np.nan_to_num(self.places), side="right") - 1, 0, count - 1)
        middles = [self.text(float(place)) for place in (edges[:-1] + edges[1:]) / 2]
        return np.where(there, found, -1).astype(np.int64), middles


def setting_axes(settings: Sequence[Mapping[str, Any]], space: Space | None = None) -> list[SettingAxis]:
    """An axis for each setting with more than one value, in the order of the space, then as they came."""
    dimensions = dict(space.dimensions) if space is not None else {}
    names = list(dict.fromkeys([*dimensions, *(name for one in settings for name in one)]))
    labels = short_names(names)
    found = []
    for name in names:
        values = [one.get(name) for one in settings]
        if len({text_key(value) for value in values if value is not None}) > 1:
            found.append(_axis(name, labels[name], values, dimensions.get(name)))
    return found


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Dotted name → its last part, or all of it where another ends alike."""
    lasts = [name.rsplit(".", 1)[-1] for name in names]
    return {name: last if lasts.count(last) == 1 else name for name, last in zip(names, lasts, strict=True)}


def value_name(value: object) -> str:
    """A setting's value as one reads it."""
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, (list, tuple)):
        return "-".join(value_name(one) for one in value) or "[]"
    return str(value)


def text_key(value: object) -> str:
    """A value's text, the same for the same value, lists included."""
    if isinstance(value, (str, int, float)):
        return repr(value)
    return json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)


def _axis(name: str, label: str, values: Sequence[Any], dimension: Any) -> SettingAxis:
    given = [value for value in values if value is not None]
    numeric = all(_is_number(value) for value in given)
    listed = getattr(dimension, "values", None)
    distinct = {text_key(value): value for value in (*(listed or ()), *given)}
    few = len(distinct) <= _FEW and (len(given) >= 2 * len(distinct) or all(isinstance(value, int) for value in given))
    if not numeric or listed is not None or (dimension is None and few):
        return _choices(name, label, values, distinct, numeric, listed is not None)
    numbers = np.array([np.nan if value is None else float(value) for value in values])
    low = float(min(np.nanmin(numbers), getattr(dimension, "low", np.inf)))
    high = float(max(np.nanmax(numbers), getattr(dimension, "high", -np.inf)))
    guessed = dimension is None and low > 0 and high > _WIDE * low and _skewed(numbers)
    scale = Scale(LOG if low > 0 and (guessed or getattr(dimension, "log", False)) else LINEAR)
    ends = scale([low, high])
    whole = all(isinstance(value, int) for value in given)
    return SettingAxis(name, label, scale, scale(numbers), (), float(ends[0]), float(ends[1]), whole)


def _choices(
    name: str, label: str, values: Sequence[Any], distinct: Mapping[str, Any], numeric: bool, listed: bool
) -> SettingAxis:
    keys = list(distinct)
    if numeric:
        keys.sort(key=lambda key: float(distinct[key]))
    elif not listed:
        keys.sort(key=lambda key: _order(distinct[key]))
    place = {key: float(i) for i, key in enumerate(keys)}
    places = np.array([np.nan if value is None else place[text_key(value)] for value in values])
    texts = tuple(value_name(distinct[key]) for key in keys)
    return SettingAxis(name, label, Scale(), places, texts, -0.5, len(keys) - 0.5)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _order(value: object) -> tuple[str, list[float], str]:
    """Lists of numbers by their numbers, anything else by its text."""
    numbers = value if isinstance(value, (list, tuple)) else ()
    plain = [float(one) for one in numbers if isinstance(one, (int, float))]
    return (type(value).__name__, plain, str(value))


def _skewed(numbers: NDArray[np.float64]) -> bool:
    """Whether positive numbers lie more evenly by their logarithms."""
    found = numbers[np.isfinite(numbers)]
    logs = np.log(found)
    return bool(
        abs(np.median(logs) - (logs.min() + logs.max()) / 2) / np.ptp(logs)
        < abs(np.median(found) - (found.min() + found.max()) / 2) / np.ptp(found)
    )
