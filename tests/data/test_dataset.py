"""The Dataset record and what it refuses to hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sonmat.data.dataset import Dataset
from sonmat.errors import DataError


def images(rows: int = 6) -> np.ndarray:
    return np.arange(rows * 4, dtype=np.uint8).reshape(rows, 2, 2)


def test_arrays_become_a_data_set_without_a_copy() -> None:
    inputs = images()
    data = Dataset.from_arrays(inputs, [0, 1, 2, 0, 1, 2], name="mine")
    assert len(data) == 6
    assert data.inputs.dtype == np.uint8
    assert np.shares_memory(data.inputs, inputs)
    assert data.classes == ("0", "1", "2")
    assert (data.name, data.part, data.source, data.scale) == ("mine", "all", "arrays", 255.0)
    assert list(data.rows) == [0, 1, 2, 3, 4, 5]
    assert repr(data) == "<Dataset mine all: 6 rows of 2 × 2 uint8, 3 classes>"
    with pytest.raises(ValueError, match="read-only"):
        data.inputs[0] = 1
    inputs[0] = 7  # the caller's own array stays writable


def test_prepare_divides_by_the_scale() -> None:
    data = Dataset.from_arrays(images(), np.zeros(6, int))
    assert data.prepare().dtype == np.float32
    np.testing.assert_array_equal(data.prepare(), images().astype(np.float32) / np.float32(255))
    floats = Dataset.from_arrays(images().astype(float), np.zeros(6, int))
    assert floats.scale == 1.0
    assert Dataset.from_arrays(images(), np.zeros(6, int), scale=16).scale == 16.0


def test_parts_know_their_rows_in_the_whole() -> None:
    data = Dataset.from_arrays(images(100), np.arange(100) % 4)
    train, validation = data.split(0.7, seed=1)
    assert (train.part, validation.part) == ("train", "validation")
    assert sorted([*train.rows, *validation.rows]) == list(range(100))
    inner, _ = train.split(0.5)
    assert set(inner.rows) < set(train.rows)
    for part in (train, validation, inner):
        np.testing.assert_array_equal(part.inputs, data.inputs[part.rows])
        np.testing.assert_array_equal(part.labels, data.labels[part.rows])


def test_take_by_positions_slice_and_mask() -> None:
    data = Dataset.from_arrays(images(), [0, 1, 2, 0, 1, 2])
    assert list(data.take([4, 1]).rows) == [4, 1]
    assert list(data.take(slice(2)).rows) == [0, 1]
    assert list(data.take(data.labels == 2).labels) == [2, 2]
    assert data.take([-1]).rows[0] == 5
    with pytest.raises(DataError, match="from 0 to 5"):
        data.take([6])
    with pytest.raises(DataError, match="no row"):
        data.take(slice(0))


def test_the_fingerprint_is_of_everything_and_of_nothing_else() -> None:
    labels = np.array([0, 1, 2, 0, 1, 2], np.uint8)
    data = Dataset.from_arrays(images(), labels)
    assert data.fingerprint == "a47c74300613f12c3b7e5a739fec1c63371682b9fe4ccedb7d0d16f157d84031"
    same = Dataset.from_arrays(np.asfortranarray(images()), labels, name="another", source="elsewhere")
    assert same.fingerprint == data.fingerprint
    changed = images()
    changed[5, 1, 1] ^= 1
    others = [
        Dataset.from_arrays(changed, labels),
        Dataset.from_arrays(images(), labels[::-1]),
        Dataset.from_arrays(images().reshape(6, 4, 1), labels),
        Dataset.from_arrays(images().view(np.int8), labels),
        Dataset.from_arrays(images(), labels, classes="abc"),
        data.take(slice(5)),
    ]
    assert len({data.fingerprint, *(other.fingerprint for other in others)}) == 7


def test_the_fingerprint_does_not_depend_on_byte_order() -> None:
    values = np.arange(6.0).reshape(6, 1)
    labels = np.zeros(6, "<i4")
    big = Dataset.from_arrays(values.astype(">f8"), labels.astype(">i4"))
    assert big.fingerprint == Dataset.from_arrays(values.astype("<f8"), labels).fingerprint


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 2, 0, 1, -3], "from 0 to 2; row 5 has -3"),
        ([0, 1, 3, 0, 1, 3], "from 0 to 2; row 2 has 3"),
        ([0, 1, 2, 0, 1.5, 2], "whole class numbers; row 4 has 1.5"),
        ([0, 1, float("nan"), 0, 1, 2], "whole class numbers; row 2 has nan"),
        ([0, 1, float("inf"), 0, 1, 2], "row 2 has inf"),
        (["a", "b", "c", "a", "b", "c"], "row 0 has 'a'"),
        ([None] * 6, "dtype object"),
        (np.eye(6, 3), r"\(6, 3\) look one-hot.\n  → Give labels.argmax\(axis=1\)"),
        (np.zeros((6, 2, 2), int), r"shape \(n,\); these are \(6, 2, 2\)"),
        (3, r"these are \(\)"),
        ([0, 1, 2], "6 rows and 3 labels"),
        ([[0], [1, 2]], "every row of the same shape"),
    ],
)
def test_labels_that_cannot_be_learnt_are_refused(labels: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        Dataset.from_arrays(images(), labels, classes=["a", "b", "c"])
    assert caught.value.fix


def test_labels_far_out_of_range_are_refused_without_class_names_too() -> None:
    with pytest.raises(DataError, match="row 1 has 700000"):
        Dataset.from_arrays(images(2), [0, 700_000])
    with pytest.raises(DataError, match="row 0 has -1"):
        Dataset.from_arrays(images(2), [-1, 0])


@pytest.mark.parametrize("labels", [[[0], [1], [2], [0], [1], [2]], [0.0, 1.0, 2.0, 0.0, 1.0, 2.0]])
def test_columns_and_whole_floats_are_taken(labels: Any) -> None:
    data = Dataset.from_arrays(images(), labels)
    assert data.labels.dtype.kind == "i"
    assert list(data.labels) == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (np.array([[1.0, 2.0], [3.0, np.nan]]), r"row 1 holds nan at position \(1\)"),
        (np.array([[1.0, -np.inf], [3.0, 4.0]]), r"row 0 holds -inf at position \(1\)"),
        (np.zeros((0, 28, 28)), "one row or more"),
        (np.zeros((2, 0)), r"these are \(2, 0\)"),
        (np.zeros(2), r"reshape\(-1, 1\)"),
        (np.array([["a"], ["b"]]), "must be numbers"),
        (np.array([[1], [object()]]), "must be numbers; these have dtype object"),
        (np.zeros((2, 2), complex), "dtype complex128"),
        ([[1, 2], [3]], "every row of the same shape"),
    ],
)
def test_inputs_that_cannot_be_learnt_are_refused(inputs: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        Dataset.from_arrays(inputs, [0, 1])
    assert caught.value.fix


def test_a_bad_value_far_down_is_named_by_its_row() -> None:
    inputs = np.zeros((10_000, 3), np.float32)
    inputs[9_001, 2] = np.nan
    with pytest.raises(DataError, match=r"row 9001 holds nan at position \(2\)"):
        Dataset.from_arrays(inputs, np.zeros(10_000, int))


def test_classes_need_names_of_their_own() -> None:
    with pytest.raises(DataError, match="'a' is there twice"):
        Dataset.from_arrays(images(), np.zeros(6, int), classes=["a", "a"])


@pytest.mark.parametrize("scale", [0, -1, float("nan"), float("inf"), "255x"])
def test_an_impossible_scale_is_refused(scale: Any) -> None:
    with pytest.raises(DataError, match="above 0"):
        Dataset.from_arrays(images(), np.zeros(6, int), scale=scale)


def test_errors_speak_korean_where_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONMAT_LANG", "ko")
    with pytest.raises(DataError, match="2번 행은 9입니다"):
        Dataset.from_arrays(images(), [0, 1, 9, 0, 0, 0], classes=["a", "b"])
