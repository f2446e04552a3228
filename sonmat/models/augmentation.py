"""How training pictures are varied: the settings, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.models.numbers import plain
from sonmat.models.recipe import unknown

_PIXELS = 10_000  # more than any picture here has: a way beyond it is a mistake, and would not fit in memory or int32
_RANGES = {
    "shift": (0, _PIXELS),
    "rotate": (0, 180),
    "scale": (0, 0.9),
    "stretch": (0, 0.9),
    "shear": (0, 80),
    "elastic": (0, _PIXELS),
    "smoothness": (1, _PIXELS),  # below 1 there would be more knots than pixels
    "cutout": (0, _PIXELS),
    "thickness": (0, 8),
    "blur": (0, 16),
    "contrast": (0, 1),
    "noise": (0, 1),
}
_EXAMPLES = {
    "rotate": "10",
    "scale": "0.1",
    "stretch": "0.1",
    "shear": "10",
    "smoothness": "4",
    "cutout": "8",
    "thickness": "1",
    "blur": "1",
    "contrast": "0.5",
    "noise": "0.1",
}
_FILLS = ("zero", "edge")


@dataclass(frozen=True)
class Augmentation:
    """What may happen to a training picture each time that it is seen; every number is drawn anew for every picture.

    Attributes:
        shift: Pixels, 0 to 10,000. Moves by up to so many in each direction; by whole pixels where nothing else bends the
            picture.
        rotate: Degrees, 0 to 180. Turns by up to so many either way, about the centre.
        scale: A share, 0 to 0.9. Grows or shrinks by up to so much: 0.1 is a factor of 0.9 to 1.1.
        stretch: A share, 0 to 0.9. Wider or narrower by up to so much, the height as it is.
        shear: Degrees, 0 to 80. Slants by up to so many either way.
        elastic: Pixels, 0 to 10,000. Bends by a smooth random field; the standard deviation of a pixel's way
            (Simard et al. 2003, "Best practices for convolutional neural networks", there α and σ).
        smoothness: Pixels, 1 to 10,000: how wide the bends are, Simard's σ.
        cutout: Pixels, a whole number, 0 to 10,000. Blanks a square of that side, at a place drawn over the whole picture, so that
            part of it may lie outside (DeVries and Taylor 2017, arXiv 1708.04552).
        thickness: Pixels, 0 to 8. Light strokes grow or are worn away by up to so much on all sides.
        blur: Pixels, 0 to 16. Out of focus, by a Gaussian of up to so large a σ.
        contrast: A share, 0 to 1. Light is weakened by up to so much of it; 1 may leave nothing.
        noise: A share, 0 to 1. Normal noise of a standard deviation of up to so much of the range of the batch, within which
            pixels stay.
        flip: Mirrors left and right, half of the time. Not for digits.
        fill: What comes in from outside: "zero" or the nearest "edge" pixel.
    """

    shift: float = 0.0
    rotate: float = 0.0
    scale: float = 0.0
    stretch: float = 0.0
    shear: float = 0.0
    elastic: float = 0.0
    smoothness: float = 4.0
    cutout: int = 0
    thickness: float = 0.0
    blur: float = 0.0
    contrast: float = 0.0
    noise: float = 0.0
    flip: bool = False
    fill: str = "zero"

    def __post_init__(self) -> None:
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            kind = int if name == "cutout" else (int, float)
            if isinstance(value, bool) or not isinstance(value, kind) or not least <= value <= most:
                raise _wrong(name, *_range(name, least, most), value, _EXAMPLES.get(name, "2"))
        if not isinstance(self.flip, bool):
            raise _wrong("flip", "true or false", "true나 false", self.flip, "true")
        if self.fill not in _FILLS:
            raise _wrong("fill", "zero or edge", "zero나 edge", self.fill, '"edge"')

    @classmethod
    def of(cls, value: Mapping[str, Any] | Augmentation) -> Augmentation:
        """The settings from a table.

        Raises:
            RecipeError: An unknown key, or a value out of its range.
        """
        if isinstance(value, Augmentation):
            return value
        if not isinstance(value, Mapping):
            raise RecipeError(
                say(
                    f"augment should be a table of settings, but is {value!r}.",
                    f"augment에 올 것은 설정 표, 받은 것은 {value!r}입니다.",
                ),
                say("Write for example augment = {shift = 2, rotate = 10}.", "예: augment = {shift = 2, rotate = 10}."),
            )
        for key in value:
            if key not in NAMES:
                raise unknown(f"train.augment.{key}", [f"train.augment.{name}" for name in NAMES])
        return cls(**{key: plain(item) for key, item in value.items()})

    @property
    def table(self) -> dict[str, Any]:
        """What differs from doing nothing, for a recipe or a run's identity."""
        plain = Augmentation()
        return {name: value for name, value in asdict(self).items() if value != getattr(plain, name)}

    @property
    def warps(self) -> bool:
        """Whether pixels land between pixels."""
        return bool(self.rotate or self.scale or self.stretch or self.shear or self.elastic or self.shift % 1)

    @property
    def spoils(self) -> bool:
        """Whether another pen or another camera is played."""
        return bool(self.thickness or self.blur or self.contrast or self.noise)

    def __bool__(self) -> bool:
        return bool(self.warps or self.spoils or self.shift or self.cutout or self.flip)


NAMES = tuple(item.name for item in fields(Augmentation))


def _range(name: str, least: float, most: float) -> tuple[str, str]:
    if name == "cutout":
        return f"a whole number of pixels from {least:g} to {most:g}", f"{least:g}부터 {most:g}까지의 정수 픽셀"
    if most == _PIXELS:
        return f"a number of pixels from {least:g} to {most:g}", f"{least:g}부터 {most:g}까지의 픽셀 수"
    return f"a number from {least:g} to {most:g}", f"{least:g}부터 {most:g}까지의 수"


def _wrong(name: str, english: str, korean: str, came: object, example: str) -> RecipeError:
    return RecipeError(
        say(
            f"train.augment.{name} should be {english}, but is {came!r}.",
            f"train.augment.{name}에 올 것은 {korean}, 받은 것은 {came!r}입니다.",
        ),
        say(f"Write for example {name} = {example}.", f"예: {name} = {example}."),
    )
