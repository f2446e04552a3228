"""Augmentation as it is asked for on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.models.augmentation import NAMES, Augmentation
from sonmat.models.reading import parse_assignment, read_recipe


def asked_augmentation(asked: Sequence[str]) -> Augmentation:
    """The settings from what was asked for, later ones over earlier ones.

    Args:
        asked: `KEY=VALUE`s, several in one text with commas between them, or a recipe's name or FILE.toml, whose
            `train.augment` is meant.

    Raises:
        RecipeError: No such recipe or setting, or a value out of its range.
    """
    table: dict[str, Any] = {}
    for text in asked:
        if "=" in text and not text.endswith(".toml"):
            table |= dict(_assignment(part) for part in text.split(",") if part.strip())
        else:
            table |= _of_recipe(text.strip())
    return Augmentation.of(table)


def _assignment(text: str) -> tuple[str, Any]:
    key, equals, value = (part.strip() for part in text.partition("="))
    if not key or not equals or not value:
        raise _no_pair(text.strip())
    key, value = parse_assignment(text)
    return key.removeprefix("train.augment.").removeprefix("augment."), value


def _of_recipe(name: str) -> dict[str, Any]:
    if not name or name in NAMES:
        raise _no_pair(name)
    found = getattr(read_recipe(name).train, "augment", None)
    return Augmentation.of(found).table if found else {}


def _no_pair(text: str) -> RecipeError:
    return RecipeError(
        say(
            f"--augment takes KEY=VALUE or a recipe, but {text!r} came.",
            f"--augment에는 키=값이나 레시피가 와야 하는데 {text!r}이(가) 왔습니다.",
        ),
        say('Write for example --augment "shift=2,rotate=10".', '예: --augment "shift=2,rotate=10".'),
    )
