"""Which words decided: what a network says of a sentence without each of them, and the gradients along the way to it from nothing.

References: leaving words out, Li, Monroe and Jurafsky, "Understanding neural networks through representation erasure", 2016;
integrated gradients, Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks", 2017.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from sonmat.data.tokenizer import SPACE, Tokenizer
from sonmat.engine.attribution import as_chances, probability
from sonmat.engine.program import values

_TINY = 1e-7
_STEPS = 64  # along the way; the weights then add up to the change of log p within a percent or so


@dataclass(frozen=True)
class Part:
    """A part of a sentence, and how much it speaks for a class.

    Attributes:
        text: The part, as the sentence has it; "▁" for a piece that only marks a word's beginning.
        start, stop: Where it lies in the sentence, in letters.
        weight: Above 0 where it speaks for the class, below where against. Of a word, how much the class's probability
            falls without it; of a piece, its share in how far the class's log-probability is from that of nothing but padding.
    """

    text: str
    start: int
    stop: int
    weight: float


def words(model: keras.Model, tokenizer: Tokenizer, sentence: str, number: int) -> list[Part]:
    """How much the probability of a class falls when each word is left out; words are what space stands between.

    Args:
        model: A classifier of tokenized sentences.
        tokenizer: Cuts them.
        sentence: The text.
        number: The class.
    """
    spans = [match.span() for match in re.finditer(r"\S+", sentence)]
    without = [f"{sentence[:start]} {sentence[stop:]}" for start, stop in spans]
    found = probability(model, tokenizer.encode([sentence, *without]), number)
    return [
        Part(sentence[start:stop], start, stop, float(found[0] - one))
        for (start, stop), one in zip(spans, found[1:], strict=True)
    ]


def pieces(model: keras.Model, tokenizer: Tokenizer, sentence: str, number: int) -> list[Part]:
    """How much each piece does for a class's log-probability: its gradients, summed along the way from padding to the piece.

    Where a network looks runs of pieces up too (`sonmat.models.ngrams`), what a run does is shared among its pieces.

    Returns:
        A part for each piece that the network sees; none where it cannot be told which piece a looked-up vector is of.
    """
    tokens = tokenizer.encode([sentence])
    tables = [layer for layer in model.layers if isinstance(layer, keras.layers.Embedding)]
    if not tables or not all(_is_called_once(layer) for layer in tables):
        return []
    looking_up = keras.Model(model.input, [layer.output for layer in tables])
    found = [jnp.asarray(one) for one in jax.tree.leaves(looking_up(tokens))]  # Keras gives one of one without a list
    if not all(_runs_end(one.shape[1], tokens.shape[1]) for one in found):
        return []
    nothing = [
        jnp.broadcast_to(jnp.asarray(layer.embeddings)[0], one.shape) for layer, one in zip(tables, found, strict=True)
    ]
    slopes = _slopes(model, tables, tokens, nothing, found, number)
    weights = np.zeros(tokens.shape[1])
    for slope, one, zero in zip(slopes, found, nothing, strict=True):
        weights += _by_piece(np.asarray((slope * (one - zero)[0]).sum(-1)), tokens.shape[1])
    cut = tokenizer.cut(sentence)
    return [
        # a word's mark that stands alone is told to lie where the word's first letter does
        Part(sentence[start:stop] if piece != SPACE else SPACE, start, stop, float(weight))
        for (piece, start, stop), weight in zip(cut, weights[: len(cut)], strict=True)
    ]


def _is_called_once(layer: keras.Layer) -> bool:
    return len(layer._inbound_nodes) == 1


def _slopes(
    model: keras.Model, tables: list[Any], tokens: np.ndarray, nothing: list[Any], found: list[Any], number: int
) -> list[Any]:
    """The mean gradient of a class's log-probability by each looked-up vector, along the way from `nothing` to `found`."""
    rest = keras.Model([model.input, *(layer.output for layer in tables)], model.output)
    state = values(rest.trainable_variables), values(rest.non_trainable_variables)
    every = jnp.broadcast_to(jnp.asarray(tokens), (_STEPS, tokens.shape[1]))

    def log_probability(looked_up: list[Any]) -> Any:
        outputs = rest.stateless_call(*state, [every, *looked_up], training=False)[0]
        return jnp.log(as_chances(outputs)[:, number] + _TINY).sum()

    way = (jnp.arange(_STEPS, dtype=found[0].dtype) + 0.5)[:, None, None] / _STEPS
    along = [zero + way * (one - zero) for one, zero in zip(found, nothing, strict=True)]
    return [slope.mean(0) for slope in jax.jit(jax.grad(log_probability))(along)]


def _runs_end(count: int, length: int) -> int:
    """The longest run among `count` vectors, where they are of all runs of 1, 2, … of `length` pieces in order; 0 if not."""
    longest = 0
    while count > 0 and longest < length:
        count -= length - longest
        longest += 1
    return longest if count == 0 else 0


def _by_piece(weights: np.ndarray, length: int) -> np.ndarray:
    """What runs of 1, 2, … pieces weigh, (…,), shared among the pieces of each, (length,)."""
    shared = np.zeros(length)
    start = 0
    for run in range(1, _runs_end(len(weights), length) + 1):
        count = length - run + 1
        for place in range(run):
            shared[place : place + count] += weights[start : start + count] / run
        start += count
    return shared
