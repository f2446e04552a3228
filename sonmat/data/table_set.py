"""Data sets from tables of one's own: one file, or a folder with one of training rows and one of test rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from sonmat.data.dataset import Dataset
from sonmat.data.image_folder import TEST, TRAIN, VALIDATION
from sonmat.data.image_set import assembled, load_pictures_of_table
from sonmat.data.names import natural, numbered, tidy
from sonmat.data.progress import Progress
from sonmat.data.read_settings import Reading, ReadSettings
from sonmat.data.sentence_files import sentence_sets
from sonmat.data.table_file import ENDINGS, Table, read_table
from sonmat.errors import DataError
from sonmat.language import say


def tables_in(folder: Path) -> list[Path]:
    """The table of training rows in a folder, and the one of test rows where there is one; the only table; or none.

    A part is told by a word of the file's name: `train.csv`, `mnist_test.csv`, `validate.csv`.
    """
    files = (path for path in sorted(folder.iterdir()) if is_table(path) and path.name[0] != ".")
    found = [path for path in files if path.suffix.lower() != ".txt"]  # which is a note more often than a table
    by_part = {part: path for path in reversed(found) if (part := _part(path))}
    if "train" in by_part:
        return [by_part["train"], *(by_part[part] for part in ("test", "validation") if part in by_part)][:2]
    return found if len(found) == 1 else []


def is_table(path: Path) -> bool:
    """Whether a file is called as tables are."""
    return path.suffix.lower() in ENDINGS and path.is_file()


def _part(path: Path) -> str:
    words = set(re.split(r"[\W_\d]+", tidy(path.stem).casefold()))
    known = {"train": TRAIN, "test": TEST, "validation": VALIDATION | {"validate"}}
    return next((part for part, names in known.items() if words & names), "")


def load_tables(paths: Sequence[Path], settings: ReadSettings, progress: Progress | None) -> tuple[Dataset, Dataset]:
    """The rows of a table, of which a fifth becomes the test part; or of two tables.

    A second table without labels, as competitions have it, is passed over.

    Args:
        paths: One or two.
        settings: How they are read.
        progress: Called with the pictures done and the pictures there are, where the table is one of pictures.

    Raises:
        DataError: One cannot be read, or they do not fit together.
    """
    first = _first(paths[0], settings)
    text, label = first.columns[0] or None, first.columns[1]
    tables, notes = [(paths[0], first)], []
    for path in paths[1:]:
        try:
            tables.append((path, read_table(path, text=text, label=label, skip_unreadable=settings.skip_unreadable)))
        except DataError:
            if first.header and not _has_column(path, label):
                notes.append(
                    say(
                        f"{path.name} has no labels, and was passed over.",
                        f"{path.name}에는 레이블이 없어 지나쳤습니다.",
                    )
                )
                continue
            raise
    _check_alike(tables)
    settings = replace(settings, text=text, label=label)
    _check_size_is_of_use(first, paths[0], settings)
    if first.kind == "image":
        train, test = load_pictures_of_table(tables, settings, progress)
    elif first.kind == "pixels":
        train, test = _of_pixels(tables, settings)
    else:
        name = paths[0].stem if len(paths) == 1 else paths[0].parent.name
        train, test = sentence_sets(tables, name, _reading(tables, settings))
    return _noted(train, notes), _noted(test, notes)


def _first(path: Path, settings: ReadSettings) -> Table:
    skip = settings.skip_unreadable
    try:
        return read_table(path, text=settings.text, label=settings.label, skip_unreadable=skip)
    except DataError:
        if settings.wished or not (settings.text or settings.label):
            raise
        return read_table(
            path, skip_unreadable=skip
        )  # another table than the model was trained on, with columns of its own


def _has_column(path: Path, name: str) -> bool:
    with path.open("rb") as file:
        return name.encode() in file.readline(2**20)


def _check_alike(tables: Sequence[tuple[Path, Table]]) -> None:
    kinds = {table.kind for _, table in tables}
    shapes = {table.values.shape[1:] for _, table in tables if table.kind == "pixels"}
    if len(kinds) > 1 or len(shapes) > 1:
        names = " and ".join(path.name for path, _ in tables)
        raise DataError(
            say(f"{names} hold different things.", f"{names}에 든 것이 서로 다릅니다."),
            say("Make both in the same way.", "둘을 같은 방법으로 만드세요."),
        )


def _check_size_is_of_use(table: Table, path: Path, settings: ReadSettings) -> None:
    if table.kind != "image" and settings.wished and (settings.size or settings.channels):
        raise DataError(
            say(
                f"size and channels are for pictures in files, and {path} holds {table.kind}.",
                f"size와 channels는 그림 파일에 쓰는 설정인데 {path}에 든 것은 {table.kind}입니다.",
            ),
            say("Leave them out.", "빼세요."),
        )


def _of_pixels(tables: Sequence[tuple[Path, Table]], settings: ReadSettings) -> tuple[Dataset, Dataset]:
    classes = natural({label for _, table in tables for label in table.classes})
    inputs = np.concatenate([table.values for _, table in tables]) if len(tables) > 1 else tables[0][1].values
    labels = np.concatenate([numbered(table.labels, classes) for _, table in tables])
    test = np.repeat([number == 1 for number in range(len(tables))], [len(table.labels) for _, table in tables])
    return assembled(tables[0][0], inputs, labels, classes, test, _reading(tables, settings))


def _reading(tables: Sequence[tuple[Path, Table]], settings: ReadSettings) -> Reading:
    notes = tuple(dict.fromkeys(note for _, table in tables for note in table.notes))
    return Reading(settings, notes, tuple(bad for _, table in tables for bad in table.bad))


def _noted(rows: Dataset, notes: Sequence[str]) -> Dataset:
    if not notes or rows.reading is None:
        return rows
    return replace(rows, reading=replace(rows.reading, notes=(*rows.reading.notes, *notes)))
