"""Runs of pixels, and the width of a pen told by them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from sonmat.data.strokes import runs, stroke_width


def test_runs_are_those_counted_one_by_one():
    mask = np.random.default_rng(0).random((9, 17)) < 0.6
    expected = np.zeros(mask.shape, int)
    for row, line in enumerate(mask):
        start = 0
        for column in range(len(line) + 1):
            if column == len(line) or not line[column]:
                expected[row, start:column] = column - start
                start = column + 1
    np.testing.assert_array_equal(runs(mask), expected)


@pytest.mark.parametrize("width", [1, 2, 3, 6, 15])
@pytest.mark.parametrize("angle", [0, 20, 45, 70, 90, 135])
def test_a_line_is_as_wide_as_it_was_drawn(width: int, angle: int):
    image = Image.new("L", (1200, 1200))
    way = 500 * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    ImageDraw.Draw(image).line([tuple(600 - way), tuple(600 + way)], fill=255, width=4 * width)
    drawn = np.asarray(image.resize((300, 300), Image.Resampling.BOX)) > 127
    assert abs(stroke_width(drawn) - width) <= max(1.3, 0.12 * width)


def test_width_does_not_depend_on_how_the_picture_is_turned():
    mask = np.random.default_rng(1).random((40, 40)) < 0.3
    assert stroke_width(mask) == stroke_width(mask[::-1]) == stroke_width(mask.T)
    assert stroke_width(np.zeros((5, 5), bool)) == 0
