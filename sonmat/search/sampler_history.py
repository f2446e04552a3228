"""What a study has tried before a trial, as samplers see it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sonmat.errors import RecipeError
from sonmat.search.sampler_parameters import settings_of
from sonmat.search.space import Space


@dataclass(frozen=True)
class Past:
    """One earlier trial, whose settings are all known and in the space.

    Attributes:
        number: Its number.
        settings: Its settings, as values.
        key: The same as text, for comparing.
        loss: What it came to, less is better; of a failed one, that of the worst; None where it still runs.
        note: What a sampler noted with it.
    """

    number: int
    settings: Mapping[str, Any]
    key: str
    loss: float | None = None
    note: str | None = None


@dataclass(frozen=True)
class Before:
    """What a study had tried before one trial.

    Attributes:
        trials: In the order of their numbers.
        unknown: How many more there are whose settings are not known: another process is just asking for them, or died
            while it did.
    """

    trials: list[Past]
    unknown: int


class History:
    """The trials of one study with lower numbers than one that is asked, in the order of their numbers.

    That order, and nothing of when which process told what, decides what a sampler makes of them.

    Args:
        space: Where they were asked; trials outside it are left out.
        note: The name under which a sampler notes something with its trials.
    """

    def __init__(self, space: Space, note: str = "") -> None:
        self._space = space
        self._note = note
        self._kept: dict[int, Past | None] = {}  # settings do not change any more; whether a trial has ended does

    def before(self, study: Study, number: int) -> Before:
        """What was tried before the trial `number`."""
        trials = [trial for trial in study.get_trials(deepcopy=False) if trial.number < number]
        sign = -1.0 if study.direction == StudyDirection.MAXIMIZE else 1.0
        losses = {trial.number: sign * value for trial in trials if (value := _value(trial)) is not None}
        worst = max(losses.values(), default=0.0)
        found = []
        unknown = 0
        for trial in trials:
            if trial.number not in self._kept and not self._space.dimensions.keys() <= trial.params.keys():
                unknown += not trial.state.is_finished()
            elif (past := self._past(trial)) is not None:
                loss = losses.get(trial.number, worst) if trial.state.is_finished() else None
                found.append(replace(past, loss=loss))
        return Before(found, unknown)

    def _past(self, trial: FrozenTrial) -> Past | None:
        if trial.number not in self._kept:
            try:
                settings = settings_of(self._space, trial.params)
                note = trial.system_attrs.get(self._note)
                self._kept[trial.number] = Past(trial.number, settings, key_of(settings), note=note)
            except RecipeError:
                self._kept[trial.number] = None
        return self._kept[trial.number]


def key_of(settings: Mapping[str, Any]) -> str:
    """A trial's settings as text that is equal where they are."""
    return json.dumps(settings, sort_keys=True)


def _value(trial: FrozenTrial) -> float | None:
    """What a finished trial came to; of one that was stopped early, its last value; None where there is none."""
    if trial.state == TrialState.PRUNED and trial.intermediate_values:
        value: float | None = trial.intermediate_values[max(trial.intermediate_values)]
    else:
        value = trial.value if trial.state in (TrialState.COMPLETE, TrialState.PRUNED) else None
    return value if value is not None and math.isfinite(value) else None
