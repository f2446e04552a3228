"""Explaining what a network does with one image: its filters, its feature maps, one window as numbers, the pixels that mattered."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sonmat.data.dataset import Dataset
from sonmat.data.progress import Progress
from sonmat.engine.activations import Step, activations
from sonmat.engine.attribution import gradient, occlusion
from sonmat.engine.sliding import CONVOLUTIONS, POOLINGS, Convolved, Pooled, convolved, planes, pooled
from sonmat.errors import DataError
from sonmat.files import storing
from sonmat.jobs.predict import Prediction, predict_files, predict_rows
from sonmat.jobs.rows import scale_for
from sonmat.language import say
from sonmat.runs.folder import Run, load_run, located

_MAPPED = (*CONVOLUTIONS, *POOLINGS)
FOLDER = "explain"
"""Where the pictures go: a folder in the run's own, or in the working one for a model file."""


@dataclass(frozen=True, eq=False)
class Explained:
    """What was found and drawn.

    Attributes:
        prediction: What the network says of the image.
        steps: Every layer's inputs and output.
        convolution: One place of a convolution, or None where the network has none.
        poolings: One place of a pooling, the layer's own kind first, then the other kind on the same window.
        pictures: The files, by name.
        notes: What could not be shown, and why.
    """

    prediction: Prediction
    steps: tuple[Step, ...]
    convolution: Convolved | None
    poolings: tuple[Pooled, ...]
    pictures: dict[str, Path] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        told: dict[str, Any] = self.prediction.as_dict()
        told["layers"] = [
            {"name": step.name, "kind": step.kind, "size": list(step.output.shape)} for step in self.steps
        ]
        if self.convolution is not None:
            one = self.convolution
            told["convolution"] = {
                "at": list(one.place.at),
                "filter": one.place.channel,
                "patch": one.patch.tolist(),
                "kernel": one.kernel.tolist(),
                "sum": one.total,
                "bias": one.bias,
                "activation": one.activation,
                "value": one.value,
            }
        told["pooling"] = [
            {"kind": one.kind, "at": list(one.place.at), "channel": one.place.channel, "value": one.value}
            for one in self.poolings
        ]
        told["pictures"] = {name: str(path) for name, path in self.pictures.items()}
        return told | {"notes": list(self.notes)}


def explain(
    run: str | os.PathLike[str],
    *,
    image: str | os.PathLike[str] | None = None,
    pick: int | None = None,
    data: str | os.PathLike[str] | None = None,
    invert: bool = False,
    layer: str | None = None,
    at: tuple[int, int] | None = None,
    filter: int | None = None,
    against: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Explained:
    """Draw what a network does with one image.

    Args:
        run: A run folder or model file.
        image: An image file of the network's size.
        pick: Instead, a row of the test set; it is looked at, not scored.
        data: The data set that `pick` is of; a run knows its own.
        invert: Whether to turn a dark-on-light image file into light on dark.
        layer: The convolution or pooling whose window is shown; by default the first convolution and the first pooling.
        at: The (row, column) of the output to take apart; by default where it is strongest.
        filter: The output channel, from 0; by default the strongest.
        against: Another run or model file, to see the same image through both.
        out: The folder for the pictures; by default `explain` in the run's folder.

    Returns:
        The numbers and the files.

    Raises:
        DataError: An image, row, layer, position or filter that there is not.
        UnsupportedError: A network whose layers cannot be told apart.
    """
    loaded, prediction = _seen(run, image, pick, data, invert, progress)
    steps = tuple(activations(loaded.model, _scaled(loaded, prediction.image)))
    convolution, poolings, notes = _windows(steps, layer, at, filter)
    explained = Explained(
        prediction,
        steps,
        convolution[1] if convolution else None,
        tuple(one for _, one in poolings),
        notes=tuple(notes),
    )
    place = _folder(run, out)
    with storing(place):
        place.mkdir(parents=True, exist_ok=True)
    _draw_layers(explained, place)
    _draw_windows(explained, convolution, poolings, place)
    _draw_pixels(explained, loaded, run, place)
    if against is not None:
        other, theirs = _seen(against, image, pick, data, invert, progress)
        _draw_pair(explained, [(run, loaded, prediction), (against, other, theirs)], place)
    return explained


def _seen(
    run: str | os.PathLike[str],
    image: str | os.PathLike[str] | None,
    pick: int | None,
    data: str | os.PathLike[str] | None,
    invert: bool,
    progress: Progress | None,
) -> tuple[Run, Prediction]:
    if (image is None) == (pick is None):
        raise DataError(
            say("One image is needed.", "이미지 하나가 필요합니다."),
            say(
                "Give either an image file or a row of the test set.",
                "이미지 파일이나 테스트 데이터의 행 중 하나를 주세요.",
            ),
        )
    loaded = load_run(located(run)[0])
    if loaded.tokenizer is not None:
        raise DataError(
            say(f"{run} reads sentences, not images.", f"{run}은(는) 이미지가 아니라 문장을 읽습니다."),
            say('Give one: --text "where is my parcel"', '문장을 주세요: --text "환불하고 싶어요"'),
        )
    if image is not None:
        return loaded, predict_files(run, [image], invert=invert)[0]
    assert pick is not None
    return loaded, predict_rows(run, [pick], data=data, progress=progress)[0]


def _scaled(run: Run, raw: np.ndarray) -> np.ndarray:
    """The image as the network takes it."""
    scale = scale_for(run, Dataset.from_arrays(raw[None], np.zeros(1, np.int64)))
    shaped = raw.reshape([side or 1 for side in run.model.input_shape[1:]])
    return shaped.astype(np.float32) / np.float32(scale)


_Window = tuple[Step, Any]


def _windows(
    steps: Sequence[Step], layer: str | None, at: tuple[int, int] | None, channel: int | None
) -> tuple[_Window | None, list[_Window], list[str]]:
    """The convolution and the pooling to take apart; `at` and `channel` are those of the layer that was asked for."""
    chosen = _named(steps, layer) if layer is not None else None
    convolutions = [step for step in steps if step.kind in CONVOLUTIONS]
    pools = [step for step in steps if step.kind in POOLINGS]
    notes: list[str] = []
    if not convolutions:
        notes.append(
            say(
                "This network has no convolution, so there is no sliding window to show.",
                "이 신경망에는 합성곱이 없어 보여 줄 윈도우가 없습니다.",
            )
        )
    if not (convolutions or pools) and (at is not None or channel is not None):
        raise DataError(
            say("This network has no sliding window to place.", "이 신경망에는 위치를 정할 윈도우가 없습니다."),
            say("Leave the position and the filter away.", "위치와 필터를 빼세요."),
        )
    first = chosen if chosen in convolutions else (convolutions[0] if convolutions else None)
    convolution = None
    if first is not None:
        asked = chosen is None or chosen is first
        convolution = (first, convolved(first, at if asked else None, channel if asked else None))
    pool = chosen if chosen in pools else (pools[0] if pools else None)
    poolings: list[_Window] = []
    if pool is not None:
        asked = chosen is pool or not convolutions
        own = pooled(pool, at if asked else None, channel if asked else None)
        other = pooled(pool, own.place.at, own.place.channel, "average" if own.kind == "max" else "max")
        poolings = [(pool, own), (pool, other)]
    elif convolutions:
        notes.append(say("This network has no pooling.", "이 신경망에는 풀링이 없습니다."))
    return convolution, poolings, notes


def _named(steps: Sequence[Step], name: str) -> Step:
    shown = {step.name: step for step in steps if step.kind in _MAPPED}
    if name in shown:
        return shown[name]
    known = ", ".join(shown) or say("none", "없음")
    near = difflib.get_close_matches(name, shown, n=1, cutoff=0.5)
    if any(step.name == name for step in steps):
        problem = say(f"{name} has no sliding window.", f"{name}에는 미끄러지는 윈도우가 없습니다.")
    else:
        problem = say(f"There is no layer called {name!r}.", f"{name!r}(이)라는 층은 없습니다.")
    fix = say(f"Did you mean {near[0]!r}?", f"{near[0]!r}인가요?") if near else ""
    raise DataError(problem, fix or say(f"Those with a window: {known}.", f"윈도우가 있는 층: {known}."))


def _folder(run: str | os.PathLike[str], out: str | os.PathLike[str] | None) -> Path:
    if out is not None:
        return Path(out).expanduser()
    _, folder = located(run)
    return (Path(folder.path) if folder is not None else Path()) / FOLDER


def _draw_layers(explained: Explained, place: Path) -> None:
    from sonmat.view.feature_maps import Maps, filters_picture, maps_picture

    banks = _banks(explained.steps)
    if banks:
        explained.pictures["filters"] = _path(filters_picture(banks, place / "filters.png"))
    shown = [step for step in explained.steps if step.kind not in ("Dropout", "Flatten", "Reshape")]
    maps = [Maps(step.name, step.kind, _map(step)) for step in shown]
    if maps:
        explained.pictures["feature maps"] = _path(maps_picture(maps, place / "feature_maps.png"))


def _map(step: Step) -> np.ndarray:
    found = planes(step)
    return found if found.size else step.output.reshape(-1)


def _banks(steps: Sequence[Step]) -> list[Any]:
    """The filters of every convolution once; without any, the first dense layer's weights where they make an image."""
    from sonmat.view.feature_maps import Bank

    banks: dict[int, Bank] = {}
    for step in steps:
        if step.kind in CONVOLUTIONS and id(step.layer) not in banks:
            kernel: np.ndarray = np.asarray(step.layer.kernel)
            kernel = kernel[:, None] if "1D" in step.kind else kernel
            if step.kind.startswith("Depthwise"):
                kernel = kernel.reshape(*kernel.shape[:2], 1, -1)
            strongest = np.abs(kernel).sum((0, 1)).argmax(0)
            chosen = np.stack([kernel[:, :, channel, number] for number, channel in enumerate(strongest)])
            banks[id(step.layer)] = Bank(step.name, chosen, strongest, kernel.shape[2])
    if banks:
        return list(banks.values())
    shape = next((step.inputs[0].shape for step in steps if step.inputs[0].ndim in (2, 3)), None)
    dense = next((step for step in steps if step.kind == "Dense"), None)
    if (
        shape is None
        or dense is None
        or int(np.prod(shape)) != dense.layer.kernel.shape[0]
        or shape[2:] not in ((), (1,))
    ):
        return []
    weights = np.asarray(dense.layer.kernel).T.reshape(-1, *shape[:2])
    return [Bank(dense.name, weights, np.zeros(len(weights), int), 1)]


def _draw_windows(explained: Explained, convolution: _Window | None, poolings: Sequence[_Window], place: Path) -> None:
    from sonmat.view.sliding import convolution_picture, pooling_picture

    if convolution is not None:
        step, found = convolution
        path = convolution_picture(found, step.name, _input(step), planes(step), place / "convolution.png")
        explained.pictures["convolution"] = _path(path)
    for step, one in poolings:
        made = planes(step) if one.given is not None else None
        path = pooling_picture(one, step.name, _input(step), made, place / f"{one.kind}_pooling.png")
        explained.pictures[f"{one.kind} pooling"] = _path(path)


def _input(step: Step) -> np.ndarray:
    array = step.inputs[0]
    if getattr(step.layer, "data_format", "channels_last") == "channels_first":
        array = np.moveaxis(array, 0, -1)
    return array[:, None] if array.ndim == 2 else array


def _draw_pixels(explained: Explained, run: Run, name: str | os.PathLike[str], place: Path) -> None:
    from sonmat.view.pixels import pixels_picture

    explained.pictures["pixels"] = _path(pixels_picture(_looked(run, explained.prediction, name), place / "pixels.png"))


def _draw_pair(
    explained: Explained, pair: Sequence[tuple[str | os.PathLike[str], Run, Prediction]], place: Path
) -> None:
    from sonmat.view.pixels import side_by_side_picture

    seen = [_looked(run, prediction, name) for name, run, prediction in pair]
    explained.pictures["side by side"] = _path(side_by_side_picture(seen, place / "side_by_side.png"))


def _looked(run: Run, prediction: Prediction, name: str | os.PathLike[str]) -> Any:
    from sonmat.view.pixels import Seen

    x, said = _scaled(run, prediction.image), int(prediction.probabilities.argmax())
    return Seen(
        Path(name).name,
        prediction.image,
        prediction.probabilities,
        prediction.classes,
        occlusion(run.model, x, said),
        gradient(run.model, x, said),
    )


def _path(made: Any) -> Path:
    assert isinstance(made, Path)
    return made
