from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image

from sonmat.errors import DataError
from sonmat.view.hardest import hardest, margins, picked
from sonmat.view.images import colored, drawable

pytestmark = [
    pytest.mark.filterwarnings("error"),
    # what other tests left behind may be collected during one of these
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

DIGITS = tuple("0123456789")
CLOTHES = (
    "티셔츠/윗옷",
    "바지",
    "스웨터",
    "드레스",
    "코트",
    "샌들",
    "셔츠",
    "운동화",
    "가방",
    "아주 아주 긴 이름의 앵클부츠",
)


def answers(n: int, classes: int = 10, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.integers(0, classes, n), random.dirichlet(np.full(classes, 0.3), n)


def grey(n: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (n, 28, 28), dtype=np.uint8)


def as_figure(drawn: Path | Figure) -> Figure:
    assert isinstance(drawn, Figure)
    return drawn


def captions(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.integers(1, 6), st.integers(0, 1000))
def test_margins_are_what_they_say(n: int, classes: int, seed: int) -> None:
    labels, chances = answers(n, classes, seed)
    for margin, label, row in zip(margins(labels, chances), labels, chances, strict=True):
        others = [value for i, value in enumerate(row) if i != label]
        assert margin == pytest.approx(max(others, default=0.0) - row[label])
        if margin > 0:
            assert row.argmax() != label


def test_worst_first_and_ties_as_they_came() -> None:
    labels = np.array([0, 1, 2, 0, 1])
    chances = np.array([[0.2, 0.7, 0.1], [0.0, 1.0, 0.0], [0.9, 0.1, 0.0], [0.2, 0.1, 0.7], [0.3, 0.2, 0.5]])
    figure = as_figure(hardest(grey(5), labels, chances, ("가", "나", "다"), rows=[10, 11, 12, 13, 14]))
    assert captions(figure) == [
        *("다 (0 %)", "→ 가 (90.0 %)", "#12"),
        *("가 (20.0 %)", "→ 나 (70.0 %)", "#10"),
        *("가 (20.0 %)", "→ 다 (70.0 %)", "#13"),
        *("나 (20.0 %)", "→ 다 (50.0 %)", "#14"),
    ]
    assert any("4 of 5" in text.get_text() for text in figure.texts)


def test_draws_the_pixels_of_the_right_images() -> None:
    images, (labels, chances) = grey(40), answers(40)
    mosaic = np.asarray(as_figure(hardest(images, labels, chances, DIGITS, n=4)).axes[0].images[0].get_array())
    worst = np.argsort(-margins(labels, chances), kind="stable")[:4]
    found = [
        np.any(np.all(np.lib.stride_tricks.sliding_window_view(mosaic[..., 0], (28, 28)) == images[i], axis=(-1, -2)))
        for i in worst
    ]
    assert all(found)


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize(
    ("n", "shape"),
    [(1, (28, 28)), (2, (20, 60, 3)), (7, (64, 32, 4)), (25, (28, 28, 1)), (25, (300, 300)), (64, (28, 28))],
)
def test_every_caption_is_legible(
    n: int, shape: tuple[int, ...], language: str, legible: Callable[[Figure], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONMAT_LANG", language)
    labels, chances = answers(160)
    inputs = np.random.default_rng(2).random((160, *shape), np.float32)
    figure = as_figure(hardest(inputs, labels, chances, CLOTHES, n=n, rows=np.arange(160) + 12345))
    assert len(captions(figure)) == 3 * n
    legible(figure)


def test_where_nothing_is_wrong(legible: Callable[[Figure], None]) -> None:
    labels = np.arange(4)
    figure = as_figure(hardest(grey(4), labels, 0.1 + 0.6 * np.eye(4), ("a", "b", "c", "d")))
    assert "No mistakes" in figure.texts[0].get_text()
    assert len(captions(figure)) == 8
    legible(figure)


def test_a_png_of_the_expected_size(tmp_path: Path) -> None:
    labels, chances = answers(60)
    path = hardest(grey(60), labels, chances, DIGITS, tmp_path / "hardest.png")
    assert path == tmp_path / "hardest.png"
    figure = as_figure(hardest(grey(60), labels, chances, DIGITS))
    with Image.open(path) as image:
        assert image.size == tuple(round(side * 200) for side in figure.get_size_inches())


@pytest.mark.parametrize("inputs", [np.zeros((5, 784)), np.zeros(5), np.zeros((5, 8, 8, 2)), np.zeros((5, 0, 8))])
def test_what_is_no_image_gets_a_clear_reply(inputs: np.ndarray) -> None:
    assert not drawable(inputs)
    labels, chances = answers(5)
    with pytest.raises(DataError, match="Images were expected") as caught:
        hardest(inputs, labels, chances, DIGITS)
    assert "reshape" in caught.value.fix


@pytest.mark.parametrize("broken", ["labels", "probabilities", "classes", "nan", "range", "empty"])
def test_refuses_what_does_not_fit(broken: str) -> None:
    labels, chances = answers(5)
    inputs, classes = grey(5), DIGITS
    if broken == "labels":
        labels = labels[:4]
    elif broken == "probabilities":
        chances = chances[:4]
    elif broken == "classes":
        classes = DIGITS[:9]
    elif broken == "nan":
        chances[2, 3] = np.nan
    elif broken == "range":
        labels[0] = 10
    else:
        inputs, labels, chances = inputs[:0], labels[:0], chances[:0]
    with pytest.raises(DataError) as caught:
        hardest(inputs, labels, chances, classes)
    assert caught.value.fix


def test_ranges_of_pixels() -> None:
    ramp = np.array([[[0, 51], [102, 255]]])
    for inputs in (ramp.astype(np.uint8), ramp.astype(np.int32), ramp.astype(np.float64), ramp / 255):
        assert colored(inputs)[0, :, :, 0].tolist() == ramp[0].tolist()
    assert colored(np.array([[[-1.0, 1.0], [0.0, np.nan]]]))[0, :, :, 0].tolist() == [[0, 255], [128, 0]]
    assert colored(np.array([[[False, True]]]))[0, 0, :, 0].tolist() == [0, 255]
    clear = np.array([[[[10, 20, 30, 0], [10, 20, 30, 255]]]], np.uint8)
    assert colored(clear)[0, 0].tolist() == [[255, 255, 255], [10, 20, 30]]
    assert colored(np.zeros((2, 1000, 400), np.uint8)).shape == (2, 250, 100, 3)
    assert colored(ramp.astype(np.uint8).repeat(3, 0), [2]).shape == (1, 2, 2, 3)


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("label", [None, 3, 9])
@pytest.mark.parametrize("classes", [2, 10, 60])
def test_one_picked_image(
    classes: int, label: int | None, language: str, legible: Callable[[Figure], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONMAT_LANG", language)
    names = (CLOTHES * 6)[:classes]
    chances = np.random.default_rng(0).dirichlet(np.full(classes, 0.3))
    label = None if label is None else min(label, classes - 1)
    figure = as_figure(picked(grey(1)[0], chances, names, label=label))
    legible(figure)
    bars = figure.axes[1].patches
    order = np.arange(classes) if classes <= 10 else np.argsort(-chances, kind="stable")[:10]
    expected = [chances[i] for i in order]
    if label is not None and label not in order:
        expected[-1] = chances[label]
    assert [bar.get_width() for bar in bars] == pytest.approx(expected)
    said = [i for i, bar in enumerate(bars) if bar.get_width() == chances.max()]
    grey_bars = {
        bar.get_facecolor() for i, bar in enumerate(bars) if expected[i] not in (chances.max(), chances[label or 0])
    }
    assert bars[said[0]].get_facecolor() not in grey_bars
    assert len(grey_bars) <= 1


def test_a_certain_answer_fits(legible: Callable[[Figure], None], tmp_path: Path) -> None:
    legible(as_figure(picked(np.zeros((28, 28, 3)), np.eye(10)[9], CLOTHES, label=9)))
    path = picked(np.zeros((28, 28, 3)), np.eye(10)[9], CLOTHES, tmp_path / "picked.png")
    assert isinstance(path, Path)
    with Image.open(path) as image:
        assert image.size == (1600, 800)
