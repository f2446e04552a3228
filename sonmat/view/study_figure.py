"""A study as its pictures see it: plain data, and what all of them ask of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sonmat.language import say
from sonmat.search.importance import Importance, Interaction, best_first, importance, interactions, number
from sonmat.search.ranking import Ranking, rank
from sonmat.search.trial import DONE, FAILED, STOPPED, Trial
from sonmat.view.study_scale import LOG, ONE, Scale, is_share, value_scale, window
from sonmat.view.study_settings import SettingAxis, setting_axes, short_names, text_key, value_name

if TYPE_CHECKING:
    from sonmat.search.space import Space

_TOP, _FEW = 0.1, 5  # "the best" of many trials: a tenth, but at least so many


@dataclass(frozen=True)
class StudyFigure:
    """What a picture of a study is drawn from.

    Attributes:
        name: Of the study.
        trials: In the order of their numbers; those that wait or run are not drawn.
        repeats: Of the finalists, over seeds.
        metric: Its name in Keras's History.
        maximize: Whether more is better.
        space: What was searched; without it, log axes and choices are guessed from the values.
        test: The winner's value on the test set, where it was read.
        readings: How often the test set was read for it; None where nobody counted.
    """

    name: str
    trials: tuple[Trial, ...]
    repeats: tuple[Trial, ...] = ()
    metric: str = "val_accuracy"
    maximize: bool = True
    space: Space | None = None
    test: float | None = None
    readings: int | None = None

    @cached_property
    def ended(self) -> tuple[Trial, ...]:
        """The trials that are drawn: done, stopped or failed."""
        return tuple(trial for trial in self.trials if trial.state in (DONE, STOPPED, FAILED))

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """(ended,) values; NaN where a trial has none."""
        found = [number(trial) for trial in self.ended]
        return np.array([np.nan if value is None else value for value in found], np.float64)

    @cached_property
    def keys(self) -> list[str]:
        """A text for each ended trial's settings, the same for the same settings."""
        return [text_key(dict(trial.settings)) for trial in self.ended]

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """(ended,) places in `ended`, the best first."""
        return best_first(self.ended, maximize=self.maximize)

    @cached_property
    def best(self) -> Trial | None:
        """The trial with the best value; one that ran all epochs where there is any. None where none has a value."""
        if not len(self.order):
            return None
        first = self.ended[self.order[0]]
        return first if number(first) is not None else None

    @cached_property
    def winner(self) -> int | None:
        """The place in `ended` of the finalist that is first over seeds; None where none is, or where it has no value."""
        first = self.ranking.first
        places = (at for at, trial in enumerate(self.ended) if first is not None and trial.number == first.number)
        at = next(places, None)
        return at if at is not None and np.isfinite(self.values[at]) else None

    @property
    def other_winner(self) -> int | None:
        """The winner's place where it is not the best of the search."""
        return None if self.winner is None or self.winner == int(self.order[0]) else self.winner

    @property
    def best_name(self) -> str:
        """What legends call the best of the search: it is the winner only where the repeats say so."""
        number = "–" if self.best is None else self.best.number
        if self.winner is not None and self.other_winner is None:
            return say(
                f"best of the search, and winner: trial {number}", f"탐색에서 가장 좋은 것이자 1위: 시도 {number}"
            )
        return say(f"best of the search: trial {number}", f"탐색에서 가장 좋은 것: 시도 {number}")

    @property
    def winner_name(self) -> str:
        """What legends call the winner; empty where it is the best of the search, or there is none."""
        if self.other_winner is None:
            return ""
        number = self.ended[self.other_winner].number
        return say(f"winner over seeds: trial {number}", f"시드로 반복한 뒤 1위: 시도 {number}")

    @property
    def top_name(self) -> str:
        """What legends call the best trials: how many there are, not a part that small studies do not keep to."""
        count = int(self.top.sum())
        return say(f"the best {count:,}", f"상위 {count:,}개")

    @cached_property
    def top(self) -> NDArray[np.bool_]:
        """(ended,) whether a trial is among the best: a tenth, at least five, never more than half."""
        count = min(max(round(_TOP * len(self.ended)), _FEW), len(self.ended) // 2)
        chosen = np.zeros(len(self.ended), bool)
        chosen[self.order[:count]] = True
        return chosen & np.isfinite(self.values)

    def are(self, state: str) -> NDArray[np.bool_]:
        """(ended,) whether a trial is in a state; without a finite value it counts as failed, whatever it says."""
        return np.asarray(self._states == state, np.bool_)

    @cached_property
    def _states(self) -> NDArray[np.str_]:
        said = np.array([trial.state for trial in self.ended], dtype="U8")
        return np.where(np.isfinite(self.values), said, FAILED)

    @cached_property
    def scale(self) -> Scale:
        """How values become places."""
        return value_scale(self.values, self.metric, self.maximize)

    @cached_property
    def places(self) -> NDArray[np.float64]:
        """(ended,) where values stand on the value axis, which is cut at `window`; NaN where a trial has none."""
        low, high = self.window
        return np.clip(self.scale(self.values), low, high)

    @cached_property
    def beyond(self) -> NDArray[np.bool_]:
        """(ended,) whether a value is so bad that it stands at the edge."""
        places, (low, high) = self.scale(self.values), self.window
        return np.isfinite(places) & ((places < low) | (places > high))

    @cached_property
    def window(self) -> tuple[float, float]:
        """The places that the value axis shows."""
        return window(self.scale(self.values), self.maximize, bounded=is_share(self.metric))

    @cached_property
    def axes(self) -> tuple[SettingAxis, ...]:
        """The hyperparameters that were varied, the most important first where that is known."""
        found = setting_axes([trial.settings for trial in self.ended], self.space)
        weight = {one.name: one.share for one in self.importance or ()}
        for pair in self.interactions or ():
            for name in pair.names:
                weight[name] = max(weight.get(name, 0.0), pair.share if pair.clear else 0.0)
        return tuple(sorted(found, key=lambda axis: -weight.get(axis.name, 0.0)))

    @cached_property
    def importance(self) -> list[Importance] | None:
        """What each hyperparameter decides; None where there are too few trials."""
        return importance(self.ended, maximize=self.maximize)

    @cached_property
    def interactions(self) -> list[Interaction] | None:
        """What pairs of hyperparameters decide; None where there are too few trials."""
        return interactions(self.ended, maximize=self.maximize)

    @cached_property
    def ranking(self) -> Ranking:
        """The finalists."""
        return rank(self.repeats, maximize=self.maximize)

    @property
    def called(self) -> str:
        """The metric in words."""
        return metric_name(self.metric)

    @property
    def axis_name(self) -> str:
        """The metric in words, and how its axis is bent."""
        return f"{self.called} {bent(self.scale)}".rstrip()

    def better(self, one: float, other: float) -> bool:
        """Whether one value is better than another."""
        return one > other if self.maximize else one < other


def bent(scale: Scale) -> str:
    """How an axis is bent, in brackets; empty where it is even."""
    if scale.kind == ONE:
        return say("(stretched towards 1)", "(1에 가까울수록 늘린 눈금)")
    return say("(logarithmic)", "(로그 눈금)") if scale.kind == LOG else ""


def metric_name(metric: str) -> str:
    """A metric of Keras's History in words."""
    known = {"loss": say("loss", "손실"), "accuracy": say("accuracy", "정확도"), "acc": say("accuracy", "정확도")}
    plain = metric.removeprefix("val_")
    if plain.endswith("_accuracy"):
        plain = "accuracy"
    words = known.get(plain) or plain.replace("_", " ")
    return say(f"validation {words}", f"검증 {words}") if metric.startswith("val_") else words


def value_text(value: float | None) -> str:
    """A value as pictures of studies write it: four digits after the point, or four in all."""
    if value is None or not np.isfinite(value):
        return "–"
    return f"{value:.4f}" if 0.001 <= abs(value) < 100 or value == 0 else f"{value:.4g}"


def difference_text(value: float) -> str:
    """A difference of values: four digits after the point, two in all where that would be nothing."""
    text = f"{value:.4f}" if abs(value) >= 0.00005 or value == 0 else f"{value:.2g}"
    return text.replace("-", "−", 1) if value < 0 else text


def chance_text(chance: float) -> str:
    """A part of 0..1 in whole percent, never rounded to nothing or to everything."""
    if 0 < chance < 0.005:
        return "<1 %"
    return f"{100 * chance:.0f} %" if chance < 0.995 or chance == 1 else ">99 %"


def settings_text(settings: Mapping[str, Any], axes: tuple[SettingAxis, ...] = ()) -> str:
    """Settings as one reads them; only those of `axes` where these are given."""
    names = {axis.name: axis.label for axis in axes} or short_names(list(settings))
    return ", ".join(f"{label} {value_name(settings[name])}" for name, label in names.items() if name in settings)
