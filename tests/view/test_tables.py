from __future__ import annotations

import io
import math

import keras
import numpy as np
import pytest
from rich.console import Console, RenderableType

from sonmat.engine.scores import paired_test, score
from sonmat.view.summary import summary_table
from sonmat.view.tables import compare_table, duration, reading, runs_table, scores_table
from sonmat.view.words import fit, percent


def text(table: RenderableType, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def row(table: str, start: str) -> list[str]:
    (found,) = [line.split() for line in table.splitlines() if line.strip().startswith(start)]
    return found


def test_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = score([0] * 8 + [1] * 2, [0] * 7 + [1] * 3, ("[red]cat", "새", "never"))
    shown = text(scores_table(scores, loss=0.25, readings=1))
    assert row(shown, "[red]cat") == ["[red]cat", "1.0000", "0.8750", "0.9333", "8"]
    assert row(shown, "새") == ["새", "0.6667", "1.0000", "0.8000", "2"]
    assert row(shown, "never") == ["never", "–", "–", "–", "0"]
    low, high = scores.interval
    assert f"loss 0.2500   accuracy 0.9000   95 % interval {low:.4f}–{high:.4f}   10 examples" in shown
    assert "The test set has been read once by this run." in shown
    assert "read" not in text(scores_table(scores))
    monkeypatch.setenv("SONMAT_LANG", "ko")
    shown = text(scores_table(scores, loss=0.25, readings=3))
    assert "정밀도" in shown
    assert "3번" in shown


def test_readings() -> None:
    assert "once" in reading(1)
    assert "too good" not in reading(1)
    assert "twice" in reading(2)
    assert "too good" in reading(2)
    assert "1,000 times" in reading(1000)


def test_the_summary_agrees_with_keras() -> None:
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(3, 3, name="conv"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Flatten(name="flat"),
            keras.layers.Dropout(0.5, name="drop"),
            keras.layers.Dense(2, trainable=False, name="out"),
        ]
    )
    shown = text(summary_table(model))
    assert row(shown, "conv") == ["conv", "26", "×", "26", "×", "3", "30", "18,252", "3×3"]
    assert row(shown, "norm")[6:7] == ["12"]
    assert row(shown, "flat")[1] == "2028"
    assert row(shown, "out") == ["out", "2", "4,058", "4,056", "all"]
    assert row(shown, "Dense") == ["Dense", "(frozen)", "(2,028", "+", "1)", "×", "2"]
    fixed = model.count_params() - 36
    assert f"parameters {model.count_params():,}   36 learned, {fixed:,} fixed   16.4 kB" in shown


def test_the_summary_of_the_notes_network() -> None:
    model = keras.Sequential(
        [keras.Input((28, 28)), keras.layers.Flatten(), *(keras.layers.Dense(n) for n in (20, 20, 10))]
    )
    assert "parameters 16,330" in text(summary_table(model))


def test_the_summary_of_shared_and_unbuilt_layers() -> None:
    inputs = keras.Input((None, 4))
    shared = keras.layers.Dense(3, name="shared")
    both = keras.layers.Concatenate(name="both")([shared(inputs), shared(2 * inputs)])
    shown = text(summary_table(keras.Model(inputs, [both, inputs])))
    assert row(shown, "shared") == ["shared", "?", "×", "3", "15", "–", "1"]
    assert row(shown, "both")[1:4] == ["?", "×", "6"]
    unbuilt = text(summary_table(keras.Sequential([keras.layers.Dense(5, name="later")])))
    assert row(unbuilt, "later") == ["later", "?", "–", "–", "?"]


RUNS = [
    {
        "name": "one",
        "state": "finished",
        "epochs": 10,
        "val_accuracy": 0.94321,
        "seconds": 1.934,
        "seed": 2024,
        "x": None,
    },
    {"name": "둘", "state": "killed", "epochs": 3, "val_accuracy": math.nan, "seconds": 193.4, "rate": 0.01},
]


def test_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = text(runs_table(RUNS))
    assert row(shown, "one") == ["one", "finished", "10", "0.9432", "1.93", "s", "2024", "–"]
    assert row(shown, "둘") == ["둘", "killed", "3", "–", "3", "min", "13", "s", "–", "0.01"]
    assert row(shown, "run") == ["run", "state", "epochs", "val.", "accuracy", "time", "seed", "rate"]
    assert "sonmat train" in text(runs_table([]))
    monkeypatch.setenv("SONMAT_LANG", "ko")
    assert row(text(runs_table(RUNS)), "실행")[:3] == ["실행", "상태", "에포크"]


def test_runs_side_by_side() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 10, 4000)
    good = np.where(random.random(4000) < 0.97, labels, 0)
    poor = np.where(random.random(4000) < 0.9, labels, 0)
    test = paired_test(labels, good, poor)
    shown = text(compare_table(RUNS, test=test), width=200)
    assert shown.splitlines()[1].split() == ["one", "둘"]
    assert row(shown, "time") == ["time", "1.93", "s", "3", "min", "13", "s"]
    assert f"only one right {test.b:,}, only 둘 right {test.c:,}" in shown
    assert "one is really better" in shown


def test_lines_that_differ_stand_out() -> None:
    table = compare_table([{"name": "a", "seed": 1, "epochs": 2}, {"name": "b", "seed": 1, "epochs": 3}])
    assert [(line.style) for line in table.rows] == ["dim", "bold"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4212, "0.42 s"), (9.999, "10.0 s"), (59.96, "1 min 00 s"), (193.4, "3 min 13 s"), (7620, "2 h 07 min")],
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_names_are_cut_to_columns() -> None:
    assert fit("short", 5) == "short"
    assert fit("longer", 5) == "long…"
    assert fit("한글이름", 8) == "한글이름"
    assert fit("한글이름", 7) == "한글이…"
    assert fit("한글이름", 6) == "한글…"
    assert fit("a\nb\x00c\t d", 20) == "a b c d"


def test_percentages_never_round_to_all_or_nothing() -> None:
    assert [percent(part) for part in (0, 1e-9, 0.001, 0.5, 0.9994, 0.9995, 1)] == [
        *("0 %", "<0.1 %", "0.1 %", "50.0 %", "99.9 %", ">99.9 %", "100 %")
    ]
