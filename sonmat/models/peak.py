"""The highest rate of a learning-rate schedule: which setting it is, and how much of it is left at the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sonmat.models.compilation import make_schedule
from sonmat.models.recipe import TrainSettings
from sonmat.models.steps import total_steps

if TYPE_CHECKING:
    from keras.optimizers.schedules import LearningRateSchedule

_PEAKS = ("peak", "warmup_target", "initial_learning_rate")
"""What sonmat's schedules and Keras's call it; a `warmup_target` that is given is above the initial rate."""

_LOOKED_AT = 64


def peak_setting(rate: object) -> str | None:
    """The dotted name of the one number that makes a recipe's learning rates larger or smaller.

    Args:
        rate: A recipe's `train.learning_rate`.

    Returns:
        `"train.learning_rate"` where it is a number, or None, the optimizer's own; of a schedule its peak, as
        `"train.learning_rate.peak"`. None where the schedule has several numbers, such as `PiecewiseConstantDecay`.
    """
    if not isinstance(rate, Mapping):
        return "train.learning_rate"
    return next((f"train.learning_rate.{name}" for name in _PEAKS if rate.get(name) is not None), None)


def rate_course(train: TrainSettings, rows: int, done: int) -> tuple[float | None, float | None]:
    """The peak of a recipe's learning rates, and the share of it that is left.

    Args:
        train: The recipe's settings.
        rows: Training rows.
        done: Epochs that are trained, 1 or more.

    Returns:
        The share is None where the rate is one number; both are where the recipe leaves the rate to the optimizer.

    Raises:
        RecipeError: The schedule is not known, or refuses its settings.
    """
    rate = train.learning_rate
    if not isinstance(rate, Mapping):
        return rate, None
    schedule = make_schedule(rate, total_steps(rows, max(1, train.epochs), train.batch_size))
    return course_of(schedule, total_steps(rows, done, train.batch_size))


def course_of(schedule: LearningRateSchedule, steps: int) -> tuple[float, float]:
    """A schedule's peak, and the share of it that is left after so many steps, 1 or more."""
    peak = peak_of(schedule)
    if peak is None:
        every = {round(i * steps / _LOOKED_AT) for i in range(_LOOKED_AT + 1)}
        peak = max(float(schedule(step)) for step in every)
    return peak, float(schedule(steps)) / peak if peak > 0 else 0.0


def peak_of(schedule: Any) -> float | None:
    """The peak that a schedule was made with, where it is one of its settings."""
    given = (getattr(schedule, name, None) for name in _PEAKS)
    return next((float(value) for value in given if isinstance(value, (int, float))), None)
