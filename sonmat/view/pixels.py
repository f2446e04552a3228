"""Which pixels mattered, and the same image through two networks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from sonmat.engine.attribution import Occlusion
from sonmat.language import say
from sonmat.view.canvas import BLUE, FAINT, ORANGE, finish, sheet, style
from sonmat.view.images import colored
from sonmat.view.numbers import DIVERGING, around_zero, bare
from sonmat.view.words import fit, percent

_BARS = 10


@dataclass(frozen=True, eq=False)
class Seen:
    """An image as one network sees it.

    Attributes:
        name: The network's.
        image: The raw input.
        probabilities: Of the classes.
        classes: Their names.
        occlusion: Of the predicted class.
        gradient: (rows, columns).
    """

    name: str
    image: np.ndarray
    probabilities: np.ndarray
    classes: tuple[str, ...]
    occlusion: Occlusion
    gradient: np.ndarray

    @property
    def said(self) -> int:
        """The predicted class's number."""
        return int(self.probabilities.argmax())


def pixels_picture(seen: Seen, path: str | os.PathLike[str] | None = None) -> Path | Figure:
    """Draw an image, the probabilities, and which pixels mattered for the predicted class."""
    with style():
        figure = sheet(12.4, 4.1)
        _row(figure, seen, 0.0, 1.0, label=None)
        return finish(figure, path)


def side_by_side_picture(pair: Sequence[Seen], path: str | os.PathLike[str] | None = None) -> Path | Figure:
    """Draw the same image through two networks, one below the other."""
    with style():
        figure = sheet(12.4, 8.4)
        for number, seen in enumerate(pair):
            _row(figure, seen, 0.5 * (1 - number), 0.5, label=seen.name)
        return finish(figure, path)


def _row(figure: Figure, seen: Seen, bottom: float, height: float, *, label: str | None) -> None:
    def axes(left: float, width: float) -> Any:
        return figure.add_axes((left, bottom + 0.13 * height, width, 0.62 * height))

    name, chance = seen.classes[seen.said], percent(float(seen.probabilities[seen.said]))
    heading = say(f"predicted: {fit(name, 30)} ({chance})", f"예측: {fit(name, 30)} ({chance})")
    figure.text(
        0.5,
        bottom + 0.93 * height,
        f"{fit(label, 50)}   ·   {heading}" if label else heading,
        ha="center",
        va="center",
        fontsize=12.5,
    )
    first = axes(0.02, 0.19)
    first.imshow(colored(seen.image[None])[0], interpolation="nearest")
    bare(first, say("image", "이미지"))
    _chances(axes(0.29, 0.16), seen)
    _occlusion(figure, axes(0.50, 0.19), seen)
    last = axes(0.76, 0.19)
    last.imshow(seen.gradient, cmap="magma", interpolation="nearest")
    bare(last, say(f"gradient of log p({fit(name, 12)}), size", f"log p({fit(name, 12)})의 기울기 크기"))
    note = say(
        f"covered: a patch of {seen.occlusion.size} × {seen.occlusion.size} pixels, moved by {seen.occlusion.stride}",
        f"가린 크기: {seen.occlusion.size} × {seen.occlusion.size} 픽셀, {seen.occlusion.stride}픽셀씩 이동",
    )
    figure.text(0.595, bottom + 0.055 * height, note, ha="center", va="center", fontsize=8.5, color=FAINT)


def _chances(axes: Any, seen: Seen) -> None:
    order = np.arange(len(seen.classes))
    if len(order) > _BARS:
        order = np.sort(np.argsort(-seen.probabilities, kind="stable")[:_BARS])
    colours = [ORANGE if number == seen.said else BLUE for number in order]
    axes.barh(range(len(order)), seen.probabilities[order], color=colours, height=0.7)
    axes.set_yticks(range(len(order)), [fit(seen.classes[number], 10) for number in order])
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.tick_params(labelsize=8.5)
    axes.set_title(say("probabilities", "확률"), fontsize=9.5, pad=6)


def _occlusion(figure: Figure, axes: Any, seen: Seen) -> None:
    drop = seen.occlusion.drop
    grey = colored(seen.image[None])[0].mean(-1)
    axes.imshow(grey, cmap="gray", alpha=0.35, interpolation="nearest")
    drawn = axes.imshow(drop, cmap=DIVERGING, norm=around_zero(drop), alpha=0.8, interpolation="bilinear")
    bare(axes, say("covering this pixel lowers p by", "이 픽셀을 가리면 낮아지는 확률"))
    box = axes.get_position()
    bar = figure.add_axes((box.x1 + 0.004, box.y0 + 0.12 * box.height, 0.008, 0.76 * box.height))
    figure.colorbar(drawn, cax=bar)
    bar.tick_params(labelsize=7.5)
