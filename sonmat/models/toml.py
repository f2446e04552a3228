"""TOML that people read: lists and inner tables on one line, errors with the line that is wrong."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

from sonmat.errors import RecipeError
from sonmat.language import say


def write_toml(values: Mapping[str, Any]) -> str:
    """Plain values as TOML; `tomllib` reads the same values back, floats to the bit.

    Args:
        values: Texts, numbers, booleans, lists, and tables. A table here gets a `[heading]`; one deeper is inline.
    """
    plain = {key: value for key, value in values.items() if not isinstance(value, Mapping)}
    lines = _pairs(plain)
    for name, table in values.items():
        if isinstance(table, Mapping):
            lines += [""] * bool(lines) + [f"[{_key(name)}]", *_pairs(table)]
    return "\n".join(lines) + "\n"


def parse_toml(text: str, *, source: str) -> dict[str, Any]:
    """TOML as a dict.

    Raises:
        RecipeError: Not TOML; it names `source` and the line, and shows it.
    """
    try:
        return tomllib.loads(text)
    except (RecursionError, ValueError) as error:
        if isinstance(error, tomllib.TOMLDecodeError):
            raise _not_toml(text, source, error) from error
        # lists in lists in lists, or a number of more digits than Python reads
        raise RecipeError(
            say(
                f"{source} is nested too deeply, or holds a number of thousands of digits.",
                f"{source}: 너무 깊게 중첩되었거나 수천 자리 수가 있습니다.",
            ),
            say("A recipe needs no more than lists in lists.", "레시피에는 목록 속 목록까지만 필요합니다."),
        ) from error


def _not_toml(text: str, source: str, error: tomllib.TOMLDecodeError) -> RecipeError:
    found = re.search(r"^(.*) \(at line (\d+), column (\d+)\)$", str(error))
    lines = text.split("\n")
    if found:
        reason, number, column = found[1], int(found[2]), found[3]
        place, line = f"{source}:{number}:{column}", lines[number - 1].strip() if number <= len(lines) else ""
    else:
        reason, place, line = str(error), f"{source}:{len(lines)}", lines[-1].strip() if lines else ""
    return RecipeError(
        say(f"{place} is not valid TOML: {reason}.", f"{place}: 올바른 TOML이 아닙니다: {reason}."),
        say(
            f"Correct the line `{line}`. Texts need quotes, lists look like [20, 20], a line is key = value.",
            f"`{line}` 줄을 고치세요. 글자는 따옴표로 감싸고, 목록은 [20, 20]처럼, 각 줄은 키 = 값으로 씁니다.",
        ),
    )


def _pairs(values: Mapping[str, Any]) -> list[str]:
    return [f"{_key(key)} = {_value(value)}" for key, value in values.items()]


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _text(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(_pairs(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return repr(value)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")  # the one sign that only TOML escapes
