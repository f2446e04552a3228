"""Functional models: a stranger's list of layers and their calls → one graph.

Two ways of writing a call are read: Keras 3's (`{"args", "kwargs"}` with tensors named by their history), and Keras 2's
(`[[layer, call, output, kwargs], …]`, where kwargs of later versions name tensors too).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import keras

from sonmat.runs import safe_values as values
from sonmat.runs.safe_json import refuse
from sonmat.runs.safe_operations import slice_of

MAX_CALLS = 8000

Tensors = dict[tuple[str, int], list[Any]]


class _NotYet(Exception):
    """A call whose inputs have not been computed."""


def wire(
    config: dict[str, Any],
    make: Callable[[Any], Any],
    check_call: Callable[[Any, Any], None],
    title: str | None,
) -> keras.Model:
    """A functional model.

    Args:
        config: Its `layers`, `input_layers` and `output_layers`.
        make: Layer from its record.
        check_call: Told each layer and its first input's shape before the layer is called; raises to refuse.
        title: The model's name.

    Raises:
        ModelFileError: A call names a layer or an output that is not there, or the calls go in a circle.
    """
    layers: dict[str, Any] = {}
    calls: dict[str, list[Any]] = {}
    for record in config["layers"]:
        layer = make(record)
        name = record.get("name") or layer.name
        if not isinstance(name, str) or name in layers:
            shown = values.brief(name)
            refuse(f"Two layers share the name {shown}.", f"이름이 같은 층이 있습니다: {shown}.")
        layers[name] = layer
        nodes = record.get("inbound_nodes") or []
        if not isinstance(nodes, list):
            refuse(f"The calls of {name} are not a list.", f"{name} 층의 호출이 목록이 아닙니다.")
        calls[name] = nodes
    if sum(map(len, calls.values())) > MAX_CALLS:
        refuse(f"The model calls layers more than {MAX_CALLS:,} times.", f"층 호출이 {MAX_CALLS:,}번을 넘습니다.")
    shift = _first_calls(layers, calls, config.get("output_layers"))
    tensors = _run(layers, calls, shift.calls, check_call)
    inputs = _pick(config["input_layers"], tensors, {})
    outputs = _pick(config.get("output_layers"), tensors, shift.outputs)
    model = keras.Model(inputs=inputs, outputs=outputs, name=title)
    if config.get("trainable") is False:
        model.trainable = False
    return model


@dataclass(frozen=True)
class _Shift:
    """What number the first call of a layer has, where it is not 0: as calls name it, and as the outputs do."""

    calls: dict[str, int]
    outputs: dict[str, int]


def _first_calls(layers: dict[str, Any], calls: dict[str, list[Any]], outputs: Any) -> _Shift:
    """A nested model is born with a call of its own. Keras 2 counts it, Keras 3 only among the outputs."""
    nested = {name: layer for name, layer in layers.items() if isinstance(layer, keras.Model)}
    nodes = [node for listed in calls.values() for node in listed]
    if any(isinstance(node, dict) for node in nodes):
        return _Shift({}, {name: 1 for name, layer in nested.items() if not isinstance(layer, keras.Sequential)})
    lowest: dict[str, int] = {}
    for name, node in _references([nodes, outputs]):
        lowest[name] = min(node, lowest.get(name, node))
    shift = {name: lowest[name] for name in nested if name in lowest}
    return _Shift(shift, shift)


def _references(value: Any) -> Iterator[tuple[str, int]]:
    """Every [layer, call, output] in a nest of lists as Keras 2 wrote them."""
    if isinstance(value, list):
        if len(value) in (3, 4) and isinstance(value[0], str) and type(value[1]) is int:
            yield value[0], value[1]
        for part in value:
            yield from _references(part)
    elif isinstance(value, dict):
        yield from _references(list(value.values()))


def _run(
    layers: dict[str, Any],
    calls: dict[str, list[Any]],
    shift: dict[str, int],
    check_call: Callable[[Any, Any], None],
) -> Tensors:
    """Call every layer as often as the file says, each call as soon as its inputs are there."""
    tensors: Tensors = {}
    for name, layer in layers.items():
        if isinstance(layer, keras.layers.InputLayer):
            tensors[name, 0] = [layer.output]
    waiting = {name: list(enumerate(nodes)) for name, nodes in calls.items() if nodes}
    while waiting:
        before = len(tensors)
        for name in list(waiting):
            while waiting[name]:
                index, node = waiting[name][0]
                try:
                    tensors[name, index] = _call(layers[name], node, _Known(tensors, shift), check_call)
                except _NotYet:
                    break
                waiting[name].pop(0)
            if not waiting[name]:
                del waiting[name]
        if len(tensors) == before:
            stuck = values.brief(sorted(waiting))
            refuse(
                f"These layers wait for each other or for missing ones: {stuck}.",
                f"서로 기다리거나 없는 층을 기다립니다: {stuck}.",
            )
    return tensors


@dataclass(frozen=True)
class _Known:
    """The tensors computed so far, as a file names them."""

    tensors: Tensors
    shift: dict[str, int]

    def tensor(self, history: Any) -> Any:
        """The tensor [layer, call, output]; _NotYet where it has not been computed."""
        if not isinstance(history, list) or len(history) != 3 or not isinstance(history[0], str):
            _no_tensor(history)
        name, call, output = history
        if type(call) is not int or type(output) is not int or output < 0:
            _no_tensor(history)
        outputs = self.tensors.get((name, call - self.shift.get(name, 0)))
        if outputs is None:
            raise _NotYet
        if output >= len(outputs):
            _no_tensor(history)
        return outputs[output]


def _no_tensor(history: Any) -> NoReturn:
    shown = values.brief(history)
    refuse(f"A call names no tensor: {shown}.", f"호출이 텐서를 가리키지 않습니다: {shown}.")


def _call(layer: Any, node: Any, known: _Known, check_call: Callable[[Any, Any], None]) -> list[Any]:
    if isinstance(node, dict):
        args = [_keras3_argument(part, known) for part in _list(node.get("args"))]
        kwargs = {key: _keras3_argument(part, known) for key, part in _dict(node.get("kwargs")).items()}
    else:
        args, kwargs = _keras2_call(layer, _list(node), known)
    check_call(layer, getattr(args[0], "shape", None) if args else None)
    return list(keras.tree.flatten(layer(*args, **kwargs)))


def _keras3_argument(value: Any, known: _Known) -> Any:
    if isinstance(value, list):
        return [_keras3_argument(part, known) for part in value]
    if values.is_record(value):
        if value["class_name"] in ("__slice__", "__ellipsis__"):
            return slice_of(value)
        if value["class_name"] != "__keras_tensor__":
            refuse(f"A call is given {values.brief(value)}.", f"호출 인자가 {values.brief(value)}입니다.")
        return known.tensor(_dict(value.get("config")).get("keras_history"))
    if isinstance(value, dict):
        return {key: _keras3_argument(part, known) for key, part in value.items()}
    return values.plain(value, "call argument")


def _keras2_call(layer: Any, node: list[Any], known: _Known) -> tuple[list[Any], dict[str, Any]]:
    inputs: list[Any] = []
    kwargs: dict[str, Any] = {}
    for entry in node:
        entry = _list(entry)
        inputs.append(known.tensor(entry[:3]))
        if len(entry) == 4:
            kwargs |= {key: _keras2_argument(part, known) for key, part in _dict(entry[3]).items() if key != "name"}
    if isinstance(layer, keras.layers.RNN | keras.layers.Bidirectional) and len(inputs) > 1:
        return inputs[:1], {"initial_state": inputs[1:], **kwargs}  # Keras 2 put the states beside the input
    if len(inputs) == 1 or isinstance(layer, keras.layers.MultiHeadAttention):
        return inputs, kwargs
    return [inputs], kwargs


def _keras2_argument(value: Any, known: _Known) -> Any:
    """TensorFlow 2.4 and later name tensors in kwargs as [layer, call, output]."""
    if isinstance(value, list):
        if len(value) == 3 and isinstance(value[0], str) and type(value[1]) is int:
            return known.tensor(value)
        return [_keras2_argument(part, known) for part in value]
    return values.plain(value, "call argument")


def _pick(struct: Any, tensors: Tensors, shift: dict[str, int]) -> Any:
    """The model's inputs or outputs, in the file's own structure."""
    if isinstance(struct, dict):
        return {key: _pick(part, tensors, shift) for key, part in struct.items()}
    if isinstance(struct, list) and not (len(struct) == 3 and isinstance(struct[0], str)):
        return [_pick(part, tensors, shift) for part in struct]
    try:
        return _Known(tensors, shift).tensor(struct)
    except _NotYet:
        shown = values.brief(struct)
        refuse(
            f"The model's inputs or outputs are not among its layers: {shown}.",
            f"모델의 입력이나 출력이 층 가운데 없습니다: {shown}.",
        )


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        shown = values.brief(value)
        refuse(f"Expected a list; the file says {shown}.", f"목록이 와야 하는데 {shown}가 있습니다.")
    return value


def _dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        shown = values.brief(value)
        refuse(f"Expected names and values; the file says {shown}.", f"이름과 값이 와야 하는데 {shown}가 있습니다.")
    return value
