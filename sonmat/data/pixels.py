"""Pixels of any kind as 8 bits of grey or of red, green and blue, without transparency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

_ROUNDING = 2  # WebP gives grey back with channels 1 apart
_BLOCK = 1 << 20  # pixels that are worked on at a time: wider numbers of a whole photo would take gigabytes


def flat_pixels(image: Image.Image) -> np.ndarray:
    """The pixels of a loaded picture.

    * A picture whose red, green and blue are equal everywhere is grey, however it is stored.
    * 16 bits are scaled to 8 (65,535 becomes 255); palettes are looked up.
    * What is transparent lies on black where the strokes are light, and on white where they are dark: light strokes on
      nothing are light on dark.

    Returns:
        uint8 (height, width) of grey, or (height, width, 3) of colours.

    Raises:
        ValueError: The pixels are floating-point numbers, or of a kind that has no colours.
    """
    from PIL import Image

    if image.mode.startswith("I"):
        return _eight_bits(np.asarray(image))
    if image.mode == "F":
        raise ValueError("floating-point pixels have no known range")
    if image.has_transparency_data:
        flat = _on_backdrop(np.asarray(image if image.mode == "RGBA" else image.convert("RGBA")))
        return _grey_if_grey(Image.fromarray(flat))
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))
    return _grey_if_grey(image if image.mode == "RGB" else image.convert("RGB"))


def upright(pixels: np.ndarray, orientation: object) -> np.ndarray:
    """Pixels (height, width, …) turned as EXIF's orientation, 1 to 8, says; anything else leaves them."""
    turns = {
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: a.swapaxes(0, 1)[:, ::-1],
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        8: lambda a: a.swapaxes(0, 1)[::-1],
    }
    turn = turns.get(orientation) if isinstance(orientation, int) else None
    return pixels if turn is None else np.ascontiguousarray(turn(pixels))


def _eight_bits(wide: np.ndarray) -> np.ndarray:
    """16 bits, in whatever integers, as 8: v / 257, rounded."""
    narrow = np.empty(wide.shape, np.uint8)
    for rows in _blocks(wide):
        narrow[rows] = (wide[rows].astype(np.int64).clip(0, 65_535) + 128) // 257
    return narrow


def _on_backdrop(layered: np.ndarray) -> np.ndarray:
    """(h, w, 4) with opacity last as (h, w, 3), on black or white."""
    if layered[..., 3].min() == 255:
        return np.ascontiguousarray(layered[..., :3])
    grey_of_opaque = opaque = 0
    for rows in _blocks(layered):
        part = layered[rows].astype(np.int64)
        opaque += int(part[..., 3].sum())
        grey_of_opaque += int(((part[..., :3] @ np.array([299, 587, 114])) // 1000 * part[..., 3]).sum())
    backdrop = 0 if grey_of_opaque > 127 * opaque else 255
    flat = np.empty((*layered.shape[:2], 3), np.uint8)
    for rows in _blocks(layered):
        part = layered[rows].astype(np.int32)
        alpha = part[..., 3:]
        flat[rows] = (part[..., :3] * alpha + backdrop * (255 - alpha) + 127) // 255
    return flat


def _grey_if_grey(image: Image.Image) -> np.ndarray:
    """(h, w, 3), or (h, w) where all three are equal everywhere, but for the rounding of formats that keep colours apart."""
    from PIL import ImageChops

    width, height = image.size
    step = max(1, _BLOCK // max(1, width))
    for top in range(0, height, step):
        red, green, blue = image.crop((0, top, width, min(height, top + step))).split()
        for other in (red, blue):
            if any(ImageChops.difference(green, other).histogram()[_ROUNDING + 1 :]):
                return np.asarray(image)
    return np.asarray(image.getchannel(1))


def _blocks(pixels: np.ndarray) -> list[slice]:
    """Rows of the picture, some at a time."""
    height = max(1, _BLOCK // max(1, pixels.shape[1]))
    return [slice(start, start + height) for start in range(0, len(pixels), height)]
