"""Values and Keras's objects as Python expressions: only what differs from the defaults is written."""

from __future__ import annotations

import copy
import inspect
import json
import re
from typing import Any, NoReturn

import keras
import numpy as np

from sonmat.errors import UnsupportedError
from sonmat.language import say
from sonmat.runs.saved_layout import snake_case

_LINE = 100  # a call longer than this is broken into one argument a line


def expression(value: Any) -> str:
    """A plain value, or an object of Keras's as `serialize` writes it, as Python."""
    if isinstance(value, dict) and "class_name" in value:
        return _object(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{expression(key)}: {expression(part)}" for key, part in value.items()) + "}"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(expression, value)) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, list):
        return "[" + ", ".join(map(expression, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float):
        return _number(value)
    if value is not None and not isinstance(value, bool | int):
        unsupported(repr(value)[:80])
    return repr(value)


def _number(value: float) -> str:
    """0.01, where Keras's single precision made 0.009999999776482582 of it."""
    short = np.float32(value)
    return repr(float(str(short))) if float(short) == value else repr(value)


def _object(record: dict[str, Any]) -> str:
    module = record.get("module") or ""
    if record["class_name"] == "function" and module in ("builtins", "keras.losses", "keras.metrics"):
        return expression(record["config"])
    made = _class(record)
    required, further = _differing(made, record)
    arguments = [expression(value) for value in required]
    arguments += [f"{key}={expression(value)}" for key, value in further.items()]
    return call(_public_name(record), arguments)


def _class(record: dict[str, Any]) -> Any:
    place: Any = keras
    module = record.get("module") or ""
    parts = module.split(".")
    if parts[0] != "keras" or record.get("registered_name"):
        unsupported(f"{record['class_name']} ({module or record.get('registered_name')})")
    for part in parts[1:]:
        place = getattr(place, part, None)
    made = getattr(place, record["class_name"], None)
    if made is None or record["class_name"] == "Lambda":
        unsupported(f"{record['class_name']} ({module})")
    return made


def _public_name(record: dict[str, Any]) -> str:
    module = record["module"].removeprefix("keras.")
    return f"{'layers' if module == 'layers' else record['module']}.{record['class_name']}"


def _differing(made: Any, record: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The required arguments in their order, and by name those that an object made of these alone would not have."""
    config = {key: value for key, value in record["config"].items() if key != "quantization_config" or value}
    parameters = inspect.signature(made.__init__).parameters.values()
    required = {p.name: config[p.name] for p in parameters if p.default is p.empty and p.name in config}
    nested = any("class_name" in json.dumps(value) for value in required.values())
    smallest = made.from_config(copy.deepcopy(required)) if nested else made(**required)
    defaults = keras.saving.serialize_keras_object(smallest)["config"]
    further = {
        key: value
        for key, value in config.items()
        if key == "learning_rate"  # said even where it is the default: it is the first thing a reader looks for
        or (key not in required and _bare(value) != _bare(defaults.get(key)) and not _own_name(made, key, value))
    }
    return list(required.values()), further


def _own_name(made: Any, key: str, value: Any) -> bool:
    """Whether it is the name that Keras gives by itself."""
    return (
        key == "name"
        and re.fullmatch(rf"((forward|backward)_)?{snake_case(made.__name__)}(_\d+)?", str(value)) is not None
    )


def _bare(value: Any) -> Any:
    """A value without what two equal objects may differ in: names that Keras counts, marks of sharing."""
    if isinstance(value, dict):
        return {key: _bare(part) for key, part in value.items() if key not in ("shared_object_id", "build_config")}
    return [_bare(part) for part in value] if isinstance(value, list | tuple) else value


def call(function: str, arguments: list[str]) -> str:
    """A call, broken into lines where it is long."""
    line = f"{function}({', '.join(arguments)})"
    if len(line) <= _LINE and "\n" not in line:
        return line
    return f"{function}(\n" + "".join(f"    {_indented(argument)},\n" for argument in arguments) + ")"


def _indented(code: str) -> str:
    return code.replace("\n", "\n    ")


def unsupported(what: str) -> NoReturn:
    """Refuse what Keras alone could not make again from code."""
    raise UnsupportedError(
        say(
            f"{what} cannot be written as a plain Keras script.",
            f"{what}은(는) 순수한 Keras 스크립트로 쓸 수 없습니다.",
        ),
        say(
            "Export the model itself: sonmat export RUN model.keras",
            "모델 자체를 내보내세요: sonmat export RUN model.keras",
        ),
    )
