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
    room = free_memory()
    if outputs * _OUTPUT > room:
        count, needed, there = _short(outputs).strip(), _short(outputs * _OUTPUT), _short(room)
        raise RecipeError(
            say(
                f"The layers would give {count} numbers of a batch, which take {needed}B in training; there is room for {there}B.",
                f"층의 출력이 배치마다 {count}개라 학습에 메모리 {needed}B가 필요한데 쓸 수 있는 것은 {there}B입니다.",
            ),
            say("Use a smaller batch, or fewer filters.", "배치나 필터를 줄이세요."),
        )
    if parameters * _BYTES > room:
        count, needed, there = _short(parameters).strip(), _short(parameters * _BYTES), _short(room)
        raise RecipeError(
            say(
                f"The network would have {count} parameters, which take {needed}B while they are trained; there is room for {there}B.",
                f"매개변수 {count}개는 학습하는 동안 메모리 {needed}B가 필요한데 쓸 수 있는 것은 {there}B입니다.",
            ),
            say("Use fewer units or filters.", "뉴런이나 필터를 줄이세요."),
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
