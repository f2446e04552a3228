"""How long the output of a sliding window is, and the formula that says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sonmat.errors import RecipeError
from sonmat.language import say


@dataclass(frozen=True)
class Slide:
    """A window that slides along one dimension.

    Attributes:
        length: Of the input, 1 or more.
        size: Of the window, 1 or more.
        stride: How far it moves at a time, 1 or more.
        same: Whether zeros are put around the input so that a stride of 1 keeps its length; else none are.
        dilation: How far the window's places are apart, 1 or more.
    """

    length: int
    size: int
    stride: int = 1
    same: bool = False
    dilation: int = 1

    @property
    def reach(self) -> int:
        """How much of the input the window covers: (size − 1) × dilation + 1."""
        return (self.size - 1) * self.dilation + 1

    @property
    def output(self) -> int:
        """The output's length; 0 or less where the window does not fit."""
        if self.same:
            return -(-self.length // self.stride)
        return (self.length - self.reach) // self.stride + 1

    @property
    def formula(self) -> str:
        """The output's length with the numbers put in."""
        if self.same:
            return f"⌈{self.length} / {self.stride}⌉ = {self.output}"
        return f"⌊({self.length} − {self.reach}) / {self.stride}⌋ + 1 = {self.output}"


def check_slides(layer: str, slides: list[Slide], *, pooling: bool = False) -> None:
    """Refuse a window that does not fit into what it would slide over.

    Args:
        layer: The layer's name, for the error.
        slides: One for each dimension.
        pooling: Whether it pools; else it convolves.

    Raises:
        RecipeError: It names the layer and the formula, and says what would fit.
    """
    bad = next((slide for slide in slides if slide.output < 1), None)
    if bad is None:
        return
    size = " × ".join(str(slide.length) for slide in slides)
    window = " × ".join(str(slide.size) for slide in slides)
    what = say("pooling window", "풀링 윈도우를") if pooling else say("kernel", "커널을")
    apart = say(f" (it reaches over {bad.reach})", f" (걸치는 길이 {bad.reach})") if bad.dilation > 1 else ""
    raise RecipeError(
        say(
            f"{layer}: {_article(bad.size)} {window} {what}{apart} does not fit into its input of {size}: {bad.formula}, "
            "and a size must be 1 or more.",
            f"{layer}: {window} {what}{apart} 크기 {size}인 입력에 놓을 수 없습니다: {bad.formula}. 크기는 1 이상이어야 합니다.",
        ),
        say(
            f"Use a smaller {'window' if pooling else 'kernel'}, padding “same”, fewer blocks before it, or a smaller stride "
            "or pooling in them.",
            f"더 작은 {'윈도우나' if pooling else '커널이나'} 패딩 “same”을 쓰거나, 앞의 블록 수나 그 스트라이드, 풀링을 줄이세요.",
        ),
    )


def _article(number: int) -> str:
    """Before a number that is read aloud: "an 8", "an 11", "an 18", "a 100"."""
    text = str(number)
    return "an" if text.startswith("8") or (text[:2] in ("11", "18") and len(text) % 3 == 2) else "a"


def slides_of(layer: Any, shape: tuple[int | None, ...]) -> list[Slide]:
    """How the window of one of Keras's layers slides over an input; empty for a layer that has none, or an unknown length.

    Args:
        layer: A convolution or pooling of Keras's; transposed and global ones have no such window.
        shape: The input's, the batch's dimension included.
    """
    name = type(layer).__name__
    window = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    if not isinstance(window, tuple) or "Transpose" in name or getattr(layer, "padding", "") not in ("valid", "same"):
        return []
    first = getattr(layer, "data_format", "channels_last") == "channels_first"
    lengths = shape[2:] if first else shape[1:-1]
    if len(lengths) != len(window) or any(length is None for length in lengths):
        return []
    strides = _each(getattr(layer, "strides", 1), window)
    dilation = _each(getattr(layer, "dilation_rate", 1), window)
    return [
        Slide(int(length or 0), size, stride, layer.padding == "same", step)
        for length, size, stride, step in zip(lengths, window, strides, dilation, strict=True)
    ]


def _each(value: Any, window: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (int(value),) * len(window)
