"""Learning-rate schedules that span a whole training: one-cycle, cosine and warm-up, each with its shares of it."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from sonmat.models.numbers import fits_float32, plain

_SHAPES = ("cosine", "linear")


class Spanning(keras.optimizers.schedules.LearningRateSchedule):
    """A rise from `start` · `peak` to `peak` over the first `warmup` of all steps, then a way down to `end` · `peak`.

    Args:
        peak: The highest learning rate, above 0.
        steps: Steps of the whole training, 1 or more. A recipe leaves it out; it is filled in.
        warmup: The share of the steps that the rise takes, 0 to below 1. The rise is linear.
        start: The rate at the first step, as a share of the peak, 0 to 1.
        end: The rate after the last step, as a share of the peak, 0 to 1.
        shape: The way down: "cosine" or "linear".

    Raises:
        ValueError: A number out of its range.
    """

    def __init__(
        self,
        peak: float,
        steps: int,
        warmup: float = 0.0,
        start: float = 0.0,
        end: float = 0.0,
        shape: str = "cosine",
    ) -> None:
        super().__init__()
        peak, steps, warmup, start, end = map(plain, (peak, steps, warmup, start, end))
        shares = {"start": (start, True), "end": (end, True), "warmup": (warmup, False)}
        for name, (value, whole) in shares.items():
            if (
                isinstance(value, bool)
                or not isinstance(value, (int, float))
                or not (0 <= value < 1 or (whole and value == 1))
            ):
                raise ValueError(f"{name} should be a share from 0 to {'' if whole else 'below '}1, but is {value!r}")
        if isinstance(peak, bool) or not isinstance(peak, (int, float)) or not (peak > 0 and fits_float32(peak)):
            raise ValueError(f"peak should be a number above 0 that float32 can hold, but is {peak!r}")
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise ValueError(f"steps should be a whole number of 1 or more, but is {steps!r}")
        if shape not in _SHAPES:
            raise ValueError(f"shape should be cosine or linear, but is {shape!r}")
        self.peak, self.steps, self.warmup, self.start, self.end, self.shape = peak, steps, warmup, start, end, shape

    def __call__(self, step: Any) -> Any:
        rise = self.warmup * self.steps
        step = ops.cast(step, "float32")
        up = self.start + (1 - self.start) * step / max(rise, 1e-9)
        done = ops.clip((step - rise) / max(self.steps - rise, 1e-9), 0.0, 1.0)
        left = 0.5 * (1 + ops.cos(math.pi * done)) if self.shape == "cosine" else 1 - done
        down = self.end + (1 - self.end) * left
        return self.peak * ops.where(step < rise, up, down)

    def get_config(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("peak", "steps", "warmup", "start", "end", "shape")}


@keras.saving.register_keras_serializable(package="sonmat")
class OneCycle(Spanning):
    """One cycle (Smith 2018, arXiv 1803.09820): up over the first 30 % of all steps, then down to nothing; see `Spanning`."""

    def __init__(
        self,
        peak: float,
        steps: int,
        warmup: float = 0.3,
        start: float = 0.04,
        end: float = 0.0,
        shape: str = "linear",
    ) -> None:
        super().__init__(peak, steps, warmup, start, end, shape)


@keras.saving.register_keras_serializable(package="sonmat")
class Cosine(Spanning):
    """Half a cosine from the peak down (Loshchilov and Hutter 2017, arXiv 1608.03983), after a warm-up if one is asked for."""

    def __init__(self, peak: float, steps: int, warmup: float = 0.0, start: float = 0.0, end: float = 0.0) -> None:
        super().__init__(peak, steps, warmup, start, end, "cosine")

    def get_config(self) -> dict[str, Any]:
        return {name: value for name, value in super().get_config().items() if name != "shape"}


@keras.saving.register_keras_serializable(package="sonmat")
class WarmUp(Spanning):
    """A linear warm-up over the first 10 % of all steps, then the peak to the end (Goyal et al. 2017, arXiv 1706.02677)."""

    def __init__(self, peak: float, steps: int, warmup: float = 0.1, start: float = 0.0) -> None:
        super().__init__(peak, steps, warmup, start, 1.0, "linear")

    def get_config(self) -> dict[str, Any]:
        return {name: value for name, value in super().get_config().items() if name not in ("shape", "end")}


SCHEDULES: dict[str, type[Spanning]] = {"OneCycle": OneCycle, "Cosine": Cosine, "WarmUp": WarmUp}
"""By the names that a recipe uses beside Keras's."""

LENGTHS = ("steps", "decay_steps")
"""Arguments that a recipe may leave out: they become all steps of its training."""
