"""The forms of a space: `KEY=SPEC` for the command line, tables for TOML, tuples and dicts for Python."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.models.reading import parse_assignment
from sonmat.models.recipe import unknown
from sonmat.search.choice import Choice
from sonmat.search.dimension import Dimension
from sonmat.search.plain import as_toml, is_number, shown, unboxed, wrong
from sonmat.search.range import Range

_DIGITS = "[0-9][0-9_]*"
_NUMBER = rf"[+-]?(?:(?:{_DIGITS}(?:\.(?:{_DIGITS}|(?!\.)))?|\.{_DIGITS})(?:e[+-]?[0-9]+)?|inf|nan)"
_RANGE = re.compile(rf"(log:)?\s*({_NUMBER})\s*\.\.\s*({_NUMBER})\s*(?::\s*({_NUMBER}))?", re.IGNORECASE)
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_NOT_BARE = ("true", "false", "inf", "nan")
_TABLE = ("low", "high", "log", "step", "whole")


def parse_pairs(texts: Sequence[str]) -> list[tuple[str, str]]:
    """`KEY=SPEC`s as keys and specs.

    Raises:
        RecipeError: One of them has no `=`, no key or nothing behind it.
    """
    if isinstance(texts, str):
        texts = [texts]
    pairs = []
    for text in texts:
        key, equals, spec = text.partition("=") if isinstance(text, str) else ("", "", "")
        if not equals or not key.strip() or not spec.strip():
            raise RecipeError(
                say(
                    f"A setting to search is written KEY=VALUES, but {shown(text)} came.",
                    f"탐색할 설정은 키=값들로 쓰는데 {shown(text)}이(가) 왔습니다.",
                ),
                _examples(),
            )
        pairs.append((key.strip(), spec.strip()))
    return pairs


def dotted(values: Mapping[str, Any], outer: str = "") -> dict[str, Any]:
    """A table with dotted names: TOML reads `model.hidden = […]` as a table in a table.

    Raises:
        RecipeError: A key that is no text, or a table with nothing in it.
    """
    found: dict[str, Any] = {}
    for key, value in values.items():
        if not isinstance(key, str) or not key:
            raise wrong(say("a setting's name", "설정의 이름"), key, '"train.learning_rate"')
        if isinstance(value, Mapping) and not {"low", "high"} & set(value):
            if not value:
                raise RecipeError(
                    say(f"{outer}{key} is an empty table.", f"{outer}{key}은(는) 빈 표입니다."), _examples()
                )
            found.update(dotted(value, f"{outer}{key}."))
        else:
            found[outer + key] = value
    return found


def read_dimension(value: Any, *, whole: bool = True) -> Dimension:
    """A dimension from any of its forms.

    Args:
        value: A text such as `log:1e-3..1`, `0..0.5:0.1` or `20,50,100`; a table with `low` and `high`; a tuple `(low,
            high)`, `(low, high, "log")` or `(low, high, step)`; a list of choices; one value; or a dimension.
        whole: Whether a range between ends that are written whole is one of whole numbers.

    Raises:
        RecipeError: None of these, or one that cannot be.
    """
    try:
        return _read(value, whole)
    except RecursionError:
        raise wrong(say("a choice or a range", "선택지나 범위"), "[[[[…", "[20, 50, 100]") from None


def _read(value: Any, whole: bool) -> Dimension:
    if isinstance(value, Choice | Range):
        return value
    if isinstance(value, str):
        return parse_dimension(value, whole=whole)
    if isinstance(value, Mapping):
        return _of_table(value, whole)
    if isinstance(value, tuple):
        return _of_tuple(value, whole)
    if isinstance(value, range) or getattr(value, "ndim", None) == 1:
        value = list(value)
    return Choice(tuple(value)) if isinstance(value, list) else Choice((value,))


def parse_dimension(text: str, *, whole: bool = True) -> Dimension:
    """A dimension from its text: `log:LOW..HIGH`, `LOW..HIGH`, `LOW..HIGH:STEP`, or values between commas.

    A value is TOML, and a text needs no quotes unless it holds a comma: `20,50,100`, `sgd,adam`, `[20,20],[64,64]`.

    Raises:
        RecipeError: It says what is wrong with the text.
    """
    text = text.strip()
    if found := _RANGE.fullmatch(text):
        log, low, high, step = found.groups()
        if "..." in text:
            raise _no_range(text)
        return _range(_number(low, text), _number(high, text), bool(log), step and _number(step, text), whole)
    if text.lower().startswith("log:") or (
        ".." in text and not re.match(r"[\"'\[{]", text) and not set("/\\") & set(text)
    ):
        raise _no_range(text)
    return Choice(tuple(_parse_value(piece, text) for piece in _split(text)))


def write_dimension(dimension: Dimension) -> str:
    """The text of a dimension; `parse_dimension` gives the same dimension back."""
    if isinstance(dimension, Range):
        return str(dimension)
    return ",".join(_write_value(value) for value in dimension.values)


def as_plain(dimension: Dimension) -> list[Any] | dict[str, Any]:
    """A dimension as TOML has it; `read_dimension` gives the same dimension back."""
    if isinstance(dimension, Choice):
        return dimension.ends
    table: dict[str, Any] = {"low": dimension.low, "high": dimension.high}
    if dimension.log:
        table["log"] = True
    if dimension.step is not None:
        table["step"] = dimension.step
    return table


def _range(low: Any, high: Any, log: bool, step: Any, whole: bool) -> Range:
    written = [low, high] if step is None else [low, high, step]
    return Range(low, high, log=log, step=step, whole=whole and all(isinstance(number, int) for number in written))


def _of_table(table: Mapping[str, Any], whole: bool) -> Range:
    for key in table:
        if key not in _TABLE:
            raise unknown(str(key), _TABLE)
    for key in ("low", "high"):
        if key not in table:
            raise RecipeError(
                say(f"{shown(dict(table))} has no {key!r}.", f"{shown(dict(table))}에 {key!r}이(가) 없습니다."),
                say("Write for example {low = 1e-3, high = 1, log = true}.", "예: {low = 1e-3, high = 1, log = true}."),
            )
    for key in ("log", "whole"):
        if not isinstance(table.get(key, False), bool):
            raise wrong(say("true or false", "true 또는 false"), table[key], f"{key} = true")
    low, high, step = (unboxed(table.get(key)) for key in ("low", "high", "step"))
    if "whole" in table:
        return Range(low, high, log=table.get("log", False), step=step, whole=table["whole"])
    return _range(low, high, table.get("log", False), step, whole)


def _of_tuple(values: tuple[Any, ...], whole: bool) -> Range:
    low, high, extra = (*map(unboxed, values), None, None, None)[:3]
    log = isinstance(extra, str) and extra == "log"
    if len(values) == 2 or (len(values) == 3 and log):
        return _range(low, high, log, None, whole)
    choices = say("Write choices as a list: [20, 50, 100].", "선택지는 목록으로 쓰세요: [20, 50, 100].")
    if len(values) == 3 and is_number(extra):
        try:
            return _range(low, high, False, extra, whole)
        except RecipeError as error:
            raise RecipeError(error.problem, f"{error.fix} {choices}") from error
    raise RecipeError(
        say(
            f"A tuple is a range, (low, high), (low, high, step) or (low, high, 'log'), but {shown(values)} came.",
            f"튜플은 범위입니다: (low, high), (low, high, step), (low, high, 'log'). 받은 것은 {shown(values)}입니다.",
        ),
        choices,
    )


def _number(text: str, whole_text: str) -> int | float:
    try:
        return int(text) if re.fullmatch(r"[+-]?[0-9_]+", text) else float(text)
    except ValueError:  # such as 1__0, or thousands of digits
        raise _no_range(whole_text) from None


def _parse_value(piece: str, text: str) -> Any:
    if not piece or "\n" in piece or "\r" in piece:
        raise RecipeError(
            say(f"A value is missing in {shown(text)}.", f"{shown(text)}에 빠진 값이 있습니다."), _examples()
        )
    try:
        return parse_assignment(f"value={piece}")[1]
    except (ValueError, RecursionError) as error:
        raise RecipeError(
            say(f"The value {shown(piece)} is not complete.", f"{shown(piece)}은(는) 완전한 값이 아닙니다."),
            say(
                "Lists look like [20, 20], texts like 'sgd'; quote the whole for the shell.",
                "목록은 [20, 20], 글자는 'sgd'처럼 쓰고, 셸에서는 전체를 따옴표로 감싸세요.",
            ),
        ) from error


def _split(text: str) -> list[str]:
    """The text cut at the commas that are in no brackets and no quotes; these count at the beginning of a value only."""
    pieces, piece, depth, quote, escaped = [], "", 0, "", False
    for sign in text:
        fresh = depth > 0 or not piece.strip()
        if quote:
            if escaped or sign == "\\":
                escaped = not escaped and quote == '"'
            elif sign == quote:
                quote = ""
        elif sign == "," and not depth:
            pieces.append(piece.strip())
            piece = ""
            continue
        elif fresh and sign in "\"'":
            quote = sign
        elif fresh and sign in "[{":
            depth += 1
        elif depth and sign in "]}":
            depth -= 1
        piece += sign
    return [*pieces, piece.strip()]


def _write_value(value: Any) -> str:
    if isinstance(value, str) and _BARE.fullmatch(value) and value.lower() not in _NOT_BARE:
        return value
    return as_toml(value)


def _no_range(text: str) -> RecipeError:
    return RecipeError(
        say(f"{shown(text)} is not a range of numbers.", f"{shown(text)}은(는) 수의 범위가 아닙니다."), _examples()
    )


def _examples() -> str:
    return say(
        "Write for example learning_rate=log:1e-3..1, dropout=0..0.5:0.1 or batch_size=20,50,100.",
        "예: learning_rate=log:1e-3..1, dropout=0..0.5:0.1, batch_size=20,50,100.",
    )
