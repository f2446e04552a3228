"""What every picture must satisfy."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text


@pytest.fixture(scope="session")
def legible() -> Callable[[Figure], None]:
    """A check that every text lies inside the figure and that no two overlap."""
    return _legible


def _legible(figure: Figure) -> None:
    figure.draw_without_rendering()
    boxes = [(text, text.get_window_extent()) for text in _texts(figure) if text.get_text().strip()]
    assert boxes
    for text, box in boxes:
        inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= figure.bbox.x1 + 1 and box.y1 <= figure.bbox.y1 + 1
        assert inside, f"{text.get_text()!r} at {box.bounds} leaves {figure.bbox.bounds}"
    level = [(text, box) for text, box in boxes if text.get_rotation() % 90 == 0]  # a slanted text is less than its box
    for i, (text, box) in enumerate(level):
        for other, its in level[i + 1 :]:
            overlap = min(box.x1, its.x1) - max(box.x0, its.x0) > 2 and min(box.y1, its.y1) - max(box.y0, its.y0) > 2
            assert not overlap, f"{text.get_text()!r} and {other.get_text()!r} overlap"


def _texts(figure: Figure) -> Iterator[Text]:
    yield from figure.texts
    for legend in figure.legends:
        yield from legend.get_texts()
    for axes in figure.axes:
        yield from axes.texts
        yield axes.title
        if axes.axison:
            for axis in (axes.xaxis, axes.yaxis):
                if axis.get_visible():
                    yield from _of_axis(axis)


def _of_axis(axis: Axis) -> Iterator[Text]:
    yield axis.label
    yield axis.offsetText
    low, high = sorted(axis.get_view_interval())
    for tick in axis.get_major_ticks():  # some lie outside what is shown, and are not drawn
        if low <= tick.get_loc() <= high:
            yield from (text for text in (tick.label1, tick.label2) if text.get_visible())
