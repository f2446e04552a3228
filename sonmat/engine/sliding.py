"""One place of a sliding window, as numbers: a convolution's products and sum, a pooling's largest value or mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sonmat.engine.activations import Step
from sonmat.errors import DataError
from sonmat.language import say
from sonmat.models.lengths import Slide, slides_of

CONVOLUTIONS = ("Conv1D", "Conv2D", "DepthwiseConv1D", "DepthwiseConv2D")
POOLINGS = ("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D")


@dataclass(frozen=True, eq=False)
class Place:
    """Where a window stands.

    Attributes:
        at: The output's (row, column).
        channel: The output's channel.
        rows, columns: The input's rows and columns under the window; outside the input where it meets padding.
        inside: (rows, columns) bool: what is not padding.
        size: The input's (rows, columns).
        output: The output's (rows, columns).
    """

    at: tuple[int, int]
    channel: int
    rows: np.ndarray
    columns: np.ndarray
    inside: np.ndarray
    size: tuple[int, int]
    output: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Convolved:
    """One value of a feature map, taken apart.

    Attributes:
        place: Where the window stands; its channel is the filter.
        patch: (rows, columns, channels) under the window; 0 in the padding.
        kernel: The filter, of the same shape.
        channels: The input channels that the filter reads, by number.
        bias: 0.0 where the layer has none.
        value: After the activation, computed here.
        given: The layer's own output there.
        activation: The activation's name.
    """

    place: Place
    patch: np.ndarray
    kernel: np.ndarray
    channels: np.ndarray
    bias: float
    value: float
    given: float
    activation: str

    @property
    def products(self) -> np.ndarray:
        """Patch times kernel."""
        found: np.ndarray = self.patch * self.kernel
        return found

    @property
    def sums(self) -> np.ndarray:
        """The products' sum in each channel, (channels,)."""
        found: np.ndarray = self.products.sum((0, 1))
        return found

    @property
    def total(self) -> float:
        """The sum of all products."""
        return float(self.products.sum())


@dataclass(frozen=True, eq=False)
class Pooled:
    """One value of a pooling, taken apart.

    Attributes:
        place: Where the window stands.
        patch: (rows, columns) under the window; NaN in the padding.
        kind: "max" or "average".
        value: The largest or the mean of what is not padding, computed here.
        given: The layer's own output there; None where the layer pools in the other way.
    """

    place: Place
    patch: np.ndarray
    kind: str
    value: float
    given: float | None


def convolved(step: Step, at: tuple[int, int] | None = None, channel: int | None = None) -> Convolved:
    """One place of a convolution; by default where the strongest filter answers most.

    Raises:
        DataError: A position or filter that the feature map does not have.
    """
    layer: Any = step.layer
    image, output = _planes(step.inputs[0], layer), _planes(step.output, layer)
    place = _place(step, image, output, at, channel)
    kernel = np.asarray(layer.kernel)
    kernel = kernel[:, None] if "1D" in step.kind else kernel
    if step.kind.startswith("Depthwise"):
        each = kernel.shape[3]
        chosen, channels = kernel[:, :, place.channel // each, place.channel % each, None], [place.channel // each]
    else:
        inputs, filters = kernel.shape[2:]
        group = place.channel // (filters // layer.groups)
        chosen, channels = kernel[..., place.channel], list(range(group * inputs, (group + 1) * inputs))
    patch = _under(image[..., channels], place, 0.0)
    bias = float(np.asarray(layer.bias)[place.channel]) if layer.use_bias else 0.0
    before = float((patch * chosen).sum()) + bias
    return Convolved(
        place=place,
        patch=patch,
        kernel=chosen,
        channels=np.array(channels),
        bias=bias,
        value=_activated(layer, output, place, before),
        given=float(output[(*place.at, place.channel)]),
        activation=getattr(layer.activation, "__name__", "linear"),
    )


def pooled(step: Step, at: tuple[int, int] | None = None, channel: int | None = None, kind: str = "") -> Pooled:
    """One place of a pooling; by default where the values under the window differ most among the strongest.

    Args:
        kind: "max" or "average", to compute the other way on the same window; empty is the layer's own.

    Raises:
        DataError: A position or channel that the output does not have.
    """
    layer: Any = step.layer
    image, output = _planes(step.inputs[0], layer), _planes(step.output, layer)
    place = _place(step, image, output, at, channel)
    own = "max" if step.kind.startswith("Max") else "average"
    patch = _under(image[..., place.channel], place, np.nan)
    value = np.nanmax(patch) if (kind or own) == "max" else np.nanmean(patch)
    given = float(output[(*place.at, place.channel)]) if (kind or own) == own else None
    return Pooled(place, patch, kind or own, float(value), given)


def planes(step: Step) -> np.ndarray:
    """A layer's output as (rows, columns, channels); empty where it is no map."""
    if step.output.ndim == 3 or (step.output.ndim == 2 and "1D" in step.kind):
        return _planes(step.output, step.layer)
    return np.zeros((0, 0, 0))


def _planes(array: np.ndarray, layer: Any) -> np.ndarray:
    if getattr(layer, "data_format", "channels_last") == "channels_first":
        array = np.moveaxis(array, 0, -1)
    return array[:, None] if array.ndim == 2 else array


def _slides(step: Step, image: np.ndarray) -> list[Slide]:
    slides = slides_of(step.layer, (None, *step.inputs[0].shape))
    return slides if len(slides) == 2 else [*slides, Slide(image.shape[1], 1)]


def _place(step: Step, image: np.ndarray, output: np.ndarray, at: tuple[int, int] | None, channel: int | None) -> Place:
    rows, columns, channels = output.shape
    if channel is not None and not 0 <= channel < channels:
        raise _beyond(step, say("filter", "필터"), str(channel), f"0–{channels - 1}")
    if at is not None and not (0 <= at[0] < rows and 0 <= at[1] < columns):
        what = say("position (row, column)", "위치(행, 열)")
        raise _beyond(step, what, f"{at[0]},{at[1]}", f"0–{rows - 1}, 0–{columns - 1}")
    if channel is None:
        channel = int(output.max((0, 1)).argmax() if at is None else output[at].argmax())
    if at is None:
        flat = int(output[..., channel].argmax())
        at = (flat // columns, flat % columns)
    slides = _slides(step, image)
    under = [_indices(slide, index) for slide, index in zip(slides, at, strict=True)]
    inside = [(index >= 0) & (index < slide.length) for slide, index in zip(slides, under, strict=True)]
    height, width = image.shape[:2]
    return Place(at, channel, under[0], under[1], np.outer(*inside), (height, width), (rows, columns))


def _indices(slide: Slide, index: int) -> np.ndarray:
    around = max(0, (slide.output - 1) * slide.stride + slide.reach - slide.length) if slide.same else 0
    return index * slide.stride - around // 2 + np.arange(slide.size) * slide.dilation


def _under(image: np.ndarray, place: Place, padding: float) -> np.ndarray:
    rows = place.rows.clip(0, image.shape[0] - 1)
    columns = place.columns.clip(0, image.shape[1] - 1)
    found: np.ndarray = image[np.ix_(rows, columns)].astype(np.float64)
    found[~place.inside] = padding
    return found


def _activated(layer: Any, output: np.ndarray, place: Place, before: float) -> float:
    """The activation of one value. Softmax and its like look at all channels, which are taken from the layer itself."""
    import keras

    name = getattr(layer.activation, "__name__", "")
    if name in ("softmax", "log_softmax", "sparsemax", "glu"):
        return float(output[(*place.at, place.channel)])
    return float(np.asarray(layer.activation(keras.ops.convert_to_tensor([[before]], "float32")))[0, 0])


def _beyond(step: Step, what: str, came: str, known: str) -> DataError:
    return DataError(
        say(f"{step.name} has no {what} {came}.", f"{step.name}에는 {what} {came}이(가) 없습니다."),
        say(f"It has {known}.", f"있는 것: {known}."),
    )
