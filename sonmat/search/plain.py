"""Plain values: what TOML can hold, compared and counted as settings are."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.models.toml import write_toml

_LARGEST_WHOLE = 2**53  # beyond it a float, in which samplers calculate, does not hold every whole number
_LONGEST = 80  # letters of a value that an error shows


def plain(value: Any) -> Any:
    """A copy of the value in TOML's plain types, tuples as lists and NumPy's numbers as Python's.

    Raises:
        RecipeError: It is, or contains, something else, or a number that is not finite.
    """
    value = unboxed(value)
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return {plain(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:  # half of a pair, as broken file names have it: no file can hold it
            raise wrong(say("Unicode text", "유니코드 글자"), value, '"sgd"') from None
        return str(value)
    if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    expected = say("a text, a finite number, true, false, a list or a table", "글자, 유한한 수, true, false, 목록, 표")
    raise wrong(expected, value, "0.1")


def identity(value: Any) -> object:
    """What two plain values share where they are the same setting: 1 and 1.0 do, 1 and true do not. Hashable."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, list | tuple):
        return ("list", tuple(identity(item) for item in value))
    if isinstance(value, Mapping):
        return ("table", tuple(sorted((name, identity(item)) for name, item in value.items())))
    return (type(value).__name__ if not isinstance(value, int | float) else "number", value)


def unboxed(value: Any) -> Any:
    """The value, NumPy's scalars as Python's."""
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value


def as_toml(value: Any) -> str:
    """A plain value as TOML on one line."""
    return write_toml({"v": [value]})[len("v = [") : -len("]\n")]


def is_number(value: object) -> bool:
    """Whether it is a number; true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def whole_number(value: Any) -> int:
    """The value as an int.

    Raises:
        RecipeError: It is not a whole number, or beyond ±2⁵³.
    """
    value = unboxed(value)
    if not is_number(value) or not -_LARGEST_WHOLE <= value <= _LARGEST_WHOLE or value != int(value):
        raise wrong(say("a whole number from −2⁵³ to 2⁵³", "−2⁵³부터 2⁵³까지의 정수"), value, "8")
    return int(value)


def finite_number(value: Any) -> float:
    """The value as a float.

    Raises:
        RecipeError: It is not a number, not finite, or too large for a float.
    """
    value = unboxed(value)
    try:
        if is_number(value) and math.isfinite(number := float(value)):
            return number
    except OverflowError:
        pass
    raise wrong(say("a finite number", "유한한 수"), value, "0.1")


def exact(number: float | int) -> Fraction:
    """The number as it is written in decimal, so that three steps of 0.1 are 0.3."""
    return Fraction(repr(number))


@contextlib.contextmanager
def naming(name: str) -> Iterator[None]:
    """Put a setting's name before what is wrong with it."""
    try:
        yield
    except RecipeError as error:
        raise RecipeError(f"{name}: {error.problem}", error.fix) from error


def wrong(expected: str, came: object, example: str) -> RecipeError:
    """The error for a value that is not what was expected."""
    return RecipeError(
        say(f"It should be {expected}, but is {shown(came)}.", f"올 것은 {expected}, 받은 것은 {shown(came)}입니다."),
        say(f"Write for example {example}.", f"예: {example}."),
    )


def shown(value: object) -> str:
    """The value for an error, shortened where it is long."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no number of more than 4300 digits
        return say("a number of thousands of digits", "수천 자리 수")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
