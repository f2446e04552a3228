"""A result on a test set by the labels that people give it, beside the result by the labels that it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sonmat.data.known_errors import KnownErrors


@dataclass(frozen=True)
class CorrectedRow:
    """One row whose label is known to be wrong.

    Attributes:
        row: Its place in the test set.
        label: The class's number as it is published.
        corrected: As people see it; None where they do not agree on a class, and the row is left out.
        said: As the model sees it.
    """

    row: int
    label: int
    corrected: int | None
    said: int


@dataclass(frozen=True)
class Corrected:
    """What a model reaches on a test set with the labels corrected that are known to be wrong.

    Never used for training, for validation or for a choice.

    Attributes:
        accuracy: The share of rows that is right, of those whose class people agree on.
        wrong: How many are not.
        n: Rows that count: all but those that are left out.
        labels: How many labels are known to be wrong.
        left_out: How many of them have no correction.
        ceiling: The accuracy by the published labels above which nothing is knowledge.
        source: Who found the wrong labels.
        rows: Each of them.
    """

    accuracy: float
    wrong: int
    n: int
    labels: int
    left_out: int
    ceiling: float
    source: str
    rows: tuple[CorrectedRow, ...]

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self) | {"rows": [asdict(one) for one in self.rows]}

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Corrected:
        """The inverse of `as_dict`.

        Raises:
            TypeError: Something is missing.
        """
        return cls(**{**told, "rows": tuple(CorrectedRow(**one) for one in told.get("rows", ()))})


def corrected(known: KnownErrors, labels: np.ndarray, said: np.ndarray) -> Corrected:
    """Count again by the corrected labels.

    Args:
        known: What is known of the test set.
        labels: (n,) its labels as they are published; they stay as they are.
        said: (n,) the class numbers that a model gives.
    """
    true = known.labels(labels)
    counts = true >= 0
    n, right = int(counts.sum()), int((true == said)[counts].sum())
    rows = tuple(CorrectedRow(one.row, one.label, one.corrected, int(said[one.row])) for one in known.errors)
    return Corrected(
        accuracy=right / n,
        wrong=n - right,
        n=n,
        labels=len(rows),
        left_out=sum(one.corrected is None for one in rows),
        ceiling=known.ceiling,
        source=known.source,
        rows=rows,
    )
