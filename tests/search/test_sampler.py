"""Samplers: what they propose is inside, the same again, never twice, and better than chance where they learn."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from sonmat.errors import RecipeError, UnsupportedError
from sonmat.search import sampler as samplers
from sonmat.search.sampler import (
    AT_ONCE,
    SAMPLERS,
    batch_size,
    distributions,
    make_sampler,
    most_trials,
    parameter_of,
    parameters_of,
    settings_of,
    value_of,
)
from sonmat.search.space import Choice, Range, Space

INSTALLED = tuple(name for name in SAMPLERS if name != "gp")
BY_NUMBER = ("random", "grid", "qmc")
LEARNING = ("tpe", "cmaes")
SPACE = {
    "train.learning_rate": "log:1e-4..1",
    "train.momentum": "0.0..0.99",
    "model.units": "log:8..512",
    "model.depth": "1..9:2",
    "model.dropout": "0..0.5:0.1",
    "train.batch_size": "100,20,50",
    "model.hidden": "[20,20],[64]",
    "train.optimizer": "sgd,adam",
    "model.functional": "true,false",
    "train.loss": "mse",
}
MIXED = Space.from_dict(SPACE)
FINITE = Space.from_dict({"model.units": "log:1..8", "train.batch_size": "20,50", "model.dropout": "0..0.2:0.1"})

PROCESS = """
import sys, optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from sonmat.search.sampler import distributions, make_sampler
from sonmat.search.space import Space
import json
name, file, space, count = sys.argv[1], sys.argv[2], Space.from_dict(json.loads(sys.argv[3])), int(sys.argv[4])
storage = JournalStorage(JournalFileBackend(file))
study = optuna.load_study(study_name="s", storage=storage, sampler=make_sampler(name, space, 7))
for _ in range(count):
    study.ask(distributions(space))
"""


@pytest.fixture(autouse=True)
def quiet():
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
    optuna.logging.set_verbosity(before)


def loss(chosen: dict[str, Any]) -> float:
    numbers = [value for value in chosen.values() if isinstance(value, int | float)]
    return float(sum(np.log1p(abs(value)) for value in numbers))


def on_disk(file: Path, sampler: Any) -> optuna.Study:
    storage = JournalStorage(JournalFileBackend(str(file)))
    return optuna.create_study(study_name="s", storage=storage, sampler=sampler, load_if_exists=True)


def asked(study: optuna.Study, space: Space, sizes: list[int], *, end: bool = True) -> list[dict[str, Any]]:
    """The settings of trials asked in batches of these sizes, each batch ended before the next."""
    found = []
    for size in sizes:
        batch = [study.ask(distributions(space)) for _ in range(size)]
        found += [settings_of(space, trial.params) for trial in batch]
        for trial in batch if end else ():
            study.tell(trial, loss(settings_of(space, trial.params)))
    return found


def fresh(name: str, space: Space, seed: int = 7, **options: Any) -> optuna.Study:
    return optuna.create_study(sampler=make_sampler(name, space, seed), **options)


@pytest.mark.parametrize("name", INSTALLED)
def test_every_value_lies_in_the_space(name: str):
    for one in asked(fresh(name, MIXED), MIXED, [12, 12, 12]):
        MIXED.check(one)
        assert list(one) == list(MIXED.dimensions)
        assert isinstance(one["model.units"], int)
        assert one["model.depth"] in (1, 3, 5, 7, 9)
        assert one["model.dropout"] in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
        assert one["model.hidden"] in ([20, 20], [64])


@pytest.mark.parametrize("name", BY_NUMBER)
@pytest.mark.parametrize("space", [MIXED, FINITE], ids=["mixed", "finite"])
def test_number_and_seed_alone_decide(name: str, space: Space):
    whole = asked(fresh(name, space), space, [24])
    assert asked(fresh(name, space), space, [1] * 24) == whole
    assert asked(fresh(name, space), space, [5, 1, 7, 11], end=False) == whole
    assert asked(fresh(name, space, seed=8), space, [24]) != whole


@pytest.mark.parametrize("name", LEARNING)
def test_the_same_batches_give_the_same_settings(name: str):
    once = asked(fresh(name, MIXED), MIXED, [12] * 3)
    assert asked(fresh(name, MIXED), MIXED, [12] * 3) == once
    assert asked(fresh(name, MIXED, seed=8), MIXED, [12] * 3) != once
    study = fresh(name, MIXED)
    once_more = []
    for size in (12, 12, 12):
        study.sampler = make_sampler(name, MIXED, 7)  # as after a resume: nothing but the trials is left
        once_more += asked(study, MIXED, [size])
    assert once_more == once


@pytest.mark.parametrize("name", INSTALLED)
def test_a_journal_gives_other_processes_the_same(name: str, tmp_path: Path):
    space = FINITE if name == "grid" else MIXED
    once = asked(fresh(name, space), space, [12, 12], end=True)
    study = on_disk(tmp_path / "trials.log", make_sampler(name, space, 7))
    assert asked(study, space, [12]) == once[:12]
    for count in (5, 7):  # a batch cut in two by the end of a process
        arguments = [name, str(tmp_path / "trials.log"), json.dumps(space.as_dict()), str(count)]
        subprocess.run([sys.executable, "-W", "ignore", "-c", PROCESS, *arguments], check=True, capture_output=True)
    found = on_disk(tmp_path / "trials.log", None).get_trials()
    assert [settings_of(space, trial.params) for trial in found] == once


def test_the_order_in_which_results_are_told_changes_nothing():
    def run(order: list[int]) -> list[dict[str, Any]]:
        study = fresh("tpe", MIXED)
        batch = [study.ask(distributions(MIXED)) for _ in range(16)]
        for place in order:
            study.tell(batch[place], loss(settings_of(MIXED, batch[place].params)))
        return asked(study, MIXED, [4])

    assert run(list(range(16))) == run(list(reversed(range(16))))


@pytest.mark.parametrize("name", INSTALLED)
def test_a_finite_space_is_tried_without_repeats_to_its_end(name: str):
    size = FINITE.size()
    assert size == 48
    found = asked(fresh(name, FINITE), FINITE, [12, 12, 12, 12])
    assert len({json.dumps(one) for one in found}) == size
    study = fresh(name, FINITE)
    asked(study, FINITE, [size])
    with pytest.raises(RecipeError, match="All 48 settings"):
        study.ask(distributions(FINITE))


def test_a_grid_cuts_what_is_continuous_and_is_spread_from_the_start():
    space = Space.from_dict({"a": "0.0..1.0", "b": "log:1e-4..1"})
    found = asked(fresh("grid", space), space, [25])
    assert sorted(map(json.dumps, found)) == sorted(map(json.dumps, space.grid()))
    assert len({one["a"] for one in found[:12]}) >= 4


def test_a_grid_beyond_all_memory_does_not_repeat():
    space = Space.from_dict({f"x{n}": "0..999999" for n in range(6)})
    found = asked(fresh("grid", space), space, [40])
    assert len({json.dumps(one) for one in found}) == 40
    assert asked(fresh("grid", space), space, [7, 33]) == found
    assert max(one["x0"] for one in found) > 700_000  # the whole of it, not a corner


@pytest.mark.parametrize("name", INSTALLED)
def test_a_widened_space_goes_on_without_repeats(name: str):
    wide = FINITE.widened(Space.from_dict({"model.units": "log:1..10", "train.batch_size": "100"}))
    old = asked(fresh(name, FINITE), FINITE, [24])
    study = fresh(name, wide)
    for one in old:  # Optuna refuses more choices in one study, so that a wider one begins with the old trials
        study.add_trial(
            optuna.trial.create_trial(
                params=parameters_of(wide, one), distributions=distributions(wide), value=loss(one)
            )
        )
    new = asked(study, wide, [(wide.size() or 0) - 24])
    assert len({json.dumps(one) for one in old + new}) == wide.size()


def test_a_trial_that_another_process_is_asking_for_keeps_its_settings():
    once = asked(fresh("grid", FINITE), FINITE, [8])
    study = fresh("grid", FINITE)
    asked(study, FINITE, [3])
    half = study.ask()  # a process has the number and no settings yet
    assert asked(study, FINITE, [4]) == once[4:]
    for name, distribution in distributions(FINITE).items():
        half._suggest(name, distribution)
    assert settings_of(FINITE, half.params) == once[3]


@pytest.mark.parametrize("name", [name for name in INSTALLED if name != "grid"])
def test_trials_of_a_continuous_space_all_differ(name: str):
    found = asked(fresh(name, MIXED), MIXED, [12, 12, 12])
    assert len({one["train.learning_rate"] for one in found}) == 36


def test_random_is_spread_as_the_ranges_say():
    space = Space.from_dict({"a": "log:1e-4..1", "b": "0.0..1.0", "c": "x,y,z,w"})
    found = asked(fresh("random", space), space, [400], end=False)
    assert 0.42 < np.mean([one["a"] < 1e-2 for one in found]) < 0.58
    assert 0.42 < np.mean([one["b"] < 0.5 for one in found]) < 0.58
    assert all(60 < sum(one["c"] == value for one in found) < 140 for value in "xyzw")
    assert abs(np.corrcoef([one["b"] for one in found], [np.log(one["a"]) for one in found])[0, 1]) < 0.15


def test_quasi_random_is_more_even_than_random():
    space = Space.from_dict({"a": "0.0..1.0", "b": "0.0..1.0"})

    def filled(name: str, seed: int) -> int:
        found = asked(fresh(name, space, seed), space, [64], end=False)
        return len({(int(one["a"] * 8), int(one["b"] * 8)) for one in found})

    assert min(filled("qmc", seed) for seed in range(5)) > max(filled("random", seed) for seed in range(5))


def best(name: str, space: Space, seed: int, trials: int, batch: int) -> float:
    study = fresh(name, space, seed)
    asked(study, space, [batch] * (trials // batch))
    return min(trial.value for trial in study.trials if trial.value is not None)


@pytest.mark.parametrize("name", LEARNING)
def test_what_learns_beats_chance(name: str, monkeypatch: pytest.MonkeyPatch):
    goal = {"a": 0.2, "b": 0.7, "c": 0.35, "d": 0.8}
    monkeypatch.setitem(globals(), "loss", lambda one: sum((one[key] - goal[key]) ** 2 for key in goal))
    space = Space.from_dict(dict.fromkeys(goal, "0.0..1.0"))
    batch = batch_size(name, 96)
    pairs = [(best(name, space, seed, 96, batch), best("random", space, seed, 96, 96)) for seed in range(8)]
    # by luck, all of 8 pairs would go one way once in 256 times, and the mean would not be a third
    assert sum(learned < drawn for learned, drawn in pairs) >= 7
    assert np.mean([learned for learned, _ in pairs]) < np.mean([drawn for _, drawn in pairs]) / 3


def test_what_learns_goes_by_the_direction_of_the_study():
    space = Space.from_dict({"a": "0.0..1.0", "b": "0.0..1.0"})
    for name in LEARNING:
        study = fresh(name, space, direction="maximize")
        for _ in range(6):
            batch = [study.ask(distributions(space)) for _ in range(12)]
            for trial in batch:
                study.tell(trial, trial.params["a"] + trial.params["b"])
        assert np.mean([trial.value for trial in study.trials[-12:]]) > 1.4


@pytest.mark.parametrize("name", LEARNING)
def test_where_trials_fail_is_learned_too(name: str):
    space = Space.from_dict({"a": "0.0..1.0", "b": "0.0..1.0"})

    def failed(seed: int) -> float:
        study = fresh(name, space, seed)
        for _ in range(5):
            batch = [study.ask(distributions(space)) for _ in range(12)]
            for trial in batch:
                if trial.params["a"] > 0.5:
                    study.tell(trial, state=TrialState.FAIL)
                else:
                    study.tell(trial, 1.0 + 0.01 * trial.params["b"])
        return float(np.mean([trial.state == TrialState.FAIL for trial in study.trials[-24:]]))

    assert np.mean([failed(seed) for seed in range(5)]) < 0.3  # half of the space fails


def test_a_stopped_trial_counts_with_its_last_value():
    space = Space.from_dict({"a": "0.0..1.0", "b": "0.0..1.0"})

    def run(stopped: bool) -> list[dict[str, Any]]:
        study = fresh("tpe", space)
        for trial in [study.ask(distributions(space)) for _ in range(16)]:
            if stopped and trial.number % 2:
                trial.report(9.0, 1)
                trial.report(trial.params["a"], 2)
                study.tell(trial, state=TrialState.PRUNED)
            else:
                study.tell(trial, trial.params["a"])
        return asked(study, space, [4])

    assert run(True) == run(False)


@given(st.sampled_from(sorted(SPACE)), st.floats(0, 1))
def test_parameters_stand_for_values(name: str, share: float):
    dimension = MIXED.dimensions[name]
    value = dimension.at(share)
    parameter = parameter_of(dimension, value)
    distribution = distributions(MIXED)[name]
    assert distribution._contains(distribution.to_internal_repr(parameter))
    back = value_of(dimension, distribution.to_external_repr(distribution.to_internal_repr(parameter)))
    assert (back, type(back)) == (value, type(value))


def test_lists_are_choices_by_their_json():
    found = distributions(MIXED)
    assert found["model.hidden"] == CategoricalDistribution(["[20, 20]", "[64]"])
    assert found["train.optimizer"] == CategoricalDistribution(["sgd", "adam"])
    assert found["train.batch_size"] == CategoricalDistribution([100, 20, 50])
    tricky = Choice((True, 1, "[1]", [1], {"b": 1, "a": 2}))
    parameters = [parameter_of(tricky, value) for value in tricky.values]
    assert len(set(parameters)) == 5
    assert [json.dumps(value_of(tricky, one)) for one in parameters] == [json.dumps(one) for one in tricky.values]


@pytest.mark.parametrize("parameter", ["x", None, 2.5, float("nan"), float("inf"), -1, [1]])
def test_a_parameter_of_another_study_is_refused(parameter: object):
    with pytest.raises(RecipeError):
        value_of(Range(0.0, 1.0), parameter)
    with pytest.raises(RecipeError):
        value_of(Choice((20, 50)), parameter)


def test_a_step_as_optuna_calculates_it_is_the_one_that_was_written():
    assert value_of(Range(0.0, 0.5, step=0.1), 0.30000000000000004) == 0.3


def test_a_space_of_one_point_is_tried_once():
    space = Space.from_dict({"a": "0.5", "b": "x"})
    for name in ("random", "grid", "qmc", "tpe"):
        assert asked(fresh(name, space), space, [1]) == [{"a": 0.5, "b": "x"}]
        assert most_trials(name, space, 100)[0] == 1


def test_no_more_trials_than_a_finite_space_has():
    assert most_trials("random", FINITE, 40) == (40, "")
    count, note = most_trials("tpe", FINITE, 100)
    assert (count, "48 trials instead of 100" in note) == (48, True)
    assert most_trials("tpe", MIXED, 10**6) == (10**6, "")
    continuous = Space.from_dict({"a": "0.0..1.0"})
    assert most_trials("grid", continuous, 100)[0] == 5


@given(st.sampled_from(SAMPLERS), st.integers(1, 10**5))
def test_batches_are_of_one_trial_or_more_and_never_too_many(name: str, trials: int):
    assert 1 <= batch_size(name, trials) <= trials
    assert batch_size(name, trials) == min(trials, AT_ONCE) or name not in BY_NUMBER


def test_a_generation_is_a_batch():
    from sonmat.search.sampler_evolution import POPULATION

    assert batch_size("cmaes", 1000) == POPULATION


def test_no_pickle_is_kept_with_a_study(tmp_path: Path):
    study = on_disk(tmp_path / "trials.log", make_sampler("cmaes", MIXED, 7))
    asked(study, MIXED, [12, 12, 12])
    notes = [dict(trial.system_attrs) for trial in study.get_trials()]
    assert {key for note in notes for key in note} == {"sonmat:generation"}
    generations = [note["sonmat:generation"].rpartition(":")[2] for note in notes]
    assert generations == ["0"] * 12 + ["1"] * 12 + ["2"] * 12


def test_gp_without_torch_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(samplers.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnsupportedError) as caught:
        make_sampler("gp", MIXED, 0)
    assert 'pip install "sonmat[gp]"' in caught.value.fix


def test_gp_learns_and_is_the_same_again():
    pytest.importorskip("torch")
    space = Space.from_dict({"a": "0.0..1.0", "b": "20,50,100", "c": "x,y"})
    once = asked(fresh("gp", space), space, [8, 8, 4])
    assert asked(fresh("gp", space), space, [8, 8, 4]) == once
    for one in once:
        space.check(one)
    assert once[16:] != asked(fresh("random", space), space, [20])[16:]


@pytest.mark.parametrize(("name", "seed"), [("tpee", 0), ("", 0), ("random", -1), ("random", 0.5), ("random", True)])
def test_no_such_sampler_or_seed(name: str, seed: Any):
    with pytest.raises(RecipeError):
        make_sampler(name, MIXED, seed)


def test_the_nearest_sampler_is_named():
    with pytest.raises(RecipeError) as caught:
        make_sampler("cma-es", MIXED, 0)
    assert "'cmaes'" in caught.value.fix


def test_cmaes_needs_a_number():
    with pytest.raises(RecipeError, match="cmaes moves numbers"):
        make_sampler("cmaes", Space.from_dict({"a": "x,y"}), 0)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**63), st.integers(0, 10**6))
def test_any_seed_and_any_number_will_do(seed: int, number: int):
    sampler = make_sampler("random", MIXED, seed)
    study = optuna.create_study(sampler=sampler)
    trial = optuna.trial.create_trial(state=TrialState.RUNNING)
    trial.number = number
    MIXED.check(settings_of(MIXED, sampler.sample_relative(study, trial, distributions(MIXED))))
