"""The picture of what a model stands: its ticks are the strengths, and nothing lies on anything else."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from sonmat.data.corruptions import CORRUPTIONS
from sonmat.view.corruptions import corruptions_picture

NAMES = ("scale", "contrast", "occlusion", "jpeg")  # those with the longest titles and other beginnings


def picture() -> Figure:
    random = np.random.default_rng(0)
    found = {name: tuple(np.sort(random.uniform(0.1, 0.99, 5))[::-1]) for name in NAMES}
    example = np.zeros((28, 28), np.uint8)
    example[4:24, 12:16] = 255
    made = corruptions_picture(0.99, found, example)
    assert isinstance(made, Figure)
    return made


def test_every_panel_begins_with_what_is_not_spoilt() -> None:
    panels = [axes for axes in picture().axes if not axes.images]
    ticks = [[label.get_text() for label in axes.get_xticklabels()] for axes in panels]
    for found, name in zip(ticks, NAMES, strict=True):
        one = CORRUPTIONS[name]
        assert found == [one.untouched, *(f"{strength:g}" for strength in one.strengths)]
    assert [found[0] for found in ticks] == ["1", "0", "0", "–"]


@pytest.mark.parametrize("language", ["en", "ko"])
def test_titles_and_values_lie_on_nothing_else(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONMAT_LANG", language)
    figure = picture()
    figure.canvas.draw()
    drawn = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    tiles = [axes.get_window_extent(drawn) for axes in figure.axes if axes.images]
    titles = [text.get_window_extent(drawn) for text in figure.texts]
    assert not [title for title in titles if any(title.overlaps(tile) for tile in tiles)]
    panels = [axes for axes in figure.axes if not axes.images]
    values = [axes.texts[0].get_window_extent(drawn) for axes in panels]
    ticks = [label.get_window_extent(drawn) for axes in panels for label in axes.get_yticklabels()]
    assert not [value for value in values if any(value.overlaps(tick) for tick in ticks)]
