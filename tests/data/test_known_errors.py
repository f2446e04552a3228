"""Labels that are known to be wrong: which they are, and that they belong to one test set alone."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import sonmat
from sonmat.data.dataset import Dataset
from sonmat.data.known_errors import KnownErrors, by_row, errors_of, known_errors

ROOT = Path(__file__).parents[2]
ROWS = [947, 1621, 1901, 2130, 2462, 2597, 2654, 3520, 3558, 5937, 6651, 6783, 8527, 9679, 9729]


@pytest.fixture
def test(mnist: str) -> Dataset:
    return sonmat.load(mnist)[1]


@pytest.fixture
def known(test: Dataset) -> KnownErrors:
    found = known_errors(test)
    assert found is not None
    return found


def test_the_fifteen_are_those_of_the_paper(known: KnownErrors, test: Dataset) -> None:
    assert [one.row for one in known.errors] == ROWS
    assert known.ceiling == 0.9985
    for one in known.errors:
        assert one.label == test.labels[one.row] != one.other
        assert sum(one.votes) == 5
        assert one.votes[0] < 3  # else the label stands
        assert one.corrected == (one.other if one.votes[1] >= 3 else None)
    fixed = {one.row: one.corrected for one in known.errors if one.corrected is not None}
    assert fixed == {947: 9, 1621: 6, 1901: 4, 2462: 0, 2597: 3, 3558: 0, 5937: 3, 6651: 6, 6783: 6, 9729: 6}


def test_corrected_labels_are_a_copy_that_differs_there_alone(known: KnownErrors, test: Dataset) -> None:
    before = test.labels.copy()
    found = known.labels(test.labels)
    np.testing.assert_array_equal(np.flatnonzero(found != test.labels), ROWS)
    assert (found == -1).sum() == 5
    np.testing.assert_array_equal(test.labels, before)
    assert sonmat.load("mnist")[1].fingerprint == test.fingerprint
    assert not test.labels.flags.writeable


def test_the_same_arrays_are_known_under_any_name_dtype_of_labels_and_layout(test: Dataset) -> None:
    inputs, labels = np.array(test.inputs), np.array(test.labels)
    own = Dataset.from_arrays(inputs, labels.astype(np.int64), classes=list("abcdefghij"), name="mine")
    assert known_errors(own) is known_errors(test)
    assert errors_of(np.asfortranarray(inputs)[..., None], labels) is known_errors(test)
    assert known_errors(replace(test, scale=1.0, part="validation")) is known_errors(test)


def test_other_arrays_are_not(test: Dataset) -> None:
    inputs, labels = np.array(test.inputs), np.array(test.labels)
    pixel, label = inputs.copy(), labels.copy()
    pixel[5, 3, 3] ^= 1
    label[7] = (label[7] + 1) % 10
    order = np.arange(10_000)
    order[:2] = 1, 0
    for other in (
        (pixel, labels),
        (inputs, label),
        (inputs[order], labels[order]),
        (inputs[:-1], labels[:-1]),
        (inputs, labels.astype(np.float64)),
        (inputs / 255, labels),
        (inputs.view(np.int8), labels),
        (inputs, labels.astype(np.int64) + 256),
        (inputs, np.eye(10)[labels]),
        (inputs.tolist()[:3], labels[:3]),
        (inputs, None),
    ):
        assert errors_of(*other) is None
    assert known_errors(test.take(np.arange(9_999))) is None
    assert known_errors(test.take(order)) is None
    assert known_errors(test.take(np.arange(10_000))) is not None


def test_nothing_is_known_of_training_validation_and_other_data(mnist: str, small: Path) -> None:
    whole, _ = sonmat.load(mnist)
    for part in (whole, *whole.split(0.7), whole.take(slice(10_000)), *sonmat.load(small)):
        assert known_errors(part) is None
        assert by_row(part, [0, 947]) == {}


def test_rows_are_found_by_their_number(test: Dataset) -> None:
    assert list(by_row(test, [3, 9729, 947, 10_000_000])) == [947, 9729]


def test_only_what_tells_of_a_result_reads_them() -> None:
    """Nothing that trains, validates or chooses may."""
    readers = set()
    for file in (ROOT / "sonmat").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "sonmat.data.known_errors":
                readers.add(file.relative_to(ROOT / "sonmat").as_posix())
    assert readers == {
        "engine/corrected.py", "engine/evaluate.py", "jobs/pictures.py", "jobs/predict.py",
        "view/corrected.py", "view/label_errors.py", "view/predicted.py",
    }  # fmt: skip


@pytest.mark.parametrize(("page", "out"), [("ceiling.md", "left out"), ("ceiling.ko.md", "뺌")])
def test_the_page_has_the_same_table(page: str, out: str, known: KnownErrors) -> None:
    rows = re.findall(r"^\| (\d.*) \|$", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.M)
    told = [row.split(" | ") for row in rows]
    assert [row[:5] for row in told] == [
        [str(one.row), str(one.label), str(one.other), ", ".join(map(str, one.votes)),
         out if one.corrected is None else str(one.corrected)]
        for one in known.errors
    ]  # fmt: skip
    assert [re.findall(r"\d", row[5]) for row in told] == [list(map(str, one.readings)) for one in known.errors]
