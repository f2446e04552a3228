"""Pictures made worse on purpose, by degrees, to see how much a network can stand.

After Hendrycks and Dietterich 2019 (arXiv 1903.12261) and MNIST-C (Mu and Gilmer 2019, arXiv 1906.02337), with strengths in
units that can be pictured.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from sonmat.errors import DataError
from sonmat.language import say

_Change = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Corruption:
    """One way to spoil a picture.

    Attributes:
        title: What it is called, in English and Korean.
        unit: What its strengths are counted in, likewise.
        strengths: From weak to strong.
        change: One picture (rows, columns, channels) float32 of 0..1, a strength and a generator to such a picture.
        untouched: What stands for a picture that is not spoilt, in that unit.
    """

    title: tuple[str, str]
    unit: tuple[str, str]
    strengths: tuple[float, ...]
    change: _Change
    untouched: str = "0"


def corrupted(inputs: np.ndarray, name: str, strength: float, seed: int = 0) -> np.ndarray:
    """Every picture spoilt in one way; places and noise are drawn anew for each.

    Args:
        inputs: (n, rows, columns) or (n, rows, columns, channels) uint8; they stay as they are.
        name: A key of `CORRUPTIONS`.
        strength: In the corruption's unit; see its `strengths`.
        seed: It alone decides the places and the noise.

    Raises:
        DataError: An unknown name, or inputs that are no such pictures.
    """
    if name not in CORRUPTIONS:
        raise DataError(
            say(f"There is no corruption called {name!r}.", f"{name!r}(이)라는 손상은 없습니다."),
            say("Known: ", "있는 것: ") + ", ".join(CORRUPTIONS) + ".",
        )
    if inputs.dtype != np.uint8 or inputs.ndim not in (3, 4):
        raise DataError(
            say(
                f"Corruptions are for pictures, uint8 (n, rows, columns); these are {inputs.dtype}, {inputs.shape}.",
                f"손상은 uint8 (n, 행, 열) 그림에 쓰는데 {inputs.dtype}, {inputs.shape}입니다.",
            ),
            say("Evaluate a model of pictures.", "그림을 다루는 모델을 평가하세요."),
        )
    change, random = CORRUPTIONS[name].change, np.random.default_rng(seed)
    pictures = inputs.reshape(*inputs.shape[:3], -1)
    made = np.empty_like(pictures)
    for i, picture in enumerate(pictures):
        changed = change(picture.astype(np.float32) / 255, strength, random)
        made[i] = np.rint(255 * np.clip(changed, 0, 1))
    return made.reshape(inputs.shape)


def _noise(picture: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    return picture + random.normal(0, strength, picture.shape).astype(np.float32)


def _blur(picture: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    return np.asarray(ndimage.gaussian_filter(picture, (strength, strength, 0)))


def _shift(picture: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    angle = random.uniform(0, 2 * np.pi)
    return _moved(picture, np.eye(2), np.array([np.sin(angle), np.cos(angle)]) * strength)


def _rotation(picture: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    angle = np.radians(strength) * random.choice((-1, 1))
    return _moved(picture, np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]), np.zeros(2))


def _scale(picture: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    return _moved(picture, np.eye(2) / strength, np.zeros(2))


def _moved(picture: np.ndarray, turn: np.ndarray, way: np.ndarray) -> np.ndarray:
    """Each pixel taken from `turn` times its place, about the middle, and then moved by `way`."""
    middle = (np.array(picture.shape[:2]) - 1) / 2
    offset = middle - turn @ (middle + way)
    planes = [
        ndimage.affine_transform(picture[..., channel], turn, offset, order=1) for channel in range(picture.shape[2])
    ]
    return np.stack(planes, -1)


def _contrast(picture: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    return 0.5 + (picture - 0.5) * (1 - strength)


def _occlusion(picture: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    side = round(strength)
    top, left = (int(random.integers(0, max(1, length - side + 1))) for length in picture.shape[:2])
    changed = picture.copy()
    changed[top : top + side, left : left + side] = 0
    return changed


def _jpeg(picture: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    levels = np.rint(255 * picture).astype(np.uint8)
    kept = io.BytesIO()
    Image.fromarray(levels if levels.shape[2] == 3 else levels[..., 0]).save(kept, "JPEG", quality=round(strength))
    return np.asarray(Image.open(kept), np.float32).reshape(picture.shape) / 255


def _inverted(picture: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    return picture + strength * (1 - 2 * picture)


def _thick(picture: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    return _grown(picture, strength)


def _thin(picture: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    return 1 - _grown(1 - picture, strength)


def _grown(picture: np.ndarray, by: float) -> np.ndarray:
    """Light spread by so many pixels on all sides; between whole numbers a mixture."""
    whole, part = divmod(by, 1)
    less, more = (_spread(picture, int(whole) + extra) for extra in (0, 1))
    return less * (1 - part) + more * part


def _spread(picture: np.ndarray, by: int) -> np.ndarray:
    across = np.arange(-by, by + 1)
    disc = across[:, None] ** 2 + across**2 <= by**2 + 0.5
    return picture if not by else np.asarray(ndimage.grey_dilation(picture, footprint=disc[..., None]))


_PIXELS, _SHARE = ("pixels", "픽셀"), ("σ, share of the range", "σ, 범위에 대한 비율")
CORRUPTIONS: Mapping[str, Corruption] = {
    "noise": Corruption(("noise", "노이즈"), _SHARE, (0.1, 0.2, 0.3, 0.45, 0.6), _noise),
    "blur": Corruption(("blur", "흐림"), ("σ, pixels", "σ, 픽셀"), (0.5, 1.0, 1.5, 2.0, 3.0), _blur),
    "shift": Corruption(("shift", "이동"), _PIXELS, (1.0, 2.0, 3.0, 4.0, 6.0), _shift),
    "rotation": Corruption(("rotation", "회전"), ("degrees", "도"), (10.0, 20.0, 30.0, 45.0, 60.0), _rotation),
    "scale": Corruption(("size", "크기"), ("times as large", "몇 배 크기"), (0.9, 0.75, 0.6, 0.5, 0.4), _scale, "1"),
    "contrast": Corruption(("paler", "대비 감소"), ("contrast lost", "잃은 대비"), (0.2, 0.4, 0.6, 0.75, 0.9), _contrast),
    "occlusion": Corruption(("occlusion", "가림"), ("pixels a side", "한 변의 픽셀"), (4.0, 7.0, 10.0, 13.0, 16.0), _occlusion),
    "jpeg": Corruption(("JPEG", "JPEG"), ("quality", "품질"), (60.0, 30.0, 15.0, 7.0, 3.0), _jpeg, "–"),
    "inverted": Corruption(("inverted", "반전"), ("share inverted", "뒤집은 비율"), (0.2, 0.4, 0.6, 0.8, 1.0), _inverted),
    "thick": Corruption(("thicker", "굵게"), _PIXELS, (0.5, 1.0, 1.5, 2.0, 3.0), _thick),
    "thin": Corruption(("thinner", "가늘게"), _PIXELS, (0.25, 0.5, 0.75, 1.0, 1.5), _thin),
}  # fmt: skip
"""By name, from weak to strong. Colours and other signs than digits are spoilt in the same ways."""
