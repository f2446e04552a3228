"""The learning-rate range test: which learning rate a network can be trained with, measured in seconds.

The rate grows from step to step until the loss explodes (L. N. Smith, "Cyclical learning rates for training neural networks",
2015, arXiv:1506.01186). What is suggested lies in the last third of the loss's longest fall. That rule, the smoothing and
their numbers were chosen by measuring: `python -m benchmarks.lr_finder` holds them against trainings at many rates.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonmat.engine.rate_program import MEMORY
from sonmat.language import say

_LEAST_FALL = (
    0.045  # of the loss at the start; MNIST with shuffled labels fell by up to 0.039, as the mean alone can be learned
)
_NOISES = 5.0  # standard errors that a fall must exceed
_BEGUN = 0.1  # of the whole fall, after which the loss is said to have begun to fall
_TURNED = (
    0.1  # of it, after which the loss is said to rise again; mean and rate lag, and trainings failed a little beyond
)
_BACK = 1 / 3  # of the longest fall, from its end back to the suggestion


@dataclass(frozen=True, eq=False)
class RateTest:
    """How the loss went while the learning rate grew.

    Attributes:
        rates: The learning rate of each step that was done, rising, (steps,).
        losses: The loss of each step before its update, as Keras gives it, (steps,); the last may be infinite or NaN.
        smoothed: Their exponential mean with bias correction, (steps,).
        suggestion: The rate to train with; None where the loss gives no ground for one, and `reason` says why.
        span: From where the loss begins to fall to where it is lost again, or None without a suggestion.
        diverged_at: The rate at which the test ended because the smoothed loss was four times its best, or the loss was
            not finite. None where the highest rate was reached.
        present: The rate that the model had; of one of sonmat's schedules its peak, of another the next step's.
        batch_size: Rows in a step.
        seconds: What the steps took.
        compile_seconds: What tracing and compiling took.
        reason: Why there is no suggestion, for people; "" where there is one.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    suggestion: float | None
    span: tuple[float, float] | None
    diverged_at: float | None
    present: float
    batch_size: int
    seconds: float
    compile_seconds: float
    reason: str = ""

    def __repr__(self) -> str:
        found = "None" if self.suggestion is None else f"{self.suggestion:.3g}"
        return f"RateTest(suggestion={found}, diverged_at={self.diverged_at}, steps={len(self.rates)})"

    @property
    def position(self) -> str:
        """Where the present rate lies: "below", "inside" or "above" the span, or "" where there is none."""
        if self.span is None:
            return ""
        low, high = self.span
        return "below" if self.present < low else "above" if self.present >= high else "inside"

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "suggestion": self.suggestion,
            "reason": self.reason or None,
            "span": list(self.span) if self.span else None,
            "present": self.present,
            "position": self.position or None,
            "diverged_at": self.diverged_at,
            "steps": len(self.rates),
            "batch_size": self.batch_size,
            "seconds": round(self.seconds, 3),
            "compile_seconds": round(self.compile_seconds, 3),
            "rates": self.rates.tolist(),
            "losses": self.losses.tolist(),
            "smoothed": self.smoothed.tolist(),
        }


def smooth(losses: NDArray[np.float64], memory: float = MEMORY) -> NDArray[np.float64]:
    """The exponential mean of losses with bias correction, as Adam has it, of the same length."""
    smoothed, mean = np.empty(len(losses)), 0.0
    for i, loss in enumerate(losses):
        mean = memory * mean + (1 - memory) * loss
        smoothed[i] = mean / (1 - memory ** (i + 1))
    return smoothed


@dataclass(frozen=True)
class Fall:
    """Where the smoothed loss fell, as numbers of steps: it begins to, is suggested, rises again."""

    begins: int
    suggested: int
    rises: int


def fall_of(losses: NDArray[np.float64], smoothed: NDArray[np.float64]) -> Fall | str:
    """Where a loss fell, or why it cannot be said to have fallen.

    Args:
        losses: One a step, (steps,).
        smoothed: The same, smoothed.
    """
    count = int(np.isfinite(losses).sum())  # only the last may not be
    first = losses[: max(1, count // 10)]
    start, lowest = float(first.mean()), int(np.argmin(smoothed[:count]))
    fallen = start - float(smoothed[lowest])
    noise = float(first.std()) * math.sqrt((1 - MEMORY) / (1 + MEMORY) + 1 / len(first))
    if fallen <= 0:
        return say("The loss never fell below where it started.", "손실이 처음보다 한 번도 내려가지 않았습니다.")
    if fallen < _LEAST_FALL * abs(start) or fallen < _NOISES * noise:
        part = f"{100 * fallen / abs(start):.1f} %" if start else f"{fallen:.3g}"
        return say(
            f"The loss fell by {part} alone, which is no more than a network that learns nothing of its inputs may show.",
            f"손실이 {part}밖에 내려가지 않았습니다. 입력에서 아무것도 배우지 못하는 신경망도 그만큼은 내려갑니다.",
        )
    above = np.flatnonzero(smoothed[: lowest + 1] > start - _BEGUN * fallen)
    begins = min(int(above[-1]) + 1, lowest) if len(above) else 0
    back = np.flatnonzero(smoothed[lowest:count] >= smoothed[lowest] + _TURNED * fallen)
    rises = lowest + int(back[0]) if len(back) else len(losses) - 1
    end, length = longest_fall(smoothed[:count])
    return Fall(begins, min(max(end - round(_BACK * length), begins), lowest), rises)


def longest_fall(values: NDArray[np.float64]) -> tuple[int, int]:
    """The longest decreasing subsequence (M. L. Fredman, 1975): where it ends first, and its length."""
    tails: list[float] = []
    end = length = 0
    for i, value in enumerate(values):
        at = bisect.bisect_left(tails, -float(value))
        tails[at : at + 1] = [-float(value)]
        if at + 1 > length:
            end, length = i, at + 1
    return end, length
