"""Networks as ONNX: the same numbers in ONNX Runtime, on random and extreme inputs; what cannot be written is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import sonmat as sm
from sonmat.errors import ModelFileError, UnsupportedError
from sonmat.jobs import export
from sonmat.jobs.export import export_run
from sonmat.models.catalog import base_recipe
from sonmat.runs.folder import Run

onnx = pytest.importorskip("onnx", reason="the extra `onnx` is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")

from sonmat.jobs import export_onnx as job  # noqa: E402
from sonmat.runs.onnx_graph import onnx_model  # noqa: E402
from sonmat.runs.onnx_layers import CONVERTERS  # noqa: E402

ACTIVATIONS = (
    *(
        "relu",
        "sigmoid",
        "tanh",
        "softmax",
        "log_softmax",
        "elu",
        "selu",
        "leaky_relu",
        "silu",
        "relu6",
        "gelu",
        "mish",
    ),
    *("hard_sigmoid", "hard_silu", "softplus", "softsign", "exponential", "linear"),
)


def same(model: keras.Model, inputs: Any = None) -> bytes:
    """The network as ONNX, which gives what Keras gives."""
    random = np.random.default_rng(0)
    for layer in model._flatten_layers():
        if isinstance(layer, (layers.BatchNormalization, layers.LayerNormalization)):  # fresh ones do nothing
            layer.set_weights([random.uniform(0.5, 2, weight.shape) for weight in layer.get_weights()])
    written: bytes = onnx_model(model, CONVERTERS).SerializeToString()
    job.check_same(model, written)
    return written


def stack(shape: tuple[int | None, ...], *inside: layers.Layer, **how: Any) -> keras.Model:
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input(shape, **how), *inside])


def side_by_side(shape: tuple[int | None, ...], *ways: layers.Layer, **how: Any) -> keras.Model:
    """Layers that each read the same input, every output by itself: one network, compiled once."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input(shape, **how)
    return keras.Model(inputs, [way(inputs) for way in ways])


SPACES: dict[str, Callable[[], keras.Model]] = {
    "dense": lambda: side_by_side(
        (4, 5), layers.Dense(4, "relu"), layers.Dense(3, "softmax", use_bias=False), layers.Flatten(), layers.Permute((2, 1)),
        layers.Reshape((-1, 2)), layers.Reshape((20,)), layers.Dropout(0.5), layers.GaussianNoise(1.0),
    ),
    "planes": lambda: side_by_side(
        (9, 8, 2), layers.Conv2D(3, (3, 2), activation="relu"), layers.Conv2D(3, 4, padding="same"),
        layers.Conv2D(3, 3, strides=(2, 3), padding="same"), layers.Conv2D(3, 2, strides=2, padding="same"),
        layers.Conv2D(3, 3, dilation_rate=(2, 3), padding="same"), layers.Conv2D(4, 3, groups=2, use_bias=False),
        layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"), layers.ZeroPadding2D(((1, 2), (0, 3))),
    ),
    "pooled planes": lambda: side_by_side(
        (9, 7, 2), layers.MaxPooling2D(3, strides=2, padding="same"), layers.AveragePooling2D(3, strides=2, padding="same"),
        layers.AveragePooling2D(2), layers.GlobalMaxPooling2D(keepdims=True), layers.GlobalAveragePooling2D(),
    ),
    "planes of any size": lambda: side_by_side(
        (None, None, 2), layers.Conv2D(3, 3, strides=2, padding="same"), layers.GlobalMaxPooling2D(),
    ),
    "lines": lambda: side_by_side(
        (12, 3), layers.Conv1D(4, 3, padding="same", dilation_rate=2), layers.Conv1D(4, 3, padding="causal", activation="gelu"),
        layers.MaxPooling1D(2), layers.AveragePooling1D(3, strides=2, padding="same"), layers.GlobalMaxPooling1D(),
        layers.GlobalAveragePooling1D(), layers.DepthwiseConv1D(3), layers.ZeroPadding1D(2),
    ),
    "normalized": lambda: side_by_side(
        (4, 6), layers.BatchNormalization(), layers.BatchNormalization(center=False, scale=False), layers.LayerNormalization(),
        layers.LayerNormalization(center=False), layers.Rescaling(1 / 255, offset=-0.5), layers.Normalization(mean=2.0, variance=3.0),
    ),
    "activations": lambda: side_by_side(
        (7,), layers.ReLU(max_value=6.0, negative_slope=0.1), layers.LeakyReLU(0.3), layers.ELU(), layers.Softmax(),
        *(keras.Sequential([layers.Rescaling(0.01), layers.Activation(name)]) for name in ACTIVATIONS),
    ),
    "within": lambda: side_by_side((6,), keras.Sequential([layers.Dense(5, "relu"), layers.Dense(2, "sigmoid")])),
    "sentences": lambda: side_by_side((8,), layers.Embedding(30, 4), dtype="int32"),
}  # fmt: skip


@pytest.mark.parametrize("make", SPACES.values(), ids=list(SPACES))
def test_layers_give_the_same_numbers(make: Callable[[], keras.Model]) -> None:
    same(make())


def test_branches_come_together() -> None:
    inputs = keras.Input((6,))
    one, other = layers.Dense(4, name="one")(inputs), layers.Dense(4, "relu", name="other")(inputs)
    ways = [layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum]
    merged = [way()([one, other]) for way in ways]
    shared = layers.Dense(4, name="shared")
    same(keras.Model(inputs, layers.Concatenate()([*merged, shared(one), shared(other)])))


@pytest.mark.parametrize("recipe", ["notes-cnn", "quick", "textcnn"])
def test_recipes_give_the_same_numbers(recipe: str) -> None:
    settings = {"quick": {"whiten": False}, "textcnn": {"units": 8, "filters": 8}}
    same(sm.build(recipe, **settings.get(recipe, {})))


def test_any_number_of_rows_can_be_asked() -> None:
    session = onnxruntime.InferenceSession(same(sm.build("notes-mlp")))
    (given,) = session.get_inputs()
    assert given.shape == ["batch", 28, 28]
    assert session.run(None, {given.name: np.zeros((0, 28, 28), np.float32)})[0].shape == (0, 10)


class _Own(layers.Dense):
    def call(self, inputs: Any, training: Any = None) -> Any:
        return 2 * super().call(inputs)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: stack((4, 3), layers.LSTM(2)), "LSTM"),
        (lambda: stack((4,), _Own(3)), "_Own"),
        (lambda: stack((4,), layers.Dense(3, activation=lambda x: 2 * x)), "activation"),
        (lambda: stack((4,), layers.Embedding(5, 2, mask_zero=True), dtype="int32"), "mask_zero"),
        (lambda: stack((4,), layers.Dense(3, dtype="mixed_bfloat16")), "bfloat16"),
    ],
)
def test_what_there_is_no_way_for_is_named(make: Callable[[], keras.Model], told: str) -> None:
    with pytest.raises(UnsupportedError) as refused:
        onnx_model(make(), CONVERTERS)
    assert told in str(refused.value)


def test_other_numbers_are_noticed() -> None:
    model = stack((5,), layers.Dense(4))
    written = onnx_model(model, CONVERTERS).SerializeToString()
    model.layers[0].bias.assign(model.layers[0].bias + 2e-4)
    with pytest.raises(ModelFileError, match="other numbers"):
        job.check_same(model, written)


def test_a_model_file_is_exported_with_what_it_needs_beside_it(tmp_path: Path) -> None:
    sm.save_model(sm.build("notes-cnn"), tmp_path / "m.keras", inputs={"scale": 255.0}, classes=list("0123456789"))
    done = export_run(tmp_path / "m.keras", tmp_path / "out.onnx")
    assert done.beside == tmp_path / "out.json"
    told = json.loads(done.beside.read_text(encoding="utf-8"))
    assert told["classes"] == list("0123456789")
    assert told["input"] == {"name": "image", "shape": ["batch", 28, 28], "dtype": "float32", "divide_by": 255.0}
    kept = {one.key: json.loads(one.value) for one in onnx.load(done.path).metadata_props}
    assert kept["sonmat.classes"] == told["classes"]
    assert kept["sonmat.input"] == told["input"]


def test_views_that_answers_are_means_over_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, model = base_recipe("quick"), sm.build("notes-mlp")
    sm.save_model(model, tmp_path / "m.keras", inputs={"scale": 255.0})
    monkeypatch.setattr(export, "load_run", lambda _: Run(model, 255.0, (), recipe=recipe))
    done = export_run(tmp_path / "m.keras", tmp_path / "out.onnx")
    assert done.beside is not None
    assert json.loads(done.beside.read_text(encoding="utf-8"))["views"] == {"shift": 1}


def test_without_the_extra_the_command_to_install_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(job.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnsupportedError, match=r"sonmat\[onnx\]"):
        job.export_onnx(None, tmp_path / "m.onnx", {})


def test_the_command_writes_both_files(tmp_path: Path, sonmat_command: Any) -> None:
    sm.save_model(sm.build("notes-mlp"), tmp_path / "m.keras", inputs={"scale": 255.0}, classes=list("0123456789"))
    said = sonmat_command("export", tmp_path / "m.keras", "--to", tmp_path / "m.onnx")
    assert said.status == 0, said.err
    assert "m.json" in said.out
    assert (tmp_path / "m.onnx").exists()
    assert sonmat_command("export", tmp_path / "m.keras").status == 2


def test_operations_between_layers_give_the_same() -> None:
    tokens = keras.Input((6,), dtype="int32")
    numbers = keras.ops.mod(keras.ops.add(keras.ops.multiply(tokens[:, :-1], 7), tokens[:, 1:]), 11)
    both = keras.ops.concatenate([tokens, keras.ops.maximum(numbers, 1)], axis=1)
    x = layers.Embedding(400, 3)(both)
    there = keras.ops.expand_dims(keras.ops.minimum(both, 1), -1)
    total = keras.ops.sum(keras.ops.multiply(x, there), axis=1)
    root = keras.ops.sqrt(keras.ops.add(keras.ops.sum(there, axis=1), 1.0))
    same(keras.Model(tokens, [keras.ops.divide(total, root), keras.ops.mean(x, axis=(1,)), x[:, 2:-1, :2]]))


def test_an_operation_without_a_way_is_named() -> None:
    x = keras.Input((6,))
    for y in (keras.ops.cumsum(x, axis=1), x[:, ::2], x[:, 0]):
        with pytest.raises(UnsupportedError):
            onnx_model(keras.Model(x, y), CONVERTERS)
