"""Data sets of sentences of one's own, from tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sonmat.data.dataset import Dataset
from sonmat.data.image_set import held_out
from sonmat.data.names import natural, numbered
from sonmat.data.read_settings import Reading
from sonmat.data.table_file import Table
from sonmat.errors import DataError


def sentence_sets(tables: Sequence[tuple[Path, Table]], name: str, reading: Reading) -> tuple[Dataset, Dataset]:
    """The sentences of a table, of which a fifth becomes the test part; or those of two tables, with the same class numbers.

    Args:
        tables: One or two.
        name: What to call the set.
        reading: How they were read.

    Raises:
        DataError: A sentence or label that cannot be trained on; it names the file.
    """
    classes = natural({label for _, table in tables for label in table.classes})
    made = []
    for (path, table), part in zip(tables, ("train", "test") if len(tables) > 1 else ("all",), strict=True):
        try:
            rows = Dataset.from_sentences(
                table.values,
                numbered(table.labels, classes),
                classes=classes,
                name=name,
                part=part,
                source=str(path.absolute()),
            )
        except DataError as error:
            raise DataError(f"{path}: {error.problem}", error.fix) from error
        made.append(replace(rows, reading=reading))
    if len(made) == 1 and not reading.settings.wished:  # a trained model has seen none of it
        return replace(made[0], part="train"), replace(made[0], part="test")
    return held_out(made[0]) if len(made) == 1 else (made[0], made[1])
