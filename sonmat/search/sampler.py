"""Samplers: who chooses a study's settings, asked in batches of trials."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from sonmat.errors import RecipeError, UnsupportedError
from sonmat.language import say
from sonmat.models.recipe import unknown
from sonmat.search.plain import shown
from sonmat.search.sampler_parameters import distributions, parameter_of, parameters_of, settings_of, value_of
from sonmat.search.space import Space

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

__all__ = [
    "AT_ONCE",
    "SAMPLERS",
    "batch_size",
    "distributions",
    "make_sampler",
    "most_trials",
    "parameter_of",
    "parameters_of",
    "settings_of",
    "value_of",
]

AT_ONCE = 512
"""Trials that are built and traced together: what they hold in memory stays small however many a study has."""

SAMPLERS = ("random", "grid", "qmc", "tpe", "gp", "cmaes")
"""The names of the samplers."""


def make_sampler(name: str, space: Space, seed: int) -> BaseSampler:
    """A sampler for `study.ask(fixed_distributions=distributions(space))`.

    `random`, `grid` and `qmc` give a trial its settings by seed and number alone, whatever the batches and the processes.
    `tpe`, `gp` and `cmaes` go by the results of earlier trials too; see `GuidedSampler` for what is the same then. In a
    finite space none of them proposes settings that an earlier trial has.

    Args:
        name: One of `SAMPLERS`.
        space: Where it looks.
        seed: 0 or more.

    Raises:
        RecipeError: No such sampler, no such seed, or a space that the sampler cannot search.
        UnsupportedError: A library that it needs is not installed; it says the command that installs it.
    """
    _check_name(name)
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise RecipeError(
            say(
                f"The sampler's seed should be a whole number of 0 or more, but is {shown(seed)}.",
                f"샘플러의 시드에 올 것은 0 이상의 정수, 받은 것은 {shown(seed)}입니다.",
            ),
            say("Write for example 0.", "예: 0."),
        )
    if name == "gp" and importlib.util.find_spec("torch") is None:
        raise UnsupportedError(
            say("The sampler gp needs PyTorch, which is not installed.", "gp 샘플러에 필요한 PyTorch가 없습니다."),
            say('Install it: pip install "sonmat[gp]"', '설치하세요: pip install "sonmat[gp]"'),
        )
    return _made(name, space, seed)


def batch_size(name: str, trials: int) -> int:
    """How many trials to ask for at once.

    Args:
        name: One of `SAMPLERS`.
        trials: How many the study has in all, 1 or more.

    Returns:
        1 to `trials`: for samplers that need no results as many as one process trains together, so that of a larger study
        other processes have their share. For `tpe` 16: with 100 trials on made-up losses with noise, batches of 8 and 16
        came about as close to the optimum, and of 32 on a quadratic one four times less close. For `cmaes` a generation.
        For `gp` 8, argued and not measured: each further one of a batch is chosen with less known.
    """
    _check_name(name)
    return max(1, min(trials, _BATCH.get(name, AT_ONCE)))


def most_trials(name: str, space: Space, trials: int) -> tuple[int, str]:
    """How many trials there can be, since no sampler tries settings of a finite space twice.

    Returns:
        `trials` or fewer, and a sentence for the user where it is fewer.
    """
    _check_name(name)
    there = space.cells() if name == "grid" else space.size()
    if there is None or trials <= there:
        return trials, ""
    return there, say(
        f"The space has {there:,} settings: {there:,} trials instead of {trials:,}.",
        f"공간에 있는 설정은 {there:,}개입니다. {trials:,}번 대신 {there:,}번 시도합니다.",
    )


_BATCH = {"tpe": 16, "gp": 8, "cmaes": 12}  # of cmaes, the population of `sampler_evolution`


def _made(name: str, space: Space, seed: int) -> BaseSampler:
    from sonmat.search import sampler_counted as counted

    if name == "cmaes":
        from sonmat.search.sampler_evolution import EvolutionSampler

        return EvolutionSampler(space, seed)
    if name in ("tpe", "gp"):
        from sonmat.search import sampler_guided as guided

        make = guided.make_tpe(space) if name == "tpe" else guided.make_gp(space)
        return guided.GuidedSampler(space, seed, make)
    orders = {"random": counted.random_order, "qmc": counted.quasi_random_order, "grid": counted.grid_order}
    return counted.CountedSampler(space, seed, orders[name](space, seed))


def _check_name(name: str) -> None:
    if name not in SAMPLERS:
        raise RecipeError(
            say(f"There is no sampler {shown(name)}.", f"{shown(name)}(이)라는 샘플러는 없습니다."),
            unknown(str(name), SAMPLERS).fix,
        )
