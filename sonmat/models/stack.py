"""A network of layers written down one by one: what the studio builds, and any recipe may."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sonmat.language import say
from sonmat.models.room import check_room
from sonmat.models.stack_layers import StackLayer, read_layers, refused
from sonmat.models.stack_sizes import CHANNEL, FLATTEN, LAST, stack_sizes

if TYPE_CHECKING:
    import keras

_SHAPE, _CLASSES = (28, 28), 10


def stack(
    data: Any = None,
    *,
    layers: Sequence[Any] = (
        {"layer": "dense", "units": 20, "activation": "relu"},
        {"layer": "dense", "units": 20, "activation": "relu"},
    ),
) -> keras.Model:
    """A Sequential model of any layers, ending in softmax. Not compiled.

    A channel axis is put in before convolutions of grey pictures (and before the normalization of their inputs), `Flatten`
    between maps and the first dense layer, and a last dense layer with softmax over the classes.

    Args:
        data: Gives the shape of an input and the number of classes: a `Dataset`, or anything with `inputs` (n, …) and
            `classes`. None is MNIST's: inputs (28, 28), 10 classes.
        layers: From the input on: `{"layer": "conv", "filters": 16, "kernel": 3, "stride": 1, "padding": "valid",
            "activation": "relu"}`, `max_pool` and `average_pool` with `size`, `stride` and `padding`, `dense` with `units`
            and `activation`, `dropout` with `rate`, `batch_norm` with `momentum`, `activation`.

    Returns:
        A model from float32 (n, …) to probabilities, float32 (n, classes).

    Raises:
        RecipeError: A layer, setting or size that cannot be; it says which layer.
    """
    import keras

    asked = read_layers(layers)
    shape = _SHAPE if data is None else tuple(int(side) for side in data.inputs.shape[1:])
    classes = _CLASSES if data is None else len(data.classes)
    sizes = stack_sizes(asked, shape, classes)
    if sizes.problem is not None:
        raise sizes.problem
    check_room(sizes.parameters)
    check_activations(asked)
    named = {one.name: _layer(one) for one in asked} | {FLATTEN: keras.layers.Flatten(name=FLATTEN)}
    named[CHANNEL] = keras.layers.Reshape((*shape, 1), name=CHANNEL)
    made = [named[one.name] for one in sizes.layers[:-1]]
    last = keras.layers.Dense(classes, activation="softmax", name=LAST)
    return keras.Sequential([keras.Input(shape), *made, last], name="layers")


def check_activations(layers: Sequence[StackLayer]) -> None:
    """Refuse names that are none of Keras's activations.

    Raises:
        RecipeError: It says which layer.
    """
    import keras

    for number, one in enumerate(layers):
        name = one.settings.get("activation")
        try:
            keras.activations.get(name)
        except ValueError:
            expected = say("Keras's name of an activation", "Keras의 활성화 함수 이름")
            raise refused(number, "activation", expected, name, '"relu"') from None


def _layer(one: StackLayer) -> Any:
    import keras

    given = one.settings
    if one.kind == "dense":
        return keras.layers.Dense(given["units"], activation=given["activation"], name=one.name)
    if one.kind == "conv":
        return keras.layers.Conv2D(
            given["filters"],
            given["kernel"],
            strides=given["stride"],
            padding=given["padding"],
            activation=given["activation"],
            name=one.name,
        )
    if one.kind in ("max_pool", "average_pool"):
        kind = keras.layers.MaxPooling2D if one.kind == "max_pool" else keras.layers.AveragePooling2D
        return kind(given["size"], strides=given["stride"], padding=given["padding"], name=one.name)
    if one.kind == "dropout":
        return keras.layers.Dropout(given["rate"], name=one.name)  # seeded by `fit`
    if one.kind == "batch_norm":
        return keras.layers.BatchNormalization(momentum=given["momentum"], name=one.name)
    return keras.layers.Activation(given["activation"], name=one.name)
