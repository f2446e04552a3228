"""Samplers whose trials follow from the sampler's seed and their number alone: random, grid and quasi-random."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import optuna

from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.models.signature import keywords
from sonmat.search.sampler_history import History, key_of
from sonmat.search.sampler_parameters import distributions, parameters_of
from sonmat.search.space import Space

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial, TrialState

Settings: TypeAlias = dict[str, Any]
Draw: TypeAlias = Callable[[int], Settings]

_RANDOM, _GRID, _QMC, _ELSEWHERE = 0x5A11, 0x5A12, 0x5A13, 0x5A14  # keep their randomness apart under one seed
_SHUFFLED = 1_000_000  # a grid up to this size is shuffled as a whole; a larger one is drawn from
_IN_VAIN = 200  # draws in a row that were there before, after which what is left of a finite space is counted out


class Order:
    """Settings in an order: of a finite space each comes once.

    Args:
        draw: The settings of each place from 0 on; in a finite space they may come again, and are passed over then.
        space: The space that they are from.
        cells: How many there are; None in a continuous space.
    """

    def __init__(self, draw: Draw, space: Space, cells: int | None) -> None:
        self.draw = draw
        self._space, self._cells = space, cells
        self._found: list[tuple[str, Settings]] = []
        self._rest = self._distinct()

    @property
    def finite(self) -> bool:
        """Whether it ends."""
        return self._cells is not None

    def untaken(self, taken: Collection[str], skip: int) -> Settings:
        """The first settings, after so many that are skipped, whose keys are not taken.

        Raises:
            RecipeError: There are no more.
        """
        left = (settings for key, settings in self._all() if key not in taken)
        found = next(itertools.islice(left, skip, None), None)
        if found is None:
            raise RecipeError(
                say(f"All {self._cells:,} settings were tried.", f"설정 {self._cells:,}개를 모두 시도했습니다."),
                say("Ask for no more, or widen the space.", "그만 시도하거나 공간을 넓히세요."),
            )
        return dict(found)

    def _all(self) -> Iterator[tuple[str, Settings]]:
        yield from self._found
        for one in self._rest:
            self._found.append(one)
            yield one

    def _distinct(self) -> Iterator[tuple[str, Settings]]:
        seen: set[str] = set()
        in_vain = 0
        for place in itertools.count():
            if len(seen) == self._cells or in_vain == _IN_VAIN:
                break
            settings = self.draw(place)
            key = key_of(settings)
            in_vain = in_vain + 1 if key in seen else 0
            if key not in seen:
                seen.add(key)
                yield key, settings
        for place in range(self._cells or 0):
            settings = self._space.cell(place)
            if (key := key_of(settings)) not in seen:
                yield key, settings


class CountedSampler(optuna.samplers.BaseSampler):
    """A sampler that needs no results: the same settings for a trial however the trials are cut into batches.

    In a finite space the settings of a trial are the first of the sequence that no earlier trial has, so that none comes
    twice, also after the space was widened. Earlier trials that are just being asked for elsewhere leave room for theirs.
    """

    def __init__(self, space: Space, seed: int, order: Order) -> None:
        self._space, self._seed, self._order = space, seed, order
        self._distributions = distributions(space)
        self._history = History(space)

    def settings(self, study: Study, number: int) -> Settings:
        """The settings of the trial `number`."""
        if not self._order.finite:
            return self._order.draw(number)
        before = self._history.before(study, number)
        return self._order.untaken({past.key for past in before.trials}, before.unknown)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """All settings are chosen together."""
        return dict(self._distributions)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The trial's settings, as Optuna's parameters."""
        return parameters_of(self._space, self.settings(study, trial.number))

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A parameter that the space does not have."""
        return sample_elsewhere(self._seed, study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Nothing is kept."""


def sample_elsewhere(seed: int, study: Study, trial: FrozenTrial, name: str, distribution: BaseDistribution) -> Any:
    """A random value of a parameter that the sampler's space does not have, by seed, trial number and name alone."""
    drawn = derived(_ELSEWHERE, seed, trial.number, *name.encode())
    return optuna.samplers.RandomSampler(seed=drawn).sample_independent(study, trial, name, distribution)


def random_order(space: Space, seed: int) -> Order:
    """Settings drawn independently of each other, each by its own place."""

    def draw(place: int) -> Settings:
        return at(space, np.random.default_rng([_RANDOM, seed, place]).random(len(space.dimensions)))

    return Order(draw, space, space.size())


def quasi_random_order(space: Space, seed: int) -> Order:
    """Scrambled Sobol' points (Owen 1998), which fill the space more evenly than independent ones."""
    from scipy.stats import qmc

    count = len(space.dimensions)
    keyword = "rng" if "rng" in keywords(qmc.Sobol) else "seed"  # SciPy renamed it in 1.15
    engine = qmc.Sobol(count, scramble=True, **{keyword: np.random.default_rng([_QMC, seed])})

    def draw(place: int) -> Settings:
        engine.reset()
        if place:  # SciPy cannot go forward by nothing
            engine.fast_forward(place)
        return at(space, engine.random(1)[0])

    return Order(draw, space, space.size())


def grid_order(space: Space, seed: int) -> Order:
    """The grid, shuffled, so that its first part is spread over the whole of it."""
    cells = space.cells()
    random = np.random.default_rng([_GRID, seed])
    order = random.permutation(cells) if cells <= _SHUFFLED else None

    def draw(place: int) -> Settings:
        if order is not None:
            return space.cell(int(order[place]))
        # exact however large: the bits of a place's own generator, many more than the grid's size has
        drawn = int.from_bytes(np.random.default_rng([_GRID, seed, place]).bytes(8 + (cells.bit_length() + 7) // 8))
        return space.cell(drawn % cells)

    return Order(draw, space, cells)


def at(space: Space, shares: Any) -> Settings:
    """The settings at shares, each 0 to 1, of the way through the dimensions."""
    pairs = zip(space.dimensions.items(), shares, strict=True)
    return {name: dimension.at(float(share)) for (name, dimension), share in pairs}


def derived(*numbers: int) -> int:
    """A seed of 32 bits that these numbers decide."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
