"""The picture of a range test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from sonmat.engine.rate_test import RateTest, fall_of, smooth
from sonmat.view.rate_test import rate_picture, rate_text


def made(losses: np.ndarray, present: float = 0.01) -> RateTest:
    rates, smoothed = np.geomspace(1e-6, 10, 300)[: len(losses)], smooth(losses)
    fall = fall_of(losses, smoothed)
    found: dict[str, Any] = {"suggestion": None, "span": None, "reason": fall}
    if not isinstance(fall, str):
        found = {"suggestion": rates[fall.suggested], "span": (rates[fall.begins], rates[fall.rises])}
    diverged = float(rates[-1]) if len(losses) < 300 else None
    return RateTest(rates, losses, smoothed, diverged_at=diverged, present=present, batch_size=20, seconds=0.1,
                    compile_seconds=1.0, **found)  # fmt: skip


def course(last: float = 0.0) -> np.ndarray:
    at = np.arange(250)
    losses = 2.3 - 1.8 / (1 + np.exp(-(at - 150) / 12)) + np.exp((at - 230) / 4)
    return np.append(losses, last) if last else losses


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize(
    "test", [made(course()), made(course(np.nan)), made(course(), 1e-9), made(np.ones(300)), made(-course())], ids=str
)
def test_it_is_legible(
    test: RateTest, language: str, legible: Callable[[Figure], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONMAT_LANG", language)
    figure = rate_picture(test)
    assert isinstance(figure, Figure)
    legible(figure)
    shown = {line.get_gid() for line in figure.axes[0].lines}
    assert {"losses", "smoothed"} <= shown
    assert ("suggestion" in shown) == (test.suggestion is not None)
    assert ("present" in shown) == (test.present > 1e-6)
    assert rate_text(test).plain.endswith("\n")


def test_the_star_lies_on_the_line_and_what_diverges_is_shaded() -> None:
    test = made(course())
    figure = rate_picture(test)
    assert isinstance(figure, Figure)
    axes = figure.axes[0]
    (star,) = (line for line in axes.lines if line.get_gid() == "suggestion")
    at = int(np.flatnonzero(test.rates == test.suggestion)[0])
    assert (float(star.get_xdata()[0]), float(star.get_ydata()[0])) == (test.suggestion, test.smoothed[at])
    (shade,) = (patch for patch in axes.patches if patch.get_gid() == "diverged")
    assert test.span is not None
    assert shade.get_x() == pytest.approx(test.span[1])


@pytest.mark.parametrize(
    ("times", "told"),
    [(1e-4, "below the range"), (1e3, "above the range"), (5, "5 times above"), (1.1, "near the suggestion")],
)
def test_how_the_present_rate_lies(times: float, told: str) -> None:
    suggestion = made(course()).suggestion
    assert suggestion is not None
    assert told in rate_text(made(course(), times * suggestion)).plain
