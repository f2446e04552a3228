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

from sonmat.data.tokenizer import Tokenizer
from sonmat.engine.attribution import as_chances, probability
from sonmat.engine.program import values

_TINY = 1e-7
_STEPS = 64  # along the way; the weights then add up to the change of log p within a percent or so


@dataclass(frozen=True)
class Part:
    """A part of a sentence, and how much it speaks for a class.

    Attributes:
        text: The part, as the sentence has it.
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

    Returns:
        A part for each piece that the network sees; none where the network looks its pieces up in more than one table.
    """
    embeddings = [layer for layer in model.layers if isinstance(layer, keras.layers.Embedding)]
    if len(embeddings) != 1:
        return []
    (embedding,) = embeddings
    rest = keras.Model(embedding.output, model.output)
    state = values(rest.trainable_variables), values(rest.non_trainable_variables)
    tokens = tokenizer.encode([sentence])
    numbers = jnp.asarray(embedding(tokens))
    nothing = jnp.asarray(embedding(np.zeros((1, 1), np.int32)))

    def log_probability(x: Any) -> Any:
        outputs = rest.stateless_call(*state, x, training=False)[0]
        return jnp.log(as_chances(outputs)[:, number] + _TINY).sum()

    way = (jnp.arange(_STEPS, dtype=numbers.dtype) + 0.5)[:, None, None] / _STEPS
    slopes = jax.jit(jax.grad(log_probability))(nothing + way * (numbers - nothing)).mean(0)
    weights: np.ndarray = np.asarray((slopes * (numbers - nothing)[0]).sum(-1))
    cut = tokenizer.cut(sentence)
    return [
        Part(sentence[start:stop], start, stop, float(weight))
        for (_, start, stop), weight in zip(cut, weights[: len(cut)], strict=True)
    ]
