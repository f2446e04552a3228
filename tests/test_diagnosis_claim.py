"""What is claimed of the diagnosis: the record of the held-out scenarios, and some of them done again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from benchmarks.diagnosis import held_out, tuning
from benchmarks.diagnosis.__main__ import RESULT, summarize
from benchmarks.diagnosis.scenario import Scenario, run
from sonmat.errors import SourceError
from sonmat.view.diagnosis import _CODES

HELD_OUT = (*held_out.FAULTS, *held_out.HEALTHY)
AGAIN = ("Adam at 0.2", "few eights", "two layers frozen", "no hidden layer")  # small ones of MNIST, which tests have


def record() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(RESULT.read_text(encoding="utf-8"))
    return told


def test_the_record_is_of_these_scenarios_and_adds_up():
    told = record()
    assert [one["name"] for one in told["scenarios"]] == [one.name for one in HELD_OUT]
    assert [one["planted"] for one in told["scenarios"]] == [one.code for one in HELD_OUT]
    assert told["summary"] == summarize(told["scenarios"])


def test_nine_of_ten_faults_are_named_and_at_most_one_healthy_run_is_accused():
    summary = record()["summary"]
    assert (summary["faults"] >= 20, summary["healthy"] >= 20) == (True, True)
    assert summary["named"] >= 0.9 * summary["faults"]
    assert summary["accused"] <= 1


def test_the_two_sets_share_nothing_that_could_be_tuned_to():
    theirs = {(one.data, one.seed) for one in (*tuning.FAULTS, *tuning.HEALTHY)}
    assert not theirs & {(one.data, one.seed) for one in HELD_OUT}
    assert all(one.later for one in HELD_OUT)
    assert not any(one.later for one in (*tuning.FAULTS, *tuning.HEALTHY))
    for scenarios in ((*tuning.FAULTS, *tuning.HEALTHY), HELD_OUT):
        assert len({one.name for one in scenarios}) == len(scenarios)
    assert {one.code for one in held_out.FAULTS} <= set(_CODES)


@pytest.mark.usefixtures("mnist")
@pytest.mark.parametrize("name", AGAIN)
def test_what_the_record_says_comes_out_again(name: str):
    scenario = next(one for one in HELD_OUT if one.name == name)
    told = next(one for one in record()["scenarios"] if one["name"] == name)
    assert run(scenario)["right"] == told["right"]


@pytest.mark.slow
@pytest.mark.usefixtures("mnist")
def test_the_whole_held_out_set_comes_out_again():
    outcomes = list(_outcomes(HELD_OUT))
    summary = summarize(outcomes)
    assert summary["faults"] >= 8  # those of MNIST alone, where Fashion-MNIST is out of reach
    assert summary["named"] >= 0.9 * summary["faults"] - 1
    assert summary["accused"] <= 1


def _outcomes(scenarios: Iterable[Scenario]) -> Iterable[dict[str, Any]]:
    unreachable: set[str] = set()
    for one in scenarios:
        if one.data in unreachable:
            continue
        try:
            yield run(one)
        except SourceError:
            unreachable.add(one.data)
