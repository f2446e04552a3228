"""Data sets of sentences of one's own, from tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from sonmat.data.dataset import Dataset
from sonmat.data.names import natural, numbered
from sonmat.data.read_settings import Reading
from sonmat.data.sentences import checked_sentences
from sonmat.data.table_file import Table
from sonmat.errors import DataError


def sentences_of(tables: Sequence[tuple[Path, Table]], name: str, reading: Reading) -> Dataset:
    """The sentences of tables, one after the other, with the same class numbers.

    Args:
        tables: One, or one of each part.
        name: What to call the set.
        reading: How they were read.

    Raises:
        DataError: A sentence or label that cannot be trained on; it names the file.
    """
    classes = natural({label for _, table in tables for label in table.classes})
    for path, table in tables:
        try:
            checked_sentences(table.values)
        except DataError as error:
            raise DataError(f"{path}: {error.problem}", error.fix) from error
    rows = Dataset.from_sentences(
        [sentence for _, table in tables for sentence in table.values],
        np.concatenate([numbered(table.labels, classes) for _, table in tables]),
        classes=classes,
        name=name,
        source=str(tables[0][0].absolute()),
    )
    return replace(rows, reading=reading)
