"""The recipe: exact in TOML, strict about its values."""

from __future__ import annotations

import dataclasses
import math
import tomllib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonmat.errors import RecipeError
from sonmat.models.recipe import ModelSettings, Recipe, TrainSettings, from_toml, to_toml
from sonmat.models.toml import write_toml

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)
HELD = st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False)  # as a compiled step can


def values(floats: st.SearchStrategy[float], integers: st.SearchStrategy[int]) -> st.SearchStrategy:
    return st.recursive(
        st.one_of(st.text(st.characters(exclude_categories=["Cs"])), integers, floats, st.booleans()),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3),
        ),
        max_leaves=6,
    )


VALUE = values(st.floats(allow_nan=False), st.integers())
HELD_VALUE = values(HELD, st.integers(-(2**99), 2**99))
RECIPE = st.builds(
    Recipe,
    data=TEXT,
    split=st.floats(0, 1, exclude_min=True, exclude_max=True),
    seed=st.integers(0, 2**32 - 1),
    model=st.builds(
        ModelSettings, name=TEXT, settings=st.dictionaries(TEXT.filter(lambda key: key != "name"), VALUE, max_size=3)
    ),
    train=st.builds(
        TrainSettings,
        epochs=st.integers(1),
        batch_size=st.integers(1),
        optimizer=st.none() | TEXT,
        learning_rate=st.none()
        | HELD.filter(lambda rate: rate > 0)
        | st.fixed_dictionaries({"name": TEXT, "decay_steps": st.integers(0, 2**99)}),
        loss=st.none() | TEXT,
        metrics=st.none() | st.lists(TEXT, max_size=3).map(tuple),
        options=st.dictionaries(st.sampled_from(["momentum", "nesterov", "베타"]), HELD_VALUE, max_size=2),
    ),
)


@given(RECIPE)
def test_toml_gives_the_same_recipe_back(recipe: Recipe):
    assert from_toml(to_toml(recipe)) == recipe


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), VALUE, max_size=4))
def test_what_is_written_is_read_by_pythons_own_reader(values: dict):
    assert tomllib.loads(write_toml(values)) == values


def test_the_recipe_file_reads_like_the_design():
    recipe = Recipe(
        data="손글씨.npz",
        model=ModelSettings("mlp", {"hidden": (20, 20)}),
        train=TrainSettings(optimizer="sgd", learning_rate=0.01, metrics=("accuracy",), options={"momentum": 0.9}),
    )
    assert to_toml(recipe) == (
        'data = "손글씨.npz"\nsplit = 0.7\nseed = 0\n\n[model]\nname = "mlp"\nhidden = [20, 20]\n\n'
        '[train]\nepochs = 10\nbatch_size = 32\noptimizer = "sgd"\nlearning_rate = 0.01\nmetrics = ["accuracy"]\n'
        "momentum = 0.9\n"
    )


def test_numpy_numbers_and_tuples_become_plain():
    train = TrainSettings(
        learning_rate=np.float32(0.5),
        label_smoothing=np.float32(0.25),
        tta={"shift": np.int64(1)},
        average={"decay": np.float32(0.5)},
        options={"momentum": np.float32(0.5), "nesterov": np.True_},
    )
    model = ModelSettings("mlp", {"hidden": (np.int64(3),), "dropout": np.float32(0.5)})
    recipe = Recipe(split=np.float32(0.5), model=model, train=train)
    assert recipe.model.settings == {"hidden": [3], "dropout": 0.5}
    assert (train.learning_rate, train.label_smoothing, train.tta, train.average) == (
        0.5,
        0.25,
        {"shift": 1},
        {"decay": 0.5},
    )
    assert train.options == {"momentum": 0.5, "nesterov": True}
    assert from_toml(to_toml(recipe)) == recipe


def test_records_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().seed = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("split = 1.0", "split should be a number between 0 and 1, but is 1.0"),
        ("split = 0", "split should be a number above 0"),
        ("split = true", "but is True"),
        ("seed = -1", "seed should be a whole number from 0"),
        ("seed = 0.5", "but is 0.5"),
        ("data = 3", "data should be a name, but is 3"),
        ('data = " "', "data should be a name"),
        ("model = 3", "model should be a table"),
        ("model.name = 3", "model.name should be a name"),
        ("model.since = 2020-01-01", "model.since should be a text, a number"),
        ("train.epochs = 0", "train.epochs should be a whole number of 1 or more, but is 0"),
        ("train.batch_size = 20.0", "train.batch_size should be a whole number"),
        ("train.learning_rate = nan", "train.learning_rate should be a number above 0"),
        ("train.learning_rate = inf", "train.learning_rate should be a number above 0"),
        ('train.learning_rate = "0.1"', "but is '0.1'"),
        ("train.learning_rate = {decay_steps = 3}", "a schedule with a name"),
        ("train.learning_rate = 1e300", "of a size that float32 holds, 1.2e-38–3.4e+38, but is 1e+300"),
        ("train.learning_rate = 1e-300", "train.learning_rate should be of a size that float32 holds"),
        (f"train.learning_rate = {10**400}", "train.learning_rate should be a number above 0"),
        ('train.learning_rate = {name = "OneCycle", peak = 1e300}', "train.learning_rate.peak should be of a size"),
        ('train.learning_rate = {name = "OneCycle", peak = 1e-300}', "train.learning_rate.peak should be of a size"),
        (f'train.learning_rate = {{name = "A", decay_steps = {10**400}}}', "decay_steps should be of a size"),
        ('train.learning_rate = {name = "A", values = [0.1, inf]}', "train.learning_rate.values should be of a size"),
        ("train.weight_decay = nan", "train.weight_decay should be of a size that float32 holds"),
        ("train.momentum = -inf", "train.momentum should be of a size"),
        ("train.epsilon = 1e-300", "train.epsilon should be of a size"),
        ("train.metrics = [1]", "train.metrics should be a list of names"),
        ("sede = 3", "no setting called 'sede'"),
    ],
)
def test_a_wrong_value_says_what_was_expected_and_what_came(toml: str, says: str):
    with pytest.raises(RecipeError) as caught:
        from_toml(toml, source="mine.toml")
    assert says in caught.value.problem
    assert "mine.toml" in caught.value.problem
    assert caught.value.fix


def test_an_unknown_key_names_the_nearest():
    with pytest.raises(RecipeError, match="Did you mean 'seed'"):
        from_toml("sede = 3")


@pytest.mark.parametrize(
    ("toml", "place"),
    [
        ("seed = 0\n[model]\nname = mlp\n", "mine.toml:3:"),
        ("seed = 0\nseed = 1\n", "mine.toml:2:"),
        ("hidden = [1, 2\n", "mine.toml:"),
        ("\u2028 = 1\nseed", "mine.toml:1:"),
    ],
)
def test_bad_toml_names_the_file_and_the_line(toml: str, place: str):
    with pytest.raises(RecipeError) as caught:
        from_toml(toml, source="mine.toml")
    assert place in caught.value.problem


def test_a_setting_cannot_stand_for_one_of_the_recipes_own():
    with pytest.raises(RecipeError, match="given twice"):
        ModelSettings("mlp", {"name": "other"})
    with pytest.raises(RecipeError, match="given twice"):
        TrainSettings(options={"epochs": 3})


def test_errors_are_in_the_users_language(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SONMAT_LANG", "ko")
    with pytest.raises(RecipeError, match="설정은 없습니다"):
        from_toml("sede = 3")


def test_reading_a_recipe_runs_no_file(tmp_path):
    trap = tmp_path / "trap.py"
    trap.write_text("raise SystemExit('the file was run')")
    recipe = from_toml(f"model.name = '{trap}:build'\nmodel.hidden = 3")
    assert recipe.model.settings == {"hidden": 3}
    assert math.isclose(recipe.split, 0.7)
