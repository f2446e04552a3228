"""Why a model is unsure, in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sonmat.language import say

_POSSIBLE = 0.1  # a class with less is not named beside the first


def no_ink() -> str:
    """That there is nothing to see."""
    return say("There is no ink in it.", "글씨가 보이지 않습니다.")


def several(others: int) -> str:
    """That there is more than one thing to see."""
    return say(
        f"There is more than one thing in it ({others + 1}); one is read at a time.",
        f"하나가 아니라 {others + 1}개가 있습니다. 한 번에 하나만 읽습니다.",
    )


def is_several(reason: str) -> bool:
    """Whether a reason is that there is more than one thing to see."""
    return reason.startswith(("There is more than one thing in it (", "하나가 아니라 "))


def no_word() -> str:
    """That there is nothing to read."""
    return say("There is no word in it.", "단어가 없습니다.")


def unread() -> str:
    """That nothing in a sentence was met in training."""
    return say("No part of it was in the training sentences.", "학습 문장에 있던 부분이 하나도 없습니다.")


def reason_of(probabilities: np.ndarray, classes: Sequence[str], *, odd: bool) -> str:
    """Why an answer is not given.

    Args:
        probabilities: (classes,).
        classes: Their names.
        odd: Whether the input itself is unlike what the model was trained on; else it lies between classes.
    """
    order = np.argsort(-probabilities, kind="stable")
    first, second = classes[order[0]], classes[order[1]] if len(order) > 1 else ""
    if not odd and second and probabilities[order[1]] >= _POSSIBLE:
        return say(f"It lies between {first} and {second}.", f"{first}와(과) {second} 사이에서 갈립니다.")
    return say("It looks like nothing that the model was trained on.", "학습한 어떤 것과도 닮지 않았습니다.")
