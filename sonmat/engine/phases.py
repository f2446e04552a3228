"""Batch sizes that change on the way: some epochs with one, then with another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sonmat.errors import DataError
from sonmat.language import say


def phases_of(pairs: Sequence[Any]) -> list[tuple[int, int]]:
    """The first epoch, from 0, and the batch size of each phase, from pairs of epochs and size.

    Raises:
        DataError: Not pairs of whole numbers of 1 or more.
    """
    phases: list[tuple[int, int]] = []
    start = 0
    for pair in pairs:
        fits = isinstance(pair, (list, tuple)) and len(pair) == 2
        if not fits or not all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n >= 1 for n in pair):
            phases = []
            break
        phases.append((start, int(pair[1])))
        start += int(pair[0])
    if not phases:
        raise DataError(
            say(
                f"batch_size must be a whole number, or pairs of epochs and size; got {pairs!r}.",
                f"batch_size는 정수이거나 (에포크 수, 크기)의 쌍들이어야 하지만 {pairs!r}이(가) 왔습니다.",
            ),
            say("For example batch_size=[(3, 64), (7, 256)].", "예: batch_size=[(3, 64), (7, 256)]."),
        )
    return phases
