"""A convolutional network for sentences, the catalog's `textcnn`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.models.ngrams import votes
from sonmat.models.room import check_room

if TYPE_CHECKING:
    import keras

    from sonmat.models.recipe import Recipe

DATA = "sentences.csv"
"""What the recipe calls its data: sentences are always one's own."""

_VOCABULARY, _LENGTH, _CLASSES = 8000, 32, 2
_LONGEST_RUN = 8


def textcnn(
    data: Any = None,
    *,
    units: int = 128,
    widths: Sequence[int] = (3, 4, 5),
    filters: int = 128,
    activation: str = "relu",
    token_dropout: float = 0.0,
    dropout: float = 0.5,
    ngrams: int = 0,
) -> keras.Model:
    """Embedding, parallel convolutions over the pieces of a sentence, the largest of each over time, dropout. Not compiled.

    References: Kim, "Convolutional neural networks for sentence classification", 2014; without vectors trained elsewhere. With
    `ngrams` as `sonmat.models.ngrams` has them.

    Args:
        data: Gives length, vocabulary and classes: a tokenized `Dataset`, or anything with `inputs` (n, length) of whole
            numbers, `classes` and `tokenizer`. None is 32 pieces of 8,000, and 2 classes.
        units: Numbers that stand for a piece.
        widths: Pieces under each kind of filter, each 1 or more.
        filters: Filters of each width.
        activation: Keras's name of the activation after each convolution.
        token_dropout: The share of a sentence's pieces that a training step hides; 0 to below 1.
        dropout: The share of the filters' features that a training step drops; 0 to below 1.
        ngrams: Pieces of the longest runs that also speak for classes by themselves, in a linear path beside the convolutions;
            0 is none, at most 8.

    Returns:
        A model from int32 (n, length) to probabilities, float32 (n, classes).

    Raises:
        RecipeError: A setting out of its range, or data that are no sentences.
    """
    import keras

    _check(units, widths, filters, activation, token_dropout, dropout)
    _check_ngrams(ngrams)
    length, vocabulary, classes = _sizes(data)
    check_room(vocabulary * units + sum(widths) * units * filters)
    inputs = keras.Input((length,), dtype="int32", name="tokens")
    x = keras.layers.Embedding(vocabulary, units, name="embedding")(inputs)
    if token_dropout:
        x = keras.layers.Dropout(token_dropout, noise_shape=(None, length, 1), name="token_dropout")(x)
    found = []
    for width in widths:
        # "same": a sentence shorter than a filter is read too
        y = keras.layers.Conv1D(filters, width, padding="same", activation=activation, name=f"conv_{width}")(x)
        found.append(keras.layers.GlobalMaxPooling1D(name=f"max_{width}")(y))
    x = keras.layers.Concatenate(name="features")(found) if len(found) > 1 else found[0]
    if dropout:
        x = keras.layers.Dropout(dropout, name="dropout")(x)  # seeded by `fit`
    if ngrams:
        deep = keras.layers.Dense(classes, name="convolutions")(x)
        both = keras.layers.Add(name="logits")([deep, votes(inputs, ngrams, classes)])
        outputs = keras.layers.Softmax(name="probabilities")(both)
    else:
        outputs = keras.layers.Dense(classes, activation="softmax", name="probabilities")(x)
    return keras.Model(inputs, outputs, name="textcnn")


def reads(recipe: Recipe) -> str:
    """What a recipe's network is for, as far as that is known without building it: "sentences" or "pictures"."""
    return "sentences" if recipe.tokens is not None or recipe.model.name == "textcnn" else "pictures"


def reads_sentences(model: Any) -> bool:
    """Whether a network looks up pieces of sentences by their numbers."""
    import keras

    return any(isinstance(layer, keras.layers.Embedding) for layer in model._flatten_layers())


def check_reads(name: str, model: Any, data: Any) -> None:
    """Refuse a network that would take the numbers of pieces for amounts.

    Args:
        name: The builder's.
        model: What it built.
        data: What it was built for.

    Raises:
        RecipeError: The data are sentences, and no layer looks pieces up.
    """
    if getattr(data, "tokenizer", None) is not None and not reads_sentences(model):
        raise RecipeError(
            say(
                f"{name} has no Embedding layer: it would take the numbers of a sentence's pieces for amounts.",
                f"{name}에는 Embedding 층이 없어 문장 조각의 번호를 크기로 잘못 읽습니다.",
            ),
            say(
                "For sentences: sonmat train textcnn --data FILE.csv", "문장에는: sonmat train textcnn --data FILE.csv"
            ),
        )


def _sizes(data: Any) -> tuple[int, int, int]:
    if data is None:
        return _LENGTH, _VOCABULARY, _CLASSES
    tokenizer = getattr(data, "tokenizer", None)
    if tokenizer is None:
        shape = tuple(data.inputs.shape[1:])
        uncut = getattr(data, "sentences", None) is not None
        raise RecipeError(
            say(
                "textcnn reads sentences cut into pieces; "
                + ("these are not cut yet." if uncut else f"the data's inputs are {shape} {data.inputs.dtype}."),
                "textcnn은 조각으로 나눈 문장을 읽습니다. "
                + ("아직 나누지 않은 문장입니다." if uncut else f"데이터의 입력은 {shape} {data.inputs.dtype}입니다."),
            ),
            say(
                "Cut them first: train, val, test = sonmat.tokenize(train, val, test)."
                if uncut
                else "Give a CSV file with a text and a label in each row: --data FILE.csv.",
                "먼저 나누세요: train, val, test = sonmat.tokenize(train, val, test)."
                if uncut
                else "행마다 글과 레이블이 있는 CSV 파일을 주세요: --data FILE.csv.",
            ),
        )
    return int(data.inputs.shape[1]), int(tokenizer.vocabulary), len(data.classes)


def _check(
    units: int, widths: Sequence[int], filters: int, activation: str, token_dropout: float, dropout: float
) -> None:
    import keras

    for key, numbers in (("units", [units]), ("filters", [filters]), ("widths", list(widths))):
        if not numbers or not all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in numbers):
            given = widths if key == "widths" else numbers[0]
            raise _wrong(
                key, "whole numbers of 1 or more", "1 이상인 정수", given, "[3, 4, 5]" if key == "widths" else "128"
            )
    if len(set(widths)) < len(widths):
        raise _wrong("widths", "different numbers", "서로 다른 수", widths, "[3, 4, 5]")
    for key, share in (("token_dropout", token_dropout), ("dropout", dropout)):
        if not (math.isfinite(share) and 0 <= share < 1):
            raise _wrong(key, "a number from 0 to below 1", "0 이상 1 미만의 수", share, "0.5")
    try:
        keras.activations.get(activation)
    except ValueError as error:
        raise _wrong("activation", "one of Keras's activations", "Keras의 활성화 함수", activation, "relu") from error


def _check_ngrams(ngrams: int) -> None:
    if not isinstance(ngrams, int) or isinstance(ngrams, bool) or not 0 <= ngrams <= _LONGEST_RUN:
        raise _wrong(
            "ngrams", f"a whole number from 0 to {_LONGEST_RUN}", f"0부터 {_LONGEST_RUN}까지의 정수", ngrams, "3"
        )


def _wrong(key: str, english: str, korean: str, came: object, example: str) -> RecipeError:
    return RecipeError(
        say(
            f"model.{key} should be {english}, but is {came!r}.",
            f"model.{key}에 올 것은 {korean}, 받은 것은 {came!r}입니다.",
        ),
        say(f"Write for example {key} = {example}.", f"예: {key} = {example}."),
    )
