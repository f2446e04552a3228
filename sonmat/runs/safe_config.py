"""A stranger's configuration, checked, → Keras layers and models.

Nothing here calls Keras's own deserialization. Classes come from a list of Keras's own (keras_names), arguments are
plain (safe_values), graphs are wired by safe_graph; every limit is checked before anything is made of it.
"""

from __future__ import annotations

from typing import Any

import keras

from sonmat.runs import keras_names as names
from sonmat.runs import safe_values as values
from sonmat.runs.keras2_arguments import in_todays_words
from sonmat.runs.safe_graph import wire
from sonmat.runs.safe_json import refuse
from sonmat.runs.safe_operations import Operation, is_operation

MAX_LAYERS = 4000
MAX_NESTING = 16
MAX_STEPS = 20_000  # TimeDistributed calls what it wraps in Python, once a step
_MODELS = frozenset({"Sequential", "Functional", "Model"})
_NESTED = frozenset({"layer", "backward_layer", "cell", "cells"})
_ACTIVATIONS = frozenset({"activation", "recurrent_activation"})
_FORBIDDEN = frozenset({"weights", "input_tensor", "quantization_config", "lora_rank", "lora_alpha", "vocabulary"})


class ConfigReader:
    """Builds one model from one file's configuration, and counts what it has been asked for.

    Every call makes new layers; a layer that the file marks as shared is made once.
    """

    def __init__(self) -> None:
        self._made = 0
        self._depth = 0
        self._steps = 0
        self._shared: dict[int, Any] = {}

    def model(self, record: Any) -> keras.Model:
        """The model that a configuration describes, built, with its initial weights, not compiled.

        Raises:
            ModelFileError: Something in it is not Keras's own, is no plain value, or is over a limit.
        """
        name, config = values.record_of(record, "models")
        if name not in _MODELS:
            refuse(
                f"Only Sequential and functional models can be read from a file; this is {values.brief(name)}.",
                f"파일에서는 Sequential과 함수형 모델만 읽습니다. 이 모델은 {values.brief(name)}입니다.",
            )
        return self._model(name, config)

    def layer(self, record: Any) -> Any:
        """The layer, cell or nested model that a record describes."""
        name, config = values.record_of(record, "layers")
        shared_id = record.get("shared_object_id")
        if isinstance(shared_id, int) and shared_id in self._shared:
            return self._shared[shared_id]
        self._made += 1
        self._depth += 1
        if self._made > MAX_LAYERS or self._depth > MAX_NESTING:
            refuse(
                f"The model has more than {MAX_LAYERS:,} layers or nests deeper than {MAX_NESTING}.",
                f"층이 {MAX_LAYERS:,}개를 넘거나 {MAX_NESTING}단계보다 깊습니다.",
            )
        if is_operation(record, name, config):
            made: Any = Operation(name, config)
        else:
            made = self._model(name, config) if name in _MODELS else self._plain_layer(name, config)
        self._depth -= 1
        if isinstance(shared_id, int):
            self._shared[shared_id] = made
        return made

    def _plain_layer(self, name: str, config: dict[str, Any]) -> Any:
        name = names.LAYER_ALIASES.get(name, name)
        made = names.keras_class("layers", name) if name in names.LAYERS else None
        if made is None:
            refuse(
                f"{name} is not among the layers that are read from a file: it can hold code, read other files, or is "
                "not Keras's own.",
                f"{name} 층은 파일에서 읽지 않습니다. 코드를 담거나 다른 파일을 읽을 수 있거나, Keras의 층이 아닙니다.",
            )
        known = values.arguments_of(made) | {"name", "dtype", "trainable", "activity_regularizer"}
        config = in_todays_words(name, config, known)
        refused = set(config) - (known - _FORBIDDEN)
        if any(config[key] is not None for key in refused):
            shown = values.brief(sorted(refused))
            refuse(f"{name} takes no {shown} from a file.", f"{name} 층에 파일로 줄 수 없는 인자: {shown}.")
        config = {key: value for key, value in config.items() if key not in refused}
        return made(**{key: self._argument(key, value, f"{name}.{key}") for key, value in config.items()})

    def _argument(self, key: str, value: Any, where: str) -> Any:
        if key.endswith("_initializer"):
            return values.initializer(value, where)
        if key.endswith("_regularizer"):
            return values.regularizer(value, where)
        if key.endswith("_constraint"):
            return values.constraint(value, where)
        if key in _ACTIVATIONS:
            return values.activation(value, where)
        if key == "dtype":
            return values.dtype(value, where)
        if key in _NESTED:
            return self._nested(value, where)
        return values.plain(value, where)

    def _nested(self, value: Any, where: str) -> Any:
        if isinstance(value, list):
            return [self._nested(part, where) for part in value]
        return None if value is None else self.layer(value)

    def _model(self, name: str, config: dict[str, Any]) -> keras.Model:
        records = config.get("layers")
        if not isinstance(records, list) or not records:
            refuse(f"{name} holds no list of layers.", f"{name}에 층의 목록이 없습니다.")
        title = values.plain(config.get("name"), f"{name}.name")
        if "input_layers" in config:
            return wire(config, self.layer, self.check_loops, title)
        if name != "Sequential":
            refuse("The model does not say which layers are its inputs.", "모델의 입력 층이 적혀 있지 않습니다.")
        return self._sequential(records, config.get("build_input_shape"), title)

    def _sequential(self, records: list[Any], build_shape: Any, title: Any) -> keras.Model:
        model = keras.Sequential(name=title)
        kind, first = values.record_of(records[0], "layers")
        if kind != "InputLayer":
            # Keras 2 kept the input's shape in the first layer
            shape = first.get("batch_input_shape") or first.get("batch_shape") or build_shape
            if not isinstance(shape, list):
                refuse(
                    "The model was saved before it knew the shape of its inputs, so it holds no weights to read.",
                    "모델이 입력 모양을 알기 전에 저장되어 읽을 가중치가 없습니다.",
                )
            model.add(keras.layers.InputLayer(batch_shape=input_shape(shape), dtype=_input_dtype(first)))
        for record in records:
            layer = self.layer(record)
            if model.layers:
                self.check_loops(layer, model.output_shape)
            model.add(layer)
        return model

    def check_loops(self, layer: Any, shape: Any) -> None:
        """Refuse a layer that would be called in Python as often as a number in the file says."""
        if isinstance(layer, keras.layers.TimeDistributed) and isinstance(shape, tuple) and len(shape) > 1:
            parts = list(layer.layer._flatten_layers())
            loops = any(isinstance(part, keras.layers.TimeDistributed) for part in parts)
            self._steps += (shape[1] or 1) * len(parts)
            if loops or self._steps > MAX_STEPS:
                refuse(
                    f"{layer.name} repeats its layer over more than {MAX_STEPS:,} steps, or repeats a repetition.",
                    f"{layer.name} 층이 {MAX_STEPS:,}단계 넘게 반복하거나 반복을 다시 반복합니다.",
                )


def input_shape(shape: Any) -> tuple[int | None, ...]:
    """An input's shape with its batch dimension, checked: at most eight sizes, each None or at least 1."""
    shape = values.plain(shape, "input shape")
    fits = isinstance(shape, list) and 1 <= len(shape) <= 8
    if not fits or not all(size is None or (type(size) is int and size >= 0) for size in shape):
        refuse(
            f"An input's shape should be up to eight sizes; the file says {values.brief(shape)}.",
            f"입력 모양은 여덟 개까지의 크기여야 하는데 파일에는 {values.brief(shape)}가 있습니다.",
        )
    return tuple(shape)


def _input_dtype(first: dict[str, Any]) -> str:
    """Inputs of the dtype that the first layer computes in, as Keras 2 made them."""
    named = values.dtype(first.get("dtype"), "dtype")
    return named if named in ("float16", "float64", "int32", "int64", "uint8") else "float32"
