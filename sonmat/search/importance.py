"""How much each hyperparameter, and each pair of them together, decides whether a trial is among the best."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonmat.search.trial import DONE, FAILED, STOPPED, Trial

FEWEST = 20  # ended trials without which nothing is said
_TOP, _FEW = 0.1, 10  # the best tenth, but at least so many
_BINS, _EACH = 10, 8  # of a range at most, and trials in each at least
_PAIR_BINS, _PAIR_EACH = 5, 4  # the same of pairs
_DRAWS, _SEED = 4_000, 0  # p-values down to 0.00025
_CHANCE = 0.05


@dataclass(frozen=True)
class Importance:
    """What one hyperparameter decides by itself.

    Attributes:
        name: Dotted, as in the recipe.
        share: Part of the variance of "is among the best" that its value explains, 0..1, less what as many bins
            explain by luck.
        p_value: How often luck alone explains as much.
        clear: Whether that is beyond luck, with as many hyperparameters looked at.
    """

    name: str
    share: float
    p_value: float
    clear: bool


@dataclass(frozen=True)
class Interaction:
    """What two hyperparameters decide together, beyond what each decides by itself.

    Attributes:
        names: Both, dotted.
        share: Part of the variance of "is among the best" that their pair explains more than the two alone, 0..1, less
            what luck explains.
        p_value: How often luck explains as much where the two only add up.
        clear: Whether that is beyond luck, with as many pairs looked at.
    """

    names: tuple[str, str]
    share: float
    p_value: float
    clear: bool


def importance(trials: Sequence[Trial], *, maximize: bool) -> list[Importance] | None:
    """The importance of each hyperparameter that was varied, the largest first; None where there are too few trials.

    The question is which settings put a trial among the best (`best_count`: a tenth, at least ten), as in PED-ANOVA (Watanabe,
    Bansal and Hutter, "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary Subspaces", IJCAI
    2023): the variance, over the values that were tried, of the part that is among the best. That needs only the order
    of the trials, so those that halving stopped count, behind all that were trained for longer, and so do those that
    failed, behind all. Values are put into bins of equally many trials (a choice is a bin) where PED-ANOVA smooths; the
    share is corrected for the number of bins, as Kelley's epsilon squared is, and its p-value is exact but for draws
    (hypergeometric). Optuna's evaluator finds the same order on many random trials; what it gives to a hyperparameter
    that does nothing is about as much as luck gives, and here that is taken off.

    Limits: each hyperparameter is looked at by itself, so one that matters only together with another shows little (see
    `interactions`), and shares do not add up to 1. A sampler that learns tries good values together; that can lend an
    idle hyperparameter the importance of a busy one. What was not tried cannot matter.

    Args:
        trials: Of the search; only those that ended count.
        maximize: Whether more is better.
    """
    ended, best = _best(trials, maximize)
    if best is None:
        return None
    binned = _binned(ended, _BINS)
    found = [_importance(name, bins, best, len(binned)) for name, bins in binned.items()]
    return sorted(found, key=lambda one: (-one.share, one.p_value))


def best_count(trials: Sequence[Trial]) -> int:
    """How many of the trials that ended count as the best: a tenth, but at least ten, and never more than a third."""
    ended = sum(trial.state in (DONE, STOPPED, FAILED) for trial in trials)
    return min(max(math.ceil(_TOP * ended), _FEW), ended // 3)


def interactions(trials: Sequence[Trial], *, maximize: bool) -> list[Interaction] | None:
    """What each pair of hyperparameters decides together, the largest first; None where there are too few trials.

    A learning rate that suits one optimizer and not another makes the optimizer look idle by itself. The share is that of
    the pair's cells less those of the two alone, as the second order of a functional analysis of variance (Hutter, Hoos
    and Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter Importance", ICML 2014), corrected for luck by
    draws in which the two only add up. Pairs with fewer than four trials a cell are left out. The limits are those of
    `importance`, and a sampler that learns blurs pairs more than single ones.
    """
    ended, best = _best(trials, maximize)
    if best is None:
        return None
    binned = _binned(ended, max(2, min(_PAIR_BINS, math.isqrt(len(ended) // _EACH))))
    pairs = [
        (one, other)
        for one, other in itertools.combinations(binned, 2)
        if (binned[one].max() + 1) * (binned[other].max() + 1) * _PAIR_EACH <= len(ended)
    ]
    found = [_interaction((one, other), binned[one], binned[other], best, len(pairs)) for one, other in pairs]
    return sorted(found, key=lambda one: (-one.share, one.p_value))


def best_first(trials: Sequence[Trial], *, maximize: bool) -> NDArray[np.int64]:
    """The places of the trials, the best first: those trained for all epochs, then those stopped, the later the better,
    then those without a number."""
    sign = 1.0 if maximize else -1.0

    def key(at: int) -> tuple[bool, bool, int, float, int]:
        trial, value = trials[at], number(trials[at])
        behind = 0 if trial.state == DONE else -trial.epochs
        return (value is None, trial.state != DONE, behind, -sign * (value or 0.0), at)

    return np.array(sorted(range(len(trials)), key=key), np.int64)


def number(trial: Trial) -> float | None:
    """A trial's value where it is one."""
    if trial.state == FAILED or trial.value is None or not math.isfinite(trial.value):
        return None
    return float(trial.value)


def _best(trials: Sequence[Trial], maximize: bool) -> tuple[list[Trial], NDArray[np.bool_] | None]:
    """The trials that ended, and whether each is among the best; None where there are too few."""
    ended = [trial for trial in trials if trial.state in (DONE, STOPPED, FAILED)]
    top = best_count(ended)
    if len(ended) < FEWEST or sum(number(trial) is not None for trial in ended) <= top:
        return ended, None
    best = np.zeros(len(ended), bool)
    best[best_first(ended, maximize=maximize)[:top]] = True
    return ended, best


def _binned(ended: Sequence[Trial], most: int) -> dict[str, NDArray[np.int64]]:
    """Name → bins, of what was varied."""
    names = dict.fromkeys(name for trial in ended for name in trial.settings)
    found = {name: _bins([trial.settings.get(name) for trial in ended], most) for name in names}
    return {name: bins for name, bins in found.items() if bins.max() > 0}


def _bins(values: Sequence[Any], most: int) -> NDArray[np.int64]:
    """(trials,) the bin of each value, counted from 0. Numbers of many values are cut where as many trials lie to each
    side; anything else, and a setting that a trial lacks, is a bin of its own."""
    seen: dict[str, int] = {}
    bins = np.array([seen.setdefault(_text(value), len(seen)) for value in values], np.int64)
    most = max(2, min(most, len(values) // _EACH))
    plain = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    if len(seen) <= most or not plain:
        return bins
    numbers = np.array(values, np.float64)
    inner = np.unique(np.quantile(numbers, np.arange(1, most) / most))
    _, cut = np.unique(np.searchsorted(inner, numbers, side="right"), return_inverse=True)
    return cut.astype(np.int64)


def _text(value: Any) -> str:
    if isinstance(value, (str, int, float)):
        return repr(value)  # as good as JSON, and thousands of trials are waiting
    return json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)


def _importance(name: str, bins: NDArray[np.int64], best: NDArray[np.bool_], looked_at: int) -> Importance:
    sizes = np.bincount(bins)
    n, top = len(best), int(best.sum())
    total = top * (1 - top / n)  # sum of squares of "is among the best"

    def explained(counts: NDArray[Any]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = ((counts - sizes * (top / n)) ** 2 / sizes).sum(axis=-1) / total
        return found

    share = float(explained(np.bincount(bins[best], minlength=len(sizes))))
    lucky = (len(sizes) - 1) / (n - 1)  # its mean where the best are drawn blindly
    corrected = max(0.0, (share - lucky) / (1 - lucky)) if lucky < 1 else 0.0
    draws = np.random.default_rng(_SEED).multivariate_hypergeometric(sizes, top, size=_DRAWS, method="marginals")
    p_value = float((1 + (explained(draws) >= share - 1e-12).sum()) / (1 + _DRAWS))
    return Importance(name, corrected, p_value, p_value < _CHANCE / looked_at)


def _interaction(
    names: tuple[str, str], one: NDArray[np.int64], other: NDArray[np.int64], best: NDArray[np.bool_], looked_at: int
) -> Interaction:
    shape = (int(one.max()) + 1, int(other.max()) + 1)
    cells = one * shape[1] + other
    sizes = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)
    counts = np.bincount(cells[best], minlength=shape[0] * shape[1]).reshape(shape)
    part = best.mean()

    def beyond(counts: NDArray[Any]) -> NDArray[np.float64]:
        """(…,) sum of squares of the cells less those of the rows and columns, of (…, rows, columns) counts."""
        off = counts - sizes * part
        rows, columns = off.sum(axis=-1), off.sum(axis=-2)
        found: NDArray[np.float64] = (
            (off**2 / np.maximum(sizes, 1)).sum(axis=(-1, -2))
            - (rows**2 / sizes.sum(axis=1)).sum(axis=-1)
            - (columns**2 / sizes.sum(axis=0)).sum(axis=-1)
        )
        return found

    by_row, by_column = counts.sum(axis=1) / sizes.sum(axis=1), counts.sum(axis=0) / sizes.sum(axis=0)
    added = np.clip(by_row[:, None] + by_column[None, :] - part, 0.0, 1.0)
    lucky = beyond(np.random.default_rng(_SEED).binomial(sizes, added, size=(_DRAWS, *shape)))
    found, total = float(beyond(counts)), len(best) * part * (1 - part)
    p_value = float((1 + (lucky >= found - 1e-9).sum()) / (1 + _DRAWS))
    share = max(0.0, (found - float(lucky.mean())) / float(total))
    return Interaction(names, share, p_value, p_value < _CHANCE / looked_at)
