"""The finalists, seed by seed: who is best, how sure that is, and what the search had promised."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sonmat.language import say
from sonmat.search.ranking import SURE, Ranking
from sonmat.view.canvas import BLUE, FAINT, GREEN, INK, ORANGE, finish, style
from sonmat.view.study_figure import StudyFigure, chance_text, difference_text, settings_text, value_text
from sonmat.view.study_settings import setting_axes, text_key
from sonmat.view.study_sheet import blank, legend, place, titled
from sonmat.view.words import fit

_MOST = 12  # rows


def draw_finalists(figure: StudyFigure, path: str | os.PathLike[str] | None = None) -> Path | Figure:
    """Draw each finalist's repeats as dots on a line, its mean and spread, its chance of being the best, and what the
    search promised.

    Args:
        figure: The study.
        path: The PNG to write; None gives the figure itself.

    Raises:
        StorageError: The file cannot be written.
    """
    with style():
        ranking = figure.ranking
        title, remark = finalists_words(figure)
        if ranking.first is None:
            return finish(blank(figure.name, title), path)
        rows = len(ranking.standings[:_MOST])
        shared = shared_words(figure)
        head = 0.9 + 0.24 * bool(shared)
        height = 0.85 + head + 0.62 * rows
        drawn = titled(9, height, title, remark)
        drawn.text(0.5, 1 - 0.87 / height, fit(shared, 108), ha="center", va="center", color=FAINT, fontsize=9.5)
        axes = place(drawn, 0.95, 0.95, 1.05, head)
        axes.spines["left"].set_visible(False)
        _rows(axes, figure)
        axes.set_ylim(rows - 0.35, -0.65)
        axes.grid(True, axis="x")
        axes.set_xlabel(figure.called)
        legend(drawn, _legend(figure))
        return finish(drawn, path)


def finalists_words(figure: StudyFigure) -> tuple[str, str]:
    """The heading: who won and how sure that is; and what a reader must know besides."""
    ranking = figure.ranking
    notes = ranking_notes(ranking)
    promised = promise(figure)
    if promised and ranking.first and ranking.first.mean is not None:
        less = (promised - ranking.first.mean) * (1 if figure.maximize else -1)
        if less > 0:
            notes.insert(
                0,
                say(
                    f"The search had promised {value_text(promised)}: {difference_text(less)} of that was luck.",
                    f"탐색에서는 {value_text(promised)}였는데, 그중 {difference_text(less)}은 운이었습니다.",
                ),
            )
    return verdict(ranking), " ".join(notes)


def verdict(ranking: Ranking) -> str:
    """Who is best and how sure that is, in a sentence, in the user's language."""
    first = ranking.first
    if first is None:
        if ranking.standings:
            return say("No repeat of a finalist gave a number.", "최종 후보를 반복했지만 값을 얻지 못했습니다.")
        return say("No finalist has been repeated yet.", "아직 최종 후보를 반복하지 않았습니다.")
    name = say(f"Trial {first.number}", f"시도 {first.number}")
    reached = value_text(first.mean) + ("" if first.deviation is None else f" ± {first.deviation:.4f}")
    if len(ranking.standings) == 1:
        return say(f"{name} alone was repeated: {reached}", f"{name}만 반복했습니다: {reached}")
    if first.chance is None:
        return say(
            f"{name} is first, {reached}; too few seeds to say how sure that is",
            f"{name}이(가) 1위, {reached}. 시드가 적어 얼마나 확실한지는 알 수 없습니다",
        )
    sure = chance_text(first.chance)
    if first.chance >= SURE:
        return say(
            f"{name} is the best, {reached} ({sure} sure)", f"{name}이(가) 가장 좋습니다: {reached} (확률 {sure})"
        )
    others = ranking.undecided
    if not others and first.chance >= 0.5:
        return say(
            f"{name} is probably the best, {reached} ({sure} sure)",
            f"{name}이(가) 가장 좋은 듯합니다: {reached} (확률 {sure})",
        )
    named = ", ".join(str(number) for number in others[:3])
    more = len(others) - 3
    told_en = f"trial{'s' if len(others) > 1 else ''} {named}{f' and {more} more' if more > 0 else ''} may be as good"
    told_ko = f"시도 {named}{f' 외 {more}개' if more > 0 else ''}도 그만큼 좋을 수 있습니다"
    if not others:
        told_en, told_ko = "many others may be as good", "다른 여러 후보도 그만큼 좋을 수 있습니다"
    return say(f"{name} is first, with {sure}; {told_en}", f"{name}이(가) 1위지만 확률은 {sure}, {told_ko}")


def ranking_notes(ranking: Ranking) -> list[str]:
    """What a reader must know of failed and missing repeats, a sentence each."""
    told = []
    for one in ranking.standings:
        if one.failed:
            seeds = ", ".join(map(str, one.failed))
            told.append(
                say(
                    f"Trial {one.number} failed with seed {seeds}, so it stands behind those that never failed.",
                    f"시도 {one.number}은(는) 시드 {seeds}에서 실패해, 실패한 적 없는 후보 뒤에 놓았습니다.",
                )
            )
        if one.missing:
            seeds = ", ".join(map(str, one.missing))
            told.append(
                say(
                    f"Trial {one.number} has no result with seed {seeds}.",
                    f"시도 {one.number}은(는) 시드 {seeds}의 결과가 없습니다.",
                )
            )
    if ranking.shared and len(ranking.shared) < len(ranking.seeds):
        count = len(ranking.shared)
        told.append(
            say(
                f"The chances come from the {count} seeds that all of them share.",
                f"확률은 모두에게 있는 시드 {count}개로 계산했습니다.",
            )
        )
    return told


def promise(figure: StudyFigure, number: int | None = None) -> float | None:
    """A finalist's value in the search, the first's unless said; None where it has none."""
    first = figure.ranking.first
    wanted = number if number is not None else first.number if first else None
    return next((trial.value for trial in figure.ended if trial.number == wanted), None)


def finalist_labels(figure: StudyFigure) -> dict[int, str]:
    """Number → the settings in which the finalists differ."""
    standings = figure.ranking.standings
    differing = setting_axes([one.settings for one in standings], figure.space)
    order = {axis.name: i for i, axis in enumerate(figure.axes)}
    axes = tuple(sorted(differing, key=lambda axis: order.get(axis.name, len(order))))
    return {one.number: settings_text(one.settings, axes) if axes else "" for one in standings}


def shared_words(figure: StudyFigure) -> str:
    """The settings that the search varied and all finalists share, which their labels leave out; empty where none."""
    standings = figure.ranking.standings
    if not standings:
        return ""
    first = standings[0].settings
    same = tuple(
        axis
        for axis in figure.axes
        if axis.name in first and len({text_key(one.settings.get(axis.name)) for one in standings}) == 1
    )
    told = settings_text(first, same) if same else ""
    if not told or len(standings) == 1:
        return told
    return say(f"all with {told}", f"모두 같은 설정: {told}")


def finalists_window(values: list[float], promises: list[float]) -> tuple[float, float]:
    """The ends of the axis: all values, and what the search promised where that is not far from them."""
    low, high = min(values), max(values)
    near = 2 * (high - low) or 0.1 * abs(high) or 1.0
    shown = [low, high, *(one for one in promises if low - near <= one <= high + near)]
    return min(shown), max(shown)


def _rows(axes: Axes, figure: StudyFigure) -> None:
    labels = finalist_labels(figure)
    shown = figure.ranking.standings[:_MOST]
    everything: list[float] = []
    promises: list[float] = []
    for row, one in enumerate(shown):
        values = np.array(list(one.values.values()))
        color = GREEN if row == 0 else BLUE
        axes.axhline(row, color="#E6E6E6", linewidth=0.8, zorder=0)
        axes.scatter(values, np.full(len(values), row), s=34, color=color, alpha=0.65, linewidths=0, zorder=3,
                     gid=f"seeds-{one.number}")  # fmt: skip
        promised = promise(figure, one.number)
        if promised is not None and np.isfinite(promised):
            axes.plot(promised, row, marker="D", markersize=6, markerfacecolor="white", markeredgecolor=ORANGE,
                      linestyle="none", zorder=2, gid="promised")  # fmt: skip
            promises.append(promised)
        if one.mean is not None:
            axes.plot([one.mean] * 2, [row - 0.2, row + 0.2], color=INK, linewidth=2, zorder=4)
            if one.deviation is not None:
                ends = [one.mean - one.deviation, one.mean + one.deviation]
                axes.plot(ends, [row] * 2, color=INK, linewidth=1.1, zorder=4)
                everything += ends
        everything += values.tolist()
        axes.text(0.0, row - 0.34, fit(labels[one.number], 92), transform=axes.get_yaxis_transform(), fontsize=8.5,
                  color=FAINT, va="center")  # fmt: skip
        told = "–" if one.chance is None else chance_text(one.chance)
        axes.text(1.03, row, told, transform=axes.get_yaxis_transform(), fontsize=11 if row else 12.5, va="center",
                  color=color if row == 0 else INK)  # fmt: skip
    axes.text(1.03, -0.6, say("chance", "최고일 확률"), transform=axes.get_yaxis_transform(), fontsize=8.5, va="bottom",
              color=FAINT)  # fmt: skip
    axes.set_yticks(range(len(shown)), [say(f"trial {one.number}", f"시도 {one.number}") for one in shown])
    axes.tick_params(axis="y", length=0)
    low, high = finalists_window(everything, promises)
    pad = 0.06 * (high - low) or 0.01 * abs(high) or 0.5
    axes.set_xlim(low - pad, high + pad)


def _legend(figure: StudyFigure) -> list[Line2D]:
    found = [
        Line2D([], [], linestyle="none", marker="o", color=BLUE, alpha=0.65, label=say("one seed", "시드 하나")),
        Line2D([], [], linestyle="none", marker="|", markersize=11, markeredgewidth=2, color=INK,
               label=say("mean ± standard deviation", "평균 ± 표준편차")),
    ]  # fmt: skip
    if any(promise(figure, one.number) is not None for one in figure.ranking.standings):
        found.append(
            Line2D([], [], linestyle="none", marker="D", markerfacecolor="white", markeredgecolor=ORANGE,
                   label=say("what the search promised", "탐색에서의 값"))
        )  # fmt: skip
    return found
