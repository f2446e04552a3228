"""What arrays must be before anything is trained on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sonmat.errors import DataError
from sonmat.language import say

MOST_CLASSES = 65_536  # above this, labels that were meant as class numbers are something else


def checked_inputs(inputs: Any) -> np.ndarray:
    """The inputs as an array of at least two axes that is free of NaN and infinity.

    Raises:
        DataError: They are not numbers, have no rows or no values, or a value is not finite.
    """
    array = _as_array(inputs, "inputs")
    if array.dtype.kind not in "biuf":
        raise DataError(
            say(
                f"The inputs must be numbers; these have dtype {array.dtype}.",
                f"입력은 숫자여야 하는데 dtype이 {array.dtype}입니다.",
            ),
            say(
                "Convert them first, for example inputs.astype('float32').",
                "먼저 바꾸세요. 예: inputs.astype('float32').",
            ),
        )
    if array.ndim < 2 or array.size == 0:
        raise DataError(
            say(
                "The inputs must be (rows, values…), for example (60000, 28, 28), with one row or more; "
                f"these are {array.shape}.",
                f"입력은 (행, 값…) 모양이고 한 행 이상이어야 합니다. 예: (60000, 28, 28). 받은 모양: {array.shape}.",
            ),
            say(
                "One value a row: inputs.reshape(-1, 1). A single example: inputs[None].",
                "행마다 값이 하나라면 inputs.reshape(-1, 1), 예가 하나라면 inputs[None].",
            ),
        )
    if array.dtype.kind == "f":
        _refuse_non_finite(array)
    return array


def _refuse_non_finite(array: np.ndarray) -> None:
    for start in range(0, len(array), 4096):  # in blocks: a mask of everything would cost a quarter of the data again
        finite = np.isfinite(array[start : start + 4096])
        if not finite.all():
            position = np.argwhere(~finite)[0]
            row, value = start + int(position[0]), array[start : start + 4096][tuple(position)]
            raise DataError(
                say(
                    f"The inputs must be finite; row {row} holds {value} at position {_place(position[1:])}.",
                    f"입력은 유한한 수여야 하는데 {row}번 행의 {_place(position[1:])} 위치에 {value}가 있습니다.",
                ),
                say(
                    "Leave such rows out, or fill them: numpy.nan_to_num(inputs).",
                    "그런 행을 빼거나 채우세요: numpy.nan_to_num(inputs).",
                ),
            )


def _place(position: np.ndarray) -> str:
    return f"({', '.join(str(int(number)) for number in position)})"


def checked_labels(labels: Any, rows: int, classes: Sequence[str] | None) -> np.ndarray:
    """The labels as a vector of class numbers, one for each row of the inputs.

    A column (n, 1) is flattened, and whole numbers kept as floats become int64; integers keep their dtype.

    Raises:
        DataError: Not one integer a row, or a number that no class has.
    """
    array = _as_array(labels, "labels")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise _bad_shape(array)
    if len(array) != rows:
        raise DataError(
            say(
                f"There must be one label for each row of the inputs; there are {rows} rows and {len(array)} labels.",
                f"입력 행마다 레이블이 하나씩 있어야 하는데 행은 {rows}개, 레이블은 {len(array)}개입니다.",
            ),
            say(
                "Check that both come from the same file and were cut in the same way.",
                "둘이 같은 파일에서 왔고 똑같이 잘렸는지 확인하세요.",
            ),
        )
    array = _whole(array)
    _refuse_out_of_range(array, classes)
    return array


def checked_classes(classes: Sequence[Any] | None, labels: np.ndarray) -> tuple[str, ...]:
    """The names of the classes; without any, the numbers 0 to the largest label.

    Raises:
        DataError: Fewer than one name, or a name that is there twice.
    """
    if classes is None:
        return tuple(str(number) for number in range(int(labels.max()) + 1))
    names = tuple(str(name) for name in classes)
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise DataError(
            say(
                f"Every class needs a name of its own; {twice[0]!r} is there twice.",
                f"클래스마다 이름이 달라야 하는데 {twice[0]!r}가 두 번 나옵니다.",
            ),
            say("Rename one of them.", "하나의 이름을 바꾸세요."),
        )
    return names


def check_classes_differ(labels: np.ndarray, name: str) -> None:
    """Refuse data to train on where every row is of the same class.

    Args:
        labels: (n,) class numbers.
        name: What the data are called.

    Raises:
        DataError: There are fewer than two classes among the labels.
    """
    found = np.unique(labels)
    if len(found) < 2:
        raise DataError(
            say(
                f"A classifier needs rows of 2 classes or more to learn from; all {len(labels):,} training rows of {name} are "
                f"of class {found[0]}.",
                f"분류기가 배우려면 클래스가 2개 이상 있어야 하는데 {name}의 학습 행 {len(labels):,}개는 모두 클래스 {found[0]}입니다.",
            ),
            say(
                "Add rows of another class, or check that the labels were read as they were meant.",
                "다른 클래스의 행을 넣거나, 레이블이 뜻대로 읽혔는지 확인하세요.",
            ),
        )


def checked_scale(scale: float | None, inputs: np.ndarray) -> float:
    """What raw inputs are divided by: 255 for uint8 where nothing else was said, 1 otherwise.

    Raises:
        DataError: The scale is not a finite number above zero.
    """
    if scale is None:
        return 255.0 if inputs.dtype == np.uint8 else 1.0
    try:
        value = float(scale)
    except (TypeError, ValueError):
        value = float("nan")
    if not (np.isfinite(value) and value > 0):
        raise DataError(
            say(
                f"The scale must be a finite number above 0; got {scale!r}.",
                f"scale은 0보다 큰 유한한 수여야 합니다. 받은 값: {scale!r}.",
            ),
            say("For bytes it is 255.0; 1.0 leaves inputs as they are.", "바이트라면 255.0, 그대로 두려면 1.0입니다."),
        )
    return value


def _as_array(values: Any, what: str) -> np.ndarray:
    try:
        return np.asarray(values)
    except (TypeError, ValueError) as error:  # rows of different lengths
        raise DataError(
            say(
                f"The {what} must be one array, every row of the same shape: {error}.",
                f"{what}는 모든 행의 모양이 같은 배열 하나여야 합니다: {error}.",
            ),
            say("Pad or crop the rows to one shape.", "행의 모양을 하나로 맞추세요."),
        ) from error


def _bad_shape(array: np.ndarray) -> DataError:
    if array.ndim == 2 and array.shape[1] > 1:
        return DataError(
            say(
                f"The labels must be class numbers of shape (n,); these {array.shape} look one-hot.",
                f"레이블은 (n,) 모양의 클래스 번호여야 하는데 {array.shape}입니다. 원-핫 행렬로 보입니다.",
            ),
            say("Give labels.argmax(axis=1).", "labels.argmax(axis=1)을 넣으세요."),
        )
    return DataError(
        say(
            f"The labels must be class numbers of shape (n,); these are {array.shape}.",
            f"레이블은 (n,) 모양의 클래스 번호여야 하는데 {array.shape}입니다.",
        ),
        say("Give one whole number for each row.", "행마다 정수를 하나씩 넣으세요."),
    )


def _whole(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind in "iu":
        return array
    if array.dtype.kind == "b":
        return array.astype(np.uint8)
    if array.dtype.kind == "f":
        broken = ~(np.isfinite(array) & (array == np.floor(array)) & (np.abs(array) < 2**53))
        if not broken.any():
            return array.astype(np.int64)
        row = int(np.argmax(broken))
        problem = say(
            f"The labels must be whole class numbers; row {row} has {array[row]}.",
            f"레이블은 정수 클래스 번호여야 하는데 {row}번 행은 {array[row]}입니다.",
        )
    else:
        value = repr(array.flat[0].item() if hasattr(array.flat[0], "item") else array.flat[0]) if array.size else "—"
        problem = say(
            f"The labels must be class numbers; these have dtype {array.dtype} (row 0 has {value}).",
            f"레이블은 클래스 번호여야 하는데 dtype이 {array.dtype}입니다 (0번 행: {value}).",
        )
    raise DataError(
        problem,
        say(
            "Number them: classes, labels = numpy.unique(labels, return_inverse=True).",
            "번호를 매기세요: classes, labels = numpy.unique(labels, return_inverse=True).",
        ),
    )


def _refuse_out_of_range(array: np.ndarray, classes: Sequence[str] | None) -> None:
    known = MOST_CLASSES if classes is None else len(classes)
    broken = (array < 0) | (array >= known)
    if not broken.any():
        return
    row = int(np.argmax(broken))
    fix = say(
        "Number the classes from 0 without gaps: classes, labels = numpy.unique(labels, return_inverse=True).",
        "클래스 번호를 0부터 빈틈없이 매기세요: classes, labels = numpy.unique(labels, return_inverse=True).",
    )
    raise DataError(
        say(
            f"The labels must be from 0 to {known - 1}; row {row} has {array[row]}.",
            f"레이블은 0부터 {known - 1}까지여야 하는데 {row}번 행은 {array[row]}입니다.",
        ),
        fix,
    )
