"""What augmentation does to pictures: an example a line, as it is and then varied again and again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from rich.cells import cell_len

from sonmat.data.dataset import Dataset
from sonmat.engine.augmented import augmented
from sonmat.errors import DataError
from sonmat.language import say
from sonmat.models.augmentation import Augmentation
from sonmat.models.catalog import CATALOG
from sonmat.view.canvas import FAINT, finish, sheet, style
from sonmat.view.images import colored, drawable
from sonmat.view.words import fit

_SIDE, _GAP = 0.62, 0.05  # inches: a picture, and what is between two
_LEFT, _ASIDE = 1.35, 0.16  # of the names, and between the original and the rest
_COLUMNS = 92  # of text on a line of the settings


def variations(
    data: Dataset,
    settings: Augmentation,
    path: str | os.PathLike[str] | None = None,
    *,
    seed: int = 0,
    examples: int = 10,
    each: int = 9,
) -> Path | Figure:
    """Draw examples of different classes, each as it is and beside it what training would see in its place.

    Args:
        data: Images: (n, height, width), or with 1, 3 or 4 channels last.
        settings: What may happen to them.
        path: The PNG to write; None gives the figure itself.
        seed: Decides what does.
        examples: Lines, at most.
        each: How often each is varied.

    Raises:
        DataError: The inputs are no images.
        StorageError: The file cannot be written.
    """
    if not drawable(data.inputs):
        raise DataError(
            say(
                f"Only images can be varied; these inputs have the shape {data.inputs.shape[1:]}.",
                f"이미지만 변형할 수 있는데 이 입력의 모양은 {data.inputs.shape[1:]}입니다.",
            ),
            say("Leave --augment away.", "--augment를 빼세요."),
        )
    chosen = _spread(data.labels, examples)
    originals = data.inputs[chosen]
    varied = augmented(np.repeat(originals, each, axis=0), settings, seed)
    rest = originals.shape[1:]
    every = np.concatenate((originals[:, None], varied.reshape(len(chosen), each, *rest)), axis=1)
    drawn = colored(every.reshape(-1, *rest))
    names = [data.classes[number] for number in data.labels[chosen]]
    lines = _wrapped(described(settings))
    with style():
        return finish(_drawn(drawn.reshape(len(chosen), each + 1, *drawn.shape[1:]), names, data.name, lines), path)


def unvaried(asked: Sequence[str]) -> str:
    """That what was asked for varies nothing, and what to try instead.

    Args:
        asked: What `--augment` was given.
    """
    name = ", ".join(asked)
    known = ", ".join(name for name, entry in CATALOG.items() if entry.train.augment)
    return say(
        f"{name} leaves pictures as they are: there is nothing to draw. Recipes with augmentation: {known}. Or try settings: "
        '--augment "shift=2,rotate=10".',
        f"{name}은(는) 그림을 변형하지 않아서 그릴 것이 없습니다. 증강이 있는 레시피: {known}. 또는 설정을 써 보세요: "
        '--augment "shift=2,rotate=10".',
    )


def described(settings: Augmentation) -> list[str]:
    """Each thing that may happen, with its unit."""
    told = [
        (settings.shift, f"shift ±{settings.shift:g} px", f"이동 ±{settings.shift:g}픽셀"),
        (settings.rotate, f"rotation ±{settings.rotate:g}°", f"회전 ±{settings.rotate:g}°"),
        (settings.scale, f"scale ±{100 * settings.scale:g} %", f"크기 ±{100 * settings.scale:g} %"),
        (settings.stretch, f"width ±{100 * settings.stretch:g} %", f"너비 ±{100 * settings.stretch:g} %"),
        (settings.shear, f"shear ±{settings.shear:g}°", f"기울임 ±{settings.shear:g}°"),
        (
            settings.elastic,
            f"elastic {settings.elastic:g} px (bends {settings.smoothness:g} px wide)",
            f"탄성 변형 {settings.elastic:g}픽셀 (굽이 폭 {settings.smoothness:g}픽셀)",
        ),
        (settings.cutout, f"cutout {settings.cutout} × {settings.cutout} px",
         f"가림 {settings.cutout} × {settings.cutout}픽셀"),
        (settings.thickness, f"strokes ±{settings.thickness:g} px", f"획 굵기 ±{settings.thickness:g}픽셀"),
        (settings.blur, f"blur up to {settings.blur:g} px", f"흐림 {settings.blur:g}픽셀까지"),
        (settings.contrast, f"up to {100 * settings.contrast:g} % paler", f"대비 {100 * settings.contrast:g} %까지 감소"),
        (settings.noise, f"noise up to {100 * settings.noise:g} %", f"노이즈 {100 * settings.noise:g} %까지"),
        (settings.flip, "flip left to right", "좌우 뒤집기"),
    ]  # fmt: skip
    found = [say(english, korean) for wanted, english, korean in told if wanted]
    if (settings.shift or settings.warps) and settings.fill == "edge":
        found.append(say("outside: the nearest pixel", "바깥: 가장자리 픽셀"))
    return found or [say("nothing: pictures stay as they are", "없음: 이미지를 그대로 둡니다")]


def _spread(labels: np.ndarray, count: int) -> np.ndarray:
    """Rows of as many classes as there can be: the first of each, then the second, …, in the order of the classes."""
    rounds = [np.flatnonzero(labels == number)[:count] for number in np.unique(labels)]
    taken = [rows[i] for i in range(count) for rows in rounds if i < len(rows)][:count]
    return np.asarray(sorted(taken, key=lambda row: labels[row]))


def _wrapped(parts: Sequence[str]) -> list[str]:
    lines = [""]
    for part in parts:
        longer = f"{lines[-1]}, {part}" if lines[-1] else part
        if cell_len(longer) <= _COLUMNS or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(part)
    return lines


def _drawn(images: np.ndarray, names: Sequence[str], name: str, settings: Sequence[str]) -> Figure:
    """All pictures in one array, drawn once: an axes for each would take ten times as long."""
    count, columns, high, wide = images.shape[:4]
    pixel = _SIDE / max(high, wide)  # inches
    gap, aside = max(1, round(_GAP / pixel)), max(1, round(_ASIDE / pixel))
    mosaic = np.full((count * (high + gap) - gap, columns * (wide + gap) - gap + aside, 3), 255, np.uint8)
    for line in range(count):
        for column in range(columns):
            top, left = line * (high + gap), column * (wide + gap) + (aside if column else 0)
            mosaic[top : top + high, left : left + wide] = images[line, column]
    across, down = mosaic.shape[1] * pixel, mosaic.shape[0] * pixel
    above = 0.86 + 0.2 * len(settings)
    width, height = max(_LEFT + across + 0.2, 7.6), above + down + 0.15
    figure = sheet(width, height)
    axes = figure.add_axes((_LEFT / width, 0.15 / height, across / width, down / height))
    axes.imshow(mosaic, interpolation="nearest", aspect="auto")
    axes.set_axis_off()

    def told(x: float, y: float, text: str, size: float, **how: Any) -> None:
        figure.text(x / width, 1 - y / height, text, va="center", fontsize=size, **how)

    told(width / 2, 0.28, fit(say(f"{name}, varied for training", f"{name}: 학습용 변형"), 60), 12.5, ha="center")
    for number, setting in enumerate(settings):
        told(width / 2, 0.55 + 0.2 * number, setting, 9.5, ha="center", color=FAINT)
    first, others = _LEFT + wide * pixel / 2, _LEFT + (wide + gap + aside) * pixel
    told(first, above - 0.14, say("original", "원본"), 8.5, ha="center", color=FAINT)
    told(others, above - 0.14, say("what training may see instead", "학습 때 대신 볼 수 있는 것"), 8.5, color=FAINT)
    for line, one in enumerate(names):
        told(_LEFT - 0.12, above + (line * (high + gap) + high / 2) * pixel, fit(one, 13), 10, ha="right")
    return figure
