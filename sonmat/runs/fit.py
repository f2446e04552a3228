"""`sonmat.fit`: the engine's `fit`, and a folder to keep the run in where one is asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from sonmat.engine import fit as engine
from sonmat.engine.listener import Listener
from sonmat.errors import NonFiniteLossError
from sonmat.files import storing, write_json
from sonmat.models.augmentation import Augmentation
from sonmat.models.averaging import Averaging
from sonmat.runs.folder import FAILURE
from sonmat.runs.lock import held
from sonmat.runs.recorder import Recorder


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
    run: str | os.PathLike[str] | None = None,
    identity: Mapping[str, Any] | None = None,
) -> keras.callbacks.History:
    """Train a compiled Keras model; see `sonmat.engine.fit.fit` for everything but the two below.

    Args:
        run: A folder to keep the run in. Each epoch is journalled and checkpointed there; called again with the same
            arguments after a kill, training goes on after the last whole epoch and ends in the same weights, to the bit,
            and the same history. Called on a finished run it trains no more, or on to a larger `epochs`.
        identity: What else tells this run from another, ready for JSON.

    Raises:
        RunError: The folder holds another run, or another process is training in it.
    """
    options = {
        name: value
        for name, value in locals().items()
        if name not in ("model", "x", "y", "run", "identity", "listeners")
    }
    if run is None:
        return engine.fit(model, x, y, listeners=listeners, **options)
    folder = Path(run)
    with held(folder):
        recorder = Recorder(folder, dict(identity or {}))
        try:
            history = engine.fit(model, x, y, listeners=[recorder, *listeners], resume=recorder.snapshot, **options)
            with storing(folder / FAILURE):
                (folder / FAILURE).unlink(missing_ok=True)
            return history
        except NonFiniteLossError as error:  # a diagnosis will want to know why there is no next epoch
            write_json(folder / FAILURE, {"epoch": error.epoch, "step": error.step, "problem": error.problem})
            raise
        finally:
            recorder.close()
