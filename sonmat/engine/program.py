"""The compiled programs of one model: many training steps, one validation pass, one pass of predictions.

Each loops over Keras's own stateless step (`train_step`, `test_step`, `predict_step`), so that whatever Keras does in a step
is done here too. The loop's bounds are arguments: one program serves a segment of any length.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from jax import lax

from sonmat.engine.companion import Companion
from sonmat.engine.compilation import compiled, slow_in_loops
from sonmat.engine.examples import preparation
from sonmat.engine.exposure import exposing
from sonmat.engine.rewriting import rewriting
from sonmat.engine.smoothing import smoothing
from sonmat.engine.turned import Turned, turned_for
from sonmat.engine.viewing import viewing
from sonmat.models.views import Views

State = tuple[list[jax.Array], ...]
Step = Callable[[State, Any], tuple[State, dict[str, Any]]]

SEGMENT_SECONDS = 0.2
"""How long a segment runs: progress and Ctrl-C are that late at most."""

_FIRST_STEPS = 8  # a first guess at a segment, until one has been timed


def values(variables: list[Any]) -> list[jax.Array]:
    """The arrays that Keras variables hold now."""
    return [variable.value for variable in variables]


def assign(variables: list[Any], arrays: list[jax.Array]) -> None:
    """Give Keras variables new arrays."""
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def training_state(model: keras.Model) -> State:
    """What `train_step` reads and writes: trainable, non-trainable, optimizer and metric variables.

    A training with a `Companion` that has arrays of its own carries these as a fifth group.
    """
    return (
        values(model.trainable_variables),
        values(model.non_trainable_variables),
        values(model.optimizer.variables),
        values(model.metrics_variables),
    )


def assign_training_state(model: keras.Model, state: State) -> None:
    """Put a state back into the model and its optimizer and metrics."""
    groups = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )
    for variables, arrays in zip(groups, state[:4], strict=True):
        assign(variables, arrays)


def testing_state(model: keras.Model) -> State:
    """What `test_step` reads and writes: trainable, non-trainable and metric variables."""
    return values(model.trainable_variables), values(model.non_trainable_variables), values(model.metrics_variables)


@dataclass
class Program:
    """Steps of one kind, compiled.

    Attributes:
        rows: Rows in a step.
        scale: What the program divides inputs by.
        guarded: Whether a loss that is not finite ends the loop.
        fused: Whether the steps run as one loop. False where a step holds an operation that XLA runs far slower inside a
            loop than outside; each step is then a dispatch of its own.
        looped, turned: Steps to run inside the loop instead, and what lays the state out for them.
        refused: Why operations of the step could not be rewritten, where they are the reason that it is not fused.
        step_seconds: Time of a step, from the newest segment; 0.0 before the first.
    """

    step: Step
    rows: int
    scale: float = 1.0
    guarded: bool = False
    fused: bool = True
    looped: Step | None = None
    turned: Turned | None = None
    refused: list[str] = field(default_factory=list)
    step_seconds: float = 0.0
    _loop: Any = None
    _single: Any = None
    _tail: Any = None

    def prepare(self, state: State, data: Any, *, tail: bool) -> float:
        """Compile what a pass over `data` needs and is not compiled yet.

        Args:
            state: A state of the shapes that will be used.
            data: The arrays of a pass.
            tail: Whether a smaller last step will be asked for.

        Returns:
            Seconds that tracing and compiling (or reading from the cache) took.
        """
        begin = time.perf_counter()
        if self._loop is None and self._single is None and len_of(data) >= self.rows:
            self._compile_full(state, data)
        if tail and self._tail is None and len_of(data) % self.rows:
            self._tail = compiled(jax.jit(self._last), state, data)
        return time.perf_counter() - begin

    def _compile_full(self, state: State, data: Any) -> None:
        traced = jax.jit(self._steps).trace(state, data, jnp.int32(0), jnp.int32(0))
        self.fused = not slow_in_loops(traced.jaxpr)
        if self.fused:
            self._loop = traced.lower().compile()
        else:
            self._single = compiled(jax.jit(self._one), state, data, jnp.int32(0), jnp.int32(-1))

    def segment(self) -> int:
        """Steps that take about `SEGMENT_SECONDS`."""
        return max(1, int(SEGMENT_SECONDS / self.step_seconds)) if self.step_seconds else _FIRST_STEPS

    def run(self, state: State, data: Any, start: int, stop: int) -> tuple[State, int, dict[str, Any]]:
        """Run steps `start` up to `stop`, and wait for them. The smaller last step must be asked for alone.

        Returns:
            The new state; the step whose loss was not finite, or -1 (where the program is guarded, the steps after it are
            not run); and the logs, as Keras's step gives them.
        """
        begin = time.perf_counter()
        if start * self.rows + self.rows > len_of(data):
            state, bad, logs = self._tail(state, data)
            return state, int(bad), logs
        result = self._run_full(state, data, start, stop)
        self.step_seconds = (time.perf_counter() - begin) / max(1, stop - start)
        return result

    def _run_full(self, state: State, data: Any, start: int, stop: int) -> tuple[State, int, dict[str, Any]]:
        if self.fused:
            state, bad, logs = self._loop(state, data, jnp.int32(start), jnp.int32(stop))
            return state, int(bad), logs
        before, bad = state, jnp.int32(-1)
        for i in range(start, stop):
            state, bad, logs = self._single(state, data, jnp.int32(i), bad)
        if not self.guarded or int(bad) < 0 or int(bad) == stop - 1:
            return state, int(bad), logs
        return self._run_full(before, data, start, int(bad) + 1)  # the same steps again, up to the one that failed

    def _steps(self, state: State, data: Any, start: Any, stop: Any) -> tuple[State, Any, dict[str, Any]]:
        # Traced once: the inner jit remembers it for the loop's body, which saves a tenth of a second of 0.5.
        one = jax.jit(partial(self._one, looped=True), inline=True)
        turn = self.turned.turn if self.turned else lambda state: state
        state = turn(state)
        logs = jax.eval_shape(one, state, data, start, jnp.int32(-1))[2]
        empty = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), logs)

        def unfinished(carry: Any) -> Any:
            i, _, bad, _ = carry
            return (i < stop) & (bad < 0) if self.guarded else i < stop

        def body(carry: Any) -> Any:
            i, state, bad, _ = carry
            return i + 1, *one(state, data, i, bad)

        _, state, bad, logs = lax.while_loop(unfinished, body, (start, state, jnp.int32(-1), empty))
        return turn(state), bad, logs

    def _one(
        self, state: State, data: Any, i: Any, bad: Any, *, looped: bool = False
    ) -> tuple[State, Any, dict[str, Any]]:
        step = self.looped if self.looped and looped else self.step
        batch = jax.tree.map(lambda a: lax.dynamic_slice_in_dim(a, i * self.rows, self.rows), data)
        state, logs = step(state, batch)
        return state, _first_bad(bad, i, logs), logs

    def _last(self, state: State, data: Any) -> tuple[State, Any, dict[str, Any]]:
        whole = len_of(data) // self.rows
        batch = jax.tree.map(lambda a: a[whole * self.rows :], data)
        state, logs = self.step(state, batch)
        return state, _first_bad(jnp.int32(-1), whole, logs), logs


def _first_bad(bad: Any, i: Any, logs: dict[str, Any]) -> Any:
    """The first step whose running mean of the loss is not finite; it stays so, hence the mean will do."""
    if "loss" not in logs:
        return bad
    return jnp.where((bad < 0) & ~jnp.isfinite(logs["loss"]), i, bad).astype(jnp.int32)


def plain(logs: dict[str, Any]) -> dict[str, Any]:
    """Logs as Python numbers; a metric that gives several values is an array."""
    arrays = {name: np.asarray(value) for name, value in jax.device_get(logs).items()}
    return {name: float(array) if array.ndim == 0 else array for name, array in arrays.items()}


def len_of(data: Any) -> int:
    """Rows in a tree of arrays."""
    return int(jax.tree.leaves(data)[0].shape[0])


def training_program(model: keras.Model, rows: int, scale: float, companion: Companion | None = None) -> Program:
    """Steps of `model.train_step` over batches of `rows`, with what the companion adds to them."""
    refused: list[str] = []
    companion = companion or Companion()
    stepping = partial(_training_step, model, scale, refused, companion)
    turned = turned_for(model, rows) if companion.average is None else None  # the averages lie as Keras has them
    looped = stepping(turned.step) if turned else None
    return Program(stepping(model.train_step), rows, scale, guarded=True, looped=looped, turned=turned, refused=refused)


def testing_program(model: keras.Model, rows: int, scale: float, views: Views | None) -> Program:
    """Steps of `model.test_step` over batches of `rows`; the outputs are means over the views."""
    refused: list[str] = []
    prepare = preparation(scale)

    def step(state: State, batch: Any) -> tuple[State, dict[str, Any]]:
        x, y, weight = batch
        with rewriting(model) as reasons, viewing(model, views):
            logs, new = model.test_step(state, (prepare(x), y, weight))
        refused[:] = reasons
        return _like(new, state), logs

    return Program(step, rows, scale, refused=refused)


def _training_step(
    model: keras.Model,
    scale: float,
    refused: list[str],
    companion: Companion,
    keras_step: Callable[[State, Any], tuple[dict[str, Any], State]],
) -> Step:
    prepare = preparation(scale)

    def step(state: State, batch: Any) -> tuple[State, dict[str, Any]]:
        own, extras = state[:4], state[4:]
        x, y, weight = batch
        x = companion.varied(extras[0], prepare(x)) if extras else prepare(x)
        with (
            rewriting(model) as reasons,
            smoothing(model, companion.smoothing, companion.outliers),
            exposing(model, companion.outliers),
        ):
            logs, new = keras_step(own, (x, y, weight))
        refused[:] = reasons
        if extras:
            new = (*new, companion.followed(extras[0], new[0], new[1]))
        return _like(new, state), logs

    return step


def _like(new: State, old: State) -> State:
    """A loop's state keeps its dtypes; a metric that widens one on the way is narrowed again."""
    return jax.tree.map(lambda a, b: jnp.asarray(a, b.dtype), tuple(map(list, new)), old)  # type: ignore[no-any-return]


@jax.jit  # type: ignore[untyped-decorator]
def shuffled_rows(data: Any, words: Any, number: Any) -> Any:
    """The rows of `data` in the order of pass `number`, for a seed as two 32-bit words, the lower first."""
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(words[0]), words[1]), number)
    rows = len_of(data)
    # One stable sort of 32-bit keys, half the time of jax.random.permutation's two. Equal keys keep their order: among
    # 60,000 rows that touches less than one pair.
    order = jnp.argsort(jax.random.bits(key, (rows,)), stable=True)
    return jax.tree.map(lambda a: a.reshape(rows, -1)[order].reshape(a.shape), data)


def shuffled(data: Any, seed: int, number: int) -> Any:
    """The rows of `data` in the order of pass `number`, which `seed` and the number alone decide."""
    words = jnp.array([seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF], jnp.uint32)
    return shuffled_rows(data, words, jnp.uint32(number))
