"""One place of a sliding window as a picture: the numbers under it, what is made of them, and where the result lands."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from sonmat.engine.sliding import Convolved, Place, Pooled
from sonmat.language import say
from sonmat.view.canvas import INK, finish, sheet, style
from sonmat.view.numbers import bare, frame, grid, image, number
from sonmat.view.words import fit

_OTHERS = 4  # input channels beside the strongest one whose sums are written out


def convolution_picture(
    found: Convolved,
    name: str,
    seen: np.ndarray,
    made: np.ndarray,
    path: str | os.PathLike[str] | None = None,
) -> Path | Figure:
    """Draw a convolution at one place.

    Args:
        found: The place, taken apart.
        name: The layer's.
        seen: (rows, columns, channels), what the layer saw.
        made: (rows, columns, filters), what it made.
        path: The PNG to write; None gives the figure itself.
    """
    place = found.place
    strongest = int(np.abs(found.sums).argmax())
    channel = int(found.channels[strongest])
    several = len(found.channels) > 1
    of = say(f", input channel {channel}", f", 입력 채널 {channel}") if several else ""
    with style():
        figure = sheet(12.4, 5.3)
        _heading(
            figure,
            say(f"{name}: filter {place.channel} at one place", f"{name}: {place.channel}번 필터의 한 위치"),
        )
        left, a, b, c, right = _columns(figure)
        image(left, seen[..., channel], title=say(f"its input{of}", f"입력{of}"), diverging=bool((seen < 0).any()))
        _frame_window(left, place)
        patch = np.where(place.inside, found.patch[..., strongest], np.nan)
        grid(a, patch, title=say("window", "윈도우"))
        grid(b, found.kernel[..., strongest], title=say("kernel (filter)", "커널(필터)"))
        products = found.products[..., strongest]
        grid(c, np.where(place.inside, products, np.nan), title=say("products", "곱"))
        image(
            right,
            made[..., place.channel],
            title=say(f"feature map {place.channel}", f"특징맵 {place.channel}"),
            diverging=bool((made < 0).any()),
        )
        frame(right, *place.at, 1, 1)
        _between(figure, ("", "×", "=", "→"))
        _sentences(figure, [_channels(found, strongest), _sum(found), _lands(place, found.value)])
        return finish(figure, path)


def pooling_picture(
    found: Pooled,
    name: str,
    seen: np.ndarray,
    made: np.ndarray | None,
    path: str | os.PathLike[str] | None = None,
) -> Path | Figure:
    """Draw a pooling at one place.

    Args:
        found: The place, taken apart.
        name: The layer's.
        seen: (rows, columns, channels), what the layer saw.
        made: (rows, columns, channels), what it made; None where the layer pools in the other way, so that there is no map.
        path: The PNG to write; None gives the figure itself.
    """
    place, largest = found.place, found.kind == "max"
    kind = say("max pooling", "최대 풀링") if largest else say("average pooling", "평균 풀링")
    compared = say(" (for comparison: the layer pools the other way)", " (비교용: 이 층은 다른 방식으로 풀링합니다)")
    with style():
        figure = sheet(11, 5.0)
        title = f"{name}: {kind}, " + say(f"channel {place.channel}", f"채널 {place.channel}")
        _heading(figure, title + (compared if made is None else ""))
        left = figure.add_axes((0.03, 0.24, 0.29, 0.56))
        middle = figure.add_axes((0.375, 0.28, 0.25, 0.48))
        image(left, seen[..., place.channel], title=say("its input", "입력"), diverging=bool((seen < 0).any()))
        _frame_window(left, place)
        marked = np.unravel_index(np.nanargmax(found.patch), found.patch.shape) if largest else None
        grid(
            middle,
            found.patch,
            title=say("window", "윈도우"),
            marked=None if marked is None else (int(marked[0]), int(marked[1])),
        )
        right = figure.add_axes((0.68, 0.24, 0.29, 0.56))
        if made is not None:
            shown = made[..., place.channel]
            image(right, shown, title=say("its output", "출력"), diverging=bool((made < 0).any()))
            frame(right, *place.at, 1, 1)
        else:
            grid(right, np.array([[found.value]]), title=kind, size=15, scale=found.patch)
        figure.text(0.652, 0.52, "→", ha="center", va="center", fontsize=17)
        known = found.patch[~np.isnan(found.patch)]
        values = ", ".join(number(value) for value in known[:9]) + (", …" if len(known) > 9 else "")
        if largest:
            made_of = f"max({values}) = {number(found.value)}"
        else:
            made_of = (
                say(f"mean of {len(known)} values", f"값 {len(known)}개의 평균")
                + f" ({values}) = {number(found.value)}"
            )
        _sentences(figure, [made_of, _lands(place, found.value) if made is not None else ""])
        return finish(figure, path)


def _columns(figure: Figure) -> list[Any]:
    wide, small = 0.215, 0.135
    places = [(0.02, 0.30, wide, 0.52)]
    places += [(0.262 + i * 0.168, 0.36, small, 0.40) for i in range(3)]
    places += [(0.768, 0.30, wide, 0.52)]
    return [figure.add_axes(place) for place in places]


def _between(figure: Figure, signs: Sequence[str]) -> None:
    for place, sign in zip((0.247, 0.4135, 0.5815, 0.752), signs, strict=True):
        figure.text(place, 0.56, sign, ha="center", va="center", fontsize=17, color=INK)


def _frame_window(axes: Any, place: Place) -> None:
    top, left = place.rows[0], place.columns[0]
    frame(axes, top, left, place.rows[-1] - top + 1, place.columns[-1] - left + 1)


def _heading(figure: Figure, text: str) -> None:
    figure.text(0.5, 0.935, fit(text, 110), ha="center", va="center", fontsize=12.5)


def _sentences(figure: Figure, lines: Sequence[str]) -> None:
    shown = [line for line in lines if line]
    for index, line in enumerate(shown):
        figure.text(0.5, 0.165 - 0.062 * index, fit(line, 150), ha="center", va="center", fontsize=10.5)


def _channels(found: Convolved, strongest: int) -> str:
    """The sums of the input channels, the strongest first; empty for one channel."""
    if len(found.channels) == 1:
        return ""
    order = np.argsort(-np.abs(found.sums), kind="stable")
    first = order[: _OTHERS + 1]
    told = ", ".join(
        say(
            f"channel {found.channels[i]}: {number(found.sums[i])}",
            f"채널 {found.channels[i]}: {number(found.sums[i])}",
        )
        for i in first
    )
    rest = order[_OTHERS + 1 :]
    if len(rest):
        left = number(float(found.sums[rest].sum()))
        told += say(f", the other {len(rest)}: {left}", f", 나머지 {len(rest)}개: {left}")
    return say("sums of products: ", "곱의 합: ") + told


def _sum(found: Convolved) -> str:
    before = found.total + found.bias
    made = say(
        f"sum of all products {number(found.total)}  +  bias {number(found.bias)}  =  {number(before)}",
        f"모든 곱의 합 {number(found.total)}  +  편향 {number(found.bias)}  =  {number(before)}",
    )
    if found.activation in ("linear", ""):
        return made
    return f"{made},   {found.activation}({number(before)}) = {number(found.value)}"


def _lands(place: Place, value: float) -> str:
    row, column = place.at
    rows, columns = place.output
    return say(
        f"{number(value)} lands at row {row}, column {column} of the {rows} × {columns} output (counted from 0)",
        f"{number(value)}은(는) {rows} × {columns} 출력의 {row}행 {column}열에 놓입니다(0부터 셈)",
    )


def empty_picture(text: str, path: str | os.PathLike[str]) -> Path | Figure:
    """A sheet that says why there is no picture."""
    with style():
        figure = sheet(8, 2)
        bare(figure.add_axes((0, 0, 1, 1)), "")
        figure.text(0.5, 0.5, fit(text, 100), ha="center", va="center", fontsize=11)
        return finish(figure, path)
