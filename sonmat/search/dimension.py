"""A dimension of a space: a choice or a range; and a wider one in its place."""

from __future__ import annotations

from typing import TypeAlias

from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.search.choice import Choice
from sonmat.search.range import Range

Dimension: TypeAlias = Choice | Range


def widened(old: Dimension, new: Dimension) -> Dimension:
    """A dimension that holds both: choices are put together, a range has to hold the old one.

    Raises:
        RecipeError: `new` is narrower, or of another kind.
    """
    if isinstance(old, Choice) and isinstance(new, Choice):
        more = [value for value in new.values if not old.holds(value)]
        if not more and new.count < old.count:
            raise _narrower(old, new)
        return Choice((*old.values, *more))
    if isinstance(old, Choice) or isinstance(new, Choice):
        raise _another_kind(old, new)
    if (old.whole, old.log) != (new.whole, new.log):
        raise _another_kind(old, new)
    if not new.covers(old):
        raise _narrower(old, new)
    return new


def _narrower(old: Dimension, new: Dimension) -> RecipeError:
    return RecipeError(
        say(
            f"{new} leaves out values of {old}, where the study has searched.",
            f"{new}에는 지금까지 탐색한 {old}의 값이 다 들어 있지 않습니다.",
        ),
        say("A study can only be widened; start a new one for less.", "넓힐 수만 있습니다. 좁히려면 새로 시작하세요."),
    )


def _another_kind(old: Dimension, new: Dimension) -> RecipeError:
    return RecipeError(
        say(
            f"{new} ({_kind(new)}) is of another kind than {old} ({_kind(old)}), where the study has searched.",
            f"{new}({_kind(new)})은(는) 지금까지 탐색한 {old}({_kind(old)})과(와) 종류가 다릅니다.",
        ),
        say("Keep the kind, or start a new study.", "종류를 그대로 두거나, 새로 시작하세요."),
    )


def _kind(dimension: Dimension) -> str:
    if isinstance(dimension, Choice):
        return say("a choice", "선택")
    if dimension.whole:
        return say("whole numbers", "정수")
    return say("a log range", "로그 범위") if dimension.log else say("a range", "범위")
