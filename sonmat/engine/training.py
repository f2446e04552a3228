"""One training run: Keras's `fit` around compiled segments."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras

from sonmat.engine import hooks
from sonmat.engine.companion import Companion, Extras
from sonmat.engine.listener import Listener, Progress
from sonmat.engine.nonfinite import explained
from sonmat.engine.program import Program, State, assign, assign_training_state, plain, training_state, values
from sonmat.engine.randomness import reseed
from sonmat.engine.stream import Stream
from sonmat.engine.validation import Validation


@dataclass
class Training:
    """A run under way. `fit` makes one; listeners see it.

    Attributes:
        model: The compiled, built model; its weights are in place whenever a callback or listener is told of an epoch.
        callbacks: Keras's list, History included.
        initial_epoch, epochs: The epochs to train, from the first up to the last (not included).
        seed: The seed of data order and dropout, or None.
        companion: What is done in a step beside Keras's own.
        phases: The first epoch of each batch size, and its stream and program; `stream` and `program` are the present ones.
        done: Epochs that are finished.
        stopped: Whether the run had been ended by a callback before it was resumed.
    """

    model: keras.Model
    stream: Stream
    program: Program
    callbacks: keras.callbacks.CallbackList
    listeners: list[Listener]
    initial_epoch: int
    epochs: int
    seed: int | None
    validation: Validation | None = None
    due: Callable[[int], bool] = lambda epoch: True
    companion: Companion = field(default_factory=Companion)
    phases: list[tuple[int, Stream, Program]] = field(default_factory=list)
    done: int = 0
    stopped: bool = False
    compile_seconds: float = 0.0
    began: float = field(default_factory=time.perf_counter)
    _validation_seconds: float = 0.0

    def __post_init__(self) -> None:
        callbacks = self.callbacks.callbacks
        self.by_batch = any(map(hooks.wants_batches, callbacks))
        self.terminators = hooks.terminators(callbacks)
        self.bars = [callback for callback in callbacks if isinstance(callback, keras.callbacks.ProgbarLogger)]
        self.extras: Extras = self.companion.begin(self.model) if self.companion.has_state else []
        self._raw: tuple[list[Any], list[Any]] | None = None  # the weights behind an average that is shown
        self.phases = self.phases or [(0, self.stream, self.program)]

    @property
    def history(self) -> keras.callbacks.History:
        """Keras's History of this run."""
        return self.model.history

    def compile(self) -> None:
        """Trace and compile everything that the run needs."""
        if self.initial_epoch >= self.epochs or self.stopped:
            return
        begin = time.perf_counter()
        self._enter(self.initial_epoch)
        self.stream.look_ahead(self.initial_epoch)  # the device shuffles while this traces
        for start, stream, program in self.phases:
            if start < self.epochs and (start >= self.initial_epoch or stream is self.stream):
                program.prepare(self.state, stream.data, tail=stream.reaches_tail)
        if self.validation is not None:
            self.validation.compile()
        self.compile_seconds = time.perf_counter() - begin
        for listener in self.listeners:
            listener.on_compiled(self.compile_seconds)

    def run(self) -> None:
        """Train to the end, as Keras's `fit` does between `on_train_begin` and `on_train_end`."""
        logs = {name: column[-1] for name, column in self.history.history.items() if column}
        self.done = self.initial_epoch
        for _, _, program in self.phases:
            program.step_seconds = 0.0  # of an earlier training: the first point of a curve comes after a few steps
        self.began = time.perf_counter()
        try:
            for epoch in range(self.initial_epoch, self.initial_epoch if self.stopped else self.epochs):
                logs = self._epoch(epoch)
                if self.model.stop_training:
                    break
        finally:
            self._finalize()
        self.callbacks.on_train_end(logs)
        for listener in self.listeners:
            listener.on_end(self.history.history)

    @property
    def state(self) -> State:
        """Everything that a step reads and writes; the weights are those that training goes on from."""
        state = training_state(self.model)
        if self._raw is not None:
            state = (*self._raw, *state[2:])
        return (*state, list(self.extras)) if self.companion.has_state else state

    def restore(self, state: State) -> None:
        """Go back to a state, such as a checkpoint's; the model shows the average of the weights where there is one."""
        self._assign(state)
        self._show()

    def _assign(self, state: State) -> None:
        self._raw = None
        assign_training_state(self.model, state)
        if len(state) > 4:
            self.extras = list(state[4])

    def _show(self) -> None:
        """Put the average in place for validation, callbacks and whoever uses the model."""
        if self.companion.average is not None:
            trainable, rest = values(self.model.trainable_variables), values(self.model.non_trainable_variables)
            shown = self.companion.shown(self.extras, trainable, rest)
            if shown[0] is not trainable:
                self._raw = trainable, rest
                assign(self.model.trainable_variables, shown[0])
                assign(self.model.non_trainable_variables, shown[1])

    def _enter(self, epoch: int) -> None:
        self.stream, self.program = self._phase(epoch)

    def _phase(self, epoch: int) -> tuple[Stream, Program]:
        return next((stream, program) for start, stream, program in reversed(self.phases) if start <= epoch)

    def _finalize(self) -> None:
        if isinstance(self.model.optimizer, keras.optimizers.Optimizer) and self.epochs > 0:
            self.model.optimizer.finalize_variable_values(self.model.trainable_weights)

    def _epoch(self, epoch: int) -> dict[str, float]:
        begin = time.perf_counter()
        self._enter(epoch)
        self._assign(self.state)
        self.model.reset_metrics()
        if self.seed is not None:
            reseed(self.model, self.seed, epoch)
        if self.companion.has_state:
            self.extras = self.companion.reseeded(self.extras, self.seed, epoch)
        self.callbacks.on_epoch_begin(epoch)
        logs = self._train(epoch)
        if self.companion.average is not None:
            weights = values(self.model.trainable_variables), values(self.model.non_trainable_variables)
            self.extras = self.companion.after_epoch(self.extras, *weights, (epoch + 1) / self.epochs)
            self._show()
        if self.validation is not None and self.due(epoch):
            at = time.perf_counter()
            logs |= {f"val_{name}": value for name, value in self.validation.run(self.callbacks).items()}
            self._validation_seconds = time.perf_counter() - at
        lengths = {name: len(column) for name, column in self.history.history.items()}
        self.callbacks.on_epoch_end(epoch, logs)
        self.done = epoch + 1
        told = {name: column[-1] for name, column in self.history.history.items() if len(column) > lengths.get(name, 0)}
        for listener in self.listeners:  # told what callbacks added too, a learning rate for example
            listener.on_epoch(epoch, told, time.perf_counter() - begin)
        return logs

    def _train(self, epoch: int) -> dict[str, float]:
        """The steps of an epoch; the model has its new weights whatever happens."""
        number, start, stop = self.stream.bounds(epoch)
        data = self.stream.rows_of(number)
        if epoch + 1 < self.epochs:
            self._phase(epoch + 1)[0].look_ahead(epoch + 1)
        state = before = self.state
        logs: dict[str, Any] = {}
        at = start
        try:
            while at < stop:
                until = self._until(at, stop)
                if self.by_batch:
                    self.callbacks.on_train_batch_begin(at - start)
                    state = self.state  # what the callbacks assigned
                state, bad, logs = self.program.run(state, data, at, until)
                at = until if bad < 0 else bad + 1
                self._tell(epoch, at - start, stop - start, state, logs)
                if self.by_batch:
                    state = self.state
                if bad >= 0 and not self._terminated(bad - start, logs):
                    state = before  # the last weights known to be good
                    raise explained(self.model, self.program, before, data, epoch, (start, bad))
                if self.model.stop_training:
                    break
        finally:
            self._assign(state)
        return plain(logs)

    def _until(self, at: int, stop: int) -> int:
        """The end of the segment that begins at batch `at`; the smaller last batch is one of its own.

        A run that was told to stop before the epoch's first batch does one, as in Keras.
        """
        if self.by_batch or at >= self.stream.whole or self.model.stop_training:
            return at + 1
        return min(at + self.program.segment(), stop, self.stream.whole)

    def _tell(self, epoch: int, done: int, steps: int, state: State, logs: dict[str, Any]) -> None:
        if self.by_batch:
            self._assign(state)
            self.callbacks.on_train_batch_end(done - 1, logs)
        for bar in self.bars if not self.by_batch else ():
            bar.on_train_batch_end(done - 1, plain(logs))
        if self.listeners:
            progress = self._progress(epoch, done, steps, plain(logs))
            for listener in self.listeners:
                listener.on_progress(progress)

    def _progress(self, epoch: int, done: int, steps: int, logs: dict[str, float]) -> Progress:
        left = (self.epochs - epoch - 1) * self.stream.steps + steps - done
        remaining = left * self.program.step_seconds + (self.epochs - epoch) * self._validation_seconds
        return Progress(epoch, self.epochs, done, steps, logs, time.perf_counter() - self.began, remaining)

    def _terminated(self, step: int, logs: dict[str, Any]) -> bool:
        """Tell the TerminateOnNaN callbacks of the step; whether they, or a callback of the user's own, end the run."""
        if self.by_batch:  # they have been told already
            return bool(self.terminators) or self.model.stop_training
        for callback in self.terminators:
            callback.on_batch_end(step, plain(logs))
        return bool(self.terminators)
