"""The file that makes a folder a study: what it was asked, and what Optuna calls it."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sonmat.errors import RecipeError, RunError
from sonmat.files import write_text
from sonmat.language import say
from sonmat.models.toml import parse_toml, write_toml
from sonmat.search.asked import Asked, asked_from

STUDY = "study.toml"
_FORMAT = 1
_LARGEST = 2**26  # bytes


@dataclass(frozen=True)
class StudyFile:
    """What `study.toml` holds.

    Attributes:
        asked: What the study was asked.
        names: Optuna's names of it, one for each time that its space was widened; all its trials are in the last.
    """

    asked: Asked
    names: tuple[str, ...]


def first_name(folder: Path, asked: Asked) -> str:
    """What Optuna calls a new study: as its folder, with a mark of its own in a database, which has others too."""
    name = folder.resolve().name
    return name if asked.storage is None else f"{name}-{uuid.uuid4().hex[:8]}"


def next_name(names: tuple[str, ...]) -> str:
    """What Optuna calls a study whose space was widened."""
    return f"{names[0]} ({len(names) + 1})"


def write_study(folder: Path, content: StudyFile) -> None:
    """Replace the file, all or nothing.

    Raises:
        StorageError: The disk is full or the folder cannot be written.
    """
    values = {"format": _FORMAT, "optuna": list(content.names), **content.asked.as_dict()}
    write_text(folder / STUDY, write_toml(values))


def read_study(folder: Path) -> StudyFile:
    """What `write_study` wrote. No file that it names is opened or run.

    Raises:
        RunError: There is none, or it cannot be read.
        RecipeError: It is not TOML, or what was asked cannot be.
    """
    file = folder / STUDY
    try:
        with open(file, "rb") as stream:
            content = stream.read(_LARGEST + 1)
        text = content.decode() if len(content) <= _LARGEST else None
    except (OSError, ValueError) as error:
        raise _unreadable(file, getattr(error, "strerror", None) or str(error)) from error
    if text is None:
        raise _unreadable(file, f"more than {_LARGEST} bytes")
    try:
        values = parse_toml(text, source=str(file))
        form, names = values.pop("format", None), values.pop("optuna", None)
        if form != _FORMAT or not _are_names(names):
            raise _unreadable(file, f"format {form}")
        return StudyFile(asked_from(values, str(file)), tuple(names))
    except (RunError, RecipeError):
        raise
    except Exception as error:  # whatever a value of a strange type makes the records think of
        raise _unreadable(file, f"{type(error).__name__}: {error}") from error


def _are_names(names: Any) -> bool:
    return isinstance(names, list) and bool(names) and all(isinstance(n, str) and re.search(r"\S", n) for n in names)


def _unreadable(file: Path, reason: str) -> RunError:
    return RunError(
        say(f"{file} cannot be read: {reason}.", f"{file}을(를) 읽을 수 없습니다: {reason}."),
        say("Restore it from a copy, or start the study anew.", "사본에서 되돌리거나 스터디를 새로 시작하세요."),
    )
