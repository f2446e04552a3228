"""What an examination of a trained network found, as plain numbers: a diagnosis can be put into words from it alone."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

from sonmat.data.guards import Contradictions, Leak, Order, Range


@dataclass(frozen=True)
class Part:
    """What the final weights reach on some rows, dropout off.

    Attributes:
        n: Rows that were looked at.
        of: Rows that there are.
        loss: Mean loss of a row, regularizers apart; None where it is not finite or there is none.
        loss_error: The standard error of that mean.
        accuracy: The share that is right, 0..1; this and what follows are None or empty where the model does not classify.
        commonest: The share of the commonest class among the rows, 0..1.
        counts: Rows of each class.
        predicted: How often each class was said.
        confusion: Rows are true classes, columns the ones said.
        confidence: The mean of the largest probability, 0..1.
        calibration_error: The mean distance of confidence and accuracy over 15 intervals of confidence (ECE), 0..1.
        saturated: The share of rows with a probability above 0.9999.
        second: Of the wrong rows, the share whose label is the second likeliest class.
        sure_wrong: The share that is wrong of the half of the rows with the higher confidence.
        contradicted: Rows whose label is contradicted with at least the confidence that is usual for the class said
            (the confident joint of Northcutt, Jiang and Chuang: Confident Learning, JAIR 2021).
    """

    n: int
    of: int
    loss: float | None = None
    loss_error: float | None = None
    accuracy: float | None = None
    commonest: float | None = None
    counts: tuple[int, ...] = ()
    predicted: tuple[int, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    confidence: float | None = None
    calibration_error: float | None = None
    saturated: float | None = None
    second: float | None = None
    sure_wrong: float | None = None
    contradicted: int | None = None


@dataclass(frozen=True)
class Layer:
    """What is to be seen of one layer with weights.

    Attributes:
        name, kind: The layer's name and class.
        parameters: How many it has.
        units: Its outputs on the last axis.
        trainable: Whether training may change it.
        unmoved: Whether its biases are all exactly 0, as they are before training: nothing has changed them.
        growth: Root mean square of the kernel over what Glorot's initializer gives it; None where there is no kernel.
        rectified: Whether a ReLU makes its outputs.
        dead: Units of such a layer that gave 0 for every row looked at; None where that was not measured.
        whitened: Whether it is frozen on purpose: its filters are the training pictures' principal components.
    """

    name: str
    kind: str
    parameters: int
    units: int
    trainable: bool = True
    unmoved: bool = False
    growth: float | None = None
    rectified: bool = False
    dead: int | None = None
    whitened: bool = False


@dataclass(frozen=True)
class Settings:
    """How it was trained, as far as that is known.

    Attributes:
        optimizer: Keras's name of the class.
        learning_rate: The constant one, or a schedule's peak.
        batch_size, epochs: As asked for.
        shuffle: Whether each epoch had an order of its own.
        dropout: The largest rate of a dropout layer; 0 without one.
        parameters: Of the whole network.
        narrowest: Units of the narrowest hidden layer with weights; None without one.
        label_smoothing: In training alone; losses of validation, and those of a `Part`, have none.
        average: "EMA" or "SWA" where the weights are an average; `decay` is EMA's.
        momentum: The largest one of batch normalization's moving statistics; None without batch normalization.
        rate_left: The share of a schedule's peak that is left after the last step; None without a schedule.
    """

    optimizer: str | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    epochs: int | None = None
    shuffle: bool | None = None
    dropout: float = 0.0
    parameters: int | None = None
    narrowest: int | None = None
    label_smoothing: float = 0.0
    average: str | None = None
    decay: float | None = None
    momentum: float | None = None
    rate_left: float | None = None


@dataclass(frozen=True)
class Failure:
    """Where a loss stopped being finite, both counted from 0."""

    epoch: int
    step: int


@dataclass(frozen=True)
class Evidence:
    """Everything that a diagnosis goes by, besides the history.

    Attributes:
        train, validation: What the final weights reach on rows of both parts.
        layers: Every layer with weights.
        seen: The range of what the first layer with weights is given, scaling done; None where that is not known or
            where a normalization makes it indifferent.
        order: The labels' order in the training rows.
        counts: Training rows of each class.
        classes: The names of the classes.
        leak: Validation rows that are in the training rows.
        test_leak: Test rows that are in the training or validation rows; looked for before a training alone.
        contradictions: Training rows that are the same and have different labels.
        settings: How it was trained.
        failure: Where the loss stopped being finite, if it did.
        finite: Whether every weight is finite.
        unmeasured: What could not be looked at: `"data"`, `"model"`, `"activations"`, `"validation"`, `"loss"`.
    """

    train: Part | None = None
    validation: Part | None = None
    layers: tuple[Layer, ...] = ()
    seen: Range | None = None
    order: Order | None = None
    counts: tuple[int, ...] = ()
    classes: tuple[str, ...] = ()
    leak: Leak | None = None
    test_leak: Leak | None = None
    contradictions: Contradictions | None = None
    settings: Settings = field(default_factory=Settings)
    failure: Failure | None = None
    finite: bool = True
    unmeasured: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON; what is not finite is None."""
        plain: dict[str, Any] = _plain(dataclasses.asdict(self))
        return plain

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> Evidence:
        """The inverse of `as_dict`.

        Raises:
            TypeError, ValueError, KeyError: It is no such dictionary.
        """
        kinds: dict[str, type] = {"train": Part, "validation": Part, "seen": Range, "order": Order, "leak": Leak}
        kinds |= {"test_leak": Leak, "contradictions": Contradictions}
        kinds |= {"settings": Settings, "failure": Failure}
        values = {name: _tuples(value) for name, value in told.items()}
        for name, kind in kinds.items():
            if values.get(name) is not None:
                values[name] = kind(**values[name])
        values["layers"] = tuple(Layer(**one) for one in values.get("layers") or ())
        return cls(**values)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _tuples(item) for name, item in value.items()}
    return tuple(_tuples(item) for item in value) if isinstance(value, (list, tuple)) else value
