"""`find_learning_rate`: the range test for any compiled model."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from sonmat.engine import checks
from sonmat.engine.batch_input import count_of, is_batches
from sonmat.engine.companion import Companion
from sonmat.engine.compilation import keep_programs
from sonmat.engine.examples import Examples, gather
from sonmat.engine.rate_program import RateProgram, check_rate, rate_now
from sonmat.engine.rate_test import RateTest, fall_of, smooth
from sonmat.engine.smoothing import check_smoothing
from sonmat.errors import DataError, NonFiniteLossError
from sonmat.language import say
from sonmat.models.augmentation import Augmentation

LOW, HIGH = 1e-6, 10.0
"""The rates between which the test runs, whatever the optimizer."""

LEAST_STEPS, STEPS, MOST_STEPS = 20, 300, 100_000
_FEW_STEPS, _PASSES = 100, 2  # on small data: two passes, and this many at least
_LEAST_ROWS = 4  # XOR has four


def find_learning_rate(
    model: keras.Model,
    x: Any,
    y: Any = None,
    *,
    batch_size: int | None = None,
    low: float = LOW,
    high: float = HIGH,
    steps: int | None = None,
    seed: int = 0,
    augment: Mapping[str, Any] | Augmentation | None = None,
    label_smoothing: float = 0.0,
) -> RateTest:
    """Train for some hundred steps with a growing learning rate, and see which rates the network can be trained with.

    Everything but the rate is as the model was compiled; a schedule gives way to the growing rate. All steps are one
    compiled program that works on copies: weights, optimizer and metrics stay as they are. (A model that is not built yet
    is built, as by `fit`.) The test begins from the weights that the model has.

    Args:
        model: Any compiled `keras.Model`.
        x: Whatever `fit` takes: arrays (n, ...), a tree of arrays, a `sonmat.Dataset`, or batches.
        y: Targets where `x` is arrays.
        batch_size: Rows in a step; 32, or the batches' own size. Take the one that will be trained with: the rate that
            suits depends on it.
        low, high: The first and the last rate, above 0; between them each step's is the same multiple of the one before.
        steps: How many, 20 to 100,000; by default 300, and on small data two passes' but 100 at least.
        seed: Decides the order of the rows, dropout and augmentation, as in the first epoch of `fit`.
        augment, label_smoothing: As `fit` has them.

    Returns:
        The rates, the losses and what they suggest. The same seed gives the same bits.

    Raises:
        DataError: Inputs or targets cannot be trained on, are too few, or an argument is out of its range.
        TrainingError: The model is not compiled.
        NonFiniteLossError: The loss is infinite or NaN at the first step already.
        UnsupportedError: The optimizer has no learning rate, or the model's train_step gives no loss.

    References:
        L. N. Smith, "Cyclical learning rates for training neural networks", 2015, arXiv:1506.01186.
    """
    _check_whole("batch_size", batch_size, 1, math.inf, 32)
    _check_whole("steps", steps, LEAST_STEPS, MOST_STEPS, STEPS)
    _check_whole("seed", seed, 0, math.inf, 0)
    _check_range(low, high)
    companion = Companion.of(augment, label_smoothing)
    checks.check_model(model, training=True)
    check_smoothing(model, companion.smoothing)
    check_rate(model)
    keep_programs()
    counted = is_batches(x) and count_of(x) is not None
    examples = gather(x, y, steps=None if counted else steps)
    _check_rows(examples)
    checks.check_inputs(model, examples)
    checks.check_targets(model, examples)
    checks.warn_of_raw_pixels(model, examples)
    checks.build(model, examples)
    rows = min(batch_size or examples.batch_size or 32, len(examples))
    rates = np.geomspace(low, high, steps or _steps(len(examples) // rows))
    program = RateProgram(model, examples, rows, rates, seed, companion)
    return _read(program, program.run())


def _steps(batches: int) -> int:
    return min(STEPS, max(_FEW_STEPS, _PASSES * batches))


def _read(program: RateProgram, losses: NDArray[np.float64]) -> RateTest:
    count = len(losses)
    rates = program.rates[:count]
    if not np.isfinite(losses[0]):
        raise _broken()
    smoothed = smooth(losses)
    fall = fall_of(losses, smoothed)
    found = not isinstance(fall, str)
    return RateTest(
        rates=rates,
        losses=losses,
        smoothed=smoothed,
        suggestion=None if isinstance(fall, str) else float(rates[fall.suggested]),
        span=None if isinstance(fall, str) else (float(rates[fall.begins]), float(rates[fall.rises])),
        diverged_at=float(rates[-1]) if program.ended else None,
        present=rate_now(program.model),
        batch_size=program.rows,
        seconds=program.seconds,
        compile_seconds=program.compile_seconds,
        reason="" if found else str(fall),
    )


def _check_whole(name: str, value: object, least: int, most: float, example: int) -> None:
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if (value is None and name != "seed") or (whole and least <= value <= most):  # type: ignore[operator]
        return
    english = f"of at least {least}" if most == math.inf else f"from {least} to {most:,}"
    korean = f"{least} 이상의 정수" if most == math.inf else f"{least}부터 {most:,}까지의 정수"
    raise DataError(
        say(
            f"{name} must be a whole number {english}; got {value!r}.",
            f"{name}에 올 것은 {korean}, 받은 것은 {value!r}입니다.",
        ),
        say(f"For example {name}={example}.", f"예: {name}={example}."),
    )


def _check_range(low: object, high: object) -> None:
    for name, value in (("low", low), ("high", high)):
        number = isinstance(value, numbers.Real) and not isinstance(value, bool)
        if not number or not 1e-30 <= value <= 1e30:  # type: ignore[operator]  # what float32 holds with room to spare
            raise DataError(
                say(
                    f"{name} must be a learning rate above 0; got {value!r}.",
                    f"{name}에 올 것은 0보다 큰 학습률, 받은 것은 {value!r}입니다.",
                ),
                say("For example low=1e-6, high=10.", "예: low=1e-6, high=10."),
            )
    if not low < high:  # type: ignore[operator]
        raise DataError(
            say(
                f"The test goes from a low rate to a high one; got {low:g} to {high:g}.",
                f"검사는 낮은 학습률에서 높은 학습률로 갑니다. 받은 것은 {low:g}에서 {high:g}까지입니다.",
            ),
            say("Give low < high, for example 1e-6 and 10.", "low < high로 주세요. 예: 1e-6과 10."),
        )


def _check_rows(examples: Examples) -> None:
    if len(examples) < _LEAST_ROWS:
        raise DataError(
            say(
                f"{len(examples)} rows are too few to find a learning rate with.",
                f"{len(examples)}개 행으로는 학습률을 찾을 수 없습니다.",
            ),
            say(f"Give at least {_LEAST_ROWS}.", f"{_LEAST_ROWS}개 이상 주세요."),
        )


def _broken() -> NonFiniteLossError:
    return NonFiniteLossError(
        say(
            "The loss is infinite or not a number at the first step, before any rate has had an effect.",
            "어떤 학습률도 쓰이기 전인 첫 스텝에서 손실이 무한대이거나 숫자가 아닙니다.",
        ),
        say(
            "Look at the weights, the targets and the loss; build the model anew where a training has broken its weights.",
            "가중치, 목푯값, 손실을 확인하세요. 학습하다 가중치가 깨졌다면 모델을 새로 만드세요.",
        ),
        epoch=0,
        step=0,
    )
