from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from sonmat.errors import DataError, StorageError
from sonmat.view.curves import best_epoch, columns, curves

pytestmark = [
    pytest.mark.filterwarnings("error"),
    # what other tests left behind may be collected during one of these
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def history(epochs: int, *, validation: bool = True) -> dict[str, list[float]]:
    at = np.arange(epochs) / max(1, epochs - 1)
    kept = {"loss": 1.1 * np.exp(-4 * at) + 0.2, "accuracy": 0.95 - 0.3 * np.exp(-4 * at)}
    if validation:
        kept |= {"val_loss": np.exp(-5 * at) + 0.25 + 0.1 * at**2, "val_accuracy": 0.94 - 0.3 * np.exp(-4 * at)}
    return {key: values.tolist() for key, values in kept.items()}


def draw(kept: dict[str, list[float]], **settings: object) -> Figure:
    figure = curves(kept, **settings)  # type: ignore[arg-type]
    assert isinstance(figure, Figure)
    return figure


def line(figure: Figure, gid: str) -> Line2D:
    (found,) = [one for axes in figure.axes for one in axes.get_lines() if one.get_gid() == gid]
    return found


def ticks(figure: Figure) -> list[float]:
    return [tick for axes in figure.axes[:1] for tick in axes.get_xticks()]


@pytest.mark.parametrize("language", ["en", "ko"])
def test_writes_a_png_in_either_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    monkeypatch.setenv("SONMAT_LANG", language)
    path = curves(history(10), tmp_path / "deep" / "curves.png")
    assert path == tmp_path / "deep" / "curves.png"
    with Image.open(path) as image:
        assert image.size == (1600, 1000)
        assert image.format == "PNG"
        assert len(image.getcolors(1 << 24)) > 50
    assert [one.name for one in path.parent.iterdir()] == ["curves.png"]


def test_shows_the_values_it_was_given() -> None:
    kept = history(10)
    figure = draw(kept)
    for key, values in kept.items():
        assert np.array_equal(line(figure, key).get_xdata(), range(1, 11))
        assert np.array_equal(line(figure, key).get_ydata(), values)
    left, right = figure.axes
    assert line(figure, "loss") in left.get_lines()
    assert line(figure, "accuracy") in right.get_lines()


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("epochs", [1, 2, 10, 31, 500])
@pytest.mark.parametrize("validation", [True, False])
def test_the_legend_covers_nothing(
    epochs: int, validation: bool, language: str, legible: Callable[[Figure], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONMAT_LANG", language)
    figure = draw(history(epochs, validation=validation))
    legible(figure)
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert box.y0 >= 0
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1
    for axes in figure.axes:
        assert not box.overlaps(axes.get_tightbbox())
    assert len(legend.get_texts()) == (5 if validation else 2)


@pytest.mark.parametrize(("epochs", "initial"), [(1, 0), (2, 0), (7, 3), (10, 0), (37, 0), (500, 0), (499, 1)])
def test_epochs_are_whole_numbers_from_one(epochs: int, initial: int) -> None:
    shown = ticks(draw(history(epochs), initial_epoch=initial))
    assert 1 <= len(shown) <= 14
    assert all(tick == int(tick) and initial + 1 <= tick <= initial + epochs for tick in shown)
    if epochs <= 10:
        assert shown == list(range(initial + 1, initial + epochs + 1))


def test_marks_the_lowest_validation_loss() -> None:
    kept = history(10)
    kept["val_loss"] = [0.9, 0.5, 0.4, 0.3, 0.35, 0.3, 0.6, math.nan, 0.7, 0.8]
    figure = draw(kept, initial_epoch=20)
    assert line(figure, "best").get_xydata().tolist() == [[24, 0.3]]  # the first of the two
    assert line(figure, "best-line").get_xdata() == [24, 24]
    (label,) = [text.get_text() for text in figure.legends[0].get_texts() if "24" in text.get_text()]
    assert "0.3" in label
    # It is drawn at its place on the loss's axis, above both axes' lines.
    mark = line(figure, "best")
    assert mark.get_transform() == figure.axes[0].transData
    assert mark in figure.axes[-1].get_lines()


def test_the_rule_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONMAT_LANG", "en")
    assert any("lowest validation loss" in text.get_text() for text in draw(history(5)).legends[0].get_texts())
    monkeypatch.setenv("SONMAT_LANG", "ko")
    assert any("검증 손실 최소" in text.get_text() for text in draw(history(5)).legends[0].get_texts())


def test_nothing_is_marked_without_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONMAT_LANG", "en")
    figure = draw(history(5, validation=False))
    assert best_epoch(history(5, validation=False)) is None
    assert not [one for axes in figure.axes for one in axes.get_lines() if one.get_gid() == "best"]
    assert any("No validation" in text.get_text() for text in figure.texts)


def test_numbers_that_end_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONMAT_LANG", "en")
    kept = history(6)
    kept["loss"][3:] = kept["val_loss"][3:] = [math.nan, math.inf, -math.inf]
    figure = draw(kept)
    assert any("in epoch 4" in text.get_text() for text in figure.texts)
    assert best_epoch(kept) == best_epoch(history(6) | {"val_loss": kept["val_loss"][:3] + [9.0] * 3})
    assert np.isfinite(line(figure, "val_loss").get_ydata()).all()


def test_validation_that_is_not_every_epoch() -> None:
    kept = history(30)
    kept["val_loss"], kept["val_accuracy"] = kept["val_loss"][:10], kept["val_accuracy"][:10]
    figure = draw(kept, initial_epoch=0)
    assert np.array_equal(line(figure, "val_loss").get_xdata(), range(3, 31, 3))
    assert line(figure, "best").get_xdata()[0] == 3 * (1 + int(np.argmin(kept["val_loss"])))
    same = history(30) | {
        key: [kept[key][(i - 2) // 3] if i % 3 == 2 else None for i in range(30)]
        for key in ("val_loss", "val_accuracy")
    }
    assert np.array_equal(line(draw(same), "val_loss").get_xydata(), line(figure, "val_loss").get_xydata())


def test_other_metrics() -> None:
    kept = {
        "loss": [3.0, 2.0],
        "learning_rate": [0.1, 0.1],
        "mae": [1.0, 0.5],
        "mse": [2.0, 1.0],
        "seconds": [1.0, 1.0],
    }
    assert line(draw(kept), "mae").get_ydata().tolist() == [1.0, 0.5]
    assert line(draw(kept, metric="mse"), "mse").get_ydata().tolist() == [2.0, 1.0]
    assert len(draw({"loss": [3.0, 2.0], "val_loss": [3.0, 2.0]}).axes) == 1
    assert line(draw(kept | {"top_k_accuracy": [0.1, 0.2]}), "top_k_accuracy").get_ydata().tolist() == [0.1, 0.2]
    with pytest.raises(DataError, match="auc"):
        curves(kept, metric="auc")


@pytest.mark.parametrize("broken", [{}, {"loss": []}, {"loss": [1.0, 2.0, 3.0], "accuracy": [0.1]}])
def test_refuses_what_has_no_epochs(broken: dict[str, list[float]]) -> None:
    with pytest.raises(DataError) as caught:
        curves(broken)
    assert caught.value.fix


def test_a_steep_loss_is_drawn_on_a_logarithm() -> None:
    kept = history(12)
    assert draw(kept).axes[0].get_yscale() == "linear"
    kept["loss"][0] = 1e9
    assert draw(kept).axes[0].get_yscale() == "log"


def test_a_failed_write_keeps_the_old_picture(tmp_path: Path) -> None:
    path = tmp_path / "curves.png"
    path.mkdir()
    with pytest.raises(StorageError):
        curves(history(3), path)
    assert [one.name for one in tmp_path.iterdir()] == ["curves.png"]


def test_columns_of_a_journal() -> None:
    rows = [
        {"epoch": 0, "loss": 1.0, "seconds": 0.2, "note": "x"},
        {"epoch": 1, "loss": 0.5, "val_loss": 0.6, "seconds": 0.1},
    ]
    kept = columns(rows)
    assert kept["loss"] == [1.0, 0.5]
    assert kept["val_loss"] == [None, 0.6]
    assert kept["note"] == [None, None]
    assert best_epoch(kept) == best_epoch({"loss": [1.0, 0.5], "val_loss": [math.nan, 0.6]})
    assert np.array_equal(line(draw(kept), "val_loss").get_xdata(), [2])


NUMBERS = st.one_of(
    st.floats(0, 10),
    st.floats(width=32),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 1e-30, 1e30, -5.0]),
    st.none(),
)


@settings(
    max_examples=40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a picture takes too long to shrink
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example(
    ([1.3, 6.4e-35, 4.6e16, 5e-324], [None, 1.0, -0.0, -5.6e-45], [8.7e15, None, 1e30, 6.9], [0.2, -2e30, 6e-21, 0.0])
)
@given(st.integers(1, 8).flatmap(lambda n: st.tuples(*[st.lists(NUMBERS, min_size=n, max_size=n)] * 4)))
def test_any_numbers_can_be_drawn(legible: Callable[[Figure], None], series: tuple[list[float | None], ...]) -> None:
    kept = dict(zip(("loss", "accuracy", "val_loss", "val_accuracy"), series, strict=True))
    figure = curves(kept)
    assert isinstance(figure, Figure)
    legible(figure)
    best = best_epoch(kept)
    finite = [value for value in kept["val_loss"] if value is not None and math.isfinite(value)]
    if best is None:
        assert not finite
    else:
        assert best.loss == min(finite)
        assert kept["val_loss"][best.epoch - 1] == best.loss
