"""Networks of fully connected layers: the notes' own, and any other width and depth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.models.room import chain, check_room

if TYPE_CHECKING:
    import keras

_MNIST_SHAPE, _MNIST_CLASSES = (28, 28), 10


def notes_mlp(
    data: Any = None,
    *,
    hidden: Sequence[int] = (20, 20),
    activation: str = "relu",
    dropout: float = 0.0,
    functional: bool = False,
) -> keras.Model:
    """The notes' network: Flatten → Dense 20 → Dense 20 → Dense 10 with softmax; 16,330 parameters on MNIST.

    Arguments as `mlp` takes them. Not compiled.
    """
    return _stack("notes_mlp", data, hidden, activation, dropout, functional)


def mlp(
    data: Any = None,
    *,
    hidden: Sequence[int] = (256, 128),
    activation: str = "relu",
    dropout: float = 0.2,
    functional: bool = False,
) -> keras.Model:
    """Fully connected layers of any width and number, ending in softmax. Not compiled.

    Args:
        data: Gives the shape of an input and the number of classes: a `Dataset`, or anything with `inputs` (n, …) and
            `classes`. None is MNIST's: inputs (28, 28), 10 classes.
        hidden: Units of each hidden layer, each 1 or more. Empty is softmax regression.
        activation: Keras's name of the hidden layers' activation.
        dropout: The share of each hidden layer's outputs that a training step drops: 0, or above 0 and below 1.
        functional: Build by the functional API; the same layers, names and weights.

    Returns:
        A model from float32 (n, …) to probabilities, float32 (n, classes).

    Raises:
        RecipeError: A setting out of its range.
    """
    return _stack("mlp", data, hidden, activation, dropout, functional)


def _stack(
    name: str, data: Any, hidden: Sequence[int], activation: str, dropout: float, functional: bool
) -> keras.Model:
    import keras

    _check(hidden, activation, dropout)
    shape = _MNIST_SHAPE if data is None else tuple(data.inputs.shape[1:])
    classes = _MNIST_CLASSES if data is None else len(data.classes)
    check_room(chain([math.prod(shape), *hidden, classes]))
    layers: list[Any] = [keras.layers.Flatten(name="flatten")]
    for number, units in enumerate(hidden, start=1):
        layers.append(keras.layers.Dense(units, activation=activation, name=f"hidden_{number}"))
        if dropout:
            layers.append(keras.layers.Dropout(dropout, name=f"dropout_{number}"))  # seeded by `fit`
    layers.append(keras.layers.Dense(classes, activation="softmax", name="probabilities"))
    if not functional:
        return keras.Sequential([keras.Input(shape), *layers], name=name)
    inputs = outputs = keras.Input(shape, name="inputs")
    for layer in layers:
        outputs = layer(outputs)
    return keras.Model(inputs, outputs, name=name)


def _check(hidden: Sequence[int], activation: str, dropout: float) -> None:
    import keras

    if not all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in hidden):
        raise RecipeError(
            say(
                f"model.hidden should be a list of whole numbers of 1 or more, but is {hidden!r}.",
                f"model.hidden에 올 것은 1 이상인 정수의 목록, 받은 것은 {hidden!r}입니다.",
            ),
            say("Write for example hidden = [20, 20].", "예: hidden = [20, 20]."),
        )
    if not (math.isfinite(dropout) and 0 <= dropout < 1):
        raise RecipeError(
            say(
                f"model.dropout should be a number from 0 to below 1, but is {dropout!r}.",
                f"model.dropout에 올 것은 0 이상 1 미만의 수, 받은 것은 {dropout!r}입니다.",
            ),
            say("Write for example dropout = 0.2.", "예: dropout = 0.2."),
        )
    try:
        keras.activations.get(activation)
    except ValueError as error:
        raise RecipeError(
            say(f"Keras has no activation {activation!r}.", f"Keras에 {activation!r} 활성화 함수는 없습니다."),
            say("Try relu, gelu, silu, tanh or sigmoid.", "relu, gelu, silu, tanh, sigmoid 가운데 하나를 써 보세요."),
        ) from error
