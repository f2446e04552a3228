"""Whatever holds numbers, as the NumPy array that Keras's own data adapter would make of it."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from sonmat.errors import DataError
from sonmat.language import say


def is_leaf(value: Any) -> bool:
    """Whether a value is an array (or None) rather than a tree of them."""
    return value is None or hasattr(value, "__array__") or not isinstance(value, (dict, list, tuple))


def as_array(value: Any) -> Any:
    """One array: floats in `keras.config.floatx()`, integers as they are, sparse matrices dense. None stays None.

    Raises:
        DataError: It holds no numbers, or is a single one.
    """
    if value is None:
        return None
    if hasattr(value, "cpu") and hasattr(value, "detach"):  # a torch tensor
        value = value.detach().cpu()
    if is_sparse(value):
        value = value.toarray()  # batches of a sparse matrix are dense by the time a dense layer sees them
    array = np.asarray(value)
    if array.dtype == object or array.dtype.kind in "USOMm" or array.ndim == 0:
        raise DataError(
            say(
                f"Expected arrays of numbers with one row per example; got {_named(value)}.",
                f"예제마다 한 행인 숫자 배열이 필요하지만 {_named(value)}이(가) 왔습니다.",
            ),
            say(
                "Convert it with numpy.asarray(…, dtype='float32') first.",
                "numpy.asarray(…, dtype='float32')로 먼저 바꾸세요.",
            ),
        )
    if array.dtype.kind == "f" and array.dtype != keras.config.floatx():
        array = array.astype(keras.config.floatx())
    return array


def is_sparse(value: Any) -> bool:
    """Whether a value is a sparse matrix of SciPy's."""
    return hasattr(value, "toarray") and hasattr(value, "nnz")


def check_finite(name: str, array: np.ndarray) -> None:
    """Refuse NaN and infinities.

    Raises:
        DataError: It names how many rows hold them, and the first.
    """
    if array.dtype.kind not in "fc" or np.isfinite(array.sum()):  # one pass; an overflowing sum is looked at again
        return
    bad = ~np.isfinite(array.reshape(len(array), -1)).all(1)
    if not bad.any():
        return
    row = int(bad.argmax())
    raise DataError(
        say(
            f"{name} must be finite, but {int(bad.sum())} of {len(array)} rows hold NaN or infinity (the first: row {row}).",
            f"{name}은(는) 유한해야 하지만 {len(array)}행 중 {int(bad.sum())}행에 NaN이나 무한대가 있습니다 (첫 행: {row}).",
        ),
        say(
            f"Find them with numpy.isfinite({name}), then drop or fill those rows.",
            f"numpy.isfinite({name})로 찾아 그 행을 빼거나 채우세요.",
        ),
    )


def _named(value: Any) -> str:
    dtype = getattr(value, "dtype", None)
    return type(value).__name__ + (f" ({dtype}, {getattr(value, 'shape', '?')})" if dtype is not None else "")
