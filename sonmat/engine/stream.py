"""The order in which a run sees its batches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax

from sonmat.engine.program import len_of, shuffled

_AHEAD_LIMIT = 2**30
"""Bytes up to which the next pass is shuffled while this one trains."""


@dataclass
class Stream:
    """Passes over the training rows, cut into epochs.

    Pass `p` has the order that the seed and `p` alone decide. Without `steps_per_epoch` an epoch is a pass. With it an
    epoch goes on where the one before stopped, and is cut short at the end of the pass, as in Keras.

    Attributes:
        data: The arrays, on the device.
        rows: Rows in a batch.
        seed: What decides the orders, or None for the order of the rows.
        steps: Steps in an epoch.
        origin: The epoch at which the first pass begins.
    """

    data: Any
    rows: int
    seed: int | None
    steps: int
    origin: int = 0
    _kept: dict[int, Any] = field(default_factory=dict)

    @property
    def batches(self) -> int:
        """Batches in a pass, the smaller last one counted."""
        return -(-len_of(self.data) // self.rows)

    @property
    def whole(self) -> int:
        """Batches in a pass that are full."""
        return len_of(self.data) // self.rows

    @property
    def reaches_tail(self) -> bool:
        """Whether a smaller last batch is ever trained on."""
        return self.whole < self.batches

    def bounds(self, epoch: int) -> tuple[int, int, int]:
        """The pass that an epoch is in, and its first and last batch (not included) there."""
        number, part = divmod(epoch - self.origin, -(-self.batches // self.steps))
        start = part * self.steps
        return self.origin + number, start, min(start + self.steps, self.batches)

    def rows_of(self, number: int) -> Any:
        """The arrays in the order of pass `number`."""
        if self.seed is None:
            return self.data
        if number not in self._kept:
            self._kept = {kept: data for kept, data in self._kept.items() if kept == number - 1}
            self._kept[number] = shuffled(self.data, self.seed, number)
        return self._kept[number]

    def look_ahead(self, epoch: int) -> None:
        """Begin to shuffle the rows of an epoch that comes next; the call returns at once."""
        if sum(leaf.nbytes for leaf in jax.tree.leaves(self.data)) <= _AHEAD_LIMIT:
            self.rows_of(self.bounds(epoch)[0])
