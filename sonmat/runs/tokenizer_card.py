"""The tokenizer in a model's card: written as `tokenizers` has it, and read from strangers without that library's parser.

What cuts sentences is native code that takes its JSON at its word: a padding of 2³¹ pieces, or eight replacements of a letter by
ten of it, and the first sentence ends the process, where no exception can be caught (tokenizers 0.23). So none of a stranger's
reaches it: of the JSON only the pieces and the merges are taken, each held against limits, and the rest is put together here as it
was when it was trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from sonmat.data.cutting import MOST_LENGTH, MOST_PIECES
from sonmat.data.tokenizer import PADDING, UNKNOWN, Tokenizer
from sonmat.runs.safe_json import refuse

if TYPE_CHECKING:
    import keras

    from sonmat.data.dataset import Dataset

TOKENIZER, LENGTH = "tokenizer", "length"
"""Entries of the card's `inputs`."""

_LONGEST_PIECE = 1000  # characters; training makes them of a few


def inputs_of(rows: Dataset) -> dict[str, Any]:
    """What a model's card says of how raw inputs become the network's."""
    told: dict[str, Any] = {"scale": rows.scale}
    if (
        rows.reading is not None and rows.reading.settings.size is not None
    ):  # pictures in files: as these were made, so are others
        told["cleaning"] = "strokes" if rows.reading.settings.clean else "resized"
    return told if rows.tokenizer is None else told | told_of(rows.tokenizer)


def told_of(tokenizer: Tokenizer) -> dict[str, Any]:
    """A tokenizer as a card has it."""
    return {TOKENIZER: tokenizer.as_json(), LENGTH: tokenizer.length}


def tokenizer_of(inputs: Mapping[str, Any] | None) -> Tokenizer | None:
    """The tokenizer of a stranger's card, or None where it has none.

    Raises:
        ModelFileError: It is none that sonmat wrote, or over a limit.
    """
    if inputs is None or TOKENIZER not in inputs:
        return None
    told, length = inputs[TOKENIZER], inputs.get(LENGTH)
    if isinstance(length, bool) or not isinstance(length, int) or not 1 <= length <= MOST_LENGTH:
        refuse(
            f"The length of sentences in the model's card should be from 1 to {MOST_LENGTH}.",
            f"모델 카드에 적힌 문장의 길이는 1부터 {MOST_LENGTH}까지여야 합니다.",
        )
    model = told.get("model") if isinstance(told, dict) else None
    if not isinstance(model, dict):
        _broken()
    pieces = _pieces(model.get("vocab"))
    joined = model.get("type") == "BPE"
    merges = _merges(model.get("merges"), frozenset(pieces)) if joined else ()
    return Tokenizer(_kind(told, joined), pieces, merges, length)


def check_fits(model: keras.Model, tokenizer: Tokenizer | None) -> None:
    """Refuse a tokenizer that gives numbers which a network has no place for.

    Raises:
        ModelFileError: The network takes sentences of another length, or looks up fewer pieces.
    """
    if tokenizer is None:
        return
    import keras

    tables = [layer.input_dim for layer in model._flatten_layers() if isinstance(layer, keras.layers.Embedding)]
    if tuple(model.input_shape[1:]) != (tokenizer.length,) or min(tables, default=0) < tokenizer.vocabulary:
        refuse(
            "The tokenizer in the model's card is not that of its network.",
            "모델 카드의 토크나이저가 이 신경망의 것이 아닙니다.",
        )


def _kind(told: Mapping[str, Any], joined: bool) -> str:
    """Which kind it is, by the parts that differ; everything else is as sonmat makes it."""
    if joined:
        normalizer = told.get("normalizer")
        steps = normalizer.get("normalizers") if isinstance(normalizer, dict) else None
        first = steps[0] if isinstance(steps, list) and steps else None
        if isinstance(first, dict) and first.get("type") == "NFKD":
            return "jamo"
        return "syllables" if "Split" in _steps(told.get("pre_tokenizer")) else "pieces"
    if told["model"].get("type") != "WordLevel":
        _broken()
    before = told.get("pre_tokenizer")
    return "characters" if isinstance(before, dict) and before.get("type") == "Split" else "words"


def _steps(told: Any) -> list[Any]:
    """The types of the parts of a sequence."""
    parts = told.get("pretokenizers") if isinstance(told, dict) else None
    return [one.get("type") for one in parts if isinstance(one, dict)] if isinstance(parts, list) else []


def _pieces(vocab: Any) -> tuple[str, ...]:
    if not isinstance(vocab, dict) or not 2 <= len(vocab) <= MOST_PIECES + 2:
        _broken()
    if not all(type(number) is int for number in vocab.values()) or set(vocab.values()) != set(range(len(vocab))):
        _broken()
    pieces: tuple[str, ...] = tuple(sorted(vocab, key=vocab.__getitem__))
    if pieces[:2] != (PADDING, UNKNOWN) or not all(map(_is_piece, pieces)):
        _broken()
    return pieces


def _merges(merges: Any, pieces: frozenset[str]) -> tuple[tuple[str, str], ...]:
    if not isinstance(merges, list) or len(merges) > len(pieces):
        _broken()
    found = []
    for one in merges:
        pair = tuple(one.split(" ", 1)) if isinstance(one, str) else tuple(one) if isinstance(one, list) else ()
        if len(pair) != 2 or not all(isinstance(part, str) and part in pieces for part in pair):
            _broken()
        if pair[0] + pair[1] not in pieces:
            _broken()
        found.append((pair[0], pair[1]))
    return tuple(found)


def _is_piece(piece: str) -> bool:
    """Whether it is a text that can be written as UTF-8: half of a surrogate pair cannot."""
    return 0 < len(piece) <= _LONGEST_PIECE and not any("\ud800" <= c <= "\udfff" for c in piece)


def _broken() -> NoReturn:
    refuse(
        "The tokenizer in the model's card is not one that sonmat wrote.",
        "모델 카드에 있는 토크나이저가 sonmat이 쓴 것이 아닙니다.",
    )
