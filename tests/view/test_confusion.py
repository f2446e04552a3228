from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from sonmat.engine.scores import score
from sonmat.errors import DataError
from sonmat.view.confusion import confusion

pytestmark = [
    pytest.mark.filterwarnings("error"),
    # what other tests left behind may be collected during one of these
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

DIGITS = tuple("0123456789")
KANA = tuple("おきすつなはまやれを")
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


def matrix(classes: int, n: int = 5000, accuracy: float = 0.9) -> np.ndarray:
    random = np.random.default_rng(0)
    labels = random.integers(0, classes, n)
    predicted = np.where(random.random(n) < accuracy, labels, random.integers(0, classes, n))
    return score(labels, predicted, [str(i) for i in range(classes)]).confusion


def draw(counts: np.ndarray, classes: tuple[str, ...], **settings: str) -> Figure:
    figure = confusion(counts, classes, **settings)  # type: ignore[arg-type]
    assert isinstance(figure, Figure)
    return figure


def colors(figure: Figure) -> np.ndarray:
    return np.asarray(figure.axes[0].images[0].get_array())


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize(
    "classes",
    [
        ("only",),
        ("no", "yes"),
        ("a very long name for a class, to be cut", "$5 \\frac{1}{"),
        DIGITS,
        KANA,
        CLOTHES,
        tuple(f"intent {i}" for i in range(30)),
        tuple(f"의도 {i}" for i in range(60)),
        tuple(f"class number {i}" for i in range(100)),
    ],
    ids=lambda classes: str(len(classes)),
)
def test_every_label_is_legible(
    classes: tuple[str, ...], language: str, legible: Callable[[Figure], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONMAT_LANG", language)
    figure = draw(matrix(len(classes)), classes)
    legible(figure)
    assert figure.get_figwidth() < 25
    assert len(figure.axes[0].get_xticks()) == len(classes)


def test_beyond_a_hundred_classes_names_are_thinned(legible: Callable[[Figure], None]) -> None:
    figure = draw(matrix(130), tuple(map(str, range(130))))
    assert list(figure.axes[0].get_yticks()) == list(range(0, 130, 2))
    legible(figure)


def test_writes_counts_and_shares(tmp_path: Path) -> None:
    counts = np.array([[1996, 3, 1], [20, 980, 0], [0, 0, 0]])
    figure = draw(counts, ("a", "b", "c"))
    shown = {tuple(np.round(text.get_position(), 1)): text.get_text() for text in figure.axes[0].texts}
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert sorted(texts) == sorted(["1,996", "99.8 %", "3", "0.1 %", "1", "<0.1 %", "20", "2.0 %", "980", "98.0 %"])
    assert shown[0.0, 0.9] == "20"  # column a, row b
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["a (2,000)", "b (1,000)", "c (0)"]
    path = confusion(counts, ("a", "b", "c"), tmp_path / "confusion.png")
    assert isinstance(path, Path)
    with Image.open(path) as image:
        assert image.size == tuple(round(side * 200) for side in figure.get_size_inches())


def test_mistakes_stand_out_from_the_diagonal() -> None:
    counts = np.diag([10_000] * 10)
    counts[4, 9], counts[2, 7] = 40, 3
    shown = colors(draw(counts, DIGITS))
    saturation = shown[..., :3].max(-1) - shown[..., :3].min(-1)
    diagonal = np.diag(saturation)
    assert saturation[4, 9] == saturation.max()
    assert saturation[4, 9] > 2 * diagonal.max()
    assert saturation[2, 7] > 0.1  # 3 among 10,000 still show
    assert np.all(shown[0, 1, :3] == 1)  # nothing is white
    assert np.all(shown.diagonal()[2] > shown.diagonal()[0])  # the diagonal is blue, mistakes are orange
    assert shown[4, 9, 0] > shown[4, 9, 2]


def test_the_commonest_mistakes_are_named() -> None:
    counts = np.diag([100] * 10)
    counts[4, 9], counts[7, 1], counts[3, 5], counts[0, 1] = 9, 8, 7, 6
    texts = [text.get_text() for text in draw(counts, DIGITS).figure.texts]
    assert any("4 → 9 (9), 7 → 1 (8), 3 → 5 (7)" in text for text in texts)
    assert any("30 mistakes" in text for text in texts)


def test_nothing_and_nothing_wrong(legible: Callable[[Figure], None]) -> None:
    legible(draw(np.zeros((3, 3), int), ("a", "b", "c")))
    legible(draw(np.diag([5, 6, 7]), ("a", "b", "c"), title="제목"))


@pytest.mark.parametrize("counts", [np.zeros((2, 3)), np.zeros((2, 2)), np.zeros(3)])
def test_refuses_other_shapes(counts: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"\(3, 3\)"):
        confusion(counts, ("a", "b", "c"))


def test_refuses_no_classes() -> None:
    with pytest.raises(DataError):
        confusion(np.zeros((0, 0)), ())
