"""The sentences that a model was most wrong about, as text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from rich.cells import cell_len

from sonmat.language import say
from sonmat.view.hardest import margins
from sonmat.view.words import fit, percent

_MOST = 100


def hardest_sentences(
    sentences: Sequence[str],
    labels: ArrayLike,
    probabilities: ArrayLike,
    classes: Sequence[str],
    *,
    rows: Sequence[int],
    title: str,
) -> str:
    """A line for each sentence that was taken for something else, the most wrong first.

    Args:
        sentences: (n,) texts.
        labels: (n,) true class numbers.
        probabilities: (n, classes), 0..1.
        classes: The names of the classes.
        rows: (n,) numbers by which they are found again.
        title: The heading.

    Returns:
        Lines: the true class and its probability, the one it was taken for, the row's number, the sentence.
    """
    true, chances = np.asarray(labels, np.int64), np.asarray(probabilities, np.float64)
    wrong = margins(true, chances)
    order = [int(row) for row in np.argsort(-wrong, kind="stable") if wrong[row] > 0]
    told = [
        (
            f"{fit(classes[true[row]], 24)} ({percent(chances[row, true[row]])})",
            f"→ {fit(classes[int(chances[row].argmax())], 24)} ({percent(chances[row].max())})",
            f"#{rows[row]}",
            fit(sentences[row], 200),
        )
        for row in order[:_MOST]
    ]
    widths = [max((cell_len(line[column]) for line in told), default=0) for column in range(3)]
    lines = [
        "  ".join(
            [*(part + " " * (width - cell_len(part)) for part, width in zip(line, widths, strict=False)), line[3]]
        )
        for line in told
    ]
    counted = say(
        f"{len(order):,} of {len(true):,} were wrong: true class → the one it was taken for, row, sentence",
        f"{len(true):,}개 중 {len(order):,}개 틀림: 정답 → 판단한 클래스, 행, 문장",
    )
    return "\n".join([title, counted, "", *lines]) + "\n"
