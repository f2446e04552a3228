"""A trained model opened for answers; what NumPy needs to run it is kept for the next time.

It is kept in the user's own cache folder, under the SHA-256 of the model's file. A run folder may be a stranger's, so
nothing of the kind is read from one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sonmat import places
from sonmat.data.finished import BOX
from sonmat.errors import ModelFileError, StorageError
from sonmat.language import say
from sonmat.models.views import Views
from sonmat.runs.folder import RECIPE, located
from sonmat.runs.tokenizer_card import check_fits, tokenizer_of, told_of
from sonmat.serve.networks import InKeras, InNumpy, Network
from sonmat.serve.program import read_program

if TYPE_CHECKING:
    import keras

_FORMAT = 2  # of the kept files; counts up where older ones can no longer be used


@dataclass(frozen=True, eq=False)
class Opened:
    """A network ready to run.

    Attributes:
        network: Inputs to outputs.
        about: `kind`, `classes`, `shape`, `scale`, `cleaning`; `answer`, `tokenizer` and `length` where the model's card has them.
    """

    network: Network
    about: dict[str, Any]


def open_network(model: str | os.PathLike[str], *, lasting: bool) -> Opened:
    """The network of a run folder or a model file; see `Predictor.open`."""
    file, views, kept = _found(model)
    program = None if lasting else read_program(kept)
    if program is not None:
        return Opened(InNumpy(program, views), dict(program.about))
    return _worked_out(file, views, kept, lasting=lasting)


def open_kept(model: str | os.PathLike[str]) -> Opened | None:
    """The network as it was worked out before; None where it was not, or where NumPy cannot run it."""
    _, views, kept = _found(model)
    program = read_program(kept)
    return None if program is None else Opened(InNumpy(program, views), dict(program.about))


def fingerprint_of(model: str | os.PathLike[str]) -> str:
    """The SHA-256 of a trained model's file, under which what was worked out of it is kept."""
    return _fingerprint(_found(model)[0])


def networks_folder() -> Path:
    """Where networks are kept as programs for NumPy."""
    return places.cache_folder() / "networks"


def _found(model: str | os.PathLike[str]) -> tuple[Path, Views, Path]:
    """A model's file, the views that it answers by, and where its program is kept."""
    path, folder = located(model)
    file = folder.model_path if folder else path
    recipe = folder.recipe if folder and (folder.path / RECIPE).exists() else None
    views = Views.of((recipe.train.tta if recipe else None) or {})
    try:
        kept = networks_folder() / f"{_fingerprint(file)}-{_FORMAT}.npz"
    except OSError as error:
        raise ModelFileError(
            say(f"Could not open {file}: {error.strerror}.", f"{file} 파일을 열 수 없습니다: {error.strerror}."),
            say(
                "Check the path; it should be a .keras or .h5 file.",
                "경로를 확인하세요. .keras나 .h5 파일이어야 합니다.",
            ),
        ) from error
    return file, views, kept


def _worked_out(file: Path, views: Views, kept: Path, *, lasting: bool) -> Opened:
    from sonmat.engine.penultimate import with_features
    from sonmat.runs.model_files import load_model, read_card
    from sonmat.serve.tracing import program_of

    model = load_model(file)
    about = _about(model, read_card(file))
    if lasting:
        return Opened(InKeras(model, views), about)
    program = program_of(with_features(model), about)
    if program is None:
        return Opened(InKeras(model, views), about)
    with contextlib.suppress(StorageError):  # a home that cannot be written costs a second the next time
        program.save(kept)
    return Opened(InNumpy(program, views), about)


def _about(model: keras.Model, card: dict[str, Any]) -> dict[str, Any]:
    inputs = card.get("inputs") or {}
    shape = tuple(int(size or 0) for size in model.inputs[0].shape[1:])
    image = 0 not in shape and (len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3)))
    classes = _classes(model, card)
    tokenizer = tokenizer_of(inputs)
    check_fits(model, tokenizer)
    kind = "text" if tokenizer is not None else "image" if image else "numbers"
    return {
        "kind": kind,
        "classes": classes,
        "shape": list(shape),
        "scale": _scale(model, inputs, image=kind == "image"),
        "scaled": "scale" in inputs,
        "cleaning": _cleaning(inputs, shape, classes) if kind == "image" else "",
        "box": float(inputs.get("box", BOX)),
        **({"answer": card["answer"]} if "answer" in card else {}),
        **(told_of(tokenizer) if tokenizer is not None else {}),
    }


def _classes(model: keras.Model, card: dict[str, Any]) -> list[str]:
    outputs = model.outputs[0].shape
    count = max(2, int(outputs[-1] or 0)) if len(outputs) == 2 else 0
    names = list(card.get("classes") or ())
    return names if len(names) == count else list(map(str, range(count)))


def _scale(model: keras.Model, inputs: dict[str, Any], *, image: bool) -> float:
    if "scale" in inputs:
        return float(inputs["scale"])
    import keras

    scaling = (keras.layers.Rescaling, keras.layers.Normalization)
    own = any(isinstance(layer, scaling) for layer in model.layers)
    return 255.0 if image and not own else 1.0


def _cleaning(inputs: dict[str, Any], shape: tuple[int, ...], classes: list[str]) -> str:
    """As the card says; a model without a card that takes 28 × 28 grey pixels and knows ten digits learned MNIST."""
    square = shape[0] == shape[1] and shape[2:] in ((), (1,))
    if square and inputs.get("cleaning") in ("strokes", "resized"):
        return str(inputs["cleaning"])
    return "strokes" if square and shape[0] == 28 and classes == list("0123456789") else "resized"


def _fingerprint(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
