"""Data of one's own that the page has looked at: where they are and what is in them, kept beside the queue."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from sonmat.data.table_file import ENDINGS
from sonmat.files import expanded, read_json, write_json
from sonmat.studio.place import studio_folder

_FILE = "data.json"
_MOST = 50  # sets that are kept, the last that were looked at
_OFFERED = 60  # ways on from what is typed
_LOOKED = 2_000  # entries of a folder that are looked at for them
_SHOWN = ("data", "title", "shape", "classes", "counts", "rows", "own_validation", "reads", "read")

_lock = threading.Lock()


def list_own() -> list[dict[str, Any]]:
    """The sets, the one last looked at first: those that are still there."""
    return [one for one in _kept() if _there(one["data"])]


def own_set(data: str) -> dict[str, Any] | None:
    """What is known of a set by its path."""
    return next((one for one in _kept() if one["data"] == data), None)


def keep_own(told: dict[str, Any]) -> None:
    """Keep what was found in a set, in place of what was found there before.

    Raises:
        StorageError: It cannot be written.
    """
    with _lock:
        others = [one for one in _kept() if one["data"] != told["data"]]
        write_json(_file(), {"sets": [{key: told[key] for key in _SHOWN}, *others][:_MOST]})


def forget_own(data: str) -> bool:
    """Take a set off the list; its files stay. Whether it was on it.

    Raises:
        StorageError: The list cannot be written.
    """
    with _lock:
        all_ = _kept()
        left = [one for one in all_ if one["data"] != data]
        if len(left) < len(all_):
            write_json(_file(), {"sets": left})
    return len(left) < len(all_)


def completions(text: str) -> list[str]:
    """The folders, tables and arrays whose paths go on from what is typed; folders end in a slash. Hidden ones are left out."""
    place, start = os.path.split(text)
    found = []
    try:
        folder = expanded(place)
        with os.scandir(folder) as entries:
            for _, entry in zip(range(_LOOKED), entries, strict=False):
                if entry.name[0] != "." and entry.name.lower().startswith(start.lower()) and entry.name.isprintable():
                    if entry.is_dir():
                        found.append(f"{folder / entry.name}{os.sep}")
                    elif Path(entry.name).suffix.lower() in (*ENDINGS, ".npz"):
                        found.append(str(folder / entry.name))
    except (OSError, ValueError):  # none that may be read, or a name that cannot be
        return []
    return sorted(found)[:_OFFERED]


def _file() -> Path:
    return studio_folder() / _FILE


def _kept() -> list[dict[str, Any]]:
    """What the file says; what is of another shape, of another version or a hand, is passed over."""
    try:
        sets = (read_json(_file(), 2**24) or {}).get("sets")
    except OSError:
        return []
    return [one for one in sets if _whole(one)] if isinstance(sets, list) else []


def _whole(one: Any) -> bool:
    if not isinstance(one, dict) or any(key not in one for key in _SHOWN):
        return False
    texts = [one["data"], one["title"], *(one["classes"] if isinstance(one["classes"], list) else [None])]
    return (
        all(isinstance(text, str) for text in texts)
        and _counts(one["shape"])
        and _counts(one["rows"])
        and len(one["rows"]) == 3
        and len(one["classes"]) > 1
        and one["reads"] in ("pictures", "sentences")
        and isinstance(one["read"], dict)
    )


def _there(data: str) -> bool:
    try:
        return Path(data).exists()
    except OSError:  # a folder that may no longer be entered, a share that is gone
        return False


def _counts(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, int) and not isinstance(one, bool) and 0 <= one < 2**53 for one in value
    )
