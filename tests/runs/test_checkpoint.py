"""The checkpoint gives back what was put in, to the bit, and a damaged one is told, never misread."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sonmat.engine.resumable import Snapshot
from sonmat.errors import RunError, StorageError
from sonmat.runs.checkpoint import read_checkpoint, write_checkpoint

DTYPES = ["float32", "float64", "float16", "int8", "uint32", "int64", "bool", "<U5", ml_dtypes.bfloat16]


def filled(draw: st.DrawFn) -> np.ndarray:
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = draw(arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    if dtype.kind == "U":
        return np.full(shape, "가나", dtype)
    count = math.prod(shape) * dtype.itemsize
    if dtype.kind == "b":
        return np.frombuffer(draw(st.binary(min_size=count, max_size=count)), np.uint8).reshape(shape) > 127
    return np.frombuffer(draw(st.binary(min_size=count, max_size=count)), dtype).reshape(shape)  # NaNs of every kind


array = st.composite(filled)()
scalar = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=5),
    st.builds(np.float32, st.floats(width=32)),
    st.builds(np.int64, st.integers(-(2**63), 2**63 - 1)),
    st.just(ml_dtypes.bfloat16(1.5)),
)
state = st.recursive(
    scalar | array,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.sampled_from(["array", "tuple", "dict", "a", "가"]), inner, max_size=3)
    ),
    max_leaves=8,
)


def same(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, (np.ndarray, np.generic)):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, float):
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    return bool(a == b)


def snapshot(**changes: Any) -> Snapshot:
    fields: dict[str, Any] = {
        "done": 3,
        "stopped": False,
        "arrays": ([np.arange(6, dtype="float32").reshape(2, 3)], [], [np.float32(2.0).reshape(())], []),
        "history": {"loss": [1.5, math.inf, math.nan], "f1": [np.ones(3, "float32")]},
        "epochs": [0, 1, 2],
        "callbacks": [None, {"best": -math.inf}],
    }
    return Snapshot(**{**fields, **changes})


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    callbacks=st.lists(
        st.none() | st.dictionaries(st.sampled_from(["best", "wait", "log"]), state, max_size=3), max_size=3
    ),
    arrays=st.lists(st.lists(array, max_size=3), min_size=4, max_size=4).map(tuple),
    history=st.dictionaries(st.sampled_from(["loss", "정확도"]), st.lists(st.floats() | array, max_size=3)),
    stopped=st.booleans(),
)
def test_what_is_written_is_read(tmp_path: Path, **fields: Any) -> None:
    written = snapshot(**fields)
    identity = {"seed": 3, "callbacks": ["EarlyStopping"], "이름": None}
    write_checkpoint(tmp_path / "checkpoint", written, identity)
    came, told = read_checkpoint(tmp_path / "checkpoint")
    assert told == identity
    for name in vars(written):
        assert same(getattr(came, name), getattr(written, name)), name


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    place = tmp_path_factory.mktemp("whole") / "checkpoint"
    write_checkpoint(place, snapshot(), {"seed": 0})
    return place.read_bytes()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_told_or_read_right(tmp_path: Path, whole: bytes, data: st.DataObject) -> None:
    """A byte that archives do not look at may differ; what is read is what was written, or there is an error."""
    at = data.draw(st.integers(0, len(whole) - 1))
    damage = data.draw(st.sampled_from(["cut", "flip", "zeros", "insert", "tail"]))
    broken = {
        "cut": whole[:at],
        "flip": whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :],
        "zeros": whole[:at] + bytes(len(whole) - at),
        "insert": whole[:at] + data.draw(st.binary(min_size=1, max_size=9)) + whole[at:],
        "tail": whole[at:],
    }[damage]
    place = tmp_path / "checkpoint"
    place.write_bytes(broken)
    failure = None
    try:
        came, told = read_checkpoint(place)
    except RunError as error:
        failure = error
    if failure:
        assert str(place) in failure.problem
        assert failure.fix
        return
    assert told == {"seed": 0}
    for name, value in vars(snapshot()).items():
        assert same(getattr(came, name), value), name


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + bytes(18), b"\x93NUMPY", b"not a checkpoint"])
def test_what_is_no_checkpoint(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "checkpoint").write_bytes(content)
    with pytest.raises(RunError, match="not a checkpoint that can be read"):
        read_checkpoint(tmp_path / "checkpoint")


def test_no_pickle_is_ever_loaded(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "sprung"),)

    with open(tmp_path / "checkpoint", "wb") as file:
        np.savez(file, tree=np.array([Trap()], object))
    with pytest.raises(RunError):
        read_checkpoint(tmp_path / "checkpoint")
    assert not (tmp_path / "sprung").exists()


def test_another_format_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sonmat.runs import checkpoint

    monkeypatch.setattr(checkpoint, "_FORMAT", 99)
    write_checkpoint(tmp_path / "checkpoint", snapshot(), {})
    monkeypatch.undo()
    with pytest.raises(RunError, match="format 99"):
        read_checkpoint(tmp_path / "checkpoint")


def test_a_refused_write_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "checkpoint"
    write_checkpoint(place, snapshot(), {"seed": 0})

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        write_checkpoint(place, snapshot(done=4), {"seed": 0})
    assert read_checkpoint(place)[0].done == 3
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]
