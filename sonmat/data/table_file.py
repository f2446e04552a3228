"""A table of one's own: a CSV of texts, of images' names or of pixels, each with a label."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sonmat.data.memory import check_fits
from sonmat.data.names import natural, shown, tidy
from sonmat.data.table_columns import Columns, find_columns
from sonmat.data.table_pixels import pixel_rows
from sonmat.data.table_text import DELIMITERS, decoded, delimiter_of, records
from sonmat.errors import DataError
from sonmat.language import say

ENDINGS = (".csv", ".tsv", ".txt")
"""How names of tables end, in small letters."""

MOST_BYTES = 2**30
"""Of a table's file."""

_TIMES = 8  # memory that a table of texts takes at most, by its bytes: measured 3 to 7
_LISTED = 5  # bad rows that a message lists
_MOST_COLUMNS = 100_000
_SOME_ROWS, _SOME_CELLS = 2_000, 3_000_000  # that columns are told by


@dataclass(frozen=True)
class Bad:
    """A row that cannot be used.

    Attributes:
        place: Its line in the file, or an image's name.
        reason: Why, in the user's language.
    """

    place: str
    reason: str


@dataclass(frozen=True, eq=False)
class Table:
    """A table whose columns have been found.

    Attributes:
        kind: `"text"`, `"image"` or `"pixels"`.
        values: (n,) texts, or images' names as they are written; of pixels uint8 (n, …).
        labels: (n,) names of classes, without spaces around them.
        columns: What the columns of values and of labels are called: headers, or numbers from 1.
        classes: The names that there are, in their natural order: 0, 1, 2, … 10, then words.
        encoding: Python's name of the encoding that was found.
        delimiter: What fields are told apart by.
        header: Whether the first record names the columns.
        notes: What was found and chosen, in sentences.
        bad: Rows that were left out.
    """

    kind: str
    values: Any
    labels: list[str]
    columns: tuple[str, str]
    classes: tuple[str, ...]
    encoding: str
    delimiter: str
    header: bool
    notes: tuple[str, ...] = ()
    bad: tuple[Bad, ...] = ()


def read_table(
    path: str | os.PathLike[str], *, text: str | None = None, label: str | None = None, skip_unreadable: bool = False
) -> Table:
    """Read a table; encoding, delimiter, header and columns are found out.

    Args:
        path: The file.
        text: The column of texts or images' names, by its header or its number from 1; found by names and content without it.
        label: The column of labels, likewise.
        skip_unreadable: Leave out rows that lack a field or have too many; else one of them refuses the table.

    Raises:
        DataError: No such file, no table, no such columns, or rows that are broken; it lists these.
    """
    path = Path(path)
    try:
        content = _content(path)
        if not content.strip():
            raise DataError(say("it is empty", "비어 있습니다"), say("Get the file again.", "파일을 다시 받으세요."))
        text_of_file, encoding = decoded(content)
        del content
        delimiter, text_of_file = delimiter_of(text_of_file)
        return _table(text_of_file, encoding, delimiter, text, label, skip_unreadable)
    except DataError as error:
        raise DataError(
            say(f"{path} could not be read: {error.problem}.", f"{path} 파일을 읽지 못했습니다: {error.problem}."),
            error.fix,
        ) from error


def _content(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise DataError(
                say(
                    f"it is {size / 1e6:,.0f} MB large and the limit is {MOST_BYTES / 1e6:,.0f} MB",
                    f"크기가 {size / 1e6:,.0f} MB인데 한도는 {MOST_BYTES / 1e6:,.0f} MB입니다",
                ),
                say("Take a part of it.", "일부만 쓰세요."),
            )
        check_fits(size * _TIMES)
        return path.read_bytes()
    except OSError as error:
        raise DataError(error.strerror or str(error), say("Check the path.", "경로를 확인하세요.")) from error


def _table(
    text: str, encoding: str, delimiter: str, value: str | None, label: str | None, skip_unreadable: bool
) -> Table:
    first = _some(text, delimiter)
    if not first:
        raise _no_rows()
    width = Counter(len(fields) for _, fields in first).most_common(1)[0][0]
    if len(first[0][1]) > 1:
        width = len(first[0][1])  # the header knows
    alike = [fields for _, fields in first if len(fields) == width]
    if len(alike) < 2 <= len(first):
        raise _bad_rows([_other_width(line, fields, width) for line, fields in first[1:]])
    found = find_columns(alike, text=value, label=label)
    notes = [_how_read(encoding, delimiter, found)]
    bad: list[Bad] = []
    values: Any
    if found.kind == "pixels":
        values, labels = pixel_rows(text, delimiter, found.label, found.header, width)
        labels = [shown(tidy(one)) for one in labels]
    else:
        values, labels, bad = _fields(records(text, delimiter), width, found)
    labels, more = _as_classes(labels)
    notes += more
    if bad and not skip_unreadable:
        raise _bad_rows(bad)
    if not labels:
        raise _no_rows()
    names = ("", found.names[found.label]) if found.value < 0 else (found.names[found.value], found.names[found.label])
    classes = tuple(natural(set(labels)))
    return Table(
        found.kind, values, labels, names, classes, encoding, delimiter, found.header, tuple(notes), tuple(bad)
    )


def _some(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """The first records: as many as columns can be told by."""
    found, cells = [], 0
    for line, fields in records(text, delimiter):
        if len(fields) > _MOST_COLUMNS:
            raise DataError(
                say(
                    f"line {line:,} has {len(fields):,} fields and the limit is {_MOST_COLUMNS:,}",
                    f"{line:,}번 줄의 열이 {len(fields):,}개인데 한도는 {_MOST_COLUMNS:,}개입니다",
                ),
                say("Give large pictures as files.", "큰 그림은 파일로 주세요."),
            )
        found.append((line, fields))
        cells += len(fields)
        if len(found) >= _SOME_ROWS or cells >= _SOME_CELLS:
            break
    return found


def _no_rows() -> DataError:
    return DataError(
        say("it has no rows", "행이 없습니다"), say("Write a row for each example.", "예마다 한 행을 쓰세요.")
    )


def _fields(
    found: Iterable[tuple[int, list[str]]], width: int, columns: Columns
) -> tuple[list[str], list[str], list[Bad]]:
    """Values, labels, and the rows that lack one of them."""
    values, labels, bad = [], [], []
    for number, (line, fields) in enumerate(found):
        if number == 0 and columns.header:
            continue
        if len(fields) > width and not any(field.strip() for field in fields[width:]):  # delimiters at a line's end
            fields = fields[:width]
        place = say(f"line {line:,}", f"{line:,}번 줄")
        if len(fields) != width:
            bad.append(_other_width(line, fields, width))
            continue
        value, label = tidy(fields[columns.value]), shown(tidy(fields[columns.label]))
        if not value or not label:
            lacking = columns.names[columns.label if value else columns.value]
            bad.append(Bad(place, say(f"{lacking} is empty", f"{lacking} 칸이 비었음")))
            continue
        values.append(value)
        labels.append(label)
    return values, labels, bad


def _other_width(line: int, fields: Sequence[str], width: int) -> Bad:
    reason = say(f"{len(fields)} fields, not {width}", f"열이 {width}개가 아니라 {len(fields)}개")
    return Bad(say(f"line {line:,}", f"{line:,}번 줄"), reason)


def _bad_rows(bad: Sequence[Bad]) -> DataError:
    listed = "".join(f"\n  - {one.place}: {one.reason}" for one in bad[:_LISTED])
    listed += (
        say(f"\n  - and {len(bad) - _LISTED:,} more", f"\n  - 그 밖에 {len(bad) - _LISTED:,}개")
        if len(bad) > _LISTED
        else ""
    )
    return DataError(
        say(f"{len(bad):,} rows are broken:{listed}", f"깨진 행이 {len(bad):,}개 있습니다:{listed}"),
        say(
            "Mend them (a field that holds the delimiter has to stand in quotes), or leave them out: --skip-unreadable.",
            "고치거나(구분 기호가 든 칸은 따옴표로 감싸야 합니다), 빼고 읽으세요: --skip-unreadable.",
        ),
    )


def _as_classes(labels: list[str]) -> tuple[list[str], list[str]]:
    """Labels as names of classes: whole numbers that a program wrote as floats are whole again."""
    kinds = set(labels)
    if kinds and all(re.fullmatch(r"-?\d+\.0+", one) for one in kinds):
        said = say("Labels such as 1.0 are read as 1.", "1.0 같은 레이블은 1로 읽었습니다.")
        return [one.partition(".")[0] for one in labels], [said]
    return labels, []


def _how_read(encoding: str, delimiter: str, found: Columns) -> str:
    english, korean = DELIMITERS[delimiter]
    names = found.names
    spelling = encoding.removesuffix("-sig").upper()
    header = say("with a header", "첫 줄은 열 이름") if found.header else say("without a header", "열 이름 없음")
    if found.kind == "pixels":
        what = say(f"{len(names) - 1:,} pixels a row", f"행마다 픽셀 {len(names) - 1:,}개")
    else:
        kind = say("texts", "글") if found.kind == "text" else say("images", "이미지")
        what = say(f"{kind} in {names[found.value]!r}", f"{kind}: {names[found.value]!r} 열")
    told = say(
        f"Read as {spelling}, fields divided by a {english}, {header}: {what}, labels in {names[found.label]!r}.",
        f"{spelling}, 구분 기호는 {korean}, {header}: {what}, 레이블: {names[found.label]!r} 열.",
    )
    if found.ambiguous:
        others = ", ".join(repr(names[column]) for column in found.ambiguous[:5])
        told += say(
            f" Not used: {others}; choose by --set text=COLUMN --set label=COLUMN.",
            f" 쓰지 않은 열: {others}. --set text=열 --set label=열로 고를 수 있습니다.",
        )
    return told
