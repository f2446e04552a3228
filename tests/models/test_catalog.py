"""Building: the networks themselves, and initial weights that the seed alone decides."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import random
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from sonmat.errors import RecipeError
from sonmat.models.catalog import CATALOG, build, build_recipe, find_builder
from sonmat.models.compilation import optimizer_options
from sonmat.models.reading import read_recipe
from sonmat.models.seeding import derived_seed, private_randomness, seed_weights

DATA = SimpleNamespace(inputs=np.zeros((5, 6, 7, 2), np.uint8), classes=("가", "나", "다"))


def digest(model: keras.Model) -> str:
    return hashlib.sha256(b"".join(np.asarray(weight).tobytes() for weight in model.get_weights())).hexdigest()


def in_a_fresh_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()[-1]


def test_the_notes_network():
    model = build()
    kinds = [(type(layer).__name__, layer.output.shape[1:]) for layer in model.layers]
    assert kinds == [("Flatten", (784,)), ("Dense", (20,)), ("Dense", (20,)), ("Dense", (10,))]
    assert [layer.activation.__name__ for layer in model.layers[1:]] == ["relu", "relu", "softmax"]
    assert model.count_params() == 16_330
    assert isinstance(model, keras.Sequential)
    assert isinstance(model.optimizer, keras.optimizers.SGD)
    assert float(model.optimizer.learning_rate.value) == pytest.approx(0.01)
    assert model.loss == "sparse_categorical_crossentropy"
    assert {"loss", "accuracy"} <= set(model.evaluate(np.zeros((2, 28, 28)), np.zeros(2), verbose=0, return_dict=True))


@pytest.mark.parametrize("name", [name for name in CATALOG if name != "textcnn"])  # which reads sentences
def test_shape_and_classes_come_from_the_data(name: str):
    model = build(name, DATA, **({"padding": "same"} if name == "notes-cnn" else {}))
    assert model.input_shape == (None, 6, 7, 2)
    assert model.output_shape == (None, 3)
    np.testing.assert_allclose(np.sum(model.predict(DATA.inputs + 1.0, verbose=0), axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", ["notes-mlp", "mlp"])  # the others are functional always
def test_the_functional_model_is_the_same_network(name: str):
    plain, functional = build(name, seed=4), build(name, seed=4, functional=True)
    assert not isinstance(functional, keras.Sequential)
    assert digest(plain) == digest(functional)
    rows = np.random.default_rng(0).random((3, 28, 28), np.float32)
    np.testing.assert_array_equal(plain.predict(rows, verbose=0), functional.predict(rows, verbose=0))


def test_settings_reach_the_network_and_its_optimizer():
    model = build("mlp", hidden=[5], dropout=0.25, activation="tanh", optimizer="SGD", learning_rate=0.5, momentum=0.9)
    assert [type(layer).__name__ for layer in model.layers] == ["Flatten", "Dense", "Dropout", "Dense"]
    assert (model.layers[1].units, model.layers[1].activation.__name__, model.layers[2].rate) == (5, "tanh", 0.25)
    assert (model.optimizer.momentum, float(model.optimizer.learning_rate.value)) == (0.9, 0.5)
    assert len(build("mlp", hidden=[]).layers) == 2
    assert build("notes-mlp", loss="mse", metrics="mae").loss == "mse"


def test_a_schedule_reaches_the_optimizer():
    table = {"name": "ExponentialDecay", "initial_learning_rate": 0.5, "decay_steps": 10, "decay_rate": 0.5}
    model = build(learning_rate=table)
    model.optimizer.iterations.assign(20)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.125)


@pytest.mark.parametrize(
    "name", ["Adadelta", "Adafactor", "Adagrad", "Adam", "Adamax", "AdamW", "Ftrl", "Lion", "Nadam", "RMSprop", "SGD"]
)
def test_every_optimizer_of_keras_by_any_case(name: str):
    model = build(optimizer=name.lower(), learning_rate=0.125)
    assert type(model.optimizer).__name__ == name
    assert float(model.optimizer.learning_rate.value) == 0.125
    assert "clipnorm" in optimizer_options(name)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"hiden": [3]}, "Did you mean 'hidden'"),
        ({"epochs": 3}, "no setting of notes-mlp called 'epochs'"),
        ({"beta_1": 0.9}, "no setting of notes-mlp called 'beta_1'"),
        ({"hidden": [0]}, "model.hidden should be a list of whole numbers of 1 or more, but is [0]"),
        ({"hidden": [20.0]}, "but is [20.0]"),
        ({"dropout": 1}, "model.dropout should be a number from 0 to below 1, but is 1"),
        ({"dropout": -0.1}, "but is -0.1"),
        ({"activation": "rleu"}, "Keras has no activation 'rleu'"),
        ({"seed": -1}, "seed should be a whole number from 0"),
    ],
)
def test_impossible_settings_are_refused(settings: dict, says: str):
    with pytest.raises(RecipeError) as caught:
        build("notes-mlp", **settings)
    assert says in str(caught.value)


@functools.cache
def elsewhere() -> dict[str, str]:
    """The same of every recipe, from one process that has drawn other numbers before."""
    code = f"""
import random; random.seed(99)
import sonmat as sm, hashlib, json, numpy as np
def digest(name):
    return hashlib.sha256(b"".join(np.asarray(w).tobytes() for w in sm.build(name, seed=7).get_weights())).hexdigest()
print(json.dumps({{name: digest(name) for name in {list(CATALOG)!r}}}, separators=(",", ":")))  # one word
"""
    found: dict[str, str] = json.loads(in_a_fresh_process(code))
    return found


@pytest.mark.parametrize("name", CATALOG)
def test_the_seed_alone_decides_the_weights_in_any_process(name: str):
    random.seed(1)
    keras.utils.set_random_seed(2)
    here = digest(build(name, seed=7))
    build(name)
    assert digest(build(name, seed=7)) == here
    assert digest(build(name, seed=8)) != here
    assert elsewhere()[name] == here


def test_weights_are_as_keras_draws_them():
    kernel = build("mlp", hidden=[400]).layers[1].kernel.numpy()
    limit = np.sqrt(6 / (784 + 400))  # Glorot, uniform
    assert np.abs(kernel).max() <= limit
    assert np.abs(kernel).max() > 0.999 * limit
    assert kernel.mean() == pytest.approx(0, abs=limit / 100)
    assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.01)


def test_layers_of_one_shape_do_not_share_weights():
    model = build("mlp", hidden=[20, 20, 20])
    first, second = model.layers[-3].get_weights()[0], model.layers[-5].get_weights()[0]
    assert first.shape == second.shape == (20, 20)
    assert np.abs(first - second).max() > 0.1


def drawn() -> tuple[float, float, list[float]]:
    return random.random(), float(np.random.random()), np.asarray(keras.random.uniform((2,))).tolist()  # noqa: NPY002


@pytest.mark.parametrize("fails", [False, True])
def test_the_callers_randomness_is_left_alone(fails: bool):
    keras.utils.set_random_seed(5)
    expected = drawn(), drawn()
    keras.utils.set_random_seed(5)
    assert drawn() == expected[0]
    if fails:
        with contextlib.suppress(ZeroDivisionError), private_randomness(3):
            drawn()
            raise ZeroDivisionError
    else:
        build("mlp", seed=3, dropout=0.5)
    assert drawn() == expected[1]


def deep() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Embedding(11, 8),
            keras.layers.Bidirectional(keras.layers.LSTM(8, return_sequences=True)),
            keras.layers.Conv1D(4, 3, kernel_initializer="he_normal"),
            keras.layers.BatchNormalization(),
            keras.layers.SeparableConv1D(4, 2),
            keras.layers.Flatten(),
            keras.layers.Dense(5, kernel_initializer=keras.initializers.RandomNormal(seed=1), bias_initializer="ones"),
        ]
    )


def test_seed_weights_reaches_every_unseeded_weight_of_any_layer():
    one, other = deep(), deep()
    before = {weight.path: weight.numpy() for weight in one.weights}
    kept = {
        path for path in before if path.rsplit("/", 1)[1] in ("bias", "gamma", "beta", "moving_mean", "moving_variance")
    }
    kept |= {path for path in before if "dense" in path and path.endswith("kernel")}  # seeded by its author
    count = seed_weights(one, 3)
    changed = {weight.path for weight in one.weights if not np.array_equal(weight.numpy(), before[weight.path])}
    assert changed == set(before) - kept
    assert count == len(changed) == 8
    seed_weights(other, 3)
    assert digest(one) == digest(other)
    seed_weights(other, 4)
    assert digest(one) != digest(other)


@pytest.mark.parametrize("name", CATALOG)
def test_seeding_again_is_building_again(name: str):
    model = build(name, seed=1)
    seed_weights(model, 2)
    assert digest(model) == digest(build(name, seed=2))


def test_derived_seeds_differ_and_never_change():
    seeds = [derived_seed(seed, place) for seed in range(20) for place in range(20)]
    assert len(set(seeds)) == 400
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert [derived_seed(0, 0), derived_seed(0, 1), derived_seed(2**32 - 1, 5)] == [763937057, 177691146, 920841241]


OWN = """
import keras, numpy as np

class Odd(keras.layers.Layer):
    def build(self, shape):
        draw = lambda shape, dtype=None: np.random.random(shape)
        self.table = self.add_weight(shape=(4, 3), initializer=draw, name="table")
    def call(self, x):
        return x @ self.table

def plain(*, width=8, data=None, seed=None):
    assert seed is not None
    width_in = 4 if data is None else data.inputs.shape[-1]
    return keras.Sequential([keras.Input((width_in,)), keras.layers.Dense(width, name="a"), keras.layers.Dense(3)])

def compiled(rate=0.25):
    model = keras.Sequential([keras.Input((4,)), Odd()])
    model.compile(optimizer=keras.optimizers.SGD(rate, momentum=0.5), loss="mse", metrics=["mae"])
    return model

def loaded():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, use_bias=False)])
    model.set_weights([np.full((4, 2), 7.0)])
    return model

def no_model():
    return 3
"""


@pytest.fixture
def own(tmp_path: Path) -> str:
    file = tmp_path / "own.py"
    file.write_text(OWN)
    return str(file)


def test_a_builder_of_ones_own(own: str):
    model = build(f"{own}:plain", width=5)
    assert model.get_layer("a").units == 5
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    assert model.loss == "sparse_categorical_crossentropy"
    assert build(f"{own}:plain", SimpleNamespace(inputs=np.zeros((2, 9)), classes=("a", "b"))).input_shape == (None, 9)
    with pytest.raises(RecipeError, match=r"should return a keras\.Model, but returned int"):
        build(f"{own}:no_model")


def test_a_builder_of_ones_own_is_seeded_and_what_it_loads_is_kept(own: str):
    assert np.all(build(f"{own}:loaded").get_weights()[0] == 7)
    for function in ("plain", "compiled"):
        here = digest(build(f"{own}:{function}", seed=6))
        assert digest(build(f"{own}:{function}", seed=6)) == here
        assert digest(build(f"{own}:{function}", seed=7)) != here
    code = f"""
import sonmat as sm, hashlib, numpy as np
model = sm.build({own + ":compiled"!r}, seed=6)
print(hashlib.sha256(b"".join(np.asarray(w).tobytes() for w in model.get_weights())).hexdigest())
"""
    assert in_a_fresh_process(code) == here


def test_a_builders_own_compile_stands_where_the_recipe_is_silent(own: str):
    model = build_recipe(read_recipe(f"{own}:compiled"))
    assert (model.loss, float(model.optimizer.learning_rate.value), model.optimizer.momentum) == ("mse", 0.25, 0.5)
    model = build_recipe(read_recipe(f"{own}:compiled", ["learning_rate=0.125"]))
    assert (type(model.optimizer).__name__, float(model.optimizer.learning_rate.value), model.optimizer.momentum) == (
        "SGD",
        0.125,
        0.5,
    )
    model = build_recipe(read_recipe(f"{own}:compiled", ["train.momentum=0.75"]))
    assert (float(model.optimizer.learning_rate.value), model.optimizer.momentum) == (0.25, 0.75)
    model = build_recipe(read_recipe(f"{own}:compiled", ["optimizer=adam"]))
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    rows = np.ones((4, 4), np.float32)
    assert set(model.fit(rows, np.ones((4, 3)), verbose=0).history) == {"loss", "mae"}
    with pytest.raises(RecipeError, match="compiles the model with its own"):
        build_recipe(read_recipe(f"{own}:compiled", ["loss=mae"]))
    with pytest.raises(RecipeError, match=r"'train\.beta_1'"):
        build_recipe(read_recipe(f"{own}:compiled", ["beta_1=0.5"]))


def test_a_changed_file_is_read_again(own: str):
    assert find_builder(f"{own}:plain").settings["width"] == 8
    Path(own).write_text(OWN.replace("width=8", "width=1234"))
    assert find_builder(f"{own}:plain").settings["width"] == 1234
