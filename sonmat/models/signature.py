"""Signatures: which keyword arguments a function takes, and whether a value suits one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from sonmat.errors import RecipeError
from sonmat.language import say

REQUIRED = inspect.Parameter.empty


def _parameters(function: Callable[..., Any]) -> Sequence[inspect.Parameter]:
    try:
        return _known(function)
    except TypeError:  # an object that cannot be hashed
        return tuple(inspect.signature(function).parameters.values())


@functools.lru_cache(maxsize=512)
def _known(function: Callable[..., Any]) -> Sequence[inspect.Parameter]:
    """Read once: a population's builders ask for the same signatures for every member."""
    return tuple(inspect.signature(function).parameters.values())


def keywords(function: Callable[..., Any]) -> dict[str, Any]:
    """The arguments that can be given by name, in order, with their defaults; `REQUIRED` where there is none."""
    parameters = _parameters(function)
    named = (item for item in parameters if item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY))
    return {item.name: item.default for item in named}


def takes_any(function: Callable[..., Any]) -> bool:
    """Whether the function takes `**kwargs`."""
    return any(item.kind is item.VAR_KEYWORD for item in _parameters(function))


def takes_several(function: Callable[..., Any]) -> frozenset[str]:
    """The arguments that are one value or a list of them, annotated such as `int | Sequence[int]`."""
    parameters = _parameters(function)
    noted = ((item.name, str(item.annotation).partition("|")) for item in parameters)
    return frozenset(name for name, (_, bar, rest) in noted if bar and "Sequence[" in rest)


def check_kind(key: str, value: object, default: object, *, several: bool = False) -> None:
    """Refuse a value of another kind than the argument's default; a default of None says nothing.

    Args:
        key: The setting's dotted name, for the error.
        several: Whether a list of such values will do too.

    Raises:
        RecipeError: It says the kind that was expected.
    """
    kind = _kind(default)
    if kind is None or _kind(value) == kind:
        return
    if several and isinstance(value, list | tuple) and all(_kind(one) == kind for one in value):
        return
    english, korean = kind
    raise RecipeError(
        say(f"{key} should be {english}, but is {value!r}.", f"{key}에 올 것은 {korean}, 받은 것은 {value!r}입니다."),
        say(f"Its default is {default!r}.", f"기본값은 {default!r}입니다."),
    )


def _kind(value: object) -> tuple[str, str] | None:
    if isinstance(value, bool):
        return "true or false", "true 또는 false"
    if isinstance(value, int | float):
        return "a number", "수"
    if isinstance(value, str):
        return "a text", "글자"
    if isinstance(value, list | tuple):
        return "a list such as [20, 20]", "[20, 20] 같은 목록"
    return None
