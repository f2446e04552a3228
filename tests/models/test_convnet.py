"""The stages of `convnet`, its whitening, and the recipes that were tuned."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest

import sonmat as sm
from sonmat.errors import RecipeError
from sonmat.models import tuned
from sonmat.models.catalog import base_recipe, build, build_recipe, find_builder
from sonmat.models.convnet import convnet
from sonmat.models.reading import read_recipe
from sonmat.models.recipe import Recipe, from_toml, to_toml
from sonmat.models.textcnn import DATA
from sonmat.models.whitening import LAYER, components, is_whitened, whiten

PICTURES = tuple(name for name in tuned.NAMES if base_recipe(name).data != DATA)
"""All but the recipe for sentences."""


def data(shape: tuple[int, ...], classes: int = 3, rows: int = 40) -> sm.Dataset:
    rng = np.random.default_rng(0)
    return sm.Dataset.from_arrays(rng.integers(0, 255, (rows, *shape)).astype(np.uint8), np.arange(rows) % classes)


# The network


def test_the_layers_are_those_of_the_same_network_written_by_hand():
    layers = keras.layers
    model = convnet(filters=[4, 6], convolutions=[1, 2], residual=True, head="average", dropout=0.5)
    inputs = keras.Input((28, 28))
    x = layers.Conv2D(4, 3, padding="same", use_bias=False)(layers.Reshape((28, 28, 1))(inputs))
    x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(layers.MaxPooling2D(2)(x)))
    x = layers.MaxPooling2D(2)(layers.Conv2D(6, 3, padding="same", use_bias=False)(x))
    x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))
    y = layers.BatchNormalization(momentum=0.9)(layers.Conv2D(6, 3, padding="same", use_bias=False)(x))
    x = layers.Add()([x, layers.Activation("relu")(y)])
    x = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(x))
    by_hand = keras.Model(inputs, layers.Dense(10, "softmax")(x))
    by_hand.set_weights(model.get_weights())
    images = np.random.default_rng(0).random((5, 28, 28)).astype(np.float32)
    np.testing.assert_allclose(model.predict(images, verbose=0), by_hand.predict(images, verbose=0), rtol=1e-5)


@pytest.mark.parametrize("shape", [(5, 5), (1, 1), (7, 30), (32, 32, 3), (28, 28, 1)])
@pytest.mark.parametrize("name", PICTURES)
def test_recipes_adapt_to_pictures_of_any_size(name, shape):
    rows = data(shape, classes=4)
    model = build(name, rows)
    assert sm.predict(model, rows).shape == (40, 4)


@pytest.mark.parametrize(
    "settings",
    [
        {"filters": []},
        {"filters": [0]},
        {"filters": [True]},
        {"convolutions": [1]},
        {"convolutions": 0},
        {"stem": -1},
        {"stem": 3, "whiten": True},
        {"whiten": True},
        {"head": "middle"},
        {"padding": "full"},
        {"pooling": "median"},
        {"dropout": 1.0},
        {"momentum": -0.1},
        {"activation": "relux"},
        {"hidden": [0]},
        {"stem": 4, "stem_size": 29},
    ],
)
def test_settings_that_cannot_be_are_refused(settings):
    with pytest.raises(RecipeError, match=r"model\.|stem"):
        convnet(**{"filters": (4, 8)} | settings)


def test_what_is_no_picture_is_refused():
    with pytest.raises(RecipeError, match="mlp"):
        convnet(data((12,)))


# Whitening


def test_whitened_patches_have_unit_covariance():
    rng = np.random.default_rng(0)
    smooth = rng.normal(size=(60, 20, 20)).cumsum(1).cumsum(2) * 10
    filters = components(smooth, (3, 3))
    patches = np.lib.stride_tricks.sliding_window_view(smooth, (3, 3), axis=(1, 2)).reshape(-1, 9)
    np.testing.assert_allclose(np.cov((patches @ filters).T), np.eye(9), atol=0.02)
    variances = np.linalg.eigvalsh(np.cov(patches.T))[::-1]
    np.testing.assert_allclose(1 / np.linalg.norm(filters, axis=0) ** 2, variances + 5e-4, rtol=1e-2)


def test_filters_come_in_pairs_of_opposite_sign_and_scale_counts():
    images = np.random.default_rng(0).integers(0, 255, (30, 9, 9, 2)).astype(np.uint8)
    layer = keras.layers.Conv2D(8, 2)
    layer.build((None, 9, 9, 2))
    whiten(layer, images, scale=255.0)
    kernel = np.asarray(layer.kernel)
    np.testing.assert_array_equal(kernel[..., :4], -kernel[..., 4:])
    flat = components(images / 255.0, (2, 2))
    np.testing.assert_allclose(kernel.reshape(8, 8)[:, :4], flat[:, :4], rtol=1e-4, atol=1e-5)
    assert not np.asarray(layer.bias).any()


def test_a_frozen_stem_is_whitened_by_the_training_rows_and_stays(mnist):
    train, _ = sm.load(mnist)
    few = train.take(np.arange(300))
    model = build("convnet", few, stem=8, whiten=True, filters=[4])
    kernel = np.asarray(model.get_layer(LAYER).kernel)
    expected = components(few.inputs[..., None], (3, 3), 255.0)[:, :4]
    np.testing.assert_allclose(kernel.reshape(9, 8)[:, :4], expected, rtol=1e-4)
    assert np.array_equal(
        kernel, np.asarray(build("convnet", few, stem=8, whiten=True, filters=[4]).get_layer(LAYER).kernel)
    )
    sm.fit(model, few, epochs=1, verbose=0)
    np.testing.assert_array_equal(kernel, np.asarray(model.get_layer(LAYER).kernel))


def test_a_whitened_stem_without_training_rows_is_refused():
    with pytest.raises(RecipeError, match=r"training rows.*\n.*sonmat\.build\(\"convnet\", train"):
        build("convnet", stem=8, whiten=True)
    build("convnet", stem=8)
    assert build_recipe(read_recipe("convnet", ["stem=8", "whiten=true"])).get_layer(LAYER)  # for `sonmat summary`


def test_a_whitened_stem_is_told_from_one_that_was_never_filled_in(mnist, tmp_path):
    train, _ = sm.load(mnist)
    settings = {"stem": 8, "whiten": True, "filters": [4]}
    filled = build("convnet", train.take(np.arange(300)), **settings)
    empty = build_recipe(read_recipe("convnet", ["stem=8", "whiten=true", "filters=[4]"]))
    assert [is_whitened(model.get_layer(LAYER)) for model in (filled, empty)] == [True, False]
    assert not any(is_whitened(layer) for layer in filled.layers if layer.name != LAYER)
    filled.save(tmp_path / "whitened.keras")
    assert is_whitened(sm.load_model(tmp_path / "whitened.keras").get_layer(LAYER))


def test_constant_pictures_are_whitened_to_something_finite():
    assert np.isfinite(components(np.zeros((4, 6, 6)), (3, 3))).all()


# The files


@pytest.mark.parametrize("name", tuned.NAMES)
def test_a_file_is_the_recipe(name):
    recipe = base_recipe(name)
    file = from_toml(tuned.path_of(name).read_text(encoding="utf-8"))
    assert recipe.train == file.train
    assert (recipe.data, recipe.split, recipe.split_seed) == (file.data, file.split, file.split_seed)
    expected = {**find_builder(name).defaults, **file.model.settings}
    assert json.dumps(recipe.model.settings, sort_keys=True) == json.dumps(expected, sort_keys=True)
    assert from_toml(to_toml(recipe)) == recipe
    assert isinstance(read_recipe(name), Recipe)


@pytest.mark.parametrize("name", PICTURES)
def test_a_copied_file_trains_the_same_network(name):
    copied = read_recipe(tuned.path_of(name))
    rows = data((28, 28), classes=10)
    one, other = build_recipe(copied, rows), build_recipe(base_recipe(name), rows)
    assert all(np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True))


def test_every_recipe_has_a_claim_in_both_languages():
    for name in tuned.NAMES:
        english, korean = tuned.claim(name)
        assert english.startswith(f"{name}:")
        assert "%" in english
        assert "%" in korean
        assert not english.isascii() or english != korean


def test_the_ensemble_is_strong_five_times():
    strong, ensemble = base_recipe("strong").as_dict(), base_recipe("ensemble").as_dict()
    assert ensemble["train"].pop("members") == 5
    ensemble["model"]["name"] = "strong"
    assert strong == ensemble


@pytest.mark.parametrize(("name", "most"), [("tiny", 9_999), ("strong", 999_999), ("quick", 20_000)])
def test_parameters_stay_below_what_is_promised(name, most):
    assert build(name).count_params() <= most
