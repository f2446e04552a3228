"""The fan of learning curves: every trial's metric epoch by epoch, and where halving cut."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from sonmat.language import say
from sonmat.search.trial import DONE, STOPPED, Trial
from sonmat.view.canvas import FAINT, GREEN, INK, ORANGE, finish, style
from sonmat.view.study_figure import StudyFigure, bent, value_text
from sonmat.view.study_scale import Scale, is_share, value_scale, window
from sonmat.view.study_sheet import GOODNESS, PALE, blank, legend, nothing, place, titled

_STOPPED, _DONE = 1_500, 600  # curves drawn at most


def draw_fan(figure: StudyFigure, path: str | os.PathLike[str] | None = None) -> Path | Figure:
    """Draw the learning curves of the trials: those that were stopped pale, those trained to the end the darker
    the better, the best over all, with a line at each epoch where trials were stopped and how many went on.

    Args:
        figure: The study.
        path: The PNG to write; None gives the figure itself.

    Raises:
        StorageError: The file cannot be written.
    """
    with style():
        title, remark = fan_words(figure)
        chosen = fan_trials(figure)
        if not chosen or figure.best is None:
            return finish(blank(title, remark), path)
        drawn = titled(9, 5.4, title, remark)
        axes = place(drawn, 0.95, 1.05, 0.45, 1.2)
        scale, low, high = fan_scale(figure, chosen)
        handles = _lines(axes, figure, chosen, scale, (low, high))
        _value_axis(axes, figure, scale, low, high)
        epochs = max(trial.epochs for trial in chosen)
        _epoch_axis(axes, epochs)
        _rungs(axes, figure, epochs)
        legend(drawn, handles)
        return finish(drawn, path)


def fan_words(figure: StudyFigure, stopped: int = _STOPPED, done: int = _DONE) -> tuple[str, str]:
    """The heading, and what is left out where so many curves of each kind are drawn."""
    title = say(f"{figure.called}, epoch by epoch", f"에포크별 {figure.called}")
    if nothing(figure):
        return title, nothing(figure)
    chosen = fan_trials(figure, stopped, done)
    if not chosen:
        return title, say("No curves were kept.", "저장된 곡선이 없습니다.")
    cut = int(figure.are(STOPPED).sum())
    if cut:
        saved = saved_epochs(figure)
        title = say(
            f"{cut:,} of {len(figure.ended):,} trials were stopped early, which saved {100 * saved:.0f} % of the epochs",
            f"시도 {len(figure.ended):,}개 중 {cut:,}개를 일찍 멈춰 에포크를 {100 * saved:.0f} % 아꼈습니다",
        )
    there = sum(trial.state in (DONE, STOPPED) and figure.metric in trial.curves for trial in figure.ended)
    told = ""
    if len(chosen) < there:
        told = say(
            f"{len(chosen):,} of {there:,} curves, evenly chosen from the best to the worst",
            f"곡선 {there:,}개 중 최고부터 최저까지 고르게 뽑은 {len(chosen):,}개",
        )
    return title, told


def saved_epochs(figure: StudyFigure) -> float:
    """The part of the epochs, 0..1, that was not trained because trials were stopped or failed."""
    spent = np.array([trial.epochs for trial in figure.ended])
    return float(1 - spent.sum() / max(1, spent.max() * len(spent)))


def fan_trials(figure: StudyFigure, stopped: int = _STOPPED, done: int = _DONE) -> list[Trial]:
    """The trials whose curves are drawn, worst first and those trained to the end last: all, or so many evenly chosen."""
    found: list[Trial] = []
    for state, most in ((STOPPED, stopped), (DONE, done)):
        order = [figure.ended[at] for at in figure.order[figure.are(state)[figure.order]]]
        order = [trial for trial in order if np.isfinite(_curve(trial, figure)).any()]
        if len(order) > most:
            order = [order[at] for at in np.unique(np.linspace(0, len(order) - 1, most).round().astype(int))]
        found += order[::-1]
    return found


def fan_scale(figure: StudyFigure, chosen: list[Trial]) -> tuple[Scale, float, float]:
    """The scale of the curves, and the places that are shown."""
    values = np.concatenate([_curve(trial, figure) for trial in chosen])
    scale = value_scale(values, figure.metric, figure.maximize)
    return scale, *window(scale(values), figure.maximize, bounded=is_share(figure.metric))


def rungs(figure: StudyFigure) -> list[tuple[int, int]]:
    """Epochs at which trials were stopped, and how many trials went on."""
    stopped = sorted({trial.epochs for trial in figure.ended if trial.state == STOPPED and trial.epochs})
    spent = np.array([trial.epochs for trial in figure.ended])
    return [(epochs, int((spent > epochs).sum())) for epochs in stopped]


def _curve(trial: Trial, figure: StudyFigure) -> NDArray[np.float64]:
    return np.asarray(trial.curves.get(figure.metric, ()), np.float64)


def _lines(
    axes: Axes, figure: StudyFigure, chosen: list[Trial], scale: Scale, shown: tuple[float, float]
) -> list[Line2D]:
    handles = []
    names = {STOPPED: say("stopped early", "중간에 멈춤"), DONE: say("trained to the end", "끝까지 학습")}
    for state in (STOPPED, DONE):
        curves = [np.clip(scale(_curve(trial, figure)), *shown) for trial in chosen if trial.state == state]
        if not curves:
            continue
        lines = [np.column_stack((np.arange(1, len(curve) + 1), curve)) for curve in curves]
        crowded = len(curves) > 150
        colors = PALE if state == STOPPED else GOODNESS(np.linspace(0.3, 1, len(curves)) if len(curves) > 1 else [0.8])
        alpha = (0.35 if crowded else 0.75) if state == STOPPED else 0.8
        axes.add_collection(LineCollection(lines, colors=colors, linewidths=0.8, alpha=alpha, gid=state))
        ends = np.array([line[-1] for line in lines])
        axes.scatter(ends[:, 0], ends[:, 1], s=3 if crowded else 9, color=colors, alpha=0.8, linewidths=0)
        color = PALE if state == STOPPED else GOODNESS(0.8)
        handles.append(Line2D([], [], color=color, linewidth=1.8, label=names[state]))
    return handles + _marked(axes, figure, scale, shown)


def _marked(axes: Axes, figure: StudyFigure, scale: Scale, shown: tuple[float, float]) -> list[Line2D]:
    """The best of the search, and the winner where that is another, over the rest."""
    handles: list[Line2D] = []
    marked = [(int(figure.order[0]), ORANGE, figure.best_name, "best")]
    if figure.other_winner is not None:
        marked.insert(0, (figure.other_winner, GREEN, figure.winner_name, "winner"))
    for at, color, name, gid in marked:
        curve = _curve(figure.ended[at], figure)
        if not len(curve):
            continue
        epochs, places = np.arange(1, len(curve) + 1), np.clip(scale(curve), *shown)
        # The white edge is thin: a wide one cuts gaps into the curves below.
        axes.plot(epochs, places, color="white", linewidth=3.0, alpha=0.8, zorder=5)
        handles += axes.plot(epochs, places, color=color, linewidth=2.2, zorder=6, label=name, gid=gid,
                             marker="o" if len(curve) == 1 else None)  # fmt: skip
        if gid == "best":
            axes.text(epochs[-1], places[-1], f" {value_text(figure.ended[at].value)}", color=color, fontsize=9.5,
                      va="center", zorder=7)  # fmt: skip
    return handles[::-1]


def _value_axis(axes: Axes, figure: StudyFigure, scale: Scale, low: float, high: float) -> None:
    pad = 0.04 * (high - low)
    axes.set_ylim(low - pad, high + pad)
    ticks = scale.ticks(low - pad, high + pad)
    axes.set_yticks([at for at, _ in ticks], [text for _, text in ticks])
    axes.grid(True, axis="y")
    axes.set_axisbelow(True)
    axes.set_ylabel(f"{figure.called} {bent(scale)}".rstrip())


def _epoch_axis(axes: Axes, epochs: int) -> None:
    axes.set_xlim(1 - 0.02 * epochs, epochs + 0.09 * max(epochs - 1, 1))
    ticks = MaxNLocator(nbins=10, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1).tick_values(1, epochs)
    inside = sorted({1, *(int(tick) for tick in ticks if 1 <= tick <= epochs and tick == int(tick))})
    if len(inside) > 2 and inside[1] - 1 < (inside[2] - inside[1]) / 2:
        inside.pop(1)
    axes.set_xticks(inside)
    axes.set_xlabel(say("epoch", "에포크"))


def _rungs(axes: Axes, figure: StudyFigure, epochs: int) -> None:
    """A line where trials were stopped, and how many went on: above the picture."""
    before = len(figure.ended)
    last = -np.inf
    for at, left in rungs(figure):
        axes.axvline(at, color=INK, linewidth=0.9, linestyle=(0, (1, 2)), zorder=1)
        if at - last > 0.13 * epochs:  # else its text would stand on the one before
            axes.text(at, 1.02, f"{before:,} → {left:,}", transform=axes.get_xaxis_transform(), ha="center",
                      fontsize=8.5, color=FAINT)  # fmt: skip
            last = at
        before = left
