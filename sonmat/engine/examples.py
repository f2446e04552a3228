"""What `fit` and `evaluate` are given, turned into arrays that a compiled program can hold on the device.

Keras's rules hold: floats become `keras.config.floatx()`, integers stay, a class weight becomes a sample weight, class and
sample weights together are refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import keras
import numpy as np

from sonmat.data.dataset import Dataset
from sonmat.engine import batch_input
from sonmat.engine.arrays import as_array, check_finite, is_leaf
from sonmat.errors import DataError, UnsupportedError
from sonmat.language import say


@dataclass(frozen=True)
class Examples:
    """Arrays whose first axis counts examples.

    Attributes:
        x: Inputs, an array or a tree of arrays, each (n, ...).
        y: Targets, the same; or None.
        weight: Sample weights, (n,) or a tree like `y`; or None.
        scale: The program divides inputs by this before the model sees them; 1.0 for arrays, which are taken as they are.
        batch_size: Rows in a batch of the input that these came from, or None for arrays.
    """

    x: Any
    y: Any = None
    weight: Any = None
    scale: float = 1.0
    batch_size: int | None = None

    def __len__(self) -> int:
        return int(jax.tree.leaves(self.x)[0].shape[0])

    @property
    def arrays(self) -> tuple[Any, Any, Any]:
        """Inputs, targets and weights, as Keras's steps take them."""
        return self.x, self.y, self.weight

    def rows(self, start: int, stop: int) -> Examples:
        """The examples from `start` up to `stop`."""
        x, y, weight = jax.tree.map(lambda a: a[start:stop], self.arrays)
        return replace(self, x=x, y=y, weight=weight)

    def split(self, fraction: float) -> tuple[Examples, Examples]:
        """Keras's `validation_split`: the last `fraction` of the rows, before any shuffling, is for validation."""
        cut = math.floor(len(self) * (1.0 - fraction))
        if not 0 < cut < len(self):
            raise DataError(
                say(
                    f"validation_split={fraction} of {len(self)} rows leaves one side empty.",
                    f"{len(self)}개 행에 validation_split={fraction}을 쓰면 한쪽이 비게 됩니다.",
                ),
                say("Give more rows or a fraction between 0 and 1.", "행을 늘리거나 0과 1 사이의 비율을 주세요."),
            )
        return self.rows(0, cut), self.rows(cut, len(self))

    def weighted(self, class_weight: Mapping[int, float] | None) -> Examples:
        """These examples with the weight of their class as sample weight; classes that are not named weigh 1."""
        if class_weight is None:
            return self
        if self.weight is not None:
            raise DataError(
                say(
                    "class_weight and sample_weight were both given; Keras takes one of them.",
                    "class_weight와 sample_weight가 함께 주어졌습니다. Keras는 둘 중 하나만 받습니다.",
                ),
                say("Multiply them into one sample_weight.", "둘을 곱해 sample_weight 하나로 주세요."),
            )
        if not isinstance(class_weight, Mapping):
            raise DataError(
                say(
                    f"class_weight must be a dict from class number to weight; got {type(class_weight).__name__}.",
                    f"class_weight는 클래스 번호에서 가중치로 가는 dict여야 하지만 {type(class_weight).__name__}이(가) 왔습니다.",
                ),
                say("For example class_weight=dict(enumerate(weights)).", "예: class_weight=dict(enumerate(weights))."),
            )
        if not isinstance(self.y, np.ndarray):
            raise UnsupportedError(
                say("class_weight needs a single output.", "class_weight는 출력이 하나일 때만 쓸 수 있습니다."),
                say("Use sample_weight, one array per output.", "출력마다 배열 하나씩 sample_weight를 쓰세요."),
            )
        numbers = self.y
        if numbers.ndim > 1:
            numbers = numbers.argmax(-1) if numbers.shape[-1] != 1 else numbers[..., 0]
        numbers = np.round(numbers).astype(np.int64)
        known, where = np.unique(numbers, return_inverse=True)
        table = np.array([class_weight.get(int(c), 1.0) for c in known], keras.config.floatx())
        check_finite("class_weight", table)
        return replace(self, weight=table[where].reshape(numbers.shape))


def gather(x: Any, y: Any = None, sample_weight: Any = None, *, steps: int | None = None) -> Examples:
    """Everything Keras's `fit` takes as `x` (with `y` and weights), as arrays in memory.

    Args:
        x: Arrays, a tree of arrays, a `Dataset`, a `tf.data.Dataset`, a `keras.utils.PyDataset`, a `DataLoader` or any
            iterable of batches `x`, `(x, y)` or `(x, y, sample_weight)`.
        y: Targets where `x` is arrays.
        sample_weight: Weights, one per example or a tree like `y`.
        steps: Batches to read, where not all.

    Raises:
        DataError: The arrays do not fit together, or hold values that are not finite.
        UnsupportedError: An input of batches takes more memory than `batch_input.MATERIALIZED_LIMIT`.
    """
    if isinstance(x, Examples):
        return x
    if isinstance(x, Dataset):
        _refuse_beside(x, y)
        examples = Examples(x.numbers(), x.labels, sample_weight, scale=x.scale)
    elif batch_input.is_batches(x):
        _refuse_beside(x, y)
        if sample_weight is not None:
            raise DataError(
                say(
                    "sample_weight was given beside an input of batches.",
                    "배치 입력과 함께 sample_weight가 주어졌습니다.",
                ),
                say("Yield (x, y, sample_weight) from the input.", "입력이 (x, y, sample_weight)를 내도록 하세요."),
            )
        batches = batch_input.read(x, steps)
        rows = int(jax.tree.leaves(batches[0])[0].shape[0])
        examples = Examples(*batch_input.together(batches), batch_size=rows)
    else:
        examples = Examples(x, y, sample_weight)
    x, y, weight = jax.tree.map(as_array, examples.arrays, is_leaf=is_leaf)
    examples = replace(examples, x=x, y=y, weight=_spread(weight, y))
    _check(examples)
    return examples


def _refuse_beside(x: Any, y: Any) -> None:
    if y is not None:
        raise DataError(
            say(
                f"y was given beside a {type(x).__name__}, which has its own.",
                f"{type(x).__name__}에는 이미 y가 있습니다.",
            ),
            say("Leave y out.", "y를 빼세요."),
        )


def _spread(weight: Any, y: Any) -> Any:
    """One weight per example counts for every output, as in Keras."""
    if isinstance(weight, np.ndarray) and isinstance(y, (dict, list, tuple)):
        return jax.tree.map(lambda _: weight, y)
    return weight


def _check(examples: Examples) -> None:
    counts = {int(leaf.shape[0]) for leaf in jax.tree.leaves(examples.arrays)}
    if not counts:
        raise DataError(say("No input was given.", "입력이 주어지지 않았습니다."), say("Give x.", "x를 주세요."))
    if len(counts) > 1:
        sizes = [sorted({int(a.shape[0]) for a in jax.tree.leaves(part)}) for part in examples.arrays]
        raise DataError(
            say(
                f"Every array needs the same number of rows; got x: {sizes[0]}, y: {sizes[1]}, weights: {sizes[2]}.",
                f"모든 배열의 행 수가 같아야 합니다. x: {sizes[0]}, y: {sizes[1]}, 가중치: {sizes[2]}이(가) 왔습니다.",
            ),
            say("Give one row per example in each.", "배열마다 예제당 한 행씩 주세요."),
        )
    if counts == {0}:
        raise DataError(
            say("The data has no rows.", "데이터에 행이 없습니다."), say("Give at least one.", "한 행 이상 주세요.")
        )
    for name, part in zip(("x", "y", "sample_weight"), examples.arrays, strict=True):
        for leaf in jax.tree.leaves(part):
            check_finite(name, leaf)


def preparation(scale: float) -> Callable[[Any], Any]:
    """How raw inputs become a model's inputs, as a function for use inside a compiled program."""
    if scale == 1.0:
        return lambda x: x
    return lambda x: jax.tree.map(lambda a: a.astype(keras.config.floatx()) / scale, x)
