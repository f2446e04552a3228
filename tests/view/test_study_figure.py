"""What the pictures of a study know of it: the best, the timeline, the cells, and what they say."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from sonmat.search.trial import DONE, FAILED, RUNNING, STOPPED, WAITING, Trial
from sonmat.view.study_fan import fan_trials, fan_words, rungs, saved_epochs
from sonmat.view.study_figure import StudyFigure, chance_text, difference_text, metric_name, value_text
from sonmat.view.study_finalists import finalists_window, finalists_words, promise, shared_words, verdict
from sonmat.view.study_heatmap import best_cell, cell_shades, cells_name, cells_of
from sonmat.view.study_history import best_so_far, history_words, nearly
from sonmat.view.study_importance import explained_name, importance_bars, importance_words
from sonmat.view.study_parallel import chosen_lines
from sonmat.view.study_slices import best_where, reach
from sonmat.view.study_timeline import timeline


def curve(*values: float) -> dict[str, np.ndarray]:
    return {"val_accuracy": np.array(values, np.float32)}


def study(trials: list[Trial], **more: object) -> StudyFigure:
    return StudyFigure("a study", tuple(trials), **more)  # type: ignore[arg-type]


TRIALS = [
    Trial(0, {"rate": 0.1}, 0, DONE, 0.90, curve(0.5, 0.8, 0.9)),
    Trial(1, {"rate": 0.2}, 0, STOPPED, 0.97, curve(0.97)),
    Trial(2, {"rate": 0.3}, 0, FAILED, None, curve(math.nan), reason="the loss is not finite"),
    Trial(3, {"rate": 0.4}, 0, DONE, 0.95, curve(0.6, 0.9, 0.95)),
    Trial(4, {"rate": 0.5}, 0, DONE, math.nan, curve(0.6, 0.9, math.nan)),
    Trial(5, {"rate": 0.6}, 0, DONE, 0.94, curve(0.6, 0.9, 0.94)),
    Trial(6, {"rate": 0.7}, 0, RUNNING),
    Trial(7, {"rate": 0.8}, 0, WAITING),
]


def test_states_values_and_the_best() -> None:
    figure = study(TRIALS)
    assert [trial.number for trial in figure.ended] == [0, 1, 2, 3, 4, 5]
    assert figure.best is TRIALS[3]  # the stopped one had a better value, after one epoch
    assert figure.are(DONE).tolist() == [True, False, False, True, False, True]
    assert figure.are(FAILED).tolist() == [False, False, True, False, True, False]
    assert replace(figure, maximize=False, metric="val_loss").best is TRIALS[0]
    assert study([]).best is None
    assert study([TRIALS[2]]).best is None
    assert study([TRIALS[1]]).best is TRIALS[1]


def test_the_best_so_far_counts_only_what_was_trained_to_the_end() -> None:
    numbers, values = best_so_far(study(TRIALS))
    assert numbers.tolist() == [0, 3]
    assert values.tolist() == [0.90, 0.95]
    numbers, values = best_so_far(study(TRIALS[1:3]))
    assert values.tolist() == [0.97]
    losses = [Trial(i, {}, 0, DONE, value) for i, value in enumerate([3.0, 4.0, 2.0, 2.0])]
    assert best_so_far(study(losses, maximize=False))[0].tolist() == [0, 2]
    assert best_so_far(study([]))[0].tolist() == []


def test_when_the_search_had_nearly_all() -> None:
    values = [0.5] * 5 + [0.899] + [0.5] * 5 + [0.9] + [0.5] * 5
    found = nearly(study([Trial(i, {}, 0, DONE, value) for i, value in enumerate(values)]))
    assert found == (5, 0.899)
    assert nearly(study([Trial(i, {}, 0, DONE, i / 40) for i in range(40)])) == (38, 0.95)
    assert nearly(study(TRIALS)) is None


def test_headings_carry_what_is_seen() -> None:
    title, remark = history_words(study(TRIALS))
    assert title == "a study: the best of 6 trials reached 0.9500"
    assert "1 stopped early" in remark
    assert "2 failed" in remark
    assert history_words(study([]))[1] == "No trial has ended yet."
    assert "2 trials failed" in history_words(study([TRIALS[2], TRIALS[4]]))[1]
    assert "the loss is not finite" in history_words(study([TRIALS[2]]))[1]


def test_the_fan_says_where_halving_cut() -> None:
    trials = [Trial(i, {}, 0, STOPPED, 0.5, curve(*[0.5] * n)) for i, n in enumerate([1] * 6 + [3] * 2)]
    trials += [Trial(8, {}, 0, DONE, 0.9, curve(*[0.9] * 9))]
    figure = study(trials)
    assert rungs(figure) == [(1, 3), (3, 1)]
    assert saved_epochs(figure) == pytest.approx(1 - (6 + 6 + 9) / 81)
    assert fan_words(figure)[0] == "8 of 9 trials were stopped early, which saved 74 % of the epochs"
    assert len(fan_trials(figure, stopped=3)) == 4
    assert fan_trials(figure)[-1].number == 8  # the best is drawn last
    assert fan_trials(study([Trial(0, {}, 0, DONE, 0.9)])) == []


def test_lines_are_chosen_from_the_best_to_the_worst() -> None:
    figure = study([Trial(i, {"rate": float(i)}, 0, DONE, i / 1000) for i in range(1000)])
    chosen = chosen_lines(figure, rest=20, top=10)
    assert len(chosen) == 30
    values = figure.values[chosen]
    assert np.all(np.diff(values) > 0)
    assert (values[0], values[-1]) == (0, 0.999)


def test_cells_hold_the_best_setting_and_its_spread() -> None:
    trials = [
        Trial(0, {"a": "x", "b": 1}, 0, DONE, 0.90),
        Trial(1, {"a": "x", "b": 1}, 1, DONE, 0.92),  # the same setting with another seed
        Trial(2, {"a": "y", "b": 1}, 0, DONE, 0.95),
        Trial(3, {"a": "y", "b": 2}, 0, FAILED),
        Trial(4, {"a": "y", "b": 1, "c": 7}, 0, DONE, 0.94),
    ]
    repeats = [Trial(i, trials[2].settings, i, DONE, value, repeats=2) for i, value in enumerate([0.93, 0.935])]
    figure = study(trials, repeats=tuple(repeats))
    axes = {axis.name: axis for axis in figure.axes}
    cells = cells_of(figure, axes["a"], axes["b"])
    assert (cells.names_across, cells.names_down) == (["x", "y"], ["1", "2"])
    assert cells.values[0] == pytest.approx([0.91, 0.94])  # trial 2's repeats took the place of its lucky value
    assert cells.spreads[0, 0] == pytest.approx(np.std([0.9, 0.92], ddof=1))
    assert np.isnan(cells.spreads[0, 1])
    assert cells.seeds.tolist() == [[2, 1], [0, 0]]
    assert cells.tried.tolist() == [[2, 2], [0, 1]]
    assert np.isnan(cells.values[1]).all()
    (shades,) = cell_shades(figure, [cells])
    assert shades[0, 1] == 1
    assert shades[0, 0] < 1
    (reversed_,) = cell_shades(replace(figure, maximize=False, metric="val_loss"), [cells])
    assert reversed_[0, 0] == 1


def test_the_line_of_a_setting_is_its_best_tenth() -> None:
    random = np.random.default_rng(0)
    trials = [
        Trial(
            i,
            {"rate": float(rate), "kind": "ab"[i % 2]},
            0,
            DONE if i % 2 else FAILED,
            1 + float(rate) if i % 2 else None,
        )
        for i, rate in enumerate(random.uniform(size=400))
    ]
    figure = study(trials, metric="score")
    axes = {axis.name: axis for axis in figure.axes}
    at, heights = reach(figure, axes["rate"])
    assert len(at) == 14
    assert np.all(np.diff(at) > 0)
    assert heights == pytest.approx(1 + at, abs=0.1)
    at, heights = reach(figure, axes["kind"])
    assert np.isnan(heights[0])  # all of them failed
    assert heights[1] == pytest.approx(1.95, abs=0.03)
    assert best_where(figure, axes["kind"]) == "b (100 %)"
    few = study(trials[:20], metric="score")
    assert reach(few, next(axis for axis in few.axes if axis.name == "rate"))[0].size == 0


def test_the_timeline_cuts_pauses_out_and_says_how_busy_it_was() -> None:
    def ran(number: int, lane: int, began: float, ended: float) -> Trial:
        return Trial(number, {}, 0, DONE, 0.5, curve(0.5), began=1e9 + began, ended=1e9 + ended, lane=lane)

    trials = [ran(0, 2, 0, 10), ran(1, 2, 0, 10), ran(2, 5, 0, 5), ran(3, 2, 5_000, 5_010), Trial(4, {}, 0, DONE, 0.5)]
    found = timeline(study(trials))
    assert found is not None
    assert (found.lanes, found.seconds) == (2, 20)
    assert found.busy == pytest.approx(25 / 40)
    assert [(one.lane, one.began, one.ended, one.trials) for one in found.chunks] == [
        (0, 0, 10, 2), (1, 0, 5, 1), (0, 10, 20, 1),
    ]  # fmt: skip
    assert found.pauses == ((10, 4_990),)
    assert timeline(study([Trial(0, {}, 0, DONE, 0.5)])) is None


def test_overlapping_chunks_are_not_counted_twice() -> None:
    trials = [Trial(i, {}, 0, DONE, 0.5, began=float(i), ended=10.0) for i in range(3)]
    found = timeline(study(trials))
    assert found is not None
    assert found.busy == 1


def repeated(*values: list[float]) -> tuple[Trial, ...]:
    return tuple(
        Trial(0, {"rate": row}, seed, DONE, value, repeats=row)
        for row, one in enumerate(values)
        for seed, value in enumerate(one)
    )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([], "No finalist has been repeated yet."),
        ([[0.95, 0.96]], "Trial 0 alone was repeated: 0.9550 ± 0.0071"),
        ([[0.95], [0.94]], "Trial 0 is first, 0.9500; too few seeds"),
        ([[0.95, 0.951, 0.949], [0.90, 0.901, 0.899]], "Trial 0 is the best, 0.9500 ± 0.0010 (>99 % sure)"),
        ([[0.90, 0.951, 0.949], [0.89, 0.96, 0.94]], "trial 1 may be as good"),
    ],
)
def test_verdicts(values: list[list[float]], said: str) -> None:
    assert said in verdict(study(TRIALS, repeats=repeated(*values)).ranking)


def test_what_the_search_promised_is_held_against_it() -> None:
    figure = study(
        [Trial(i, {"rate": i}, 0, DONE, 0.97) for i in range(2)], repeats=repeated([0.95, 0.951], [0.9, 0.9])
    )
    assert promise(figure) == 0.97
    assert "The search had promised 0.9700: 0.0195 of that was luck." in finalists_words(figure)[1]
    lost = replace(figure, repeats=(*figure.repeats, Trial(9, {"rate": 5}, 7, FAILED, repeats=5)))
    assert "Trial 5 failed with seed 7" in finalists_words(lost)[1]
    assert "Trial 0 has no result with seed 7." in finalists_words(lost)[1]


def test_a_promise_far_off_does_not_squeeze_the_finalists() -> None:
    assert finalists_window([0.94, 0.95], [0.955]) == (0.94, 0.955)
    assert finalists_window([0.94, 0.95], [0.1]) == (0.94, 0.95)
    assert finalists_window([0.94], []) == (0.94, 0.94)


def test_bars_show_pairs_only_where_they_are_clear() -> None:
    random = np.random.default_rng(0)
    trials = []
    for i in range(400):
        rate, kind = float(random.uniform()), "ab"[random.integers(2)]
        good = rate > 0.7 if kind == "a" else rate < 0.3
        trials.append(Trial(i, {"t.rate": rate, "kind": kind, "idle": float(random.uniform())}, 0, DONE,
                            float(good + random.normal() / 10)))  # fmt: skip
    figure = study(trials, metric="score")
    bars = importance_bars(figure)
    assert (bars[0].label, bars[0].pair, bars[0].clear) == ("rate × kind", True, True)
    assert sum(bar.pair for bar in bars) == 1
    assert [axis.label for axis in figure.axes][:2] in (["rate", "kind"], ["kind", "rate"])
    assert importance_words(figure)[0].startswith("rate × kind")
    assert "It takes 20 trials" in importance_words(study(TRIALS))[1]


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.9512", value_text(0.95123)), ("1.234e+04", value_text(12345.0)), ("–", value_text(None)),
     ("–", value_text(math.nan)), ("−0.0012", difference_text(-0.00123)), ("1.2e-05", difference_text(1.2e-5)),
     ("<1 %", chance_text(0.001)), (">99 %", chance_text(0.999)), ("64 %", chance_text(0.64)),
     ("validation accuracy", metric_name("val_sparse_categorical_accuracy")), ("loss", metric_name("loss"))],
)  # fmt: skip
def test_numbers_in_words(text: str, value: str) -> None:
    assert value == text


def overtaken() -> StudyFigure:
    """A study whose best of the search, trial 3, lost to trial 5 over seeds; trial 1 was stopped, with the best value."""
    repeats = [
        Trial(0, {"rate": rate}, seed, DONE, value + 0.001 * seed, repeats=number)
        for number, rate, value in ((3, 0.4, 0.91), (5, 0.6, 0.94))
        for seed in range(3)
    ]
    return study(TRIALS, repeats=tuple(repeats))


def test_the_best_of_the_search_and_the_winner_are_told_apart() -> None:
    figure = overtaken()
    assert figure.best_name == "best of the search: trial 3"
    assert figure.winner_name == "winner over seeds: trial 5"
    assert figure.winner == figure.other_winner == 5
    alone = replace(figure, repeats=tuple(one for one in figure.repeats if one.repeats == 3))
    assert alone.best_name == "best of the search, and winner: trial 3"
    assert (alone.winner_name, alone.other_winner) == ("", None)
    assert study(TRIALS).winner is None
    elsewhere = replace(figure, repeats=tuple(replace(one, repeats=77) for one in figure.repeats))
    assert elsewhere.winner is None  # repeats of a trial that is not there


def test_the_best_are_counted() -> None:
    assert study(TRIALS).top_name == "the best 3"
    assert study([Trial(i, {}, 0, DONE, i / 30) for i in range(30)]).top_name == "the best 5"
    assert study([Trial(i, {}, 0, DONE, i / 300) for i in range(300)]).top_name == "the best 30"


def test_a_bent_axis_says_so() -> None:
    bent_ = study([Trial(i, {}, 0, DONE, value) for i, value in enumerate([0.1, 0.5, 0.97, 0.98])])
    assert bent_.axis_name == "validation accuracy (stretched towards 1)"
    even = study([Trial(i, {}, 0, DONE, value) for i, value in enumerate([0.96, 0.97])])
    assert even.axis_name == "validation accuracy"


def test_stopped_trials_colour_only_cells_that_have_no_other() -> None:
    trials = [
        Trial(0, {"a": "x", "b": 1}, 0, DONE, 0.90),
        Trial(1, {"a": "x", "b": 1, "c": 1}, 0, STOPPED, 0.99),
        Trial(2, {"a": "y", "b": 1}, 0, STOPPED, 0.98),
        Trial(3, {"a": "y", "b": 2}, 0, FAILED),
    ]
    figure = study(trials)
    axes = {axis.name: axis for axis in figure.axes}
    cells = cells_of(figure, axes["a"], axes["b"])
    assert cells.values[0].tolist() == [0.90, 0.98]
    assert cells.partial.tolist() == [[False, True], [False, False]]
    assert best_cell(cells, True) == (0, 0)
    repeats = (Trial(0, trials[2].settings, 9, DONE, 0.95, repeats=2),)  # trained to the end, whatever the trial was
    again = cells_of(replace(figure, repeats=repeats), axes["a"], axes["b"])
    assert again.values[0].tolist() == [0.90, 0.95]
    assert not again.partial.any()
    assert best_cell(again, True) == (0, 1)


def test_a_ranges_cells_are_called_parts() -> None:
    random = np.random.default_rng(0)
    figure = study([Trial(i, {"rate": float(random.uniform()), "kind": "ab"[i % 2]}, 0, DONE, 0.9) for i in range(20)])
    names = {axis.name: cells_name(axis) for axis in figure.axes}
    assert names == {"rate": "rate (parts of its range, by their middles)", "kind": "kind"}


def test_what_all_finalists_share_is_said() -> None:
    trials = [Trial(i, {"rate": 0.1 * i, "units": 64 if i else 32}, 0, DONE, 0.9) for i in range(4)]
    repeats = tuple(
        Trial(0, trials[number].settings, seed, DONE, 0.9, repeats=number) for number in (1, 2) for seed in range(2)
    )
    assert shared_words(study(trials, repeats=repeats)) == "all with units 64"
    assert shared_words(study(trials)) == ""


@pytest.mark.parametrize(("count", "best"), [(20, 6), (30, 10), (60, 10), (200, 20)])
def test_importance_says_how_many_are_the_best(count: int, best: int) -> None:
    figure = study([Trial(i, {"rate": float(i)}, 0, DONE, i / count) for i in range(count)])
    assert f"which trials are the best {best} of {count}" in importance_words(figure)[1]
    assert f"among the best {best}," in explained_name(figure)
