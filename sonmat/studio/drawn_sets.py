"""The learner's own drawings: labelled pictures, kept as folders that `sonmat train --data` reads like any others."""

from __future__ import annotations

import io
import re
import secrets
import unicodedata
from pathlib import Path

import numpy as np

from sonmat import places
from sonmat.data.image_file import open_image
from sonmat.errors import DataError
from sonmat.files import storing, write_bytes
from sonmat.language import say

_LONGEST = 60  # letters of a set's or a label's name
_MOST = 20_000  # drawings of a label
_SIDE = 512  # pixels of a drawing's side at most
_FORBIDDEN = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # names that Windows keeps for itself
_IDENTITY = re.compile(r"[0-9a-f]{16}")


def counts_of(folder: Path) -> dict[str, int]:
    """How many drawings each label of a set has."""
    found = {}
    try:
        for place in sorted(folder.iterdir()):
            if place.is_dir() and place.name[0] != ".":
                count = sum(1 for file in place.iterdir() if file.suffix == ".png")
                if count:
                    found[place.name] = count
    except OSError:
        return {}
    return found


def list_sets() -> list[dict[str, object]]:
    """Every set of drawings: its name, where it is, how many drawings each class has, and their names."""
    place = places.drawings_folder()
    try:
        folders = sorted(one for one in place.iterdir() if one.is_dir() and one.name[0] != ".")
    except OSError:
        return []
    return [{"name": one.name, "data": str(one.absolute()), "classes": counts_of(one)} for one in folders]


def drawings_of(name: str) -> dict[str, list[str]]:
    """The drawings of a set by label, the newest last."""
    folder = _named(places.drawings_folder(), name)
    found = {}
    for label in counts_of(folder):
        files = [
            file for file in (folder / label).iterdir() if _IDENTITY.fullmatch(file.stem) and file.suffix == ".png"
        ]
        found[label] = [file.stem for file in sorted(files, key=lambda file: (file.stat().st_mtime_ns, file.stem))]
    return found


def keep_drawing(name: str, label: str, content: bytes) -> str:
    """Keep a drawing under a label; what it is called there.

    Raises:
        DataError: No picture, a name that no folder can have, or too many of them.
        StorageError: The folder cannot be written.
    """
    from PIL import Image

    folder = _named(_named(places.drawings_folder(), name), label)
    picture = open_image(content, most_pixels=16_000_000)
    image = Image.fromarray(picture if picture.ndim == 2 else picture.mean(-1).round().astype(np.uint8))
    image.thumbnail((_SIDE, _SIDE))
    if folder.is_dir() and sum(1 for _ in folder.iterdir()) >= _MOST:
        raise DataError(
            say(f"{label} has {_MOST:,} drawings already.", f"{label}에는 이미 그림이 {_MOST:,}개 있습니다."),
            say("Delete some first.", "먼저 몇 개를 지우세요."),
        )
    held = io.BytesIO()
    image.save(held, "PNG")
    identity = secrets.token_hex(8)
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / f"{identity}.png", held.getvalue())
    return identity


def drawing_file(name: str, label: str, identity: str) -> Path | None:
    """A drawing's file; None where there is none."""
    if not _IDENTITY.fullmatch(identity):
        return None
    file = _named(_named(places.drawings_folder(), name), label) / f"{identity}.png"
    return file if file.is_file() else None


def forget_drawing(file: Path) -> None:
    """Delete a drawing, and its label and set where these are empty then.

    Raises:
        StorageError: It cannot be deleted.
    """
    with storing(file):
        file.unlink(missing_ok=True)
        for folder in (file.parent, file.parent.parent):
            if not any(folder.iterdir()):
                folder.rmdir()


def _named(folder: Path, name: str) -> Path:
    """A folder's own folder of a name that every system can have."""
    tidy = unicodedata.normalize("NFC", name).strip()
    whole = tidy and len(tidy) <= _LONGEST and not _FORBIDDEN.search(tidy) and tidy[0] != "." and tidy[-1] != "."
    if not whole or _RESERVED.fullmatch(tidy):
        raise DataError(
            say(f"{name[:80]!r} cannot be a name here.", f"{name[:80]!r}은(는) 이름으로 쓸 수 없습니다."),
            say(
                f'Use 1 to {_LONGEST} letters without / \\ : * ? " < > | and no dot at either end.',
                f'/ \\ : * ? " < > | 없이 1~{_LONGEST}자로 쓰고, 점으로 시작하거나 끝내지 마세요.',
            ),
        )
    return folder / tidy
