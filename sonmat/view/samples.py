"""Examples of every class of a data set, side by side."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from sonmat.data.dataset import Dataset
from sonmat.errors import DataError
from sonmat.language import say
from sonmat.view.canvas import finish, sheet, style
from sonmat.view.images import colored, drawable
from sonmat.view.words import fit

_MOST_CLASSES = 20


def samples(data: Dataset, path: str | os.PathLike[str] | None = None, *, each: int = 12) -> Path | Figure:
    """Draw the first images of every class, a class a line.

    Args:
        data: Images: (n, height, width), or with 1, 3 or 4 channels last.
        path: The PNG to write; None gives the figure itself.
        each: Images of a class, at most.

    Raises:
        DataError: The inputs are no images.
        StorageError: The file cannot be written.
    """
    if not drawable(data.inputs):
        raise DataError(
            say(
                f"Inputs of shape {data.inputs.shape[1:]} are no images.",
                f"입력 {data.inputs.shape[1:]}은(는) 이미지가 아닙니다.",
            ),
            say("Leave --out away.", "--out을 빼세요."),
        )
    shown = data.classes[:_MOST_CLASSES]
    chosen = [np.flatnonzero(data.labels == number)[:each] for number in range(len(shown))]
    images = iter(colored(data.inputs, np.concatenate(chosen)))
    left, above, side = 1.5, 0.6, 0.5  # inches
    width, height = left + each * side + 0.2, above + len(shown) * side + 0.2
    with style():
        figure = sheet(width, height)
        title = say(f"{data.name}, {data.part}: {len(data):,} rows", f"{data.name}, {data.part}: {len(data):,}행")
        figure.text(0.5, 1 - above / 2 / height, fit(title, 60), ha="center", va="center", fontsize=12.5)
        for line, (name, rows) in enumerate(zip(shown, chosen, strict=True)):
            bottom = (height - above - (line + 1) * side) / height
            figure.text(
                (left - 0.12) / width, bottom + side / 2 / height, fit(name, 14), ha="right", va="center", fontsize=10
            )
            for column in range(len(rows)):
                place = ((left + column * side) / width, bottom, side * 0.92 / width, side * 0.92 / height)
                axes = figure.add_axes(place)
                axes.imshow(next(images), interpolation="nearest")
                axes.set_axis_off()
        return finish(figure, path)
