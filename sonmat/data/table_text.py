"""The text of a table and its fields: encoding and delimiter found out from the file itself."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator

from sonmat.errors import DataError
from sonmat.language import say

DELIMITERS = {",": ("comma", "쉼표"), "\t": ("tab", "탭"), ";": ("semicolon", "세미콜론"), "|": ("bar", "세로줄")}
"""What fields are told apart by, and what people call it."""

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_LOOKED_AT = 200  # records that a delimiter is judged by
_LONGEST_FIELD = 131_072  # characters, the csv module's own limit: an open quote would swallow the rest of the file


def decoded(content: bytes) -> tuple[str, str]:
    """A file's text, and Python's name of the encoding it was found to be in.

    A mark of order decides; then UTF-16 where every other byte is zero; then UTF-8; then CP949 (of which EUC-KR is a part)
    where what comes out is Korean for the most part; then Windows' Western letters.

    Raises:
        DataError: It is no text in any of them. The problem is a reason without the file's name.
    """
    for mark, name in _MARKS:
        if content.startswith(mark):
            return _strictly(content, name), name
    if (wide := _wide_order(content)) is not None:
        return _strictly(content, wide), wide
    if b"\0" in content[:65_536]:
        raise _no_text()
    for name in ("utf-8", "cp949", "cp1252"):
        try:
            text = content.decode(name)
        except UnicodeDecodeError:
            continue
        if name != "cp949" or _looks_korean(text):
            return text, name
    raise _no_text()


def _strictly(content: bytes, name: str) -> str:
    try:
        return content.decode(name)
    except UnicodeDecodeError as error:
        raise DataError(
            say(
                f"its first bytes say {name}, and byte {error.start:,} is none",
                f"처음은 {name}인데 {error.start:,}번째 바이트가 다릅니다",
            ),
            say("Save it as UTF-8.", "UTF-8로 저장하세요."),
        ) from error


def _wide_order(content: bytes) -> str | None:
    """UTF-16 without a mark: ASCII's letters, commas and line ends have a zero beside them."""
    some = content[: 4096 & ~1]
    if len(some) < 8:
        return None
    high, low = some[1::2].count(0), some[::2].count(0)
    if high > 0.2 * len(some) / 2 and low < 0.02 * len(some):
        return "utf-16-le"
    if low > 0.2 * len(some) / 2 and high < 0.02 * len(some):
        return "utf-16-be"
    return None


def _looks_korean(text: str) -> bool:
    """Whether most of what is not ASCII is Hangul or the signs that Korean texts use; accents read as CP949 are not."""
    others = [c for c in text[:200_000] if c > "\x7f"]
    korean = sum("가" <= c <= "힣" or "ㄱ" <= c <= "ㆎ" or "\u2000" <= c <= "\u33ff" or c > "\uff00" for c in others)
    return korean >= 0.6 * len(others)


def _no_text() -> DataError:
    return DataError(
        say("it is no text (tried UTF-8, UTF-16, CP949)", "글이 아닙니다 (UTF-8, UTF-16, CP949로 읽어 봄)"),
        say("Save it as CSV, in UTF-8.", "CSV로, UTF-8로 저장하세요."),
    )


def delimiter_of(text: str) -> tuple[str, str]:
    """What a table's fields are told apart by, and the text without a first line that says so (`sep=;`, Excel's).

    The one by which most records have equally many fields, more than one.

    Raises:
        DataError: There is one column alone. The problem is a reason without the file's name.
    """
    told = re.match(r"sep=(.)\r?\n", text)
    if told and told[1] in DELIMITERS:
        return told[1], text[told.end() :]
    best, best_share = "", 0.0
    for delimiter in DELIMITERS:
        counts = Counter(len(fields) for _, fields in _first(text, delimiter))
        width, times = counts.most_common(1)[0] if counts else (1, 0)
        share = times / max(1, counts.total())
        if width > 1 and share > best_share + 0.01:  # the earlier one, unless a later one is clearly better
            best, best_share = delimiter, share
    if not best:
        raise DataError(
            say("it has one column alone", "열이 하나뿐입니다"),
            say(
                "Write a header and two columns, for example text,label.",
                "첫 줄에 열 이름을 쓰고 두 열을 두세요. 예: text,label.",
            ),
        )
    return best, text


def _first(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    found = records(text[:1_000_000], delimiter)
    try:
        for number, record in zip(range(_LOOKED_AT), found, strict=False):
            del number
            yield record
    except DataError:  # by this delimiter it is no table
        return


def records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """A table's records, each with the line it ends on, counted from 1; empty lines are passed over.

    Fields are quoted by `"`, which may hold delimiters, line ends and doubled quotes.

    Raises:
        DataError: A quote that is never closed, or a field of no bounds. The problem is a reason without the file's name.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for fields in reader:
            if any(field.strip() for field in fields):
                yield reader.line_num, fields
    except csv.Error as error:
        raise DataError(
            say(
                f"line {reader.line_num} cannot be cut into fields ({error})",
                f"{reader.line_num}번 줄을 열로 나눌 수 없습니다 ({error})",
            ),
            say(
                f'Look for a quote " that is never closed; a field has {_LONGEST_FIELD:,} characters at most.',
                f'닫지 않은 따옴표 "가 있는지 보세요. 한 칸은 {_LONGEST_FIELD:,}자까지입니다.',
            ),
        ) from error
