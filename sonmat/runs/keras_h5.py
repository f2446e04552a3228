"""Whole models in `.h5`, as Keras 2 and Keras 3 write them."""

from __future__ import annotations

from typing import Any, BinaryIO

import h5py
import keras

from sonmat.runs import hdf5_file
from sonmat.runs.keras_archive import check_shape
from sonmat.runs.safe_build import build
from sonmat.runs.safe_compile import compile_from
from sonmat.runs.safe_json import read_json, refuse

CARD = "sonmat"  # the root attribute that holds a model's card

Weights = list[tuple[str, Any, h5py.Dataset]]


def read_h5(file: BinaryIO, size: int) -> keras.Model:
    """The model in an .h5 file, compiled where its settings can be restored; the optimizer starts afresh.

    Args:
        file: The file, opened for reading.
        size: Its bytes.

    Raises:
        ModelFileError: It is broken, hostile, holds weights alone, or holds what is not read from files.
    """
    with hdf5_file.open_hdf5(file) as stored:
        record = read_json(_config(stored), "model_config")
        _check_version(stored)
        group = hdf5_file.group_at(stored, "model_weights")
        if group is None:
            refuse("The file holds no weights.", "파일에 가중치가 없습니다.")
        model = build(record, lambda outline: _check(outline, group), size)
        for _, variable, dataset in _pairs(model, group):
            variable.assign(hdf5_file.read(dataset))
        _finish(model)
        training = hdf5_file.text_attribute(stored, "training_config")
        compile_from(model, read_json(training, "training_config") if training else None)
    return model


def read_card_text(file: BinaryIO) -> str | None:
    """The text of a model's card, or None where the file has none."""
    with hdf5_file.open_hdf5(file) as stored:
        return hdf5_file.text_attribute(stored, CARD)


def _config(stored: h5py.File) -> str:
    config = hdf5_file.text_attribute(stored, "model_config")
    if config is None:
        refuse(
            "The file holds weights alone, without the model they belong to (it has no model_config).",
            "파일에 가중치만 있고 모델이 없습니다 (model_config가 없습니다).",
        )
    return config


def _check_version(stored: h5py.File) -> None:
    version = hdf5_file.text_attribute(stored, "keras_version")
    if version is not None and version.startswith(("0.", "1.")):
        refuse(f"Keras {version} wrote the file; 2 and 3 are read.", f"Keras {version} 파일입니다. 2와 3만 읽습니다.")


def _check(outline: keras.Model, group: h5py.Group) -> None:
    for name, variable, dataset in _pairs(outline, group):
        check_shape(name, tuple(variable.shape), dataset.shape)


def _pairs(model: keras.Model, group: h5py.Group) -> Weights:
    """Each variable with its data set: layers with weights in the model's order, trainable weights first."""
    expected = [(layer.name, weights) for layer in model.layers if (weights := _weights(layer))]
    stored = []
    for name in hdf5_file.names_attribute(group, "layer_names"):
        layer_group = hdf5_file.group_at(group, name)
        if layer_group is None:
            refuse(f"The weights of {name} are missing.", f"{name} 층의 가중치가 없습니다.")
        if names := hdf5_file.names_attribute(layer_group, "weight_names"):
            stored.append((layer_group, names))
    if len(stored) != len(expected):
        refuse(
            f"The model has {len(expected)} layers with weights; the file holds {len(stored)}.",
            f"모델에는 가중치가 있는 층이 {len(expected)}개인데 파일에는 {len(stored)}개 있습니다.",
        )
    return [pair for own, theirs in zip(expected, stored, strict=True) for pair in _layer_pairs(*own, *theirs)]


def _layer_pairs(name: str, weights: list[Any], group: h5py.Group, names: list[str]) -> Weights:
    if len(weights) != len(names):
        refuse(
            f"{name} has {len(weights)} weights; the file holds {len(names)}.",
            f"{name}의 가중치는 {len(weights)}개인데 파일에는 {len(names)}개 있습니다.",
        )
    return [(name, weight, hdf5_file.array_at(group, path)) for weight, path in zip(weights, names, strict=True)]


def _weights(layer: Any) -> list[Any]:
    return list(layer.trainable_weights) + list(layer.non_trainable_weights)


def _finish(model: keras.Model) -> None:
    """Normalization layers compute what they use from what was loaded."""
    for layer in model._flatten_layers(include_self=False):
        if hasattr(layer, "finalize_state") and layer.weights:
            layer.finalize_state()
