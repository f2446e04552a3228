"""How commands print."""

from __future__ import annotations

import json
import math
import shlex
import sys
from typing import TYPE_CHECKING, Any

from sonmat.language import say

if TYPE_CHECKING:
    from rich.console import Console

    from sonmat.data.progress import Progress

_WIDE = 120  # columns where there is no terminal


def console() -> Console:
    """Where people read."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else _WIDE)


def print_json(value: Any) -> None:
    """One JSON value for machines: numbers that JSON has no word for are null.

    What a terminal would obey rather than show (C1 codes, marks of direction) is escaped: names come from strangers' files.
    """
    text = json.dumps(_plain(value), ensure_ascii=False, indent=2, default=str, allow_nan=False)
    sys.stdout.write("".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in text) + "\n")


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def print_next(out: Console, *command: object) -> None:
    """The next command worth trying, ready to paste."""
    from rich.text import Text

    from sonmat.view.program import program

    words = shlex.join(program() if part == "sonmat" else str(part) for part in command)
    out.print(Text(f"{say('next', '다음')}: ").append(words, style="bold"), soft_wrap=True)


def print_place(out: Console, what: str, where: object) -> None:
    """Where something is, on one line whatever its length, so that it can be copied."""
    out.print(f"{what}: {where}", soft_wrap=True)


def download(silent: bool) -> Progress | None:
    """How a download shows itself: not at all, or by itself."""
    from sonmat.data import progress

    return progress.silent if silent else None
