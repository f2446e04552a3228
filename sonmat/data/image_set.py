"""Data sets of pictures of one's own: a folder for each class, or a table of images' names and labels."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from sonmat.data.dataset import Dataset
from sonmat.data.image_folder import Gallery, files_below, find_pictures
from sonmat.data.image_reading import read_pictures
from sonmat.data.names import natural, numbered, tidy
from sonmat.data.parts import divided, roles
from sonmat.data.progress import Progress
from sonmat.data.read_settings import Reading, ReadSettings
from sonmat.data.table_file import Table
from sonmat.errors import DataError
from sonmat.language import say

_MOST_FILES = 500_000  # that are looked through for one that a table names without its folder


def load_gallery(folder: Path, settings: ReadSettings, progress: Progress | None) -> tuple[Dataset, Dataset]:
    """The pictures of a folder of classes, or of `train/` and `test/` of such.

    Without a test part a fifth of the pictures, stratified, with seed 0, become it; for a trained model all of them do.
    `valid/` is the test part where there is no other. Else it is among the training rows, and `Reading.validation` says where:
    a recipe validates on these rows, unless `settings.own_validation` is False.

    Raises:
        DataError: There are no two folders with pictures, some cannot be read, or all do not fit into memory.
    """
    gallery = find_pictures(folder)
    becomes, note = roles({one.part for one in gallery.pictures} or {"all"}, settings, say("folder", "폴더"))
    least = 2 if settings.wished else 1
    if len({one.label for one in gallery.pictures if becomes[one.part] != "test"}) < least:
        raise _no_classes(folder, gallery)
    pictures = gallery.pictures
    found = read_pictures([(one.name, one.path) for one in pictures], folder, settings, progress)
    kept = [pictures[n] for n in found.read]
    reading = Reading(
        replace(settings, size=found.size, channels=_channels(found.inputs)),
        (*_told(found.notes), *note, *gallery.notes),
        found.bad,
        in_order=False,
        names=tuple(one.name for one in kept),
    )
    labels = numbered([one.label for one in kept], gallery.classes)
    whole = named_after(folder, found.inputs, labels, gallery.classes, reading)
    return divided(whole, np.array([becomes[one.part] for one in kept]))


def _channels(inputs: np.ndarray) -> int:
    return 1 if inputs.ndim == 3 else 3


def _told(notes: Sequence[str]) -> list[str]:
    """What was chosen for the pictures, as one line."""
    return [" ".join(notes)] if notes else []


def _no_classes(folder: Path, gallery: Gallery) -> DataError:
    if gallery.loose and not gallery.pictures:
        there = say(f"{gallery.loose:,} pictures lie directly in it", f"그림 {gallery.loose:,}개가 바로 들어 있습니다")
    elif gallery.pictures:
        there = say(
            f"there are pictures of {gallery.classes[0]!r} alone", f"그림이 있는 것은 {gallery.classes[0]!r}뿐입니다"
        )
    else:
        there = say("there is no picture in it", "그림이 없습니다")
    return DataError(
        say(
            f"{folder} should hold a folder of pictures for each of two classes or more, and {there}.",
            f"{folder}에는 클래스마다 그림 폴더가 하나씩, 둘 이상 있어야 하는데 {there}.",
        ),
        say(
            "Put them into folders: cats/1.jpg, dogs/2.jpg; or give a CSV of image,label; an .npz; or a folder of IDX files.",
            "폴더로 나누세요: cats/1.jpg, dogs/2.jpg. 또는 image,label CSV, .npz, IDX 파일 폴더를 주세요.",
        ),
    )


def load_pictures_of_table(
    tables: Sequence[tuple[Path, Table]], becomes: Sequence[str], settings: ReadSettings, progress: Progress | None
) -> tuple[Dataset, Dataset]:
    """The pictures that tables name.

    A name is a path from the table's folder; where there is no such file, the one file anywhere below that folder whose path
    ends most like it, with or without its ending.

    Args:
        tables: One, or one of each part.
        becomes: What each is: "train", "validation" or "test".
        settings, progress: As `load_gallery` has them.

    Raises:
        DataError: As `load_gallery`.
    """
    files, labels = [], []
    for path, table in tables:
        finder = _Finder(path.parent)
        files += [(name, finder.place(name)) for name in table.values]
        labels += table.labels
    path = tables[0][0]
    found = read_pictures(files, path, settings, progress)
    classes = natural(set(labels))
    reading = Reading(
        replace(settings, size=found.size, channels=_channels(found.inputs)),
        (*dict.fromkeys(note for _, table in tables for note in table.notes), *_told(found.notes)),
        (*(bad for _, table in tables for bad in table.bad), *found.bad),
        names=tuple(files[n][0] for n in found.read),
    )
    whole = named_after(path, found.inputs, numbered(labels, classes)[found.read], classes, reading)
    return divided(whole, np.repeat(becomes, [len(table.labels) for _, table in tables])[found.read])


class _Finder:
    """Finds the files that a table names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._below: dict[str, list[Path]] | None = None

    def place(self, name: str) -> Path:
        """Where a picture is, or where it would be; of an address on the web or another machine nothing is asked."""
        plain = name.replace("\\", "/")
        if "\0" in plain or re.match(r"[a-z]+://|//", plain, re.IGNORECASE):  # nor of what no file can be called
            return self._folder / "-" / re.sub(r"\W+", "-", plain)
        exact = self._folder / plain
        if os.path.isfile(exact):  # noqa: PTH113  (Path.is_file raises where a name is too long for the system)
            return exact
        found = self._named(Path(plain).name)
        if len(found) > 1:  # as where each class's folder has its own 1.png, and the table is from another machine
            alike = [_alike(plain, path) for path in found]
            found = [path for path, one in zip(found, alike, strict=True) if one == max(alike)]
        return found[0] if len(found) == 1 else exact

    def _named(self, name: str) -> list[Path]:
        if self._below is None:
            self._below = {}
            for entry in itertools.islice(files_below(self._folder), _MOST_FILES):
                path = Path(entry.path)
                for key in {path.name, path.stem}:
                    self._below.setdefault(key, []).append(path)
        return self._below.get(name, [])


def _alike(name: str, path: Path) -> int:
    """How many folders from the file upwards are called alike."""
    pairs = zip(reversed(name.split("/")[:-1]), reversed(path.parts[:-1]), strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: tidy(pair[0]) == tidy(pair[1]), pairs))


def named_after(
    path: Path, inputs: np.ndarray, labels: np.ndarray, classes: Sequence[str], reading: Reading
) -> Dataset:
    """All rows of data of one's own, called after the file or folder that they come from."""
    name = path.stem if path.is_file() else path.name
    rows = Dataset.from_arrays(inputs, labels, classes=classes, name=name, source=str(path.absolute()))
    return replace(rows, reading=reading)
