"""What Keras saves, sonmat reads: the same outputs, for every layer that is read from files."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from sonmat.errors import ModelFileError, StorageError
from sonmat.runs.keras_names import LAYERS
from sonmat.runs.model_files import load_model, read_card, save_model

L = keras.layers
RNG = np.random.default_rng(0)


def chain(shape: tuple[int, ...], *layers: Any) -> keras.Model:
    return keras.Sequential([keras.Input(shape), *layers])


def merging(layer: Any, shape: tuple[int, ...] = (4,)) -> keras.Model:
    a, b = keras.Input(shape), keras.Input(shape)
    return keras.Model([a, b], layer([a, b]))


def attention(layer: Any, **kwargs: Any) -> keras.Model:
    a = keras.Input((5, 4))
    return keras.Model(a, layer(a, a, **kwargs))


def cells(name: str) -> Any:
    return getattr(L, name)(3)


SPECIAL: dict[str, Callable[[], keras.Model]] = {
    "Activation": lambda: chain((4,), L.Activation("gelu")),
    "ActivityRegularization": lambda: chain((4,), L.ActivityRegularization(l2=0.1)),
    "Add": lambda: merging(L.Add()),
    "AdditiveAttention": lambda: merging(L.AdditiveAttention(), (5, 4)),
    "AlphaDropout": lambda: chain((4,), L.AlphaDropout(0.2, seed=3)),
    "Attention": lambda: merging(L.Attention(use_scale=True), (5, 4)),
    "Average": lambda: merging(L.Average()),
    "Bidirectional": lambda: chain((5, 4), L.Bidirectional(L.LSTM(3, dropout=0.1), merge_mode="sum")),
    "CategoryEncoding": lambda: chain((4,), L.CategoryEncoding(3, output_mode="multi_hot")),
    "CenterCrop": lambda: chain((8, 8, 3), L.CenterCrop(4, 5)),
    "Concatenate": lambda: merging(L.Concatenate(axis=-1)),
    "Dense": lambda: chain((4,), L.Dense(3, "relu", kernel_regularizer="l2", kernel_constraint="max_norm")),
    "Dot": lambda: merging(L.Dot(axes=1)),
    "Dropout": lambda: chain((4,), L.Dropout(0.2, noise_shape=(None, 1), seed=1)),
    "EinsumDense": lambda: chain((5, 4), L.EinsumDense("abc,cd->abd", (None, 3), bias_axes="d")),
    "Embedding": lambda: chain((5,), L.Embedding(7, 3, mask_zero=True), L.LSTM(2)),
    "GRUCell": lambda: chain((5, 4), L.RNN(cells("GRUCell"))),
    "GaussianDropout": lambda: chain((4,), L.GaussianDropout(0.2)),
    "GaussianNoise": lambda: chain((4,), L.GaussianNoise(0.2)),
    "GroupNormalization": lambda: chain((4, 4, 6), L.GroupNormalization(3)),
    "GroupQueryAttention": lambda: attention(L.GroupQueryAttention(2, 4, 2)),
    "InputLayer": lambda: chain((4,), L.Dense(1)),
    "LSTMCell": lambda: chain((5, 4), L.RNN(cells("LSTMCell"), return_sequences=True)),
    "Masking": lambda: chain((5, 4), L.Masking(0.0), L.GRU(2)),
    "Maximum": lambda: merging(L.Maximum()),
    "Minimum": lambda: merging(L.Minimum()),
    "MultiHeadAttention": lambda: attention(L.MultiHeadAttention(2, 3), use_causal_mask=True),
    "Multiply": lambda: merging(L.Multiply()),
    "Normalization": lambda: chain((4,), adapted()),
    "Permute": lambda: chain((4, 5), L.Permute((2, 1))),
    "RNN": lambda: chain((5, 4), L.RNN([L.GRUCell(3), L.LSTMCell(2)])),
    "RandomCrop": lambda: chain((8, 8, 3), L.RandomCrop(4, 4)),
    "RandomBrightness": lambda: chain((8, 8, 3), L.RandomBrightness(0.1)),
    "RandomContrast": lambda: chain((8, 8, 3), L.RandomContrast(0.1)),
    "RandomFlip": lambda: chain((8, 8, 3), L.RandomFlip("horizontal", seed=2)),
    "RandomRotation": lambda: chain((8, 8, 3), L.RandomRotation(0.1)),
    "RandomTranslation": lambda: chain((8, 8, 3), L.RandomTranslation(0.1, 0.2)),
    "RandomZoom": lambda: chain((8, 8, 3), L.RandomZoom((-0.1, 0.1))),
    "RepeatVector": lambda: chain((4,), L.RepeatVector(3)),
    "Rescaling": lambda: chain((4,), L.Rescaling(1 / 255, offset=-0.5), L.Dense(2)),
    "Reshape": lambda: chain((4, 6), L.Reshape((-1, 3))),
    "Resizing": lambda: chain((8, 8, 3), L.Resizing(4, 5)),
    "SimpleRNNCell": lambda: chain((5, 4), L.RNN(cells("SimpleRNNCell"))),
    "StackedRNNCells": lambda: chain((5, 4), L.RNN(L.StackedRNNCells([L.GRUCell(3), L.GRUCell(3)]))),
    "Subtract": lambda: merging(L.Subtract()),
    "TimeDistributed": lambda: chain((5, 4), L.TimeDistributed(L.Dense(3))),
}


def adapted() -> Any:
    layer = L.Normalization()
    layer.adapt(RNG.normal(3, 2, (50, 4)).astype("float32"))
    return layer


def example(name: str) -> keras.Model:
    """A small model around one layer."""
    if name in SPECIAL:
        return SPECIAL[name]()
    made = getattr(L, name)
    dimensions = next((size for size in (1, 2, 3) if f"{size}D" in name), 0)
    shape = (6,) * dimensions + (4,) if dimensions else (5, 4)
    if name.startswith("ConvLSTM"):
        return chain((3, *shape), made(2, 2))
    if "Conv" in name:
        arguments: tuple[Any, ...] = (2,) if name.startswith("Depthwise") else (3, 2)
        return chain(shape, made(*arguments))
    if name.startswith("SpatialDropout"):
        return chain(shape, made(0.2))
    if name.startswith("AveragePooling"):
        return chain(shape, made(2))
    if name in ("GRU", "LSTM", "SimpleRNN"):
        return chain(shape, made(3, return_sequences=True, unroll=True), made(2, go_backwards=True))
    return chain(shape, made())


def randomize(model: keras.Model) -> None:
    """Weights that no initializer would give, so that one left out is seen."""
    for variable in model.weights:
        if variable.dtype.startswith("float"):
            variable.assign(RNG.uniform(0.1, 1.0, variable.shape).astype(variable.dtype))


def inputs_for(model: keras.Model) -> Any:
    def one(tensor: Any) -> np.ndarray:
        shape = [2 if size is None else size for size in tensor.shape]
        return RNG.integers(0, 3, shape).astype("float32") if is_counted(model) else RNG.random(shape, "float32")

    made = [one(tensor) for tensor in model.inputs]
    return made[0] if len(made) == 1 else made


def is_counted(model: keras.Model) -> bool:
    return any(isinstance(layer, L.Embedding | L.CategoryEncoding) for layer in model._flatten_layers())


def assert_same_outputs(ours: keras.Model, theirs: keras.Model) -> None:
    x = inputs_for(theirs)
    got, expected = (keras.tree.flatten(model(x, training=False)) for model in (ours, theirs))
    assert len(got) == len(expected)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), atol=1e-6, rtol=1e-6)


def assert_same(ours: keras.Model, theirs: keras.Model) -> None:
    assert_same_outputs(ours, theirs)
    assert [w.shape for w in ours.weights] == [w.shape for w in theirs.weights]
    for a, b in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def quiet_save(model: keras.Model, path: Path) -> Path:
    save_model(model, path)
    return path


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_every_layer_that_is_read_comes_back_the_same(name: str, tmp_path: Path) -> None:
    model = example(name)
    assert any(type(part) is getattr(L, name) for part in all_parts(model)), "the example lacks the layer it is for"
    if name != "Normalization":
        randomize(model)
    assert_same(load_model(quiet_save(model, tmp_path / "m.keras")), model)
    if model.weights:  # without weights the two ways differ in nothing that the other tests do not see
        assert_same(load_model(quiet_save(model, tmp_path / "m.h5")), model)


def all_parts(model: keras.Model) -> list[Any]:
    return list(model._flatten_layers())


def branching() -> keras.Model:
    """Two inputs, two outputs, shared and nested models, called more than once."""
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    inner_input = keras.Input((4,))
    inner = keras.Model(inner_input, L.Dense(4, "tanh")(L.BatchNormalization()(inner_input)), name="inner")
    deeper = keras.Sequential([keras.Input((4,)), inner, L.Dense(4), L.Dropout(0.1)], name="deeper")
    shared = L.Dense(4, "relu", name="shared")
    x = shared(inner(a))
    y = deeper(shared(deeper(inner(b))))
    left = L.Dense(3, "softmax", name="left")(L.Concatenate()([x, y]))
    return keras.Model([a, b], [left, inner(L.Add()([x, y])), deeper(y)], name="branching")


def by_name() -> keras.Model:
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    joined = L.Concatenate()([L.Dense(2)(a), b])
    return keras.Model({"a": a, "b": b}, {"sum": L.Dense(1)(joined), "all": L.Dense(3)(joined)})


def encoder_decoder() -> keras.Model:
    source, target = keras.Input((5, 4)), keras.Input((6, 4))
    _, h, c = L.LSTM(3, return_state=True)(source)
    return keras.Model([source, target], L.LSTM(3, return_sequences=True)(target, initial_state=[h, c]))


def masked() -> keras.Model:
    """Masks and arithmetic, which are operations between the layers and no layers."""
    words, numbers = keras.Input((5,)), keras.Input((5, 4))
    a = L.GRU(4)(L.Bidirectional(L.LSTM(3, return_sequences=True))(L.Embedding(9, 4, mask_zero=True)(words)))
    b = L.LSTM(3)(L.Masking(0.0)(numbers))
    return keras.Model([words, numbers], (a[:, :3] * 2 + b) / 3 - keras.ops.mean(a, axis=-1, keepdims=True))


@pytest.mark.parametrize("make", [branching, encoder_decoder, masked])
def test_graphs_come_back_the_same(make: Callable[[], keras.Model], tmp_path: Path) -> None:
    model = make()
    randomize(model)
    assert_same(load_model(quiet_save(model, tmp_path / "m.keras")), model)
    assert_same_outputs(load_model(quiet_save(model, tmp_path / "m.h5")), model)  # .h5 unshares what two models share


def test_inputs_and_outputs_by_name_come_back_the_same(tmp_path: Path) -> None:
    model = by_name()
    randomize(model)
    loaded = load_model(quiet_save(model, tmp_path / "m.keras"))
    x = {"a": RNG.random((2, 4), "float32"), "b": RNG.random((2, 3), "float32")}
    ours, theirs = loaded(x), model(x)
    assert set(ours) == {"sum", "all"}
    for key in ours:
        np.testing.assert_allclose(np.asarray(ours[key]), np.asarray(theirs[key]), atol=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_random_networks_come_back_the_same(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    image = keras.Input((9, 9, int(rng.integers(1, 4))))
    x = image
    for _ in range(int(rng.integers(1, 4))):
        branch = L.Conv2D(4, 3, padding="same", activation=rng.choice(["relu", "elu", "silu"]))(x)
        branch = rng.choice([L.BatchNormalization, L.LayerNormalization])()(branch)
        x = L.Concatenate()([branch, L.Conv2D(4, 1)(x)]) if rng.random() < 0.5 else L.Dropout(0.2)(branch)
    x = L.Dense(5, kernel_initializer=rng.choice(["he_normal", "orthogonal"]))(L.GlobalAveragePooling2D()(x))
    model = keras.Model(image, x)
    randomize(model)
    for suffix in (".keras", ".h5"):
        assert_same(load_model(quiet_save(model, tmp_path / f"m{suffix}")), model)


def test_frozen_layers_stay_frozen_and_keep_their_weights(tmp_path: Path) -> None:
    model = chain((4,), L.Dense(3), L.BatchNormalization(), L.Dense(2))
    model.layers[0].trainable = False
    model.layers[1].trainable = False
    randomize(model)
    for suffix in (".keras", ".h5"):
        loaded = load_model(quiet_save(model, tmp_path / f"m{suffix}"))
        assert [layer.trainable for layer in loaded.layers] == [False, False, True]
        x = inputs_for(model)
        np.testing.assert_allclose(np.asarray(loaded(x)), np.asarray(model(x)), atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64", "bfloat16"])
def test_dtypes_come_back(policy: str, tmp_path: Path) -> None:
    model = chain((4,), L.Dense(3, dtype=policy))
    loaded = load_model(quiet_save(model, tmp_path / "m.keras"))
    assert loaded.layers[0].dtype_policy.name == policy
    assert_same(loaded, model)


def trained(optimizer: Any = "adam") -> keras.Model:
    model = chain((4,), L.Dense(3, "relu"), L.Dense(2, "softmax"))
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(ignore_class=5),
        metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(k=2, name="top2")],
    )
    model.fit(RNG.random((32, 4), "float32"), RNG.integers(0, 2, 32), epochs=2, verbose=0)
    return model


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_compiled_settings_come_back(suffix: str, tmp_path: Path) -> None:
    schedule = keras.optimizers.schedules.CosineDecay(0.05, 100_000)
    model = trained(keras.optimizers.SGD(schedule, momentum=0.9, nesterov=True, clipnorm=1.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        loaded = load_model(quiet_save(model, tmp_path / f"m{suffix}"))
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    assert loaded.loss.get_config() == model.loss.get_config()
    x, y = RNG.random((40, 4), "float32"), RNG.integers(0, 2, 40)
    ours, theirs = (m.evaluate(x, y, verbose=0, return_dict=True) for m in (loaded, model))
    assert ours.keys() == theirs.keys() == {"loss", "accuracy", "top2"}
    assert ours == pytest.approx(theirs, abs=1e-6)


def test_training_goes_on_from_keras_files_as_if_never_saved(tmp_path: Path) -> None:
    model = trained(keras.optimizers.Adam(0.01, amsgrad=True))
    loaded = load_model(quiet_save(model, tmp_path / "m.keras"))
    for ours, theirs in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))
    x, y = RNG.random((32, 4), "float32"), RNG.integers(0, 2, 32)
    for m in (model, loaded):
        m.fit(x, y, shuffle=False, epochs=2, verbose=0)
    for ours, theirs in zip(loaded.weights, model.weights, strict=True):
        np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), atol=1e-6)


def own_loss(y_true: Any, y_pred: Any) -> Any:
    return keras.ops.mean((y_true - y_pred) ** 2)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_an_own_loss_leaves_the_model_uncompiled_and_says_so(suffix: str, tmp_path: Path) -> None:
    model = chain((4,), L.Dense(1))
    model.compile("sgd", own_loss)
    path = quiet_save(model, tmp_path / f"m{suffix}")
    with pytest.warns(UserWarning, match=r"not compiled.*model\.compile"):
        loaded = load_model(path)
    assert not loaded.compiled
    assert_same(loaded, model)


def test_cards_travel_and_keras_passes_over_them(tmp_path: Path) -> None:
    model = trained()
    for suffix in (".keras", ".h5"):
        path = tmp_path / f"m{suffix}"
        save_model(model, path, inputs={"scale": 255.0, "shape": [28, 28]}, classes=["zero", "하나"])
        assert read_card(path) == {"inputs": {"scale": 255.0, "shape": [28, 28]}, "classes": ["zero", "하나"]}
        assert_same(keras.models.load_model(path), model)
        assert_same(load_model(path), model)


def test_files_without_a_card_have_an_empty_one(tmp_path: Path) -> None:
    model = chain((4,), L.Dense(1))
    model.save(tmp_path / "m.keras")
    model.save(tmp_path / "m.h5")
    assert read_card(tmp_path / "m.keras") == read_card(tmp_path / "m.h5") == {}


class Unwritable(L.Layer):
    def get_config(self) -> dict[str, Any]:
        raise NotImplementedError("this layer cannot be written")


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageError, match="Could not write"):
        save_model(chain((4,), L.Dense(1)), tmp_path / "file" / "m.keras")


def test_saving_replaces_whole_files_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    path.write_bytes(b"old")
    with pytest.raises(NotImplementedError):
        save_model(chain((4,), Unwritable()), path)
    assert path.read_bytes() == b"old"
    save_model(chain((4,), L.Dense(1)), path)
    assert zipfile.is_zipfile(path)
    assert [p.name for p in tmp_path.iterdir()] == ["m.keras"]


def test_other_suffixes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"\.keras or \.h5"):
        save_model(chain((4,), L.Dense(1)), tmp_path / "model.pb")


def test_a_run_folder_is_read_by_its_model(tmp_path: Path) -> None:
    model = trained()
    save_model(model, tmp_path / "model.keras")
    assert_same(load_model(tmp_path), model)


def test_loading_leaves_keras_names_and_counters_alone(tmp_path: Path) -> None:
    path = quiet_save(chain((4,), L.Dense(1)), tmp_path / "m.keras")
    before = L.Dense(1).name
    load_model(path)
    after = L.Dense(1).name
    number = int(before.rpartition("_")[2]) if before != "dense" else 0
    assert after == f"dense_{number + 1}"


def test_h5_in_keras_own_layout(tmp_path: Path) -> None:
    """What is promised of mnist_model.h5: Keras's attributes, plus one that it passes over."""
    path = tmp_path / "m.h5"
    save_model(trained(), path, classes=["a", "b"])
    with h5py.File(path) as file:
        assert set(file.attrs) == {"backend", "keras_version", "model_config", "training_config", "sonmat"}
