"""Data sets of one's own, from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sonmat.data import formats, memory
from sonmat.data.arrays import Arrays
from sonmat.data.formats import write_idx
from sonmat.data.mirrors import IDX_NAMES
from sonmat.data.read_settings import ReadSettings
from sonmat.data.sources import load, load_as
from sonmat.errors import DataError, SonmatError


def test_an_npz_with_both_parts(tmp_path: Path, arrays: Arrays) -> None:
    path = tmp_path / "mine.npz"
    np.savez(path, **arrays._asdict(), classes=np.array(list("영일이삼사오육칠팔구")), other=np.zeros(3))
    for given in (path, str(path)):
        train, test = load(given)
        np.testing.assert_array_equal(train.inputs, arrays.x_train)
        np.testing.assert_array_equal(test.labels, arrays.y_test)
        assert (train.name, train.part, test.part, train.scale) == ("mine", "train", "test", 255.0)
        assert train.source == str(path)
        assert train.classes == tuple("영일이삼사오육칠팔구")


@pytest.mark.parametrize("names", [("x", "y"), ("x_train", "y_train")])
def test_an_npz_without_a_test_part_has_a_fifth_held_out(tmp_path: Path, names: tuple[str, str]) -> None:
    path = tmp_path / "mine.npz"
    x, y = np.arange(200.0).reshape(100, 2), np.arange(100) % 4
    np.savez(path, **{names[0]: x, names[1]: y})
    train, test = load(path)
    assert (len(train), len(test)) == (80, 20)
    assert (train.part, test.part) == ("train", "test")
    assert sorted([*train.rows, *test.rows]) == list(range(100))
    np.testing.assert_array_equal(test.inputs, x[test.rows])
    assert list(np.bincount(test.labels)) == [5, 5, 5, 5]
    assert load(path)[1].fingerprint == test.fingerprint


def test_classes_that_only_the_test_part_has_are_known_to_both(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    np.savez(path, x_train=np.zeros((3, 2)), y_train=[0, 1, 0], x_test=np.zeros((2, 2)), y_test=[0, 4])
    train, test = load(path)
    assert train.classes == test.classes == ("0", "1", "2", "3", "4")


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_folder_of_idx_files(tmp_path: Path, arrays: Arrays, ending: str) -> None:
    for name, array in zip(IDX_NAMES, arrays, strict=True):
        write_idx(tmp_path / f"{name}{ending}", array)
    (tmp_path / "classes.txt").write_text("\n".join("ABCDEFGHIJ") + "\n", encoding="utf-8")
    train, test = load(tmp_path)
    np.testing.assert_array_equal(train.inputs, arrays.x_train)
    np.testing.assert_array_equal(test.inputs, arrays.x_test)
    assert test.classes == tuple("ABCDEFGHIJ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": [1]}, r"it has a\."),
        ({"x": [[1]]}, "has x"),
        ({"x_train": [[1]], "y_train": [0], "x_test": [[1]]}, "it has x_train, y_train, x_test"),
        (
            {"x_train": [[1, 2]], "y_train": [0], "x_test": [[1]], "y_test": [0]},
            r"must be alike; .* has \(2,\) int64 and \(1,\) int64",
        ),
        ({"x_train": [[1]], "y_train": [0], "x_test": [[1]], "y_test": [0, 0]}, r"\(test\): .*1 rows and 2 labels"),
        ({"x": [[1], [2]], "y": [0, 1], "classes": ["a"]}, "row 1 has 1"),
        ({"x": [[1.0], [np.nan]], "y": [0, 1]}, "row 1 holds nan"),
    ],
)
def test_files_that_lack_something_are_refused(tmp_path: Path, content: dict[str, Any], message: str) -> None:
    path = tmp_path / "mine.npz"
    np.savez(path, **content)
    with pytest.raises(DataError, match=message) as caught:
        load(path)
    assert str(path) in caught.value.problem
    assert caught.value.fix


def test_a_folder_that_lacks_files_is_refused(tmp_path: Path) -> None:
    write_idx(tmp_path / IDX_NAMES[0], np.zeros((2, 28, 28), np.uint8))
    with pytest.raises(DataError, match="Missing: train-labels-idx1-ubyte, t10k-images"):
        load(tmp_path)


def test_other_files_and_missing_paths_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("1,2")
    with pytest.raises(DataError, match=r"neither a folder, a CSV file nor an \.npz file") as caught:
        load(tmp_path / "a.zip")
    assert "Unpack it" in caught.value.fix
    with pytest.raises(DataError, match="There is no file or folder"):
        load(str(tmp_path / "b.npz"))
    with pytest.raises(DataError, match="There is no file or folder"):
        load("nowhere/at-all")


@pytest.mark.parametrize("kind", ["npz", "folder"])
def test_class_names_hold_nothing_that_a_terminal_obeys(tmp_path: Path, arrays: Arrays, kind: str) -> None:
    names = ["\x1b[2Jcat", "dog\x9b31m", "a\u202eb", "a\x7fb", "두\u3000칸", *"ABCDE"]
    if kind == "npz":
        np.savez(tmp_path / "mine.npz", **arrays._asdict(), classes=np.array(names))
        train, test = load(tmp_path / "mine.npz")
    else:
        for name, array in zip(IDX_NAMES, arrays, strict=True):
            write_idx(tmp_path / name, array)
        (tmp_path / "classes.txt").write_text("\n".join(names), encoding="utf-8")
        train, test = load(tmp_path)
    assert train.classes == test.classes
    assert train.classes[:5] == ("\\x1b[2Jcat", "dog\\x9b31m", "a\\u202eb", "a\\x7fb", "두\u3000칸")


@pytest.mark.parametrize("names", ["{kind}_{part}", "{part}_{long}", "{kind}{part}"])
def test_arrays_may_be_called_otherwise_and_bring_their_validation_part(tmp_path: Path, names: str) -> None:
    path, arrays, first = tmp_path / "mine.npz", {}, 0
    for part, count in (("val", 4), ("train", 6), ("test", 2)):
        x, y = np.arange(first, first + count)[:, None], np.arange(count) % 2
        for kind, long, array in (("x", "images", x), ("y", "labels", y)):
            arrays[names.format(kind=kind, long=long, part=part)] = array
        first += count
    np.savez(path, **arrays)
    train, test = load(path)
    assert train.reading is not None
    assert train.inputs.ravel().tolist() == [4, 5, 6, 7, 8, 9, 0, 1, 2, 3]
    assert train.reading.validation is not None
    assert train.inputs[train.reading.validation].ravel().tolist() == [0, 1, 2, 3]
    assert test.inputs.ravel().tolist() == [10, 11]
    joined = load_as(path, ReadSettings(own_validation=False))[0]
    assert joined.reading is not None
    assert joined.reading.validation is None
    assert joined.fingerprint == train.fingerprint


def test_a_validation_part_is_the_test_part_where_there_is_no_other(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=np.zeros((4, 2)), y_train=[0, 1, 0, 1], x_val=np.ones((2, 2)), y_val=[0, 1])
    train, test = load(tmp_path / "a.npz")
    assert (len(train), test.inputs.tolist()) == (4, [[1, 1], [1, 1]])
    with pytest.raises(DataError, match="validation part alone"):
        load_as(tmp_path / "a.npz", ReadSettings(own_validation=True))


def test_labels_may_be_names(tmp_path: Path) -> None:
    path, x = tmp_path / "mine.npz", np.arange(12.0).reshape(6, 2)
    np.savez(path, x_train=x, y_train=["개", "소", "개", "소", "말", "말"], x_test=x[:2], y_test=["소", "말"])
    train, test = load(path)
    assert train.classes == test.classes == ("개", "말", "소")
    assert [train.classes[n] for n in train.labels] == ["개", "소", "개", "소", "말", "말"]
    assert [test.classes[n] for n in test.labels] == ["소", "말"]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros((2, 3, 8, 8)), "y": [0, 1]}, r"\(2, 3, 8, 8\) has the channels first"),
        ({"x": [[1], [2]], "images": [[1], [2]], "y": [0, 1]}, "it has x, images, y"),
        ({"x_test": [[1], [2]], "y_test": [0, 1]}, "it has x_test, y_test"),
    ],
)
def test_arrays_that_could_be_meant_otherwise_are_refused(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    np.savez(tmp_path / "mine.npz", **arrays)
    with pytest.raises(DataError, match=message):
        load(tmp_path / "mine.npz")


def test_arrays_that_do_not_fit_are_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(tmp_path / "mine.npz", x=np.zeros((1000, 10)), y=np.zeros(1000, np.int64))
    monkeypatch.setattr(memory, "free_memory", lambda: 88_000)
    monkeypatch.setattr(formats, "_member", lambda *_: pytest.fail("read"))
    with pytest.raises(DataError, match="memory and there is room") as caught:
        load(tmp_path / "mine.npz")
    assert "50% would fit" in caught.value.fix


def test_names_that_were_saved_as_objects_are_told_how_to_be_saved(tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", x=np.zeros((2, 3)), y=np.array(["a", "b"], object))
    with pytest.raises(DataError, match="would run code") as caught:
        load(tmp_path / "mine.npz")
    assert "y.astype(str)" in caught.value.fix


def test_the_home_of_nobody_is_no_folder() -> None:
    for path in ("~nobody-of-that-name/a.csv", "~nobody-of-that-name/"):
        with pytest.raises(SonmatError, match="~nobody-of-that-name"):
            load(path)
