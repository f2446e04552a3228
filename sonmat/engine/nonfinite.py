"""Why a loss became infinite or not a number: the failing step done again, slowly, and looked at."""

from __future__ import annotations

from typing import Any

import jax
import keras
import numpy as np

from sonmat.engine.program import Program, State
from sonmat.errors import NonFiniteLossError
from sonmat.language import say

_LARGE_INPUT = 30.0  # standardized or scaled inputs stay far below; raw pixels reach 255
_LARGE_WEIGHT = 1e3


def explained(
    model: keras.Model, program: Program, before: State, data: Any, epoch: int, steps: tuple[int, int]
) -> NonFiniteLossError:
    """The error for a step whose loss was not finite.

    Args:
        before: The state at the start of the epoch, from which the failing step is reached again.
        data: The rows of the epoch in their order.
        epoch: The epoch, counted from 0.
        steps: The first batch of the epoch and the failing one, counted in the pass.
    """
    start, bad = steps
    state = program.run(before, data, start, bad)[0] if bad > start else before
    batch = jax.tree.map(lambda a: a[bad * program.rows : (bad + 1) * program.rows], data)
    cause, fix = _cause(model, state, batch, program.scale)
    step = bad - start
    return NonFiniteLossError(
        say(
            f"The loss is no longer finite in epoch {epoch + 1}, step {step + 1}. {cause} "
            "The model has the weights from before this epoch.",
            f"{epoch + 1}번째 에포크의 {step + 1}번째 스텝에서 손실이 더 이상 유한하지 않습니다. {cause} "
            "모델은 이 에포크 이전의 가중치를 갖고 있습니다.",
        ),
        fix,
        epoch=epoch,
        step=step,
    )


def _cause(model: keras.Model, state: State, batch: Any, scale: float) -> tuple[str, str]:
    weights = [np.asarray(w) for w in state[0] if np.asarray(w).dtype.kind == "f"]
    if not all(np.isfinite(w).all() for w in weights):
        return say(
            "The weights were not finite before the step.", "이 스텝 전에 이미 가중치가 유한하지 않았습니다."
        ), say(
            "Build the model anew, or load weights from before they broke.",
            "모델을 새로 만들거나 깨지기 전의 가중치를 불러오세요.",
        )
    largest_input = _largest(batch[0]) / scale
    if largest_input > _LARGE_INPUT:
        return say(
            f"The inputs reach {largest_input:g}, and nothing scales them.",
            f"입력이 {largest_input:g}까지 이르는데 스케일링하는 것이 없습니다.",
        ), say(
            "Scale them first: x / 255.0, or a Rescaling layer.", "x / 255.0이나 Rescaling 층으로 먼저 스케일하세요."
        )
    if batch[1] is not None and _largest(batch[1]) > 1e6:
        return say(f"The targets reach {_largest(batch[1]):g}.", f"목푯값이 {_largest(batch[1]):g}까지 이릅니다."), say(
            "Scale the targets.", "목푯값을 스케일하세요."
        )
    rate = _learning_rate(model)
    largest = max((float(np.abs(w).max()) for w in weights if w.size), default=0.0)
    grown = say(f"The weights reach {largest:.3g}", f"가중치가 {largest:.3g}까지 커졌습니다")
    if rate is not None:
        return say(
            f"{grown} at a learning rate of {rate:g}: the likely cause is a learning rate that is too high.",
            f"학습률 {rate:g}에서 {grown}. 학습률이 너무 높은 것이 원인일 가능성이 큽니다.",
        ), say(
            f"Try learning_rate={rate / 10:g}, or clipnorm=1.0 in the optimizer.",
            f"learning_rate={rate / 10:g}이나 옵티마이저의 clipnorm=1.0을 써 보세요.",
        )
    return f"{grown}.", say("Lower the learning rate.", "학습률을 낮추세요.")


def _largest(tree: Any) -> float:
    return max((float(np.abs(np.asarray(leaf, np.float64)).max()) for leaf in jax.tree.leaves(tree)), default=0.0)


def _learning_rate(model: keras.Model) -> float | None:
    try:
        return float(np.asarray(model.optimizer.learning_rate))
    except (AttributeError, TypeError, ValueError):
        return None
