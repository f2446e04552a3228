"""The picture of what augmentation does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from sonmat.data.dataset import Dataset
from sonmat.errors import DataError
from sonmat.models.augmentation import Augmentation
from sonmat.view.augmentation import _spread, described, variations

pytestmark = [
    pytest.mark.filterwarnings("error"),
    # what other tests left behind may be collected during one of these
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
EVERYTHING = Augmentation(
    shift=2.5, rotate=10, scale=0.15, shear=5, elastic=1.5, smoothness=6, cutout=6, flip=True, fill="edge"
)


def data(n: int = 60, classes: int = 10, shape: tuple[int, ...] = (28, 28)) -> Dataset:
    random = np.random.default_rng(0)
    names = [f"아주 긴 이름의 클래스 {i}" if i % 2 else f"a class with a long name {i}" for i in range(classes)]
    inputs = random.integers(1, 256, (n, *shape), dtype=np.uint8)
    return Dataset.from_arrays(inputs, np.arange(n) % classes, classes=names, name="$a_1 데이터")


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("settings", [EVERYTHING, Augmentation(), Augmentation(shift=1)])
@pytest.mark.parametrize(("classes", "shape"), [(10, (28, 28)), (2, (8, 20, 3)), (30, (4, 4, 1))])
def test_every_text_can_be_read(
    settings: Augmentation, classes: int, shape: tuple[int, ...], lang: str,
    legible: Callable[[Figure], None], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("SONMAT_LANG", lang)
    figure = variations(data(classes=classes, shape=shape), settings)
    assert isinstance(figure, Figure)
    legible(figure)


def test_the_left_column_is_the_examples_and_the_others_are_varied() -> None:
    rows = data(shape=(6, 6))
    figure = variations(rows, Augmentation(cutout=2), examples=4, each=3)
    assert isinstance(figure, Figure)
    (mosaic,) = (np.asarray(image.get_array())[..., 0] for image in figure.axes[0].get_images())
    np.testing.assert_array_equal(mosaic[:6, :6], rows.inputs[0])
    step = (mosaic.shape[0] - 6) // 3
    for line in range(4):
        np.testing.assert_array_equal(mosaic[line * step :][:6, :6], rows.inputs[line])
        last = mosaic[line * step :][:6, -6:]
        assert 1 <= (last == 0).sum() <= 4
        assert (last[last > 0] == rows.inputs[line][last > 0]).all()


def test_a_seed_gives_the_same_file_and_another_another(tmp_path: Path) -> None:
    rows, settings = data(), Augmentation(rotate=30)
    files = [variations(rows, settings, tmp_path / f"{i}.png", seed=seed) for i, seed in enumerate((0, 0, 1))]
    first, second, third = (np.asarray(Image.open(str(file))) for file in files)
    np.testing.assert_array_equal(first, second)
    assert (first != third).any()


def test_settings_are_said_with_their_units(monkeypatch: pytest.MonkeyPatch) -> None:
    assert described(EVERYTHING) == [
        "shift ±2.5 px", "rotation ±10°", "scale ±15 %", "shear ±5°", "elastic 1.5 px (bends 6 px wide)",
        "cutout 6 × 6 px", "flip left to right", "outside: the nearest pixel",
    ]  # fmt: skip
    assert described(Augmentation(cutout=3, fill="edge")) == ["cutout 3 × 3 px"]  # nothing comes in from outside
    assert described(Augmentation()) == ["nothing: pictures stay as they are"]
    monkeypatch.setenv("SONMAT_LANG", "ko")
    assert described(Augmentation(rotate=10, flip=True)) == ["회전 ±10°", "좌우 뒤집기"]


@pytest.mark.parametrize(
    ("labels", "count", "expected"),
    [([2, 1, 0, 2, 1, 0], 3, [0, 1, 2]), ([0, 0, 0, 1], 3, [0, 0, 1]), ([5, 5], 8, [5, 5]), ([3, 1, 2], 2, [1, 2])],
)
def test_examples_are_of_as_many_classes_as_there_can_be(labels: list[int], count: int, expected: list[int]) -> None:
    chosen = _spread(np.array(labels), count)
    assert len(set(chosen.tolist())) == len(chosen)
    assert [labels[row] for row in chosen] == expected


@pytest.mark.parametrize("shape", [(7,), (4, 4, 2), (2, 2, 2, 2)])
def test_what_is_no_image_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="Only images can be varied"):
        variations(data(shape=shape), Augmentation(shift=1))
