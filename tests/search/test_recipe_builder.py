"""What builds a study's members: which settings are whose, what is built once, and first weights to the bit."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sonmat.data.dataset import Dataset
from sonmat.jobs.rows import rows_of
from sonmat.models import catalog
from sonmat.models.catalog import build_recipe
from sonmat.models.reading import read_recipe
from sonmat.models.recipe import Recipe
from sonmat.search.recipe_builder import RecipeBuilder
from sonmat.search.runner import Runner
from sonmat.search.settings import settings_recipe
from sonmat.search.space import Choice, Space
from sonmat.search.study import Asked
from sonmat.search.worker import ready

TOLD = {"seed": 3, "epochs": 10, "batch_size": 20, "augment": None, "label_smoothing": 0.0, "average": None}
"""What the training of a trial of notes-mlp is told where its settings say nothing."""

OWN = '''
import keras


def net(data=None, units: int = 4):
    """Not compiled, with a first layer of its own drawing."""
    return keras.Sequential([
        keras.Input((28, 28)),
        keras.layers.Flatten(),
        keras.layers.Dense(units, activation="relu", kernel_initializer="he_normal"),
        keras.layers.Dense(10, activation="softmax", bias_initializer="ones"),
    ])


def seeded(data=None, seed=0):
    model = net()
    model.layers[-1].kernel.assign(keras.random.normal((4, 10), seed=seed))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
'''


@pytest.fixture(autouse=True, scope="module")
def _place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SONMAT_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module")
def rows(small: Path) -> tuple[Dataset, Dataset, Dataset]:
    return rows_of(replace(Recipe(), data=str(small), split_seed=0))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("own") / "own.py"
    file.write_text(OWN)
    return str(file)


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[Recipe]:
    """Every recipe that was built since."""
    found: list[Recipe] = []

    def counted(recipe: Recipe, data: Any = None) -> Any:
        found.append(recipe)
        return build_recipe(recipe, data)

    monkeypatch.setattr(catalog, "build_recipe", counted)
    return found


def made(builder: RecipeBuilder, pairs: Sequence[tuple[Mapping[str, Any], int]], rows: Sequence[Dataset]) -> Any:
    return ready(builder, [builder.member(settings, seed) for settings, seed in pairs], rows[0], rows[1])


# --- which settings are whose ---

COSINE = {"name": "Cosine", "peak": 0.1}
DECAY = {"name": "ExponentialDecay", "initial_learning_rate": 0.1, "decay_steps": 9, "decay_rate": 0.5}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, {}),
        ({"train.learning_rate": 0.5}, {"learning_rate": 0.5}),
        ({"train.learning_rate": 1}, {"learning_rate": 1.0}),
        ({"train.batch_size": 50}, {"batch_size": 50}),
        ({"train.batch_size": [[2, 30], [3, 60]]}, {"batch_size": [[2, 30], [3, 60]]}),
        ({"train.augment": {"shift": 2}}, {"augment": {"shift": 2}}),
        ({"train.augment.shift": 2}, {"augment": {"shift": 2}}),
        ({"train.label_smoothing": 0.1}, {"label_smoothing": 0.1}),
        ({"train.average.decay": 0.9, "train.average.name": "EMA"}, {"average": {"decay": 0.9, "name": "EMA"}}),
        ({"train.learning_rate": DECAY}, {"train.learning_rate": DECAY}),
        ({"train.learning_rate": COSINE}, {"train.learning_rate": COSINE}),
        (
            {"train.learning_rate": COSINE, "train.batch_size": 50},
            {"train.learning_rate": COSINE, "train.batch_size": 50, "batch_size": 50},
        ),
        ({"train.learning_rate": DECAY, "train.batch_size": 50}, {"train.learning_rate": DECAY, "batch_size": 50}),
        ({"model.hidden": [3], "train.momentum": 0.9}, {"model.hidden": [3], "train.momentum": 0.9}),
    ],
    ids=str,
)
def test_the_training_is_told_what_is_its_own(settings: dict[str, Any], told: dict[str, Any]) -> None:
    assert RecipeBuilder(read_recipe("notes-mlp")).member(settings, 3) == TOLD | told


def test_the_recipe_says_what_a_trial_does_not() -> None:
    recipe = read_recipe("notes-mlp", ["epochs=4", "batch_size=7", "label_smoothing=0.2", "augment={shift=1}"])
    told = RecipeBuilder(recipe).member({"train.learning_rate": 0.3}, 9)
    assert told == {
        "seed": 9, "epochs": 4, "batch_size": 7, "augment": {"shift": 1}, "label_smoothing": 0.2, "average": None,
        "learning_rate": 0.3,
    }  # fmt: skip


def test_a_rate_in_place_of_the_recipes_schedule_is_built_in(rows: Any) -> None:
    recipe = read_recipe("notes-mlp", ["hidden=[4]", 'learning_rate={name="Cosine",peak=0.3}'])
    builder = RecipeBuilder(recipe, rows[0])
    assert builder.member({"train.learning_rate": 0.1}, 3) == TOLD | {"train.learning_rate": 0.1}
    many = made(builder, [({"train.learning_rate": rate}, 0) for rate in (0.1, 0.2)], rows)
    rates = [float(many.blueprints.of(member).optimizer.learning_rate) for member in many.settings]
    np.testing.assert_allclose(rates, [0.1, 0.2], rtol=1e-6)


def test_it_travels_to_other_processes(rows: Any) -> None:
    builder = RecipeBuilder(read_recipe("notes-mlp"), None, ("mlp",))
    assert pickle.loads(pickle.dumps(builder)) == builder


# --- what is built once ---


def test_trials_that_differ_in_rate_and_seed_alone_are_built_once(rows: Any, builds: list[Recipe]) -> None:
    builder = RecipeBuilder(read_recipe("notes-mlp", ["hidden=[4]"]), rows[0])
    pairs = [({"train.learning_rate": rate}, seed) for rate in (0.01, 0.1, 0.3) for seed in (0, 1, 2)]
    many = made(builder, pairs, rows)
    assert len(builds) == 1
    assert len(many.groups) == 1
    assert len(many.chunks()) < len(pairs)


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        ([{"train.batch_size": size} for size in (20, 30, 60)], 1),
        ([{"train.augment": {"shift": shift}} for shift in (1, 2)], 1),
        ([{"train.label_smoothing": share} for share in (0.0, 0.1)], 1),
        ([{"model.hidden": [units]} for units in (3, 4)], 2),
        ([{"train.momentum": share} for share in (0.5, 0.9)], 2),
        ([{"train.learning_rate": COSINE, "train.batch_size": size} for size in (20, 30)], 2),
    ],
    ids=["batch_size", "augment", "label_smoothing", "hidden", "momentum", "schedule"],
)
def test_what_the_network_does_not_depend_on_builds_none(
    settings: list[dict[str, Any]], count: int, rows: Any, builds: list[Recipe]
) -> None:
    builder = RecipeBuilder(read_recipe("notes-mlp", ["hidden=[4]"]), rows[0])
    made(builder, [(one, 0) for one in settings], rows)
    assert len(builds) == count


def test_a_schedule_is_as_long_as_the_trials_own_training(rows: Any) -> None:
    builder = RecipeBuilder(read_recipe("notes-mlp", ["hidden=[4]", "epochs=3"]), rows[0])
    many = made(builder, [({"train.learning_rate": COSINE, "train.batch_size": size}, 0) for size in (20, 30)], rows)
    lengths = [many.blueprints.of(member).optimizer._learning_rate.get_config() for member in many.settings]
    recipe = replace(builder.recipe, train=replace(builder.recipe.train, learning_rate=COSINE))
    for size, found in zip((20, 30), lengths, strict=True):
        alone = build_recipe(replace(recipe, train=replace(recipe.train, batch_size=size)), rows[0])
        assert found == alone.optimizer._learning_rate.get_config()
    assert lengths[0] != lengths[1]


# --- first weights ---

WHITENED = ("stem=4", "whiten=true", "filters=[3]")


@pytest.mark.parametrize(
    ("name", "settings"),
    [("notes-mlp", ("hidden=[4]",)), ("mlp", ("hidden=[4]", "dropout=0.2")), ("convnet", WHITENED)],
    ids=["notes-mlp", "dropout", "whitened"],
)
def test_drawing_again_is_building_anew(name: str, settings: Sequence[str], rows: Any, builds: list[Recipe]) -> None:
    builder = RecipeBuilder(read_recipe(name, settings), rows[0])
    seeds = (5, 0, 2**32 - 1)
    many = made(builder, [({"train.learning_rate": 0.1}, seed) for seed in seeds], rows)
    assert len(builds) == 1
    firsts = []
    for member, seed in zip(many.settings, seeds, strict=True):
        alone = build_recipe(replace(builder.recipe, seed=seed), rows[0])
        first = many.blueprints.first(member)
        firsts.append(first)
        for place, kind in enumerate(("trainable_variables", "non_trainable_variables")):
            theirs = getattr(alone, kind)
            assert len(theirs) == len(first[place])
            for mine, variable in zip(first[place], theirs, strict=True):
                if "seed" not in variable.path:  # a generator's, which every epoch begins anew
                    np.testing.assert_array_equal(mine, variable, err_msg=variable.path)
    assert not all(np.array_equal(a, b) for a, b in zip(firsts[0][0], firsts[1][0], strict=True))


def test_a_builder_of_ones_own_draws_by_itself(own: str, rows: Any) -> None:
    for function in ("net", "seeded"):
        recipe = read_recipe(f"{own}:{function}")
        builder = RecipeBuilder(recipe, rows[0])
        assert builder.reseed is None
        settings = {"train.learning_rate": 0.1}
        many = made(builder, [(settings, seed) for seed in (0, 7)], rows)
        assert len(many.groups) == 1
        for member, seed in zip(many.settings, (0, 7), strict=True):
            alone = build_recipe(replace(settings_recipe(recipe, settings), seed=seed), rows[0])
            for mine, variable in zip(many.blueprints.first(member)[0], alone.trainable_variables, strict=True):
                np.testing.assert_array_equal(mine, variable, err_msg=f"{function} {seed} {variable.path}")


def test_beside_ours_a_builder_of_ones_own_keeps_its_weights(own: str, rows: Any, small: Path) -> None:
    models = ("notes-mlp", f"{own}:net")
    for first, other in (models, models[::-1]):
        recipe = replace(read_recipe(first), data=str(small), split_seed=0)
        asked = Asked(recipe, Space({"model.name": Choice((first, other))}), trials=2, sampler="grid")
        study: Any = type("Asking", (), {"asked": asked, "best": lambda self: None})()
        builder = Runner(study, rows[0], rows[1]).builder()
        pairs = [(name, seed) for name in models for seed in (0, 7)]
        many = made(builder, [({"model.name": name}, seed) for name, seed in pairs], rows)
        for member, (name, seed) in zip(many.settings, pairs, strict=True):
            alone = build_recipe(replace(settings_recipe(recipe, {"model.name": name}), seed=seed), rows[0])
            for mine, variable in zip(many.blueprints.first(member)[0], alone.trainable_variables, strict=True):
                np.testing.assert_array_equal(mine, variable, err_msg=f"{name} {seed} {variable.path}")
