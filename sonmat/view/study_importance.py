"""What each hyperparameter decides, alone and together with another, as bars."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sonmat.language import say
from sonmat.search.importance import FEWEST, best_count
from sonmat.view.canvas import BLUE, FAINT, GREEN, finish, style
from sonmat.view.study_figure import StudyFigure
from sonmat.view.study_sheet import PALE, blank, nothing, place, titled
from sonmat.view.words import fit, percent

_MOST, _PAIRS = 16, 4  # bars of single settings, and of pairs


@dataclass(frozen=True)
class Bar:
    """One bar.

    Attributes:
        label: One setting's name, or two with ×.
        share: Its length, 0..1.
        clear: Whether that is beyond luck.
        pair: Whether it is of two settings together.
    """

    label: str
    share: float
    clear: bool
    pair: bool

    @property
    def told(self) -> str:
        """What is written at its end."""
        return percent(self.share) if self.clear else say("could be luck", "우연일 수 있음")


def draw_importance(figure: StudyFigure, path: str | os.PathLike[str] | None = None) -> Path | Figure:
    """Draw how much each hyperparameter decides whether a trial is among the best; grey where luck explains it.

    Args:
        figure: The study.
        path: The PNG to write; None gives the figure itself.

    Raises:
        StorageError: The file cannot be written.
    """
    with style():
        bars = importance_bars(figure)
        title, remark = importance_words(figure)
        if not bars:
            return finish(blank(title, remark), path)
        paired = any(bar.pair for bar in bars)
        drawn = titled(8, 1.75 + 0.34 * len(bars) + 0.3 * paired, title, remark)
        axes = place(drawn, 2.3, 0.62 + 0.3 * paired, 0.75, 0.9)
        colors = [(GREEN if bar.pair else BLUE) if bar.clear else PALE for bar in bars]
        axes.barh(range(len(bars)), [bar.share for bar in bars], color=colors, height=0.62)
        most = max(max(bar.share for bar in bars), 0.05)
        for at, bar in enumerate(bars):
            color = None if bar.clear else FAINT
            axes.text(bar.share + 0.012 * most, at, bar.told, va="center", fontsize=9, color=color)
        axes.set_yticks(range(len(bars)), [fit(bar.label, 28) for bar in bars])
        axes.set_ylim(len(bars) - 0.4, -0.6)
        axes.set_xlim(0, 1.12 * most)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, min_n_ticks=2))
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(explained_name(figure))
        if paired:
            alone, together = (
                say("one setting alone", "설정 하나"),
                say("two together, beyond that", "둘의 조합이 더하는 몫"),
            )
            handles = [Patch(color=BLUE, label=alone), Patch(color=GREEN, label=together)]
            drawn.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 0.0), ncols=2)
        return finish(drawn, path)


def importance_bars(figure: StudyFigure) -> list[Bar]:
    """The bars, the longest first: every setting, and the pairs that clearly matter."""
    labels = {axis.name: axis.label for axis in figure.axes}
    alone = [
        Bar(labels[one.name], one.share, one.clear, False) for one in figure.importance or () if one.name in labels
    ]
    clear = [one for one in figure.interactions or () if one.clear and set(one.names) <= set(labels)]
    together = [Bar(" × ".join(labels[name] for name in one.names), one.share, True, True) for one in clear]
    return sorted(alone[:_MOST] + together[:_PAIRS], key=lambda bar: (-bar.share, not bar.clear))


def importance_words(figure: StudyFigure) -> tuple[str, str]:
    """The heading, and what the bars mean or why there are none."""
    plain = say("What each setting decides", "설정마다 결정하는 몫")
    if nothing(figure):
        return plain, nothing(figure)
    if figure.importance is None:
        return plain, _too_few(len(figure.ended))
    if not figure.importance:
        return plain, say("No setting was varied.", "바꾼 설정이 없습니다.")
    clear = [bar.label for bar in importance_bars(figure) if bar.clear]
    if not clear:
        title = say(
            "No setting clearly decides which trials are the best",
            "어떤 시도가 좋은지를 뚜렷하게 결정하는 설정은 없습니다",
        )
    elif len(clear) == 1:
        title = say(
            f"{clear[0]} matters; of the rest nothing is sure",
            f"{clear[0]}의 영향은 뚜렷하고, 나머지는 확실하지 않습니다",
        )
    else:
        title = say(
            f"{clear[0]} decides most, then {clear[1]}", f"{clear[0]}의 몫이 가장 크고, 다음은 {clear[1]}입니다"
        )
    count, ended = best_count(figure.ended), len(figure.ended)
    remark = say(
        f"how well a setting tells which trials are the best {count:,} of {ended:,}; grey: could be luck",
        f"시도 {ended:,}개 중 상위 {count:,}개에 드는지를 설정이 얼마나 설명하는지; 회색은 우연일 수 있음",
    )
    return title, remark


def explained_name(figure: StudyFigure) -> str:
    """What is written along the bars."""
    count = best_count(figure.ended)
    return say(
        f"part explained of being among the best {count:,}, less what luck explains on average",
        f"상위 {count:,}개에 드는지를 설명하는 몫 (우연이 평균으로 설명하는 몫은 뺌)",
    )


def _too_few(ended: int) -> str:
    if ended >= FEWEST:
        return say("Too few trials gave a number to tell.", "값이 나온 시도가 너무 적어 알 수 없습니다.")
    return say(
        f"{ended} trial{'s' if ended != 1 else ''} ended: too few to tell what matters from luck. "
        f"It takes {FEWEST} trials.",
        f"시도 {ended}개가 끝났습니다. 중요한 설정을 우연과 가리려면 {FEWEST}개는 있어야 합니다.",
    )
