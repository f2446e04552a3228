"""The pictures of `benchmarks.notes_question`, one file a language: the map, the rates, and the gap."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator
from PIL import Image

from benchmarks.notes_question_summary import LEARNED, NOTES
from sonmat.files import replacing
from sonmat.view.canvas import BLUE, FAINT, GREEN, INK, ORANGE, sheet, style
from sonmat.view.study_sheet import GOODNESS

Told = Callable[[str, str], str]
"""The one of two texts, English and Korean, that a picture is drawn with."""

_BATCHES = ((ORANGE, "o"), (BLUE, "s"), (GREEN, "^"))  # from the smallest
_WIDTHS = ("#9CC7D8", "#4F9FC0", "#1F6E9C", "#123C69")  # darker is wider
_COLORS = 128
_ACCURACIES = (0.1, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99)


def draw(record: Mapping[str, Any], folder: Path) -> list[Path]:
    """Draw every picture in both languages.

    Args:
        record: What `notes_question.collect` gives.
        folder: Where to; `question_map.png` is English and `question_map.ko.png` Korean.

    Returns:
        The files.

    Raises:
        StorageError: A file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, picture in (("map", _map), ("rates", _rates), ("gap", _gap)):
        for ending, place in (("png", 0), ("ko.png", 1)):
            path = folder / f"question_{name}.{ending}"
            with style():
                _write(picture(record["summary"], lambda *texts, place=place: texts[place]), path)
            files.append(path)
    return files


def _write(figure: Figure, path: Path) -> None:
    """The figure as a PNG of few colours, a quarter of the size."""
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    with replacing(path) as file:
        image.quantize(_COLORS, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)


def _map(summary: Mapping[str, Any], told: Told) -> Figure:
    """A heatmap a width: rate across, batch size down, in each cell mean and spread over seeds."""
    cells = summary["cells"]
    widths, batches, rates = (sorted({cell[name] for cell in cells}) for name in ("width", "batch", "rate"))
    shade = _shades(cells)
    best = summary["single"]["all"]
    figure = sheet(10.4, 6.3)
    seeds = summary["seeds"]
    title = told(
        f"Validation accuracy, % (mean ± standard deviation over {seeds} seeds)",
        f"검증 정확도, % (시드 {seeds}개의 평균 ± 표준편차)",
    )
    figure.suptitle(title, y=0.975, fontsize=12.5)
    for place, width in enumerate(widths):
        axes = figure.add_subplot(2, 2, place + 1)
        colors = np.ones((len(batches), len(rates), 4))
        for cell in (cell for cell in cells if cell["width"] == width):
            at = batches.index(cell["batch"]), rates.index(cell["rate"])
            learned = cell["learned"]
            whole = learned == seeds
            colors[at] = GOODNESS(shade(cell["mean"])) if whole else (1, 1, 1, 1)
            text = f"{100 * cell['mean']:.2f}\n± {100 * cell['sd']:.2f}"
            if not whole:
                text = told(f"{learned} of {seeds}\nlearned", f"{seeds}개 중\n{learned}개 학습")
            dark = whole and shade(cell["mean"]) > 0.55
            axes.text(at[1], at[0], text, ha="center", va="center", fontsize=8.5, linespacing=1.1,
                      color="white" if dark else INK if whole else ORANGE)  # fmt: skip
            for setting, line in ((NOTES, (0, (2, 1.2))), (best, "solid")):
                if all(cell[name] == setting[name] for name in NOTES):
                    axes.add_patch(Rectangle((at[1] - 0.47, at[0] - 0.46), 0.94, 0.92, fill=False, edgecolor=ORANGE,
                                             linewidth=2.2, linestyle=line))  # fmt: skip
        axes.imshow(colors, aspect="auto", interpolation="nearest")
        axes.set_xticks(range(len(rates)), [f"{rate:g}" for rate in rates])
        axes.set_yticks(range(len(batches)), [str(batch) for batch in batches])
        axes.set_xticks(np.arange(len(rates) + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(len(batches) + 1) - 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=1.6)
        axes.tick_params(which="both", length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.set_title(f"784-{width}-{width}-10", fontsize=11, pad=5)
        if place % 2 == 0:
            axes.set_ylabel(told("batch size", "배치 크기"))
        if place >= 2:
            axes.set_xlabel(told("learning rate", "학습률"))
    figure.subplots_adjust(left=0.065, right=0.985, top=0.885, bottom=0.145, wspace=0.1, hspace=0.27)
    frames = [
        Patch(fill=False, edgecolor=ORANGE, linewidth=2, linestyle=(0, (2, 1.2)), label=told("the notes' defaults", "노트의 기본값")),
        Patch(fill=False, edgecolor=ORANGE, linewidth=2, label=told("the best mean", "평균이 가장 좋은 설정")),
    ]  # fmt: skip
    figure.legend(handles=frames, loc="lower center", ncols=2, bbox_to_anchor=(0.52, 0.0))
    return figure


def _rates(summary: Mapping[str, Any], told: Told) -> Figure:
    """Accuracy against rate, a line a batch size, a panel a width."""
    cells = summary["cells"]
    widths, batches, rates = (sorted({cell[name] for cell in cells}) for name in ("width", "batch", "rate"))
    figure = sheet(10.4, 3.9)
    figure.suptitle(told("Validation accuracy by learning rate", "학습률에 따른 검증 정확도"), y=0.975, fontsize=12.5)
    highest = max(cell["most"] for cell in cells)
    for place, width in enumerate(widths):
        axes = figure.add_subplot(1, len(widths), place + 1)
        axes.spines["right"].set_visible(False)
        for batch, (color, marker), aside in zip(batches, _BATCHES, (0.94, 1.0, 1.06), strict=False):
            row = sorted(
                (c for c in cells if (c["width"], c["batch"]) == (width, batch)), key=lambda cell: cell["rate"]
            )
            at = np.array([cell["rate"] for cell in row]) * aside  # so that the bars stand beside each other
            mean, least, most = (_place([cell[name] for cell in row]) for name in ("mean", "least", "most"))
            axes.vlines(at, least, most, color=color, linewidth=1.1, alpha=0.6)
            axes.plot(at, mean, color=color, marker=marker, markersize=4.5, linewidth=1.5)
            if (width, batch) == (NOTES["width"], NOTES["batch"]):
                mine = mean[[cell["rate"] for cell in row].index(NOTES["rate"])]
                axes.plot(NOTES["rate"] * aside, mine, marker="*", markersize=15, markerfacecolor="#F0E442",
                          markeredgecolor=INK, linestyle="none", zorder=5)  # fmt: skip
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(rates))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xticks(rates, [f"{rate:g}" for rate in rates], fontsize=8.5)
        _accuracy_axis(axes, highest, named=place == 0)
        axes.set_title(f"784-{width}-{width}-10", fontsize=11, pad=5)
        axes.set_xlabel(told("learning rate", "학습률"))
        if place == 0:
            axes.set_ylabel(told("accuracy (error on a log axis)", "정확도 (오차의 로그 축)"))
    figure.subplots_adjust(left=0.075, right=0.99, top=0.84, bottom=0.25, wspace=0.08)
    lines = [
        Line2D([], [], color=color, marker=marker, markersize=5, label=told(f"batch {batch}", f"배치 {batch}"))
        for batch, (color, marker) in zip(batches, _BATCHES, strict=False)
    ]
    bar = Line2D([], [], color=FAINT, marker="|", markersize=11, markeredgewidth=1.2, linestyle="none",
                 label=told("lowest to highest seed", "가장 낮은 시드부터 높은 시드까지"))  # fmt: skip
    star = Line2D([], [], marker="*", markersize=13, markerfacecolor="#F0E442", markeredgecolor=INK, linestyle="none",
                  label=told("the notes' defaults", "노트의 기본값"))  # fmt: skip
    figure.legend(handles=[*lines, bar, star], loc="lower center", ncols=5, bbox_to_anchor=(0.52, 0.0))
    return figure


def _gap(summary: Mapping[str, Any], told: Told) -> Figure:
    """Left: training minus validation accuracy by rate, a line a width. Right: the one against the other."""
    sound = [cell for cell in summary["cells"] if "gap" in cell]
    widths, batches = (sorted({cell[name] for cell in sound}) for name in ("width", "batch"))
    figure = sheet(10.4, 4.6)
    title = told(
        "Training and validation rows under the same frozen weights", "같은 고정 가중치로 잰 학습 행과 검증 행"
    )
    figure.suptitle(title, y=0.975, fontsize=12.5)
    left, right = figure.add_subplot(1, 2, 1), figure.add_subplot(1, 2, 2)
    for axes in (left, right):
        axes.spines["right"].set_visible(False)
    for width, color in zip(widths, _WIDTHS, strict=False):
        row = sorted(
            (c for c in sound if (c["width"], c["batch"]) == (width, NOTES["batch"])), key=lambda cell: cell["rate"]
        )
        at, mean, spread = (
            np.array([cell["rate"] for cell in row]),
            *(np.array([100 * cell["gap"][name] for cell in row]) for name in ("mean", "sd")),
        )
        left.errorbar(at, mean, yerr=spread, color=color, marker="o", markersize=4.5, linewidth=1.6, capsize=2,
                      label=f"{width}-{width}")  # fmt: skip
    left.axhline(0, color=FAINT, linewidth=0.8)
    left.set_xscale("log")
    rates = sorted({cell["rate"] for cell in sound})
    left.xaxis.set_minor_locator(NullLocator())
    left.set_xticks(rates, [f"{rate:g}" for rate in rates])
    left.set_xlabel(told("learning rate", "학습률"))
    left.set_ylabel(told("training − validation, points", "학습 − 검증, %p"))
    left.set_title(told(f"the gap at batch {NOTES['batch']}", f"배치 {NOTES['batch']}에서의 격차"), fontsize=11, pad=5)
    left.legend(title=told("hidden units", "은닉 유닛"), loc="upper left", title_fontsize=9.5)
    left.grid(True, axis="y")
    for batch, (color, marker) in zip(batches, _BATCHES, strict=False):
        some = [cell for cell in sound if cell["batch"] == batch]
        right.scatter(_place([c["train"] for c in some]), _place([c["mean"] for c in some]), color=color, marker=marker,
                      s=[14 + 9 * widths.index(c["width"]) for c in some], alpha=0.85, linewidths=0,
                      label=told(f"batch {batch}", f"배치 {batch}"))  # fmt: skip
    both = [cell["train"] for cell in sound] + [cell["mean"] for cell in sound]
    ends = [float(_place([min(both)])[0]) - 0.05, float(_place([max(both)])[0]) + 0.05]
    right.plot(ends, ends, color=FAINT, linewidth=1, linestyle="--", label=told("no gap", "격차 없음"))
    right.set_xlim(*ends)
    right.set_ylim(*ends)
    ticks = [tick for tick in _ACCURACIES if ends[0] <= _place([tick])[0] <= ends[1]]
    right.set_xticks(_place(ticks), [f"{100 * tick:g} %" for tick in ticks])
    right.set_yticks(_place(ticks), [f"{100 * tick:g} %" for tick in ticks])
    right.grid(True)
    right.set_axisbelow(True)
    right.set_xlabel(told("training accuracy", "학습 정확도"))
    right.set_ylabel(told("validation accuracy", "검증 정확도"))
    title = told("every setting; larger marks are wider networks", "모든 설정, 표시가 클수록 넓은 신경망")
    right.set_title(title, fontsize=11, pad=5)
    right.legend(loc="upper left")
    figure.subplots_adjust(left=0.065, right=0.985, top=0.85, bottom=0.12, wspace=0.21)
    return figure


def _place(accuracies: Sequence[float]) -> np.ndarray:
    """Where accuracies stand on an axis on which halving the error is one length."""
    places: np.ndarray = -np.log2(np.maximum(1 - np.asarray(accuracies, float), 1e-5))
    return places


def _accuracy_axis(axes: Axes, highest: float, *, named: bool) -> None:
    low, high = float(_place([0.05])[0]), float(_place([highest])[0]) + 0.25
    ticks = [tick for tick in _ACCURACIES if _place([tick])[0] < high]
    axes.set_ylim(low, high)
    axes.set_yticks(_place(ticks), [f"{100 * tick:g} %" if named else "" for tick in ticks])
    axes.grid(True, axis="y")
    axes.set_axisbelow(True)


def _shades(cells: Sequence[Mapping[str, Any]]) -> Callable[[float], float]:
    """How good an accuracy is, 0..1, by its error's logarithm: from the median of what learned, less as much again."""
    places = _place([cell["mean"] for cell in cells if cell["mean"] >= LEARNED])
    best, middle = float(places.max()), float(np.median(places))
    low = best - 2.2 * max(best - middle, 1e-6)
    return lambda accuracy: float(np.clip((_place([accuracy])[0] - low) / (best - low), 0, 1))
