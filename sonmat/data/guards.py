"""What should make one distrust the data itself: leaks between parts, sorted labels, blank inputs, odd scales."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_PROJECTED = 48  # random directions: distances keep to about 15 %, which is enough to choose whom to look at closely
_NEIGHBOURS = 8
_NEAR = 0.5  # of the distance to the other neighbours: a copy with some noise is far below, one of many alike is not
_BLOCK = 256
_PAIRS = 3  # examples that are kept
_AT_ONCE = 2**25  # bytes of rows that are worked on at a time


@dataclass(frozen=True)
class Leak:
    """Validation rows that training has seen.

    Attributes:
        checked: Validation rows that were compared with every training row.
        copies: Those of them that are in the training rows, byte for byte; blank ones apart.
        near_checked: Validation rows whose nearest training row was looked for; 0 where that was left out.
        near: Those of them, copies apart, that are at half the distance to a training row, or less, that they are to its
            other neighbours.
        pairs: A few of the copies: the training row and the validation row, by their positions.
    """

    checked: int
    copies: int
    near_checked: int = 0
    near: int = 0
    pairs: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Contradictions:
    """Rows that are the same and have different labels.

    Attributes:
        checked: Rows that were compared with each other.
        rows: Those of them that have a copy with another label; blank ones apart.
        pairs: A few of them: the positions of two such rows.
    """

    checked: int
    rows: int
    pairs: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Order:
    """The order of labels.

    Attributes:
        alike: The share of neighbouring rows that have the same label, 0..1.
        by_chance: What that share would be in a random order.
    """

    alike: float
    by_chance: float


@dataclass(frozen=True)
class Range:
    """The numbers that a network is given.

    Attributes:
        low, high: The smallest and the largest.
        mean, deviation: Over all of them.
        blank: The share of rows that hold one number throughout, 0..1.
        varied: Whether any two rows differ.
    """

    low: float
    high: float
    mean: float
    deviation: float
    blank: float
    varied: bool


def leak(train: np.ndarray, validation: np.ndarray, *, near: int = 0) -> Leak:
    """Find the validation rows that are among the training rows.

    Args:
        train: (n, …) raw inputs.
        validation: (m, …) raw inputs of the same shape and dtype.
        near: How many validation rows to look for near copies of; the search takes about a second for 2,000 rows against
            42,000 of 784 numbers.
    """
    if not len(train) or not len(validation) or train.shape[1:] != validation.shape[1:]:
        return Leak(0, 0)
    copied, copy_of = _copied(train, validation)
    chosen = np.flatnonzero(~copied)
    chosen = chosen[np.linspace(0, len(chosen) - 1, min(near, len(chosen))).astype(int)] if len(chosen) else chosen
    found = _near(train, validation[chosen]) if len(chosen) and len(train) > _NEIGHBOURS else 0
    pairs = tuple((int(copy_of[row]), int(row)) for row in np.flatnonzero(copied)[:_PAIRS])
    return Leak(len(validation), int(copied.sum()), len(chosen), found, pairs)


def _copied(train: np.ndarray, validation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(m,) whether each validation row is in `train`, and where: equal sums of random 64-bit multiples, then equal bytes."""
    theirs, ours = row_numbers(train), row_numbers(validation)
    order = np.argsort(theirs, kind="stable")
    place = np.searchsorted(theirs[order], ours)
    place[place == len(order)] = 0
    same = theirs[order[place]] == ours
    for row in np.flatnonzero(same):  # two rows of one number in 2⁶⁴ may differ all the same; blank ones are no leak
        one = validation[row]
        same[row] = np.array_equal(train[order[place[row]]], one) and not _is_blank(one)
    return same, order[place]


def _is_blank(row: np.ndarray) -> bool:
    return row.size > 1 and not bool((row != row.flat[0]).any())


def contradictions(inputs: np.ndarray, labels: np.ndarray) -> Contradictions:
    """Find rows that are equal and have different labels.

    Args:
        inputs: (n, …) raw inputs.
        labels: (n,) class numbers.
    """
    if not len(labels):
        return Contradictions(0, 0)
    numbers = row_numbers(inputs)
    order = np.lexsort((labels, numbers))
    starts = np.flatnonzero(np.diff(numbers[order], prepend=numbers[order[:1]] ^ np.uint64(1)))
    ends = np.append(starts[1:], len(order))
    rows, pairs = 0, []
    for group in (order[start:end] for start, end in zip(starts, ends, strict=True) if end - start > 1):
        first, last = int(group[0]), int(group[-1])  # sorted by label
        if labels[first] == labels[last]:
            continue
        if np.array_equal(inputs[first], inputs[last]) and not _is_blank(inputs[first]):
            rows += len(group)
            pairs.append((first, last))
    return Contradictions(len(labels), rows, tuple(pairs[:_PAIRS]))


def row_numbers(inputs: np.ndarray) -> np.ndarray:
    """A 64-bit number for each row, (n,) uint64; equal rows have equal numbers, others nearly never."""
    rows = np.ascontiguousarray(inputs).reshape(len(inputs), -1)
    raw = rows.view(np.uint8)
    wide = -(-raw.shape[1] // 8)
    factors = np.random.default_rng(0).integers(0, 2**63, wide, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    numbers = np.empty(len(raw), np.uint64)
    step = max(1, min(8192, _AT_ONCE // max(1, raw.shape[1])))
    for start in range(0, len(raw), step):
        block = raw[start : start + step]
        padded = np.zeros((len(block), wide * 8), np.uint8)
        padded[:, : raw.shape[1]] = block
        words = padded.view(np.uint64)
        words = (words ^ (words >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)
        numbers[start : start + step] = (words ^ (words >> np.uint64(29))) @ factors
    return numbers


def _near(train: np.ndarray, some: np.ndarray) -> int:
    """How many rows have one training row much nearer than the next ones."""
    features = int(np.prod(train.shape[1:]))
    directions = np.random.default_rng(0).standard_normal((features, _PROJECTED)).astype(np.float32)
    theirs, ours = _projected(train, directions), _projected(some, directions)
    squares = (theirs**2).sum(1)
    found = 0
    for start in range(0, len(ours), _BLOCK):
        block, raw = ours[start : start + _BLOCK], some[start : start + _BLOCK].astype(np.float32)
        few = min(_NEIGHBOURS, len(theirs))
        nearest = np.argpartition(squares - 2 * block @ theirs.T, few - 1, axis=1)[:, :few]
        apart = train[nearest].astype(np.float32).reshape(len(raw), few, -1) - raw.reshape(len(raw), 1, -1)
        distances = np.sort(np.sqrt((apart**2).sum(2)), axis=1)
        found += int((distances[:, 0] < _NEAR * np.median(distances[:, 1:], axis=1)).sum())
    return found


def _projected(inputs: np.ndarray, directions: np.ndarray) -> np.ndarray:
    blocks = [
        inputs[start : start + 8192].reshape(len(inputs[start : start + 8192]), -1).astype(np.float32) @ directions
        for start in range(0, len(inputs), 8192)
    ]
    return np.concatenate(blocks)


def order(labels: np.ndarray) -> Order:
    """How much the order of labels (n,) differs from a random one."""
    if len(labels) < 2:
        return Order(0.0, 0.0)
    shares = np.unique(labels, return_counts=True)[1] / len(labels)
    return Order(float((labels[1:] == labels[:-1]).mean()), float((shares**2).sum()))


def value_range(inputs: np.ndarray) -> Range:
    """What lies in inputs (n, …), all finite."""
    rows = inputs.reshape(len(inputs), -1)
    low, high = rows.min(1), rows.max(1)
    return Range(
        low=float(low.min()),
        high=float(high.max()),
        mean=float(rows.mean(dtype=np.float64)),
        deviation=float(rows.std(dtype=np.float64)),
        blank=float((low == high).mean()) if rows.shape[1] > 1 else 0.0,
        varied=bool((rows != rows[0]).any()),
    )
