"""Label smoothing for any classifier, sparse labels too, without another loss in its `compile`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from sonmat.engine.losses import function_of, name_of, settings_of
from sonmat.errors import UnsupportedError
from sonmat.language import say

_SPARSE, _DENSE = "sparse_categorical_crossentropy", "categorical_crossentropy"


@contextlib.contextmanager
def smoothing(model: keras.Model, amount: float, outliers: bool = False) -> Iterator[None]:
    """While it is open, a training step that is traced takes `amount` of a target away from its class and shares it out
    among all classes (Szegedy et al. 2016, arXiv 1512.00567), as Keras's `CategoricalCrossentropy(label_smoothing)` does.

    With `outliers` a row whose label is below 0 is of no class: its target is shared out whole.

    Reduction, dtype and weight of the compiled loss hold as before. Metrics, and the loss in validation, see the labels as
    they are: losses with and without smoothing can be compared.

    Raises:
        UnsupportedError: On leaving it, the step did not use the compiled loss, or the model has several outputs.
    """
    if not amount and not outliers:
        yield
        return
    whole = model._compile_loss
    kept = whole._flat_losses
    if len(kept) != 1 or kept[0].path:
        raise _refusal(say("that of a model with one output", "출력이 하나인 모델의 손실"), _told(model.loss))
    smoothed = _Smoothed(kept[0].loss, amount, sparse=_is_sparse(model.loss))
    whole._flat_losses = [kept[0]._replace(loss=smoothed)]  # Keras applies the weight and reduces as it did
    try:
        yield
    finally:
        whole._flat_losses = kept
    if not smoothed.used:
        raise _refusal(
            say("the compiled one in each training step", "학습 스텝마다 쓰는 컴파일한 것"),
            say("what its own train_step computes", "자신의 train_step이 계산한 것"),
        )


class _Smoothed:
    """A cross-entropy with some of each target shared out, reduced as the loss that it stands for.

    Attributes:
        used: Whether it has been asked for a loss.
    """

    def __init__(self, loss: Any, amount: float, *, sparse: bool) -> None:
        logits = bool(settings_of(loss).get("from_logits", False))
        self.loss = keras.losses.CategoricalCrossentropy(
            from_logits=logits, label_smoothing=amount, reduction=loss.reduction, dtype=loss.dtype
        )
        self.sparse, self.used = sparse, False

    def __call__(self, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        self.used = True
        return self.loss(_shared(y, y_pred) if self.sparse else y, y_pred, sample_weight)


def check_smoothing(model: keras.Model, amount: float, outliers: bool = False) -> None:
    """Refuse what cannot be smoothed.

    Raises:
        UnsupportedError: A loss that is not Keras's own cross-entropy over classes, or a `compute_loss` of the model's own;
            with `outliers` one of one-hot targets.
    """
    if not amount and not outliers:
        return
    loss, settings = model.loss, settings_of(model.loss)
    known = function_of(loss) in (keras.losses.sparse_categorical_crossentropy, keras.losses.categorical_crossentropy)
    changed = settings.get("label_smoothing") or settings.get("ignore_class") is not None
    if outliers and not _is_sparse(loss):
        known = False
    if not known or changed or settings.get("axis", -1) != -1:
        raise _refusal(say(f"{_SPARSE} or {_DENSE}, plain", f"{_SPARSE}나 {_DENSE}, 있는 그대로"), _told(loss))
    if type(model).compute_loss is not keras.Model.compute_loss:
        own = say("what its own compute_loss makes of it", "자신의 compute_loss가 계산한 것")
        raise _refusal(say("the compiled one alone", "컴파일한 것 그대로"), own)


def _is_sparse(loss: Any) -> bool:
    return function_of(loss) is keras.losses.sparse_categorical_crossentropy


def _told(loss: Any) -> str:
    """A loss by its name, and that it is not Keras's where its name would say so."""
    name = name_of(loss)
    own = function_of(loss) is None and callable(loss)
    return say(f"{name}, not one of Keras's", f"Keras의 것이 아닌 {name}") if own else name


def _refusal(expected: str, came: str) -> UnsupportedError:
    return UnsupportedError(
        say(
            f"label_smoothing needs as loss {expected}; the model's is {came}.",
            f"label_smoothing에 필요한 손실: {expected}. 모델의 손실: {came}.",
        ),
        say(
            f'Leave label_smoothing out, or compile with "{_SPARSE}".',
            f'label_smoothing을 빼거나 "{_SPARSE}"로 컴파일하세요.',
        ),
    )


def _shared(labels: Any, outputs: Any) -> Any:
    """Class numbers (…) or (…, 1) as rows like those of the outputs, (…, classes); one below 0 is of all classes alike."""
    labels = keras.ops.convert_to_tensor(labels)
    if len(labels.shape) == len(outputs.shape) and labels.shape[-1] == 1:
        labels = keras.ops.squeeze(labels, -1)
    numbers = keras.ops.cast(labels, "int32")
    rows = keras.ops.one_hot(numbers, outputs.shape[-1], dtype=keras.config.floatx())
    return keras.ops.where(numbers[..., None] < 0, 1 / outputs.shape[-1], rows)
