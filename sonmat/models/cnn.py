"""The notes' convolutional network: blocks of convolution and pooling, then a dense head, every size a setting."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.models.lengths import Slide, check_slides
from sonmat.models.room import chain, check_room

if TYPE_CHECKING:
    import keras

_MNIST_SHAPE, _MNIST_CLASSES = (28, 28), 10
_POOLINGS = ("max", "average", "none")
_PADDINGS = ("valid", "same")


def notes_cnn(
    data: Any = None,
    *,
    filters: Sequence[int] = (16, 32),
    kernel_size: int | Sequence[int] = 3,
    stride: int | Sequence[int] = 1,
    padding: str | Sequence[str] = "valid",
    activation: str = "relu",
    pooling: str | Sequence[str] = "max",
    pool_size: int | Sequence[int] = 2,
    pool_stride: int | Sequence[int] = 0,
    pool_padding: str | Sequence[str] = "valid",
    hidden: Sequence[int] = (),
    dropout: float = 0.0,
) -> keras.Model:
    """Blocks of convolution and pooling, then fully connected layers, by the functional API. Not compiled.

    Where a block's setting may be a list, it has a value for each block; one value alone holds for all.

    Args:
        data: Gives the shape of an input and the number of classes: a `Dataset`, or anything with `inputs` and `classes`.
            Inputs are images (n, rows, columns) or (n, rows, columns, channels). None is MNIST's.
        filters: Filters of each block's convolution, each 1 or more; as many blocks as there are numbers.
        kernel_size: Rows and columns of a filter, 1 or more.
        stride: How far the filter moves at a time, 1 or more.
        padding: "valid" (none) or "same" (zeros around the input, so that stride 1 keeps its size).
        activation: Keras's name of the activation after each convolution and hidden layer.
        pooling: "max", "average" or "none".
        pool_size: Rows and columns of a pooling window, 1 or more.
        pool_stride: How far it moves at a time; 0 is its own size, so that windows lie side by side.
        pool_padding: As `padding`, for pooling.
        hidden: Units of each fully connected layer before the last; may be empty.
        dropout: The share of the features, and of each hidden layer's outputs, that a training step drops; 0 to below 1.

    Returns:
        A model from float32 images to probabilities, float32 (n, classes).

    Raises:
        RecipeError: A setting out of its range, or a size that cannot be.
    """
    import keras

    given = {
        "kernel_size": kernel_size,
        "stride": stride,
        "padding": padding,
        "pooling": pooling,
        "pool_size": pool_size,
        "pool_stride": pool_stride,
        "pool_padding": pool_padding,
    }
    _check(filters, hidden, activation, dropout)
    blocks = [{"filters": count, **rest} for count, rest in zip(filters, _by_block(given, len(filters)), strict=True)]
    shape = _MNIST_SHAPE if data is None else tuple(data.inputs.shape[1:])
    classes = _MNIST_CLASSES if data is None else len(data.classes)
    _check_sizes(_image(shape), blocks)
    kernels = [block["kernel_size"] ** 2 for block in blocks[1:]]
    check_room(
        sum(map(math.prod, zip(kernels, filters, filters[1:], strict=False))) + chain([*filters[-1:], *hidden, classes])
    )
    inputs = keras.Input(shape, name="image")
    x = inputs if len(shape) == 3 else keras.layers.Reshape((*shape, 1), name="channel")(inputs)
    for number, block in enumerate(blocks, start=1):
        x = _block(x, number, block, activation)
    x = keras.layers.Flatten(name="flatten")(x)
    for number, units in enumerate((0, *hidden)):
        if units:
            x = keras.layers.Dense(units, activation=activation, name=f"hidden_{number}")(x)
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"dropout_{number + 1}")(x)  # seeded by `fit`
    outputs = keras.layers.Dense(classes, activation="softmax", name="probabilities")(x)
    return keras.Model(inputs, outputs, name="notes_cnn")


def _block(x: Any, number: int, block: dict[str, Any], activation: str) -> Any:
    import keras

    x = keras.layers.Conv2D(
        block["filters"],
        block["kernel_size"],
        strides=block["stride"],
        padding=block["padding"],
        activation=activation,
        name=f"conv_{number}",
    )(x)
    if block["pooling"] == "none":
        return x
    kind = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}[block["pooling"]]
    step = block["pool_stride"] or block["pool_size"]
    return kind(block["pool_size"], strides=step, padding=block["pool_padding"], name=f"pool_{number}")(x)


def _image(shape: tuple[int, ...]) -> tuple[int, int]:
    if len(shape) not in (2, 3):
        raise RecipeError(
            say(
                f"notes-cnn convolves images of (rows, columns) or (rows, columns, channels), but the data's are {shape}.",
                f"notes-cnn은 (행, 열)이나 (행, 열, 채널) 모양의 이미지를 합성곱하는데, 데이터의 모양은 {shape}입니다.",
            ),
            say("Use the recipe mlp for these data.", "이 데이터에는 레시피 mlp를 쓰세요."),
        )
    return int(shape[0]), int(shape[1])


def _check_sizes(image: tuple[int, int], blocks: Sequence[dict[str, Any]]) -> None:
    """See that every window fits into what it slides over, before Keras builds anything."""
    for number, block in enumerate(blocks, start=1):
        slides = [Slide(n, block["kernel_size"], block["stride"], block["padding"] == "same") for n in image]
        check_slides(f"conv_{number}", slides)
        image = slides[0].output, slides[1].output
        if block["pooling"] != "none":
            step = block["pool_stride"] or block["pool_size"]
            slides = [Slide(n, block["pool_size"], step, block["pool_padding"] == "same") for n in image]
            check_slides(f"pool_{number}", slides, pooling=True)
            image = slides[0].output, slides[1].output


def _by_block(given: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """The settings of each block, checked."""
    rules: dict[str, Any] = {"padding": _PADDINGS, "pool_padding": _PADDINGS, "pooling": _POOLINGS, "pool_stride": 0}
    columns: dict[str, list[Any]] = {}
    for name, value in given.items():
        values = list(value) if isinstance(value, (list, tuple)) else [value] * count
        if len(values) != count:
            raise RecipeError(
                say(
                    f"model.{name} has {len(values)} values, but there are {count} blocks (model.filters).",
                    f"model.{name}에는 값이 {len(values)}개 있는데, 블록은 {count}개입니다(model.filters).",
                ),
                say("Give one value, or one for each block.", "값을 하나만 쓰거나 블록마다 하나씩 쓰세요."),
            )
        for one in values:
            _check_one(name, one, rules.get(name, 1))
        columns[name] = values
    return [{name: column[number] for name, column in columns.items()} for number in range(count)]


def _check_one(name: str, value: object, rule: int | tuple[str, ...]) -> None:
    if isinstance(rule, tuple):
        if value not in rule:
            _refuse(name, say("one of ", "다음 가운데 하나: ") + ", ".join(rule), value, f'"{rule[0]}"')
    elif not _whole(value, rule):
        _refuse(name, say(f"a whole number of {rule} or more", f"{rule} 이상의 정수"), value, str(max(rule, 2)))


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _check(filters: Sequence[int], hidden: Sequence[int], activation: str, dropout: float) -> None:
    import keras

    expected = say("a list of whole numbers of 1 or more", "1 이상인 정수의 목록")
    if not filters or not all(_whole(n, 1) for n in filters):
        _refuse("filters", expected, list(filters), "[16, 32]")
    if not all(_whole(n, 1) for n in hidden):
        _refuse("hidden", expected, list(hidden), "[64]")
    if not (math.isfinite(dropout) and 0 <= dropout < 1):
        _refuse("dropout", say("a number from 0 to below 1", "0 이상 1 미만의 수"), dropout, "0.5")
    try:
        keras.activations.get(activation)
    except ValueError:
        _refuse("activation", say("Keras's name of an activation", "Keras의 활성화 함수 이름"), activation, '"relu"')


def _refuse(name: str, expected: str, came: object, example: str) -> None:
    raise RecipeError(
        say(
            f"model.{name} should be {expected}, but is {came!r}.",
            f"model.{name}에 올 것은 {expected}, 받은 것은 {came!r}입니다.",
        ),
        say(f"Write for example {name} = {example}.", f"예: {name} = {example}."),
    )
