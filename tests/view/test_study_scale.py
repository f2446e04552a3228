"""How values become places on the axes of a study."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonmat.view.study_scale import LINEAR, LOG, ONE, Scale, value_scale, window


@pytest.mark.parametrize(("kind", "values"), [(LINEAR, [-3.0, 0, 7]), (LOG, [1e-9, 1, 3e7]), (ONE, [0.0, 0.9, 0.999])])
def test_back_is_the_inverse_and_the_order_stays(kind: str, values: list[float]) -> None:
    scale = Scale(kind)
    assert scale.back(scale(values)) == pytest.approx(values)
    assert np.all(np.diff(scale(values)) > 0)


def test_what_has_no_place_is_nan() -> None:
    assert np.isnan(Scale()([np.nan, np.inf])).all()
    assert np.isnan(Scale(LOG)([0.0, -1.0])).all()
    assert np.isfinite(Scale(ONE)([1.0])).all()  # a perfect accuracy is drawn


@given(
    st.sampled_from([LINEAR, LOG, ONE]),
    st.floats(1e-9, 0.9999),
    st.floats(1e-9, 0.9999),
    st.integers(4, 12),
)
def test_ticks_lie_inside_say_where_they_are_and_are_few(kind: str, one: float, other: float, most: int) -> None:
    scale = Scale(kind)
    low, high = sorted(float(place) for place in scale([one, other]))
    if high - low < 1e-6 * max(1, abs(high)):
        return
    ticks = scale.ticks(low, high, most)
    assert 1 <= len(ticks) <= most + 2
    places = [place for place, _ in ticks]
    assert places == sorted(set(places))
    assert all(low - 1e-6 * (high - low) - 1e-9 <= place <= high + 1e-6 * (high - low) + 1e-9 for place in places)
    assert len({text for _, text in ticks}) == len(ticks)
    for place, text in ticks:
        assert float(scale(float(text))) == pytest.approx(place, abs=0.01 * (high - low) + 1e-9)


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (0.0, 0.9995, ["0", "0.9", "0.99", "0.999"]),
        (0.5, 0.97, ["0.5", "0.8", "0.9", "0.95"]),
        (0.1, 0.9744, ["0.9", "0.95", "0.97"]),  # where the contenders are
        (0.90, 0.93, ["0.900", "0.905", "0.910", "0.915", "0.920", "0.925", "0.930"]),
    ],
)
def test_accuracies_have_the_ticks_one_expects(low: float, high: float, texts: list[str]) -> None:
    found = [text for _, text in Scale(ONE).ticks(*Scale(ONE)([low, high]))]
    assert set(texts) <= set(found)


@pytest.mark.parametrize(
    ("values", "metric", "maximize", "kind"),
    [
        ([0.95, 0.951, 0.96], "val_accuracy", True, LINEAR),
        ([0.1, 0.5, 0.97, 0.98], "val_accuracy", True, ONE),
        ([0.1, 0.5, 0.97, 98.0], "val_accuracy", True, LINEAR),
        ([0.1, 0.2, 0.3], "val_loss", False, LINEAR),
        ([0.01, 2.3, 2.3], "val_loss", False, LOG),
        ([-0.01, 2.3, 2.3], "val_loss", False, LINEAR),
        ([0.5], "val_accuracy", True, LINEAR),
        ([], "val_loss", False, LINEAR),
    ],
)
def test_an_axis_is_bent_only_where_it_must_be(values: list[float], metric: str, maximize: bool, kind: str) -> None:
    assert value_scale([*values, np.nan], metric, maximize).kind == kind


def test_what_is_far_worse_than_nearly_all_leaves_the_window() -> None:
    losses = np.array([*np.linspace(0.1, 1, 60), 1e9])
    low, high = window(losses, maximize=False)
    assert low == pytest.approx(0.1)
    assert 1 < high < 3
    assert window(-losses, maximize=True) == pytest.approx((-high, -low))
    assert window(losses, maximize=False, bounded=True) == (pytest.approx(0.1), 1e9)


@given(st.lists(st.floats(-1e6, 1e6), max_size=30), st.booleans())
def test_the_best_is_always_shown(values: list[float], maximize: bool) -> None:
    low, high = window(np.array(values), maximize)
    assert low < high
    if values:
        best = max(values) if maximize else min(values)
        assert low <= best <= high
