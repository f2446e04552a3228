"""Packed files: what goes in comes out to the bit, and what is broken or hostile is an error that says so."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sonmat.errors import StorageError
from sonmat.search.curves import read_trials, write_trials
from sonmat.search.packing import read_packed, write_packed
from sonmat.search.states import read_states, write_states
from sonmat.search.trial import DONE, FAILED, RUNNING, Trial

LIMIT = 10**7
IN_ONE_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def trial(number: int = 0, **values: Any) -> Trial:
    told = {"settings": {"train.learning_rate": 0.1}, "state": DONE, "value": 0.5, **values}
    return Trial(number, **told)


def curves(*values: float) -> dict[str, np.ndarray]:
    return {"loss": np.array(values, np.float32)}


def same(left: Trial, right: Trial) -> bool:
    names = [name for name in Trial.__dataclass_fields__ if name != "curves"]
    return (
        all(getattr(left, name) == getattr(right, name) for name in names)
        and list(left.curves) == list(right.curves)
        and all(left.curves[name].tobytes() == right.curves[name].tobytes() for name in left.curves)
        and all(column.dtype == np.float32 for column in right.curves.values())
    )


def test_trials_come_back_to_the_bit(tmp_path: Path):
    trials = [
        trial(3, value=0.1 + 0.2, seconds=1 / 3, began=1.7e9 + 0.1, ended=1.7e9 + 0.3, lane=1, curves=curves(1, 2, 3)),
        trial(1, state=FAILED, value=None, reason="손실이 유한하지 않습니다", curves=curves(1, np.nan)),
        trial(8, state=RUNNING, seed=5, repeats=2, curves={**curves(1), "정확도": np.array([0.1, 0.2], np.float32)}),
        trial(9, curves={}),
    ]
    write_trials(tmp_path / "chunk.npz", trials)
    found = read_trials(tmp_path / "chunk.npz", {one.number: one for one in trials})
    assert list(found) == [3, 1, 8, 9]
    assert all(same(one, found[one.number]) for one in trials)


def test_numpy_opens_the_file(tmp_path: Path):
    write_trials(tmp_path / "chunk.npz", [trial(4, curves=curves(1, 2))])
    with np.load(tmp_path / "chunk.npz", allow_pickle=False) as stored:
        assert stored["curves"].tolist() == [[[1, 2]]]
        assert json.loads(bytes(stored["head"]))["numbers"] == [4]


def test_settings_and_seed_are_the_plans(tmp_path: Path):
    write_trials(tmp_path / "chunk.npz", [trial(4, seed=1, settings={"a": 1})])
    planned = trial(4, seed=7, settings={"b": 2}, repeats=3)
    found = read_trials(tmp_path / "chunk.npz", {4: planned})[4]
    assert (found.settings, found.seed, found.repeats) == ({"b": 2}, 7, 3)


def test_no_trials(tmp_path: Path):
    write_trials(tmp_path / "chunk.npz", [])
    assert read_trials(tmp_path / "chunk.npz", {}) == {}


def test_trials_that_are_not_planned_are_refused(tmp_path: Path):
    write_trials(tmp_path / "chunk.npz", [trial(4)])
    with pytest.raises(ValueError, match="KeyError"):
        read_trials(tmp_path / "chunk.npz", {5: trial(5)})


@given(
    st.lists(
        st.tuples(st.floats(width=32) | st.none(), st.lists(st.floats(width=32), max_size=4), st.floats(0, 1e9)),
        max_size=5,
    )
)
@IN_ONE_FOLDER
def test_any_numbers_come_back(tmp_path: Path, rows: list[tuple[float | None, list[float], float]]):
    trials = [
        trial(n, value=value, curves=curves(*column) if column else {}, seconds=seconds)
        for n, (value, column, seconds) in enumerate(rows)
    ]
    write_trials(tmp_path / "any.npz", trials)
    found = read_trials(tmp_path / "any.npz", {one.number: one for one in trials})
    for one in trials:
        got = found[one.number]
        assert got.value == (one.value if one.value is not None and np.isfinite(one.value) else None)
        assert got.seconds == one.seconds
        np.testing.assert_array_equal(got.curves.get("loss", []), one.curves.get("loss", []))


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.ones((2, 2), ml_dtypes.bfloat16),
        np.ones(3, ml_dtypes.float8_e4m3fn),
        np.float32(3),
        np.zeros((0, 4), np.uint32),
        np.array([True, False]),
        np.arange(10)[::2],
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_arrays_come_back(tmp_path: Path, array: np.ndarray):
    write_packed(tmp_path / "p.npz", {"n": 1 / 3}, {"file": array})  # a name that numpy.savez does not take
    head, found = read_packed(tmp_path / "p.npz", LIMIT)
    assert head["n"] == 1 / 3
    assert (found["file"].dtype, found["file"].shape) == (array.dtype, np.shape(array))
    assert found["file"].tobytes() == np.asarray(array).tobytes()


@pytest.mark.parametrize("array", [np.array([{}]), np.array(["a"]), np.zeros(2, "datetime64[s]")])
def test_only_numbers_are_kept(tmp_path: Path, array: np.ndarray):
    with pytest.raises(TypeError):
        write_packed(tmp_path / "p.npz", {}, {"a": array})
    assert not list(tmp_path.iterdir())


def test_states_by_trial(tmp_path: Path):
    arrays = {"kernel": np.arange(6, dtype=np.float32).reshape(3, 2), "step": np.array([1, 2, 3], ml_dtypes.bfloat16)}
    write_states(tmp_path / "s.npz", [5, 2, 9], arrays)
    found = read_states(tmp_path / "s.npz", [9, 5, 4])
    assert list(found) == [9, 5]
    assert found[9]["kernel"].tolist() == [4, 5]
    assert found[5]["step"] == 1
    assert found[9]["kernel"].base is None  # a survivor does not keep the others in memory


def test_states_as_bytes(tmp_path: Path):
    write_states(tmp_path / "s.npz", [5, 2], b"\x00whole")
    found = read_states(tmp_path / "s.npz", [2, 5])
    assert found == {2: b"\x00whole", 5: b"\x00whole"}
    assert found[2] is found[5]


def test_states_of_other_trials_are_refused(tmp_path: Path):
    with pytest.raises(ValueError, match=r"shape \(3,\) is not of 2"):
        write_states(tmp_path / "s.npz", [1, 2], {"a": np.zeros(3)})


def archive(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return stream.getvalue()


def npy(array: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array), version=(1, 0), **options)
    return stream.getvalue()


def head(**values: Any) -> bytes:
    return npy(np.frombuffer(json.dumps(values).encode(), np.uint8))


def claiming(shape: str, descr: str = "'<f4'") -> bytes:
    """An .npy file whose header claims what is not there."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


class Bomb:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("executed"),)


def hostile() -> dict[str, bytes]:
    deflated = io.BytesIO()
    with zipfile.ZipFile(deflated, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("head.npy", head(dtypes={}))
        file.writestr("curves.npy", npy(np.zeros(10**6)))
    sound = archive(head=head(dtypes={"curves": "float32"}), curves=npy(np.zeros((1, 1, 1), np.float32)))
    return {
        "empty": b"",
        "text": b"not a zip",
        "pickle": pickle.dumps(Bomb()),
        "pickled array": archive(head=head(dtypes={"curves": "object"}), curves=npy(np.array([Bomb()], object))),
        "pickled head": archive(head=npy(np.array([Bomb()], object))),
        "a bomb": deflated.getvalue(),
        "a huge shape": archive(head=head(dtypes={"curves": "float32"}), curves=claiming("(10**9, 10**9)")),
        "a shape of words": archive(head=head(dtypes={}), curves=claiming("__import__('os')")),
        "a negative shape": archive(head=head(dtypes={"curves": "float32"}), curves=claiming("(-1, -4)")),
        "no head": archive(curves=npy(np.zeros(3))),
        "a head that is no JSON": archive(head=npy(np.frombuffer(b"{", np.uint8))),
        "a deep head": archive(head=npy(np.frombuffer(b"[" * 100_000, np.uint8))),
        "a head that is a list": archive(head=npy(np.frombuffer(b"[]", np.uint8))),
        "an object's name": archive(head=head(dtypes={"curves": "O"}), curves=npy(np.zeros(3, np.uint8))),
        "no name": archive(head=head(dtypes={}), curves=npy(np.zeros(3, np.uint8))),
        "another form": archive(
            head=head(dtypes={"curves": "float32"}, format=99), curves=npy(np.zeros(3, np.float32))
        ),
        "truncated": sound[: len(sound) // 2],
        "flipped": sound.replace(npy(np.zeros((1, 1, 1), np.float32))[-8:], b"\x01" * 8, 1),
        "a path": archive(**{"../../head": head(dtypes={})}),
    }


@pytest.mark.parametrize("kind", hostile())
def test_a_hostile_file_is_an_error_and_nothing_is_run(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "h.npz").write_bytes(hostile()[kind])
    with pytest.raises(ValueError, match=r"h\.npz"):
        read_trials(tmp_path / "h.npz", {0: trial()})
    with pytest.raises(ValueError, match=r"h\.npz"):
        read_states(tmp_path / "h.npz", [0])
    assert [file.name for file in tmp_path.iterdir()] == ["h.npz"]


HEAD: dict[str, Any] = {
    "format": 1,
    "names": ["loss"],
    "numbers": [0],
    "states": ["done"],
    "values": [0.5],
    "seconds": [1.0],
    "reasons": [""],
    "began": [None],
    "ended": [None],
    "lanes": [0],
    "lengths": [[1]],
}


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"numbers": [1]},
        {"numbers": []},
        {"numbers": ["0"]},
        {"states": ["won"]},
        {"values": ["0.5"]},
        {"values": [[]]},
        {"values": [10**400]},
        {"seconds": ["soon"]},
        {"reasons": [3]},
        {"lanes": [None]},
        {"lengths": [[1, 2]]},
        {"lengths": [["1"]]},
        {"lengths": [None]},
        {"names": ["loss", "more"]},
        {"names": [1]},
        {"names": None},
    ],
)
def test_a_strange_head_is_an_error(change: dict[str, Any], tmp_path: Path):
    array = np.zeros((1, 1, 1), np.float32)
    write_packed(tmp_path / "h.npz", HEAD, {"curves": array})
    assert read_trials(tmp_path / "h.npz", {0: trial()})[0].value == 0.5
    write_packed(tmp_path / "h.npz", HEAD | change, {"curves": array})
    with pytest.raises(ValueError):
        read_trials(tmp_path / "h.npz", {0: trial()})


@given(st.data())
@IN_ONE_FOLDER
def test_a_file_with_bytes_changed_is_an_error_or_harmless(tmp_path: Path, data: st.DataObject):
    write_trials(tmp_path / "f.npz", [trial(n, curves=curves(1, 2, 3)) for n in range(3)])
    content = bytearray((tmp_path / "f.npz").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    (tmp_path / "f.npz").write_bytes(content[:cut] if data.draw(st.booleans()) else content)
    try:
        found = read_trials(tmp_path / "f.npz", {n: trial(n) for n in range(3)})
    except ValueError:
        return
    assert found.keys() <= {0, 1, 2}


@given(st.binary(max_size=300))
@example(b"PK\x05\x06" + b"\0" * 18)
@IN_ONE_FOLDER
def test_any_bytes_are_an_error(tmp_path: Path, content: bytes):
    (tmp_path / "b.npz").write_bytes(content)
    with pytest.raises(ValueError):
        read_packed(tmp_path / "b.npz", LIMIT)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path):
    write_packed(tmp_path / "p.npz", {}, {"a": np.zeros(1000)})
    with pytest.raises(ValueError, match="are more than 100"):
        read_packed(tmp_path / "p.npz", 100)


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_trials(tmp_path / "c.npz", [trial(0)])

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        write_trials(tmp_path / "c.npz", [trial(1)])
    assert list(read_trials(tmp_path / "c.npz", {0: trial(0)})) == [0]
    assert [file.name for file in tmp_path.iterdir()] == ["c.npz"]
