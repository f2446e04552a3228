"""What a network does with one picture, layer by layer, in numbers that the page works with itself."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from sonmat import places
from sonmat.data.dataset import Dataset
from sonmat.data.image_file import open_image
from sonmat.engine.activations import Step, activations
from sonmat.engine.answer import Answer
from sonmat.engine.outputs import probabilities_of
from sonmat.engine.sliding import CONVOLUTIONS, POOLINGS, planes
from sonmat.errors import DataError
from sonmat.jobs.rows import scale_for
from sonmat.language import say
from sonmat.models.lengths import slides_of
from sonmat.runs.epoch_weights import kept_epochs
from sonmat.runs.folder import Run
from sonmat.serve.predictor import Predictor
from sonmat.studio.looks import opened, rows_for
from sonmat.studio.planes import floats_told, layer_told, seen_told

_MOST = 1 << 20  # numbers of a kernel that are sent
_CHOSEN, _MAPS = 1 << 21, 1 << 21  # numbers of the chosen layer's input and output; bytes of any layer's maps
_HIDDEN = ("InputLayer",)
_PARTS = ("train", "validation")


def look(
    tell: Callable[..., None],
    run: str,
    pick: int | None = None,
    part: str = "validation",
    epoch: int | None = None,
    layer: str | None = None,
    image: str | None = None,
) -> dict[str, Any]:
    """A picture through every layer of a run, one of them in all its numbers.

    Args:
        tell: Not used: a look takes no time worth telling of.
        run: The run's name.
        pick: A row of a part of the run's data.
        part: Which: "validation" or "train". Rows of the test set are for the test screen, where looks are counted.
        epoch: Whose weights, counted from 1; None is the trained model.
        layer: The layer in numbers; by default the first convolution, else the first layer with weights.
        image: Instead of a row, an image file in base64, cleaned as predicting does.

    Raises:
        DataError: No such row, part or layer.
    """
    loaded = opened(run, epoch)
    raw, label, row, of = _picture(run, loaded, pick, part, image)
    steps = [one for one in activations(loaded.model, _scaled(loaded, raw)) if one.kind not in _HIDDEN]
    chosen = _chosen(steps, layer)
    _check_size(chosen)
    probabilities = steps[-1].output.reshape(-1)
    # As on the other screens; an epoch's are calibrated as the trained weights are, so that epochs can be compared.
    probabilities = Answer.from_card(loaded.answer).calibrated(probabilities_of(probabilities[None]))[0]
    classes = loaded.classes or tuple(map(str, range(len(probabilities))))
    return {
        "run": run,
        "image": seen_told(raw) | {"row": row, "of": of, "part": part if image is None else None, "label": label},
        "classes": list(classes),
        "probabilities": [round(float(value), 7) for value in probabilities],
        "epoch": epoch,
        "epochs": kept_epochs(places.runs_folder() / run),
        "layers": [_layer(one) for one in steps],
        "chosen": _in_numbers(chosen),
        "maps": [layer_told(one.name, one.kind, _first(_planes(one))) for one in steps],
    }


def _picture(
    name: str, run: Run, pick: int | None, part: str, image: str | None
) -> tuple[np.ndarray, str | None, int | None, int | None]:
    """A raw input, its class where that is known, its row, and how many rows there are."""
    if image is not None:
        predictor = Predictor.open(places.runs_folder() / name)
        (found,) = predictor.photos([open_image(base64.b64decode(image))])
        assert found.seen is not None
        return found.seen, None, None, None
    if part not in _PARTS or run.recipe is None:
        raise DataError(
            say(f"There is no part called {part!r} to look at.", f"{part!r}(이)라는 부분은 볼 수 없습니다."),
            say("Known: validation, train.", "가능한 것: validation, train."),
        )
    rows = rows_for(run.recipe, run)[_PARTS.index(part)]
    number = 0 if pick is None else pick
    if not 0 <= number < len(rows):
        raise DataError(
            say(
                f"There are rows 0 to {len(rows) - 1:,}; got {number}.",
                f"행은 0부터 {len(rows) - 1:,}까지입니다: {number}.",
            ),
            say("Pick one of them.", "그중에서 고르세요."),
        )
    if rows.sentences is not None:
        raise DataError(
            say(
                "This network reads sentences; there is no picture to look at.",
                "문장을 읽는 신경망이라 볼 그림이 없습니다.",
            ),
            say("Choose a run that looks at pictures.", "그림을 보는 실행을 고르세요."),
        )
    return np.asarray(rows.inputs[number]), rows.classes[int(rows.labels[number])], number, len(rows)


def _scaled(run: Run, raw: np.ndarray) -> np.ndarray:
    scale = scale_for(run, replace(Dataset.from_arrays(raw[None], np.zeros(1, np.int64)), scale=255.0))
    shaped = raw.reshape([side or 1 for side in run.model.input_shape[1:]])
    return np.asarray(shaped.astype(np.float32) / np.float32(scale))


def _chosen(steps: list[Step], name: str | None) -> Step:
    if name:
        found = next((one for one in steps if one.name == name), None)
        if found is None:
            known = ", ".join(one.name for one in steps)
            raise DataError(
                say(f"There is no layer called {name!r}.", f"{name!r}(이)라는 층은 없습니다."),
                say(f"There are: {known}.", f"있는 층: {known}."),
            )
        return found
    first = next((one for one in steps if one.kind in CONVOLUTIONS), None)
    return first or next((one for one in steps if one.layer.weights), steps[-1])


def _check_size(step: Step) -> None:
    largest = max(step.output.size, *(one.size for one in step.inputs))
    if largest > _CHOSEN:
        raise DataError(
            say(
                f"{step.name} has {largest:,} numbers; up to {_CHOSEN:,} can be shown.",
                f"{step.name}의 수는 {largest:,}개인데 {_CHOSEN:,}개까지 볼 수 있습니다.",
            ),
            say(
                "Choose a smaller layer, or train on smaller pictures.",
                "더 작은 층을 고르거나, 더 작은 그림으로 학습하세요.",
            ),
        )


def _first(planes: np.ndarray) -> np.ndarray:
    """As many of a layer's maps as can be sent; all of any usual network."""
    if planes.ndim != 3 or planes.size <= _MAPS:
        return planes
    return planes[..., : max(1, _MAPS // (planes.shape[0] * planes.shape[1]))]


def _layer(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "kind": step.kind,
        "shape": list(step.output.shape),
        "window": _window(step),
        "filters": step.output.shape[-1] if step.kind in (*CONVOLUTIONS, *POOLINGS) else None,
    }


def _window(step: Step) -> dict[str, Any] | None:
    if step.kind not in (*CONVOLUTIONS, *POOLINGS):
        return None
    slides = slides_of(step.layer, (None, *step.inputs[0].shape))
    if not slides:
        return None
    before = [max(0, (one.output - 1) * one.stride + one.reach - one.length) // 2 if one.same else 0 for one in slides]
    return {
        "size": [one.size for one in slides],
        "stride": [one.stride for one in slides],
        "dilation": [one.dilation for one in slides],
        "padding": "same" if slides[0].same else "valid",
        "before": before,
        "formula": [one.formula for one in slides],
        "kind": "max" if step.kind.startswith("Max") else "average" if step.kind in POOLINGS else "convolution",
    }


def _in_numbers(step: Step) -> dict[str, Any]:
    layer: Any = step.layer
    told: dict[str, Any] = {
        "name": step.name,
        "kind": step.kind,
        "window": _window(step),
        "input": floats_told(step.inputs[0]),
        "output": floats_told(step.output),
        "kernel": None,
        "bias": None,
        "activation": getattr(getattr(layer, "activation", None), "__name__", None),
        "groups": int(getattr(layer, "groups", 1) or 1),
    }
    kernel = getattr(layer, "kernel", None)
    if kernel is not None and int(np.prod(kernel.shape)) <= _MOST:
        told["kernel"] = floats_told(np.asarray(kernel))
        bias = getattr(layer, "bias", None)
        told["bias"] = None if bias is None else [float(value) for value in np.asarray(bias).ravel()]
    return told


def _planes(step: Step) -> np.ndarray:
    found = planes(step)
    return found if found.size else step.output
