"""Training with a learning rate that grows at every step, as one compiled program.

Keras's own `train_step` is what is looped over. The rate is written into the optimizer's state before each step; where the
optimizer follows a schedule, the schedule is out of the way while the program is traced.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from jax import lax
from numpy.typing import NDArray

from sonmat.engine.companion import Companion
from sonmat.engine.compilation import compiled, slow_in_loops
from sonmat.engine.examples import Examples
from sonmat.engine.program import State, shuffled, training_program, training_state, values
from sonmat.engine.randomness import seeded
from sonmat.errors import UnsupportedError
from sonmat.language import say

MEMORY = 0.95
"""What a step leaves of the mean that decides when to stop: it looks back some 20 steps."""

TIMES_BEST = 4.0
"""The program stops where that mean is so many times its smallest value (fastai's number)."""

Carry = tuple[Any, State, Any, Any, Any, Any]


@dataclass
class _Ramp(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule whose rate is whatever it was told last."""

    rate: Any = None

    def __call__(self, step: Any) -> Any:
        return self.rate


@dataclass
class RateProgram:
    """Some hundred steps of a model's training, each at its own learning rate. The model is left as it is.

    Attributes:
        model: Compiled and built, with a learning rate; see `check_rate`.
        examples: The rows to train on.
        rows: Rows in a step.
        rates: The learning rate of each step, (steps,).
        seed: Decides the order of the rows and dropout, as in the first epoch of `fit`.
        companion: Augmentation and label smoothing, as `fit` has them.
        compile_seconds, seconds: What tracing and compiling took, and what the steps did.
        ended: Whether the loss ended it: not finite, or too far above its best.
    """

    model: keras.Model
    examples: Examples
    rows: int
    rates: NDArray[np.float64]
    seed: int
    companion: Companion = field(default_factory=Companion)
    compile_seconds: float = 0.0
    seconds: float = 0.0
    ended: bool = False
    _ramp: _Ramp = field(default_factory=_Ramp)

    def run(self) -> NDArray[np.float64]:
        """The loss of each step, before its update, up to the step that ended it."""
        begin = time.perf_counter()
        program = training_program(self.model, self.rows, self.examples.scale, self.companion)
        self._step, self._looped, self._turned = program.step, program.looped or program.step, program.turned
        self._place = _place(self.model)
        order = orders(len(self.examples), self.rows, len(self.rates), self.seed)
        data = jax.device_put((self.examples.arrays, order, jnp.asarray(self.rates, jnp.float32)))
        state, self._metrics = self._first()
        with self._without_schedule():
            traced = jax.jit(self._loop).trace(state, data)
            fused = not slow_in_loops(traced.jaxpr)
            execute = traced.lower().compile() if fused else self._one_by_one(state, data)
        self.compile_seconds = time.perf_counter() - begin
        begin = time.perf_counter()
        done, going, losses = jax.device_get(execute(state, data))
        self.seconds = time.perf_counter() - begin
        self.ended = not going
        return np.asarray(losses[: int(done)], np.float64)

    def _first(self) -> tuple[State, list[Any]]:
        """The state to begin with, and metrics that have seen nothing."""
        model = self.model
        trainable, rest, optimizer, _ = training_state(model)
        words = {id(variable): word for variable, word in seeded(model, self.seed, 0)}
        rest = [jnp.asarray(words.get(id(v), v.value)) for v in model.non_trainable_variables]
        with keras.StatelessScope() as scope:
            model.reset_metrics()
        kept = values(model.metrics_variables)
        fresh = [scope.get_current_value(v) for v in model.metrics_variables]
        metrics = [old if new is None else jnp.asarray(new, old.dtype) for new, old in zip(fresh, kept, strict=True)]
        state: State = (trainable, rest, optimizer, metrics)
        if self.companion.has_state:
            state = (*state, self.companion.reseeded(self.companion.begin(model), self.seed, 0))
        return state, metrics

    def _loop(self, state: State, data: Any) -> tuple[Any, ...]:
        turn = self._turned.turn if self._turned else lambda state: state
        carry = lax.while_loop(
            _unfinished, lambda carry: self._one(carry, data, looped=True), _begun(turn(state), data)
        )
        return carry[0], *carry[-2:]

    def _one_by_one(self, state: State, data: Any) -> Any:
        """The same steps dispatched alone, for operations that XLA runs far slower inside a loop."""
        single = compiled(jax.jit(self._one), _begun(state, data), data)

        def execute(state: State, data: Any) -> tuple[Any, ...]:
            carry = _begun(state, data)
            while _unfinished(carry):
                carry = single(carry, data)
            return carry[0], *carry[-2:]

        return execute

    def _one(self, carry: Carry, data: Any, looped: bool = False) -> Carry:
        i, state, mean, best, _, losses = carry
        arrays, order, rates = data
        batch = jax.tree.map(lambda a: a[order[i]], arrays)
        new, logs = (self._looped if looped else self._step)(self._at(state, rates[i]), batch)
        if "loss" not in logs:
            raise UnsupportedError(
                say("The model's train_step gives no loss.", "모델의 train_step이 손실을 주지 않습니다."),
                say('Let it return {"loss": …} as Keras\'s does.', 'Keras처럼 {"loss": …}을 돌려주게 하세요.'),
            )
        loss = jnp.asarray(logs["loss"], jnp.float32)
        mean = MEMORY * mean + (1 - MEMORY) * loss
        level = mean / (1 - MEMORY ** (i + 1.0))
        best = jnp.minimum(best, level)
        going = jnp.isfinite(loss) & (level - best <= (TIMES_BEST - 1) * jnp.abs(best))
        return i + 1, new, mean, best, going, losses.at[i].set(loss)

    def _at(self, state: State, rate: Any) -> State:
        """The state with a rate in its optimizer, and metrics that have seen nothing: a step's loss is its own."""
        trainable, rest, optimizer, _, *others = state
        self._ramp.rate = rate
        if self._place is not None:
            optimizer = list(optimizer)
            optimizer[self._place] = jnp.asarray(rate, optimizer[self._place].dtype)
        return trainable, rest, optimizer, self._metrics, *others

    @contextlib.contextmanager
    def _without_schedule(self) -> Iterator[None]:
        if self._place is not None:
            yield
            return
        optimizer = _innermost(self.model.optimizer)
        kept = optimizer._learning_rate
        object.__setattr__(optimizer, "_learning_rate", self._ramp)  # past Keras's attribute tracking
        try:
            yield
        finally:
            object.__setattr__(optimizer, "_learning_rate", kept)
            self._ramp.rate = None


def _begun(state: State, data: Any) -> Carry:
    rates = data[2]
    zero, infinite = jnp.float32(0), jnp.float32(jnp.inf)
    return jnp.int32(0), state, zero, infinite, jnp.bool_(True), jnp.zeros(rates.shape, jnp.float32)


def _unfinished(carry: Carry) -> Any:
    i, _, _, _, going, losses = carry
    return going & (i < losses.shape[0])


def orders(count: int, rows: int, steps: int, seed: int) -> NDArray[np.int32]:
    """The rows of each step, (steps, rows): passes in the orders of `fit`, without their smaller last batches."""
    whole = count // rows
    numbers = jnp.arange(count, dtype=jnp.int32)
    passes = [np.asarray(shuffled(numbers, seed, number)) for number in range(-(-steps // whole))]
    batches = np.concatenate([one[: whole * rows].reshape(whole, rows) for one in passes])
    return np.ascontiguousarray(batches[:steps])


def check_rate(model: keras.Model) -> None:
    """Refuse an optimizer that has no learning rate.

    Raises:
        UnsupportedError: It has none that can be set.
    """
    optimizer = _innermost(model.optimizer)
    rate = getattr(optimizer, "_learning_rate", None)
    if rate is None or not (isinstance(rate, keras.Variable) or callable(rate)):
        name = type(optimizer).__name__
        raise UnsupportedError(
            say(f"{name} has no learning rate that could be varied.", f"{name}에는 바꿀 수 있는 학습률이 없습니다."),
            say(
                "Compile the model with one of Keras's optimizers, such as keras.optimizers.SGD(0.01).",
                "keras.optimizers.SGD(0.01)처럼 Keras의 최적화기로 컴파일하세요.",
            ),
        )


def rate_now(model: keras.Model) -> float:
    """The learning rate of a model's next step; of a schedule that rises and falls, its peak, which is what one sets."""
    optimizer = _innermost(model.optimizer)
    peak = getattr(optimizer._learning_rate, "peak", None)
    return float(np.asarray(optimizer.learning_rate if peak is None else peak))


def _innermost(optimizer: Any) -> Any:
    """The optimizer itself, where one that scales the loss is around it."""
    while hasattr(optimizer, "inner_optimizer"):
        optimizer = optimizer.inner_optimizer
    return optimizer


def _place(model: keras.Model) -> int | None:
    """Where the rate stands among the optimizer's variables, or None for a schedule."""
    rate = _innermost(model.optimizer)._learning_rate
    return next((i for i, variable in enumerate(model.optimizer.variables) if variable is rate), None)
