"""Asking a sampler for the next batch: from what the study's folder holds, so that a killed study asks the same again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sonmat.errors import RecipeError
from sonmat.search.asked import Asked, next_number
from sonmat.search.halving import rungs
from sonmat.search.mirror import FINAL, final_value, quiet, state_of
from sonmat.search.plan import Plan, plain_settings
from sonmat.search.sampler import distributions, make_sampler, parameters_of, settings_of
from sonmat.search.trial import Trial

Notes = Mapping[str, str]
"""What a sampler notes with a trial, for the trials after it."""

_LONGEST = 1000  # letters of a note


@dataclass(frozen=True)
class Answer:
    """What the sampler proposes for one trial."""

    settings: dict[str, Any]
    notes: Notes


class Asking:
    """A sampler's view of a study, kept in memory.

    Samplers read a study of Optuna's. This one is made from the folder, not from Optuna's storage: asking needs no
    database and costs no transaction, and nothing that stands in a storage is handed to a sampler.
    """

    def __init__(self, asked: Asked) -> None:
        import optuna

        self.asked = asked
        self._distributions = distributions(asked.space)
        self._storage = optuna.storages.InMemoryStorage()
        with quiet():
            self._study = optuna.create_study(
                storage=self._storage,
                sampler=make_sampler(asked.sampler, asked.space, asked.sampler_seed),
                direction="maximize" if asked.maximize else "minimize",
            )
        self._id = self._storage.get_study_id_from_name(self._study.study_name)
        self._ids: list[int] = []  # by number
        self._running: set[int] = set()

    def plan(self, trials: Sequence[Trial], notes: Mapping[int, Notes], count: int) -> Plan | None:
        """The batch that comes next, as `ask` proposes it; None where there is no more."""
        first, recipe = next_number(trials), self.asked.recipe
        answers = dict(enumerate(self.ask(trials, notes, count), start=first))
        if not answers:
            return None
        return Plan(
            trials=[
                Trial(number=number, settings=plain_settings(answer.settings), seed=recipe.seed)
                for number, answer in answers.items()
            ],
            rungs=rungs(recipe.train.epochs, self.asked.halving),
            factor=self.asked.halving,
            maximize=self.asked.maximize,
            notes={number: answer.notes for number, answer in answers.items()},
            least=max(1, self.asked.finalists)
            if first == 0
            else 1,  # of any further trials that are asked for fewer do
        )

    def ask(self, trials: Sequence[Trial], notes: Mapping[int, Notes], count: int) -> list[Answer]:
        """Proposals for the next trials.

        Args:
            trials: All so far, in the order of their numbers. Those seen before may have ended since.
            notes: Number → what the sampler noted with it.
            count: How many, 1 or more.

        Returns:
            Fewer where a finite space has no more. They belong to the numbers that follow the last; the object is of no
            more use where they do not come to be these trials.
        """
        with quiet():
            for trial in trials:
                if trial.number >= len(self._ids):
                    self._add(trial, notes.get(trial.number, {}))
                if trial.state in FINAL and trial.number in self._running:
                    self._end(trial)
            found: list[Answer] = []
            while len(found) < count:
                try:
                    asked = self._study.ask(self._distributions)
                    settings = settings_of(self.asked.space, asked.params)
                except RecipeError:
                    if self._ends:
                        break
                    raise
                self._running.add(len(self._ids))
                self._ids.append(asked._trial_id)
                found.append(Answer(settings, plain_notes(self._storage.get_trial(asked._trial_id).system_attrs)))
        return found

    @property
    def _ends(self) -> bool:
        """Whether the sampler has no more at some time, which it says by an error."""
        return self.asked.sampler == "grid" or self.asked.space.size() is not None

    def _add(self, trial: Trial, notes: Notes) -> None:
        import optuna

        State = optuna.trial.TrialState
        while len(self._ids) < trial.number:  # a batch that somebody deleted: later trials keep their numbers
            lost = optuna.trial.create_trial(state=State.FAIL)
            self._ids.append(self._storage.create_new_trial(self._id, lost))
        running = optuna.trial.create_trial(
            state=State.RUNNING,
            params=parameters_of(self.asked.space, trial.settings),
            distributions=self._distributions,
            system_attrs=dict(notes),
        )
        self._running.add(trial.number)
        self._ids.append(self._storage.create_new_trial(self._id, running))

    def _end(self, trial: Trial) -> None:
        known, value = self._ids[trial.number], final_value(trial)
        if value is not None:
            self._storage.set_trial_intermediate_value(known, trial.epochs, value)
        self._storage.set_trial_state_values(known, state_of(trial), None if value is None else [value])
        self._running.discard(trial.number)


def plain_notes(values: Mapping[str, Any]) -> dict[str, str]:
    """What of a sampler's notes is kept: short texts, which nobody can take for more."""
    return {str(name): value for name, value in values.items() if isinstance(value, str) and len(value) <= _LONGEST}
