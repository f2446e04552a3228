"""How many steps a training takes: counted without Keras, for what only reads of a training."""

from __future__ import annotations

import math


def total_steps(rows: int, epochs: int, batch_size: int | list[list[int]]) -> int:
    """Steps of a training.

    Args:
        rows: Training rows.
        epochs: How often they are seen.
        batch_size: Rows a step, or pairs of epochs and rows, the last of which holds for all epochs after.
    """
    pairs = [[epochs, batch_size]] if isinstance(batch_size, int) else batch_size
    total, left = 0, epochs
    for index, (count, size) in enumerate(pairs):
        count = left if index == len(pairs) - 1 else min(count, left)
        total += count * math.ceil(rows / min(size, rows))
        left -= count
    return total
