"""Labels of published test sets that people have found to be wrong. They are said beside a result, and used for nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sonmat.data.dataset import Dataset
from sonmat.data.known import KNOWN

_CONSENSUS = 3  # of five people


@dataclass(frozen=True)
class KnownError:
    """A label that most of those who looked at the picture did not give it.

    Attributes:
        row: Its place in the test set, from 0.
        label: The class's number as it is published.
        other: The other class that people were asked about.
        votes: Of five people, how many chose the label, the other class, and neither.
        readings: The classes that sonmat's authors can read the picture as; none where it is no digit to them.
    """

    row: int
    label: int
    other: int
    votes: tuple[int, int, int]
    readings: tuple[int, ...]

    @property
    def corrected(self) -> int | None:
        """The other class where three of the five agree on it; None where they agree on none, or on neither."""
        return self.other if self.votes[1] >= _CONSENSUS else None


@dataclass(frozen=True)
class KnownErrors:
    """What is known of one test set.

    Attributes:
        errors: By row.
        n: Rows of the test set.
        source: Who found them.
        address: Where their votes are.
    """

    errors: tuple[KnownError, ...]
    n: int
    source: str
    address: str

    @property
    def ceiling(self) -> float:
        """The accuracy that knowing everything else gives by these labels: what lies above it is not knowledge."""
        return 1 - len(self.errors) / self.n

    def labels(self, labels: np.ndarray) -> np.ndarray:
        """A copy of the published labels, int64, with the corrections; −1 where there is none, and the row is left out."""
        found = np.array(labels, np.int64)
        for one in self.errors:
            found[one.row] = -1 if one.corrected is None else one.corrected
        return found


_MNIST = KnownErrors(
    errors=(
        KnownError(947, 8, 9, (0, 5, 0), (9,)),
        KnownError(1621, 0, 6, (2, 3, 0), (6, 0)),
        KnownError(1901, 9, 4, (2, 3, 0), (4,)),
        KnownError(2130, 4, 9, (2, 2, 1), (4, 9)),
        KnownError(2462, 2, 0, (0, 4, 1), (0, 2)),
        KnownError(2597, 5, 3, (0, 4, 1), (3,)),
        KnownError(2654, 6, 1, (0, 2, 3), ()),
        KnownError(3520, 6, 4, (2, 0, 3), ()),
        KnownError(3558, 5, 0, (1, 4, 0), (0,)),
        KnownError(5937, 5, 3, (1, 3, 1), (3,)),
        KnownError(6651, 0, 6, (0, 5, 0), (6,)),
        KnownError(6783, 1, 6, (2, 3, 0), (6,)),
        KnownError(8527, 4, 9, (2, 2, 1), (4, 9)),
        KnownError(9679, 6, 3, (2, 0, 3), ()),
        KnownError(9729, 5, 6, (2, 3, 0), (6,)),
    ),
    n=10_000,
    source='C. G. Northcutt, A. Athalye and J. Mueller, "Pervasive Label Errors in Test Sets", 2021, arXiv 2103.14749',
    address="https://github.com/cleanlab/label-errors/blob/main/mturk/mnist_mturk.json",
)
_KNOWN = {"mnist": _MNIST}


def known_errors(data: Dataset) -> KnownErrors | None:
    """What is known of a data set; None for any but a published test set, whole and in its order."""
    return errors_of(data.inputs, data.labels)


def errors_of(inputs: Any, labels: Any) -> KnownErrors | None:
    """The same for raw arrays. What they are is told by their SHA-256, whatever they are called and wherever they came from.

    Args:
        inputs: Pictures, uint8; floats are nobody's published test set.
        labels: (n,) class numbers of any integer dtype.
    """
    if not isinstance(inputs, np.ndarray) or not isinstance(labels, np.ndarray) or inputs.dtype != np.uint8:
        return None
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        return None
    for name, known in _KNOWN.items():
        sums = KNOWN[name].sums
        if sums is None or len(labels) != known.n or len(inputs) != known.n or labels.max() > 255 or labels.min() < 0:
            continue
        if _sum(labels.astype(np.uint8)) == sums[3] and _sum(inputs) == sums[2]:
            return known
    return None


def by_row(data: Dataset, rows: Iterable[int]) -> dict[int, KnownError]:
    """Those of some rows, by their row; empty where nothing is known."""
    known = known_errors(data)
    wanted = set(rows)
    return {one.row: one for one in known.errors if one.row in wanted} if known else {}


def _sum(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).reshape(-1).data).hexdigest()
