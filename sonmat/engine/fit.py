"""`fit`: what `model.fit` does, as compiled segments."""

from __future__ import annotations

import math
import numbers
import secrets
import sys
import time
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import jax
import keras

from sonmat.engine import checks, hooks, resumable
from sonmat.engine.batch_input import count_of, is_batches
from sonmat.engine.companion import Companion
from sonmat.engine.compilation import keep_programs
from sonmat.engine.examples import Examples, gather
from sonmat.engine.exposure import exposed
from sonmat.engine.kept import kept_program
from sonmat.engine.listener import Listener
from sonmat.engine.phases import phases_of
from sonmat.engine.program import Program, training_program
from sonmat.engine.smoothing import check_smoothing
from sonmat.engine.stream import Stream
from sonmat.engine.training import Training
from sonmat.engine.validation import Validation
from sonmat.errors import DataError, UnsupportedError
from sonmat.language import say
from sonmat.models.augmentation import Augmentation
from sonmat.models.averaging import Averaging


def fit(
    model: keras.Model,
    x: Any,
    y: Any = None,
    *,
    batch_size: int | Sequence[Sequence[int]] | None = None,
    epochs: int = 1,
    validation_data: Any = None,
    validation_split: float = 0.0,
    shuffle: bool = True,
    class_weight: Mapping[int, float] | None = None,
    sample_weight: Any = None,
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_batch_size: int | None = None,
    validation_freq: int | Sequence[int] = 1,
    callbacks: Any = None,
    verbose: str | int = "auto",
    seed: int | None = 0,
    augment: Mapping[str, Any] | Augmentation | None = None,
    label_smoothing: float = 0.0,
    average: Mapping[str, Any] | Averaging | str | None = None,
    outliers: Any = None,
    listeners: Sequence[Listener] = (),
    resume: resumable.Snapshot | None = None,
) -> keras.callbacks.History:
    """Train a compiled Keras model, as `model.fit` does, in a few compiled calls a second.

    Loss, metrics, optimizer, regularizers, dropout and the smaller last batch are Keras's own: its step is what is compiled.

    Args:
        model: Any compiled `keras.Model`. Its weights, optimizer and metrics are left as Keras's `fit` leaves them.
        x: Arrays (n, ...), a tree of arrays for several inputs, a `sonmat.Dataset` (scaled in the program), or batches
            (`tf.data.Dataset`, `PyDataset`, `DataLoader`, generator), which are read into memory once; of an endless one
            `steps_per_epoch` batches.
        y: Targets, (n,) or (n, ...) or a tree of arrays.
        batch_size: Rows in a step; 32, or the batches' own size. Or pairs of epochs and size: `[(3, 64), (7, 256)]` is
            three epochs with 64 and seven with 256; the last size holds for all epochs after.
        epochs: The epoch to stop at.
        validation_data: A `Dataset`, `(x, y)`, `(x, y, sample_weight)` or batches; looked at after each epoch.
        validation_split: Fraction of the rows, the last ones, kept for validation.
        shuffle: Whether each epoch has an order of its own.
        class_weight: Weight of each class number; others weigh 1.
        sample_weight: Weights, (n,).
        initial_epoch: The epoch to start at.
        steps_per_epoch: Steps in an epoch where it is not a pass over the rows.
        validation_steps: Batches to validate on, where not all.
        validation_batch_size: Rows in a validation batch; by default as many as are fast, where that cannot change the
            result.
        validation_freq: Validate after every so many epochs, or after these epochs (counted from 1).
        callbacks: Keras callbacks. One that looks at batches is entered at every step, which costs speed.
        verbose: 0, 1 (a bar), 2 (a line an epoch) or "auto": a bar in a terminal or a notebook, else lines.
        seed: Decides the order of the data and the dropout of layers without a seed of their own, together with the epoch
            alone. None leaves both to chance, and Keras's random state alone.
        augment: How training pictures are varied, in the program, anew each epoch; see `Augmentation`. Inputs are then
            (n, rows, columns) or (n, rows, columns, channels).
        label_smoothing: The share of a target that goes to all classes alike, 0 to below 1. Validation has none.
        average: "EMA", "SWA" or a table: which average of the weights is validated and left in the model; see
            `Averaging`. Weights that a callback assigns at the end of an epoch are not trained on from.
        outliers: Inputs of no class, shaped as `x` and raw as it is, which the network learns to give all classes alike for;
            see `sonmat.engine.exposure`. Metrics of the training leave them out.
        listeners: Told of progress by the clock.
        resume: A run to go on with, taken by `sonmat.engine.resumable` from one with the same arguments.

    Returns:
        Keras's `History`. Its `compile_seconds` and `train_seconds` tell the two times apart; `companion` holds what of
        `augment`, `label_smoothing`, `average` and `outliers` was used.

    Raises:
        DataError: Inputs, targets or weights cannot be trained on.
        TrainingError: The model is not compiled.
        NonFiniteLossError: The loss became infinite or NaN, and no TerminateOnNaN was there to end the run.
        UnsupportedError: Something that Keras takes and this does not.
    """
    sizes = phases_of(batch_size) if isinstance(batch_size, (list, tuple)) else None
    batch_size = cast("int | None", sizes[0][1] if sizes else batch_size)  # what is neither is refused below
    companion = Companion.of(augment, label_smoothing, average, outliers=outliers is not None)
    _check_numbers(
        batch_size=batch_size,
        epochs=epochs,
        initial_epoch=initial_epoch,
        steps_per_epoch=steps_per_epoch,
        validation_steps=validation_steps,
        validation_batch_size=validation_batch_size,
        seed=seed,
    )
    due = due_from(validation_freq)
    checks.check_model(model, training=True)
    check_smoothing(model, companion.smoothing, companion.outliers)
    keep_programs()
    counted = is_batches(x) and count_of(x) is not None
    examples = gather(x, y, sample_weight, steps=None if counted else steps_per_epoch)
    if is_batches(x) and not counted and epochs - initial_epoch > 1:
        _warn_of_repeating(x)
    held: Examples | None = None
    if validation_data is not None:
        held = gathered(validation_data, validation_steps)
    elif validation_split:
        examples, held = examples.split(validation_split)
    examples = examples.weighted(class_weight)
    rows = batch_size or examples.batch_size or _rows(len(examples), steps_per_epoch)
    for part in [examples] if held is None else [examples, held]:
        checks.check_inputs(model, part)
        checks.check_targets(model, part)
    checks.warn_of_raw_pixels(model, examples)
    checks.build(model, examples)
    if companion.augment:
        companion.varied(companion.begin(model), examples.rows(0, 1).x)  # refuses what is no picture
    if outliers is not None:
        examples = exposed(examples, outliers)
    begin = time.perf_counter()
    stream = _stream(examples, rows, steps_per_epoch, _order_seed(shuffle, seed), initial_epoch)
    validation = None
    if held is not None:
        size = validation_batch_size or held.batch_size or rows
        validation = Validation(model, held, size, exactly=validation_batch_size is not None, steps=validation_steps)
    listed = _callback_list(model, callbacks, verbose, epochs, stream.steps)
    phases = [(0, stream, _program(model, stream, examples.scale, companion))]
    for start, size in (sizes or [])[1:]:
        if steps_per_epoch is not None:
            raise UnsupportedError(
                say(
                    "Several batch sizes and steps_per_epoch together.",
                    "여러 배치 크기와 steps_per_epoch를 함께 쓸 수 없습니다.",
                ),
                say("Leave steps_per_epoch out.", "steps_per_epoch를 빼세요."),
            )
        other = replace(stream, rows=min(size, len(examples)), _kept={})
        other.steps = other.batches
        phases.append((start, other, _program(model, other, examples.scale, companion)))
    program = phases[0][2]
    model.stop_training = False
    training = Training(
        model=model,
        stream=stream,
        program=program,
        callbacks=listed,
        listeners=list(listeners),
        initial_epoch=initial_epoch,
        epochs=epochs,
        seed=seed,
        validation=validation,
        due=due,
        companion=companion,
        phases=phases,
    )
    for listener in listeners:
        listener.on_begin(training)
    if resume is not None:
        resumable.before_begin(listed.callbacks, resume)
    listed.on_train_begin()
    training.initial_epoch = getattr(model, "_initial_epoch", 0) or initial_epoch  # BackupAndRestore sets it
    if resume is not None:
        resumable.put_back(training, resume)
    _warn_of_batch_hooks(training)
    training.compile()
    _warn_of_single_steps(program)
    training.run()
    history = training.history
    history.companion = companion.identity
    history.compile_seconds = training.compile_seconds
    history.train_seconds = time.perf_counter() - begin - training.compile_seconds
    return history


def _program(model: keras.Model, stream: Stream, scale: float, companion: Companion) -> Program:
    return kept_program(
        model,
        "train",
        stream.data,
        (stream.rows, scale, companion.key),
        lambda: training_program(model, stream.rows, scale, companion),
    )


def gathered(data: Any, steps: int | None = None) -> Examples:
    """Validation data in any of the forms that Keras takes."""
    if isinstance(data, (tuple, list)):
        return gather(*keras.utils.unpack_x_y_sample_weight(tuple(data)))
    return gather(data, steps=steps)


def _check_numbers(**given: Any) -> None:
    for name, value in given.items():
        least = 0 if name in ("epochs", "initial_epoch", "seed") else 1
        if value is not None and (isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least):
            raise DataError(
                say(
                    f"{name} must be a whole number of at least {least}; got {value!r}.",
                    f"{name}은(는) {least} 이상의 정수여야 하지만 {value!r}이(가) 왔습니다.",
                ),
                say(f"For example {name}=20.", f"예: {name}=20."),
            )


def _rows(count: int, steps: int | None) -> int:
    return math.ceil(count / steps) if steps else 32


def _order_seed(shuffle: bool, seed: int | None) -> int | None:
    if not shuffle:
        return None
    return secrets.randbits(63) if seed is None else seed


def _stream(examples: Examples, rows: int, steps: int | None, seed: int | None, origin: int) -> Stream:
    rows = min(rows, len(examples))
    stream = Stream(jax.device_put(examples.arrays), rows, seed, steps or 1, origin)
    if steps is None:
        stream.steps = stream.batches
    elif steps > stream.batches or stream.batches % steps:
        warnings.warn(
            say(
                f"steps_per_epoch={steps} does not divide the {stream.batches} batches of the data: an epoch that reaches "
                "their end is cut short, as in Keras.",
                f"steps_per_epoch={steps}이(가) 데이터의 {stream.batches}개 배치를 나누지 못합니다. 끝에 닿은 에포크는 Keras처럼 "
                "짧게 끝납니다.",
            ),
            stacklevel=3,
        )
        stream.steps = min(steps, stream.batches)
    else:
        stream.steps = steps
    return stream


def due_from(frequency: Any) -> Callable[[int], bool]:
    if isinstance(frequency, numbers.Integral):
        _check_numbers(validation_freq=frequency)
        return lambda epoch: (epoch + 1) % frequency == 0
    if not isinstance(frequency, Collection) or isinstance(frequency, str):
        raise DataError(
            say(
                f"validation_freq must be a whole number or a list of epochs; got {frequency!r}.",
                f"validation_freq은(는) 정수이거나 에포크의 목록이어야 하지만 {frequency!r}이(가) 왔습니다.",
            ),
            say("For example validation_freq=2 or [1, 5, 10].", "예: validation_freq=2 또는 [1, 5, 10]."),
        )
    return lambda epoch: epoch + 1 in frequency


def _callback_list(
    model: keras.Model, callbacks: Any, verbose: str | int, epochs: int, steps: int
) -> keras.callbacks.CallbackList:
    if isinstance(callbacks, keras.callbacks.CallbackList):
        return _adopted(callbacks, model)
    if verbose == "auto":
        verbose = 1 if sys.stdout.isatty() or "ipykernel" in sys.modules else 2
    return keras.callbacks.CallbackList(
        callbacks, add_history=True, add_progbar=verbose != 0, model=model, verbose=verbose, epochs=epochs, steps=steps
    )


def _adopted(callbacks: keras.callbacks.CallbackList, model: keras.Model) -> keras.callbacks.CallbackList:
    """A list that the user made, with a History and told of the model, both of which may be missing."""
    if callbacks.model is not model:
        callbacks.set_model(model)
    history = next((item for item in callbacks.callbacks if isinstance(item, keras.callbacks.History)), None)
    if history is None:
        history = keras.callbacks.History()
        history.set_model(model)
        callbacks.callbacks.append(history)
    model.history = history
    return callbacks


def _warn_of_repeating(source: Any) -> None:
    name = type(source).__name__
    warnings.warn(
        say(
            f"The batches of this {name} are read once, and every epoch sees the same ones.",
            f"이 {name}의 배치는 한 번만 읽으며, 모든 에포크가 같은 배치를 봅니다.",
        ),
        stacklevel=3,
    )


def _warn_of_batch_hooks(training: Training) -> None:
    names = sorted(
        {type(callback).__name__ for callback in training.callbacks.callbacks if hooks.wants_batches(callback)}
    )
    if names:
        warnings.warn(
            say(
                f"{', '.join(names)} looks at every batch, so every step is a call of its own: expect the speed of model.fit.",
                f"{', '.join(names)}이(가) 배치마다 호출되므로 스텝마다 따로 실행됩니다. model.fit 정도의 속도를 예상하세요.",
            ),
            stacklevel=3,
        )


def _warn_of_single_steps(program: Program) -> None:
    """A step that may not be looped over is dispatched alone; that costs time, so it is said."""
    if program.fused:
        return
    reasons = "; ".join(dict.fromkeys(program.refused)) or say("a step of its own", "직접 만든 step")
    warnings.warn(
        say(
            f"This model runs one step at a time, with JAX's own convolutions or pooling, which is slower: {reasons}.",
            f"이 모델은 JAX 자체의 합성곱이나 풀링으로 한 스텝씩 실행되어 더 느립니다: {reasons}.",
        ),
        stacklevel=4,
    )
