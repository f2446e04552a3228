"""What the server and its two children say to each other: JSON objects, one a line."""

from __future__ import annotations

import json
import math
import sys
import threading
from collections.abc import Iterator
from typing import Any, TextIO


class Wire:
    """A child's end. Any thread may speak; what cannot be said, since nobody listens any more, is dropped.

    Args:
        speaking: Where it writes.
        hearing: Where it reads.
    """

    def __init__(self, speaking: TextIO, hearing: TextIO) -> None:
        self._speaking, self._hearing = speaking, hearing
        self._lock = threading.Lock()
        self._listened = True

    def say(self, kind: str, **told: Any) -> None:
        """Tell the server."""
        line = encoded({"kind": kind, **told})
        with self._lock:
            if not self._listened:
                return
            try:
                self._speaking.write(line + "\n")
                self._speaking.flush()
            except (OSError, ValueError):  # the server is gone: the work at hand is still worth finishing
                self._listened = False

    def heard(self) -> Iterator[dict[str, Any]]:
        """What the server says, until it is gone."""
        for line in self._hearing:
            told = decoded(line)
            if told is not None:
                yield told


def encoded(value: Any) -> str:
    """One line of JSON; numbers that JSON has no word for are null, and what is no letter (in a folder's name, say) is a "?"."""
    text = json.dumps(finite(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def decoded(line: str | bytes) -> dict[str, Any] | None:
    """The object on a line; None for what is none."""
    try:
        told = json.loads(line)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def finite(value: Any) -> Any:
    """The value with NaN and infinities as None, and NumPy's numbers as Python's."""
    if isinstance(value, dict):
        return {str(name): finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, (str, bool, int)) or value is None:
        return value
    if hasattr(value, "tolist"):
        return finite(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)


def own_end() -> Wire:
    """The wire of this process, a child. Whatever else prints in it goes to stderr, which is its log."""
    import os

    speaking = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    return Wire(speaking, sys.stdin)
