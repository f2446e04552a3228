"""What `fit` and `evaluate` are given, turned into arrays that a compiled program can hold on the device.

Keras's rules hold: floats become `keras.config.floatx()`, integers stay, a class weight becomes a sample weight, class and
sample weights together are refused. What arrives in batches (`tf.data`, `PyDataset`, generators, `DataLoader`s) is read
once into memory, up to `MATERIALIZED_LIMIT`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import jax
import keras
import numpy as np

from sonmat.data.dataset import Dataset
from sonmat.errors import DataError, UnsupportedError
from sonmat.language import say

MATERIALIZED_LIMIT = 4 * 2**30
"""Bytes that an input of batches may take in memory (4 GiB)."""


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
        return replace(self, weight=table[where].reshape(numbers.shape))


def gather(x: Any, y: Any = None, sample_weight: Any = None, *, steps: int | None = None) -> Examples:
    """Everything Keras's `fit` takes as `x` (with `y` and weights), as arrays in memory.

    Args:
        x: Arrays, a tree of arrays, a `Dataset`, a `tf.data.Dataset`, a `keras.utils.PyDataset`, a `DataLoader` or any
            iterable of batches `x`, `(x, y)` or `(x, y, sample_weight)`.
        y: Targets where `x` is arrays.
        sample_weight: Weights, one per example or a tree like `y`.
        steps: Batches to read where the input is an endless one.

    Raises:
        DataError: The arrays do not fit together, or hold values that are not finite.
        UnsupportedError: The input is more than `MATERIALIZED_LIMIT` bytes, or of a kind that cannot be read.
    """
    if isinstance(x, Dataset):
        _refuse_beside(x, y)
        examples = Examples(x.inputs, x.labels, sample_weight, scale=x.scale)
    elif _is_batches(x):
        _refuse_beside(x, y)
        if sample_weight is not None:
            raise DataError(
                say(
                    "sample_weight was given beside an input of batches.",
                    "배치 입력과 함께 sample_weight가 주어졌습니다.",
                ),
                say("Yield (x, y, sample_weight) from the input.", "입력이 (x, y, sample_weight)를 내도록 하세요."),
            )
        examples = _materialized(x, steps)
    else:
        examples = Examples(x, y, sample_weight)
    x, y, weight = jax.tree.map(_array, examples.arrays, is_leaf=_is_leaf)
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


def _is_leaf(value: Any) -> bool:
    return value is None or hasattr(value, "__array__") or not isinstance(value, (dict, list, tuple))


def _array(value: Any) -> Any:
    """One array in the dtype that Keras's own data adapter gives it."""
    if value is None:
        return None
    if hasattr(value, "cpu") and hasattr(value, "detach"):  # a torch tensor
        value = value.detach().cpu()
    if hasattr(value, "todense") and not isinstance(value, np.ndarray):
        value = value.todense()  # batches of a sparse matrix are dense by the time a dense layer sees them
    array = np.asarray(value)
    if array.dtype == object or array.dtype.kind in "USO" or array.ndim == 0:
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


def _named(value: Any) -> str:
    dtype = getattr(value, "dtype", None)
    return type(value).__name__ + (f" ({dtype}, {getattr(value, 'shape', '?')})" if dtype is not None else "")


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
            _check_finite(name, leaf)


def _check_finite(name: str, array: np.ndarray) -> None:
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


def _is_batches(x: Any) -> bool:
    if isinstance(x, keras.utils.PyDataset) or hasattr(x, "as_numpy_iterator"):
        return True
    if hasattr(x, "__array__") or isinstance(x, (dict, list, tuple)):
        return False
    return isinstance(x, Iterable)


def _materialized(source: Any, steps: int | None) -> Examples:
    """Every batch of one pass over `source`, put together."""
    batches: list[tuple[Any, Any, Any]] = []
    size = 0
    for batch in islice(_batches(source), steps):
        parts = tuple(
            jax.tree.map(_array, part, is_leaf=_is_leaf) for part in keras.utils.unpack_x_y_sample_weight(batch)
        )
        size += sum(leaf.nbytes for leaf in jax.tree.leaves(parts))
        if size > MATERIALIZED_LIMIT:
            raise UnsupportedError(
                say(
                    f"The input is read into memory once, up to {MATERIALIZED_LIMIT / 2**30:.0f} GiB; it has more.",
                    f"입력은 메모리에 한 번 읽어 들이며 {MATERIALIZED_LIMIT / 2**30:.0f} GiB까지입니다. 그보다 큽니다.",
                ),
                say(
                    "Give fewer or smaller batches, steps_per_epoch for an endless input, or train with model.fit.",
                    "배치를 줄이거나, 끝없는 입력이면 steps_per_epoch를 주거나, model.fit으로 학습하세요.",
                ),
            )
        batches.append(parts)  # type: ignore[arg-type]
    if not batches:
        raise DataError(
            say("The input gave no batch.", "입력에서 배치가 나오지 않았습니다."),
            say("Check that it yields (x, y) batches.", "(x, y) 배치를 내는지 확인하세요."),
        )
    x, y, weight = jax.tree.map(lambda *leaves: np.concatenate(leaves), *batches)
    return Examples(x, y, weight, batch_size=int(jax.tree.leaves(batches[0])[0].shape[0]))


def _batches(source: Any) -> Iterator[Any]:
    if isinstance(source, keras.utils.PyDataset):
        count = source.num_batches
        numbers: Iterable[int] = range(count) if count is not None else iter(int, 1)
        return (source[i] for i in numbers) if count is not None else (source[i] for i, _ in enumerate(numbers))
    if hasattr(source, "as_numpy_iterator"):
        if int(source.cardinality()) == -1:  # tf.data.INFINITE_CARDINALITY
            warnings.warn(
                say(
                    "An endless tf.data.Dataset is read up to steps_per_epoch once; every epoch sees those batches.",
                    "끝없는 tf.data.Dataset은 steps_per_epoch만큼 한 번 읽으며, 매 에포크가 그 배치를 봅니다.",
                ),
                stacklevel=4,
            )
        return iter(source.as_numpy_iterator())
    return iter(source)


def preparation(scale: float) -> Callable[[Any], Any]:
    """How raw inputs become a model's inputs, as a function for use inside a compiled program."""
    if scale == 1.0:
        return lambda x: x
    return lambda x: jax.tree.map(lambda a: a.astype(keras.config.floatx()) / scale, x)
