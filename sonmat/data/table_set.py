"""Data sets from tables of one's own: one file, or a folder with a table for each part."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from sonmat.data.dataset import Dataset
from sonmat.data.image_set import load_pictures_of_table, named_after
from sonmat.data.names import natural, numbered
from sonmat.data.parts import divided, part_called, roles
from sonmat.data.progress import Progress
from sonmat.data.read_settings import Reading, ReadSettings
from sonmat.data.sentence_files import sentences_of
from sonmat.data.table_file import ENDINGS, Table, read_table
from sonmat.errors import DataError
from sonmat.language import say


def tables_in(folder: Path) -> dict[str, Path]:
    """The tables of a folder by their part: "train" and what there is of "test" and "validation"; the only table as "all"; or none.

    A part is told by a word of the file's name: `train.csv`, `mnist_test.csv`, `validate.csv`.
    """
    files = (path for path in sorted(folder.iterdir()) if is_table(path) and path.name[0] != ".")
    found = [path for path in files if path.suffix.lower() != ".txt"]  # which is a note more often than a table
    by_part = {part: path for path in reversed(found) if (part := part_called(re.split(r"[\W_\d]+", path.stem)))}
    if "train" in by_part:
        return {part: by_part[part] for part in ("train", "validation", "test") if part in by_part}
    return {"all": found[0]} if len(found) == 1 else {}


def is_table(path: Path) -> bool:
    """Whether a file is called as tables are."""
    return path.suffix.lower() in ENDINGS and path.is_file()


def load_tables(
    paths: Mapping[str, Path], settings: ReadSettings, progress: Progress | None
) -> tuple[Dataset, Dataset]:
    """The rows of tables: a part each, or one table, of which a fifth becomes the test part.

    A test or validation table without labels, as competitions have it, is passed over.

    Args:
        paths: As `tables_in` gives them.
        settings: How they are read.
        progress: Called with the pictures done and the pictures there are, where the table is one of pictures.

    Raises:
        DataError: One cannot be read, or they do not fit together.
    """
    (part, path), *others = paths.items()
    first = _first(path, settings)
    text, label = first.columns[0] or None, first.columns[1]
    tables, notes = {part: (path, first)}, []
    for part, path in others:
        try:
            table = read_table(path, text=text, label=label, skip_unreadable=settings.skip_unreadable)
            tables[part] = (path, table)
        except DataError:
            if not first.header or _has_column(path, label):
                raise
            told = f"{path.name} has no labels, and was passed over."
            notes.append(say(told, f"{path.name}에는 레이블이 없어 지나쳤습니다."))
    _check_alike(list(tables.values()))
    settings = replace(settings, text=text, label=label)
    _check_size_is_of_use(first, next(iter(paths.values())), settings)
    becomes, said = roles(tables.keys(), settings, say("table", "표"))
    train, test = _parts(list(tables.values()), [becomes[part] for part in tables], settings, progress)
    return _noted(train, [*said, *notes]), _noted(test, [*said, *notes])


def _parts(
    tables: Sequence[tuple[Path, Table]], becomes: Sequence[str], settings: ReadSettings, progress: Progress | None
) -> tuple[Dataset, Dataset]:
    path, first = tables[0]
    if first.kind == "image":
        return load_pictures_of_table(tables, becomes, settings, progress)
    if first.kind == "pixels":
        whole = _pixels_of(tables, settings)
    else:
        name = path.stem if len(tables) == 1 else path.parent.name
        whole = sentences_of(tables, name, _reading(tables, settings))
    return divided(whole, np.repeat(becomes, [len(table.labels) for _, table in tables]))


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
        first = file.readline(2**20)
    return any(name.encode(encoding, "replace") in first for encoding in ("utf-8", "cp949", "utf-16-le", "utf-16-be"))


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


def _pixels_of(tables: Sequence[tuple[Path, Table]], settings: ReadSettings) -> Dataset:
    classes = natural({label for _, table in tables for label in table.classes})
    inputs = np.concatenate([table.values for _, table in tables]) if len(tables) > 1 else tables[0][1].values
    labels = np.concatenate([numbered(table.labels, classes) for _, table in tables])
    return named_after(tables[0][0], inputs, labels, classes, _reading(tables, settings))


def _reading(tables: Sequence[tuple[Path, Table]], settings: ReadSettings) -> Reading:
    notes = tuple(dict.fromkeys(note for _, table in tables for note in table.notes))
    return Reading(settings, notes, tuple(bad for _, table in tables for bad in table.bad))


def _noted(rows: Dataset, notes: Sequence[str]) -> Dataset:
    if not notes or rows.reading is None:
        return rows
    return replace(rows, reading=replace(rows.reading, notes=(*rows.reading.notes, *notes)))
