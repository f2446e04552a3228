"""What hyperparameters decide: on functions that are known, beside SciPy and Optuna."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from sonmat.search.importance import FEWEST, Importance, best_first, importance, interactions
from sonmat.search.trial import DONE, FAILED, RUNNING, STOPPED, Trial

Value = Callable[[dict[str, Any], np.random.Generator], float]


def searched(count: int, value: Value, seed: int = 0) -> list[Trial]:
    random = np.random.default_rng(seed)
    found = []
    for number in range(count):
        settings: dict[str, Any] = {
            "rate": float(10 ** random.uniform(-4, 0)),
            "units": int(random.integers(8, 65)),
            "optimizer": str(random.choice(["sgd", "adam"])),
            "hidden": [[20], [20, 20], [64]][random.integers(3)],
            "idle": float(random.uniform()),
            "fixed": 3,
        }
        found.append(Trial(number, settings, 0, DONE, value(settings, random)))
    return found


def peaked(settings: dict[str, Any], random: np.random.Generator) -> float:
    off = np.log10(settings["rate"]) + 1.5
    return float(0.95 - 0.05 * off**2 - 0.0005 * (64 - settings["units"]) + 0.003 * random.normal())


def crossed(settings: dict[str, Any], random: np.random.Generator) -> float:
    wanted = -1.0 if settings["optimizer"] == "sgd" else -3.0
    return float(-abs(np.log10(settings["rate"]) - wanted) + 0.05 * random.normal())


def by_name(found: list[Importance] | None) -> dict[str, Importance]:
    assert found is not None
    return {one.name: one for one in found}


@pytest.mark.parametrize("maximize", [True, False])
def test_what_matters_is_found_and_what_is_idle_is_not(maximize: bool) -> None:
    trials = searched(400, peaked if maximize else lambda settings, random: -peaked(settings, random))
    found = importance(trials, maximize=maximize)
    named = by_name(found)
    assert found is not None
    assert [one.name for one in found][:2] == ["rate", "units"]
    assert set(named) == {"rate", "units", "optimizer", "hidden", "idle"}  # what was not varied is not asked
    assert named["rate"].clear
    assert named["units"].clear
    assert named["rate"].share > 1.5 * named["units"].share
    assert not any(named[name].clear for name in ("optimizer", "hidden", "idle"))
    assert all(0 <= one.share <= 1 and 0 < one.p_value <= 1 for one in found)


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_the_order_is_that_of_optunas_evaluator() -> None:
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    trials = searched(2_000, peaked)
    distributions = {
        "rate": optuna.distributions.FloatDistribution(1e-4, 1, log=True),
        "units": optuna.distributions.IntDistribution(8, 64),
        "optimizer": optuna.distributions.CategoricalDistribution(["sgd", "adam"]),
        "idle": optuna.distributions.FloatDistribution(0, 1),
    }
    study = optuna.create_study(direction="maximize")
    study.add_trials(
        [
            optuna.trial.create_trial(
                params={name: trial.settings[name] for name in distributions},
                distributions=distributions,
                value=trial.value,
            )
            for trial in trials
        ]
    )
    theirs = optuna.importance.get_param_importances(
        study, evaluator=optuna.importance.PedAnovaImportanceEvaluator(), normalize=False
    )
    ours = by_name(importance(trials, maximize=True))
    assert list(theirs)[:2] == ["rate", "units"]
    # Theirs is the variance of the part among the best, ours that over the variance of being among the best.
    part = 0.1
    for name in ("rate", "units"):
        assert ours[name].share == pytest.approx(theirs[name] / (part * (1 - part)), rel=0.25, abs=0.01)


def test_the_p_value_of_a_choice_is_fishers() -> None:
    random = np.random.default_rng(7)
    trials = [Trial(i, {"a": "xy"[i % 2]}, 0, DONE, float(random.normal() + 0.7 * (i % 2))) for i in range(60)]
    (found,) = importance(trials, maximize=True) or []
    best = best_first(trials, maximize=True)[:10]
    count = int((best % 2).sum())
    draws = np.arange(11)
    chances = stats.hypergeom.pmf(draws, 60, 30, 10)
    exact = chances[np.abs(draws - 5) >= abs(count - 5)].sum()
    assert found.p_value == pytest.approx(exact, abs=4 * np.sqrt(exact / 4_000))


def test_what_two_decide_together_is_found() -> None:
    trials = searched(400, crossed)
    alone = by_name(importance(trials, maximize=True))
    assert not alone["optimizer"].clear
    together = interactions(trials, maximize=True)
    assert together is not None
    assert together[0].clear
    assert set(together[0].names) == {"rate", "optimizer"}
    assert together[0].share > 0.2
    assert all(not one.clear for one in together[1:] if "idle" in one.names)


def test_luck_is_seldom_taken_for_an_effect() -> None:
    wrong, shares = [0, 0], []
    for seed in range(40):
        trials = searched(120, lambda _, random: float(random.normal()), seed)
        found = importance(trials, maximize=True) or []
        wrong[0] += any(one.clear for one in found)
        shares += [one.share for one in found if one.name == "idle"]
        wrong[1] += any(one.clear for one in interactions(trials, maximize=True) or [])
    assert wrong[0] <= 7  # at most 5 % of 40 are expected, and more than 7 in one of a thousand tries
    assert wrong[1] <= 7
    assert np.mean(shares) < 0.03  # ten bins explain 0.076 by luck
    assert np.median(shares) < 0.01


def test_too_few_say_nothing() -> None:
    assert importance([], maximize=True) is None
    assert importance(searched(FEWEST - 1, peaked), maximize=True) is None
    assert interactions(searched(FEWEST - 1, peaked), maximize=True) is None
    assert importance(searched(FEWEST, peaked), maximize=True) is not None
    failed = [Trial(i, {"a": i}, 0, FAILED) for i in range(100)]
    assert importance(failed, maximize=True) is None
    assert importance([Trial(i, {"a": 1}, 0, DONE, float(i)) for i in range(50)], maximize=True) == []


def test_failing_counts() -> None:
    random = np.random.default_rng(8)
    trials = []
    for number in range(600):
        rate = float(random.uniform())
        lost = rate > 0.5
        value = None if lost else float(random.normal())
        trials.append(
            Trial(number, {"rate": rate, "idle": float(random.uniform())}, 0, FAILED if lost else DONE, value)
        )
    found = by_name(importance(trials, maximize=True))
    assert found["rate"].clear
    assert not found["idle"].clear


def test_the_order_of_trials() -> None:
    long, short = {"loss": np.zeros(9)}, {"loss": np.zeros(3)}
    trials = [
        Trial(0, {}, 0, STOPPED, 0.99, short),
        Trial(1, {}, 0, FAILED, 0.999),
        Trial(2, {}, 0, DONE, 0.8, long),
        Trial(3, {}, 0, DONE, 0.9, long),
        Trial(4, {}, 0, STOPPED, 0.1, {"loss": np.zeros(5)}),
        Trial(5, {}, 0, DONE, float("nan")),
        Trial(6, {}, 0, STOPPED, 0.98, short),
    ]
    assert best_first(trials, maximize=True).tolist() == [3, 2, 4, 0, 6, 5, 1]
    assert best_first(trials, maximize=False).tolist() == [2, 3, 4, 6, 0, 5, 1]


def test_running_trials_do_not_count() -> None:
    trials = searched(100, peaked)
    more = [*trials, *(Trial(100 + i, {"rate": 1.0}, 0, RUNNING) for i in range(50))]
    assert importance(more, maximize=True) == importance(trials, maximize=True)


def test_a_setting_that_some_trials_lack_is_a_value_too() -> None:
    trials = searched(200, peaked)
    with_extra = [
        Trial(t.number, {**t.settings, "extra": 0.5} if t.number % 2 else t.settings, 0, DONE, float(t.number % 2))
        for t in trials
    ]
    found = by_name(importance(with_extra, maximize=True))
    assert found["extra"].clear


def test_the_same_twice() -> None:
    trials = searched(150, crossed)
    assert importance(trials, maximize=True) == importance(trials, maximize=True)
    assert interactions(trials, maximize=True) == interactions(trials, maximize=True)
