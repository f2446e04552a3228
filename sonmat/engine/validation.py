"""Validation: one pass over rows that are not trained on, compiled once."""

from __future__ import annotations

from typing import Any

import jax
import keras

from sonmat.engine import hooks
from sonmat.engine.batching import indifferent_to_batches, roomy
from sonmat.engine.examples import Examples
from sonmat.engine.kept import kept_program
from sonmat.engine.program import Program, assign, len_of, plain, testing_program, testing_state
from sonmat.models.views import Views


class Validation:
    """Loss and metrics of a model over fixed rows, as Keras's `evaluate` computes them.

    Args:
        model: A compiled and built model.
        examples: The rows.
        batch_size: Rows in a batch.
        exactly: Whether the batches must be of that size because the user asked for it. Otherwise larger ones are used
            where the result cannot depend on them.
        steps: Batches to use at most, or None for all.
        views: Views of each picture, whose outputs are averaged.
    """

    def __init__(
        self,
        model: keras.Model,
        examples: Examples,
        batch_size: int,
        *,
        exactly: bool = False,
        steps: int | None = None,
        views: Views | None = None,
    ) -> None:
        self.model = model
        self.rows = batch_size if exactly or steps or not indifferent_to_batches(model) else roomy(model, len(examples))
        count = min(len(examples), steps * batch_size) if steps else len(examples)
        self.data = jax.device_put(examples.rows(0, count).arrays)
        rows = min(self.rows, count)
        self.program: Program = kept_program(
            model,
            "test",
            self.data,
            (rows, examples.scale, views),
            lambda: testing_program(model, rows, examples.scale, views),
        )

    def compile(self) -> float:
        """Compile the pass; the seconds it took."""
        return self.program.prepare(testing_state(self.model), self.data, tail=True)

    def run(self, callbacks: keras.callbacks.CallbackList | None = None) -> dict[str, float]:
        """One pass. The model's metrics are reset before it and hold its result after it."""
        model, program = self.model, self.program
        callbacks = callbacks or keras.callbacks.CallbackList()
        model.stop_evaluating = False
        callbacks.on_test_begin()
        model.reset_metrics()
        state = testing_state(model)
        whole = len_of(self.data) // program.rows
        total = -(-len_of(self.data) // program.rows)
        by_batch = any(map(hooks.wants_test_batches, callbacks.callbacks))
        logs: dict[str, Any] = {}
        at = 0
        while at < total:
            until = at + 1 if by_batch or at >= whole else min(at + program.segment(), whole)
            if by_batch:
                callbacks.on_test_batch_begin(at)
            state, _, logs = program.run(state, self.data, at, until)
            if by_batch:
                callbacks.on_test_batch_end(at, logs)
            at = until
            if model.stop_evaluating:
                break
        assign(model.non_trainable_variables, state[1])
        assign(model.metrics_variables, state[2])
        result = plain(logs)
        callbacks.on_test_end(result)
        return result
