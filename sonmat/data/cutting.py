"""How sentences are cut: the settings, and a tokenizer trained on the training rows alone."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from sonmat.data.tokenizer import JOINED, KINDS, LONGEST, PADDING, UNKNOWN, Tokenizer, assembled
from sonmat.errors import DataError, RecipeError
from sonmat.language import say

if TYPE_CHECKING:
    from sonmat.data.dataset import Dataset

MOST_PIECES, MOST_LENGTH = 20_000, 512
"""What a model's file carries and a network of this size can use."""

_LEAST_LENGTH, _LONG_ENOUGH = 8, 0.995  # of the training sentences fit whole
_ROOM = 700_000  # bytes of pieces and merges: a model's card may have a MiB
_EXAMPLES = {"kind": '"syllables"', "vocabulary": "8000", "length": "40"}


@dataclass(frozen=True)
class Cutting:
    """The settings of a tokenizer, `tokens` in a recipe.

    Attributes:
        kind: What sentences are cut into: `"syllables"`, `"pieces"`, `"jamo"`, `"words"` or `"characters"`; see `Tokenizer`.
        vocabulary: Pieces at most, 100 to 20,000.
        length: Pieces of a sentence that a network sees, 1 to 512; 0 chooses so that 99.5 % of the training rows fit.
    """

    kind: str = "syllables"
    vocabulary: int = 8000
    length: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise _wrong("kind", say(f"one of {', '.join(KINDS)}", f"{', '.join(KINDS)} 중 하나"), self.kind)
        for key, low, high in (("vocabulary", 100, MOST_PIECES), ("length", 0, MOST_LENGTH)):
            value = getattr(self, key)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                expected = say(f"a whole number from {low} to {high:,}", f"{low}부터 {high:,}까지의 정수")
                raise _wrong(key, expected, value)

    @classmethod
    def of(cls, value: Mapping[str, Any] | Cutting | None) -> Cutting:
        """The settings from a recipe's table; None is the defaults.

        Raises:
            RecipeError: An unknown key, or a value out of its range.
        """
        if isinstance(value, Cutting):
            return value
        if not isinstance(value, Mapping | None):
            raise _wrong("", say("a table", "설정 표"), value)
        for key in value or ():
            if key not in NAMES:
                near = difflib.get_close_matches(str(key), NAMES, n=1, cutoff=0.5)
                raise RecipeError(
                    say(f"There is no setting called 'tokens.{key}'.", f"'tokens.{key}'(이)라는 설정은 없습니다."),
                    say(f"Did you mean 'tokens.{near[0]}'?", f"'tokens.{near[0]}'인가요?")
                    if near
                    else say(f"Known: {', '.join(NAMES)}.", f"있는 것: {', '.join(NAMES)}."),
                )
        return cls(**(value or {}))

    def train(self, sentences: Sequence[str]) -> Tokenizer:
        """A tokenizer of these sentences: the same sentences give the same one.

        Args:
            sentences: Of the training rows, and of no others.

        Raises:
            DataError: There is not a letter in them, or their pieces are too long to be kept.
        """
        cut = [one[:LONGEST] for one in sentences]
        library = assembled(self.kind)
        learnt = _without_rare_letters(library, cut, self.vocabulary // 2) if self.kind in JOINED else cut
        library.train_from_iterator(learnt, _trainer(self.kind, self.vocabulary), length=len(learnt))
        numbers = library.get_vocab()
        pieces = tuple(sorted(numbers, key=numbers.__getitem__))
        if len(pieces) <= 2:
            raise DataError(
                say("There is no letter in the training sentences.", "학습 문장에 글자가 없습니다."),
                say("Check which column is the text.", "어느 열이 문장인지 확인하세요."),
            )
        merges = _merges(library)
        _check_room(pieces, merges)
        tokenizer = Tokenizer(self.kind, pieces, merges, MOST_LENGTH)
        return Tokenizer(self.kind, pieces, merges, self.length or _fitting(tokenizer.counts(cut)))


NAMES = tuple(item.name for item in fields(Cutting))


def tokenize(train: Dataset, *others: Dataset, **settings: Any) -> tuple[Dataset, ...]:
    """Data sets of sentences as numbers, cut by a tokenizer that is trained on the first alone.

    Args:
        train: The training rows.
        others: Rows for validation and test.
        settings: `kind`, `vocabulary` and `length`, as `Cutting` has them.

    Returns:
        All of them, with (n, length) int32 inputs and `tokenizer`.

    Raises:
        RecipeError: A setting that there is not, or out of its range.
        DataError: They are no sentences.
    """
    tokenizer = Cutting.of(settings).train(train.needed_sentences())
    return tuple(one.tokenized(tokenizer) for one in (train, *others))


def _trainer(kind: str, vocabulary: int) -> Any:
    from tokenizers import trainers

    how: dict[str, Any] = {
        "vocab_size": vocabulary,
        "special_tokens": [PADDING, UNKNOWN],
        "min_frequency": 2,  # what stands in one row alone is learnt by heart
        "show_progress": False,
    }
    return trainers.WordLevelTrainer(**how) if kind in ("words", "characters") else trainers.BpeTrainer(**how)


def _without_rare_letters(library: Any, sentences: Sequence[str], most: int) -> list[str]:
    """The sentences without letters that occur once, and without the rarest where there are more than `most`.

    The library would keep every letter there is. So `[UNK]` is met in training, and learnt, as it will be met later.
    """
    plain = [library.normalizer.normalize_str(one) for one in sentences]
    counts = Counter(letter for one in plain for letter in one)
    often = sorted((letter for letter, count in counts.items() if count > 1), key=lambda one: (-counts[one], one))
    rare = dict.fromkeys(map(ord, counts.keys() - set(often[:most])))
    return [one.translate(rare) for one in plain]


def _merges(library: Any) -> tuple[tuple[str, str], ...]:
    import json

    found = json.loads(library.to_str())["model"].get("merges", [])
    return tuple((one[0], one[1]) if isinstance(one, list) else tuple(one.split(" ", 1)) for one in found)


def _fitting(counts: np.ndarray) -> int:
    """A length that all but the longest sentences fit into."""
    length = int(np.quantile(counts, _LONG_ENOUGH, method="higher"))
    return min(max(length, _LEAST_LENGTH), MOST_LENGTH)


def _check_room(pieces: Sequence[str], merges: Sequence[tuple[str, str]]) -> None:
    size = sum(len(one.encode()) + 12 for one in (*pieces, *(part for pair in merges for part in pair)))
    if size > _ROOM:
        raise DataError(
            say(
                f"The tokenizer would take {size:,} bytes of the model's file; at most {_ROOM:,} are kept.",
                f"토크나이저가 모델 파일에서 {size:,}바이트를 차지합니다. {_ROOM:,}바이트까지만 저장합니다.",
            ),
            say("Take fewer pieces: --set tokens.vocabulary=4000.", "조각을 줄이세요: --set tokens.vocabulary=4000."),
        )


def _wrong(key: str, expected: str, came: object) -> RecipeError:
    name = f"tokens.{key}".rstrip(".")
    example = _EXAMPLES.get(key, '{kind = "syllables"}')
    return RecipeError(
        say(
            f"{name} should be {expected}, but is {came!r}.", f"{name}에 올 것은 {expected}, 받은 것은 {came!r}입니다."
        ),
        say(f"Write for example --set {name}={example}.", f"예: --set {name}={example}."),
    )
