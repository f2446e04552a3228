"""A stranger's optimizer, loss and metrics → `model.compile`, where they are Keras's own with plain arguments."""

from __future__ import annotations

import warnings
from typing import Any

import keras

from sonmat.errors import ModelFileError
from sonmat.language import say
from sonmat.runs import keras_names as names
from sonmat.runs import safe_values as values
from sonmat.runs.hdf5_file import refusing_broken
from sonmat.runs.safe_json import refuse

_MAX_COUNT = 4096  # thresholds, classes: a confusion matrix has this number squared
_MAX_PARTS = 1000
# Optimizer arguments of Keras 2 that are gone and change nothing.
_GONE = frozenset({"jit_compile", "is_legacy_optimizer"})


def compile_from(model: keras.Model, config: Any) -> None:
    """Compile a model as a file says, or leave it uncompiled and warn.

    Args:
        model: The model; compiled in place. `run_eagerly`, `jit_compile` and `steps_per_execution` are left at Keras's
            defaults.
        config: What Keras wrote: `compile_config` of .keras, `training_config` of .h5. Empty or None: not compiled, and
            no warning.
    """
    if not config:
        return
    try:
        with refusing_broken():
            arguments = compile_arguments(config)
            model.compile(**arguments)
            model.optimizer.build(model.trainable_variables)
    except ModelFileError as error:
        model.compiled = False
        warnings.warn(
            say(
                f"The model is not compiled, since its training settings cannot be restored: {error.problem} "
                "Call model.compile(...) before training it.",
                f"학습 설정을 되살릴 수 없어 모델이 컴파일되지 않았습니다: {error.problem} "
                "학습하려면 먼저 model.compile(...)을 부르세요.",
            ),
            UserWarning,
            stacklevel=4,
        )


def compile_arguments(config: Any) -> dict[str, Any]:
    """What to give to `model.compile`.

    Raises:
        ModelFileError: Something in it is not Keras's own or not plain.
    """
    if not isinstance(config, dict):
        refuse("The training settings are no record.", "학습 설정을 읽을 수 없습니다.")
    metrics = config.get("metrics")
    if "optimizer_config" in config and isinstance(metrics, list) and len(metrics) == 1:
        metrics = metrics[0] if isinstance(metrics[0], list) else metrics  # Keras 2 wrote one list an output
    return {
        "optimizer": optimizer(config.get("optimizer_config", config.get("optimizer"))),
        "loss": _structure(config.get("loss"), loss),
        "loss_weights": _structure(config.get("loss_weights"), lambda value: values.plain(value, "loss_weights")),
        "metrics": _structure(metrics, metric),
        "weighted_metrics": _structure(config.get("weighted_metrics"), metric),
    }


def optimizer(value: Any) -> Any:
    """One of keras.optimizers."""
    if isinstance(value, str):
        value = {"class_name": value, "config": {}}
    name, config = values.record_of(value, "optimizers")
    by_lower = {known.lower(): known for known in names.OPTIMIZERS}
    name = by_lower.get(name.lower().removeprefix("custom>"), "")
    if not name:
        shown = values.brief(value)
        refuse(f"{shown} is not one of keras.optimizers.", f"{shown}은(는) keras.optimizers에 없습니다.")
    arguments = _optimizer_arguments({key: part for key, part in config.items() if key not in _GONE})
    made = names.keras_class("optimizers", name)
    values.refuse_unknown(made, name, arguments)
    return made(**arguments)


def _optimizer_arguments(config: dict[str, Any]) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    decay = config.pop("decay", 0.0)
    for key, value in config.items():
        if key == "inner_optimizer":
            arguments[key] = optimizer(value)
        elif key in ("learning_rate", "lr"):
            arguments["learning_rate"] = schedule(value) if values.is_record(value) else values.plain(value, key)
        elif key != "dynamic":
            arguments[key] = values.plain(value, f"optimizer.{key}")
    if decay:  # Keras 2 divided by 1 + decay × step
        arguments["learning_rate"] = keras.optimizers.schedules.InverseTimeDecay(
            arguments.get("learning_rate", 0.001), decay_steps=1, decay_rate=values.plain(decay, "decay")
        )
    return arguments


def schedule(value: Any) -> Any:
    """One of keras.optimizers.schedules."""
    name, config = values.record_of(value, "optimizers.schedules")
    if name not in names.SCHEDULES:
        refuse(f"{name} is not one of Keras's schedules.", f"{name}은(는) Keras의 스케줄이 아닙니다.")
    return _made("optimizers.schedules", name, config)


def loss(value: Any) -> Any:
    """A loss: one of Keras's words, or one of keras.losses."""
    return _word_or_object(value, "losses", names.LOSS_WORDS, names.LOSSES)


def metric(value: Any) -> Any:
    """A metric: one of Keras's words, or one of keras.metrics."""
    if values.is_record(value) and value["class_name"] in ("MeanMetricWrapper", "SumOverBatchSizeMetricWrapper"):
        config = values.record_of(value, "metrics")[1]
        function = config.get("fn")
        name = _function_name(function) if isinstance(function, dict) else function
        if config.get("name") in ("accuracy", "acc") and str(name).endswith("accuracy") and name in names.METRIC_WORDS:
            return "accuracy"
        camel = "".join(part.capitalize() for part in str(name).split("_"))
        value = {"class_name": camel, "config": {"name": config.get("name"), "dtype": config.get("dtype")}}
    return _word_or_object(value, "metrics", names.METRIC_WORDS, names.METRICS)


def _word_or_object(value: Any, kind: str, words: frozenset[str], classes: frozenset[str]) -> Any:
    if value is None:
        return None
    if values.is_record(value) and value["class_name"] == "function":
        value = _function_name(value)
    if isinstance(value, str):
        if value not in words:
            shown = values.brief(value)
            refuse(f"{shown} is not one of keras.{kind}.", f"{shown}은(는) keras.{kind}에 없습니다.")
        return value
    name, config = values.record_of(value, kind)
    if name not in classes:
        refuse(f"{name} is not one of keras.{kind}.", f"{name}은(는) keras.{kind}에 없습니다.")
    return _made(kind, name, config)


def _function_name(value: dict[str, Any]) -> Any:
    values.record_of({**value, "config": {}, "registered_name": None}, "functions")
    return value.get("config")


def _made(kind: str, name: str, config: dict[str, Any]) -> Any:
    arguments: dict[str, Any] = {}
    for key, value in config.items():
        if key == "dtype":
            arguments[key] = values.dtype(value, key)
        elif key == "reduction":
            value = "sum_over_batch_size" if value == "auto" else value
            arguments[key] = values.plain(value, key)
        elif key != "fn":
            arguments[key] = _small(values.plain(value, f"{name}.{key}"), f"{name}.{key}")
    made = names.keras_class(kind, name)
    arguments = {
        key: value for key, value in arguments.items() if value is not None or key in values.arguments_of(made)
    }
    values.refuse_unknown(made, name, arguments)
    return made(**arguments)


def _small(value: Any, where: str) -> Any:
    """Counts and lists no longer than anyone needs: metrics allocate by them."""
    if where.endswith(("seed", "_steps")) or "Decay" in where:
        return value
    if (type(value) is int and abs(value) > _MAX_COUNT) or (isinstance(value, list) and len(value) > _MAX_COUNT):
        refuse(f"{where} is larger than {_MAX_COUNT:,}.", f"{where} 값이 {_MAX_COUNT:,}보다 큽니다.")
    return value


def _structure(value: Any, leaf: Any) -> Any:
    """One, a list of them (two levels), or one by each output's name."""
    if isinstance(value, list):
        if len(value) > _MAX_PARTS:
            refuse("The training settings are too long.", "학습 설정이 너무 깁니다.")
        return [_structure(part, leaf) for part in value]
    if isinstance(value, dict) and not values.is_record(value):
        return {key: _structure(part, leaf) for key, part in value.items()}
    return leaf(value)
