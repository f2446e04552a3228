"""Spaces: their text, TOML and Python forms, grids, widening, and what they refuse before anything runs."""

from __future__ import annotations

import json
import math
import tomllib
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sonmat.errors import RecipeError
from sonmat.models.catalog import base_recipe
from sonmat.models.reading import change, read_recipe
from sonmat.models.recipe import Recipe
from sonmat.models.toml import write_toml
from sonmat.search.space import Choice, Range, Space, parse_space, settings_recipe
from sonmat.search.space_text import parse_dimension, read_dimension, write_dimension

BUILDER = """
import keras

def net(*, width, rate=0.5, depth=None, units=8):
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(width)])
"""

floats = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12)
scalars = st.one_of(
    st.booleans(), st.integers(-(10**6), 10**6), floats, st.text(st.characters(exclude_categories=["Cs"]))
)
values = st.one_of(
    scalars, st.lists(scalars, max_size=3), st.lists(st.lists(st.integers(0, 9), max_size=2), max_size=2)
)


@st.composite
def ranges(draw: st.DrawFn) -> Range:
    kind = draw(st.sampled_from(["float", "log", "step", "whole", "whole log", "whole step"]))
    if kind.startswith("whole"):
        low, high = sorted(
            draw(st.lists(st.integers(1 if "log" in kind else -500, 500), min_size=2, max_size=2, unique=True))
        )
        if "step" in kind:
            step = draw(st.integers(1, 9))
            return Range(low, low + step * draw(st.integers(1, 50)), step=step, whole=True)
        return Range(low, high, log="log" in kind, whole=True)
    if kind == "step":
        step, low = draw(st.integers(1, 50)), draw(st.integers(-200, 200))
        return Range(low / 100, (low + step * draw(st.integers(1, 40))) / 100, step=step / 100)
    low, high = sorted(
        draw(st.lists(floats if kind == "float" else st.floats(1e-9, 1e9), min_size=2, max_size=2, unique=True))
    )
    return Range(low, high, log=kind == "log")


@st.composite
def choices(draw: st.DrawFn) -> Choice:
    found: list[Any] = []
    for value in draw(st.lists(values, min_size=1, max_size=5)):
        if not found or not Choice(tuple(found)).holds(value):
            found.append(value)
    return Choice(tuple(found))


dimensions = st.one_of(ranges(), choices())
spaces = st.dictionaries(
    st.from_regex(r"(model|train)\.[a-z_]{1,8}", fullmatch=True), dimensions, min_size=1, max_size=4
)


@given(dimensions)
def test_the_text_of_a_dimension_gives_it_back(dimension: Choice | Range):
    again = parse_dimension(write_dimension(dimension))
    assert again == dimension
    assert json.dumps(again.ends) == json.dumps(dimension.ends)  # 1, 1.0 and true are equal to Python


@given(spaces)
def test_toml_gives_a_space_back_in_its_order(found: dict[str, Choice | Range]):
    space = Space(found)
    read = tomllib.loads(write_toml({"space": space.as_dict()}))["space"]
    again = Space.from_dict(read)
    assert again == space
    assert list(again.dimensions) == list(space.dimensions)
    assert json.dumps(again.as_dict()) == json.dumps(space.as_dict())


@given(dimensions, st.floats(0, 1))
@example(Range(1e-3, 1.0, log=True), 1.0)
@example(Range(8, 512, log=True, whole=True), 0.0)
def test_every_share_lies_inside_and_comes_back(dimension: Choice | Range, share: float):
    value = dimension.at(share)
    assert dimension.holds(value)
    if dimension.count is not None:
        assert dimension.at(dimension.share(value)) == value
    if isinstance(dimension, Range):
        assert dimension.low <= value <= dimension.high
        assert isinstance(value, int if dimension.whole else float)
        if dimension.step is not None:
            steps = (value - dimension.low) / dimension.step
            assert abs(steps - round(steps)) < 1e-6


@given(spaces, st.integers(2, 4))
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_a_grid_has_every_combination_once_and_inside(found: dict[str, Choice | Range], points: int):
    space = Space(dict(list(found.items())[:2]))
    if space.cells(points) > 2000:
        space = Space(dict(list(found.items())[:1]))
    grid = space.grid(points)
    assert len(grid) == space.cells(points)
    assert space.size() is None or len(grid) == space.size()
    assert len({json.dumps(one) for one in grid}) == len(grid)
    for one in grid:
        space.check(one)
    for name, dimension in space.dimensions.items():
        assert all(any(one[name] == end for one in grid) for end in dimension.ends)


def test_a_log_range_is_even_in_the_logarithm():
    wide = Range(1e-4, 1.0, log=True)
    assert wide.at(0.5) == pytest.approx(1e-2)
    assert [wide.cell(place, 5) for place in range(5)] == [1e-4, 1e-3, 1e-2, 1e-1, 1.0]
    whole = [Range(1, 100, log=True, whole=True).at((n + 0.5) / 1000) for n in range(1000)]
    assert 0.35 < sum(value <= 10 for value in whole) / 1000 < 0.65
    assert Range(0.0, 100.0).at(0.5) == 50.0
    small = [Range(1, 8, log=True, whole=True).at((n + 0.5) / 1000) for n in range(1000)]
    assert small.count(1) / 1000 == pytest.approx(math.log(1.5 / 0.5) / math.log(8.5 / 0.5), abs=0.002)
    assert small.count(8) / 1000 == pytest.approx(math.log(8.5 / 7.5) / math.log(8.5 / 0.5), abs=0.002)


def test_steps_are_as_they_are_written():
    assert Space.from_dict({"model.dropout": "0..0.5:0.1"}).grid() == [
        {"model.dropout": value} for value in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
    ]
    assert Range(0.0, 0.5, step=0.1).holds(0.1 + 2 * 0.1)  # 0.30000000000000004, as samplers calculate
    assert not Range(0.0, 0.5, step=0.1).holds(0.25)


@pytest.mark.parametrize(
    ("text", "dimension"),
    [
        ("log:1e-3..1", Range(1e-3, 1.0, log=True)),
        ("0..0.99", Range(0.0, 0.99)),
        (" -1 .. .5 ", Range(-1.0, 0.5)),
        ("8..64", Range(8, 64, whole=True)),
        ("8.0..64", Range(8.0, 64.0)),
        ("1e1..1e2", Range(10.0, 100.0)),
        ("log:8..512", Range(8, 512, log=True, whole=True)),
        ("8..64:8", Range(8, 64, step=8, whole=True)),
        ("0..0.5:0.1", Range(0.0, 0.5, step=0.1)),
        ("20,50,100", Choice((20, 50, 100))),
        ("[20,20],[64,64]", Choice(([20, 20], [64, 64]))),
        ("sgd, adam", Choice(("sgd", "adam"))),
        ('\'a,b\',"c\\"d"', Choice(("a,b", 'c"d'))),
        ("it's,a[b,c", Choice(("it's", "a[b", "c"))),
        ("true,false", Choice((True, False))),
        ("0.1", Choice((0.1,))),
        ("[20,20]", Choice(([20, 20],))),
        ("../net.py:f,../net.py:g", Choice(("../net.py:f", "../net.py:g"))),
        ("{name='Cosine', peak=0.1},0.1", Choice(({"name": "Cosine", "peak": 0.1}, 0.1))),
    ],
)
def test_what_the_command_line_says(text: str, dimension: Choice | Range):
    assert parse_dimension(text) == dimension


@pytest.mark.parametrize(
    ("value", "dimension"),
    [
        ({"low": 1e-3, "high": 1, "log": True}, Range(1e-3, 1.0, log=True)),
        ({"low": 8, "high": 64}, Range(8, 64, whole=True)),
        ({"low": 8, "high": 64, "whole": False}, Range(8.0, 64.0)),
        ((1e-3, 1.0, "log"), Range(1e-3, 1.0, log=True)),
        ((0, 0.5, 0.1), Range(0.0, 0.5, step=0.1)),
        ((np.float64(0.5), np.float64(1.5)), Range(0.5, 1.5)),
        ([20, 50, 100], Choice((20, 50, 100))),
        (range(8, 33, 8), Choice((8, 16, 24, 32))),
        (np.array([1, 2]), Choice((1, 2))),
        ([[20, 20], (64, 64)], Choice(([20, 20], [64, 64]))),
        ("log:1e-3..1", Range(1e-3, 1.0, log=True)),
        (0.1, Choice((0.1,))),
        (Range(0.0, 1.0), Range(0.0, 1.0)),
    ],
)
def test_what_toml_and_python_say(value: object, dimension: Choice | Range):
    assert read_dimension(value) == dimension


@given(
    st.one_of(st.text(), st.from_regex(r"(log:)?[0-9.e_+-]{0,8}\.\.[0-9.e_+-]{0,8}(:[0-9.e-]{0,4})?", fullmatch=True))
)
@example("9" * 5000)
@example("0.." + "9" * 5000)
@example("[" * 5000)
@example("1...2")
@example("1__0..5")
@example("1\nx = 2")
@example("\ud800")
@example("2020-01-01")
@example("[inf]")
@example("0..1:1e-300")
@example("1e16..10000000000000004.0:0.5")
def test_no_text_gives_another_error(text: str):
    try:
        dimension = parse_dimension(text)
    except RecipeError:
        return
    assert all(dimension.holds(end) for end in dimension.ends)


plain_python = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.binary(max_size=2)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.sampled_from(["low", "high", "log", "step", "whole", "x"]), inner, max_size=5),
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.one_of(st.text(max_size=4), st.integers()), plain_python, max_size=3))
@example({"a": {"low": 0, "high": 10**400}})
@example({"a": [10**5000, 10**5000]})
@example({"a": {"low": 2**53, "high": 2**53 + 1}})
@example({"a": {"low": -1.7e308, "high": 1.7e308}})
@example({"a": (0, 1, None)})
def test_no_table_gives_another_error(table: dict[Any, Any]):
    try:
        space = Space.from_dict(table)
    except RecipeError:
        return
    assert Space.from_dict(space.as_dict()) == space


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("momentum=0.9..0.1", "train.momentum: 0.9..0.1 is empty"),
        ("momentum=0.5..0.5", "train.momentum: 0.5..0.5 is a single value"),
        ("learning_rate=log:0..1", "train.learning_rate: log:0.0..1.0: there is no logarithm of 0.0"),
        ("learning_rate=log:1e-3..1:0.1", "has a step"),
        ("learning_rate=0.1..inf", "train.learning_rate: It should be a finite number, but is inf"),
        ("learning_rate=nan..1", "but is nan"),
        ("dropout=0..0.5:0.2", "Write 0.0..0.4:0.2 or 0.0..0.6:0.2"),
        ("dropout=0..0.5:-0.1", "a step is above 0"),
        ("batch_size=20,20", "20 is given twice"),
        ("batch_size=20,,50", "A value is missing in '20,,50'"),
        ("batch_size=", "KEY=VALUES"),
        ("batch_size", "KEY=VALUES"),
        ("hidden=[20,20", "not complete"),
        ("momentum=0...1", "is not a range of numbers"),
        ("momentum=log:a..b", "is not a range of numbers"),
        ("lerning_rate=0.1,0.2", "Did you mean 'learning_rate'?"),
        ("model.hiden=[3],[4]", "Did you mean 'model.hidden'?"),
        ("seed=0,1,2", "--seeds"),
        ("split_seed=0,1", "the same rows"),
        ("data=mnist,kmnist", "the same rows"),
        ("epochs=5,10", "--set epochs"),
    ],
)
def test_impossible_spaces_are_refused_by_name(text: str, says: str):
    with pytest.raises(RecipeError) as caught:
        parse_space([text], base_recipe())
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["learning_rate=0..1"], "train.learning_rate should be a number above 0, but is 0.0"),
        (["batch_size=8.0..64.0"], "train.batch_size should be a whole number of 1 or more, but is 8.0"),
        (["batch_size=0..64"], "train.batch_size should be a whole number of 1 or more, but is 0"),
        (["momentum=0..2"], "train.momentum=2.0: SGD refuses"),
        (["optimizer=sgd,adan"], "Did you mean 'Adam'?"),
        (["dropout=0..1.5"], "model.dropout should be a number from 0 to below 1, but is 1.5"),
        (["activation=relu,rellu"], "model.activation=rellu: Keras has no activation"),
        (["hidden=[20],[0]"], "model.hidden should be a list of whole numbers of 1 or more, but is [0]"),
        (["hidden=8..64"], "model.hidden should be a list"),
        (["learning_rate=0.1,0.2", "train.learning_rate=0.3"], "train.learning_rate is given twice"),
        (["augment.shift=0..2", "augment={shift=1}"], "set the same thing"),
        (["model.name=mlp,nlp"], "no model called 'nlp'"),
    ],
)
def test_what_recipe_builder_or_keras_refuse_is_refused_before(texts: list[str], says: str):
    with pytest.raises(RecipeError) as caught:
        parse_space(texts, base_recipe())
    assert says in str(caught.value)


def test_a_combination_that_cannot_be_is_named_and_nothing_else():
    texts = ["learning_rate=log:1e-3..1", "optimizer=sgd,adam", "momentum=0..0.9", "batch_size=20,50"]
    for recipe in (base_recipe("notes-mlp"), base_recipe("mlp")):  # whichever of the two the recipe has itself
        with pytest.raises(RecipeError) as caught:
            parse_space(texts, recipe)
        assert "train.optimizer=adam" in caught.value.problem
        assert "train.momentum=0.0" in caught.value.problem
        assert "learning_rate" not in caught.value.problem
        assert "batch_size" not in caught.value.problem
        assert "a study for each" in caught.value.fix
    fine = parse_space(["optimizer=sgd,rmsprop", "momentum=0..0.9"], base_recipe("mlp"))
    assert fine.dimensions["train.momentum"] == Range(0.0, 0.9)


def test_a_network_that_cannot_be_built_is_refused_with_both_settings():
    with pytest.raises(RecipeError) as caught:
        parse_space(["filters=[8],[8,16,32]", "kernel_size=3,7"], base_recipe("notes-cnn"))
    assert "model.filters=[8, 16, 32] with model.kernel_size=7" in caught.value.problem
    with pytest.raises(RecipeError) as caught:
        parse_space(["model.name=mlp,notes-cnn", "filters=[3],[4]"], base_recipe())
    assert "model.name=mlp with model.filters=[3]" in caught.value.problem


def test_networks_are_tried_for_the_rows_that_are_there():
    class Small:
        inputs = np.zeros((20, 12, 12), np.uint8)
        classes = ("a", "b")

    own = change(base_recipe("notes-cnn"), ["data=my.npz"])  # of a shape that nobody knows without the rows
    texts = ["kernel_size=3,9"]
    assert parse_space(texts, own).size() == 2
    with pytest.raises(RecipeError) as caught:
        parse_space(texts, own, Small())
    assert "model.kernel_size=9" in caught.value.problem


@pytest.mark.parametrize(
    ("recipe", "text", "dimension"),
    [
        ("mlp", "batch_size=8..64", Range(8, 64, whole=True)),
        ("mlp", "learning_rate=1..10", Range(1.0, 10.0)),
        ("mlp", "beta_1=0..0.5", Range(0.0, 0.5)),
        ("notes-mlp", "momentum=0..1", Range(0.0, 1.0)),
        ("mlp", "weight_decay=0..1", Range(0.0, 1.0)),
        ("mlp", "gradient_accumulation_steps=2..8", Range(2, 8, whole=True)),
        ("notes-cnn", "kernel_size=2..5", Range(2, 5, whole=True)),
        ("strong", "augment.shift=0..4", Range(0.0, 4.0)),
        ("strong", "augment.cutout=0..4", Range(0, 4, whole=True)),
        ("strong", "tta.shift=0..2", Range(0, 2, whole=True)),
    ],
)
def test_whole_ends_mean_whole_numbers_where_the_setting_is_whole(recipe: str, text: str, dimension: Range):
    assert list(parse_space([text], base_recipe(recipe)).dimensions.values()) == [dimension]


def test_builders_of_ones_own(tmp_path: Any):
    (tmp_path / "net.py").write_text(BUILDER)
    recipe = change(base_recipe(), [f"model.name={tmp_path / 'net.py'}:net"])
    texts = ["width=4..16", "rate=0..1", "depth=1..3", "units=1..4"]
    found = parse_space(texts, recipe).dimensions  # width has no default: only the space gives it
    assert [one.whole for one in found.values() if isinstance(one, Range)] == [True, False, True, True]
    assert parse_space(["width=4..16", "depth=1..3.5"], recipe).dimensions["model.depth"] == Range(1.0, 3.5)
    with pytest.raises(RecipeError, match="rate"):
        parse_space(["width=4..16", "rate=low,high"], recipe)


def test_a_table_of_a_file_may_be_nested():
    table = tomllib.loads(
        "batch_size = [20, 50]\nmodel.hidden = [[20, 20], [64, 64]]\n"
        '[train]\nlearning_rate = "log:1e-3..1"\nmomentum = {low = 0, high = 0.9}'
    )
    assert parse_space(table, base_recipe()) == Space(
        {
            "train.batch_size": Choice((20, 50)),
            "model.hidden": Choice(([20, 20], [64, 64])),
            "train.learning_rate": Range(1e-3, 1.0, log=True),
            "train.momentum": Range(0.0, 0.9),
        }
    )


def test_the_texts_of_a_space_give_it_back_in_its_recipe():
    texts = [
        "learning_rate=log:1e-3..1",
        "batch_size=20,50",
        "hidden=[20,20],[64]",
        "optimizer=sgd,adam",
        "dropout=0..0.5:0.1",
    ]
    space = parse_space(texts, base_recipe())
    assert parse_space(space.as_texts(), base_recipe()) == space


def test_size_counts_what_is_finite():
    assert Space.from_dict({"a": [1, 2, 3], "b": "8..64", "c": "0..0.5:0.1"}).size() == 3 * 57 * 6
    assert Space.from_dict({"a": [1, 2, 3], "b": "0.0..1.0"}).size() is None
    huge = Space.from_dict({f"x{n}": "0..999999" for n in range(5)})
    assert huge.size() == 10**30
    huge.check(huge.cell(10**30 - 1))
    with pytest.raises(RecipeError):
        huge.grid()
    with pytest.raises(RecipeError):
        Space.from_dict({"a": "0.0..1.0"}).grid(1)


@pytest.mark.parametrize(
    ("settings_", "says"),
    [
        ({"a": 4, "b": 0.5}, "a=4 is not in"),
        ({"a": 1, "b": 1.5}, "b=1.5 is not in 0.0..1.0"),
        ({"a": True, "b": 0.5}, "a=True is not in"),
        ({"a": 1, "b": math.nan}, "b=nan"),
        ({"a": 1, "b": "x"}, "b='x'"),
        ({"a": 1}, "b has no value"),
        ({"a": 1, "b": 0.5, "aa": 1}, "Did you mean 'a'?"),
    ],
)
def test_settings_outside_are_refused(settings_: dict[str, Any], says: str):
    with pytest.raises(RecipeError) as caught:
        Space.from_dict({"a": [1, 2], "b": "0.0..1.0"}).check(settings_)
    assert says in str(caught.value)


def test_nobody_changes_a_space_through_its_values():
    space = Space({"model.hidden": Choice(([20, 20],))})
    space.grid()[0]["model.hidden"].append(3)
    space.as_dict()["model.hidden"][0].append(3)
    assert space.grid() == [{"model.hidden": [20, 20]}]


@pytest.mark.parametrize(
    ("old", "new", "both"),
    [
        ("0.2..0.8", "0.0..1.0", "0.0..1.0"),
        ("20,50", "20,50,100", "20,50,100"),
        ("20,50", "100", "20,50,100"),
        ("20,50", "50,20", "20,50"),
        ("8..64", "4..128", "4..128"),
        ("0..0.5:0.1", "0..1:0.05", "0..1:0.05"),
        ("0..0.5:0.1", "0.0..0.5", "0.0..0.5"),
        ("8..64:8", "8..64", "8..64"),
    ],
)
def test_a_space_is_widened(old: str, new: str, both: str):
    start = Space.from_dict({"a": old, "b": "1,2"})
    assert start.widened(Space.from_dict({"a": new})) == Space.from_dict({"a": both, "b": "1,2"})


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("0.2..0.8", "0.0..0.5", "leaves out values"),
        ("20,50,100", "20,50", "leaves out values"),
        ("8..64", "8..64:8", "leaves out values"),
        ("0..0.5:0.1", "0..0.6:0.2", "leaves out values"),
        ("0.1..0.8", "0.1..0.9:0.1", "leaves out values"),
        ("0.2..0.8", "log:0.1..1.0", "another kind"),
        ("8..64", "8.0..64.0", "another kind"),
        ("8,64", "8..64", "another kind"),
        ("8..64", "8,64", "another kind"),
    ],
)
def test_a_narrower_or_other_space_is_refused_by_name(old: str, new: str, says: str):
    with pytest.raises(RecipeError) as caught:
        Space.from_dict({"model.units": old}).widened(Space.from_dict({"model.units": new}))
    assert caught.value.problem.startswith("model.units: ")
    assert says in caught.value.problem


def test_a_new_setting_is_no_widening():
    with pytest.raises(RecipeError, match="new study"):
        Space.from_dict({"a": "1,2"}).widened(Space.from_dict({"b": "1,2"}))


@given(dimensions, dimensions)
def test_a_widened_dimension_holds_both(old: Choice | Range, new: Choice | Range):
    try:
        both = Space({"a": old}).widened(Space({"a": new})).dimensions["a"]
    except RecipeError:
        return
    for share in np.linspace(0, 1, 23):
        assert both.holds(old.at(float(share)))
        assert both.holds(new.at(float(share)))


def test_settings_change_a_recipe_as_the_command_line_does():
    recipe = base_recipe()
    chosen = {
        "train.learning_rate": 0.1 + 0.2,
        "train.optimizer": "adam",
        "model.hidden": [7, 8],
        "train.beta_1": np.float64(0.8),
    }
    texts = ["beta_1=0.8", f"learning_rate={0.1 + 0.2!r}", "hidden=[7, 8]", "optimizer=adam"]
    assert settings_recipe(recipe, chosen) == change(recipe, texts)
    assert settings_recipe(recipe, chosen).train.learning_rate == 0.1 + 0.2
    assert recipe == base_recipe()
    other = settings_recipe(recipe, {"model.dropout": 0.3, "model.name": "mlp"})
    assert other.model.settings == {**base_recipe("mlp").model.settings, "dropout": 0.3}
    assert settings_recipe(recipe, {"train.optimizer": "adam"}).train.learning_rate is None
    schedule = {"name": "CosineDecay", "initial_learning_rate": 0.1, "decay_steps": 100}
    assert settings_recipe(recipe, {"train.learning_rate": schedule}).train.learning_rate == schedule


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_text_reaches_the_recipe_as_it_is(text: str):
    if text.strip():
        assert settings_recipe(Recipe(), {"train.loss": text}).train.loss == text


@pytest.mark.parametrize(
    "bad", [{"train.nothing": 1}, {"a=b": 1}, {"": 1}, {"train.momentum": None}, {"train.batch_size": 0.5}]
)
def test_settings_that_cannot_be_are_refused(bad: dict[str, Any]):
    with pytest.raises(RecipeError):
        settings_recipe(base_recipe(), bad)


def test_checking_leaves_randomness_and_recipe_alone():
    recipe = read_recipe("notes-cnn")
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    parse_space(["kernel_size=3,5"], recipe)
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
    assert recipe == read_recipe("notes-cnn")
