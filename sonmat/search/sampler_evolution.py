"""CMA-ES: a normal distribution over the numbers of a space, moved towards its best trials, generation by generation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.search.choice import Choice
from sonmat.search.sampler_counted import CountedSampler, Settings, derived, random_order
from sonmat.search.sampler_history import Before, History, key_of
from sonmat.search.space import Space

if TYPE_CHECKING:
    import cmaes  # type: ignore[import-untyped]
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

POPULATION = 12
"""Trials in a generation."""

_NOTE = "sonmat:generation"
_SPREAD = 1 / 6  # of the whole range, as Optuna begins
_ATTEMPTS = 8
_STREAM, _RESTART = 0x5A16, 0x5A17


class EvolutionSampler(CountedSampler):
    """CMA-ES (Hansen 2016, arXiv 1604.00772) by the library cmaes, which Optuna uses too.

    Optuna's own sampler keeps its state as a pickle in the study's storage, which a study from someone else would run.
    Here the state is made again from the trials: those of a generation, told by number. A trial's generation is noted with
    it, for this space; in a wider one evolution begins anew, in the middle of the best tenth so far.

    What it proposes follows from seed, number and earlier trials, as `GuidedSampler` says. Choices that are not numbers
    are drawn at random.

    Raises:
        RecipeError: The space has no number to move.
    """

    def __init__(self, space: Space, seed: int) -> None:
        super().__init__(space, seed, random_order(space, seed))
        self._history = History(space, _NOTE)
        self._numbers = [
            name
            for name, one in space.dimensions.items()
            if one.count != 1 and (not isinstance(one, Choice) or one.numeric)
        ]
        self._last: tuple[list[tuple[int, float]], cmaes.CMA, int] | None = None
        self._mark = f"{derived(*key_of(space.as_dict()).encode()):08x}"
        if not self._numbers:
            raise RecipeError(
                say(
                    "cmaes moves numbers, and this space has none.", "cmaes는 수를 옮기는데, 이 공간에는 수가 없습니다."
                ),
                say("Take --sampler tpe or random.", "--sampler tpe나 random을 쓰세요."),
            )

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The trial's settings, as Optuna's parameters; its generation is noted with it."""
        generation = self._evolved(self._history.before(study, trial.number))[1]
        study._storage.set_trial_system_attr(trial._trial_id, _NOTE, f"{self._mark}:{generation}")
        return super().sample_relative(study, trial, search_space)

    def settings(self, study: Study, number: int) -> Settings:
        """The settings of the trial `number`."""
        before = self._history.before(study, number)
        taken = {past.key for past in before.trials} if self._order.finite else set()
        evolution, _ = self._evolved(before)
        for attempt in range(_ATTEMPTS):
            evolution.reseed_rng(derived(_STREAM, self._seed, number, attempt))
            settings = self._order.draw(number) | self._settings(evolution.ask())
            if key_of(settings) not in taken:
                return settings
        return self._order.untaken(taken, before.unknown)

    def _evolved(self, before: Before) -> tuple[cmaes.CMA, int]:
        """The distribution after all generations that are complete, and how many these are."""
        ended = [(past.number, past.loss) for past in before.trials if past.loss is not None]
        if self._last is None or self._last[0] != ended:
            self._last = (ended, *self._evolve(before))
        return self._last[1:]

    def _evolve(self, before: Before) -> tuple[cmaes.CMA, int]:
        told: dict[str, list[tuple[np.ndarray, float]]] = {}
        for past in before.trials:
            if past.loss is not None and past.note is not None:
                told.setdefault(past.note, []).append((self._shares(past.settings), past.loss))
        evolution, generation = self._begun(before), 0
        while len(told.get(f"{self._mark}:{generation}", ())) >= POPULATION:
            evolution.tell(told[f"{self._mark}:{generation}"][:POPULATION])
            generation += 1
            if evolution.should_stop():  # it has settled: look elsewhere
                random = np.random.default_rng([_RESTART, self._seed, generation])
                evolution = self._evolution(random.random(len(self._numbers)), _SPREAD)
        return evolution, generation

    def _begun(self, before: Before) -> cmaes.CMA:
        earlier = [
            (self._shares(past.settings), past.loss)
            for past in before.trials
            if past.loss is not None and not (past.note or "").startswith(self._mark)
        ]
        best = sorted(earlier, key=lambda one: one[1])[: len(earlier) // 10]
        mean = np.mean([shares for shares, _ in best], axis=0) if best else np.full(len(self._numbers), 0.5)
        return self._evolution(mean, _SPREAD)

    def _evolution(self, mean: np.ndarray, spread: float) -> cmaes.CMA:
        import cmaes

        bounds = np.tile([0.0, 1.0], (len(mean), 1))
        return cmaes.CMA(mean=mean, sigma=spread, bounds=bounds, seed=0, population_size=POPULATION)

    def _shares(self, settings: Any) -> np.ndarray:
        return np.array([self._space.dimensions[name].share(settings[name]) for name in self._numbers])

    def _settings(self, shares: np.ndarray) -> Settings:
        pairs = zip(self._numbers, shares, strict=True)
        return {name: self._space.dimensions[name].at(min(max(float(share), 0.0), 1.0)) for name, share in pairs}
