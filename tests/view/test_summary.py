"""The summary in the terminal: nothing is cut or pushed out, at any width and in both languages."""

from __future__ import annotations

import io
import re

import keras
import pytest
from rich.cells import cell_len
from rich.console import Console

from sonmat.view.summary import summary_table

L = keras.layers


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """The textbook's network for images, with the sizes that its formulas give."""
    layers = [L.Conv2D(32, 3), L.MaxPooling2D(2), L.Conv2D(64, 3, padding="same"), L.MaxPooling2D(2, padding="same")]
    return keras.Sequential([keras.Input((28, 28, 1)), *layers, L.Flatten(), L.Dropout(0.5), L.Dense(10)])


def shown(model: keras.Model, width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(summary_table(model, title="textbook"))
    return console.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 100, 160])
@pytest.mark.parametrize("tongue", ["en", "ko"])
def test_every_number_is_there_at_every_width(
    model: keras.Model, width: int, tongue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONMAT_LANG", tongue)
    text = shown(model, width)
    assert max(map(cell_len, text.splitlines())) <= width
    assert "…" not in text
    work = [26 * 26 * 9 * 32, 13 * 13 * 9 * 32 * 64, 7 * 7 * 64 * 10]
    for number in (320, 18_496, 31_370, *work, sum(work), model.count_params()):
        assert re.search(rf"(?<![\d,]){number:,}(?![\d,])", text), number
    assert ("전체" if tongue == "ko" else " all") in text


def test_the_formulas_stand_whole_where_there_is_room(model: keras.Model) -> None:
    text = shown(model, 120)
    for formula in (
        "⌊(28 − 3) / 1⌋ + 1 = 26",
        "⌊(26 − 2) / 2⌋ + 1 = 13",
        "⌈13 / 1⌉ = 13",
        "⌈13 / 2⌉ = 7",
        "7 × 7 × 64 = 3136",
        "(3·3·32 + 1) × 64",
    ):
        assert formula in text
