"""Whole models in `.h5`, as Keras 2 and Keras 3 write them."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from sonmat.runs.hdf5_file import Hdf5, refusing_broken
from sonmat.runs.keras_archive import check_shape
from sonmat.runs.safe_build import build
from sonmat.runs.safe_compile import compile_from
from sonmat.runs.safe_json import read_json, refuse

CARD = "sonmat"  # the root attribute that holds a model's card

Weights = list[tuple[str, Any, np.ndarray]]
_GROUP = "model_weights"


def read_h5(content: bytes) -> keras.Model:
    """The model in an .h5 file, compiled where its settings can be restored; the optimizer starts afresh.

    Raises:
        ModelFileError: It is broken, hostile, holds weights alone, or holds what is not read from files.
    """
    stored = Hdf5(content)
    record = read_json(_config(stored), "model_config")
    _check_version(stored)
    if stored.members(_GROUP) is None:
        refuse("The file holds no weights.", "파일에 가중치가 없습니다.")
    model = build(record, lambda outline: _check(outline, stored), len(content))
    training = stored.text("training_config")
    with refusing_broken():
        for _, variable, array in _pairs(model, stored):
            variable.assign(array)
        _finish(model)
        compile_from(model, read_json(training, "training_config") if training else None)
    return model


def read_card_text(content: bytes) -> str | None:
    """The text of a model's card, or None where the file has none."""
    return Hdf5(content, attributes_only=True).text(CARD)


def _config(stored: Hdf5) -> str:
    config = stored.text("model_config")
    if config is None:
        refuse(
            "The file holds weights alone, without the model they belong to (it has no model_config).",
            "파일에 가중치만 있고 모델이 없습니다 (model_config가 없습니다).",
        )
    return config


def _check_version(stored: Hdf5) -> None:
    version = stored.text("keras_version")
    if version is not None and version.startswith(("0.", "1.")):
        refuse(f"Keras {version} wrote the file; 2 and 3 are read.", f"Keras {version} 파일입니다. 2와 3만 읽습니다.")


def _check(outline: keras.Model, stored: Hdf5) -> None:
    for name, variable, array in _pairs(outline, stored):
        check_shape(name, tuple(variable.shape), array.shape)


def _pairs(model: keras.Model, stored: Hdf5) -> Weights:
    """Each variable with its array: layers with weights in the model's order, trainable weights first."""
    expected = [(layer.name, weights) for layer in model.layers if (weights := _weights(layer))]
    came = []
    for name in stored.names(_GROUP, "layer_names"):
        path = f"{_GROUP}/{name}"
        if stored.members(path) is None:
            refuse(f"The weights of {name} are missing.", f"{name} 층의 가중치가 없습니다.")
        if names := stored.names(path, "weight_names"):
            came.append([f"{path}/{weight}" for weight in names])
    if len(came) != len(expected):
        refuse(
            f"The model has {len(expected)} layers with weights; the file holds {len(came)}.",
            f"모델에는 가중치가 있는 층이 {len(expected)}개인데 파일에는 {len(came)}개 있습니다.",
        )
    return [
        pair
        for (name, weights), paths in zip(expected, came, strict=True)
        for pair in _layer_pairs(name, weights, paths, stored)
    ]


def _layer_pairs(name: str, weights: list[Any], paths: list[str], stored: Hdf5) -> Weights:
    if len(weights) != len(paths):
        refuse(
            f"{name} has {len(weights)} weights; the file holds {len(paths)}.",
            f"{name}의 가중치는 {len(weights)}개인데 파일에는 {len(paths)}개 있습니다.",
        )
    return [(name, weight, stored.array(path)) for weight, path in zip(weights, paths, strict=True)]


def _weights(layer: Any) -> list[Any]:
    return list(layer.trainable_weights) + list(layer.non_trainable_weights)


def _finish(model: keras.Model) -> None:
    """Normalization layers compute what they use from what was loaded."""
    for layer in model._flatten_layers(include_self=False):
        if hasattr(layer, "finalize_state") and layer.weights:
            layer.finalize_state()
