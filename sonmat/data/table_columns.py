"""Which columns of a table hold what: the label, and beside it texts, images' names or pixels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from sonmat.data.image_formats import ENDINGS
from sonmat.errors import DataError
from sonmat.language import say

LEAST_PIXELS = 16
"""Numeric columns beside the label, from which on a table is one of pixels."""

_LABELS = [
    "label", "labels", "class", "classes", "category", "intent", "target", "y", "tag", "sentiment",
    "emotion", "topic", "레이블", "라벨", "분류", "클래스", "카테고리", "정답", "의도", "감정", "감성", "주제", "종류",
]  # fmt: skip
_TEXTS = [
    "text", "texts", "sentence", "sentences", "utterance", "question", "query", "q", "document",
    "review", "content", "comment", "message", "body", "title", "문장", "텍스트", "글", "질문", "내용", "본문",
    "리뷰", "댓글", "발화", "대화",
]  # fmt: skip
_IMAGES = [
    "image", "images", "img", "image_id", "imageid", "image_name", "id_code", "file", "files",
    "filename", "file_name", "filepath", "path", "picture", "photo", "이미지", "그림", "사진", "파일", "파일명",
    "경로",
]  # fmt: skip
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_NOTHING: tuple[int, ...] = ()
_SOME = 1_000  # rows that a column is judged by, spread over the table


@dataclass(frozen=True)
class Columns:
    """What was found.

    Attributes:
        kind: `"text"`, `"image"` or `"pixels"`.
        value: The column of texts or of images' names; of pixels -1, for they are all the others.
        label: The column of labels.
        header: Whether the first record names the columns.
        names: What the columns are called: their headers, or their numbers from 1.
        ambiguous: Other columns that could have been meant, of texts or labels.
    """

    kind: str
    value: int
    label: int
    header: bool
    names: tuple[str, ...]
    ambiguous: tuple[int, ...] = ()


def find_columns(rows: Sequence[Sequence[str]], *, text: str | None = None, label: str | None = None) -> Columns:
    """Find a table's columns.

    A header is told by its words, or by its first record being unlike those below it. The label is the column that is named
    so, else the one of the fewest different values. Texts are the column that is named so, else the first that holds words;
    a column of names ending in an image's ending is one of images.

    Args:
        rows: The records, all of the same length, 1 or more.
        text: The column of texts or images, by its name or number from 1.
        label: The column of labels.

    Raises:
        DataError: No such columns. The problem is a reason without the file's name.
    """
    width = len(rows[0])
    first = [cell.strip() for cell in rows[0]]
    body = _spread(rows[1:])
    header = _is_header(first, body)
    if header and not body:
        raise DataError(
            say("it has no rows", "행이 없습니다"), say("Write a row for each example.", "예마다 한 행을 쓰세요.")
        )
    sample = body if header else _spread(rows)
    cells = [[row[column].strip() for row in sample] for column in range(width)]
    names = tuple(name or str(n) for n, name in enumerate(first, 1)) if header else tuple(map(str, range(1, width + 1)))
    chosen_text = None if text is None else _named(text, names)
    numeric = [_are_numbers(column) for column in cells]
    if chosen_text is None and sum(numeric) > LEAST_PIXELS and sum(numeric) >= width - 1:
        return Columns("pixels", -1, _pixels_label(label, names, cells, numeric), header, names)
    if label is not None:
        chosen_label, other_labels = _named(label, names), _NOTHING
    else:
        chosen_label, other_labels = _label(names, cells, chosen_text, len(rows))
    if chosen_text is not None:
        chosen = cells[chosen_text]
        called = _plain(names[chosen_text]) in _names_of_images(width) and not _are_words(chosen)
        kind = "image" if called or _are_images(chosen) else "text"
        return Columns(kind, chosen_text, chosen_label, header, names, other_labels)
    for column in range(width):
        if column != chosen_label and _are_images(cells[column]):
            return Columns("image", column, chosen_label, header, names, other_labels)
    by_name = _by_name(names, _names_of_images(width), {chosen_label})
    if by_name is not None and not _are_words(cells[by_name]):  # names without an ending, as "0001"
        return Columns("image", by_name, chosen_label, header, names, other_labels)
    value, others = _text(names, cells, numeric, chosen_label)
    return Columns("text", value, chosen_label, header, names, (*others, *other_labels))


def _names_of_images(width: int) -> list[str]:
    """What columns of images' names are called; beside one column of labels an `id` is one too."""
    return [*_IMAGES, "id"] if width == 2 else _IMAGES


def _spread(rows: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    step = max(1, len(rows) // _SOME)
    return list(rows[::step])


def _is_header(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    known = {*_LABELS, *_TEXTS, *_IMAGES}
    below = [{row[column].strip() for row in body} for column in range(len(first))]
    recurs = [cell in values for cell, values in zip(first, below, strict=True)]
    if any(_plain(cell) in known and not again for cell, again in zip(first, recurs, strict=True)):
        return True
    numbers = sum(bool(_NUMBER.fullmatch(cell)) for cell in first)
    if numbers == len(first) and any(
        "." in cell for cell in first
    ):  # pixels that pandas took for a header: "0", "0.1", …
        return not any("." in value for values in below for value in values)
    if any(recurs) or len(set(first)) < len(first):  # it has a label that comes again, or a pixel
        return False
    if any(PurePosixPath(cell).suffix.lower() in ENDINGS for cell in first):
        return False
    return not numbers and all(0 < len(cell) <= 40 for cell in first[1:])


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_")


def _by_name(names: Sequence[str], known: Sequence[str], taken: set[int]) -> int | None:
    plain = [_plain(name) for name in names]
    return next((plain.index(one) for one in known if one in plain and plain.index(one) not in taken), None)


def _named(asked: str, names: Sequence[str]) -> int:
    found = [n for n, name in enumerate(names) if _plain(name) == _plain(asked)]
    if not found and asked.strip().isdecimal() and 1 <= int(asked) <= len(names):
        found = [int(asked) - 1]
    if not found:
        raise DataError(
            say(f"it has no column {asked!r}", f"{asked!r} 열이 없습니다"),
            say(f"Its columns: {_listed(names)}.", f"있는 열: {_listed(names)}."),
        )
    return found[0]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(name[:40] for name in names[:20]) + ("…" if len(names) > 20 else "")


def _label(
    names: Sequence[str], cells: Sequence[Sequence[str]], text: int | None, rows: int
) -> tuple[int, tuple[int, ...]]:
    """The column of labels, and others that might be."""
    taken = set() if text is None else {text}
    named = _by_name(names, _LABELS, taken)
    if named is not None:
        return named, ()
    kinds = {n: len(set(column)) for n, column in enumerate(cells) if n not in taken and not _are_images(column)}
    few = {n: count for n, count in kinds.items() if count < max(3, 0.5 * len(cells[n]) + 1) and all(cells[n])}
    if rows <= 4:  # too few to say anything: the last one, as people write it
        few = few or kinds
    if not few:
        raise DataError(
            say(
                "no column looks like one of labels: in each nearly every row is different",
                "레이블 열로 보이는 것이 없습니다. 열마다 거의 모든 행이 다릅니다",
            ),
            say(
                f"Name it: --set label=COLUMN. Its columns: {_listed(names)}.",
                f"이름을 적으세요: --set label=열. 있는 열: {_listed(names)}.",
            ),
        )
    several = {n: count for n, count in few.items() if count > 1} or few
    least = min(several.values())
    chosen = max(n for n, count in several.items() if count == least)
    return chosen, tuple(n for n in several if n != chosen)


def _text(
    names: Sequence[str], cells: Sequence[Sequence[str]], numeric: Sequence[bool], label: int
) -> tuple[int, tuple[int, ...]]:
    """The column of texts, and others that hold texts too."""
    words = [n for n in range(len(names)) if n != label and not numeric[n]]
    if not words and len(names) > 2:
        raise DataError(
            say(
                f"beside the labels in {names[label]!r} it has {len(names) - 1} columns of numbers, and 16 and more are read as pixels",
                f"레이블({names[label]!r}) 말고는 수가 든 열이 {len(names) - 1}개인데, 16개 이상일 때 픽셀로 읽습니다",
            ),
            say(
                "Give other numbers as arrays: numpy.savez('mine.npz', x=table[columns], y=table['label']), which `--data mine.npz` reads.",
                "다른 수는 배열로 주세요: numpy.savez('mine.npz', x=table[columns], y=table['label']). --data mine.npz로 읽습니다.",
            ),
        )
    if not words:
        raise DataError(
            say(
                "beside the labels it has no column of texts, of images' names or of 16 pixels and more",
                "레이블 말고는 글, 이미지 파일 이름, 16개 이상의 픽셀 열이 없습니다",
            ),
            say(
                f"Its columns: {_listed(names)}. Name them: --set text=COLUMN --set label=COLUMN.",
                f"있는 열: {_listed(names)}. 이름을 적으세요: --set text=열 --set label=열.",
            ),
        )
    named = _by_name(names, _TEXTS, {label})
    chosen = named if named is not None and named in words else words[0]
    if named is None and not _are_words(cells[chosen]):  # an identifier, such as "u-1042"
        chosen = next((n for n in words if _are_words(cells[n])), chosen)
    return chosen, tuple(n for n in words if n != chosen and _are_words(cells[n]))


def _pixels_label(
    asked: str | None, names: Sequence[str], cells: Sequence[Sequence[str]], numeric: Sequence[bool]
) -> int:
    if asked is not None:
        return _named(asked, names)
    named = _by_name(names, _LABELS, set())
    if named is not None:
        return named
    if not all(numeric):
        return list(numeric).index(False)
    if len(set(cells[0])) < len(cells[0]) or len(cells[0]) < 3:  # MNIST's tables have the label first
        return 0
    return len(cells) - 1


def _are_numbers(column: Sequence[str]) -> bool:
    """Whether nearly all cells are numbers: one that is not is a mistake, which is told of then."""
    return sum(bool(_NUMBER.fullmatch(cell)) for cell in column) >= 0.8 * len(column)


def _are_images(column: Sequence[str]) -> bool:
    found = sum(PurePosixPath(cell.replace("\\", "/")).suffix.lower() in ENDINGS for cell in column)
    return found >= 0.9 * len(column)


def _are_words(column: Sequence[str]) -> bool:
    """Whether most cells hold a space between letters, as sentences do and names do not."""
    return sum(bool(re.search(r"\w\s+\w", cell)) for cell in column) >= 0.3 * len(column)
