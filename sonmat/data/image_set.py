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
from sonmat.data.names import natural, numbered
from sonmat.data.progress import Progress
from sonmat.data.read_settings import Reading, ReadSettings
from sonmat.data.splitting import stratified
from sonmat.data.table_file import Table
from sonmat.errors import DataError
from sonmat.language import say

HELD_OUT = 0.2
"""Of data that have no test part."""

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
    parts, note = _parts(gallery, settings)
    least = 2 if settings.wished else 1
    if len({one.label for one in gallery.pictures if parts[one.part] != "test"}) < least:
        raise _no_classes(folder, gallery)
    pictures = gallery.pictures
    found = read_pictures([(one.name, one.path) for one in pictures], folder, settings, progress)
    kept = [pictures[n] for n in found.read]
    reading = Reading(
        replace(settings, size=found.size, channels=_channels(found.inputs)),
        (*_told(found.notes), *note, *gallery.notes),
        found.bad,
        in_order=False,
    )
    labels = numbered([one.label for one in kept], gallery.classes)
    held = [parts[one.part] == "validation" for one in kept if parts[one.part] != "test"]
    if any(held):
        reading = replace(
            reading, settings=replace(reading.settings, own_validation=True), validation=np.flatnonzero(held)
        )
    places = np.array([parts[one.part] == "test" for one in kept])
    return assembled(folder, found.inputs, labels, gallery.classes, places, reading, [one.name for one in kept])


def _parts(gallery: Gallery, settings: ReadSettings) -> tuple[dict[str, str], list[str]]:
    """Which part of the data set each part of the folder becomes."""
    there = {one.part for one in gallery.pictures}
    if "validation" not in there:
        return {"all": "train", "train": "train", "test": "test"}, []
    if "test" in there and settings.own_validation is False:
        note = say(
            "The validation folder joins the training folder: the recipe splits its own validation rows off.",
            "검증 폴더는 학습 폴더에 합칩니다. 검증 행은 레시피가 직접 나눕니다.",
        )
        return {"train": "train", "validation": "train", "test": "test"}, [note]
    if "test" in there:
        note = say(
            "The validation rows are those of the validation folder. To split them off the training rows instead: "
            "--set own_validation=false",
            "검증 행은 검증 폴더의 그림입니다. 학습 행에서 나누어 쓰려면: --set own_validation=false",
        )
        return {"train": "train", "validation": "validation", "test": "test"}, [note]
    note = say("The validation folder is the test part.", "검증 폴더를 테스트로 씁니다.")
    return {"train": "train", "validation": "test"}, [note]


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
    tables: Sequence[tuple[Path, Table]], settings: ReadSettings, progress: Progress | None
) -> tuple[Dataset, Dataset]:
    """The pictures that a table names, or a table of training pictures and one of test pictures.

    A name is a path from the table's folder; where there is no such file, the one file of that name, or of that name without an
    ending, anywhere below that folder.

    Raises:
        DataError: As `load_gallery`.
    """
    files, labels, places = [], [], []
    for number, (path, table) in enumerate(tables):
        finder = _Finder(path.parent)
        files += [(name, finder.place(name)) for name in table.values]
        labels += table.labels
        places += [number == 1] * len(table.labels)
    path = tables[0][0]
    found = read_pictures(files, path, settings, progress)
    classes = natural(set(labels))
    reading = Reading(
        replace(settings, size=found.size, channels=_channels(found.inputs)),
        (*dict.fromkeys(note for _, table in tables for note in table.notes), *_told(found.notes)),
        (*(bad for _, table in tables for bad in table.bad), *found.bad),
    )
    return assembled(
        path,
        found.inputs,
        numbered(labels, classes)[found.read],
        classes,
        np.array(places)[found.read],
        reading,
        [files[n][0] for n in found.read],
    )


class _Finder:
    """Finds the files that a table names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._below: dict[str, list[Path]] | None = None

    def place(self, name: str) -> Path:
        """Where a picture is, or where it would be; of an address on the web or another machine nothing is asked."""
        plain = name.replace("\\", "/")
        if re.match(r"[a-z]+://|//", plain, re.IGNORECASE):
            return self._folder / "-" / re.sub(r"\W+", "-", plain)
        exact = self._folder / plain
        if os.path.isfile(exact):  # noqa: PTH113  (Path.is_file raises where a name is too long for the system)
            return exact
        found = self._named(Path(plain).name)
        return found[0] if len(found) == 1 else exact

    def _named(self, name: str) -> list[Path]:
        if self._below is None:
            self._below = {}
            for entry in itertools.islice(files_below(self._folder), _MOST_FILES):
                path = Path(entry.path)
                for key in {path.name, path.stem}:
                    self._below.setdefault(key, []).append(path)
        return self._below.get(name, [])


def assembled(
    path: Path,
    inputs: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    test: np.ndarray,
    reading: Reading,
    names: Sequence[str] = (),
) -> tuple[Dataset, Dataset]:
    """The training and test part of rows of one's own.

    Args:
        path: Where they come from.
        inputs, labels: (n, …) and (n,).
        classes: The names of the classes.
        test: (n,) whether a row is one of the test part; without any such row a fifth is held out.
        reading: How they were read.
        names: What each row is called.
    """
    name, source = path.stem if path.is_file() else path.name, str(path.absolute())
    parts = (("train", ~test), ("test", test)) if test.any() else (("all", slice(None)),)
    made = []
    for part, rows in parts:
        one = Dataset.from_arrays(inputs[rows], labels[rows], classes=classes, name=name, part=part, source=source)
        called = tuple(np.array(names, object)[rows]) if names else ()
        made.append(replace(one, reading=replace(reading, names=called)))
    if len(made) == 2:
        return made[0], made[1]
    if not reading.settings.wished:  # a trained model has seen none of it
        return replace(made[0], part="train"), replace(made[0], part="test")
    return held_out(made[0])


def held_out(whole: Dataset) -> tuple[Dataset, Dataset]:
    """The training and the test part of data that have none: a fifth, stratified, the same rows every time.

    Raises:
        DataError: There are fewer than two rows.
    """
    first, second = stratified(whole.labels, 1 - HELD_OUT, 0)
    return whole.take(first, part="train"), whole.take(second, part="test")
