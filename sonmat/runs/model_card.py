"""How a model's inputs are made, what its classes are and when it should not answer: the card that travels inside its file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from sonmat.engine.answer import Answer
from sonmat.runs.safe_json import read_json, refuse

MAX_BYTES = 4 << 20
_VERSION = 1
_LONGEST = 200  # letters of a class name


def card_text(
    inputs: Mapping[str, Any] | None, classes: Sequence[str] | None, answer: Mapping[str, Any] | None = None
) -> str | None:
    """The card as JSON, or None where there is nothing to say."""
    told = {"inputs": inputs, "classes": None if classes is None else [str(name) for name in classes], "answer": answer}
    card = {name: value for name, value in told.items() if value is not None}
    return json.dumps({"sonmat_card": _VERSION, **card}, ensure_ascii=False, allow_nan=False) if card else None


def parse_card(text: bytes | str | None) -> dict[str, Any]:
    """A stranger's card: `inputs` (plain values by name), `classes` (names) and `answer`, each only where the file has it."""
    if text is None:
        return {}
    if len(text) > MAX_BYTES:
        refuse("The model's card is too large.", "모델 카드가 너무 큽니다.")
    data = read_json(text, "the model's card")
    if not isinstance(data, dict):
        _refuse_whole()
    read = {"inputs": _inputs, "classes": _classes, "answer": _answer}
    return {name: parse(data[name]) for name, parse in read.items() if data.get(name) is not None}


def _inputs(inputs: Any) -> dict[str, Any]:
    if not isinstance(inputs, dict):
        _refuse_whole()
    scale, box = inputs.get("scale", 1.0), inputs.get("box", 1.0)
    if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0 < scale < math.inf:
        refuse("The scale in the model's card is not a number above 0.", "모델 카드의 scale이 0보다 큰 수가 아닙니다.")
    if isinstance(box, bool) or not isinstance(box, (int, float)) or not 0.1 <= box <= 1:
        refuse(
            "The box in the model's card is not a share of the side.", "모델 카드의 box가 변에 대한 비율이 아닙니다."
        )
    return inputs


def _classes(classes: Any) -> list[str]:
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        _refuse_whole()
    return [_printable(name) for name in classes]


def _answer(answer: Any) -> dict[str, Any]:
    try:
        Answer.from_card(answer)
    except (ValueError, OverflowError) as error:
        refuse(
            f"How the model answers, in its card, cannot be read: {error}.",
            f"모델 카드의 답변 방식(answer)을 읽을 수 없습니다: {error}.",
        )
    return dict(answer)


def _refuse_whole() -> NoReturn:
    refuse("The model's card is not one that sonmat wrote.", "sonmat이 쓴 모델 카드가 아닙니다.")


def _printable(name: str) -> str:
    """A stranger's class name as a terminal may show it: control codes could rename windows and clear screens."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name[:_LONGEST])
