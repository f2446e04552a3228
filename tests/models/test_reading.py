"""Recipes by name and from files, changed by KEY=VALUE."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sonmat.errors import RecipeError
from sonmat.models.builders import load_file_builder
from sonmat.models.catalog import CATALOG, base_recipe
from sonmat.models.reading import change, parse_assignment, read_recipe, resolve
from sonmat.models.recipe import from_toml, to_toml

BUILDER = """
import keras
import beside

def net(*, width=8, momentum=0.5, data=None):
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(width), keras.layers.Dense(beside.CLASSES)])

def needy(*, width):
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(width)])

def open_net(**settings):
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(settings["width"])])

def no_net():
    return 3
"""


@pytest.fixture
def builder(tmp_path: Path) -> Path:
    (tmp_path / "beside.py").write_text("CLASSES = 3")
    file = tmp_path / "net.py"
    file.write_text(BUILDER)
    return file


def written(folder: Path, text: str, name: str = "mine.toml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_the_default_is_the_notes_job():
    recipe = read_recipe()
    assert recipe == base_recipe("notes-mlp")
    assert (recipe.data, recipe.split, recipe.seed) == ("mnist", 0.7, 0)
    assert recipe.model.settings == {"hidden": [20, 20], "activation": "relu", "dropout": 0.0, "functional": False}
    train = recipe.train
    assert (train.epochs, train.batch_size, train.optimizer, train.learning_rate) == (10, 20, "sgd", 0.01)
    assert (train.loss, train.metrics) == ("sparse_categorical_crossentropy", ("accuracy",))


@pytest.mark.parametrize("name", CATALOG)
def test_every_recipe_of_the_catalog_is_exact_in_a_file(name: str, tmp_path: Path):
    recipe = read_recipe(name)
    text = to_toml(recipe)
    assert from_toml(text) == recipe
    assert read_recipe(written(tmp_path, text)) == recipe


def test_a_short_file_takes_the_rest_from_the_catalog(tmp_path: Path):
    recipe = read_recipe(
        written(tmp_path, "\ufeffseed = 3\n[model]\nname = 'mlp'\nhidden = [7]\n[train]\nepochs = 2\n")
    )
    assert recipe.seed == 3
    assert recipe.model.settings == {**base_recipe("mlp").model.settings, "hidden": [7]}
    assert (recipe.train.epochs, recipe.train.optimizer, recipe.train.learning_rate) == (2, "adam", 0.001)


def test_a_files_optimizer_does_not_get_the_catalogs_learning_rate(tmp_path: Path):
    recipe = read_recipe(written(tmp_path, "[train]\noptimizer = 'RMSprop'\n"))
    assert (recipe.train.optimizer, recipe.train.learning_rate, recipe.train.batch_size) == ("RMSprop", None, 20)
    assert read_recipe(written(tmp_path, to_toml(recipe), "again.toml")) == recipe


def test_set_takes_dotted_names_and_unique_last_parts():
    recipe = change(
        base_recipe(), ["learning_rate=0.1", "train.epochs = 3", "hidden=[64, 32]", "data=fashion-mnist", "momentum=.9"]
    )
    assert (recipe.train.learning_rate, recipe.train.epochs, recipe.data) == (0.1, 3, "fashion-mnist")
    assert recipe.model.settings["hidden"] == [64, 32]
    assert recipe.train.options == {"momentum": 0.9}
    assert base_recipe().train.options == {}


def test_another_optimizer_brings_its_own_rate_in_any_order():
    assert change(base_recipe(), ["optimizer=adam"]).train.learning_rate is None
    assert change(base_recipe(), ["learning_rate=0.2", "beta_1=0.8", "optimizer=adam"]).train.learning_rate == 0.2
    assert change(base_recipe(), ["optimizer=SGD"]).train.learning_rate == 0.01


def test_another_model_brings_its_own_settings_in_any_order():
    recipe = change(base_recipe(), ["dropout=0.5", "name=mlp"])
    assert recipe.model.settings == {**base_recipe("mlp").model.settings, "dropout": 0.5}


def test_a_schedule_is_a_table():
    recipe = read_recipe(
        "notes-mlp", ["learning_rate={name='CosineDecay', initial_learning_rate=0.1, decay_steps=100}"]
    )
    assert recipe.train.learning_rate == {"name": "CosineDecay", "initial_learning_rate": 0.1, "decay_steps": 100}
    assert from_toml(to_toml(recipe)) == recipe


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("k=adam", "adam"),
        ("k='adam'", "adam"),
        ("k=[64, 32]", [64, 32]),
        ("k=1e-3", 1e-3),
        ("k=.5", 0.5),
        ("k=5.", 5.0),
        ("k=True", True),
        ("k=false", False),
        ("k=C:/손글씨 자료/a.npz", "C:/손글씨 자료/a.npz"),
        ("k=a=b", "a=b"),
    ],
)
def test_values_are_toml_or_bare_texts(text: str, value: object):
    key, came = parse_assignment(text)
    assert (key, came, type(came)) == ("k", value, type(value))


@pytest.mark.parametrize("text", ["k", "=3", "k=", "k=[64", "k={a=1", "k='adam"])
def test_an_incomplete_assignment_is_refused(text: str):
    with pytest.raises(RecipeError):
        parse_assignment(text)


def test_an_ambiguous_name_names_both():
    with pytest.raises(RecipeError) as caught:
        resolve("momentum", ["model.momentum", "train.momentum", "seed"])
    assert "model.momentum or train.momentum" in caught.value.problem


@pytest.mark.parametrize(
    ("assignment", "says"),
    [
        ("epoch=3", "Did you mean 'epochs'?"),
        ("train.lerning_rate=1", "Did you mean 'train.learning_rate'?"),
        ("hiden=[3]", "Did you mean 'hidden'?"),
        ("model.hiden=[3]", "Did you mean 'model.hidden'?"),
        ("momentun=0.9", "Did you mean 'momentum'?"),
        ("beta_1=0.9", "momentum, nesterov"),
        ("optimizer=adan", "Did you mean 'Adam'?"),
        ("optimizer=3", "train.optimizer should be a name, but is 3"),
        ("momentum=lots", "train.momentum should be a number, but is 'lots'"),
        ("clipnorm=lots", "train.clipnorm should be a number, but is 'lots'"),
        ("momentum=5", "SGD refuses its settings"),
        ("loss=sparse_categorical_crossentrop", "Did you mean 'sparse_categorical_crossentropy'?"),
        ("metrics=acuracy", "Did you mean 'accuracy'?"),
        ("hidden=64", "model.hidden should be a list such as [20, 20], but is 64"),
        ("dropout=much", "model.dropout should be a number, but is 'much'"),
        ("functional=1", "model.functional should be true or false, but is 1"),
        ("model.name=notes-mpl", "Did you mean 'notes-mlp'?"),
        ("learning_rate={name='CosinDecay'}", "Did you mean 'CosineDecay'?"),
        ("learning_rate={name='CosineDecay', decay_step=3}", "Did you mean 'train.learning_rate.decay_steps'?"),
        ("learning_rate={name='CosineDecay'}", "CosineDecay refuses its settings"),
        ("train=3", "no setting called 'train'"),
        ("tta.x=1", "Known: train.tta.shift, train.tta.flip."),
        ("train.tta.x=1", "Known: train.tta.shift, train.tta.flip."),
        ("tta.shfit=1", "Did you mean 'train.tta.shift'?"),
        ("average.x=1", "Known: train.average.name, train.average.decay, train.average.start."),
        ("average={}", "train.average needs a name, EMA or SWA; the table has nothing"),
        ("average.start=0.5", "train.average needs a name, EMA or SWA; the table has start"),
        ("weight_decay=nan", "train.weight_decay should be of a size"),
    ],
)
def test_what_cannot_be_set_says_why(assignment: str, says: str):
    with pytest.raises(RecipeError) as caught:
        read_recipe("notes-mlp", [assignment])
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[model]\nhiden = [3]\n", "Did you mean 'model.hidden'?"),
        ("[train]\nepoch = 3\n", "Did you mean 'train.epochs'?"),
        ("[model]\nname = 'mpl'\n", "Did you mean 'mlp'?"),
        ("sede = 3\n", "Did you mean 'seed'?"),
        ("model = 3\n", "model should be a table"),
        ("seed = \n", "mine.toml:1:"),
    ],
)
def test_what_is_wrong_in_a_file_says_why_and_where(text: str, says: str, tmp_path: Path):
    file = written(tmp_path, text)
    with pytest.raises(RecipeError) as caught:
        read_recipe(file)
    assert says in str(caught.value)
    assert "mine.toml" in str(caught.value)


def test_unreadable_files_are_clear_errors(tmp_path: Path):
    with pytest.raises(RecipeError, match="No such file"):
        read_recipe("nowhere.toml")
    file = tmp_path / "cp949.toml"
    file.write_bytes("data = '손글씨'".encode("cp949"))
    with pytest.raises(RecipeError, match="not UTF-8"):
        read_recipe(file)
    with pytest.raises(RecipeError, match="Did you mean 'notes-mlp'"):
        read_recipe("notes-mpl")


def test_a_builder_of_ones_own_is_found_beside_the_file(builder: Path, tmp_path: Path):
    recipe = read_recipe(written(tmp_path, "[model]\nname = 'net.py:net'\nwidth = 5\n"), ["width=6"])
    assert recipe.model.name == f"{builder}:net"
    assert recipe.model.settings == {"width": 6}
    assert recipe.train.optimizer is None
    assert from_toml(to_toml(recipe)) == recipe


def test_two_builders_import_each_its_own_neighbour(builder: Path, tmp_path: Path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "net.py").write_text(BUILDER)
    (other / "beside.py").write_text("CLASSES = 7")
    classes = [
        load_file_builder(f"{file}:net").function().output_shape for file in (builder, other / "net.py", builder)
    ]
    assert classes == [(None, 3), (None, 7), (None, 3)]
    assert read_recipe(f"{other / 'net.py'}:net").model.name
    (other / "beside.py").write_text("CLASSES = 70")
    (other / "net.py").write_text(BUILDER + "\n")
    os.utime(other / "beside.py", (1, 1))
    os.utime(other / "net.py", (1, 1))
    assert load_file_builder(f"{other / 'net.py'}:net").function().output_shape == (None, 70)


def test_data_is_found_beside_the_file(tmp_path: Path):
    (tmp_path / "own.npz").touch()
    assert read_recipe(written(tmp_path, "data = 'own.npz'")).data == str(tmp_path / "own.npz")
    assert read_recipe(written(tmp_path, "data = 'other.npz'")).data == "other.npz"


def test_a_builders_settings_come_from_its_signature(builder: Path):
    with pytest.raises(RecipeError, match=r"model\.momentum or train\.momentum"):
        read_recipe(f"{builder}:net", ["momentum=0.9"])
    assert read_recipe(f"{builder}:net", ["train.momentum=0.9"]).train.options == {"momentum": 0.9}
    with pytest.raises(RecipeError, match="Did you mean 'width'"):
        read_recipe(f"{builder}:net", ["widht=3"])
    with pytest.raises(RecipeError, match=r"Did you mean 'train\.epochs'"):
        read_recipe(written(builder.parent, "model.name = 'net.py:net'\ntrain.epoch = 3\n"))
    with pytest.raises(RecipeError, match="needs a value for 'width'"):
        read_recipe(f"{builder}:needy")
    with pytest.raises(RecipeError, match=r"no setting.*'model\.data'"):
        read_recipe(f"{builder}:net", ["model.data=3"])
    assert read_recipe(f"{builder}:open_net", ["model.width=3"]).model.settings == {"width": 3}


def test_a_builder_file_that_fails_names_its_line(builder: Path, tmp_path: Path):
    with pytest.raises(RecipeError, match="Did you mean 'needy'"):
        read_recipe(f"{builder}:nedy")
    with pytest.raises(RecipeError, match="which function"):
        read_recipe(str(builder))
    with pytest.raises(RecipeError, match="no builder file"):
        read_recipe(f"{tmp_path}/nowhere.py:net")
    broken = tmp_path / "broken.py"
    broken.write_text("import keras\n\n1 / 0\n")
    with pytest.raises(RecipeError, match=r"broken\.py:3 failed: ZeroDivisionError"):
        read_recipe(f"{broken}:net")
    broken.write_text("def net(:\n")
    with pytest.raises(RecipeError, match=r"broken\.py:1 failed: SyntaxError"):
        read_recipe(f"{broken}:net")
