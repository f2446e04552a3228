"""JSON from strangers: read with limits, plain data or an error."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from sonmat.errors import ModelFileError
from sonmat.language import say

MAX_BYTES = 16 << 20  # the largest of Keras's own applications has a configuration of about 1 MB
MAX_VALUES = 1_000_000
MAX_DEPTH = 100
MAX_TEXT = 100_000


def refuse(english: str, korean: str) -> NoReturn:
    """Raise the ModelFileError of a file that is not what Keras writes."""
    raise ModelFileError(
        say(english, korean),
        say(
            "Use a file that Keras or sonmat saved whole (model.save), from someone you trust, or save it again.",
            "Keras나 sonmat이 온전히 저장한(model.save) 믿을 수 있는 파일을 쓰거나 다시 저장하세요.",
        ),
    )


def read_json(text: bytes | str, what: str) -> Any:
    """Parse JSON of a stranger.

    Args:
        text: UTF-8 bytes or text.
        what: What is read, for messages ("config.json").

    Returns:
        Plain data: dict, list, str, int, float, bool, None; every number finite, at most `MAX_DEPTH` deep.

    Raises:
        ModelFileError: It is no JSON, holds NaN or Infinity, or is over a limit.
    """
    if len(text) > MAX_BYTES:
        refuse(
            f"{what} has {len(text):,} bytes; at most {MAX_BYTES:,} are read.",
            f"{what}의 크기가 {len(text):,}바이트입니다. {MAX_BYTES:,}바이트까지만 읽습니다.",
        )
    try:
        data = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        reason = str(error)[:200]
        refuse(f"{what} is not valid JSON: {reason}.", f"{what}이(가) 올바른 JSON이 아닙니다: {reason}.")
    _check(data, what)
    return data


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number that JSON knows")


def _check(data: Any, what: str) -> None:
    """Walk without recursion: depth is one of the things under test."""
    pending: list[tuple[Any, int]] = [(data, 0)]
    seen = 0
    while pending:
        value, depth = pending.pop()
        seen += 1
        if seen > MAX_VALUES or depth > MAX_DEPTH:
            refuse(
                f"{what} has too many values or is nested too deeply (at most {MAX_VALUES:,} and {MAX_DEPTH}).",
                f"{what}의 값이 너무 많거나 너무 깊습니다 (값 {MAX_VALUES:,}개, 깊이 {MAX_DEPTH}까지).",
            )
        if isinstance(value, dict):
            pending.extend((part, depth + 1) for part in value.values())
        elif isinstance(value, list):
            pending.extend((part, depth + 1) for part in value)
        elif isinstance(value, float) and not math.isfinite(value):
            refuse(f"{what} holds a number that is not finite.", f"{what}에 유한하지 않은 수가 있습니다.")
        elif isinstance(value, str) and len(value) > MAX_TEXT:
            refuse(f"{what} holds a text of {len(value):,} letters.", f"{what}에 {len(value):,}자의 글이 있습니다.")
