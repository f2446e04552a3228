"""Sentences as numbers: the pieces that a sentence is cut into, and the numbers that stand for them."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import tokenizers

KINDS = ("syllables", "pieces", "jamo", "words", "characters")
JOINED = ("syllables", "pieces", "jamo")
"""Kinds that are learnt by joining pieces."""

PADDING, UNKNOWN = "[PAD]", "[UNK]"
"""The first two pieces: 0 fills a sentence up to the length, 1 stands for what no training row had."""

LONGEST = 20_000
"""Letters of a sentence that are looked at; what follows would be cut off anyway."""

SPACE = "▁"
"""SentencePiece's mark of a word's beginning."""


@dataclass(frozen=True, repr=False)
class Tokenizer:
    """Cuts sentences into pieces and gives each its number; the same on every machine.

    Width and case of letters do not count (NFKC, lower case), nor does how much space stands between words.

    Attributes:
        kind: `"pieces"` of words, learnt by joining what stands together most often (byte-pair encoding); `"syllables"`, the same
            but with each Hangul syllable by itself; `"jamo"`, pieces with Hangul taken apart into its letters first (NFKD), so
            that 가 and 갔 share ㄱ and ㅏ; `"words"`; or `"characters"`.
        pieces: In the order of their numbers; the first are `[PAD]` and `[UNK]`.
        merges: Which two pieces are joined, the first to be joined first; empty for words and characters.
        length: Pieces of a sentence that a network sees; longer ones are cut off, shorter ones filled up with 0.

    Reference: Sennrich, Haddow, Birch, "Neural machine translation of rare words with subword units", 2016.
    """

    kind: str
    pieces: tuple[str, ...]
    merges: tuple[tuple[str, str], ...]
    length: int

    def __repr__(self) -> str:
        return f"<Tokenizer: {len(self.pieces):,} {self.kind}, {self.length} a sentence>"

    @property
    def vocabulary(self) -> int:
        """How many pieces there are, the two marks included."""
        return len(self.pieces)

    def encode(self, sentences: Sequence[str]) -> np.ndarray:
        """The numbers of the sentences' pieces, (n, length) int32."""
        ids = np.zeros((len(sentences), self.length), np.int32)
        for row, found in zip(ids, self._encoded(sentences), strict=True):
            numbers = found.ids[: self.length]
            row[: len(numbers)] = numbers
        return ids

    def cut(self, sentence: str) -> list[tuple[str, int, int]]:
        """A sentence's pieces that a network sees: each with where it begins and ends in the sentence, in letters."""
        (found,) = self._encoded([sentence])
        pieces = zip(found.tokens, found.offsets, strict=True)
        return [(piece, start, stop) for piece, (start, stop) in pieces][: self.length]

    def counts(self, sentences: Sequence[str]) -> np.ndarray:
        """How many pieces each sentence has, (n,) int64; not cut off."""
        return np.array([len(found.ids) for found in self._encoded(sentences)], np.int64)

    def as_json(self) -> dict[str, Any]:
        """What the library `tokenizers` reads with `Tokenizer.from_str`, in any of its languages."""
        told: dict[str, Any] = json.loads(self._library.to_str())
        return told

    def _encoded(self, sentences: Iterable[str]) -> list[Any]:
        found: list[Any] = self._library.encode_batch([one[:LONGEST] for one in sentences])
        return found

    @functools.cached_property
    def _library(self) -> tokenizers.Tokenizer:
        return assembled(self.kind, self.pieces, self.merges)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_library"}


def assembled(kind: str, pieces: Sequence[str] = (), merges: Sequence[tuple[str, str]] = ()) -> tokenizers.Tokenizer:
    """The library's tokenizer of a kind, with these pieces; without any, one that can be trained."""
    import tokenizers
    from tokenizers import models, normalizers, pre_tokenizers

    numbers = {piece: number for number, piece in enumerate(pieces)}
    if kind in JOINED:
        how: dict[str, Any] = {"vocab": numbers, "merges": list(merges)} if numbers else {}
        model: Any = models.BPE(unk_token=UNKNOWN, **how)
    else:
        model = models.WordLevel(numbers or None, unk_token=UNKNOWN)
    found = tokenizers.Tokenizer(model)
    form = normalizers.NFKD() if kind == "jamo" else normalizers.NFKC()
    space = normalizers.Replace(tokenizers.Regex(r"\s+"), " ")
    found.normalizer = normalizers.Sequence([form, normalizers.Lowercase(), space, normalizers.Strip()])
    if kind == "characters":
        found.pre_tokenizer = pre_tokenizers.Split(tokenizers.Regex(r"[\s\S]"), "isolated")
    elif kind == "words":
        found.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    else:
        apart = [pre_tokenizers.Metaspace(SPACE, "always"), pre_tokenizers.Punctuation()]
        if kind == "syllables":
            apart.append(pre_tokenizers.Split(tokenizers.Regex("[가-힣]"), "isolated"))
        found.pre_tokenizer = pre_tokenizers.Sequence(apart)
    return found
