"""The notes' convolutional network: its settings, its sizes, and what is said of a size that cannot be."""

from __future__ import annotations

from pathlib import Path
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
from sonmat.models.catalog import build
from sonmat.models.lengths import Slide, check_slides, slides_of

L = keras.layers


def images(*shape: int, classes: int = 10) -> Any:
    return SimpleNamespace(inputs=np.zeros((2, *shape), np.uint8), classes=[str(n) for n in range(classes)])


def test_the_default_is_the_notes_kind_of_network() -> None:
    model = build("notes-cnn")
    assert [layer.name for layer in model.layers] == [
        *("image", "channel", "conv_1", "pool_1", "conv_2", "pool_2", "flatten", "probabilities")
    ]
    assert [layer.output.shape[1:] for layer in model.layers[1:6]] == [
        *((28, 28, 1), (26, 26, 16), (13, 13, 16), (11, 11, 32), (5, 5, 32))
    ]
    assert model.count_params() == (9 * 1 + 1) * 16 + (9 * 16 + 1) * 32 + (5 * 5 * 32 + 1) * 10
    assert type(model).__name__ == "Functional"


@pytest.mark.parametrize(
    ("settings", "sizes"),
    [
        ({"kernel_size": 5}, [(24, 24, 16), (12, 12, 16), (8, 8, 32), (4, 4, 32)]),
        ({"kernel_size": [5, 3]}, [(24, 24, 16), (12, 12, 16), (10, 10, 32), (5, 5, 32)]),
        ({"stride": 2}, [(13, 13, 16), (6, 6, 16), (2, 2, 32), (1, 1, 32)]),
        ({"padding": "same"}, [(28, 28, 16), (14, 14, 16), (14, 14, 32), (7, 7, 32)]),
        ({"padding": ["same", "valid"]}, [(28, 28, 16), (14, 14, 16), (12, 12, 32), (6, 6, 32)]),
        ({"pooling": "none"}, [(26, 26, 16), (24, 24, 32)]),
        ({"pooling": ["none", "max"]}, [(26, 26, 16), (24, 24, 32), (12, 12, 32)]),
        ({"pool_size": 3}, [(26, 26, 16), (8, 8, 16), (6, 6, 32), (2, 2, 32)]),
        ({"pool_size": 3, "pool_stride": 2}, [(26, 26, 16), (12, 12, 16), (10, 10, 32), (4, 4, 32)]),
        ({"pool_padding": "same"}, [(26, 26, 16), (13, 13, 16), (11, 11, 32), (6, 6, 32)]),
        ({"filters": [4]}, [(26, 26, 4), (13, 13, 4)]),
        ({"filters": [4, 5, 6]}, [(26, 26, 4), (13, 13, 4), (11, 11, 5), (5, 5, 5), (3, 3, 6), (1, 1, 6)]),
    ],
)
def test_each_setting_changes_the_sizes(settings: dict[str, Any], sizes: list[tuple[int, ...]]) -> None:
    layers = [layer for layer in build("notes-cnn", **settings).layers if layer.name[:4] in ("conv", "pool")]
    assert [layer.output.shape[1:] for layer in layers] == sizes


def test_pooling_activation_head_and_dropout_are_as_asked() -> None:
    model = build("notes-cnn", pooling=["max", "average"], activation="tanh", hidden=[7, 5], dropout=0.25)
    kinds = {layer.name: type(layer) for layer in model.layers}
    assert (kinds["pool_1"], kinds["pool_2"]) == (L.MaxPooling2D, L.AveragePooling2D)
    assert [layer.units for layer in model.layers if isinstance(layer, L.Dense)] == [7, 5, 10]
    assert [layer.rate for layer in model.layers if isinstance(layer, L.Dropout)] == [0.25] * 3
    assert {layer.activation.__name__ for layer in model.layers[2:-1] if hasattr(layer, "activation")} == {"tanh"}


def test_weights_come_from_the_seed() -> None:
    first, again, other = build("notes-cnn", seed=3), build("notes-cnn", seed=3), build("notes-cnn", seed=4)
    assert all((a == b).all() for a, b in zip(first.get_weights(), again.get_weights(), strict=True))
    assert not (first.get_weights()[0] == other.get_weights()[0]).all()


@pytest.mark.parametrize("shape", [(8, 8), (8, 9, 1), (32, 24, 3)])
def test_images_of_other_shapes(shape: tuple[int, ...]) -> None:
    model = build("notes-cnn", images(*shape, classes=4), filters=[3])
    assert model.input_shape == (None, *shape)
    assert model.output_shape == (None, 4)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (
            {"kernel_size": 29},
            "conv_1: a 29 × 29 kernel does not fit into its input of 28 × 28: ⌊(28 − 29) / 1⌋ + 1 = 0",
        ),
        ({"filters": [2] * 4}, "conv_4: a 3 × 3 kernel does not fit into its input of 1 × 1: ⌊(1 − 3) / 1⌋ + 1 = -1"),
        ({"pool_size": 27}, "pool_1: a 27 × 27 pooling window does not fit into its input of 26 × 26"),
        ({"stride": 0}, "model.stride should be a whole number of 1 or more, but is 0"),
        ({"kernel_size": [3, 3, 3]}, "model.kernel_size has 3 values, but there are 2 blocks"),
        ({"kernel_size": ["a", "b"]}, "model.kernel_size should be a number"),
        ({"kernel_size": 2.5}, "whole number"),
        ({"padding": "full"}, "model.padding should be one of valid, same, but is 'full'"),
        ({"pooling": "median"}, "one of max, average, none"),
        ({"pool_stride": -1}, "whole number of 0 or more"),
        ({"filters": []}, "model.filters"),
        ({"filters": [0]}, "model.filters"),
        ({"hidden": [0]}, "model.hidden"),
        ({"dropout": 1.0}, "model.dropout"),
        ({"activation": "nothing"}, "model.activation"),
        ({"filters": [True]}, "model.filters"),
    ],
)
def test_impossible_settings_are_explained(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(RecipeError) as error:
        build("notes-cnn", **settings)
    assert says in str(error.value)
    assert error.value.fix


def test_data_that_are_no_images() -> None:
    with pytest.raises(RecipeError, match=r"images of \(rows, columns\)"):
        build("notes-cnn", images(784))


lengths = st.integers(1, 4)


@limits(max_examples=30, deadline=None)
@given(
    filters=st.lists(st.integers(1, 3), min_size=1, max_size=4),
    kernel_size=lengths,
    stride=st.integers(1, 3),
    padding=st.sampled_from(["valid", "same"]),
    pooling=st.sampled_from(["max", "average", "none"]),
    pool_size=lengths,
    pool_stride=st.integers(0, 3),
    pool_padding=st.sampled_from(["valid", "same"]),
    size=st.integers(3, 12),
)
def test_any_settings_build_or_are_explained(size: int, **settings: Any) -> None:
    try:
        model = build("notes-cnn", images(size, size + 1), **settings)
    except RecipeError as error:
        assert "does not fit" in str(error)  # noqa: PT017
        return
    for layer in model.layers:
        slides = slides_of(layer, layer.input.shape) if layer.name[:4] in ("conv", "pool") else []
        assert [slide.output for slide in slides] == list(layer.output.shape[1:-1] if slides else [])
        assert all(slide.formula.endswith(f"= {slide.output}") for slide in slides)


@given(st.integers(1, 40), st.integers(1, 6), st.integers(1, 4), st.booleans(), st.integers(1, 3))
@limits(max_examples=40, deadline=None)
def test_lengths_are_those_of_keras(length: int, size: int, stride: int, same: bool, dilation: int) -> None:
    if stride > 1:
        dilation = 1
    slide = Slide(length, size, stride, same, dilation)
    layer = L.Conv1D(1, size, strides=stride, padding="same" if same else "valid", dilation_rate=dilation)
    try:
        theirs = layer.compute_output_shape((None, length, 1))[1]
    except ValueError:
        with pytest.raises(RecipeError):
            check_slides("layer", [slide])
    else:
        assert slide.output == theirs


def test_it_learns() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 200)
    x = rng.normal(size=(200, 12, 12)).astype("float32")
    x[np.arange(200), 3 * y + 1] += 3
    data = SimpleNamespace(inputs=x, classes="abc")
    history = fit(build("notes-cnn", data, filters=[4, 4], learning_rate=0.01), x, y, epochs=12, verbose=0)
    assert history.history["accuracy"][-1] > 0.9


# Builders of the user's own


BUILDER = """
import keras

def build(kernel=3, depth=2, broken=""):
    x = inputs = keras.Input((28, 28, 1))
    for number in range(depth):
        x = keras.layers.Conv2D(4, kernel, name=f"features_{number}")(x)
        x = keras.layers.MaxPooling2D(name=f"shrink_{number}")(x)
    if broken == "reshape":
        x = keras.layers.Reshape((7,), name="flat")(x)
    if broken == "name":
        x = undefined(x)
    if broken == "pool":
        x = keras.Sequential([keras.layers.AveragePooling2D(9, name="inner")])(x)
    return keras.Model(inputs, keras.layers.Flatten()(x))
"""


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"depth": 5}, "features_3: a 3 × 3 kernel does not fit into its input of 1 × 1: ⌊(1 − 3) / 1⌋ + 1 = -1"),
        ({"kernel": 40}, "features_0: a 40 × 40 kernel"),
        ({"broken": "pool"}, "inner: a 9 × 9 pooling window does not fit into its input of 5 × 5"),
        ({"broken": "reshape"}, "net.py:10 (build) could not build its network (flat): The total size"),
        ({"broken": "name"}, "net.py:12 (build) could not build its network: name 'undefined' is not defined"),
    ],
)
def test_a_builder_that_fails_is_explained(tmp_path: Path, settings: dict[str, Any], says: str) -> None:
    (tmp_path / "net.py").write_text(BUILDER)
    filtering = keras.config.is_traceback_filtering_enabled()
    with pytest.raises(RecipeError) as error:
        build(f"{tmp_path / 'net.py'}:build", **settings)
    assert says in str(error.value)
    assert "\x1b" not in str(error.value)
    assert keras.config.is_traceback_filtering_enabled() == filtering
