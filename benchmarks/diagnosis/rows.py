"""Rows of real data, few enough to train on in a second, and what can be spoilt about them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from sonmat.data.progress import silent
from sonmat.data.sources import load


@dataclass(frozen=True)
class Rows:
    """Training and validation rows: inputs (n, 28, 28) float32, 0..1, and labels (n,)."""

    x: np.ndarray
    y: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray
    classes: tuple[str, ...]


Spoiler = Callable[[Rows, np.random.Generator], Rows]


@functools.cache
def _whole(name: str) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    train, _ = load(name, progress=silent)
    return train.inputs, train.labels, train.classes


def drawn(name: str, train: int, validation: int, seed: int, *, later: bool) -> Rows:
    """Some of the first or the later half of a published set's training rows, no row twice.

    Raises:
        SourceError: The set cannot be fetched here.
    """
    inputs, labels, classes = _whole(name)
    half = len(labels) // 2
    chosen = half * later + np.random.default_rng([seed, 7]).permutation(half)[: train + validation]
    x, y = inputs[chosen].astype(np.float32) / np.float32(255), labels[chosen].astype(np.int64)
    return Rows(x[:train], y[:train], x[train:], y[train:], classes)


def leak(part: float) -> Spoiler:
    """Validation rows take the place of a part of the training rows."""

    def spoil(rows: Rows, random: np.random.Generator) -> Rows:
        count = min(int(part * len(rows.x_val)), len(rows.x))
        some, places = random.permutation(len(rows.x_val))[:count], random.permutation(len(rows.x))[:count]
        x, y = rows.x.copy(), rows.y.copy()
        x[places], y[places] = rows.x_val[some], rows.y_val[some]
        return replace(rows, x=x, y=y)

    return spoil


def near_leak(part: float, noise: float) -> Spoiler:
    """The same with noise of this standard deviation on the copies."""

    def spoil(rows: Rows, random: np.random.Generator) -> Rows:
        count = min(int(part * len(rows.x_val)), len(rows.x))
        some, places = random.permutation(len(rows.x_val))[:count], random.permutation(len(rows.x))[:count]
        x, y = rows.x.copy(), rows.y.copy()
        copies = rows.x_val[some] + random.normal(0, noise, rows.x_val[some].shape).astype(np.float32)
        x[places], y[places] = copies.clip(0, 1), rows.y_val[some]
        return replace(rows, x=x, y=y)

    return spoil


def sort(rows: Rows, random: np.random.Generator) -> Rows:
    """Training rows in the order of their labels."""
    order = np.argsort(rows.y, kind="stable")
    return replace(rows, x=rows.x[order], y=rows.y[order])


def relabel(part: float, *, validation: bool = True) -> Spoiler:
    """A part of the labels becomes another class, any with equal chance."""

    def wrong(labels: np.ndarray, classes: int, random: np.random.Generator) -> np.ndarray:
        hit = random.random(len(labels)) < part
        return np.where(hit, (labels + random.integers(1, classes, len(labels))) % classes, labels)

    def spoil(rows: Rows, random: np.random.Generator) -> Rows:
        k = len(rows.classes)
        y_val = wrong(rows.y_val, k, random) if validation else rows.y_val
        return replace(rows, y=wrong(rows.y, k, random), y_val=y_val)

    return spoil


def shuffle_labels(rows: Rows, random: np.random.Generator) -> Rows:
    """Labels that have nothing to do with their inputs."""
    return replace(rows, y=random.permutation(rows.y), y_val=random.permutation(rows.y_val))


def times(factor: float) -> Spoiler:
    """Inputs on another scale."""
    return lambda rows, random: replace(rows, x=rows.x * np.float32(factor), x_val=rows.x_val * np.float32(factor))


def without(number: int, keep: float = 0.0) -> Spoiler:
    """All training rows of a class taken out, or all but a part."""

    def spoil(rows: Rows, random: np.random.Generator) -> Rows:
        kept = (rows.y != number) | (random.random(len(rows.y)) < keep)
        return replace(rows, x=rows.x[kept], y=rows.y[kept])

    return spoil


def blank(part: float, value: float = 0.0) -> Spoiler:
    """A part of the images overwritten with one number."""

    def spoil(rows: Rows, random: np.random.Generator) -> Rows:
        x, x_val = rows.x.copy(), rows.x_val.copy()
        for one in (x, x_val):
            one[random.random(len(one)) < part] = value
        return replace(rows, x=x, x_val=x_val)

    return spoil


def mix(first: int, second: int) -> Spoiler:
    """Rows of two classes get the label of either by chance."""

    def mixed(labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
        either = np.where(random.random(len(labels)) < 0.5, first, second)
        return np.where((labels == first) | (labels == second), either, labels)

    return lambda rows, random: replace(rows, y=mixed(rows.y, random), y_val=mixed(rows.y_val, random))
