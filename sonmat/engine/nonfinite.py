"""Why a loss became infinite or not a number: the failing step done again, slowly, and looked at."""

from __future__ import annotations

from typing import Any

import jax
import keras
import numpy as np

from sonmat.engine import checks
from sonmat.engine.examples import preparation
from sonmat.engine.program import Program, State
from sonmat.errors import NonFiniteLossError
from sonmat.language import say

_LARGE_INPUT = 30.0  # standardized or scaled inputs stay far below; raw pixels reach 255
_LARGE_TARGET = 1e6
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
    if _finite(before):
        state = program.run(before, data, start, bad)[0] if bad > start else before
        batch = jax.tree.map(lambda a: a[bad * program.rows : (bad + 1) * program.rows], data)
        cause, fix = _cause(model, state, batch, program.scale)
    else:
        cause, fix = _begun_broken()
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
    largest_input = _largest(batch[0]) / scale
    if largest_input > _LARGE_INPUT and not checks.scales(model):
        return _large_inputs(largest_input)
    largest_target = _largest(batch[1])
    if largest_target > _LARGE_TARGET:
        return say(f"The targets reach {largest_target:g}.", f"목푯값이 {largest_target:g}까지 이릅니다."), say(
            "Scale the targets.", "목푯값을 스케일하세요."
        )
    largest_weight = _largest(state[0])
    if largest_weight < _LARGE_WEIGHT and _gives_finite_outputs(model, state, batch[0], scale):
        return _the_loss_itself()
    return _large_steps(model, largest_weight)


def _begun_broken() -> tuple[str, str]:
    return say(
        "The weights were not finite when the epoch began.", "에포크가 시작될 때 이미 가중치가 유한하지 않았습니다."
    ), say(
        "Build the model anew or load weights from before they broke; if this training broke them, lower its learning rate.",
        "모델을 새로 만들거나 깨지기 전의 가중치를 불러오세요. 이 학습이 깨뜨렸다면 학습률을 낮추세요.",
    )


def _large_inputs(largest: float) -> tuple[str, str]:
    return say(
        f"The inputs reach {largest:g}, and nothing scales them.",
        f"입력이 {largest:g}까지 이르는데 스케일링하는 것이 없습니다.",
    ), say("Scale them first: x / 255.0, or a Rescaling layer.", "x / 255.0이나 Rescaling 층으로 먼저 스케일하세요.")


def _the_loss_itself() -> tuple[str, str]:
    return say(
        "Weights and outputs of the model are finite and not large: the loss itself makes something infinite of them, such "
        "as log(0) or a division by zero.",
        "모델의 가중치와 출력은 유한하고 크지 않습니다. log(0)이나 0으로 나누기처럼 손실 함수 자체가 무한대를 만듭니다.",
    ), say(
        "Keep what the loss takes the log of above 0 (keras.ops.maximum(p, keras.config.epsilon())), or use a loss of Keras's.",
        "손실 함수에서 log를 취하는 값이 0보다 크게 하거나 (keras.ops.maximum(p, keras.config.epsilon())) Keras의 손실을 쓰세요.",
    )


def _large_steps(model: keras.Model, largest: float) -> tuple[str, str]:
    grown = say(f"The weights reach {largest:.3g}", f"가중치가 {largest:.3g}까지 커졌습니다")
    if not np.isfinite(largest):
        grown = say("The weights grew without bound", "가중치가 끝없이 커졌습니다")
    rate = _learning_rate(model)
    if rate is None:
        return f"{grown}.", say("Lower the learning rate.", "학습률을 낮추세요.")
    return say(
        f"{grown} at a learning rate of {rate:g}: the likely cause is a learning rate that is too high.",
        f"학습률 {rate:g}에서 {grown}. 학습률이 너무 높은 것이 원인일 가능성이 큽니다.",
    ), say(
        f"Try learning_rate={rate / 10:g}, or clipnorm=1.0 in the optimizer.",
        f"learning_rate={rate / 10:g}이나 옵티마이저의 clipnorm=1.0을 써 보세요.",
    )


def _gives_finite_outputs(model: keras.Model, state: State, x: Any, scale: float) -> bool:
    outputs, _ = model.stateless_call(state[0], state[1], preparation(scale)(x), training=False)
    return bool(np.isfinite(_largest(outputs)))


def _finite(state: State) -> bool:
    return bool(np.isfinite(_largest(state[0])))


def _largest(tree: Any) -> float:
    """The largest magnitude in a tree of arrays; NaN or infinity where it holds one."""
    sizes = [np.abs(np.asarray(leaf, np.float64)).max(initial=0.0) for leaf in jax.tree.leaves(tree)]
    return float(np.max(sizes, initial=0.0))


def _learning_rate(model: keras.Model) -> float | None:
    try:
        return float(np.asarray(model.optimizer.learning_rate))
    except (AttributeError, TypeError, ValueError):
        return None
