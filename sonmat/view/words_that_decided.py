"""Which words of a sentence decided: in a terminal by their colour, in a picture as bars."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from rich.text import Text

from sonmat.engine.erasure import Part
from sonmat.language import say
from sonmat.view.canvas import BLUE, FAINT, ORANGE, finish, sheet, style
from sonmat.view.words import fit, percent

_MOST = 24  # bars; of a longer sentence the strongest, in their order
_STRONG, _WEAK = 0.5, 0.1  # shares of the strongest weight from which a word is marked


def sentence_text(sentence: str, parts: Sequence[Part]) -> Text:
    """A sentence whose words are marked as they speak: for the class in bold orange, against it in blue, weakly in plain."""
    shown = Text("".join(c if c.isprintable() else " " for c in sentence))
    most = max((abs(part.weight) for part in parts), default=0.0) or 1.0
    for part in parts:
        share = part.weight / most
        if abs(share) < _WEAK:
            continue
        strength = "bold " if abs(share) >= _STRONG else ""
        shown.stylize(f"{strength}{'dark_orange' if share > 0 else 'dodger_blue2'}", part.start, part.stop)
    return shown


def weights_text(parts: Sequence[Part], most: int = 8) -> Text:
    """The words that weigh most, the heaviest first, each with how much the probability falls without it."""
    text = Text()
    heaviest = sorted(parts, key=lambda part: -abs(part.weight))[:most]
    for part in heaviest:
        text.append(f"  {part.weight * 100:+7.2f}  ", style="dark_orange" if part.weight > 0 else "dodger_blue2")
        text.append(fit(part.text, 40) + "\n")
    text.rstrip()
    return text


def sentence_picture(
    sentence: str,
    words: Sequence[Part],
    pieces: Sequence[Part],
    said: tuple[str, float],
    path: str | os.PathLike[str] | None = None,
) -> Path | Figure:
    """Draw a sentence's words and pieces with how much each speaks for the class it was taken for.

    Args:
        sentence: The text.
        words: As `erasure.words` gives them.
        pieces: As `erasure.pieces` gives them; may be empty.
        said: The class, and its probability.
        path: The PNG to write; None gives the figure itself.

    Raises:
        StorageError: The file cannot be written.
    """
    panels = [
        (words, say("without this word p falls by", "이 단어가 없으면 낮아지는 확률")),
        (pieces, say("what each piece does for log p", "조각이 log p에 보탠 만큼")),
    ]
    panels = [(parts, title) for parts, title in panels if parts]
    rows = max((min(len(parts), _MOST) for parts, _ in panels), default=1)
    with style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # an emoji, say, that no font here has
        height = 1.7 + 0.27 * max(rows, 4)
        figure = sheet(10.5, height)
        figure.text(0.5, 1 - 0.3 / height, fit(sentence, 80), ha="center", va="center", fontsize=12.5)
        predicted = say(f"predicted: {fit(said[0], 30)}", f"예측: {fit(said[0], 30)}")
        figure.text(0.5, 1 - 0.65 / height, f"{predicted} ({percent(said[1])})", ha="center", va="center", color=FAINT)
        for number, (parts, title) in enumerate(panels):
            axes = figure.add_axes((0.16 + 0.5 * number, 0.35 / height, 0.31, (height - 1.55) / height))
            _bars(axes, parts, title)
        return finish(figure, path)


def _bars(axes: Any, parts: Sequence[Part], title: str) -> None:
    strongest = np.sort(np.argsort([-abs(part.weight) for part in parts], kind="stable")[:_MOST])
    shown = [parts[number] for number in strongest]
    weights = [part.weight for part in shown]
    axes.barh(range(len(shown)), weights, color=[ORANGE if one > 0 else BLUE for one in weights], height=0.7)
    axes.set_yticks(range(len(shown)), [fit(part.text, 18) for part in shown])
    axes.set_ylim(max(len(shown), 3) - 0.5, -0.5)
    axes.axvline(0, color=FAINT, linewidth=0.8)
    most = max(map(abs, weights), default=0.0) or 1.0
    axes.set_xlim(min(0.0, *weights, -0.05 * most) * 1.05, max(0.0, *weights, 0.05 * most) * 1.05)
    axes.tick_params(length=0, labelsize=9)
    axes.locator_params(axis="x", nbins=4)
    left = f" ({say('the strongest', '가장 강한')} {_MOST})" if len(parts) > _MOST else ""
    axes.set_title(title + left, fontsize=9.5, pad=6)
