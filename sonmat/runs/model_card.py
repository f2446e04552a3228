"""How a model's inputs are made and what its classes are: the card that travels inside its file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from sonmat.runs.safe_json import read_json, refuse

MAX_BYTES = 1 << 20
_VERSION = 1
_LONGEST = 200  # letters of a class name


def card_text(inputs: Mapping[str, Any] | None, classes: Sequence[str] | None) -> str | None:
    """The card as JSON, or None where there is nothing to say."""
    if inputs is None and classes is None:
        return None
    card: dict[str, Any] = {"sonmat_card": _VERSION}
    if inputs is not None:
        card["inputs"] = dict(inputs)
    if classes is not None:
        card["classes"] = [str(name) for name in classes]
    return json.dumps(card, ensure_ascii=False, allow_nan=False)


def parse_card(text: bytes | str | None) -> dict[str, Any]:
    """A stranger's card: `inputs` (plain values by name) and `classes` (names), each only where the file has it."""
    if text is None:
        return {}
    if len(text) > MAX_BYTES:
        refuse("The model's card is too large.", "모델 카드가 너무 큽니다.")
    data = read_json(text, "the model's card")
    inputs = data.get("inputs") if isinstance(data, dict) else None
    classes = data.get("classes") if isinstance(data, dict) else None
    named = classes is None or (isinstance(classes, list) and all(isinstance(name, str) for name in classes))
    if not isinstance(data, dict) or not named or not isinstance(inputs, dict | None):
        refuse("The model's card is not one that sonmat wrote.", "sonmat이 쓴 모델 카드가 아닙니다.")
    scale = inputs.get("scale", 1.0) if inputs is not None else 1.0
    if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0 < scale < math.inf:
        refuse("The scale in the model's card is not a number above 0.", "모델 카드의 scale이 0보다 큰 수가 아닙니다.")
    names = None if classes is None else [_printable(name) for name in classes]
    return {key: value for key, value in (("inputs", inputs), ("classes", names)) if value is not None}


def _printable(name: str) -> str:
    """A stranger's class name as a terminal may show it: control codes could rename windows and clear screens."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name[:_LONGEST])
