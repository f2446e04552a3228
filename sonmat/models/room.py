"""Whether a network's weights have room in memory, asked before any is made: a few zeros too many would take the machine down."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from sonmat.data.memory import free_memory
from sonmat.errors import RecipeError
from sonmat.language import say

_OUTPUT = 8  # of an output: itself and its gradient, in float32
_BYTES = 16  # of a weight in training: itself, its gradient and two moments, in float32


def check_room(parameters: int, outputs: int = 0) -> None:
    """Refuse a network that cannot be held while it is trained.

    Args:
        parameters: How many it has, or at least has.
        outputs: Numbers that its layers give of a batch, where that is known.

    Raises:
        RecipeError: Weights, gradients and moments, or the layers' outputs and their gradients, take more than there is.
    """
    given = say("The layers would give {} numbers of a batch", "층의 출력은 배치마다 {}개")
    _check(outputs, _OUTPUT, given, say("Use a smaller batch, or fewer filters.", "배치나 필터를 줄이세요."))
    held = say("The network would have {} parameters", "매개변수는 {}개")
    _check(parameters, _BYTES, held, say("Use fewer units or filters.", "뉴런이나 필터를 줄이세요."))


def _check(count: int, each: int, what: str, fix: str) -> None:
    room = free_memory()
    if count * each > room:
        told, needed, there = what.format(_short(count).strip()), _short(count * each), _short(room)
        raise RecipeError(
            say(
                f"{told}, which take {needed}B in training; there is room for {there}B.",
                f"{told}라 학습에 메모리 {needed}B가 필요한데 쓸 수 있는 것은 {there}B입니다.",
            ),
            fix,
        )


def chain(widths: Sequence[int], each: int = 1) -> int:
    """Weights of layers one after the other.

    Args:
        widths: Of the input, then of each layer.
        each: Weights that join one number of a layer to one of the next: rows · columns of a filter.
    """
    return sum(each * one * two for one, two in itertools.pairwise(widths))


def _short(count: int) -> str:
    if count >= 10**15:
        return f"10^{len(str(count)) - 1} "
    power, letter = next((one for one in ((12, "T"), (9, "G"), (6, "M"), (3, "k")) if count >= 10 ** one[0]), (0, ""))
    return f"{count / 10**power:,.1f} {letter}"
