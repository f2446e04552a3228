"""What a run is called beside its name, and whether it was asked to stop: a small file each in its folder."""

from __future__ import annotations

from pathlib import Path

from sonmat.files import read_plain, storing, write_json, write_text

TITLE, STOPPED = "title.txt", "stopped.json"

LONGEST_TITLE = 200
"""Letters."""


def read_title(folder: Path) -> str:
    """A run's title; empty where it was given none."""
    try:
        return read_plain(folder / TITLE, 2**16).decode().strip()[:LONGEST_TITLE]
    except (OSError, UnicodeDecodeError):
        return ""


def write_title(folder: Path, title: str) -> None:
    """Give a run a title, or take it away with an empty one.

    Raises:
        StorageError: The folder cannot be written.
    """
    told = " ".join(title.split())[:LONGEST_TITLE]
    if told:
        write_text(folder / TITLE, told + "\n")
        return
    with storing(folder / TITLE):
        (folder / TITLE).unlink(missing_ok=True)


def mark_stopped(folder: Path, stopped: bool, at: str) -> None:
    """Note that a run or study was asked to stop, or that it goes on.

    Args:
        folder: Its folder.
        stopped: Which of the two.
        at: The time, as text.

    Raises:
        StorageError: The folder cannot be written.
    """
    if stopped:
        write_json(folder / STOPPED, {"time": at})
        return
    with storing(folder / STOPPED):
        (folder / STOPPED).unlink(missing_ok=True)
