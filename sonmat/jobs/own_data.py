"""Data of one's own in a job: how they were read stays in the recipe, and they are looked over before training."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sonmat.data.dataset import Dataset
from sonmat.data.guards import contradictions, leak, order
from sonmat.data.known import KNOWN
from sonmat.data.read_settings import ReadSettings
from sonmat.engine.evidence import Evidence
from sonmat.files import expanded
from sonmat.language import say
from sonmat.models.reading import parse_assignment
from sonmat.models.recipe import Recipe
from sonmat.view.finding import Case, Finding
from sonmat.view.rows_findings import Called, rows_findings

_LISTED = 10  # classes that are named


def settled(recipe: Recipe, rows: Dataset) -> Recipe:
    """The recipe with what was found out when its data were read: their size, channels and columns."""
    if rows.reading is None:
        return recipe
    return replace(recipe, read=rows.reading.settings.as_dict() or None)


def with_data(recipe: Recipe, data: str, assignments: Sequence[str] = ()) -> Recipe:
    """The recipe on other data; how its own were read does not go with it, but for what was asked for just now."""
    if recipe.read is None or findable(data) == findable(recipe.data):
        return replace(recipe, data=data)
    asked = {parse_assignment(text)[0].removeprefix("read.") for text in assignments}
    kept = {key: value for key, value in recipe.read.items() if key in asked}
    return replace(recipe, data=data, read=kept or None)


def as_begun(recipe: Recipe, begun: Recipe) -> Recipe:
    """The recipe, asked for again, as a run of it was begun: what was found out then is not found out anew."""
    if recipe.data != begun.data or begun.read is None:
        return recipe
    return replace(recipe, read={**begun.read, **(recipe.read or {})})


def read_settings(recipe: Recipe) -> ReadSettings:
    """How a recipe's data are read."""
    return ReadSettings.of(recipe.read)


def settings_like(
    shape: Sequence[int | None], recipe: Recipe | None, *, digits: bool = False, skip_unreadable: bool = False
) -> ReadSettings:
    """How another data set is read for a model: its pictures made as the model takes them.

    Args:
        shape: Of one of the model's inputs.
        recipe: What it was trained by.
        digits: Whether it knows MNIST's digits, to which pictures are cleaned then, as predicting does.
        skip_unreadable: Whether what cannot be read is left out.
    """
    own = read_settings(recipe) if recipe is not None else ReadSettings()
    sides, channels = tuple(shape[:2]), shape[2] if len(shape) == 3 else 1
    if len(shape) not in (2, 3) or None in sides or channels not in (1, 3):
        return replace(own, size=None, channels=None, clean=False, skip_unreadable=skip_unreadable, wished=False)
    return replace(
        own,
        size=(int(sides[0] or 1), int(sides[1] or 1)),
        channels=channels,
        clean=own.clean or digits,
        skip_unreadable=skip_unreadable,
        wished=False,
    )


def notes_of(rows: Dataset) -> tuple[str, ...]:
    """What was found and chosen as the data were read, and what a network of the catalog adapts to, in sentences."""
    if rows.reading is None or not rows.reading.by_name:
        return ()
    shape = " × ".join(map(str, rows.inputs.shape[1:]))
    names = ", ".join(rows.classes[:_LISTED]) + ("…" if len(rows.classes) > _LISTED else "")
    fits = say(
        f"{f'Inputs of {shape}, ' if rows.sentences is None else ''}{len(rows.classes)} classes: {names}.",
        f"{f'입력 {shape}, ' if rows.sentences is None else ''}클래스 {len(rows.classes)}개: {names}.",
    )
    return (*rows.reading.notes, fits)


def look_over(
    train: Dataset, validation: Dataset | None, test: Dataset, recipe: Recipe | None = None
) -> tuple[Finding, ...]:
    """What is to be said of data of one's own before a training; nothing of published ones.

    Test rows are compared with the others by their content, which is no reading of the test set: no model answers for them.
    """
    if train.reading is None:
        return ()
    ours, tests = _contents(train), _contents(test)
    held = None if validation is None else _contents(validation)
    seen = ours if held is None else np.concatenate([ours, held])
    labels = train.labels.astype(np.int64)
    evidence = Evidence(
        classes=train.classes,
        counts=tuple(np.bincount(labels, minlength=len(train.classes)).tolist()),
        order=order(train.labels),
        leak=None if held is None else leak(ours, held),
        test_leak=leak(seen, tests),
        contradictions=contradictions(ours, labels),
    )
    called = Called(
        _names(train),
        () if validation is None else _names(validation),
        _names(test),
        [train.classes[label] for label in labels],
        train.reading.left_out,
        train.reading.in_order,
    )
    return tuple(rows_findings(Case(evidence, recipe=recipe), called))


def _contents(rows: Dataset) -> np.ndarray:
    """What rows are compared by: their inputs, and of sentences the sentences."""
    if rows.sentences is None:
        return rows.inputs
    sums = [hashlib.blake2b(one.encode("utf-8", "surrogatepass"), digest_size=16).digest() for one in rows.sentences]
    return np.frombuffer(b"".join(sums), np.uint8).reshape(-1, 16)


def _names(rows: Dataset) -> Sequence[str]:
    if rows.sentences is not None:
        return list(rows.sentences)
    names = rows.reading.names if rows.reading is not None else ()
    return [names[row] for row in rows.rows] if names else ()


def findable(data: str) -> str:
    """A path that will be found from any folder, as resuming may happen in another; a name stays a name."""
    path = expanded(data)
    is_name = data.strip().lower().replace("_", "-") in KNOWN
    return str(path.resolve()) if not is_name and (path.suffix or path.exists()) else data


def said_of(rows: tuple[Dataset, Dataset, Dataset], recipe: Recipe) -> list[str]:
    """Notes and findings as sentences."""
    found = look_over(*rows, recipe)
    return [*notes_of(rows[0]), *(f"{one.title}: {one.evidence}" for one in found if one.severity != "good")]


def asked_reading(assignments: Sequence[str], skip_unreadable: bool = False) -> ReadSettings:
    """How data are read that no recipe is there for, from `KEY=VALUE`s.

    Raises:
        RecipeError: An unknown key, or a value that cannot be.
    """
    pairs = (parse_assignment(text) for text in assignments)
    read = {key.removeprefix("read."): value for key, value in pairs}
    return ReadSettings.of(read | ({"skip_unreadable": True} if skip_unreadable else {}))
