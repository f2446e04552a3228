"""What data sets there are, and what is in one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sonmat.data.cache import cache_file, kept_source
from sonmat.data.dataset import Dataset
from sonmat.data.known import KNOWN


@dataclass(frozen=True)
class Listed:
    """A data set known by name.

    Attributes:
        name: What `load` knows it by.
        rows: Rows of the training and of the test part.
        classes: Names of the classes.
        cached: Whether a copy is on this machine.
        size: Bytes of that copy; 0 without one.
        path: Where the copy is, or would be.
        sources: Where it is fetched from, in this order.
        source: Where that copy came from; None without one.
    """

    name: str
    rows: tuple[int, int]
    classes: tuple[str, ...]
    cached: bool
    size: int
    path: Path
    sources: tuple[str, ...]
    source: str | None = None


def listing(*, folder: Path | None = None) -> list[Listed]:
    """The data sets known by name; looks at the cache but does not read its arrays."""
    return [_listed(name, cache_file(name, folder)) for name in KNOWN]


def _listed(name: str, path: Path) -> Listed:
    known = KNOWN[name]
    try:
        size = path.stat().st_size
    except OSError:
        size = 0
    addresses = tuple(source.address for source in known.sources)
    source = kept_source(path) if size else None
    return Listed(name, known.rows, known.classes, size > 0, size, path, addresses, source)


@dataclass(frozen=True)
class Description:
    """What is in a data set.

    Attributes:
        name: What it was loaded as.
        part: `"train"`, `"test"`, …
        source: Where it came from.
        rows: How many examples.
        shape: Of one example.
        dtype: Of the raw inputs.
        range: The smallest and the largest raw input; of sentences, the characters of the shortest and the longest.
        scale: What raw inputs are divided by before a model sees them.
        counts: Rows of each class, by the class's name.
        fingerprint: SHA-256 of everything in it.
    """

    name: str
    part: str
    source: str
    rows: int
    shape: tuple[int, ...]
    dtype: str
    range: tuple[float, float]
    scale: float
    counts: dict[str, int]
    fingerprint: str


def describe(data: Dataset) -> Description:
    """Say what is in a data set."""
    counts = np.bincount(data.labels.astype(np.int64), minlength=len(data.classes))
    return Description(
        name=data.name,
        part=data.part,
        source=data.source,
        rows=len(data),
        shape=data.inputs.shape[1:],
        dtype="text" if data.sentences is not None else str(data.inputs.dtype),
        range=_range(data),
        scale=data.scale,
        counts={name: int(count) for name, count in zip(data.classes, counts, strict=True)},
        fingerprint=data.fingerprint,
    )


def _range(data: Dataset) -> tuple[float, float]:
    if data.sentences is not None:
        lengths = [len(one) for one in data.sentences]
        return min(lengths), max(lengths)
    return data.inputs.min().item(), data.inputs.max().item()
