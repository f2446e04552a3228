"""One setting that a study tried, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

WAITING, RUNNING, DONE, STOPPED, FAILED = "waiting", "running", "done", "stopped", "failed"
STATES = (WAITING, RUNNING, DONE, STOPPED, FAILED)


@dataclass(frozen=True)
class Trial:
    """One setting of a study.

    Attributes:
        number: Counted from 0, as Optuna counts; of a finalist's repeat, counted among the repeats.
        settings: Dotted name in the recipe → value.
        seed: Of first weights, dropout and the order of the rows.
        state: One of `STATES`: `done` ran all its epochs, `stopped` was given up at a rung of halving, `failed` gave no
            number (its loss was not finite, say).
        value: The study's metric after the last epoch that was trained; None where there is none.
        curves: Name in Keras's History → (epochs,) float32, such as `loss`, `val_loss`, `val_accuracy`.
        seconds: Its share of the time its population trained, compiling left out.
        reason: Why it failed.
        began, ended: POSIX times of the last chunk that it was in, for the timeline; None where unknown.
        lane: Which core or accelerator it ran on, counted from 0.
        repeats: Of a finalist's repeat: the number of the trial that it repeats.
    """

    number: int
    settings: Mapping[str, Any]
    seed: int = 0
    state: str = WAITING
    value: float | None = None
    curves: Mapping[str, np.ndarray] = field(default_factory=dict)
    seconds: float = 0.0
    reason: str = ""
    began: float | None = None
    ended: float | None = None
    lane: int = 0
    repeats: int | None = None

    @property
    def epochs(self) -> int:
        """Epochs that it trained."""
        return max((len(column) for column in self.curves.values()), default=0)
