"""The filters of a network, and the feature maps that its layers make of an image."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from sonmat.language import say
from sonmat.view.canvas import finish, sheet, style
from sonmat.view.numbers import DIVERGING, GREY, around_zero, bare, number
from sonmat.view.words import fit

_FILTERS = 32  # of a layer that are drawn
_MAPS = 16
_ACROSS = 8


@dataclass(frozen=True, eq=False)
class Bank:
    """The filters of one layer.

    Attributes:
        name: The layer's.
        kernels: (filters, rows, columns): what each filter does with one input channel.
        channels: The input channel of each that is shown, the one with the largest weights.
        of: How many input channels there are.
    """

    name: str
    kernels: np.ndarray
    channels: np.ndarray
    of: int


@dataclass(frozen=True, eq=False)
class Maps:
    """What one layer made.

    Attributes:
        name, kind: The layer's name and class.
        values: (rows, columns, channels), or (units,) where it is no map.
    """

    name: str
    kind: str
    values: np.ndarray


def filters_picture(banks: Sequence[Bank], path: str | os.PathLike[str] | None = None) -> Path | Figure:
    """Draw the filters of each layer: red where a pixel counts for it, blue where it counts against it, white for neither."""
    with style():
        figure, blocks = _blocks([min(len(bank.kernels), _FILTERS) for bank in banks], 1.0)
        for bank, (places, heading) in zip(banks, blocks, strict=True):
            count, (rows, columns) = len(bank.kernels), bank.kernels.shape[1:]
            of = say(
                f"{bank.name}: {count} filters of {rows} × {columns}", f"{bank.name}: {rows} × {columns} 필터 {count}개"
            )
            if bank.of > 1:
                of += say(
                    f", each at its strongest of {bank.of} input channels (its number below)",
                    f", 입력 채널 {bank.of}개 중 가장 강한 채널만(아래는 그 번호)",
                )
            figure.text(*heading, fit(of + _more(count, _FILTERS), 120), ha="left", va="center", fontsize=11)
            norm = around_zero(bank.kernels)
            for index, place in enumerate(places):
                axes = figure.add_axes(place)
                axes.imshow(bank.kernels[index], cmap=DIVERGING, norm=norm, interpolation="nearest")
                if bank.of == 1 and max(rows, columns) <= 3:
                    _weights(axes, bank.kernels[index], float(np.abs(bank.kernels).max()))
                bare(axes, "")
                if bank.of > 1:
                    axes.text(
                        0.5,
                        -0.04,
                        str(bank.channels[index]),
                        transform=axes.transAxes,
                        ha="center",
                        va="top",
                        fontsize=7,
                    )
        return finish(figure, path)


def maps_picture(layers: Sequence[Maps], path: str | os.PathLike[str] | None = None) -> Path | Figure:
    """Draw what each layer made of one image: maps in grey from 0 up (in two colours where there are negative values), and
    the outputs of layers that make no maps as a row of bars."""
    with style():
        counts = [min(one.values.shape[-1], _MAPS) if one.values.ndim == 3 else 0 for one in layers]
        figure, blocks = _blocks(counts, 1.05)
        for one, (places, heading) in zip(layers, blocks, strict=True):
            size = " × ".join(map(str, one.values.shape))
            total = one.values.shape[-1] if one.values.ndim == 3 else 0
            figure.text(
                *heading,
                fit(f"{one.name} · {one.kind} · {size}", 90) + _more(total, _MAPS),
                ha="left",
                va="center",
                fontsize=11,
            )
            if one.values.ndim != 3:
                _bars(figure, places[0], one.values)
                continue
            negative = bool((one.values < 0).any())
            for index, place in enumerate(places):
                axes, values = figure.add_axes(place), one.values[..., index]
                if negative:
                    axes.imshow(values, cmap=DIVERGING, norm=around_zero(one.values), interpolation="nearest")
                else:
                    axes.imshow(
                        values, cmap=GREY, vmin=0, vmax=max(float(one.values.max()), 1e-12), interpolation="nearest"
                    )
                bare(axes, "")
        return finish(figure, path)


def _blocks(counts: Sequence[int], side: float) -> tuple[Figure, list[tuple[list[Any], tuple[float, float]]]]:
    """A sheet with a block for each count: the places of its tiles, and of its heading. 0 is one wide tile."""
    lines = [max(1, math.ceil(count / _ACROSS)) for count in counts]
    head, gap, margin = 0.42, 0.16, 0.25
    heights = [head + (line * side if count else 0.95) + gap for line, count in zip(lines, counts, strict=True)]
    width, height = 2 * margin + _ACROSS * side, sum(heights) + 2 * margin
    figure = sheet(width, height)
    blocks: list[tuple[list[Any], tuple[float, float]]] = []
    top = height - margin
    for count, block in zip(counts, heights, strict=True):
        heading = (margin / width, (top - head / 2) / height)
        places: list[Any] = []
        for index in range(count):
            row, column = divmod(index, _ACROSS)
            bottom = top - head - (row + 1) * side
            places.append(
                ((margin + column * side) / width, bottom / height, side * 0.84 / width, side * 0.84 / height)
            )
        if not count:
            places = [(margin / width, (top - head - 0.85) / height, 1 - 2 * margin / width, 0.8 / height)]
        blocks.append((places, heading))
        top -= block
    return figure, blocks


def _bars(figure: Figure, place: Any, values: np.ndarray) -> None:
    axes = figure.add_axes(place)
    flat = values.reshape(-1)
    axes.imshow(flat[None], cmap=DIVERGING, norm=around_zero(flat), aspect="auto", interpolation="nearest")
    bare(axes, "")
    if len(flat) <= 24:
        for index, value in enumerate(flat):
            colour = "white" if abs(value) > 0.7 * np.abs(flat).max() else "#222222"
            axes.text(
                index,
                0,
                number(float(value)),
                ha="center",
                va="center",
                fontsize=7.5 if len(flat) > 12 else 9,
                color=colour,
            )


def _weights(axes: Any, kernel: np.ndarray, most: float) -> None:
    for (row, column), value in np.ndenumerate(kernel):
        colour = "white" if abs(value) > 0.7 * most else "#222222"
        axes.text(column, row, f"{value:.2f}".replace("-", "−"), ha="center", va="center", fontsize=5.6, color=colour)


def _more(count: int, shown: int) -> str:
    return say(f"   (the first {shown} of {count})", f"   ({count}개 중 처음 {shown}개)") if count > shown else ""
