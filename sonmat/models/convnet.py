"""A convolutional network of stages, the catalog's tuned recipes are made of it: `quick`, `tiny`, `strong`, `fashion`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.models.lengths import Slide, check_slides
from sonmat.models.room import chain, check_room

if TYPE_CHECKING:
    import keras

_SHAPE, _CLASSES = (28, 28), 10
_HEADS = ("max", "average", "flatten")
_POOLINGS = ("max", "average", "stride")

_MOST = 200  # convolutions


def convnet(
    data: Any = None,
    *,
    stem: int = 0,
    stem_size: int = 3,
    stem_stride: int = 1,
    whiten: bool = False,
    filters: Sequence[int] = (32, 64),
    convolutions: int | Sequence[int] = 1,
    kernel_size: int = 3,
    padding: str = "same",
    pooling: str = "max",
    normalize: bool = True,
    momentum: float = 0.9,
    residual: bool = False,
    activation: str = "relu",
    head: str = "max",
    hidden: Sequence[int] = (),
    dropout: float = 0.0,
) -> keras.Model:
    """A stem, then stages of convolutions that each halve the picture, then a pooled head. Not compiled.

    A stage's first convolution is pooled at once, so that its normalization, activation and later convolutions run on a
    quarter of the pixels (as in Keller Jordan's airbench94, github.com/KellerJordan/cifar10-airbench).

    Args:
        data: Gives the shape of an input and the number of classes: a `Dataset`, or anything with `inputs` and `classes`.
            Inputs are images (n, rows, columns) or (n, rows, columns, channels). None is MNIST's.
        stem: Filters of a first convolution of its own; 0 is none.
        stem_size, stem_stride: Rows and columns of its filters, and how far they move.
        whiten: Freezes the stem: its filters become the principal components of the training pictures' patches, each
            scaled to unit variance (`sonmat.models.whitening`), and then their negatives.
        filters: Filters of each stage's convolutions; as many stages as there are numbers.
        convolutions: Convolutions in each stage, 1 or more; one number holds for all.
        kernel_size: Rows and columns of a filter.
        padding: "same" or "valid". Where a filter does not fit into what is left of a small picture, it is "same".
        pooling: What halves the picture after a stage's first convolution: "max", "average", or "stride", where that
            convolution moves by 2. What is left of a small picture is not halved below one pixel.
        normalize: Batch normalization after each convolution; without it the convolutions have biases.
        momentum: Of the moving averages in batch normalization, 0 to below 1.
        residual: Whether a stage's later convolutions add to what came in.
        activation: Keras's name of the activation after each convolution and hidden layer.
        head: "max" or "average" over all places, or "flatten".
        hidden: Units of fully connected layers before the last; may be empty.
        dropout: The share of the head's features that a training step drops; 0 to below 1.

    Returns:
        A model from float32 images to probabilities, float32 (n, classes).

    Raises:
        RecipeError: A setting out of its range, or pictures too small for the stem.
    """
    import keras

    counts = [convolutions] * len(filters) if isinstance(convolutions, int) else list(convolutions)
    shape = _SHAPE if data is None else tuple(data.inputs.shape[1:])
    classes = _CLASSES if data is None else len(data.classes)
    _check(filters, counts, hidden, stem, whiten, head, padding, pooling, activation, dropout, momentum)
    _check_shape(shape)
    slides = [Slide(int(side), stem_size, stem_stride, False) for side in shape[:2]] if stem else []
    check_slides("whitening" if whiten else "stem", slides)
    inner = [width for width, several in zip(filters, counts, strict=True) for _ in range(several)]
    check_room(chain([stem or 1, *inner], kernel_size**2) + chain([*filters[-1:], *hidden, classes]))
    layers = _Layers(kernel_size, padding, normalize, momentum, activation)
    inputs = keras.Input(shape, name="image")
    x = inputs if len(shape) == 3 else keras.layers.Reshape((*shape, 1), name="channel")(inputs)
    if stem:
        name = "whitening" if whiten else "stem"
        x = keras.layers.Conv2D(stem, stem_size, strides=stem_stride, name=name, trainable=not whiten)(x)
        x = x if whiten else keras.layers.Activation(activation, name="stem_activation")(x)
    for number, (count, several) in enumerate(zip(filters, counts, strict=True), start=1):
        x = layers.stage(x, number, count, several, pooling, residual)
    x = _headed(x, head)
    for number, units in enumerate(hidden, start=1):
        x = keras.layers.Dense(units, activation=activation, name=f"hidden_{number}")(x)
    if dropout:
        x = keras.layers.Dropout(dropout, name="dropout")(x)  # seeded by `fit`
    outputs = keras.layers.Dense(classes, activation="softmax", name="probabilities")(x)
    return keras.Model(inputs, outputs, name="convnet")


class _Layers:
    """What the convolutions of a network have in common."""

    def __init__(self, size: int, padding: str, normalize: bool, momentum: float, activation: str) -> None:
        self.size, self.padding = size, padding
        self.normalize, self.momentum, self.activation = normalize, momentum, activation

    def stage(self, x: Any, number: int, filters: int, count: int, pooling: str, residual: bool) -> Any:
        """`count` convolutions, the first of which halves the picture."""
        import keras

        x = self._convolved(x, f"{number}_1", filters, 2 if pooling == "stride" else 1)
        if pooling != "stride" and min(x.shape[1:3]) >= 2:
            kind = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}[pooling]
            x = kind(2, name=f"pool_{number}")(x)
        x = self._finished(x, f"{number}_1")
        for index in range(2, count + 1):
            name = f"{number}_{index}"
            after = self._finished(self._convolved(x, name, filters, 1), name)
            fits = residual and tuple(after.shape) == tuple(x.shape)
            x = keras.layers.Add(name=f"add_{name}")([x, after]) if fits else after
        return x

    def _convolved(self, x: Any, name: str, filters: int, stride: int) -> Any:
        import keras

        padding = self.padding if min(x.shape[1:3]) >= self.size else "same"
        return keras.layers.Conv2D(
            filters, self.size, strides=stride, padding=padding, use_bias=not self.normalize, name=f"conv_{name}"
        )(x)

    def _finished(self, x: Any, name: str) -> Any:
        import keras

        if self.normalize:
            x = keras.layers.BatchNormalization(momentum=self.momentum, name=f"norm_{name}")(x)
        return keras.layers.Activation(self.activation, name=f"activation_{name}")(x)


def _headed(x: Any, head: str) -> Any:
    import keras

    if head == "flatten":
        return keras.layers.Flatten(name="flatten")(x)
    kind = keras.layers.GlobalMaxPooling2D if head == "max" else keras.layers.GlobalAveragePooling2D
    return kind(name="everywhere")(x)


def _check_shape(shape: tuple[int, ...]) -> None:
    if len(shape) not in (2, 3):
        raise RecipeError(
            say(
                f"convnet convolves images of (rows, columns) or (rows, columns, channels), but the data's are {shape}.",
                f"convnet은 (행, 열)이나 (행, 열, 채널) 모양의 이미지를 합성곱하는데, 데이터의 모양은 {shape}입니다.",
            ),
            say("Use the recipe mlp for these data.", "이 데이터에는 레시피 mlp를 쓰세요."),
        )


def _check(
    filters: Sequence[int],
    counts: Sequence[int],
    hidden: Sequence[int],
    stem: int,
    whiten: bool,
    head: str,
    padding: str,
    pooling: str,
    activation: str,
    dropout: float,
    momentum: float,
) -> None:
    import keras

    lists = {"filters": filters, "convolutions": counts, "hidden": hidden or [1]}
    for name, values in lists.items():
        if not values or not all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in values):
            expected = say("a list of whole numbers of 1 or more", "1 이상인 정수의 목록")
            raise _wrong(name, expected, list(values), "[32, 64]")
    if len(counts) != len(filters):
        expected = say(f"one number, or {len(filters)} as filters has", f"수 하나, 또는 filters처럼 {len(filters)}개")
        raise _wrong("convolutions", expected, list(counts), str([1] * len(filters)))
    if sum(counts) > _MOST:
        expected = say(f"{_MOST} convolutions in all at most", f"합성곱이 모두 {_MOST}개까지")
        raise _wrong("convolutions", expected, list(counts), str([1] * len(filters)))
    if isinstance(stem, bool) or stem < 0:
        raise _wrong("stem", say("a number of filters, 0 or more", "0 이상의 필터 수"), stem, "16")
    if whiten and (not stem or stem % 2):
        expected = say("an even number of filters where whiten is on", "whiten을 켜면 짝수 개의 필터")
        raise _wrong("stem", expected, stem, "18")
    for name, value, known in (
        ("head", head, _HEADS),
        ("padding", padding, ("same", "valid")),
        ("pooling", pooling, _POOLINGS),
    ):
        if value not in known:
            raise _wrong(name, say("one of ", "다음 가운데 하나: ") + ", ".join(known), value, f'"{known[0]}"')
    for name, share in (("dropout", dropout), ("momentum", momentum)):
        if not 0 <= share < 1:
            raise _wrong(name, say("a number from 0 to below 1", "0 이상 1 미만의 수"), share, "0.5")
    try:
        keras.activations.get(activation)
    except ValueError as error:
        expected = say("Keras's name of an activation", "Keras의 활성화 함수 이름")
        raise _wrong("activation", expected, activation, '"relu"') from error


def _wrong(name: str, expected: str, came: object, example: str) -> RecipeError:
    return RecipeError(
        say(
            f"model.{name} should be {expected}, but is {came!r}.",
            f"model.{name}에 올 것은 {expected}, 받은 것은 {came!r}입니다.",
        ),
        say(f"Write for example {name} = {example}.", f"예: {name} = {example}."),
    )
