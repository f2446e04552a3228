"""Predicting with a run or a model file: a picked test image, or image files that are the right size already."""

from __future__ import annotations

import os
import secrets
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from sonmat.data.dataset import Dataset
from sonmat.data.known_errors import KnownError, by_row
from sonmat.data.progress import Progress
from sonmat.engine.predict import predict
from sonmat.errors import DataError
from sonmat.jobs.evaluate import located
from sonmat.jobs.rows import part_of, scale_for, views_of
from sonmat.language import say
from sonmat.runs.folder import Run, load_run

_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")


@dataclass(frozen=True)
class Prediction:
    """What a model says of one input.

    Attributes:
        file: The image file, or "mnist test 7" for a picked row.
        name: The class with the largest probability.
        probabilities: Of every class, in the classes' order; they sum to 1.
        image: The raw input, as it was shown to the model but for scaling.
        label: The true class's number, where it is known.
        error: What is known of that label, where it is known to be wrong.
    """

    file: str
    name: str
    probabilities: np.ndarray
    classes: tuple[str, ...]
    image: np.ndarray
    label: int | None = None
    error: KnownError | None = None

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        told = {
            "file": self.file,
            "class": self.name,
            "probabilities": [round(float(p), 7) for p in self.probabilities],
        }
        told |= {"true": self.classes[self.label]} if self.label is not None else {}
        if self.error is None:
            return told
        people = self.error.corrected
        return told | {"label_known_wrong": {"corrected": None if people is None else self.classes[people]}}


def predict_rows(
    path: str | os.PathLike[str],
    rows: Sequence[int] | None,
    *,
    data: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> list[Prediction]:
    """Predict test images by their row numbers; None picks one at random.

    Raises:
        DataError: A row that the test set does not have.
    """
    run = load_run(located(path)[0])
    test = part_of(run, "test", data, progress=progress)
    numbers = [secrets.randbelow(len(test))] if rows is None else list(rows)
    for number in numbers:
        if not 0 <= number < len(test):
            raise DataError(
                say(
                    f"The test set has rows 0 to {len(test) - 1:,}; got {number}.",
                    f"테스트 데이터의 행은 0부터 {len(test) - 1:,}까지인데 {number}이(가) 왔습니다.",
                ),
                say("Pick one of them.", "그중에서 고르세요."),
            )
    chosen = test.take(np.array(numbers))
    outputs = _probabilities(predict(run.model, chosen, tta=views_of(run)))
    classes = _names(run, outputs.shape[1], test.classes)
    wrong = by_row(test, numbers)
    return [
        Prediction(
            f"{test.name} test {number}", classes[int(p.argmax())], p, classes, image, int(label), wrong.get(number)
        )
        for number, p, image, label in zip(numbers, outputs, chosen.inputs, chosen.labels, strict=True)
    ]


def predict_files(
    path: str | os.PathLike[str], files: Sequence[str | os.PathLike[str]], *, invert: bool = False
) -> list[Prediction]:
    """Predict image files of the size that the model takes.

    Args:
        path: The run folder or model file.
        files: PNG, JPEG, BMP, GIF, TIFF, WebP or PPM images.
        invert: Whether to turn dark on light into light on dark, as MNIST is.

    Raises:
        DataError: A file that is missing, no image, too large, or of another size.
    """
    run = load_run(located(path)[0])
    shape = run.model.input_shape[1:]
    images = [read_image(file, shape, invert=invert) for file in files]
    batch = np.stack(images)
    scale = scale_for(run, Dataset.from_arrays(batch, np.zeros(len(batch), np.int64)))
    outputs = _probabilities(predict(run.model, batch.astype(np.float32) / scale, tta=views_of(run)))
    classes = _names(run, outputs.shape[1], ())
    return [
        Prediction(os.fspath(file), classes[int(p.argmax())], p, classes, image)
        for file, p, image in zip(files, outputs, images, strict=True)
    ]


def read_image(file: str | os.PathLike[str], shape: tuple[int | None, ...], *, invert: bool = False) -> np.ndarray:
    """An image file as a model's raw input (height, width) or (height, width, channels), uint8."""
    channels = shape[2] if len(shape) == 3 else 1
    if len(shape) not in (2, 3) or channels not in (1, 3):
        raise DataError(
            say(
                f"The model takes inputs of shape {shape}, which are no images.",
                f"모델의 입력 {shape}은(는) 이미지가 아닙니다.",
            ),
            say("Use sonmat.predict with arrays.", "배열로 sonmat.predict를 쓰세요."),
        )
    try:
        with warnings.catch_warnings(), Image.open(file, formats=_FORMATS) as opened:
            warnings.simplefilter(
                "ignore", Image.DecompressionBombWarning
            )  # the size is checked before any pixel is read
            turned = opened if (opened.height, opened.width) != shape[:2] else ImageOps.exif_transpose(opened)
            size = (turned.height, turned.width)
            if size != tuple(shape[:2]):
                raise DataError(*_of_size(file, size, shape))
            image = _flat(turned, channels)
    except DataError:
        raise
    except Image.DecompressionBombError as error:
        raise DataError(
            say(f"{file} is far too large.", f"{file}이(가) 지나치게 큽니다."), _of_size(file, (0, 0), shape)[1]
        ) from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        missing = not Path(file).exists()
        raise DataError(
            say(
                f"{file} {'does not exist' if missing else 'is not an image that can be read'}.",
                f"{file}은(는) {'없는 파일' if missing else '읽을 수 있는 이미지가 아닌 파일'}입니다.",
            ),
            say(f"Give one of: {', '.join(_FORMATS)}.", f"가능한 형식: {', '.join(_FORMATS)}."),
        ) from error
    array = np.asarray(image)
    if invert:
        array = 255 - array
    elif channels == 1 and _is_dark_on_light(array):
        warnings.warn(
            say(
                f"{file} is dark on light; MNIST and its like are light on dark. Try --invert.",
                f"{file}은(는) 밝은 바탕에 어두운 그림입니다. MNIST 계열은 어두운 바탕에 밝은 그림입니다. --invert를 써 보세요.",
            ),
            stacklevel=3,
        )
    return array if len(shape) == 2 else array.reshape((*array.shape[:2], channels))


def _flat(image: Image.Image, channels: int) -> Image.Image:
    """The first frame in grey or RGB, 8 bits a channel, without transparency."""
    if image.mode.startswith("I"):  # 16 bits of grey, which Pillow would cut off at 255
        image = Image.fromarray((np.asarray(image).astype(np.float64).clip(0, 65535) / 257).round().astype(np.uint8))
    elif image.mode == "F":
        raise ValueError("floating-point pixels have no known range")
    layered = image.convert("RGBA")
    grey, alpha = np.asarray(layered.convert("L"), np.float64), np.asarray(layered.getchannel("A"), np.float64)
    # light strokes on nothing are light on dark, as dark strokes on nothing are dark on light
    light = (grey * alpha).sum() > 127 * alpha.sum()
    backdrop = Image.new("RGBA", layered.size, "black" if light else "white")
    return Image.alpha_composite(backdrop, layered).convert("L" if channels == 1 else "RGB")


def _of_size(file: str | os.PathLike[str], size: tuple[int, int], shape: tuple[int | None, ...]) -> tuple[str, str]:
    return say(
        f"The model takes images of {shape[0]} × {shape[1]} pixels; {file} has {size[0]} × {size[1]}.",
        f"모델은 {shape[0]} × {shape[1]} 픽셀 이미지를 받는데 {file}은(는) {size[0]} × {size[1]}입니다.",
    ), say(
        "Resize it first, for example with Pillow's Image.resize.", "먼저 크기를 맞추세요. 예: Pillow의 Image.resize."
    )


def _is_dark_on_light(image: np.ndarray) -> bool:
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    return bool(np.median(border) > 127)


def _probabilities(outputs: Any) -> np.ndarray:
    """Outputs as probabilities of classes: a sigmoid's one output counts as two classes, logits go through softmax."""
    if not isinstance(outputs, np.ndarray) or outputs.ndim != 2:
        raise DataError(
            say("The model does not give one probability a class.", "모델이 클래스마다 확률 하나를 내지 않습니다."),
            say("Use sonmat.predict for its raw outputs.", "원래 출력은 sonmat.predict로 보세요."),
        )
    if not np.isfinite(outputs).all():
        raise DataError(
            say("The model gives outputs that are no numbers.", "모델이 숫자가 아닌 출력을 냅니다."),
            say("Its weights or its scale are broken; train it anew.", "가중치나 scale이 깨졌습니다. 다시 학습하세요."),
        )
    if outputs.shape[1] == 1:
        return np.concatenate([1 - outputs, outputs], axis=1)
    if (outputs < 0).any() or not np.allclose(outputs.sum(1), 1, atol=1e-3):
        powers = np.exp(outputs - outputs.max(1, keepdims=True))
        return np.asarray(powers / powers.sum(1, keepdims=True))
    return outputs


def _names(run: Run, count: int, known: tuple[str, ...]) -> tuple[str, ...]:
    for names in (run.classes, known):
        if len(names) == count:
            return tuple(names)
    return tuple(map(str, range(count)))
