"""Model files, read safely and written whole: `.keras` and `.h5`, from any Keras and for any Keras."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import keras

from sonmat.errors import ModelFileError
from sonmat.files import replacing, storing
from sonmat.language import say
from sonmat.runs import keras_archive, keras_h5, model_card
from sonmat.runs.plain_optimizer import plain_optimizer

_ZIP = b"PK\x03\x04"
_HDF5 = b"\x89HDF\r\n\x1a\n"


def load_model(path: str | os.PathLike[str]) -> keras.Model:
    """Read a model from a file that may come from anyone.

    Takes `.keras` and `.h5` of Keras 3 (any backend) and of Keras 2, told apart by content, Sequential or functional,
    made of Keras's own layers with plain arguments. Nothing in the file is executed, and nothing outside it is read:
    sonmat reads the configuration, not Keras's deserialization, and checks every shape before a weight is read.

    Args:
        path: The file, or a run's folder (its model.keras is read).

    Returns:
        The model with its weights. Compiled where its optimizer, loss and metrics are Keras's own; otherwise a
        UserWarning says why not. The optimizer's state is restored from `.keras` where it fits; from `.h5` the
        optimizer starts afresh. Keras keeps no state of random layers (dropout), so they start afresh as well. `unroll`
        of recurrent layers is dropped; it never changes a result.

    Raises:
        ModelFileError: The file is missing, broken, hostile, or holds what is not read from files.
    """
    path = _file(path)
    with _open(path) as (file, archive), _naming(path):
        return keras_archive.read_archive(file) if archive else keras_h5.read_h5(file.read())


def read_card(path: str | os.PathLike[str]) -> dict[str, Any]:
    """How a model's inputs are made and what its classes are, as `save_model` wrote it.

    Returns:
        `{"inputs": {"scale": 255.0, ...}, "classes": [...], "answer": {...}}` with what the file has; empty where it has none, as a file
        that plain Keras wrote.

    Raises:
        ModelFileError: The file is missing or broken.
    """
    path = _file(path)
    with _open(path) as (file, archive), _naming(path):
        if archive:
            return model_card.parse_card(keras_archive.read_member(file, keras_archive.CARD, model_card.MAX_BYTES))
        return model_card.parse_card(keras_h5.read_card_text(file.read()))


def save_model(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    inputs: Mapping[str, Any] | None = None,
    classes: Sequence[str] | None = None,
    answer: Mapping[str, Any] | None = None,
) -> None:
    """Write a model with Keras's own writer, whole or not at all.

    Args:
        model: Any built Keras model. It is written as it is: a network that takes inputs divided by 255 takes them so
            wherever the file is opened. Only an optimizer or schedule of sonmat's own is written as Keras's nearest.
        path: `.keras` or `.h5`; the suffix decides.
        inputs: How raw inputs become the model's, such as `{"scale": 255.0}`; JSON-ready values.
        classes: The classes' names, in the order of the outputs.
        answer: Its calibration and when it is unsure, as `sonmat.engine.answer.Answer.as_card` gives it. All three are kept
            where Keras passes over them, and are read back by `read_card`.

    Raises:
        ModelFileError: The suffix is another one.
        StorageError: The file could not be written.
    """
    path = Path(path)
    if path.suffix not in (".keras", ".h5"):
        raise ModelFileError(
            say(
                f"Models are written as .keras or .h5; the name is {path.name}.",
                f"모델은 .keras나 .h5로 씁니다. 이름이 {path.name}입니다.",
            ),
            say(f'Try save_model(model, "{path.stem}.keras").', f'save_model(model, "{path.stem}.keras")로 해 보세요.'),
        )
    card = model_card.card_text(inputs, classes, answer)
    with storing(path), tempfile.TemporaryDirectory(prefix="sonmat-") as folder:
        written = Path(folder) / f"model{path.suffix}"
        with _without_advice(), plain_optimizer(model):
            model.save(written)
        if card is not None:
            _add_card(written, card)
        with written.open("rb") as source, replacing(path) as file:
            shutil.copyfileobj(source, file)


def _add_card(path: Path, card: str) -> None:
    if path.suffix == ".keras":
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(keras_archive.CARD, card)
    else:
        with h5py.File(path, "a") as file:
            file.attrs[keras_h5.CARD] = card


@contextlib.contextmanager
def _without_advice() -> Iterator[None]:
    """Keras advises against .h5 in its log; here it was asked for."""
    log = logging.getLogger("absl")
    log.addFilter(_no_h5_advice)
    try:
        yield
    finally:
        log.removeFilter(_no_h5_advice)


def _no_h5_advice(record: logging.LogRecord) -> bool:
    return "HDF5 file" not in record.getMessage()


def _file(path: str | os.PathLike[str]) -> Path:
    path = Path(path)
    return path / "model.keras" if path.is_dir() else path


@contextlib.contextmanager
def _open(path: Path) -> Iterator[tuple[BinaryIO, bool]]:
    """The file, and whether it is an archive; by its first bytes, since Keras 2.12 wrote .h5 under .keras names too."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise ModelFileError(
            say(f"Could not open {path}: {error.strerror}.", f"{path} 파일을 열 수 없습니다: {error.strerror}."),
            say(
                "Check the path; it should be a .keras or .h5 file.",
                "경로를 확인하세요. .keras나 .h5 파일이어야 합니다.",
            ),
        ) from error
    with file:
        start = file.read(8)
        file.seek(0)
        if not start.startswith(_ZIP) and start != _HDF5:
            raise ModelFileError(
                say(f"{path} is neither a .keras nor an .h5 file.", f"{path}은(는) .keras 파일도 .h5 파일도 아닙니다."),
                say(
                    'Save the model with model.save("model.keras").',
                    'model.save("model.keras")로 저장한 파일을 쓰세요.',
                ),
            )
        yield file, start.startswith(_ZIP)


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Say which file an error is about."""
    try:
        yield
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error.problem}", error.fix) from error
