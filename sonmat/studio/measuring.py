"""How good a run is on rows that it was not trained on, in the looker: scores, confusions, calibration, what it took for what."""

from __future__ import annotations

import base64
import io
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sonmat import places
from sonmat.data.dataset import Dataset
from sonmat.data.progress import silent
from sonmat.engine.answer import Answer
from sonmat.engine.outputs import probabilities_of
from sonmat.errors import DataError
from sonmat.jobs.corruptions import evaluate_corruptions
from sonmat.jobs.evaluate import Evaluated, evaluate_run
from sonmat.jobs.rows import PARTS
from sonmat.language import say
from sonmat.runs.folder import RunFolder
from sonmat.runs.model_files import read_card
from sonmat.studio.freshness import changed
from sonmat.studio.looks import opened, rows_for
from sonmat.view.hardest import margins

_KEPT, _BINS = 8, 10
_HARDEST, _IN_CELL = 60, 400  # rows that are named at most
_LARGEST = 16  # times that an image is made larger at most


@dataclass(frozen=True, eq=False)
class _Measured:
    """What a run reached on a part, and what it said of every row."""

    told: dict[str, Any]
    rows: Dataset
    probabilities: np.ndarray


_measured: OrderedDict[tuple[str, str, int, float | None], _Measured] = OrderedDict()


def measure(tell: Callable[..., None], run: str, part: str = "validation") -> dict[str, Any]:
    """Evaluate a run, as `sonmat evaluate` does; a look at the test set is counted.

    Raises:
        DataError: No such part.
        RunError: It has no trained model.
    """
    return {**_of(run, part, again=part == "test").told, "readings": RunFolder(places.runs_folder() / run).readings}


def cell(tell: Callable[..., None], run: str, part: str, row: int | None, column: int | None) -> list[dict[str, Any]]:
    """The rows of a class that were taken for another, the surest first.

    Raises:
        DataError: Of the test set before it was looked at, or a class that there is not.
    """
    if part == "test" and _key(run, part) not in _measured:
        raise _not_looked_at()
    found = _of(run, part, again=False)
    labels, said = found.rows.labels.astype(np.int64), found.probabilities.argmax(1)
    chosen = np.ones(len(labels), bool)
    for wanted, have in ((row, labels), (column, said)):
        if wanted is not None:
            if not 0 <= wanted < found.probabilities.shape[1]:
                raise DataError(say(f"There is no class {wanted}.", f"클래스 {wanted}은(는) 없습니다."))
            chosen &= have == wanted
    places_there = np.flatnonzero(chosen)
    sure = found.probabilities[places_there, said[places_there]]
    order = places_there[np.argsort(-sure, kind="stable")][:_IN_CELL]
    return [_row_told(found, int(place)) for place in order]


def image(tell: Callable[..., None], run: str, part: str, index: int, scale: int = 1) -> str:
    """A row of a run's data as a PNG in base64.

    Raises:
        DataError: No such row, or one that is no picture.
    """
    from PIL import Image

    from sonmat.view.images import colored, drawable

    loaded = opened(run)
    if part not in PARTS or loaded.recipe is None:
        raise DataError(say(f"There is no part called {part!r}.", f"{part!r}(이)라는 부분은 없습니다."))
    if part == "test" and not RunFolder(places.runs_folder() / run).readings:
        raise _not_looked_at()
    rows = dict(zip(("train", "validation", "test"), rows_for(loaded.recipe, loaded), strict=True))[part]
    if not 0 <= index < len(rows) or not drawable(rows.inputs):
        raise DataError(say(f"There is no picture {index}.", f"{index}번 그림이 없습니다."))
    pixels = colored(rows.inputs[index : index + 1])[0]
    times = max(1, min(_LARGEST, scale))
    held = io.BytesIO()
    Image.fromarray(np.repeat(np.repeat(pixels, times, 0), times, 1)).save(held, "PNG")
    return base64.b64encode(held.getvalue()).decode()


def corruptions(tell: Callable[..., None], run: str) -> dict[str, Any]:
    """How much a run stands: accuracy on validation rows spoilt by degrees, told of as it comes.

    Raises:
        DataError: The rows are no pictures.
    """

    def told(done: int, of: int) -> None:
        tell("corruptions", run=run, done=done, of=of)

    return evaluate_corruptions(
        places.runs_folder() / run, part="validation", progress=silent, told=told
    ).as_dict()  # fmt: skip


def _not_looked_at() -> DataError:
    return DataError(
        say("The test set has not been looked at here.", "여기서는 아직 테스트 데이터를 보지 않았습니다."),
        say("Look at it first: that is counted.", "먼저 확인하세요. 확인한 횟수가 기록됩니다."),
    )


def _key(run: str, part: str) -> tuple[str, str, int, float | None]:
    recipe = opened(run).recipe
    made = RunFolder(places.runs_folder() / run).model_path.stat().st_mtime_ns
    return run, part, made, None if recipe is None else changed(recipe.data)


def _of(run: str, part: str, *, again: bool) -> _Measured:
    key = _key(run, part)
    if again or key not in _measured:
        folder = places.runs_folder() / run
        _measured[key] = _told(run, evaluate_run(folder, part=part, progress=silent))
        while len(_measured) > _KEPT:
            _measured.popitem(last=False)
    _measured.move_to_end(key)
    return _measured[key]


def _told(run: str, evaluated: Evaluated) -> _Measured:
    found, rows = evaluated.found, evaluated.rows
    if found.scores is None:
        raise DataError(
            say("This network does not tell classes apart.", "클래스를 나누는 신경망이 아닙니다."),
            say("Choose another run.", "다른 실행을 고르세요."),
        )
    answer = Answer.from_card(read_card(RunFolder(places.runs_folder() / run).model_path).get("answer"))
    probabilities = answer.calibrated(probabilities_of(found.outputs))
    told = evaluated.as_dict()
    whole = _Measured({}, rows, probabilities)
    wrong = margins(rows.labels, probabilities)
    order = np.argsort(-wrong, kind="stable")[:_HARDEST]
    whole.told.update(
        {
            "part": rows.part,
            "n": found.n,
            "accuracy": found.accuracy,
            "interval": list(found.scores.interval),
            "loss": found.metrics.get("loss"),
            "classes": list(found.scores.classes),
            "confusion": told["confusion"],
            "per_class": told["per_class"],
            "calibration": calibration(rows.labels, probabilities) | {"temperature": answer.temperature},
            "hardest": [_row_told(whole, int(place)) | {"margin": round(float(wrong[place]), 6)} for place in order],
            "wrong": int((probabilities.argmax(1) != rows.labels).sum()),
            "pictures": rows.sentences is None and rows.inputs.ndim in (3, 4),
            "views": evaluated.views,
            "counted": evaluated.readings,
            "corrected": told.get("corrected"),
        }
    )
    return whole


def _row_told(found: _Measured, place: int) -> dict[str, Any]:
    chances, label = found.probabilities[place], int(found.rows.labels[place])
    said = int(chances.argmax())
    told: dict[str, Any] = {
        "index": place, "row": int(found.rows.rows[place]), "label": label, "said": said,
        "p": round(float(chances[said]), 6), "p_label": round(float(chances[label]), 6),
    }  # fmt: skip
    return told | ({"sentence": str(found.rows.sentences[place])} if found.rows.sentences is not None else {})


def calibration(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, Any]:
    """Whether answers are as right as they say: those of like probability together, and the mean distance (Naeini et al. 2015).

    Args:
        labels: (n,) true class numbers.
        probabilities: (n, classes).
    """
    sure, right = probabilities.max(1), probabilities.argmax(1) == labels
    place = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    bins = []
    for number in range(_BINS):
        there = place == number
        count = int(there.sum())
        bins.append(
            {
                "low": number / _BINS,
                "high": (number + 1) / _BINS,
                "mean": float(sure[there].mean()) if count else None,
                "right": float(right[there].mean()) if count else None,
                "n": count,
            }
        )
    distance = sum(abs(float(sure[place == number].sum() - right[place == number].sum())) for number in range(_BINS))
    return {"bins": bins, "ece": distance / max(1, len(labels))}
