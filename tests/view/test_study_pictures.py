"""Every picture of a study can be drawn, in both languages, whatever the study holds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from sonmat.errors import StorageError
from sonmat.search.space import Choice, Range, Space
from sonmat.search.trial import DONE, FAILED, STATES, STOPPED, WAITING, Trial
from sonmat.view.study_fan import draw_fan
from sonmat.view.study_figure import StudyFigure
from sonmat.view.study_finalists import draw_finalists
from sonmat.view.study_heatmap import draw_heatmap
from sonmat.view.study_history import draw_history
from sonmat.view.study_importance import draw_importance
from sonmat.view.study_parallel import draw_parallel
from sonmat.view.study_slices import draw_slices
from sonmat.view.study_timeline import draw_timeline

pytestmark = [
    pytest.mark.filterwarnings("error"),
    # what other tests left behind may be collected during one of these
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

DRAWS: list[Callable[..., Any]] = [
    draw_history, draw_slices, draw_heatmap, draw_parallel, draw_importance, draw_fan, draw_timeline, draw_finalists,
]  # fmt: skip
SPACE = Space(
    {
        "train.learning_rate": Range(1e-4, 5.0, log=True),
        "train.batch_size": Choice((20, 50, 100)),
        "model.hidden": Choice(([20], [20, 20], [64, 32])),
        "train.optimizer": Choice(("sgd", "adam")),
        "model.dropout": Range(0.0, 0.5),
    }
)


def searched(count: int, seed: int = 0) -> tuple[Trial, ...]:
    """Trials as halving leaves them: rungs at 1, 3 and 9 epochs, some that failed."""
    random = np.random.default_rng(seed)
    found = []
    for number in range(count):
        given = {
            "train.learning_rate": float(10 ** random.uniform(-4, 0.69)),
            "train.batch_size": [20, 50, 100][random.integers(3)],
            "model.hidden": [[20], [20, 20], [64, 32]][random.integers(3)],
            "train.optimizer": ["sgd", "adam"][random.integers(2)],
            "model.dropout": float(random.uniform(0, 0.5)),
        }
        off = np.log10(given["train.learning_rate"]) + (0.7 if given["train.optimizer"] == "sgd" else 2.3)
        best = max(0.1, 0.97 - 0.03 * off**2)
        epochs = 9 if best > 0.965 else 3 if best > 0.94 else 1
        curve = best - (best - 0.1) * np.exp(-np.arange(1, epochs + 1)) + 0.002 * random.normal(size=epochs)
        lost = off > 2
        value = None if lost else float(curve[-1])
        state = FAILED if lost else DONE if epochs == 9 else STOPPED
        curve = np.where(lost, np.nan, np.clip(curve, 0, 1)).astype(np.float32)
        start = 1e9 + number // 20 * 3.0
        found.append(
            Trial(number, given, 0, state, value, {"val_accuracy": curve}, 0.1, "the loss is not finite" if lost else "",
                  start, start + 2.5, number // 10 % 2)
        )  # fmt: skip
    return tuple(found)


def repeated(trials: tuple[Trial, ...], count: int = 3) -> tuple[Trial, ...]:
    best = sorted((t for t in trials if t.value is not None), key=lambda t: -(t.value or 0))[:count]
    random = np.random.default_rng(1)
    return tuple(
        Trial(0, t.settings, seed, DONE, (t.value or 0) - 0.002 + 0.001 * float(random.normal()), repeats=t.number)
        for t in best
        for seed in range(4)
    )


def studied(count: int, **more: Any) -> StudyFigure:
    trials = searched(count)
    return replace(StudyFigure("a study", trials, repeated(trials), space=SPACE), **more)


def odd() -> dict[str, StudyFigure]:
    plain = studied(60)
    long = {"아주.긴_한글_설정_이름_" * 3: "값" * 30, "m.😀" * 9: "x" * 99, "$x_1$": "<b>&</b>"}
    named = tuple(
        replace(t, settings={**t.settings, **{key: f"{value}{t.number % 3}" for key, value in long.items()}})
        for t in plain.trials
    )
    losses = tuple(
        replace(
            t,
            value=1e30 if t.number == 7 else None if t.value is None else 3 * (1 - t.value),
            curves={"val_loss": 3 * (1 - t.curves["val_accuracy"])},
        )
        for t in plain.trials
    )
    same = tuple(Trial(i, {"a": 1}, 0, DONE, 0.9, {"val_accuracy": np.full(2, 0.9)}) for i in range(30))
    return {
        "none": StudyFigure("nothing yet", ()),
        "waiting": StudyFigure("nothing yet", (Trial(0, {"a": 1}, 0, WAITING),)),
        "all failed": StudyFigure("lost", tuple(Trial(i, {"a": i}, 0, FAILED, reason="NaN") for i in range(30))),
        "names": StudyFigure("탐색 " * 40, named, plain.repeats),
        "losses": StudyFigure("losses", losses, plain.repeats, "val_loss", maximize=False),
        "same": StudyFigure("same", same, tuple(replace(t, repeats=t.number % 2, seed=t.number) for t in same)),
        "perfect": StudyFigure("perfect", (Trial(0, {"a": 1}, 0, DONE, 1.0), Trial(1, {"a": 2}, 0, DONE, 1.0))),
        "no space": replace(plain, space=None),
        "many lanes": replace(plain, trials=tuple(replace(t, lane=t.number % 40) for t in plain.trials)),
    }


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("count", [1, 5, 200])
@pytest.mark.parametrize("draw", DRAWS, ids=lambda draw: draw.__name__)
def test_it_is_legible(
    draw: Callable[..., Any],
    count: int,
    language: str,
    legible: Callable[[Figure], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SONMAT_LANG", language)
    legible(draw(studied(count)))


@pytest.mark.parametrize("case", odd())
@pytest.mark.parametrize("draw", DRAWS, ids=lambda draw: draw.__name__)
@pytest.mark.filterwarnings("ignore:Glyph .* missing from font")  # of the emoji
def test_odd_studies_are_drawn(
    draw: Callable[..., Any], case: str, legible: Callable[[Figure], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONMAT_LANG", "ko" if case in ("names", "none", "losses") else "en")
    legible(draw(odd()[case]))


@pytest.mark.parametrize("draw", DRAWS, ids=lambda draw: draw.__name__)
def test_a_png_is_written_whole_or_not_at_all(draw: Callable[..., Any], tmp_path: Path) -> None:
    path = draw(studied(40), tmp_path / "deep" / "picture.png")
    assert path == tmp_path / "deep" / "picture.png"
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.width >= 1_200
        assert len(image.getcolors(1 << 24)) > 50
    assert [one.name for one in path.parent.iterdir()] == ["picture.png"]
    (tmp_path / "taken").mkdir()
    with pytest.raises(StorageError):
        draw(studied(2), tmp_path / "taken")


def lines(figure: Figure, gid: str) -> list[Line2D]:
    return [line for axes in figure.axes for line in axes.get_lines() if line.get_gid() == gid]


def test_the_history_shows_every_trial_where_it_is() -> None:
    figure = studied(100)
    drawn = draw_history(figure)
    shown = {state: lines(drawn, state)[0] for state in (DONE, STOPPED, FAILED)}
    assert sum(len(line.get_xdata()) for line in shown.values()) == 100
    done = [trial for trial in figure.trials if trial.state == DONE]
    assert shown[DONE].get_xdata().tolist() == [trial.number for trial in done]
    values = figure.scale.back(shown[DONE].get_ydata())
    assert values == pytest.approx([trial.value for trial in done])
    low = min(float(line.get_ydata().min()) for line in (shown[DONE], shown[STOPPED]))
    assert shown[FAILED].get_ydata().max() < low
    (star,) = lines(drawn, "best")
    assert figure.best is not None
    assert star.get_xdata()[0] == figure.best.number
    (record,) = lines(drawn, "best-so-far")
    assert np.all(np.diff(record.get_ydata()) >= 0)


def overtaken() -> StudyFigure:
    """A study whose best of the search is not the winner."""
    figure = studied(60)
    assert figure.best is not None
    worse = tuple(
        replace(one, value=(one.value or 0) - 0.02 * (one.repeats == figure.best.number)) for one in figure.repeats
    )
    return replace(figure, repeats=worse)


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("draw", [draw_history, draw_slices, draw_parallel, draw_fan], ids=lambda draw: draw.__name__)
def test_the_winner_has_its_own_mark(
    draw: Callable[..., Any], language: str, legible: Callable[[Figure], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONMAT_LANG", language)
    figure = overtaken()
    drawn = draw(figure)
    legible(drawn)
    said = [text.get_text() for legend in drawn.legends for text in legend.get_texts()]
    assert {figure.best_name, figure.winner_name} <= set(said)
    assert draw is draw_parallel or lines(drawn, "winner")


def test_hatched_cells_have_a_legend() -> None:
    drawn = draw_heatmap(studied(200))
    said = [text.get_text() for legend in drawn.legends for text in legend.get_texts()]
    assert "only trials that were stopped early" in said
    assert any(patch.get_hatch() for axes in drawn.axes for patch in axes.patches)


def test_slices_stand_on_the_axes_of_the_space() -> None:
    figure = studied(200)
    drawn = draw_slices(figure)
    assert len(drawn.axes) == 5
    titles = [axes.get_title() for axes in drawn.axes]
    assert set(titles[:2]) == {"learning_rate", "optimizer"}  # the pair decides
    rate = drawn.axes[titles.index("learning_rate")]
    low, high = rate.get_xlim()
    assert low <= -4 < high < 1  # decades
    assert [text.get_text() for text in drawn.axes[titles.index("hidden")].get_xticklabels()] == [
        "20",
        "20-20",
        "64-32",
    ]


def test_a_heatmap_of_two_alone() -> None:
    drawn = draw_heatmap(studied(100), pair=("train.batch_size", "train.optimizer"))
    (axes,) = drawn.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("batch_size", "optimizer")
    assert len(axes.texts) == 6
    assert any("±" in text.get_text() for text in axes.texts)


def test_finalists_show_each_seed_and_what_was_promised() -> None:
    figure = studied(60)
    drawn = draw_finalists(figure)
    (axes,) = drawn.axes
    first = figure.ranking.standings[0]
    seeds = next(one for one in axes.collections if one.get_gid() == f"seeds-{first.number}")
    assert sorted(seeds.get_offsets()[:, 0]) == pytest.approx(sorted(first.values.values()))
    assert len(lines(drawn, "promised")) == 3


NUMBERS = st.one_of(
    st.floats(0, 1), st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 1e-30, 1e30, -5.0]), st.none()
)


@settings(
    max_examples=30,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a picture takes too long to shrink
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(NUMBERS, st.sampled_from(STATES), NUMBERS, st.sampled_from(["a", "b", True, 7, [1], [2, 3]])),
        max_size=24,
    ),
    st.booleans(),
    st.sampled_from(DRAWS),
)
def test_any_numbers_can_be_drawn(
    legible: Callable[[Figure], None], rows: list[tuple[Any, ...]], maximize: bool, draw: Callable[..., Any]
) -> None:
    trials = tuple(
        Trial(i, {"x": x, "kind": kind}, i % 3, state, value, {"score": np.array([0.5, value or 0.0])}, began=float(i), ended=i + 1.0)
        for i, (value, state, x, kind) in enumerate(rows)
    )  # fmt: skip
    repeats = tuple(replace(trial, repeats=trial.number // 3) for trial in trials)
    legible(draw(StudyFigure("any", trials, repeats, "score", maximize)))
