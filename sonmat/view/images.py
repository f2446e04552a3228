"""Images as pictures need them, whatever a data set keeps."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sonmat.errors import DataError
from sonmat.language import say

_SIDE = 256  # pixels of an image that are drawn at most


def drawable(inputs: ArrayLike) -> bool:
    """Whether inputs are images: (n, height, width), or with 1, 3 or 4 channels last."""
    shape = np.shape(inputs)
    return (len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3, 4))) and all(side > 0 for side in shape[1:])


def colored(inputs: ArrayLike, rows: ArrayLike | None = None) -> NDArray[np.uint8]:
    """Some or all of the inputs as (n, height, width, 3) red, green and blue, 0..255, of at most 256 pixels a side.

    Integers within 0..255 and floats within 0..1 are taken as they are; other ranges are stretched from their least to
    their greatest over all the inputs. A fourth channel is opacity, over white.

    Raises:
        DataError: The inputs are no images.
    """
    array = np.asarray(inputs)
    if not drawable(array):
        raise DataError(
            say(
                f"Images were expected, (n, height, width) or with 1, 3 or 4 channels last; these are {array.shape}.",
                f"(n, 높이, 너비) 또는 마지막에 채널 1, 3, 4개인 이미지여야 하는데 {array.shape} 모양입니다.",
            ),
            say(
                "There is no picture of such inputs; reshape them if they are flattened images.",
                "이런 입력은 그림으로 그릴 수 없습니다. 펼친 이미지라면 reshape하세요.",
            ),
        )
    low, high = _range(array)
    chosen = array if rows is None else array[np.asarray(rows)]
    step = -(-max(array.shape[1:3]) // _SIDE)
    part = (chosen[:, ::step, ::step].astype(np.float32) - low) / (high - low)
    part = np.nan_to_num(part if part.ndim == 4 else part[..., None], nan=0.0).clip(0, 1)
    if part.shape[3] == 4:
        part = part[..., :3] * part[..., 3:] + (1 - part[..., 3:])
    return np.broadcast_to(np.rint(255 * part).astype(np.uint8), (*part.shape[:3], 3))


def _range(array: NDArray[np.generic]) -> tuple[float, float]:
    if array.dtype == np.uint8 or array.size == 0:
        return (0.0, 255.0)
    finite = array[np.isfinite(array)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    usual = 1.0 if array.dtype == np.bool_ or np.issubdtype(array.dtype, np.floating) else 255.0
    if low >= 0 and high <= usual:
        return (0.0, usual)
    if low >= 0 and high <= 255:
        return (0.0, 255.0)
    return (low, max(high, low + 1e-12))
