"""What the page of a study carries for its charts and its table: columns of plain numbers, and the words around them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonmat.language import say
from sonmat.search.trial import DONE, STOPPED
from sonmat.view.study_fan import fan_scale, fan_trials, rungs
from sonmat.view.study_figure import StudyFigure, bent, chance_text, difference_text
from sonmat.view.study_finalists import finalist_labels, finalists_window, promise
from sonmat.view.study_heatmap import best_cell, cell_shades, cells_name, cells_of, partial_name
from sonmat.view.study_history import best_so_far
from sonmat.view.study_importance import explained_name, importance_bars
from sonmat.view.study_parallel import chosen_lines
from sonmat.view.study_settings import SettingAxis
from sonmat.view.study_slices import best_where, reach, reach_name
from sonmat.view.study_timeline import timeline

LINES = (1_500, 500)  # of the rest and of the best, in parallel coordinates
CURVES, _POINTS = 400, 80  # curves of stopped and as many of finished trials, and epochs of each, at most
_PAIRED, _AXES = 5, 24  # hyperparameters with heatmaps, and with columns at all
_CHUNKS = 4_000


def payload(figure: StudyFigure) -> dict[str, Any]:
    """The study as JSON can hold it. What is not finite is null; a trial is its place in the columns."""
    axes = figure.axes[:_AXES]
    numbers, values = best_so_far(figure)
    return {
        "metric": figure.called,
        "axis": figure.axis_name,
        "maximize": figure.maximize,
        "scale": figure.scale.kind,
        "window": _plain(figure.window),
        "trials": {
            "number": [trial.number for trial in figure.ended],
            "value": _plain(figure.values),
            "state": "".join(np.select([figure.are(DONE), figure.are(STOPPED)], ["d", "s"], "f"))
            if figure.ended
            else "",
            "epochs": [trial.epochs for trial in figure.ended],
            "seconds": _plain((trial.seconds for trial in figure.ended), 4),
            "reason": {at: trial.reason for at, trial in enumerate(figure.ended) if trial.reason},
        },
        "best": int(figure.order[0]) if figure.best is not None else None,
        "winner": figure.other_winner,
        "lines": _lines(figure),
        "top": np.flatnonzero(figure.top).tolist(),
        "record": {"number": numbers.tolist(), "value": _plain(values)},
        "axes": [_axis(figure, axis) for axis in axes],
        "bars": [
            {"label": bar.label, "share": _number(bar.share), "clear": bar.clear, "pair": bar.pair, "told": bar.told}
            for bar in importance_bars(figure)
        ],
        "pairs": [_pair(figure, *two) for two in itertools.combinations(axes[:_PAIRED], 2)],
        "finalists": _finalists(figure),
        "finalists_window": _finalists_window(figure),
        "fan": _fan(figure),
        "timeline": _timeline(figure),
        "words": _words(figure),
    }


def _axis(figure: StudyFigure, axis: SettingAxis) -> dict[str, Any]:
    at, heights = reach(figure, axis)
    values = axis.places if axis.choices else axis.scale.back(axis.places)
    return {
        "name": axis.name,
        "label": axis.label,
        "choices": list(axis.choices),
        "log": axis.scale.kind == "log",
        "plain": axis.scale.kind != "log" or axis.low > -5.5,
        "ends": _plain(axis.scale.back([axis.low, axis.high])),
        "values": _plain(values),
        "where": best_where(figure, axis),
        "reach": {
            "at": _plain(at if axis.choices else axis.scale.back(at)),
            "value": _plain(figure.scale.back(heights)),
        },
    }


def _lines(figure: StudyFigure) -> dict[str, Any]:
    """The trials in parallel coordinates, worst first, the winner and the best of the search over them; and what each is:
    0 the rest, 1 among the best, 2 the winner where that is another, 3 the best of the search."""
    chosen = [int(at) for at in chosen_lines(figure, *LINES)]
    if not chosen:
        return {"trials": [], "kind": []}
    best, winner = int(figure.order[0]), figure.other_winner
    marked = [best] if winner is None else [winner, best]
    kinds = {at: int(figure.top[at]) for at in chosen} | {best: 3} | ({} if winner is None else {winner: 2})
    places = [*(at for at in chosen if at not in marked), *marked]
    return {"trials": places, "kind": [kinds[at] for at in places]}


def _pair(figure: StudyFigure, across: SettingAxis, down: SettingAxis) -> dict[str, Any]:
    cells = cells_of(figure, across, down)
    return {
        "across": across.label,
        "down": down.label,
        "along": [cells_name(across), cells_name(down)],
        "names_across": cells.names_across,
        "names_down": cells.names_down,
        "value": [_plain(row) for row in cells.values],
        "shade": [_plain(row, 3) for row in cell_shades(figure, [cells])[0]],
        "spread": [_plain(row, 3) for row in cells.spreads],
        "seeds": cells.seeds.tolist(),
        "tried": cells.tried.tolist(),
        "partial": cells.partial.tolist(),
        "best": best_cell(cells, figure.maximize),
    }


def _finalists(figure: StudyFigure) -> list[dict[str, Any]]:
    ranking = figure.ranking
    labels = finalist_labels(figure)
    rivals = {rival.number: rival for rival in ranking.rivals}
    found = []
    for one in ranking.standings:
        rival = rivals.get(one.number)
        apart = None
        if rival is not None and rival.difference is not None and rival.interval is not None:
            low, high = (difference_text(end) for end in rival.interval)
            apart = f"{difference_text(rival.difference)} ({low} … {high})"
        found.append(
            {
                "number": one.number,
                "label": labels[one.number],
                "seeds": list(one.values),
                "values": _plain(one.values.values()),
                "mean": _number(one.mean),
                "deviation": _number(one.deviation),
                "expected": _number(one.expected),
                "promised": _number(promise(figure, one.number)),
                "chance": None if one.chance is None else chance_text(one.chance),
                "apart": apart,
                "failed": list(one.failed),
            }
        )
    return found


def _finalists_window(figure: StudyFigure) -> list[float | None] | None:
    values: list[float] = []
    promises: list[float] = []
    for one in figure.ranking.standings:
        values += one.values.values()
        promised = promise(figure, one.number)
        promises += [promised] if promised is not None and np.isfinite(promised) else []
        if one.mean is not None and one.deviation is not None:
            values += [one.mean - one.deviation, one.mean + one.deviation]
    return _plain(finalists_window(values, promises)) if values else None


def _fan(figure: StudyFigure) -> dict[str, Any]:
    chosen = fan_trials(figure, CURVES, CURVES)
    if not chosen or figure.best is None:
        return {"curves": []}
    marked = [figure.best] if figure.other_winner is None else [figure.best, figure.ended[figure.other_winner]]
    there = {trial.number for trial in chosen}
    chosen += [one for one in marked if one.number not in there and len(one.curves.get(figure.metric, ()))]
    places = {trial.number: at for at, trial in enumerate(figure.ended)}
    scale, low, high = fan_scale(figure, chosen)
    curves = []
    for trial in chosen:
        curve = np.asarray(trial.curves[figure.metric], np.float64)
        at = np.unique(np.linspace(0, len(curve) - 1, min(len(curve), _POINTS)).round().astype(int))
        curves.append({"trial": places[trial.number], "epochs": (at + 1).tolist(), "values": _plain(curve[at], 5)})
    return {"curves": curves, "scale": scale.kind, "window": _plain([low, high]), "rungs": rungs(figure),
            "axis": f"{figure.called} {bent(scale)}".rstrip()}  # fmt: skip


def _timeline(figure: StudyFigure) -> dict[str, Any] | None:
    found = timeline(figure)
    if found is None:
        return None
    chunks = found.chunks[:_CHUNKS]
    return {
        "lanes": found.lanes,
        "seconds": _number(found.seconds),
        "lane": [chunk.lane for chunk in chunks],
        "began": _plain((chunk.began for chunk in chunks), 7),
        "lasted": _plain((chunk.ended - chunk.began for chunk in chunks), 5),
        "trials": [chunk.trials for chunk in chunks],
        "epochs": [chunk.epochs for chunk in chunks],
        "failed": [chunk.failed for chunk in chunks],
        "pauses": [_plain(one) for one in found.pauses],
    }


def _plain(values: Iterable[float] | NDArray[np.float64], digits: int = 6) -> list[float | None]:
    return [_number(value, digits) for value in (values.tolist() if isinstance(values, np.ndarray) else values)]


def _number(value: float | None, digits: int = 6) -> float | None:
    return float(f"{value:.{digits}g}") if value is not None and np.isfinite(value) else None


def _words(figure: StudyFigure) -> dict[str, str]:
    return {
        "trial": say("trial", "시도"),
        "done": say("trained to the end", "끝까지 학습"),
        "stopped": say("stopped early", "중간에 멈춤"),
        "failed": say("failed", "실패"),
        "best": figure.best_name,
        "winner": figure.winner_name,
        "cell": say("the best cell", "가장 좋은 칸"),
        "partial": partial_name(),
        "lost": say("all failed", "모두 실패"),
        "record": say("best so far", "그때까지 최고"),
        "reach": reach_name(),
        "where": say("the best", "상위"),
        "epoch": say("epoch", "에포크"),
        "epochs": say("epochs", "에포크"),
        "seconds": say("seconds", "초"),
        "minutes": say("minutes", "분"),
        "hours": say("hours", "시간"),
        "state": say("state", "상태"),
        "core": say("core", "코어"),
        "trials": say("trials", "시도"),
        "to": say("to epoch", "마지막 에포크"),
        "seed": say("seed", "시드"),
        "mean": say("mean ± standard deviation", "평균 ± 표준편차"),
        "promised": say("what the search promised", "탐색에서의 값"),
        "alone": say("one setting alone", "설정 하나"),
        "together": say("two together, beyond that", "둘의 조합이 더하는 몫"),
        "decides": explained_name(figure),
        "seeds": say("seeds", "시드"),
        "rows": say("Rows {0}–{1} of {2}", "{2}개 중 {0}–{1}"),
        "reason": say("reason", "이유"),
        "pause": say("pause", "휴지"),
    }
