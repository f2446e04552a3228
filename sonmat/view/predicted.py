"""What the command line says of a prediction. Imported where every tenth of a second counts, so it imports little."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from rich.cells import cell_len
from rich.text import Text

from sonmat.language import say

if TYPE_CHECKING:
    from sonmat.data.known_errors import KnownError

_SHADES = " .:-=+*#%@"


class Told(Protocol):
    """One of several things in a picture."""

    @property
    def name(self) -> str: ...
    @property
    def probabilities(self) -> np.ndarray: ...
    @property
    def unsure(self) -> bool: ...
    @property
    def reason(self) -> str: ...


def prediction_text(
    file: str,
    classes: Sequence[str],
    probabilities: np.ndarray,
    label: int | None,
    error: KnownError | None = None,
    *,
    reason: str = "",
) -> Text:
    """One prediction: the class, and the probability of each, the likeliest first where there are many.

    Args:
        file: What was predicted.
        classes: The classes' names.
        probabilities: Of each, (classes,).
        label: The true class's number, where it is known.
        error: What is known of that label, where it is known to be wrong.
        reason: Why the model is unsure; "" where it is sure.
    """
    said = int(np.argmax(probabilities))
    text = Text(f"{file}: ").append(classes[said], style="bold")
    text.append(f"  {say('unsure', '확실하지 않음')}: {reason}" if reason else "", style="yellow")
    if label is not None:
        right = label == said
        verdict = (
            say("right", "정답") if right else say(f"wrong: it is {classes[label]}", f"오답: 정답은 {classes[label]}")
        )
        text.append(f"  ({verdict})", style="green" if right else "red")
        if error is not None:
            from sonmat.view.corrected import error_text

            text.append(f"  {error_text(error, classes)}", style="yellow")
    order = range(len(classes)) if len(classes) <= 12 else np.argsort(-probabilities)[:10]
    for i in order:
        bar = "█" * round(float(probabilities[i]) * 30)
        text.append(f"\n  {' ' * max(0, 12 - cell_len(classes[i]))}{classes[i]}  {probabilities[i]:7.2%}  ").append(
            bar, style="bold" if i == said else "dim"
        )
    return text


def line_text(file: str, found: Sequence[Told]) -> Text:
    """What is written in one picture: all classes in a row, and a line about each that the model is unsure of."""
    text = Text(f"{file}: ")
    if not found:
        return text.append(say("there is no ink in it", "글씨가 보이지 않습니다"), style="yellow")
    apart = "" if all(len(one.name) == 1 for one in found) else " "
    for number, one in enumerate(found):
        text.append(apart if number else "").append(f"{one.name}", style="yellow" if one.unsure else "bold")
    for number, one in enumerate(found, start=1):
        text.append(f"\n  {number:>3}  {one.name}  {one.probabilities.max():7.2%}")
        text.append(f"  {say('unsure', '확실하지 않음')}: {one.reason}" if one.unsure else "", style="yellow")
    return text


def image_text(image: np.ndarray, width: int = 28) -> Text:
    """A small image for a terminal, a character for two columns of a pixel: light is dense.

    Args:
        image: (height, width) or (height, width, channels), any range.
    """
    plane = np.asarray(image, np.float64)
    plane = plane.mean(-1) if plane.ndim == 3 else plane
    step = max(1, plane.shape[1] // width)
    plane = plane[::step, ::step]
    low, high = plane.min(), plane.max()
    level = ((plane - low) / (high - low or 1.0) * (len(_SHADES) - 1)).round().astype(int)
    return Text("\n".join("".join(_SHADES[v] * 2 for v in row).rstrip() for row in level))
