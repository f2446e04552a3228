"""Which rows go where: a stratified split that is the same on every machine and for every version of NumPy."""

from __future__ import annotations

import hashlib
import operator
from fractions import Fraction
from typing import Any

import numpy as np

from sonmat.errors import DataError
from sonmat.language import say

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def row_keys(count: int, seed: int) -> np.ndarray:
    """A key for each row; rows in the order of their keys are shuffled.

    The keys are the first `count` outputs of SplitMix64, started from the first eight bytes of SHA-256 of the seed
    written in decimal. All of it is integer arithmetic defined here, because NumPy does not promise that the streams
    of its generators stay as they are. No two keys are equal: every step of the mixing is a bijection.

    Returns:
        (count,) uint64.

    Source:
        Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014.
    """
    start = np.uint64(int.from_bytes(hashlib.sha256(str(seed).encode()).digest()[:8], "little"))
    mixed = np.arange(1, count + 1, dtype=np.uint64) * _GOLDEN + start
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def share_out(counts: np.ndarray, fraction: Fraction) -> np.ndarray:
    """How many rows of each class the first part gets.

    The first part has `round(n · fraction)` rows (halves up, never none, never all). Each class gets its share
    rounded down; the rows left over go to the largest remainders, ties to the lower class number. Then, wherever the
    sizes allow, a class with two rows or more is given a row in both parts, and a class with one row is put in the
    first: what training never sees cannot be learnt.

    Args:
        counts: (classes,) rows of each class.
        fraction: Between 0 and 1, neither included.

    Returns:
        (classes,) int64.
    """
    rows = int(counts.sum())
    size = min(max((2 * rows * fraction.numerator + fraction.denominator) // (2 * fraction.denominator), 1), rows - 1)
    scaled = [int(count) * fraction.numerator for count in counts]  # Python's integers: no rounding, no overflow
    shares = np.array([value // fraction.denominator for value in scaled], dtype=np.int64)
    remainders = [value % fraction.denominator for value in scaled]
    order = sorted(range(len(counts)), key=lambda number: -remainders[number])
    shares[order[: size - int(shares.sum())]] += 1
    surplus = np.array([int(s) - float(Fraction(v, fraction.denominator)) for s, v in zip(shares, scaled, strict=True)])
    _spread(shares, (shares == 0) & (counts > 0), shares - 1, surplus)
    left = counts - shares
    _spread(left, (left == 0) & (counts > 1), np.where(counts > 1, left - 1, 0), -surplus)
    return counts - left


def _spread(shares: np.ndarray, needy: np.ndarray, spare: np.ndarray, surplus: np.ndarray) -> None:
    """Give each needy class one row, from those who can spare some, in place; the richest give first."""
    needing = list(np.flatnonzero(needy))
    spare = np.where(needy, 0, spare)
    while needing and (spare > 0).any():
        givers = [number for number in np.argsort(-surplus, kind="stable") if spare[number] > 0][: len(needing)]
        shares[givers] -= 1
        spare[givers] -= 1
        shares[needing[: len(givers)]] += 1
        needing = needing[len(givers) :]


def stratified(labels: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Split rows into two parts in which every class has its share.

    Args:
        labels: (n,) class numbers, 0 and up.
        fraction: The first part's share of the rows, taken as the decimal it is written as: 0.7 is 7/10 exactly.
        seed: Any integer; another seed is another split.

    Returns:
        The rows of the first and of the second part, (k,) and (n - k,) int64, each in ascending order.

    Raises:
        DataError: The fraction is not between 0 and 1, the seed is no integer, or there are fewer than two rows.
    """
    share, number = _fraction(fraction), _seed(seed)
    if len(labels) < 2:
        raise DataError(
            say(
                f"A split needs two rows or more; there are {len(labels)}.",
                f"나누려면 행이 두 개 이상 필요한데 {len(labels)}개입니다.",
            ),
            say("Give more data.", "데이터를 더 넣으세요."),
        )
    wide = np.asarray(labels).astype(np.uint16 if labels.max() < 2**16 else np.int64)  # NumPy sorts short ones by radix
    counts = np.bincount(wide)
    shuffled = np.argsort(row_keys(len(wide), number), kind="stable")
    grouped = shuffled[np.argsort(wide[shuffled], kind="stable")]
    place = np.arange(len(wide)) - np.repeat(np.cumsum(counts) - counts, counts)
    first = place < np.repeat(share_out(counts, share), counts)
    return np.sort(grouped[first]).astype(np.int64), np.sort(grouped[~first]).astype(np.int64)


def _fraction(fraction: Any) -> Fraction:
    try:
        share = Fraction(repr(float(fraction)))
    except (TypeError, ValueError, OverflowError):
        share = Fraction(0)
    if not 0 < share < 1:
        raise DataError(
            say(
                f"The fraction of a split must be between 0 and 1, neither included; got {fraction!r}.",
                f"나누는 비율은 0보다 크고 1보다 작아야 합니다. 받은 값: {fraction!r}.",
            ),
            say("For 70 % and 30 %: train.split(0.7).", "70 %와 30 %로 나누려면: train.split(0.7)."),
        )
    return share


def _seed(seed: Any) -> int:
    try:
        return operator.index(seed)
    except TypeError:
        raise DataError(
            say(f"The seed of a split must be an integer, not {seed!r}.", f"시드는 정수여야 하는데 {seed!r}입니다."),
            say("For example: train.split(0.7, seed=0).", "예: train.split(0.7, seed=0)."),
        ) from None
