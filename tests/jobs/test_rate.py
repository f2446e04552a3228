"""The range test of a recipe and of a run: every setting counts, and only a picture is left."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sonmat as sm
from sonmat.errors import DataError, RecipeError, RunError
from sonmat.jobs.rate import RateFound, find_rate, first_size
from sonmat.jobs.train import train

SETTINGS = ("hidden=[16]", "batch_size=30")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(small: Path, *settings: str, **options: Any) -> RateFound:
    return find_rate("notes-mlp", data=small, settings=(*SETTINGS, *settings), **options)


def test_it_is_the_test_of_the_models_and_rows_of_the_recipe(small: Path, place: Path) -> None:
    ours = found(small, seed=3)
    whole, _ = sm.load(small)
    rows, _ = whole.split(0.7, seed=3)
    model = sm.build("notes-mlp", rows, seed=3, hidden=[16])
    theirs = sm.find_learning_rate(model, rows, batch_size=30, seed=3)
    np.testing.assert_array_equal(ours.test.losses, theirs.losses)
    assert ours.test.suggestion == theirs.suggestion
    assert ours.test.batch_size == 30
    assert (ours.picture, (place / "lr.png").read_bytes()[:4]) == (Path("lr.png"), b"\x89PNG")
    assert [path.name for path in place.iterdir()] == ["lr.png"]


@pytest.mark.parametrize("setting", ["batch_size=60", "hidden=[8]", "optimizer=adam", "momentum=0.9", "split=0.5"])
def test_every_setting_but_the_rate_counts(setting: str, small: Path, place: Path) -> None:
    plain, changed = found(small, steps=40), found(small, setting, steps=40)
    assert not np.array_equal(plain.test.losses, changed.test.losses)


@pytest.mark.parametrize(
    "rate",
    [
        "0.5",
        '{name = "CosineDecay", initial_learning_rate = 0.5, decay_steps = 100}',
        '{name = "OneCycle", peak = 0.5}',  # its first step has a twenty-fifth of that
    ],
)
def test_the_rate_does_not_count_but_is_told(rate: str, small: Path, place: Path) -> None:
    plain, changed = found(small, steps=40), found(small, f"learning_rate={rate}", steps=40)
    np.testing.assert_array_equal(plain.test.losses, changed.test.losses)
    assert (plain.test.present, changed.test.present) == (pytest.approx(0.01), pytest.approx(0.5))


@pytest.mark.parametrize(
    ("rate", "key"),
    [
        ("0.5", "learning_rate"),
        ('{name = "OneCycle", peak = 0.5}', "train.learning_rate.peak"),
        (
            '{name = "CosineDecay", initial_learning_rate = 0.5, decay_steps = 100}',
            "train.learning_rate.initial_learning_rate",
        ),
        ('{name = "PiecewiseConstantDecay", boundaries = [9], values = [0.5, 0.1]}', "learning_rate"),
    ],
)
def test_the_suggestion_is_set_by_the_schedule_s_own_name(rate: str, key: str, small: Path, place: Path) -> None:
    tested = found(small, f"learning_rate={rate}")
    assert tested.command[-1].partition("=")[0] == key
    assert (f"learning_rate={rate}" in tested.command) == (key != "learning_rate")


def test_a_run_is_only_read(small: Path, place: Path) -> None:
    run = place / "run"
    train(data=small, settings=(*SETTINGS, "epochs=1"), out=run)

    def state() -> dict[str, str]:
        return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(run.rglob("*")) if p.is_file()}

    before = state()
    tested = find_rate(run, out=place / "there" / "rates.png")
    assert state() == before
    assert tested.picture == place / "there" / "rates.png"
    assert tested.picture.is_file()
    np.testing.assert_array_equal(tested.test.losses, found(small).test.losses)
    assert tested.command[:2] == ("train", str(run / "recipe.toml"))


def test_the_command_trains_what_was_tested_at_the_suggestion(small: Path, place: Path) -> None:
    tested = found(small, "learning_rate=0.0001", seed=5)
    assert tested.test.suggestion is not None
    words = list(tested.command)
    assert words[:4] == ["train", "notes-mlp", "--data", str(small)]
    assert words[-1] == f"learning_rate={tested.test.suggestion:.2g}"
    given = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    assert given == [*SETTINGS, words[-1]]
    assert words[words.index("--seed") + 1] == "5"
    slow = train(data=small, settings=(*SETTINGS, "epochs=3", "learning_rate=0.0001"), seed=5, out=place / "slow")
    good = train(data=small, settings=[*given, "epochs=3"], seed=5, out=place / "good")
    assert good.validation.accuracy > slow.validation.accuracy + 0.2


def test_what_cannot_be_leaves_nothing(small: Path, place: Path) -> None:
    with pytest.raises(RunError, match="no run"):
        find_rate("nobody")
    with pytest.raises(RecipeError, match="no setting"):
        found(small, "nonsense=1")
    with pytest.raises(DataError, match="low rate to a high"):
        found(small, low=1.0, high=0.1)
    assert list(place.iterdir()) == []


def test_a_step_has_the_size_that_training_begins_with() -> None:
    assert first_size(20) == 20
    assert first_size([[4, 32], [2, 256]]) == 32
