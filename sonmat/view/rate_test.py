"""A learning-rate range test, as a picture and in words."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from rich.text import Text

from sonmat.engine.rate_test import RateTest
from sonmat.language import say
from sonmat.view.canvas import BLUE, FAINT, GREEN, INK, ORANGE, finish, sheet, style
from sonmat.view.tables import duration
from sonmat.view.words import fit

_MARGIN = 1.05
_ABOVE = 0.6  # of the loss's fall, shown above where it began; what explodes leaves the picture


def rate_text(test: RateTest) -> Text:
    """What was found, in a few lines."""
    text = Text()
    steps, took = len(test.rates), duration(test.seconds)
    text.append(
        say(
            f"{steps} steps of {test.batch_size} rows in {took} (compiling apart: {duration(test.compile_seconds)})\n",
            f"{test.batch_size}행씩 {steps} 스텝, {took} (컴파일 별도: {duration(test.compile_seconds)})\n",
        ),
        style="dim",
    )
    if test.suggestion is None:
        text.append(say("no suggestion: ", "제안 없음: "), style="bold").append(f"{test.reason}\n")
        return text.append(say(f"present rate  {test.present:.3g}\n", f"지금 학습률   {test.present:.3g}\n"))
    text.append(say("suggestion    ", "제안          ")).append(f"{rounded(test.suggestion)}\n", style="bold")
    assert test.span is not None
    low, high = test.span
    text.append(say("range         ", "범위          ")).append(f"{low:.2g} … {high:.2g}  ")
    text.append(_range_text(test) + "\n", style="dim")
    text.append(say("present rate  ", "지금 학습률   ")).append(f"{test.present:.3g}  ")
    return text.append(_position_text(test) + "\n", style="dim" if test.position == "inside" else "yellow")


def rounded(rate: float) -> str:
    """A rate to two digits: the test does not know it better."""
    return f"{rate:.2g}"


def _range_text(test: RateTest) -> str:
    if test.diverged_at is None and test.span is not None and test.span[1] == test.rates[-1]:
        return say(
            "(from where the loss begins to fall; it did not rise again up to there)",
            "(손실이 내려가기 시작하는 곳부터, 여기까지는 다시 오르지 않았습니다)",
        )
    return say(
        "(from where the loss begins to fall to where it rises again)",
        "(손실이 내려가기 시작하는 곳부터 다시 오르는 곳까지)",
    )


def _position_text(test: RateTest) -> str:
    assert test.suggestion is not None
    if test.position == "below":
        return say("below the range: learning is slow", "범위보다 낮아 학습이 느립니다")
    if test.position == "above":
        return say("above the range: training is likely to diverge", "범위보다 높아 발산하기 쉽습니다")
    times = test.present / test.suggestion
    if 0.5 < times < 2:
        return say("inside the range, near the suggestion", "범위 안, 제안 근처입니다")
    many = f"{times:.2g}" if times > 1 else f"{1 / times:.2g}"
    if times > 1:
        return say(f"inside the range, {many} times above the suggestion", f"범위 안, 제안의 {many}배입니다")
    return say(f"inside the range, {many} times below the suggestion", f"범위 안, 제안의 {many}분의 1입니다")


def rate_picture(test: RateTest, path: str | os.PathLike[str] | None = None, *, title: str = "") -> Path | Figure:
    """Draw loss against learning rate: raw points faint, the smoothed line, the suggestion, and where it diverges.

    Args:
        test: What was measured.
        path: The PNG to write; None gives the figure itself.
        title: The heading.

    Raises:
        StorageError: The file cannot be written.
    """
    with style():
        figure = sheet(8, 5)
        axes = figure.add_axes((0.105, 0.26, 0.86, 0.62))
        handles = _loss(axes, test)
        handles += _marks(axes, test)
        _axes(axes, test)
        heading = title or say("Loss at each learning rate", "학습률에 따른 손실")
        figure.text(0.5, 0.94, fit(heading, 80), ha="center", va="center", fontsize=12.5)
        figure.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 0.005), ncols=3, columnspacing=2.2)
        return finish(figure, path)


def _loss(axes: Axes, test: RateTest) -> list[Line2D | Patch]:
    points = axes.plot(
        test.rates,
        test.losses,
        linestyle="none",
        marker="o",
        markersize=2.6,
        markeredgewidth=0,
        color=FAINT,
        alpha=0.4,
        label=say("loss of a step", "스텝의 손실"),
        gid="losses",
    )
    line = axes.plot(test.rates, test.smoothed, color=BLUE, label=say("smoothed", "평활한 손실"), gid="smoothed")
    return [*points, *line]


def _marks(axes: Axes, test: RateTest) -> list[Line2D | Patch]:
    marks: list[Line2D | Patch] = []
    if test.span is not None and test.span[1] < test.rates[-1]:
        axes.axvspan(test.span[1], test.rates[-1] * _MARGIN, color=ORANGE, alpha=0.13, linewidth=0, gid="diverged")
        label = say("rises and diverges", "다시 올라 발산")
        marks.append(Patch(facecolor=ORANGE, alpha=0.2, label=label))
    if test.suggestion is not None:
        at = int(np.searchsorted(test.rates, test.suggestion))
        axes.axvline(test.suggestion, color=GREEN, linewidth=1.2, zorder=1)
        marks += axes.plot(
            test.suggestion,
            test.smoothed[at],
            marker="*",
            markersize=15,
            markerfacecolor="#F0E442",
            markeredgecolor=INK,
            linestyle="none",
            zorder=5,
            label=say(f"suggestion: {rounded(test.suggestion)}", f"제안: {rounded(test.suggestion)}"),
            gid="suggestion",
        )
    if test.rates[0] <= test.present <= test.rates[-1]:
        now = axes.axvline(test.present, color=INK, linewidth=1, linestyle=(0, (1, 2)), zorder=1, gid="present")
        now.set_label(say(f"present rate: {test.present:.3g}", f"지금 학습률: {test.present:.3g}"))
        marks.append(now)
    return marks


def _axes(axes: Axes, test: RateTest) -> None:
    axes.set_xscale("log")
    axes.set_xlim(test.rates[0], test.rates[-1] * _MARGIN)
    axes.xaxis.set_major_locator(LogLocator(numticks=12))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(say("learning rate (logarithmic)", "학습률 (로그 눈금)"))
    axes.set_ylabel(say("loss", "손실"))
    axes.grid(True, axis="y")
    axes.spines["right"].set_visible(False)
    finite = test.smoothed[np.isfinite(test.smoothed)]
    start, low = float(finite[0]), float(test.losses[np.isfinite(test.losses)].min())
    fallen = max(start - low, 0.05 * abs(start)) or 1.0
    axes.set_ylim(low - 0.06 * fallen, start + _ABOVE * fallen)
