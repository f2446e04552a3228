"""A Keras model as the code that makes it: only what differs from Keras's defaults is written."""

from __future__ import annotations

import copy
import inspect
import json
import keyword
import re
from typing import Any, NoReturn

import keras
import numpy as np

from sonmat.errors import UnsupportedError
from sonmat.language import say
from sonmat.runs.saved_layout import snake_case

_PARTS = {"layers": "layers", "optimizers": "keras.optimizers", "losses": "keras.losses", "metrics": "keras.metrics"}
# What the script around the model needs, and what no variable may be called.
_TAKEN = frozenset(
    {"SEED", "keras", "layers", "np", "sys", "plt", "load", "load_npz", "split", "prepare", *keyword.kwlist}
)
_LINE = 100  # a call longer than this is broken into one argument a line
_NOT_COMPILE = frozenset({"run_eagerly", "steps_per_execution", "jit_compile", "auto_scale_loss"})


def model_code(model: keras.Model, name: str = "model") -> str:
    """Python statements that make a model anew, in terms of `keras` and `keras.layers as layers`.

    Args:
        model: A Sequential or functional model of Keras's own layers.
        name: The variable it is put in.

    Raises:
        UnsupportedError: It has a layer that is not Keras's own, or is a class of the user's.
    """
    if isinstance(model, keras.Sequential):
        return f"{name} = {_sequential(model)}\n"
    if type(model).__name__ != "Functional":
        _unsupported(f"{type(model).__name__} (a model class of your own)")
    return "\n".join(_Functional(model, name, set()).lines) + "\n"


def compile_code(model: keras.Model, name: str = "model") -> str:
    """The statement that compiles a model as it is compiled.

    Raises:
        UnsupportedError: It is not compiled, or with functions of the user's.
    """
    config = model.get_compile_config() if model.compiled else None
    if config is None:
        raise UnsupportedError(
            say(
                "The model is not compiled, so there is no training to write.",
                "컴파일되지 않은 모델이라 쓸 학습이 없습니다.",
            ),
            say("Call model.compile(...) first.", "먼저 model.compile(...)을 부르세요."),
        )
    arguments = [f"{key}={expression(value)}" for key, value in config.items() if value and key not in _NOT_COMPILE]
    return _call(f"{name}.compile", arguments) + "\n"


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
        _unsupported(repr(value)[:80])
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
    return _call(_public_name(record), arguments)


def _class(record: dict[str, Any]) -> Any:
    place: Any = keras
    module = record.get("module") or ""
    parts = module.split(".")
    if parts[0] != "keras" or record.get("registered_name"):
        _unsupported(f"{record['class_name']} ({module or record.get('registered_name')})")
    for part in parts[1:]:
        place = getattr(place, part, None)
    made = getattr(place, record["class_name"], None)
    if made is None or record["class_name"] == "Lambda":
        _unsupported(f"{record['class_name']} ({module})")
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


def _call(function: str, arguments: list[str]) -> str:
    line = f"{function}({', '.join(arguments)})"
    if len(line) <= _LINE and "\n" not in line:
        return line
    return f"{function}(\n" + "".join(f"    {_indented(argument)},\n" for argument in arguments) + ")"


def _indented(code: str) -> str:
    return code.replace("\n", "\n    ")


def _input(tensor: Any, name: str | None) -> str:
    arguments = [f"shape={expression(tuple(tensor.shape[1:]))}"]
    if tensor.dtype != "float32":
        arguments.append(f"dtype={expression(str(tensor.dtype))}")
    if name is not None and not re.fullmatch(r"(input_layer|keras_tensor|input)(_\d+)?", name):
        arguments.append(f"name={expression(name)}")
    return f"keras.Input({', '.join(arguments)})"


def _sequential(model: keras.Sequential) -> str:
    parts = [_input(model.inputs[0], None), *(_layer(layer) for layer in model.layers)]
    body = "".join(f"        {part.replace(chr(10), chr(10) + '        ')},\n" for part in parts)
    return f"keras.Sequential(\n    [\n{body}    ]\n)"


def _layer(layer: Any) -> str:
    if isinstance(layer, keras.Sequential):
        return _sequential(layer)
    if isinstance(layer, keras.Model):
        _unsupported(f"{layer.name} (a functional model inside a Sequential one)")
    return _object(keras.saving.serialize_keras_object(layer))


def _unsupported(what: str) -> NoReturn:
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


class _Functional:
    """Writes a functional model as one statement a call."""

    def __init__(self, model: keras.Model, name: str, used: set[str]) -> None:
        config = model.get_config()
        self.lines: list[str] = []
        self._used = used  # shared with the models inside, so that no variable is taken twice
        self._used |= {*_TAKEN, name}
        self._tensors: dict[tuple[str, int], str] = {}
        self._layers = {layer.name: layer for layer in model.layers}
        self._callers: dict[str, str] = {}
        waiting = [
            (record["name"], index, node)
            for record in config["layers"]
            for index, node in enumerate(record["inbound_nodes"])
        ]
        self._counts = {record["name"]: len(record["inbound_nodes"]) for record in config["layers"]}
        for layer in model.layers:
            if isinstance(layer, keras.layers.InputLayer):
                self._tensors[layer.name, 0] = self._add(layer.name, _input(layer.output, layer.name))
        while waiting:
            ready = next(call for call in waiting if self._known(call[2]))
            waiting.remove(ready)
            self._write(*ready)
        nested = {
            n
            for n, layer in self._layers.items()
            if isinstance(layer, keras.Model) and not isinstance(layer, keras.Sequential)
        }
        inputs, outputs = self._struct(config["input_layers"], set()), self._struct(config["output_layers"], nested)
        self.lines.append(_call(f"{name} = keras.Model", [f"inputs={inputs}", f"outputs={outputs}"]))

    def _add(self, wish: str, code: str) -> str:
        name = self._free(wish)
        self.lines.append(f"{name} = {code}")
        return name

    def _free(self, wish: str) -> str:
        """A variable's name like the one wished for, which no other has."""
        wish = re.sub(r"\W|^(?=\d)", "_", wish, flags=re.ASCII)
        name, number = wish, 1
        while name in self._used:
            number += 1
            name = f"{wish}_{number}"
        self._used.add(name)
        return name

    def _known(self, node: Any) -> bool:
        return all((name, call) in self._tensors for name, call in _histories(node))

    def _write(self, name: str, index: int, node: dict[str, Any]) -> None:
        arguments = [self._argument(part) for part in node["args"]]
        call = inspect.signature(self._layers[name].call).parameters
        for key, part in node["kwargs"].items():
            if part is not None and not (key in call and call[key].default is part):  # Keras notes its defaults too
                arguments.append(f"{key}={self._argument(part)}")
        self._tensors[name, index] = self._add(name, f"{self._caller(name)}({', '.join(arguments)})")

    def _caller(self, name: str) -> str:
        """The layer itself where it is called once, else a variable that holds it."""
        layer = self._layers[name]
        if name not in self._callers:
            if isinstance(layer, keras.Model) and not isinstance(layer, keras.Sequential):
                self._callers[name] = variable = self._free(f"{name}_model")
                self.lines.extend(_Functional(layer, variable, self._used).lines)
            else:
                code = _layer(layer)
                self._callers[name] = code if self._counts[name] == 1 else self._add(f"{name}_layer", code)
        return self._callers[name]

    def _argument(self, value: Any) -> str:
        if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
            name, call, output = value["config"]["keras_history"]
            return self._output(name, call, output)
        if isinstance(value, list | tuple):
            return "[" + ", ".join(self._argument(part) for part in value) + "]"
        return expression(value)

    def _output(self, name: str, call: int, output: int) -> str:
        variable = self._tensors[name, call]
        several = isinstance(self._layers[name].output if call == 0 else None, list | tuple)
        return f"{variable}[{output}]" if several or output else variable

    def _struct(self, struct: Any, shifted: set[str]) -> str:
        if isinstance(struct, dict):
            return "{" + ", ".join(f"{expression(k)}: {self._struct(v, shifted)}" for k, v in struct.items()) + "}"
        if isinstance(struct, list | tuple) and len(struct) == 3 and isinstance(struct[0], str):
            name, call, output = struct
            return self._output(name, call - (name in shifted), output)
        return "[" + ", ".join(self._struct(part, shifted) for part in struct) + "]"


def _histories(value: Any) -> list[tuple[str, int]]:
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        name, call, _ = value["config"]["keras_history"]
        return [(name, call)]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [found for part in parts for found in _histories(part)]
