"""Networks written down layer by layer: what Keras makes of them, their sizes without Keras, and what is refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from sonmat.engine.fit import fit
from sonmat.errors import RecipeError
from sonmat.models.catalog import base_recipe, build, build_recipe
from sonmat.models.reading import change
from sonmat.models.recipe import from_toml, to_toml
from sonmat.models.sizes import sizes
from sonmat.models.stack import stack
from sonmat.models.stack_layers import KINDS, read_layers
from sonmat.models.stack_sizes import stack_sizes

CONVOLVED = [
    {"layer": "conv", "filters": 6, "kernel": 5},
    {"layer": "max_pool"},
    {"layer": "dropout", "rate": 0.25},
    {"layer": "dense", "units": 12, "activation": "tanh"},
]


def rows(*shape: int, classes: int = 10) -> Any:
    return SimpleNamespace(inputs=np.zeros((2, *shape), np.uint8), classes=[str(n) for n in range(classes)])


def test_the_network_is_the_one_that_keras_would_make() -> None:
    model = build("layers", rows(28, 28), layers=CONVOLVED)
    L = keras.layers
    own = keras.Sequential(
        [
            keras.Input((28, 28)),
            L.Reshape((28, 28, 1)),
            L.Conv2D(6, 5, activation="relu"),
            L.MaxPooling2D(2, strides=2),
            L.Dropout(0.25),
            L.Flatten(),
            L.Dense(12, activation="tanh"),
            L.Dense(10, activation="softmax"),
        ]
    )
    own.set_weights(model.get_weights())
    x = np.random.default_rng(0).random((3, 28, 28), np.float32)
    assert np.array_equal(np.asarray(model(x)), np.asarray(own(x)))
    assert [layer.rate for layer in model.layers if isinstance(layer, L.Dropout)] == [0.25]


def test_the_normalization_before_a_convolution_is_of_the_channel() -> None:
    made = build("layers", rows(28, 28), layers=[{"layer": "batch_norm"}, {"layer": "dropout"}, {"layer": "conv"}])
    assert [layer.name for layer in made.layers][:2] == ["channel", "norm_1"]
    assert made.layers[1].count_params() == 4
    flat = build("layers", rows(28, 28), layers=[{"layer": "batch_norm"}, {"layer": "dense"}, {"layer": "dense"}])
    assert flat.layers[0].count_params() == 4 * 28


def test_two_dense_layers_are_the_notes_network() -> None:
    mine, notes = build("layers", seed=3), build("notes-mlp", seed=3)
    assert all(np.array_equal(a, b) for a, b in zip(mine.get_weights(), notes.get_weights(), strict=True))


def test_it_trains_and_is_the_same_again() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 200)
    x = (labels[:, None, None] * np.ones((1, 8, 8)) + random.normal(0, 0.3, (200, 8, 8))).astype(np.float32)
    layers = [
        {"layer": "conv", "filters": 3},
        {"layer": "batch_norm"},
        {"layer": "average_pool"},
        {"layer": "dense", "units": 4},
    ]
    reached = []
    for _ in range(2):
        model = build("layers", rows(8, 8, classes=2), layers=layers, learning_rate=0.01)
        history = fit(model, x, labels, epochs=4, batch_size=20, seed=0, verbose=0)
        reached.append(history.history["loss"])
    assert reached[0] == reached[1]
    assert reached[0][-1] < 0.5 * reached[0][0]


def _a_layer() -> Any:
    number = st.integers(1, 5)
    padding = st.sampled_from(["valid", "same"])
    conv = st.fixed_dictionaries(
        {"layer": st.just("conv")}, optional={"filters": number, "kernel": number, "stride": number, "padding": padding}
    )
    pool = st.fixed_dictionaries(
        {"layer": st.sampled_from(["max_pool", "average_pool"])},
        optional={"size": number, "stride": number, "padding": padding},
    )
    dense = st.fixed_dictionaries({"layer": st.just("dense")}, optional={"units": number})
    plain = st.sampled_from(
        [{"layer": "dropout"}, {"layer": "batch_norm"}, {"layer": "activation", "activation": "gelu"}]
    )
    return st.one_of(conv, conv, pool, dense, plain)


@limits(max_examples=40, deadline=None)
@given(
    st.lists(_a_layer(), max_size=6),
    st.sampled_from([(12, 12), (9, 14), (7, 7, 1), (10, 8, 3), (5,)]),
    st.integers(2, 4),
)
def test_sizes_without_keras_are_those_of_keras(layers: list[Any], shape: tuple[int, ...], classes: int) -> None:
    told = stack_sizes(read_layers(layers), shape, classes)
    if told.problem is not None:
        with pytest.raises(RecipeError) as raised:
            stack(rows(*shape, classes=classes), layers=layers)
        assert str(raised.value) == str(told.problem)
        assert told.at is not None
        before = stack_sizes(read_layers(layers)[: told.at], shape, classes)
        assert before.problem is None  # and what comes before it can be
        if {"layer": "batch_norm"} not in layers[: told.at]:  # which looks ahead for the channel that it normalizes
            assert before.layers[: len(told.layers)] == told.layers
        return
    model = stack(rows(*shape, classes=classes), layers=layers)
    assert list(told.layers) == sizes(model)
    assert told.parameters == model.count_params()
    assert [place for place in told.places if place is not None] == list(range(len(layers)))


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([{"layer": "dense"}, {"layer": "conv"}], "conv_1 slides over rows and columns"),
        ([{"layer": "conv", "kernel": 29}], "conv_1: a 29 × 29 kernel does not fit"),
        ([{"layer": "dens"}], "Layer 1: layer should be one of dense, conv"),
        (["dense"], "Layer 1: layer should be one of"),
        ([{"layer": "dense", "unit": 3}], "layer 1 (dense)"),
        ([{"layer": "dense", "units": 0}], "Layer 1: units should be a whole number of 1 or more, but is 0"),
        ([{"layer": "dense", "units": True}], "but is True"),
        ([{"layer": "dense", "units": 2.5}], "but is 2.5"),
        ([{"layer": "dropout", "rate": 1.0}], "rate should be a number from 0 to below 1"),
        ([{"layer": "dropout", "rate": float("nan")}], "but is nan"),
        ([{"layer": "conv", "padding": "full"}], "padding should be one of valid, same"),
        (
            [{"layer": "dense"}, {"layer": "activation", "activation": "swishy"}],
            "Layer 2: activation should be Keras's name",
        ),
    ],
)
def test_what_cannot_be_is_said_with_its_layer(layers: list[Any], words: str) -> None:
    with pytest.raises(RecipeError) as raised:
        build("layers", layers=layers)
    assert words in str(raised.value)


def test_a_recipe_keeps_its_layers() -> None:
    recipe = change(base_recipe("layers"), ['layers=[{layer="conv", filters=4}, {layer="max_pool"}]'])
    again = from_toml(to_toml(recipe))
    assert again == recipe
    assert [type(layer).__name__ for layer in build_recipe(again).layers] == [
        *("Reshape", "Conv2D", "MaxPooling2D", "Flatten", "Dense")
    ]


def test_every_kind_has_defaults_that_can_be() -> None:
    for kind in KINDS:
        assert stack_sizes(read_layers([{"layer": kind}]), (28, 28), 10).problem is None
