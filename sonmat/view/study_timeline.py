"""The timeline of a search: which core trained what, and when it waited."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from sonmat.language import say
from sonmat.view.canvas import FAINT, INK, finish, style
from sonmat.view.study_figure import StudyFigure
from sonmat.view.study_sheet import GOODNESS, blank, place, titled
from sonmat.view.tables import duration

_LANES = 32
_PAUSE = 0.2  # of the busy time: a longer gap in which nobody works is a pause, and is cut out
_SHORTEST = 20.0  # seconds that a pause lasts at least


@dataclass(frozen=True)
class Chunk:
    """Trials that one lane trained together.

    Attributes:
        lane: Counted from 0.
        began, ended: Seconds from the start, pauses left out.
        trials: How many ended in it.
        epochs: The most that one of them has trained.
        failed: How many of them failed.
    """

    lane: int
    began: float
    ended: float
    trials: int
    epochs: int
    failed: int = 0


@dataclass(frozen=True)
class Timeline:
    """When the lanes worked.

    Attributes:
        chunks: In the order in which they began.
        lanes: How many there are.
        seconds: From the first to the last, pauses left out.
        pauses: Where they were (seconds from the start), and how long they lasted.
        busy: The part of the lanes' time in which they worked, 0..1.
    """

    chunks: tuple[Chunk, ...]
    lanes: int
    seconds: float
    pauses: tuple[tuple[float, float], ...]
    busy: float


def draw_timeline(figure: StudyFigure, path: str | os.PathLike[str] | None = None) -> Path | Figure:
    """Draw a lane for each core or accelerator, with a bar for each chunk of trials: the darker, the more epochs.

    Args:
        figure: The study.
        path: The PNG to write; None gives the figure itself.

    Raises:
        StorageError: The file cannot be written.
    """
    with style():
        found = timeline(figure)
        title, remark = timeline_words(figure)
        if found is None:
            return finish(blank(title, remark), path)
        lanes = min(found.lanes, _LANES)
        drawn = titled(9, 2.1 + min(0.6, 4.5 / lanes) * lanes, title, remark)
        axes = place(drawn, 0.95, 1.0, 0.35, 0.95)
        _bars(axes, found)
        for at, lasted in found.pauses:
            axes.axvline(at, color=INK, linewidth=0.9, linestyle=(0, (1, 2)))
            axes.text(at, 1.01, duration(lasted), transform=axes.get_xaxis_transform(), ha="center", fontsize=8,
                      color=FAINT)  # fmt: skip
        axes.set_yticks(range(lanes), [str(lane) for lane in range(lanes)] if lanes <= 16 else [""] * lanes)
        axes.set_ylim(lanes - 0.4, -0.6)
        axes.set_ylabel(say("core", "코어"))
        axes.tick_params(axis="y", length=0)
        axes.set_xlim(0, found.seconds)
        every, unit, name = _unit(found.seconds)
        ticks = np.arange(0, found.seconds * 1.0001, every)
        axes.set_xticks(ticks, [f"{tick / unit:g}" for tick in ticks])
        axes.set_xlabel(name)
        shades = sorted({chunk.epochs for chunk in found.chunks})
        shown = shades if len(shades) <= 6 else [shades[i] for i in np.linspace(0, len(shades) - 1, 6).astype(int)]
        handles = [
            Patch(color=_shade(epochs, shades), label=say(f"to epoch {epochs}", f"{epochs} 에포크까지"))
            for epochs in shown
        ]
        drawn.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 0.0), ncols=6)
        return finish(drawn, path)


def timeline_words(figure: StudyFigure) -> tuple[str, str]:
    """The heading, and how fast it went."""
    found = timeline(figure)
    if found is None:
        return say("When the cores worked", "코어별 작업 시간"), say("No times were kept.", "저장된 시간이 없습니다.")
    took = duration(found.seconds)
    busy = f"{100 * found.busy:.0f} %"
    title = say(
        f"{found.lanes} core{'s' if found.lanes != 1 else ''} for {took}, {busy} of the time at work",
        f"코어 {found.lanes}개로 {took}, 그중 {busy} 동안 학습",
    )
    count = sum(chunk.trials for chunk in found.chunks)
    told = [say(f"{count:,} trial{'s' if count != 1 else ''}", f"시도 {count:,}개")]
    if found.seconds > 0:
        rate = f"{count / found.seconds:.2g}" if count < found.seconds * 10 else f"{count / found.seconds:.0f}"
        told.append(say(f"{rate} a second", f"초당 {rate}개"))
    if found.pauses:
        told.append(say("dotted: pauses, cut out", "점선: 잘라 낸 휴지 시간"))
    return title, ", ".join(told)


def timeline(figure: StudyFigure) -> Timeline | None:
    """When the lanes worked, from the trials' own times; None where none has any."""
    groups: dict[tuple[int, float, float], list[int]] = {}
    for at, trial in enumerate(figure.ended):
        if trial.began is not None and trial.ended is not None and trial.ended >= trial.began:
            groups.setdefault((trial.lane, trial.began, trial.ended), []).append(at)
    if not groups:
        return None
    spans = np.array([[began, ended] for _, began, ended in groups])
    together = _union(spans)
    pauses = _pauses(together)
    start = float(together[0, 0])

    def seconds(time: float) -> float:
        return time - start - sum(lasted for ended, lasted in pauses if ended <= time)

    lost = ~np.isfinite(figure.values)
    chunks = [
        Chunk(
            lane,
            seconds(began),
            seconds(ended),
            len(members),
            max(figure.ended[at].epochs for at in members),
            int(lost[members].sum()),
        )
        for (lane, began, ended), members in groups.items()
    ]
    numbers = {lane: i for i, lane in enumerate(sorted({chunk.lane for chunk in chunks}))}
    chunks = [
        Chunk(numbers[c.lane], c.began, c.ended, c.trials, c.epochs, c.failed)
        for c in sorted(chunks, key=lambda c: (c.began, c.lane))
    ]
    total = seconds(float(together[-1, 1]))
    worked = sum(
        float(np.ptp(_union(np.array([[c.began, c.ended] for c in chunks if c.lane == lane])), axis=1).sum())
        for lane in numbers.values()
    )
    marks = tuple((seconds(ended), lasted) for ended, lasted in pauses)
    return Timeline(
        tuple(chunks), len(numbers), total, marks, min(1.0, worked / (len(numbers) * total)) if total else 1.0
    )


def _union(spans: NDArray[np.float64]) -> NDArray[np.float64]:
    """(spans, 2) beginnings and ends as spans that do not overlap, in order."""
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    reach = np.maximum.accumulate(spans[:, 1])
    first = np.r_[True, spans[1:, 0] > reach[:-1]]
    last = np.r_[first[1:], True]
    return np.column_stack((spans[first, 0], reach[last]))


def _pauses(together: NDArray[np.float64]) -> list[tuple[float, float]]:
    """When pauses ended, and how long they lasted."""
    gaps = together[1:, 0] - together[:-1, 1]
    least = max(_SHORTEST, _PAUSE * float(np.ptp(together, axis=1).sum()))
    return [(float(together[at + 1, 0]), float(gaps[at])) for at in np.flatnonzero(gaps > least)]


def _bars(axes: Axes, found: Timeline) -> None:
    shades = sorted({chunk.epochs for chunk in found.chunks})
    shown = [chunk for chunk in found.chunks if chunk.lane < _LANES]
    edge = 0.7 if len(shown) < 150 else 0.25 if len(shown) < 600 else 0.0
    axes.barh(
        [chunk.lane for chunk in shown],
        [chunk.ended - chunk.began for chunk in shown],
        left=[chunk.began for chunk in shown],
        color=[_shade(chunk.epochs, shades) for chunk in shown],
        height=0.72,
        edgecolor="white",
        linewidth=edge,
    )
    axes.set_axisbelow(True)
    axes.grid(True, axis="x")
    for chunk in shown:
        told = f"{chunk.trials:,}"
        if chunk.ended - chunk.began > (0.006 + 0.009 * len(told)) * found.seconds and found.lanes <= 12:
            dark = shades.index(chunk.epochs) / max(1, len(shades) - 1) > 0.45 or len(shades) == 1
            axes.text((chunk.began + chunk.ended) / 2, chunk.lane, told, ha="center", va="center", fontsize=7.5,
                      color="white" if dark else INK)  # fmt: skip


def _shade(epochs: int, shades: list[int]) -> tuple[float, float, float, float]:
    part = shades.index(epochs) / (len(shades) - 1) if len(shades) > 1 else 0.75
    color: tuple[float, float, float, float] = GOODNESS(0.15 + 0.8 * part)
    return color


def _unit(seconds: float) -> tuple[float, float, str]:
    """The step between ticks in seconds, the length of the unit and its name."""
    unit, name = (1.0, say("seconds", "초"))
    if seconds > 7_200:
        unit, name = 3_600.0, say("hours", "시간")
    elif seconds > 150:
        unit, name = 60.0, say("minutes", "분")
    wanted = max(seconds, 1e-9) / unit / 8
    power = 10.0 ** np.floor(np.log10(wanted))
    step = next(times * power for times in (1, 2, 5, 10) if times * power >= wanted * 0.999)
    return float(step * unit), unit, name
