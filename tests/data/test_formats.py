"""IDX and NPZ files, honest and hostile."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sonmat.data.formats import read_idx, read_npz, write_idx
from sonmat.errors import DataError

IDX_DTYPES = st.sampled_from(["u1", "i1", ">i2", "<i2", "i4", "f4", "f8"])
SHAPES = hnp.array_shapes(max_dims=4, max_side=5)


@given(hnp.arrays(IDX_DTYPES, SHAPES), st.sampled_from(["a.idx", "a.idx.gz"]))
def test_idx_files_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray, name: str
) -> None:
    path = tmp_path_factory.mktemp("idx") / name
    write_idx(path, array)
    back = read_idx(path)
    assert back.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(back, array)


@given(st.binary(max_size=200))
def test_any_bytes_at_all_give_an_array_or_our_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "file"
    for whole in (content, b"\0\0\x08" + content, b"\x1f\x8b" + content, b"PK\x03\x04" + content):
        path.write_bytes(whole)
        for read in (read_idx, read_npz):
            try:
                read(path)
            except DataError as error:
                assert str(path) in error.problem  # noqa: PT017


def _idx(*shape: int, kind: int = 8, content: bytes = b"") -> bytes:
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, kind, len(shape), *shape) + content


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "starts with"),
        (b"\0\0\x08", "starts with 00 00 08"),
        (b"\x89PNG\r\n\x1a\n", "starts with 89 50 4e 47"),
        (_idx(3, kind=7, content=b"abc"), "starts with 00 00 07 01"),
        (b"\0\0\x08\x00", "starts with 00 00 08 00"),
        (b"\0\0\x08\x03\0\0\0\x01", "ends within its header"),
        (_idx(3, 2, content=b"12345"), r"says \(3, 2\), which is 6 bytes, but only 5"),
        (_idx(3, 2, content=b"1234567"), r"which is 6 bytes, but at least 7"),
        (_idx(2**32 - 1, 2**32 - 1, 2**32 - 1), "the limit is"),
        (_idx(0, 2**32 - 1, 2**32 - 1), "declares the shape"),
        (_idx(2**31, 1), "bytes but only|only 0 bytes follow|as only a bomb does"),
    ],
)
def test_broken_idx_files_are_refused(tmp_path: Path, content: bytes, message: str, packed: bool) -> None:
    path = tmp_path / "images"
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(DataError, match=message) as caught:
        read_idx(path)
    assert caught.value.fix


def test_a_truncated_gzip_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "images.gz"
    whole = gzip.compress(_idx(1000, content=np.random.default_rng(0).bytes(1000)))
    for size in (2, 11, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(DataError, match="gzip data is broken"):
            read_idx(path)


def test_a_flipped_bit_in_a_gzip_file_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "images.gz"
    whole = bytearray(gzip.compress(_idx(1000, content=np.random.default_rng(0).bytes(1000))))
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)
    with pytest.raises(DataError, match="gzip data is broken"):
        read_idx(path)


def test_a_gzip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb") as file:
        file.write(_idx(300 * 2**20))
        for _ in range(300):
            file.write(bytes(2**20))
    assert path.stat().st_size < 2**20
    with pytest.raises(DataError, match="as only a bomb does"):
        read_idx(path)


def test_npz_files_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    arrays = {
        "x": np.random.default_rng(0).random((3, 4)),
        "fortran": np.asfortranarray(np.arange(12).reshape(3, 4)),
        "big": np.arange(5, dtype=">u4"),
        "names": np.array(["가", "b"]),
        "empty": np.zeros((0, 3)),
        "scalar": np.array(3),
    }
    for save in (np.savez, np.savez_compressed):
        save(path, **arrays)
        back = read_npz(path)
        assert back.keys() == arrays.keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(back[name], array)
    assert read_npz(path, only={"x", "nothing"}).keys() == {"x"}


class _Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def test_objects_are_refused_and_never_unpickled(tmp_path: Path) -> None:
    path, touched = tmp_path / "a.npz", tmp_path / "touched"
    np.savez(path, x=np.array([_Trap(touched)], dtype=object))
    with pytest.raises(DataError, match="reading objects would run code"):
        read_npz(path)
    assert not touched.exists()
    path.write_bytes(pickle.dumps(_Trap(touched)))
    with pytest.raises(DataError, match=r"no readable \.npz"):
        read_npz(path)
    assert not touched.exists()


def _npz(path: Path, header: str | bytes, content: bytes = b"", packing: int = zipfile.ZIP_STORED) -> None:
    text = header.encode() if isinstance(header, str) else header
    buffer = io.BytesIO()
    buffer.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content)
    with zipfile.ZipFile(path, "w", packing) as archive:
        archive.writestr("x.npy", buffer.getvalue())


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (3, 2)}", "6 bytes, but only 5"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2)}", "4 bytes, but at least 5"),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 99999999999)}", "but only 5"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (-1, -5)}", r"declares the shape \(-1, -5\)"),
        ("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "would run code"),
        ("{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (1,)}", "would run code"),
        ("{'descr': '|V5', 'fortran_order': False, 'shape': (1,)}", "would run code"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': __import__('os').getcwd()}", "no readable header"),
        ("{'descr': 'zz', 'fortran_order': False, 'shape': (5,)}", "no readable header"),
        ("{}", "no readable header"),
        (b"\xff" * 20, "no readable header"),
        ("(" * 9000, "no readable header"),
    ],
)
def test_broken_npz_headers_are_refused(tmp_path: Path, header: str | bytes, message: str) -> None:
    path = tmp_path / "a.npz"
    _npz(path, header, b"12345")
    with pytest.raises(DataError, match=message) as caught:
        read_npz(path)
    assert caught.value.fix


def test_a_truncated_npz_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=np.random.default_rng(0).random(1000))
    whole = path.read_bytes()
    for size in (0, 3, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(DataError, match=r"no readable \.npz"):
            read_npz(path)


def test_a_flipped_bit_in_an_npz_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=np.random.default_rng(0).random(1000))
    whole = bytearray(path.read_bytes())
    whole[4000] ^= 1
    path.write_bytes(whole)
    with pytest.raises(DataError, match="CRC"):
        read_npz(path)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({300 * 2**20},)}}"
    _npz(path, header, bytes(300 * 2**20), zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 2**20
    with pytest.raises(DataError, match="as only a bomb does"):
        read_npz(path)


def test_what_is_larger_than_the_limit_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros(1000, np.uint8))
    write_idx(tmp_path / "a.idx", np.zeros(1000, np.uint8))
    with pytest.raises(DataError, match="the limit is 900"):
        read_npz(tmp_path / "a.npz", limit=900)
    with pytest.raises(DataError, match="the limit is 900"):
        read_idx(tmp_path / "a.idx", limit=900)


def test_missing_files_and_folders_are_said_to_be_so(tmp_path: Path) -> None:
    for read in (read_idx, read_npz):
        with pytest.raises(DataError, match="No such file"):
            read(tmp_path / "nothing")
        with pytest.raises(DataError, match="could not be read"):
            read(tmp_path)


def test_idx_cannot_hold_every_dtype(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="int64"):
        write_idx(tmp_path / "a.idx", np.arange(3, dtype=np.int64))
