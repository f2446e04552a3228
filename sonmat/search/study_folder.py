"""Where studies are: how their folders are found, listed and made."""

from __future__ import annotations

import contextlib
import difflib
import itertools
import os
import time
from pathlib import Path

from sonmat import places
from sonmat.errors import RunError
from sonmat.files import storing
from sonmat.language import say
from sonmat.search.study_file import STUDY

WINNERS = "winners"
"""Where winners are trained and tested, each under its trial's number: a study that is extended may find another."""


def is_study(place: Path) -> bool:
    """Whether a folder holds a study."""
    try:
        return (place / STUDY).is_file()
    except (OSError, ValueError):  # a folder nobody may look into, a name no file can have
        return False


def find_study(path: str | os.PathLike[str]) -> Path:
    """The folder of a study. A bare name is looked for among the studies too.

    Raises:
        RunError: There is none.
    """
    for place in (Path(path).expanduser(), places.studies_folder() / path):
        if is_study(place):
            return place
    near = difflib.get_close_matches(str(path), [folder.name for folder in study_folders()], n=1, cutoff=0.6)
    raise RunError(
        say(f"There is no study at {path}.", f"{path}에 스터디가 없습니다."),
        say(f"Did you mean {near[0]}?", f"{near[0]}을(를) 찾으셨나요?")
        if near
        else say("Give the folder of a study.", "스터디 폴더를 쓰세요."),
    )


def new_study(name: str) -> Path:
    """A new folder among the studies, with the time in its name.

    Raises:
        StorageError: It cannot be made.
    """
    plain = "".join(c if c.isalnum() or c in "-_" else "-" for c in Path(name).name)
    stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{plain}"
    for number in itertools.count(1):
        folder = places.studies_folder() / (stem if number == 1 else f"{stem}-{number}")
        with storing(folder), contextlib.suppress(FileExistsError):
            folder.mkdir(parents=True)  # the one who makes it has it: two may begin in the same second
            return folder
    raise AssertionError


def check_free(place: Path) -> None:
    """See that a study may begin in a folder that holds none; nothing is written.

    Raises:
        RunError: It holds files of something else.
    """
    with storing(place):  # a kill may have left a lock or a temporary file, whose names begin with a dot
        taken = place.exists() and (not place.is_dir() or any(file.name[0] != "." for file in place.iterdir()))
    if taken:
        raise RunError(
            say(f"{place} exists and is not a study.", f"{place}이(가) 이미 있지만 스터디가 아닙니다."),
            say("Choose a new or empty folder for --out.", "--out에 새 폴더나 빈 폴더를 쓰세요."),
        )


def study_folders(where: Path | None = None) -> list[Path]:
    """The folder of every study in a folder, by default among the studies, in the order of their names."""
    place = where or places.studies_folder()
    try:
        return [path for path in sorted(place.iterdir()) if is_study(path)]
    except OSError:
        return []
