"""Label smoothing for any classifier, sparse labels too, without another loss in its `compile`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
from keras.src.trainers.compile_utils import CompileLoss

from sonmat.errors import UnsupportedError
from sonmat.language import say

_SPARSE, _DENSE = "sparse_categorical_crossentropy", "categorical_crossentropy"


@contextlib.contextmanager
def smoothing(model: keras.Model, amount: float) -> Iterator[None]:
    """While it is open, a training step that is traced takes `amount` of a target away from its class and shares it out
    among all classes (Szegedy et al. 2016, arXiv 1512.00567), as Keras's `CategoricalCrossentropy(label_smoothing)` does.

    Metrics, and the loss in validation, see the labels as they are: losses with and without smoothing can be compared.
    """
    if not amount:
        yield
        return
    sparse, logits = _kind(model)
    loss = keras.losses.CategoricalCrossentropy(from_logits=logits, label_smoothing=amount)
    whole = CompileLoss(loss)
    own = type(model).compute_loss

    def compute_loss(
        x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        kept = model._compile_loss
        object.__setattr__(model, "_compile_loss", whole)
        try:
            targets = _one_hot(y, y_pred.shape[-1]) if sparse else y
            return own(model, x, targets, y_pred, sample_weight, training)
        finally:
            object.__setattr__(model, "_compile_loss", kept)

    object.__setattr__(model, "compute_loss", compute_loss)
    try:
        yield
    finally:
        model.__dict__.pop("compute_loss", None)


def check_smoothing(model: keras.Model, amount: float) -> None:
    """Refuse what cannot be smoothed.

    Raises:
        UnsupportedError: A loss that is no cross-entropy over classes, or a `compute_loss` of the model's own.
    """
    if amount:
        _kind(model)


def _kind(model: keras.Model) -> tuple[bool, bool]:
    """Whether labels are class numbers, and whether the outputs are logits."""
    loss = model.loss
    name = loss.lower() if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
    names = {"sparsecategoricalcrossentropy": True, "categoricalcrossentropy": False}
    plain = name.replace("_", "").lower()
    config = loss.get_config() if isinstance(loss, keras.losses.Loss) else {}
    own = type(model).compute_loss is not keras.Model.compute_loss
    if plain not in names or own or config.get("label_smoothing") or config.get("ignore_class") is not None:
        raise UnsupportedError(
            say(
                f"label_smoothing needs the loss {_SPARSE} or {_DENSE}, plain; the model's is {name}.",
                f"label_smoothing에는 손실 {_SPARSE}나 {_DENSE}가 그대로 필요한데, 모델의 손실은 {name}입니다.",
            ),
            say(
                "Leave label_smoothing out, or compile with one of these.",
                "label_smoothing을 빼거나 이 손실로 컴파일하세요.",
            ),
        )
    return names[plain], bool(config.get("from_logits", False))


def _one_hot(labels: Any, classes: int) -> Any:
    labels = keras.ops.squeeze(labels, -1) if len(labels.shape) > 1 and labels.shape[-1] == 1 else labels
    return keras.ops.one_hot(keras.ops.cast(labels, "int32"), classes, dtype=keras.config.floatx())
