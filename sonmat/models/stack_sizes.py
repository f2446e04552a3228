"""The sizes of a network written down layer by layer, worked out without Keras, as fast as someone types."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.models.lengths import Slide, check_slides
from sonmat.models.sizes import Field, LayerSizes
from sonmat.models.stack_layers import StackLayer, is_mapped

FLATTEN, CHANNEL, LAST = "flatten", "channel", "probabilities"
"""The layers that a stack puts in by itself, by name."""

_CLASSES = {
    "dense": "Dense",
    "conv": "Conv2D",
    "max_pool": "MaxPooling2D",
    "average_pool": "AveragePooling2D",
    "dropout": "Dropout",
    "batch_norm": "BatchNormalization",
    "activation": "Activation",
}
_FREE = LayerSizes("", "", False, "", (), "", 0, "", 0, None)


@dataclass(frozen=True)
class StackSizes:
    """What a stack comes to.

    Attributes:
        layers: As `sonmat.models.sizes.sizes` gives them for the Keras model, as far as they can be.
        places: For each, which of the layers asked for it is, from 0; None for one that is put in.
        problem: Why the network cannot be; None where it can.
        at: The layer asked for that cannot be, from 0; None where all can.
    """

    layers: tuple[LayerSizes, ...]
    places: tuple[int | None, ...]
    problem: RecipeError | None = None
    at: int | None = None

    @property
    def parameters(self) -> int:
        """Of all layers."""
        return sum(one.parameters or 0 for one in self.layers)


def stack_sizes(layers: Sequence[StackLayer], shape: Sequence[int], classes: int) -> StackSizes:
    """The size of every layer of a stack.

    Args:
        layers: As `read_layers` gives them.
        shape: Of an input: (rows, columns), (rows, columns, channels), or any other for dense layers.
        classes: How many the last layer tells apart.

    Returns:
        The sizes; with the problem where a layer cannot be.
    """
    walk = _Walk(tuple(shape))
    for number, one in enumerate(layers):
        try:
            if one.kind == "batch_norm" and _meets_windows(layers[number:]):
                walk.see_channel()  # which it normalizes, not the columns
            walk.take(one, number)
        except RecipeError as error:
            return StackSizes(tuple(walk.layers), tuple(walk.places), error, number)
    walk.dense(LAST, classes, None)
    return StackSizes(tuple(walk.layers), tuple(walk.places))


def _meets_windows(layers: Sequence[StackLayer]) -> bool:
    """Whether a convolution or pooling comes before the next dense layer."""
    return next((is_mapped(one.kind) for one in layers if is_mapped(one.kind) or one.kind == "dense"), False)


@dataclass
class _Walk:
    """Goes through a stack from the input on."""

    shape: tuple[int, ...]
    seen: Field = field(default_factory=Field)
    layers: list[LayerSizes] = field(default_factory=list)
    places: list[int | None] = field(default_factory=list)

    def take(self, one: StackLayer, number: int) -> None:
        if is_mapped(one.kind):
            self._mapped(one, number)
        elif one.kind == "dense":
            self.dense(one.name, one.settings["units"], number)
        elif one.kind == "batch_norm":
            channels = self.shape[-1]
            self._same(one, number, parameters=4 * channels, parameter_formula=f"4 × {channels}")
        else:
            self._same(one, number)

    def dense(self, name: str, units: int, number: int | None) -> None:
        if len(self.shape) != 1:
            count = math.prod(self.shape)
            formula = f"{' × '.join(map(str, self.shape))} = {count}" if len(self.shape) > 1 else ""
            self.shape = (count,)
            self._add(replace(_FREE, name=FLATTEN, kind="Flatten", formula=formula), None)
        inputs, self.shape = self.shape[0], (units,)
        self.seen = Field(whole=True)
        made = replace(
            _FREE,
            name=name,
            kind="Dense",
            parameters=(inputs + 1) * units,
            parameter_formula=f"({inputs:,} + 1) × {units}",
            multiply_adds=inputs * units,
        )
        self._add(made, number)

    def _same(self, one: StackLayer, number: int, *, parameters: int = 0, parameter_formula: str = "") -> None:
        made = replace(
            _FREE,
            name=one.name,
            kind=_CLASSES[one.kind],
            parameters=parameters,
            parameter_formula=parameter_formula,
        )
        self._add(made, number)

    def _mapped(self, one: StackLayer, number: int) -> None:
        self._see_as_image(one)
        rows, columns, channels = self.shape
        pooling, given = one.kind != "conv", one.settings
        size = given["size"] if pooling else given["kernel"]
        slides = [Slide(n, size, given["stride"], given["padding"] == "same") for n in (rows, columns)]
        check_slides(one.name, slides, pooling=pooling)
        filters = channels if pooling else given["filters"]
        self.shape = (slides[0].output, slides[1].output, filters)
        self._look_through(size, given["stride"])
        weights = size * size * channels
        made = replace(
            _FREE,
            name=one.name,
            kind=_CLASSES[one.kind],
            window=f"{size}×{size}, {say('stride ', '스트라이드 ')}{given['stride']}, {given['padding']}",
            formula="; ".join(dict.fromkeys(slide.formula for slide in slides)),
            parameters=0 if pooling else (weights + 1) * filters,
            parameter_formula="" if pooling else f"({size}·{size}·{channels} + 1) × {filters}",
            multiply_adds=0 if pooling else math.prod(self.shape) * weights,
        )
        self._add(made, number)

    def see_channel(self) -> None:
        """Give a grey picture its one channel."""
        if len(self.shape) == 2:
            self.shape = (*self.shape, 1)
            self._add(replace(_FREE, name=CHANNEL, kind="Reshape"), None)

    def _see_as_image(self, one: StackLayer) -> None:
        self.see_channel()
        if len(self.shape) != 3:
            told = " × ".join(map(str, self.shape))
            raise RecipeError(
                say(
                    f"{one.name} slides over rows and columns, but its input has none: {told}.",
                    f"{one.name}은(는) 행과 열 위를 미끄러지는데 입력에 행과 열이 없습니다: {told}.",
                ),
                say(
                    "Put convolutions and pooling before the first dense layer, and use them for images.",
                    "합성곱과 풀링은 첫 완전 연결 층 앞에, 이미지에 쓰세요.",
                ),
            )

    def _look_through(self, size: int, stride: int) -> None:
        sides = self.seen.sides or (1, 1)
        steps = self.seen.steps or (1.0, 1.0)
        self.seen = Field(
            tuple(int(side + (size - 1) * step) for side, step in zip(sides, steps, strict=True)),
            tuple(step * stride for step in steps),
        )

    def _add(self, made: LayerSizes, number: int | None) -> None:
        sees = "all" if self.seen.whole else self.seen.sides or (1,)
        self.layers.append(replace(made, outputs=(self.shape,), sees=sees))
        self.places.append(number)
