"""How good a model is on rows it has not been trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from sonmat.data.dataset import Dataset
from sonmat.data.known_errors import errors_of
from sonmat.engine import checks
from sonmat.engine.compilation import keep_programs
from sonmat.engine.corrected import Corrected, corrected
from sonmat.engine.examples import gather
from sonmat.engine.predict import classes_of, outputs_for
from sonmat.engine.program import plain
from sonmat.engine.scores import Scores, score
from sonmat.engine.validation import Validation
from sonmat.models.views import Views


@dataclass(frozen=True, repr=False)
class Evaluation:
    """What a model reaches on some rows.

    Attributes:
        metrics: Loss and the compiled metrics, under Keras's names.
        scores: For a classifier: accuracy with its interval, precision, recall and F1 of each class, the confusions.
        outputs: The model's outputs, (n, classes) for a classifier.
        n: Rows that were looked at.
        corrected: The same with the labels corrected that are known to be wrong; None where none are known, as for all
            but MNIST's test set, whole and raw.
    """

    metrics: dict[str, float]
    scores: Scores | None
    outputs: Any
    n: int
    corrected: Corrected | None = None

    @property
    def loss(self) -> float:
        """The compiled loss, regularizers included."""
        return self.metrics["loss"]

    @property
    def accuracy(self) -> float:
        """The share of rows whose class is right."""
        if self.scores is None:
            raise AttributeError("accuracy: this model does not classify, or no targets were given")
        return self.scores.accuracy

    def __getitem__(self, name: str) -> float:
        return self.metrics[name]

    def as_dict(self) -> dict[str, Any]:
        """Everything but the outputs, ready for JSON."""
        plain = {
            name: value if isinstance(value, float) else np.asarray(value).tolist()
            for name, value in self.metrics.items()
        }
        told = plain | (self.scores.as_dict() if self.scores else {"n": self.n})
        return told | ({"corrected": self.corrected.as_dict()} if self.corrected else {})

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name} {value:.4f}" for name, value in self.metrics.items() if isinstance(value, float))
        if self.scores is None:
            return f"{numbers} (n = {self.n:,})"
        low, high = self.scores.interval
        return f"{numbers} (accuracy 95 % interval {low:.4f}–{high:.4f}, n = {self.n:,})"


def evaluate(
    model: keras.Model,
    x: Any,
    y: Any = None,
    *,
    batch_size: int | None = None,
    sample_weight: Any = None,
    steps: int | None = None,
    callbacks: Any = None,
    tta: Mapping[str, Any] | Views | None = None,
) -> Evaluation:
    """Loss, metrics and scores of a compiled model.

    Args:
        model: A compiled Keras model.
        x: Inputs in any of the forms `fit` takes.
        y: Targets where `x` is arrays.
        batch_size: Rows in a batch; by default as many as are fast, where that cannot change the result.
        sample_weight: Weights, (n,); they count in the loss and the weighted metrics.
        steps: Batches to look at, where not all.
        callbacks: Keras callbacks; their test hooks are called.
        tta: Test-time augmentation, such as `{"shift": 1}`: loss, metrics and outputs are of the mean over the views of
            each picture; see `Views`.

    Raises:
        DataError: Inputs or targets do not fit the model.
        TrainingError: The model is not compiled.
    """
    checks.check_model(model, training=False)
    keep_programs()
    examples = gather(x, y, sample_weight, steps=steps)
    checks.check_inputs(model, examples)
    checks.check_targets(model, examples)
    checks.warn_of_raw_pixels(model, examples)
    checks.build(model, examples)
    size = batch_size or examples.batch_size or 32
    if steps:
        examples = examples.rows(0, steps * size)
    views = Views.of(tta) if tta else None
    validation = Validation(model, examples, size, exactly=batch_size is not None, views=views)
    validation.compile()
    listed = keras.callbacks.CallbackList(callbacks, model=model) if callbacks else None
    metrics = validation.run(listed)
    outputs = outputs_for(model, examples, batch_size, views)
    classes = x.classes if isinstance(x, Dataset) else None
    scores = _scores(examples.y, outputs, classes)
    again = _corrected(x, y, outputs) if scores else None
    return Evaluation(metrics, scores, outputs, len(examples), again)


def evaluation_of(model: keras.Model, outputs: np.ndarray, rows: Dataset) -> Evaluation:
    """What `evaluate` gives, worked out from outputs that are there already: no row goes through the model again.

    Args:
        model: A compiled Keras model, whose loss and metrics are meant.
        outputs: Its outputs for all rows, or others of that kind, (n, classes).
        rows: The rows.

    Raises:
        DataError: The targets do not fit the model.
        TrainingError: The model is not compiled.
    """
    checks.check_model(model, training=False)
    examples = gather(rows)
    checks.check_targets(model, examples)
    checks.build(model, examples)
    model.reset_metrics()
    loss = model.compute_loss(y=examples.y, y_pred=outputs, training=False)
    metrics = plain({**model.compute_metrics(None, examples.y, outputs), "loss": loss})
    scores = _scores(examples.y, outputs, rows.classes)
    again = _corrected(rows, None, outputs) if scores else None
    return Evaluation(dict(sorted(metrics.items())), scores, outputs, len(examples), again)


def _scores(targets: Any, outputs: Any, classes: tuple[str, ...] | None) -> Scores | None:
    """Scores where targets and outputs are those of a classifier."""
    if not isinstance(targets, np.ndarray) or not isinstance(outputs, np.ndarray) or outputs.ndim != 2:
        return None
    if targets.shape == outputs.shape and outputs.shape[1] > 1 and _is_one_hot(targets):
        targets = targets.argmax(-1)
    elif targets.ndim == 2 and targets.shape[1] == 1:
        targets = targets[:, 0]
    count = max(2, outputs.shape[1])
    if targets.ndim != 1 or (targets != np.floor(targets)).any() or targets.min() < 0 or targets.max() >= count:
        return None
    names = classes if classes and len(classes) == count else tuple(map(str, range(count)))
    return score(targets.astype(np.int64), classes_of(outputs), names)


def _corrected(x: Any, y: Any, outputs: np.ndarray) -> Corrected | None:
    inputs, labels = (x.inputs, x.labels) if isinstance(x, Dataset) else (x, y)
    known = errors_of(inputs, labels)
    return corrected(known, labels, classes_of(outputs)) if known and len(outputs) == known.n else None


def _is_one_hot(targets: np.ndarray) -> bool:
    return bool(((targets == 0) | (targets == 1)).all() and (targets.sum(-1) == 1).all())
