"""Names of classes and files: tidied, shown, and put into their natural order."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

_HARMLESS = "\u00a0\u3000\u200c\u200d"  # spaces of other scripts, and joiners in Persian, Hindi and emoji


def tidy(name: str) -> str:
    """A text or name without spaces around it, and with its letters composed: macOS takes Hangul apart."""
    return unicodedata.normalize("NFC", name).strip().strip("\ufeff")


def shown(name: str) -> str:
    """A name with what a terminal would obey written out (`\\x1b`): two names that differ still do."""
    return "".join(c if c.isprintable() or c in _HARMLESS else c.encode("unicode_escape").decode() for c in name)


def natural(names: Iterable[str]) -> list[str]:
    """Names in their natural order: numbers by their size, then words, in which numbers go by their size too."""
    return sorted(names, key=_natural_key)


def _natural_key(name: str) -> tuple[Any, ...]:
    if re.fullmatch(r"-?[0-9]{1,300}", name):
        return (0, int(name), name)
    parts = re.split(r"([0-9]{1,300})", name.casefold())
    return (
        1,
        [(0, int(part), "") if part.isdecimal() and part.isascii() else (1, 0, part) for part in parts if part],
        name,
    )


def numbered(labels: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """Labels as numbers of classes, (n,) int64."""
    numbers = {name: number for number, name in enumerate(classes)}
    return np.array([numbers[label] for label in labels], np.int64)
