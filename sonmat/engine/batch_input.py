"""Inputs that arrive in batches (`tf.data`, `PyDataset`, `DataLoader`, generators), read into memory once."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sized
from typing import Any

import jax
import keras
import numpy as np

from sonmat.engine.arrays import as_array, is_leaf, is_sparse
from sonmat.errors import DataError, UnsupportedError
from sonmat.language import say

MATERIALIZED_LIMIT = 4 * 2**30
"""Bytes that an input of batches may take in memory (4 GiB)."""

UNCOUNTED_LIMIT = 2**28
"""Bytes (256 MiB) that are read of an input which does not say how many batches it has, and may well be endless."""

_UNCOUNTED_BATCHES = 100_000  # the same for tiny batches
_ENDLESS = -1  # tf.data.INFINITE_CARDINALITY

Batch = tuple[Any, Any, Any]


def is_batches(x: Any) -> bool:
    """Whether an input is batches rather than arrays."""
    if isinstance(x, keras.utils.PyDataset) or hasattr(x, "as_numpy_iterator"):
        return True
    if hasattr(x, "__array__") or is_sparse(x) or isinstance(x, (dict, list, tuple)):
        return False
    return isinstance(x, Iterable)


def count_of(source: Any) -> int | None:
    """How many batches an input has, or None where it does not say or has no end."""
    if isinstance(source, keras.utils.PyDataset):
        return None if source.num_batches is None else int(source.num_batches)
    if hasattr(source, "cardinality"):
        count = int(source.cardinality())
        return count if count >= 0 else None
    return len(source) if isinstance(source, Sized) else None


def read(source: Any, steps: int | None) -> list[Batch]:
    """The batches of one pass, or the first `steps`, each as inputs, targets and weights.

    Raises:
        DataError: There are none, or there is no end to them and `steps` is None.
        UnsupportedError: They take more than `MATERIALIZED_LIMIT` bytes.
    """
    counted = count_of(source) is not None
    if not counted and steps is None and _is_endless(source):
        raise _needs_steps(source)
    batches: list[Batch] = []
    size = 0
    for batch in itertools.islice(_batches(source), steps):
        parts = keras.utils.unpack_x_y_sample_weight(batch)
        x, y, weight = (jax.tree.map(as_array, part, is_leaf=is_leaf) for part in parts)
        batches.append((x, y, weight))
        size += sum(leaf.nbytes for leaf in jax.tree.leaves(batches[-1]))
        if size > MATERIALIZED_LIMIT:
            raise _too_large()
        if not counted and steps is None and (size > UNCOUNTED_LIMIT or len(batches) > _UNCOUNTED_BATCHES):
            raise _needs_steps(source)
    if not batches:
        raise DataError(
            say("The input gave no batch.", "입력에서 배치가 나오지 않았습니다."),
            say("Check that it yields (x, y) batches.", "(x, y) 배치를 내는지 확인하세요."),
        )
    return batches


def together(batches: list[Batch]) -> Batch:
    """Batches put together to arrays."""
    try:
        x, y, weight = jax.tree.map(lambda *leaves: np.concatenate(leaves), *batches)
    except ValueError as error:
        raise DataError(
            say(
                f"The batches of the input do not have the same shapes or parts: {error}",
                f"입력 배치들의 모양이나 구성이 서로 다릅니다: {error}",
            ),
            say(
                "Give every batch the same structure, and arrays that differ in their first axis alone.",
                "모든 배치의 구조를 같게 하고, 첫 축만 다른 배열을 주세요.",
            ),
        ) from error
    return x, y, weight


def _batches(source: Any) -> Iterator[Any]:
    if isinstance(source, keras.utils.PyDataset):
        count = source.num_batches
        numbers = itertools.count() if count is None else range(count)
        return (source[i] for i in numbers)
    if hasattr(source, "as_numpy_iterator"):
        return iter(source.as_numpy_iterator())
    return iter(source)


def _is_endless(source: Any) -> bool:
    if isinstance(source, keras.utils.PyDataset):
        return True
    return hasattr(source, "cardinality") and int(source.cardinality()) == _ENDLESS


def _needs_steps(source: Any) -> DataError:
    name = type(source).__name__
    return DataError(
        say(
            f"This {name} does not say how many batches it has, and gave no end of them.",
            f"이 {name}은(는) 배치가 몇 개인지 알려 주지 않고, 끝없이 배치를 냅니다.",
        ),
        say(
            "Say how many to read: steps_per_epoch=100 in fit (validation_steps for validation data), steps=100 elsewhere.",
            "몇 개를 읽을지 정하세요. fit에서는 steps_per_epoch=100 (검증 데이터는 validation_steps), 그 밖에서는 steps=100.",
        ),
    )


def _too_large() -> UnsupportedError:
    limit = f"{MATERIALIZED_LIMIT / 2**30:.0f} GiB"
    return UnsupportedError(
        say(
            f"The input is read into memory once, up to {limit}; it has more.",
            f"입력은 메모리에 한 번 읽어 들이며 {limit}까지입니다. 그보다 큽니다.",
        ),
        say("Give fewer or smaller batches, or train with model.fit.", "배치를 줄이거나 model.fit으로 학습하세요."),
    )
