"""Tables of pixels, as Kaggle has MNIST: a label and 784 numbers from 0 to 255 in each row."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np

from sonmat.errors import DataError
from sonmat.language import say

_ROWS_AT_ONCE = 2_000


def pixel_rows(text: str, delimiter: str, label: int, header: bool, width: int) -> tuple[np.ndarray, list[str]]:
    """The pixels and labels of a table that was found to hold pixels.

    Args:
        text: The table.
        delimiter: What its fields are told apart by.
        label: The column of labels.
        header: Whether the first record names the columns.
        width: How many columns there are.

    Returns:
        uint8 (n, side, side), (n, side, side, 3), or (n, width - 1) where they make no square; and the labels.

    Raises:
        DataError: A number that is no whole one from 0 to 255, with its line. The problem is a reason without the file's name.
    """
    import pandas

    others = [column for column in range(width) if column != label]
    found: list[np.ndarray] = []
    labels: list[str] = []
    try:
        for block in pandas.read_csv(
            io.StringIO(text), sep=delimiter, header=None, skiprows=1 if header else 0, chunksize=_ROWS_AT_ONCE,
            dtype={label: str}, skip_blank_lines=True, keep_default_na=False, na_values=[""],
        ):  # fmt: skip
            first = len(labels) + (2 if header else 1)
            found.append(_bytes(block[others], first))
            labels += [str(one).strip() for one in block[label]]
    except (ValueError, pandas.errors.ParserError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            say(f"its rows cannot be cut into fields ({error})", f"행을 열로 나눌 수 없습니다 ({error})"),
            say("Give every row as many fields as the first.", "모든 행의 열 수를 첫 행과 같게 하세요."),
        ) from error
    pixels = np.concatenate(found)
    return pixels.reshape(len(pixels), *shape_of(width - 1)), labels


def _bytes(block: object, first: int) -> np.ndarray:
    numbers = np.asarray(block)
    if numbers.dtype.kind not in "iuf":
        numbers = _numbers(numbers, first)
    broken = ~((numbers >= 0) & (numbers <= 255) & (numbers == np.floor(numbers)))
    if broken.any():
        row, column = (int(n) for n in np.argwhere(broken)[0])
        raise _no_pixel(first + row, numbers[row, column])
    return numbers.astype(np.uint8)


def _numbers(cells: np.ndarray, first: int) -> np.ndarray:
    numbers = np.empty(cells.shape)
    for row, line in enumerate(cells):
        for column, cell in enumerate(line):
            try:
                numbers[row, column] = float(cell)
            except (TypeError, ValueError):
                raise _no_pixel(first + row, cell) from None
    return numbers


def _no_pixel(line: int, value: object) -> DataError:
    shown = say("an empty field", "빈 칸") if value != value else str(value)[:40]
    return DataError(
        say(
            f"pixels are whole numbers from 0 to 255, and row {line} has {shown}",
            f"픽셀은 0부터 255까지의 정수인데 {line}번 행에 {shown}이(가) 있습니다",
        ),
        say(
            "Other numbers can be given as an .npz file: numpy.savez('mine.npz', x=…, y=…).",
            "다른 수는 .npz 파일로 주세요: numpy.savez('mine.npz', x=…, y=…).",
        ),
    )


def shape_of(count: int) -> Sequence[int]:
    """The picture that so many numbers make: a square of grey or of colours, else a line."""
    for channels in (1, 3):
        side = math.isqrt(count // channels)
        if side * side * channels == count:
            return (side, side) if channels == 1 else (side, side, 3)
    return (count,)
