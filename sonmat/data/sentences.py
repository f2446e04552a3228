"""What sentences must be before anything is trained on them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sonmat.data.tokenizer import LONGEST
from sonmat.errors import DataError
from sonmat.language import say


def checked_sentences(sentences: Iterable[str]) -> np.ndarray:
    """The sentences as a vector of texts, (n,) of dtype object; half a surrogate pair in one becomes �.

    What is longer than any network reads is cut off.

    Raises:
        DataError: There are none, or one is no text.
    """
    if isinstance(sentences, str):
        sentences = [sentences]
    found = list(sentences)
    if not found:
        raise DataError(say("There is no sentence.", "문장이 없습니다."), say("Give one or more.", "하나 이상 주세요."))
    array = np.empty(len(found), object)
    for number, one in enumerate(found):
        if not isinstance(one, str):
            raise DataError(
                say(
                    f"Sentences must be texts; row {number} is {one!r}.",
                    f"문장은 글이어야 하는데 {number}번 행은 {one!r}입니다.",
                ),
                say("Turn numbers into texts with str(…).", "수라면 str(…)로 글로 바꾸세요."),
            )
        array[number] = one[:LONGEST].encode("utf-8", "replace").decode()
    return array
