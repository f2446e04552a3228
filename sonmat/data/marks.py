"""What is inked, parted into the marks that were written: one digit each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

_SPECK = 0.02  # of the largest part's area: less is dust
_MOST = 80  # parts that are looked at; a texture has thousands


@dataclass(frozen=True, eq=False)
class Mark:
    """Something written: one or several connected parts of what is inked.

    Attributes:
        labels: (rows, columns), the number of the part that a pixel belongs to; 0 is no ink.
        numbers: Those of this mark.
        top, left, bottom, right: Its box; bottom and right lie outside.
        weight: The strength of its ink, summed up.
    """

    labels: np.ndarray
    numbers: tuple[int, ...]
    top: int
    left: int
    bottom: int
    right: int
    weight: float

    def __or__(self, other: Mark) -> Mark:
        low = min(self.top, other.top), min(self.left, other.left)
        high = max(self.bottom, other.bottom), max(self.right, other.right)
        return Mark(self.labels, (*self.numbers, *other.numbers), *low, *high, self.weight + other.weight)

    @property
    def mask(self) -> np.ndarray:
        """(rows, columns) bool over the whole picture."""
        found = np.zeros(self.labels.shape, bool)
        part = slice(self.top, self.bottom), slice(self.left, self.right)
        found[part] = np.isin(self.labels[part], self.numbers)
        return found

    @property
    def height(self) -> int:
        """Rows."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """Columns."""
        return self.right - self.left

    @property
    def at_edge(self) -> bool:
        """Whether it reaches the picture's edge."""
        rows, columns = self.labels.shape
        return self.top <= 0 or self.left <= 0 or self.bottom >= rows or self.right >= columns

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Top, left, bottom, right."""
        return self.top, self.left, self.bottom, self.right


def parts_of(mask: np.ndarray, strength: np.ndarray) -> list[Mark]:
    """Connected parts that may be strokes, the largest first: without dust, and without what belongs to the surroundings.

    Args:
        mask: (rows, columns) bool.
        strength: (rows, columns), how strongly each pixel is inked.
    """
    labels, count = ndimage.label(mask, np.ones((3, 3), bool))
    if not count:
        return []
    weights = np.bincount(labels.ravel(), strength.ravel())[1:]
    places = ndimage.find_objects(labels)
    inner = {i for i in range(count) if not _at_edge(places[i], mask.shape)}
    # A thing that reaches out of the picture is not the digit where another is not much weaker and lies inside it.
    strongest = max((weights[i] for i in inner), default=0.0)
    kept = [i for i in range(count) if i in inner or strongest < 0.15 * weights[i]] if inner else list(range(count))
    most = max(weights[i] for i in kept)
    kept = [i for i in kept if weights[i] > _SPECK * most]
    kept.sort(key=lambda i: -weights[i])
    return [
        Mark(labels, (i + 1,), places[i][0].start, places[i][1].start, places[i][0].stop, places[i][1].stop, weights[i])
        for i in kept[:_MOST]
    ]


def _at_edge(place: tuple[slice, ...], shape: tuple[int, ...]) -> bool:
    rows, columns = place
    return bool(rows.start <= 0 or columns.start <= 0 or rows.stop >= shape[0] or columns.stop >= shape[1])


def together(parts: list[Mark]) -> list[Mark]:
    """Parts that are strokes of one digit, joined: those whose boxes overlap in their columns or nearly touch.

    A five's roof, a broken pencil line. Parts side by side are digits of their own.
    """
    groups = list(parts)
    tall = float(np.median([one.height for one in parts if one.height >= 0.4 * max(p.height for p in parts)] or [1]))
    joined = True
    while joined:
        joined = False
        for i in range(len(groups)):
            for j in range(i + 1, len(groups)):
                if _belong(groups[i], groups[j], tall):
                    one = groups[i] | groups[j]
                    groups = [group for k, group in enumerate(groups) if k not in (i, j)] + [one]
                    joined = True
                    break
            if joined:
                break
    return sorted(groups, key=lambda one: -one.weight)


def _belong(one: Mark, other: Mark, tall: float) -> bool:
    small, large = sorted((one, other), key=lambda mark: mark.height * mark.width)
    apart = _between(one.left, one.right, other.left, other.right)
    above = _between(one.top, one.bottom, other.top, other.bottom)
    if small.height >= 0.6 * tall and large.height >= 0.6 * tall:  # two that are digits by their size
        shared = -apart / max(1, min(one.width, other.width))
        return above < 0 and shared > 0.55
    near = 0.22 * tall
    if above < 0:  # beside each other
        return apart < (0.1 * tall if small.height > 0.3 * tall else near)
    return apart < 0.05 * tall and above < near


def _between(start: int, stop: int, other_start: int, other_stop: int) -> int:
    """The gap between two stretches; below 0 where they overlap, by how much."""
    return max(start, other_start) - min(stop, other_stop)


def in_reading_order(marks: list[Mark]) -> list[Mark]:
    """Line by line from the top, each from left to right."""
    lines: list[list[Mark]] = []
    for mark in sorted(marks, key=lambda one: one.top + one.bottom):
        middle = (mark.top + mark.bottom) / 2
        for line in lines:
            top = float(np.median([one.top for one in line]))
            bottom = float(np.median([one.bottom for one in line]))
            if top < middle < bottom:
                line.append(mark)
                break
        else:
            lines.append([mark])
    lines.sort(key=lambda line: float(np.median([one.top + one.bottom for one in line])))
    return [mark for line in lines for mark in sorted(line, key=lambda one: one.left + one.right)]
