"""Which finalist is best, and how sure that is: paired over shared seeds, with what choosing the best takes away."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonmat.search.trial import FAILED, STOPPED, Trial

SURE = 0.95  # from so much on the first is called best
_RIVAL = 0.05  # a finalist with so much of a chance is named beside the first
_DRAWS, _SEED = 100_000, 0  # chances are then right within 0.003
_GRID = 400  # of the ratio of the finalists' spread to the seeds'


@dataclass(frozen=True)
class Standing:
    """How one finalist fared over its seeds.

    Attributes:
        number: Of the trial that was repeated.
        settings: Its settings.
        values: Seed → the study's metric.
        mean, deviation: Over the seeds; the standard deviation is None for fewer than two.
        expected: What another seed is likely to give: the mean, drawn towards that of all finalists as far as their
            differences may be luck; None where that is unknown.
        failed: Seeds with which it gave no number.
        missing: Seeds that others have and this one has not (yet).
        chance: Probability that it is the best of those compared, 0..1; None where it could not be compared.
    """

    number: int
    settings: Mapping[str, Any]
    values: Mapping[int, float]
    mean: float | None
    deviation: float | None
    expected: float | None = None
    failed: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    chance: float | None = None

    @property
    def n(self) -> int:
        """Seeds that gave a number."""
        return len(self.values)


@dataclass(frozen=True)
class Rival:
    """The first against one other, seed by seed, as if no third had been there.

    Attributes:
        number: The other.
        n: Seeds that both have.
        difference: Mean over them, positive where the first is better; None without a shared seed.
        interval: 95 % interval of the difference (Student's t); None for fewer than two seeds.
        probability: That the first is better, 0..1: the posterior under the prior 1 / sigma, which is one minus the
            one-sided p-value of the paired t-test (Gelman et al., "Bayesian Data Analysis", 3rd ed., 3.2).
    """

    number: int
    n: int
    difference: float | None
    interval: tuple[float, float] | None
    probability: float | None


@dataclass(frozen=True)
class Ranking:
    """Finalists, the best first.

    Attributes:
        standings: Each finalist; behind the others stand those that failed with a seed, then those with less than half
            of the seeds: a setting that diverges one time in five, or was lucky once, is not the winner.
        rivals: The first against each other one, in their order.
        seeds: All seeds, in order.
        shared: Those that all compared finalists have, and that the chances come from.
        maximize: Whether more is better.
    """

    standings: tuple[Standing, ...]
    rivals: tuple[Rival, ...]
    seeds: tuple[int, ...]
    shared: tuple[int, ...]
    maximize: bool

    @property
    def first(self) -> Standing | None:
        """The one that stands first; None where none gave a number."""
        return self.standings[0] if self.standings and self.standings[0].n else None

    @property
    def chance(self) -> float | None:
        """The probability that the first is the best of all compared."""
        return self.first.chance if self.first else None

    @property
    def undecided(self) -> tuple[int, ...]:
        """Finalists that may well be better than the first, the likeliest first; empty where the first is sure."""
        if self.chance is None or self.chance >= SURE:
            return ()
        others = sorted(self.standings[1:], key=lambda one: -(one.chance or 0))
        return tuple(one.number for one in others if (one.chance or 0) >= _RIVAL)

    def as_dict(self) -> dict[str, Any]:
        """The same as plain lists and numbers, ready for JSON; what is unknown is None."""
        return {
            "maximize": self.maximize,
            "seeds": list(self.seeds),
            "shared_seeds": list(self.shared),
            "chance": self.chance,
            "standings": [
                {
                    "number": one.number,
                    "settings": dict(one.settings),
                    "values": {str(seed): value for seed, value in one.values.items()},
                    "mean": one.mean,
                    "deviation": one.deviation,
                    "n": one.n,
                    "expected": one.expected,
                    "failed": list(one.failed),
                    "missing": list(one.missing),
                    "chance": one.chance,
                }
                for one in self.standings
            ],
            "rivals": [
                {
                    "number": one.number,
                    "n": one.n,
                    "difference": one.difference,
                    "interval": None if one.interval is None else list(one.interval),
                    "probability": one.probability,
                }
                for one in self.rivals
            ],
        }


def rank(repeats: Sequence[Trial], *, maximize: bool) -> Ranking:
    """Rank finalists by their means over seeds, and say how sure the order is.

    Each pair is judged by its paired differences (`Rival`). That flatters the first, which was *chosen* as the best of
    several. `Standing.chance` corrects it: all finalists are judged at once, in the model value = finalist + seed +
    noise with finalists that themselves scatter by an unknown amount (random effects: Box and Tiao, "Bayesian Inference
    in Statistical Analysis", 1973, ch. 5; prior: Gelman, "Prior distributions for variance parameters", 2006). The less
    the means scatter beyond what seeds explain, the more they are drawn together, and a first that is first by luck
    keeps a chance near one in the number of finalists. Over many studies a chance of 80 % is right in 80 % of them, and
    one lucky seed, however lucky, cannot lift it above 76 % of two finalists or 56 % of five. The model takes the noise
    to be as large for each finalist, and knows nothing of how the finalists were found.

    Args:
        repeats: The finalists' repeats, in any order; of several with the same finalist and seed the last counts.
        maximize: Whether more is better.
    """
    grouped: dict[int, dict[int, Trial]] = {}
    numbers: dict[str, int] = {}
    for trial in repeats:
        number = trial.repeats
        if number is None:  # not made by a study: what has the same settings belongs together
            key = json.dumps(dict(trial.settings), sort_keys=True, default=str)
            number = numbers.setdefault(key, trial.number)
        grouped.setdefault(number, {})[trial.seed] = trial
    seeds = sorted({seed for group in grouped.values() for seed in group})
    standings = [_standing(number, group, seeds) for number, group in grouped.items()]
    most = max((one.n for one in standings), default=0)
    sign = 1.0 if maximize else -1.0
    standings.sort(
        key=lambda one: (one.mean is None, len(one.failed), 2 * one.n < most, -sign * (one.mean or 0.0), one.number)
    )
    compared = [one for one in standings if not one.failed and one.n >= 2 and 2 * one.n >= most]
    shared = [seed for seed in seeds if all(seed in one.values for one in compared)] if len(compared) > 1 else []
    if len(shared) >= 2:
        table = sign * np.array([[one.values[seed] for seed in shared] for one in compared])
        chances, expected = best_chances(table)
        found = {one.number: (float(chances[i]), sign * float(expected[i])) for i, one in enumerate(compared)}
        standings = [_with(one, *found[one.number]) if one.number in found else one for one in standings]
    else:
        shared = []
    rivals = tuple(_rival(standings[0], other, sign) for other in standings[1:])
    return Ranking(tuple(standings), rivals, tuple(seeds), tuple(shared), maximize)


def best_chances(table: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The probability of being the best for each finalist, and each one's expected value.

    The posterior of the two-way random-effects model, exact but for a grid over the ratio of the finalists' spread to the
    noise (half-Cauchy, scale 1) and draws from it.

    Args:
        table: (finalists, seeds) values, more is better, none missing; at least two each way.

    Returns:
        (finalists,) chances that sum to 1, and (finalists,) expected values.
    """
    k, n = table.shape
    means = table.mean(axis=1)
    scale = float(np.ptp(table))
    if scale == 0:
        return np.full(k, 1 / k), means
    unit = table / scale  # squares of enormous losses stay finite
    apart = unit.mean(axis=1) - unit.mean()
    noise = unit - unit.mean(axis=1, keepdims=True) - unit.mean(axis=0, keepdims=True) + unit.mean()
    freedom = (k - 1) * (n - 1)
    within = max(float((noise**2).sum()), freedom * _resolution(unit) ** 2 / 12)
    between = n * float((apart**2).sum())
    ratios = n * np.tan((np.arange(_GRID) + 0.5) / _GRID * np.pi / 2) ** 2  # equally likely before the data
    total = within + between / (1 + ratios)
    log_weights = -(k - 1) / 2 * np.log1p(ratios) - (freedom + k - 1) / 2 * np.log(total)
    weights = np.exp(log_weights - log_weights.max())
    weights /= weights.sum()
    random = np.random.default_rng(_SEED)
    at = random.choice(_GRID, _DRAWS, p=weights)
    kept = ratios[at] / (1 + ratios[at])  # of a difference; the rest is luck
    variances = total[at] / random.chisquare(freedom + k - 1, _DRAWS)
    truth = kept[:, None] * apart + np.sqrt(kept * variances / n)[:, None] * random.standard_normal((_DRAWS, k))
    chances = np.bincount(truth.argmax(axis=1), minlength=k) / _DRAWS
    believed = float(weights @ (ratios / (1 + ratios)))
    return chances, means.mean() + believed * (means - means.mean())


def _standing(number: int, group: Mapping[int, Trial], seeds: Sequence[int]) -> Standing:
    ended = {seed: trial for seed, trial in sorted(group.items()) if trial.state != STOPPED}
    values = {seed: float(trial.value) for seed, trial in ended.items() if trial.value is not None and _sound(trial)}
    failed = tuple(seed for seed, trial in ended.items() if not _sound(trial))
    found = np.array(list(values.values()))
    return Standing(
        number,
        next(iter(group.values())).settings,
        values,
        float(found.mean()) if len(found) else None,
        deviation(found) if len(found) > 1 else None,
        failed=failed,
        missing=tuple(seed for seed in seeds if seed not in values and seed not in failed),
    )


def _sound(trial: Trial) -> bool:
    return trial.state != FAILED and math.isfinite(trial.value or 0.0)


def _with(one: Standing, chance: float, expected: float) -> Standing:
    return Standing(
        one.number, one.settings, one.values, one.mean, one.deviation, expected, one.failed, one.missing, chance
    )


def _rival(first: Standing, other: Standing, sign: float) -> Rival:
    shared = [seed for seed in first.values if seed in other.values]
    if not shared:
        return Rival(other.number, 0, None, None, None)
    pair = np.array([[one.values[seed] for seed in shared] for one in (first, other)])
    differences = sign * (pair[0] - pair[1])
    n, mean = len(shared), float(differences.mean())
    if n < 2:
        return Rival(other.number, n, mean, None, None)
    error = max(deviation(differences), _resolution(pair) / math.sqrt(6)) / math.sqrt(n)
    if error == 0:
        return Rival(other.number, n, mean, (mean, mean), 0.5)
    wide = student_quantile(0.975, n - 1) * error
    return Rival(other.number, n, mean, (mean - wide, mean + wide), student_below(mean / error, n - 1))


def _resolution(values: NDArray[np.float64]) -> float:
    """The step that values move by, 0 where they move freely. An accuracy over 20 rows moves by 0.05, and twice the same
    difference proves no more than that: rounding to a step has a variance of step² / 12."""
    steps = np.diff(np.unique(values))
    if not len(steps):
        return 0.0
    times = steps / steps.min()
    return float(steps.min()) if np.all(np.abs(times - np.round(times)) < 1e-3) else 0.0


def deviation(values: NDArray[np.float64]) -> float:
    """The standard deviation of a sample of two or more."""
    scale = float(np.abs(values).max()) or 1.0  # squares of enormous losses stay finite
    return float((values / scale).std(ddof=1) * scale)


def student_below(t: float, freedom: int) -> float:
    """The probability that Student's t is below `t`, 0..1.

    The finite sums of Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.7.3 and 26.7.4.

    Args:
        t: Any number.
        freedom: Degrees of freedom, a whole number from 1.
    """
    angle = math.atan(t / math.sqrt(freedom))
    sine, square = math.sin(angle), math.cos(angle) ** 2
    odd = freedom % 2
    term = total = math.cos(angle) if odd else 1.0
    for k in range(3 if odd else 2, freedom - 1, 2):
        term *= square * (k - 1) / k
        total += term
    inside = (angle + sine * total * (freedom > 1)) * 2 / math.pi if odd else sine * total
    return 0.5 + 0.5 * inside


def student_quantile(probability: float, freedom: int) -> float:
    """The value that Student's t stays below with a probability of 0.5..1 (1 itself excluded), found by halving."""
    low, high = 0.0, 1.0
    while student_below(high, freedom) < probability:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if student_below(middle, freedom) < probability else (low, middle)
    return (low + high) / 2


@dataclass(frozen=True)
class Optimism:
    """What choosing the best of many promised, and what came of it. Positive differences mean that it promised too much.

    Attributes:
        promised: The winner's value in the search, where it was the best of all trials.
        repeated: Its mean over the seeds of its repeats.
        tested: Its value on the test set; None before that was read.
        chosen: By how much the search flattered it: its luck with one seed, which made it the winner.
        rows: By how much the validation rows flattered it, on which everything was chosen; part of this is that the test
            set is another sample. None before the test set was read.
    """

    promised: float
    repeated: float
    tested: float | None
    chosen: float
    rows: float | None

    def as_dict(self) -> dict[str, float | None]:
        """The same, ready for JSON."""
        return dict(vars(self))


def optimism(
    search_value: float, repeats_mean: float, test_value: float | None = None, *, maximize: bool = True
) -> Optimism:
    """Compare what the search promised with what the repeats and the test gave.

    Args:
        search_value: The winner's value in the search.
        repeats_mean: Its mean over seeds. Where the winner was picked by these repeats, `Standing.expected` is the
            more honest number: the best of several means is flattered again.
        test_value: Its value on the test set.
        maximize: Whether more is better.
    """
    sign = 1.0 if maximize else -1.0
    rows = None if test_value is None else sign * (repeats_mean - test_value)
    return Optimism(search_value, repeats_mean, test_value, sign * (search_value - repeats_mean), rows)
