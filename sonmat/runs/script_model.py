"""A Keras model as the code that makes it: only what differs from Keras's defaults is written."""

from __future__ import annotations

import inspect
import keyword
import re
from typing import Any

import keras

from sonmat.errors import UnsupportedError
from sonmat.language import say
from sonmat.runs.saved_layout import snake_case
from sonmat.runs.script_expression import call, expression, unsupported

# What the script around the model needs, and what no variable may be called.
_TAKEN = frozenset(
    {"SEED", "keras", "layers", "np", "sys", "plt", "load", "load_npz", "split", "prepare", *keyword.kwlist}
)
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
        unsupported(f"{type(model).__name__} (a model class of your own)")
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
    return call(f"{name}.compile", arguments) + "\n"


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
        unsupported(f"{layer.name} (a functional model inside a Sequential one)")
    return expression(keras.saving.serialize_keras_object(layer))


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
        self._operations = {r["name"]: r for r in config["layers"] if r["name"] not in self._layers}
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
        self.lines.append(call(f"{name} = keras.Model", [f"inputs={inputs}", f"outputs={outputs}"]))

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
        if name in self._operations and self._operations[name]["class_name"] == "GetItem":
            tensor, key = node["args"]
            self._tensors[name, index] = self._add(name, f"{self._argument(tensor)}[{_key(key)}]")
            return
        arguments = [self._argument(part) for part in node["args"]]
        if name in self._operations:
            self._tensors[name, index] = self._add(name, self._operation(self._operations[name], arguments, node))
            return
        parameters = inspect.signature(self._layers[name].call).parameters
        for key, part in node["kwargs"].items():
            if part is not None and not (
                key in parameters and parameters[key].default is part
            ):  # Keras notes its defaults too
                arguments.append(f"{key}={self._argument(part)}")
        self._tensors[name, index] = self._add(name, f"{self._caller(name)}({', '.join(arguments)})")

    def _operation(self, record: dict[str, Any], arguments: list[str], node: dict[str, Any]) -> str:
        function = getattr(keras.ops, snake_case(record["class_name"]), None)
        if function is None or not record["module"].startswith("keras."):
            unsupported(f"{record['class_name']} ({record['module']})")
        settings = {**{key: value for key, value in record["config"].items() if key != "name"}, **node["kwargs"]}
        named = [f"{key}={self._argument(value)}" for key, value in settings.items()]
        return call(f"keras.ops.{function.__name__}", [*arguments, *named])

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
        several = name in self._layers and call == 0 and isinstance(self._layers[name].output, list | tuple)
        return f"{variable}[{output}]" if several or output else variable

    def _struct(self, struct: Any, shifted: set[str]) -> str:
        if isinstance(struct, dict):
            return "{" + ", ".join(f"{expression(k)}: {self._struct(v, shifted)}" for k, v in struct.items()) + "}"
        if isinstance(struct, list | tuple) and len(struct) == 3 and isinstance(struct[0], str):
            name, call, output = struct
            return self._output(name, call - (name in shifted), output)
        return "[" + ", ".join(self._struct(part, shifted) for part in struct) + "]"


def _key(key: Any) -> str:
    """What stands between the brackets of `x[:, 1:]`."""
    parts = key if isinstance(key, list | tuple) else [key]
    return ", ".join(_slice(part["config"]) if _is_slice(part) else expression(part) for part in parts)


def _is_slice(part: Any) -> bool:
    return isinstance(part, dict) and part.get("class_name") == "__slice__"


def _slice(ends: dict[str, Any]) -> str:
    start, stop, step = ("" if ends.get(end) is None else expression(ends[end]) for end in ("start", "stop", "step"))
    return f"{start}:{stop}" + (f":{step}" if step else "")


def _histories(value: Any) -> list[tuple[str, int]]:
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        name, call, _ = value["config"]["keras_history"]
        return [(name, call)]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [found for part in parts for found in _histories(part)]
