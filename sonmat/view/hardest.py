"""Hardest: the images that a model was most wrong about, and one image with what the model makes of it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from rich.cells import cell_len

from sonmat.errors import DataError
from sonmat.language import say
from sonmat.view.canvas import BLUE, FAINT, INK, ORANGE, finish, sheet, style
from sonmat.view.gallery import gallery
from sonmat.view.images import colored
from sonmat.view.words import fit, percent

_BARS = 10  # classes that get a bar of their own
_GREY = "#B4BCC2"


def margins(labels: ArrayLike, probabilities: ArrayLike) -> NDArray[np.float64]:
    """How wrong each answer is: the likeliest wrong class's probability minus the true class's, -1..1.

    Above 0 is a mistake; 1 is certainty in a wrong answer.
    """
    true = np.asarray(labels, np.int64)
    right, _, best = _rivals(true, np.asarray(probabilities, np.float64))
    return best - right


def hardest(
    inputs: ArrayLike,
    labels: ArrayLike,
    probabilities: ArrayLike,
    classes: Sequence[str],
    path: str | os.PathLike[str] | None = None,
    n: int = 25,
    *,
    rows: ArrayLike | None = None,
    remarks: Mapping[int, str] | None = None,
    title: str | None = None,
) -> Path | Figure:
    """Draw the images that a model was most wrong about, worst first by `margins`, ties in the order they came.

    Under each: the true class and the one it was taken for, with the probabilities it gave to both. Where no answer was
    wrong, the images it was least sure of.

    Args:
        inputs: (n, height, width), or with 1, 3 or 4 channels last; see `images.colored` for ranges.
        labels: (n,) true class numbers.
        probabilities: (n, classes), 0..1.
        classes: The names of the classes; long ones are cut.
        path: The PNG to write; None gives the figure itself.
        n: How many images at most.
        rows: (n,) numbers to show with the images, so that they can be found again.
        remarks: What else to say of an image, by its place among the inputs.
        title: The heading.

    Raises:
        DataError: The inputs are no images, the lengths differ, or a probability is no number.
        StorageError: The file cannot be written.
    """
    true, chances = _checked(inputs, labels, probabilities, classes)
    right, rival, best = _rivals(true, chances)
    wrong = best - right
    mistakes = int((wrong > 0).sum())
    order = np.argsort(-wrong, kind="stable")[: min(n, mistakes or len(true))]
    heading = (
        say("The images it was most wrong about", "가장 크게 틀린 이미지")
        if mistakes
        else say("No mistakes: the images it was least sure of", "틀린 것이 없습니다: 가장 자신 없던 이미지")
    )
    remark = say(
        f"{mistakes:,} of {len(true):,} were wrong; below each: true class → the likeliest other, with probabilities",
        f"{len(true):,}개 중 {mistakes:,}개 틀림; 아래는 정답 → 가장 그럴듯한 오답, 괄호는 확률",
    )
    captions = [
        (
            f"{fit(classes[true[i]], 12)} ({percent(right[i])})",
            f"→ {fit(classes[rival[i]], 12)} ({percent(best[i])})",
            " ".join(filter(None, ("" if rows is None else f"#{np.asarray(rows)[i]}", (remarks or {}).get(int(i))))),
        )
        for i in order
    ]
    with style():
        return finish(gallery(colored(inputs, order), captions, title or heading, remark), path)


def picked(
    image: ArrayLike,
    probabilities: ArrayLike,
    classes: Sequence[str],
    path: str | os.PathLike[str] | None = None,
    *,
    label: int | None = None,
    title: str | None = None,
) -> Path | Figure:
    """Draw one image beside the probabilities that a model gives to the classes, the likeliest first where many.

    Args:
        image: (height, width), or with 1, 3 or 4 channels last.
        probabilities: (classes,), 0..1.
        classes: The names of the classes.
        path: The PNG to write; None gives the figure itself.
        label: The true class, where it is known.
        title: The heading.

    Raises:
        DataError: As `hardest`.
        StorageError: The file cannot be written.
    """
    inputs, known = np.asarray(image)[None], 0 if label is None else label
    _, (chances,) = _checked(inputs, [known], np.asarray(probabilities)[None], classes)
    said = int(chances.argmax())
    heading = say(f"Predicted: {fit(classes[said], 30)}", f"예측: {fit(classes[said], 30)}")
    if label is not None:
        heading += say(f"   ·   true: {fit(classes[label], 30)}", f"   ·   정답: {fit(classes[label], 30)}")
    with style():
        figure = sheet(8, 4)
        figure.text(0.5, 0.925, fit(title or heading, 80), ha="center", va="center", fontsize=12.5)
        left = figure.add_axes((0.03, 0.07, 0.38, 0.76))
        left.imshow(colored(inputs)[0], interpolation="nearest")
        left.set_axis_off()
        _bars(figure, chances, classes, said, label)
        return finish(figure, path)


def _checked(
    inputs: ArrayLike, labels: ArrayLike, probabilities: ArrayLike, classes: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    true, chances, k = np.asarray(labels), np.asarray(probabilities, np.float64), len(classes)
    n = len(np.asarray(inputs))
    if n == 0 or true.shape != (n,) or chances.shape != (n, k):
        raise DataError(
            say(
                f"Labels ({n},) and probabilities ({n}, {k}) were expected for {n} inputs (at least one), {k} classes; "
                f"they are {true.shape} and {chances.shape}.",
                f"입력 {n}개(하나 이상), 클래스 {k}개에는 정답 ({n},), 확률 ({n}, {k}) 모양이 필요한데 "
                f"{true.shape}, {chances.shape} 모양입니다.",
            ),
            say("Predict the same rows, one probability a class.", "같은 행을, 클래스마다 확률 하나로 예측하세요."),
        )
    if not np.isfinite(chances).all() or true.min() < 0 or true.max() >= k:
        raise DataError(
            say(
                f"Finite probabilities and labels in 0..{k - 1} were expected; some are not.",
                f"확률은 유한한 수, 정답은 0..{k - 1} 범위여야 하는데 아닌 것이 있습니다.",
            ),
            say("Check the model's weights for NaN.", "모델의 가중치에 NaN이 없는지 확인하세요."),
        )
    return true.astype(np.int64), chances


def _rivals(
    true: NDArray[np.int64], chances: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """The true class's probability, the likeliest other class, and that one's probability."""
    rows = np.arange(len(true))
    others = chances.copy()
    others[rows, true] = -np.inf if chances.shape[1] > 1 else 0.0  # a lone class has no rival
    rival = others.argmax(axis=1)
    return chances[rows, true], rival, others[rows, rival]


def _bars(figure: Figure, chances: NDArray[np.float64], classes: Sequence[str], said: int, label: int | None) -> None:
    k = len(classes)
    shown = list(range(k)) if k <= _BARS else [int(i) for i in np.argsort(-chances, kind="stable")[:_BARS]]
    if label is not None and label not in shown:
        shown[-1] = label
    colors = [
        ORANGE if i == said and label not in (None, said) else BLUE if i in (said, label) else _GREY for i in shown
    ]
    names = [fit(classes[i], 20) for i in shown]
    start = 0.46 + 0.0092 * max(map(cell_len, names))  # right of the longest name
    axes = figure.add_axes((start, 0.07, 0.9 - start, 0.76))
    axes.barh(range(len(shown)), [chances[i] for i in shown], color=colors, height=0.72)
    axes.set_yticks(range(len(shown)), names)
    axes.set_ylim(max(len(shown), 2) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[["right", "bottom"]].set_visible(False)
    for at, i in enumerate(shown):
        axes.text(chances[i] + 0.02, at, percent(chances[i]), va="center", fontsize=9, color=INK)
    if k > _BARS:
        rest = percent(max(0.0, 1 - float(sum(chances[i] for i in shown))))
        axes.set_xlabel(
            say(f"the other {k - len(shown)} classes: {rest}", f"나머지 {k - len(shown)}개 클래스: {rest}"),
            color=FAINT,
            fontsize=9,
        )
