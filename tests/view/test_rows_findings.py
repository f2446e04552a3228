"""What is said of rows before a training."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sonmat.data.guards import Contradictions, Leak, Order
from sonmat.data.table_file import Bad
from sonmat.engine.evidence import Evidence
from sonmat.models.catalog import base_recipe
from sonmat.models.reading import change
from sonmat.view.finding import Case
from sonmat.view.rows_findings import Called, rows_findings

GOOD = Evidence(
    classes=("cats", "dogs", "fish"),
    counts=(400, 410, 420),
    order=Order(0.34, 0.33),
    leak=Leak(300, 0),
    test_leak=Leak(300, 0),
    contradictions=Contradictions(1230, 0),
)
NAMES = Called(train=["a", "b", "c"], validation=["d", "e"], test=["f", "g"])


def codes(evidence: Evidence, called: Called = NAMES, **settings: object) -> dict[str, str]:
    recipe = change(base_recipe("notes-mlp"), [f"{key}={value}" for key, value in settings.items()])
    return {one.code: one.severity for one in rows_findings(Case(evidence, recipe=recipe), called)}


def test_good_rows_are_passed_without_a_word() -> None:
    assert codes(GOOD) == {}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"test_leak": Leak(300, 9)}, {"test_leak": "fault"}),
        ({"test_leak": Leak(300, 1)}, {"test_leak": "hint"}),
        ({"leak": Leak(300, 9)}, {"leak": "fault"}),
        ({"contradictions": Contradictions(1230, 40)}, {"contradictory_labels": "fault"}),
        ({"contradictions": Contradictions(1230, 2)}, {"contradictory_labels": "hint"}),
        ({"counts": (600, 600, 0)}, {"missing_class": "fault"}),
        ({"counts": (600, 600, 9)}, {"small_class": "hint", "imbalance": "hint"}),
        ({"counts": (600, 600, 60)}, {"imbalance": "hint"}),
        ({"order": Order(0.99, 0.33)}, {"sorted_labels": "good"}),
    ],
)
def test_each_fault_is_found_alone(change: dict[str, object], expected: dict[str, str]) -> None:
    assert codes(replace(GOOD, **change)) == expected  # type: ignore[arg-type]


def test_rows_are_called_by_their_names() -> None:
    evidence = replace(
        GOOD,
        test_leak=Leak(300, 2, pairs=((1, 0), (4, 1))),
        leak=Leak(300, 1, pairs=((2, 1),)),
        contradictions=Contradictions(1230, 2, pairs=((0, 2),)),
    )
    found = {one.code: one.evidence for one in rows_findings(Case(evidence), NAMES)}
    assert found["test_leak"].endswith("For example b and f; e and g.")
    assert found["leak"].endswith("For example c and e.")
    assert found["contradictory_labels"].endswith("For example a and c.")
    labelled = replace(NAMES, train=["a", "b", "a"], labels=["cats", "dogs", "fish"])
    told = {one.code: one.evidence for one in rows_findings(Case(evidence), labelled)}
    assert told["contradictory_labels"].endswith("For example a (cats, fish).")
    assert all("For example" not in one.evidence for one in rows_findings(Case(evidence), Called()))


def test_an_order_that_folders_made_is_not_spoken_of() -> None:
    assert codes(replace(GOOD, order=Order(0.99, 0.33)), replace(NAMES, in_order=False)) == {}


def test_what_was_left_out_is_listed() -> None:
    bad = [Bad(f"cats/{n}.jpg", "it is cut short") for n in range(8)]
    found = rows_findings(Case(GOOD), Called(left_out=bad))
    assert [one.code for one in found] == ["left_out"]
    assert found[0].evidence.startswith("8: cats/0.jpg: it is cut short; ")
    assert found[0].evidence.endswith("and 3 more.")


def test_few_rows_make_few_steps_and_what_is_advised_makes_enough() -> None:
    few = replace(GOOD, counts=(40, 41, 42))
    assert codes(few, batch_size=128, epochs=5) == {"few_steps": "hint"}
    recipe = change(base_recipe("notes-mlp"), ["batch_size=128", "epochs=5"])
    advice = rows_findings(Case(few, recipe=recipe), NAMES)[0].advice
    batch, epochs = (advice.split(f"{key}=")[1].split()[0].rstrip(".") for key in ("batch_size", "epochs"))
    assert codes(few, batch_size=batch, epochs=epochs) == {}


def test_faults_come_first() -> None:
    evidence = replace(GOOD, order=Order(0.99, 0.33), counts=(600, 600, 60), test_leak=Leak(300, 90))
    assert list(codes(evidence)) == ["test_leak", "imbalance", "sorted_labels"]


def test_labels_that_begin_at_one_are_told_from_a_class_without_rows() -> None:
    counted = replace(GOOD, classes=("0", "1", "2"), counts=(0, 410, 420))
    fixes = [rows_findings(Case(one), NAMES)[0].advice for one in (counted, replace(GOOD, counts=(0, 410, 420)))]
    assert "y - 1" in fixes[0]
    assert "add rows" in fixes[1]
