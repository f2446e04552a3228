"""Confusion: what was taken for what."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from rich.cells import cell_len

from sonmat.errors import DataError
from sonmat.language import say
from sonmat.view.canvas import FAINT, INK, ORANGE, finish, sheet, style
from sonmat.view.words import fit, percent

_NAME = 20  # columns of a class name that are shown
_NUMBERED = 30  # up to so many classes each cell says its count
_SHARED = 12  # up to so many it says its share of the row too

_RIGHT = LinearSegmentedColormap.from_list("right", ["#F4F8FB", "#A9CCE3"])
_WRONG = LinearSegmentedColormap.from_list("wrong", ["#FFFFFF", "#FBD9BF", "#F0883A", ORANGE])


def confusion(
    matrix: ArrayLike,
    classes: Sequence[str],
    path: str | os.PathLike[str] | None = None,
    *,
    title: str | None = None,
) -> Path | Figure:
    """Draw a confusion matrix: true classes down, predicted ones across, each cell a count and its share of the row.

    What was right (the diagonal) is pale blue; mistakes have an orange scale of their own, from none to the worst, so
    that few among many still show.

    Args:
        matrix: (classes, classes) counts, rows true, columns predicted.
        classes: Their names; long ones are cut.
        path: The PNG to write; None gives the figure itself.
        title: The heading.

    Raises:
        DataError: The matrix is not square, or does not have a row a class.
        StorageError: The file cannot be written.
    """
    counts = _counts(matrix, classes)
    k = len(classes)
    support = counts.sum(axis=1)
    share = counts / np.maximum(support, 1)[:, None]
    names = [fit(name, _NAME) for name in classes]
    cell, size = (
        (max(0.62, 2.4 / k), 9.5) if k <= _SHARED else (0.36, 7.5) if k <= _NUMBERED else (max(0.13, 8 / k), 6.0)
    )
    with style():
        figure, axes = _frame(k, cell, size, names, support)
        axes.imshow(_colors(share), interpolation="nearest", aspect="equal")
        _ticks(axes, names, support, size)
        _grid(axes, k)
        if k <= _NUMBERED:
            _numbers(axes, counts, share, size)
        _words(figure, axes, counts, names, title)
        return finish(figure, path)


def _counts(matrix: ArrayLike, classes: Sequence[str]) -> NDArray[np.int64]:
    counts = np.asarray(matrix)
    if not classes or counts.shape != (len(classes), len(classes)):
        raise DataError(
            say(
                f"A confusion matrix of shape ({len(classes)}, {len(classes)}) was expected; it is {counts.shape}.",
                f"혼동 행렬은 ({len(classes)}, {len(classes)}) 모양이어야 하는데 {counts.shape} 모양입니다.",
            ),
            say("Take scores.confusion and scores.classes.", "scores.confusion과 scores.classes를 쓰세요."),
        )
    return counts.astype(np.int64)


def _frame(k: int, cell: float, size: float, names: Sequence[str], support: NDArray[np.int64]) -> tuple[Figure, Axes]:
    """A figure whose margins hold the class names at their true width, and its axes."""
    column = size * 0.62 / 72  # inches a column of text takes, DejaVu Sans being wide
    longest = max(map(cell_len, names))
    left = 0.75 + column * (longest + len(f" ({support.max():,})") + 1)
    below = 0.65 + (column * longest * (0.75 if _leaning(names, k) < 90 else 1) if _leaning(names, k) else 0.2)
    above, right = 0.95, 0.35
    width = max(left + cell * k + right, 6.2)
    height = above + cell * k + below + 0.3
    figure = sheet(width, height)
    spare = (width - left - right - cell * k) / 2
    return figure, figure.add_axes(
        ((left + spare) / width, (below + 0.3) / height, cell * k / width, cell * k / height)
    )


def _leaning(names: Sequence[str], k: int) -> int:
    if k > _NUMBERED:
        return 90
    return 45 if max(map(cell_len, names)) > (6 if k <= _SHARED else 3) else 0


def _colors(share: NDArray[np.float64]) -> NDArray[np.float64]:
    wrong = share.copy()
    np.fill_diagonal(wrong, 0)
    worst = wrong.max()
    colors = _WRONG(np.sqrt(wrong / worst) if worst else wrong)  # the root lifts what is rare
    here = np.arange(len(share))
    colors[here, here] = _RIGHT(np.diag(share))
    return np.asarray(colors)


def _ticks(axes: Axes, names: Sequence[str], support: NDArray[np.int64], size: float) -> None:
    k = len(names)
    every = max(1, -(-k // 100))  # above 100 classes names would overlap
    lean = _leaning(names, k)
    at = range(0, k, every)
    axes.set_xticks(
        at,
        [names[i] for i in at],
        rotation=lean,
        ha="right" if lean == 45 else "center",
        rotation_mode="anchor" if lean == 45 else "default",
        fontsize=size,
    )
    axes.set_yticks(at, [f"{names[i]} ({support[i]:,})" for i in at], fontsize=size)
    axes.tick_params(length=0)
    axes.set_xlabel(say("predicted", "예측"), labelpad=8)
    axes.set_ylabel(say("true class, and how many", "정답 클래스와 개수"), labelpad=8)


def _grid(axes: Axes, k: int) -> None:
    edges = np.arange(k + 1) - 0.5
    axes.hlines(edges, -0.5, k - 0.5, color="#E3E3E3", linewidth=0.6 if k <= _NUMBERED else 0.25)
    axes.vlines(edges, -0.5, k - 0.5, color="#E3E3E3", linewidth=0.6 if k <= _NUMBERED else 0.25)
    axes.spines[:].set_visible(False)


def _numbers(axes: Axes, counts: NDArray[np.int64], share: NDArray[np.float64], size: float) -> None:
    k = len(counts)
    worst = (share * (1 - np.eye(k))).max()
    shared = k <= _SHARED
    for i, j in np.argwhere(counts):
        color = "white" if i != j and share[i, j] > 0.45 * worst else INK
        count = f"{counts[i, j]:,}"
        small = size * min(1, (5 if shared else 3.6) / len(count))
        axes.text(j, i - 0.13 * shared, count, ha="center", va="center", color=color, fontsize=small)
        if shared:
            axes.text(j, i + 0.23, percent(share[i, j]), ha="center", va="center", color=color, fontsize=size * 0.68)


def _words(figure: Figure, axes: Axes, counts: NDArray[np.int64], names: Sequence[str], title: str | None) -> None:
    n, right = int(counts.sum()), int(np.trace(counts))
    width = int(figure.get_figwidth() * 13)
    top = 1 - 0.28 / figure.get_figheight(), 1 - 0.6 / figure.get_figheight()
    figure.text(
        0.5,
        top[0],
        fit(title or say("Confusion matrix: what was taken for what", "혼동 행렬: 무엇을 무엇으로 보았나"), width),
        ha="center",
        va="center",
        fontsize=12.5,
    )
    accuracy = f"{100 * right / n:.2f} %" if n else "–"
    figure.text(
        0.5,
        top[1],
        say(
            f"{n:,} examples, {accuracy} right, {n - right:,} mistakes",
            f"예제 {n:,}개, 정답률 {accuracy}, 실수 {n - right:,}개",
        ),
        ha="center",
        va="center",
        color=FAINT,
        fontsize=9.5,
    )
    figure.text(
        0.5,
        0.2 / figure.get_figheight(),
        fit(_commonest(counts, names), width + 12),
        ha="center",
        va="center",
        color=FAINT,
        fontsize=9,
    )


def _commonest(counts: NDArray[np.int64], names: Sequence[str]) -> str:
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:3]
    pairs = [(int(at) // len(counts), int(at) % len(counts)) for at in order if wrong.flat[at]]
    if not pairs:
        return ""
    listed = ", ".join(f"{names[i]} → {names[j]} ({wrong[i, j]:,})" for i, j in pairs)
    return say(f"Most frequent mistakes: {listed}", f"가장 잦은 실수: {listed}")
