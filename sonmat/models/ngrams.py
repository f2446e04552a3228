"""A linear path over runs of neighbouring pieces, beside the network that a sentence goes through.

References: the linear path beside the deep one, Cheng et al., "Wide & deep learning for recommender systems", 2016; runs of pieces
by hashed numbers, Joulin et al., "Bag of tricks for efficient text classification", 2017.
"""

from __future__ import annotations

from typing import Any

_TABLES = ((4, 262_139), (8, 131_071), (16, 65_521))
"""Classes at most, and rows: primes under 2¹⁸, 2¹⁷ and 2¹⁶, so that a table has about a million numbers at most."""

_FACTOR = 8171  # a prime; 262,138 · 8171 + 20,002 is still an int32, and runs spread as evenly as by chance (8191 is far from it)
_PACE = (
    3.0  # Adam's step is made for a convolution's weights; at 1 the wide path stayed behind, 85.9 % where 3 gave 86.9 %
)


def table_of(classes: int) -> tuple[int, int]:
    """Rows and columns of the table that runs are looked up in: a column a class, and 16 where there are more classes."""
    columns = min(classes, _TABLES[-1][0])
    return next(rows for most, rows in _TABLES if columns <= most), columns


def votes(tokens: Any, longest: int, classes: int) -> Any:
    """What runs of 1 to `longest` pieces say of each class, summed and divided by the root of how many there are.

    Args:
        tokens: Keras tensor of pieces' numbers, (n, length) int32; 0 is no piece.
        longest: Pieces of the longest run; at most `length` count.
        classes: How many.

    Returns:
        Keras tensor, (n, classes) float32, to be added to other logits. Runs share a row of the table where their hashes meet.
    """
    import keras
    from keras import ops

    rows, columns = table_of(classes)
    numbers = runs(tokens, min(longest, tokens.shape[1]), rows)
    # a column a class starts at nothing, as the weights of a linear model do
    start = "zeros" if columns == classes else "uniform"
    said = keras.layers.Embedding(rows, columns, embeddings_initializer=start, name="runs")(numbers)
    there = ops.minimum(numbers, 1)
    count = ops.maximum(ops.sum(there, axis=1, keepdims=True), 1)
    total = ops.sum(ops.multiply(said, ops.expand_dims(there, -1)), axis=1)
    spoken = ops.divide(ops.multiply(total, _PACE), ops.sqrt(count))
    if columns == classes:
        return spoken
    return keras.layers.Dense(classes, use_bias=False, name="votes")(spoken)


def runs(tokens: Any, longest: int, rows: int) -> Any:
    """The numbers of all runs, (n, …) int32 from 0 to `rows` − 1; 0 where a run would reach beyond the sentence."""
    from keras import ops

    found, last = [tokens], tokens
    for length in range(2, longest + 1):
        piece = tokens[:, length - 1 :]
        hashed = ops.mod(ops.add(ops.multiply(last[:, :-1], _FACTOR), piece), rows)
        last = ops.multiply(hashed, ops.minimum(piece, 1))
        found.append(last)
    return ops.concatenate(found, axis=1) if longest > 1 else tokens  # the layer would call them float32
