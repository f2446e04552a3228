"""A network's outputs as probabilities of classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from sonmat.errors import DataError
from sonmat.language import say


def probabilities_of(outputs: Any) -> np.ndarray:
    """Probabilities, (n, classes): a sigmoid's one output counts as two classes, logits go through softmax.

    Raises:
        DataError: The outputs are not one number a class, or not finite.
    """
    if not isinstance(outputs, np.ndarray) or outputs.ndim != 2:
        raise DataError(
            say("The model does not give one probability a class.", "모델이 클래스마다 확률 하나를 내지 않습니다."),
            say("Use sonmat.predict for its raw outputs.", "원래 출력은 sonmat.predict로 보세요."),
        )
    if not np.isfinite(outputs).all():
        raise DataError(
            say("The model gives outputs that are no numbers.", "모델이 숫자가 아닌 출력을 냅니다."),
            say("Its weights or its scale are broken; train it anew.", "가중치나 scale이 깨졌습니다. 다시 학습하세요."),
        )
    if outputs.shape[1] == 1:
        return np.concatenate([1 - outputs, outputs], axis=1)
    if (outputs < 0).any() or not np.allclose(outputs.sum(1), 1, atol=1e-3):
        return softmax(outputs)
    return outputs


def softmax(logits: np.ndarray) -> np.ndarray:
    """Powers of e, divided by their sum over the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))
