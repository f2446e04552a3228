"""The examples a model learns from or is measured on."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sonmat.data.checks import checked_classes, checked_inputs, checked_labels, checked_scale
from sonmat.data.read_settings import Reading
from sonmat.data.sentences import checked_sentences
from sonmat.data.splitting import stratified
from sonmat.errors import DataError
from sonmat.language import say

if TYPE_CHECKING:
    from sonmat.data.tokenizer import Tokenizer


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Examples with their classes.

    The arrays are views that cannot be written to, so that the fingerprint stays true.

    Attributes:
        inputs: (n, …) raw inputs in their own dtype: uint8 for images. Sentences are (n,) texts until they are cut, and then
            (n, length) int32, the numbers of their pieces.
        labels: (n,) integer class numbers, 0 to `len(classes) - 1`.
        classes: The names of the classes.
        name: What it was loaded as, `"mnist"`.
        part: `"train"`, `"test"`, `"validation"` or `"all"`.
        source: Where it came from: a URL, a path, or `"arrays"`.
        scale: What raw inputs are divided by before a model sees them: 255 for uint8, 1 otherwise.
        rows: (n,) int64, the rows' numbers in the set as it was loaded, by which splits can be compared.
        sentences: (n,) texts, where the inputs are or were some; None for all else.
        tokenizer: What the sentences were cut with; None before, and for all else.
        reading: How data of one's own were read; None for published ones and for arrays.
    """

    inputs: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    name: str
    part: str
    source: str
    scale: float
    rows: np.ndarray
    sentences: np.ndarray | None = None
    tokenizer: Tokenizer | None = None
    reading: Reading | None = None

    def __post_init__(self) -> None:
        for field in ("inputs", "labels", "rows", "sentences"):
            if getattr(self, field) is None:
                continue
            view = getattr(self, field).view()
            view.flags.writeable = False
            object.__setattr__(self, field, view)

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        shape = " × ".join(str(size) for size in self.inputs.shape[1:])
        told = "sentences" if self.sentences is not None else f"{shape} {self.inputs.dtype}"
        return f"<Dataset {self.name} {self.part}: {len(self):,} rows of {told}, {len(self.classes)} classes>"

    @classmethod
    def from_arrays(
        cls,
        inputs: Any,
        labels: Any,
        *,
        classes: Sequence[Any] | None = None,
        name: str = "arrays",
        scale: float | None = None,
        part: str = "all",
        source: str = "arrays",
    ) -> Dataset:
        """Make a data set of one's own arrays, which are checked and not copied.

        Args:
            inputs: (n, …) numbers, all finite.
            labels: (n,) or (n, 1) class numbers from 0; whole numbers kept as floats are taken, one-hot rows are not.
            classes: A name for each class; without it the names are the numbers 0 to the largest label.
            name: What to call the set.
            scale: What inputs are divided by before a model sees them. Without it 255 for uint8 and 1 for all else.
            part: Which part of a whole this is.
            source: Where the arrays came from.

        Raises:
            DataError: The arrays cannot be trained on; it names the row and the value.
        """
        checked = checked_inputs(inputs)
        numbers = checked_labels(labels, len(checked), classes)
        names = checked_classes(classes, numbers)
        rows = np.arange(len(checked), dtype=np.int64)
        return cls(checked, numbers, names, name, part, source, checked_scale(scale, checked), rows)

    @classmethod
    def from_sentences(
        cls,
        sentences: Sequence[str],
        labels: Any,
        *,
        classes: Sequence[Any] | None = None,
        name: str = "sentences",
        part: str = "all",
        source: str = "sentences",
    ) -> Dataset:
        """Make a data set of sentences. They stay texts until a tokenizer cuts them: see `sonmat.tokenize`.

        Args:
            sentences: (n,) texts.
            labels, classes, name, part, source: As `from_arrays` has them.

        Raises:
            DataError: One is no text, or the labels cannot be trained on.
        """
        texts = checked_sentences(sentences)
        numbers = checked_labels(labels, len(texts), classes)
        rows = np.arange(len(texts), dtype=np.int64)
        return cls(texts, numbers, checked_classes(classes, numbers), name, part, source, 1.0, rows, texts)

    def needed_sentences(self) -> list[str]:
        """The sentences.

        Raises:
            DataError: The inputs are something else.
        """
        if self.sentences is None:
            raise DataError(
                say(
                    f"Sentences are needed; the inputs of {self.name} are {self.inputs.shape[1:]} {self.inputs.dtype}.",
                    f"문장이 필요한데 {self.name}의 입력은 {self.inputs.shape[1:]} {self.inputs.dtype}입니다.",
                ),
                say(
                    "Give a CSV file with a text and a label in each row.",
                    "행마다 글과 레이블이 있는 CSV 파일을 주세요.",
                ),
            )
        return list(self.sentences)

    def tokenized(self, tokenizer: Tokenizer) -> Dataset:
        """The sentences as numbers, (n, length) int32.

        Raises:
            DataError: The inputs are no sentences.
        """
        return dataclasses.replace(self, inputs=tokenizer.encode(self.needed_sentences()), tokenizer=tokenizer)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of the dtype, shape and bytes of inputs and labels and of the class names.

        The same on every machine: numbers are hashed in little-endian order.
        """
        digest = hashlib.sha256()
        for array in (_hashed(self.inputs), self.labels):
            ordered = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
            digest.update(f"{ordered.dtype.str}{ordered.shape}".encode())
            digest.update(ordered.reshape(-1).view(np.uint8).data)
        digest.update("\0".join(self.classes).encode())
        return digest.hexdigest()

    def split(self, fraction: float = 0.7, *, seed: int = 0) -> tuple[Dataset, Dataset]:
        """Split into a training and a validation part that share no row.

        The first part has `round(n · fraction)` rows, and every class has its share of them by largest remainders.
        A class of one row goes to the training part; a class that one part has to do without is named in a warning.
        Rows keep their order. The same labels, fraction and seed give the same split on every machine.

        Args:
            fraction: The training part's share, between 0 and 1.
            seed: Any integer.

        Raises:
            DataError: The fraction is not between 0 and 1, the seed is no integer, or there are fewer than two rows.
        """
        first, second = stratified(self.labels, fraction, seed)
        parts = self._part(first, "train"), self._part(second, "validation")
        self._warn_of_missing(*parts)
        return parts

    def take(self, rows: Any, *, part: str | None = None) -> Dataset:
        """The rows at these positions (integers, a slice or a mask), in this order, as the part named.

        Their `rows` stay what they were, so that parts can be compared.

        Raises:
            DataError: A position that the set does not have, or no row at all.
        """
        try:
            positions = np.arange(len(self))[rows if isinstance(rows, slice) else np.asarray(rows)].reshape(-1)
        except IndexError as error:
            raise DataError(
                say(
                    f"take() needs positions from 0 to {len(self) - 1}, a slice or a mask: {error}.",
                    f"take()에는 0부터 {len(self) - 1}까지의 위치, 슬라이스 또는 마스크가 필요합니다: {error}.",
                ),
                say("For the first hundred: data.take(slice(100)).", "처음 백 개: data.take(slice(100))."),
            ) from error
        if not len(positions):
            raise DataError(
                say("take() was asked for no row at all.", "take()에 행을 하나도 고르지 않았습니다."),
                say("Choose one row or more.", "한 행 이상 고르세요."),
            )
        return self._part(positions, part or self.part)

    def prepare(self) -> np.ndarray:
        """The inputs as a model sees them: (n, …) float32, divided by `scale`; of sentences the numbers as they are."""
        if self.sentences is not None:
            return self.numbers()
        return self.inputs.astype(np.float32) / np.float32(self.scale)

    def numbers(self) -> np.ndarray:
        """The inputs, which are numbers.

        Raises:
            DataError: They are sentences that no tokenizer has cut yet.
        """
        if self.inputs.dtype == object:
            raise DataError(
                say("These sentences are not cut into pieces yet.", "아직 조각으로 나누지 않은 문장입니다."),
                say(
                    "Do it first: train, val, test = sonmat.tokenize(train, val, test).",
                    "먼저 나누세요: train, val, test = sonmat.tokenize(train, val, test).",
                ),
            )
        return self.inputs

    def _part(self, positions: np.ndarray, part: str) -> Dataset:
        return dataclasses.replace(
            self,
            inputs=self.inputs.take(positions, axis=0),  # ten times as fast as indexing
            labels=self.labels.take(positions),
            sentences=None if self.sentences is None else self.sentences.take(positions),
            rows=self.rows.take(positions),
            part=part,
        )

    def _warn_of_missing(self, train: Dataset, validation: Dataset) -> None:
        here = np.unique(self.labels)
        for part, where in ((train, say("training", "학습")), (validation, say("validation", "검증"))):
            missing = np.setdiff1d(here, part.labels)
            if len(missing):
                names = ", ".join(repr(self.classes[number]) for number in missing[:5]) + (
                    "…" if len(missing) > 5 else ""
                )
                warnings.warn(
                    say(
                        f"The {where} part has no row of {names}: too few rows of these classes to split.",
                        f"{where} 부분에 {names} 클래스의 행이 없습니다. 나누기에는 행이 너무 적습니다.",
                    ),
                    stacklevel=3,
                )


def _hashed(inputs: np.ndarray) -> np.ndarray:
    """The inputs as numbers: sentences by their own sums, one a row."""
    if inputs.dtype != object:
        return inputs
    return np.stack([np.frombuffer(hashlib.sha256(one.encode()).digest(), np.uint8) for one in inputs])
