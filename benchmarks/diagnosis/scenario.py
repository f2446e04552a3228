"""A training with one fault planted, or none, and what its diagnosis says."""

from __future__ import annotations

import contextlib
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

import sonmat as sm
from benchmarks.diagnosis.rows import Rows, Spoiler, drawn
from sonmat.errors import NonFiniteLossError


@dataclass(frozen=True)
class Network:
    """A small network, built of plain Keras layers."""

    hidden: tuple[int, ...] = (32,)
    filters: tuple[int, ...] = ()
    activation: str = "relu"
    dropout: float = 0.0
    bias: float = 0.0
    rescaling: float | None = None
    normalized: bool = False
    frozen: tuple[int, ...] = ()

    def build(self, classes: int) -> keras.Model:
        """The network, not compiled. `frozen` counts the layers with weights."""
        layers: list[Any] = [keras.Input((28, 28))]
        if self.rescaling is not None:
            layers.append(keras.layers.Rescaling(self.rescaling))
        if self.filters:
            layers.append(keras.layers.Reshape((28, 28, 1)))
        for filters in self.filters:
            layers += [keras.layers.Conv2D(filters, 3, activation=self.activation), keras.layers.MaxPooling2D()]
        layers.append(keras.layers.Flatten())
        for units in self.hidden:
            bias = keras.initializers.Constant(self.bias) if self.bias else "zeros"
            layers.append(keras.layers.Dense(units, activation=self.activation, bias_initializer=bias))
            if self.normalized:
                layers.append(keras.layers.BatchNormalization())
            if self.dropout:
                layers.append(keras.layers.Dropout(self.dropout))
        layers.append(keras.layers.Dense(classes, activation="softmax"))
        model = keras.Sequential(layers)
        weighted = [layer for layer in model.layers if layer.weights]
        for number in self.frozen:
            weighted[number].trainable = False
        return model


@dataclass(frozen=True)
class Scenario:
    """What is trained, and the finding that must name its fault.

    Attributes:
        name: Its own.
        code: The finding that names the planted fault; empty for a healthy run.
        data: A published set's name.
        train, validation: Rows.
        network: What is trained.
        optimizer, rate, epochs, batch: How.
        spoilt: What is done to the rows first.
        shuffle: Whether each epoch has an order of its own.
        seed: Of rows, weights and order.
        later: Whether its rows are of the later half of the published set.
    """

    name: str
    code: str = ""
    data: str = "mnist"
    train: int = 4000
    validation: int = 1000
    network: Network = field(default_factory=Network)
    optimizer: str = "SGD"
    rate: float = 0.1
    epochs: int = 8
    batch: int = 32
    spoilt: tuple[Spoiler, ...] = ()
    shuffle: bool = True
    seed: int = 0
    later: bool = False

    def rows(self) -> Rows:
        """The rows, spoilt."""
        rows = drawn(self.data, self.train, self.validation, self.seed, later=self.later)
        random = np.random.default_rng([self.seed, 11])
        for spoil in self.spoilt:
            rows = spoil(rows, random)
        return rows


def run(scenario: Scenario) -> dict[str, Any]:
    """Train and diagnose a scenario.

    Returns:
        Its name, the planted code, whether the diagnosis named it (or accused a healthy run), and the findings by severity.

    Raises:
        SourceError: Its data cannot be fetched here.
    """
    began, rows = time.perf_counter(), scenario.rows()
    keras.utils.set_random_seed(scenario.seed)
    model = scenario.network.build(len(rows.classes))
    model.compile(
        getattr(keras.optimizers, scenario.optimizer)(scenario.rate),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    validation = (rows.x_val, rows.y_val)
    with tempfile.TemporaryDirectory(prefix="sonmat-diagnosis-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # raw pixels are warned of before training: a diagnosis must see them by itself
        place = Path(folder) / "run"
        with contextlib.suppress(NonFiniteLossError):
            sm.fit(
                model, rows.x, rows.y, validation_data=validation, epochs=scenario.epochs, batch_size=scenario.batch,
                shuffle=scenario.shuffle, seed=scenario.seed, verbose=0, run=place,
            )  # fmt: skip
        found = sm.diagnose(place, model=model, data=(rows.x, rows.y), validation_data=validation)
    said = [(one.code, one.severity) for one in found.findings]
    return {
        "name": scenario.name,
        "planted": scenario.code,
        "right": _right(scenario.code, said),
        "first": said[0][0] == scenario.code,
        "findings": [{"code": code, "severity": severity} for code, severity in said],
        "seconds": round(time.perf_counter() - began, 2),
        "numbers": _numbers(found),
    }


def _right(code: str, said: Sequence[tuple[str, str]]) -> bool:
    """The planted fault is named as fault or hint; a healthy run has no fault."""
    if code:
        return any(name == code and severity in ("fault", "hint") for name, severity in said)
    return all(severity != "fault" for _, severity in said)


def _numbers(found: Any) -> dict[str, float | None]:
    train, held = found.evidence.train, found.evidence.validation
    return {
        "accuracy": train and train.accuracy and round(train.accuracy, 4),
        "val_accuracy": held and held.accuracy and round(held.accuracy, 4),
    }
