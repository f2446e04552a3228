"""Files of arrays from anywhere: IDX (plain or gzip) and NPZ, read without trusting a byte of them.

Every size that a file declares is held against a limit, and where it can be against the file, before memory is asked
for. Nothing is unpickled.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, Any, NoReturn

import numpy as np

from sonmat.data.memory import check_fits
from sonmat.errors import DataError
from sonmat.files import replacing
from sonmat.language import say

MOST_BYTES = 8 * 2**30  # of one array, unpacked
_FREE_BYTES = 256 * 2**20  # up to here a file may shrink as far as it likes: MNIST's zeros pack well too
_MOST_RATIO = 200  # above that, unpacked to packed; real images stay below 20, a bomb reaches 1,000

_IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | os.PathLike[str], *, limit: int = MOST_BYTES) -> np.ndarray:
    """Read an IDX file, the format MNIST is published in; packed with gzip or not, whatever it is called.

    Args:
        path: The file.
        limit: The most bytes its array may have.

    Returns:
        The array, in the machine's byte order, not writable.

    Raises:
        DataError: The file is missing, broken, longer or shorter than it says, or larger than `limit`.

    Source:
        "The IDX file format" at http://yann.lecun.com/exdb/mnist/.
    """
    path = Path(path)
    try:
        packed_size = path.stat().st_size
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            with gzip.GzipFile(fileobj=raw) if packed else raw as file:
                return _idx_array(path, file, packed_size, packed, limit)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        _refuse(path, say(f"its gzip data is broken ({error})", f"gzip 데이터가 깨졌습니다 ({error})"))
    except OSError as error:
        _refuse(path, error.strerror or str(error))
    except MemoryError:
        _refuse(path, say("it does not fit into memory", "메모리에 들어가지 않습니다"))


def _idx_array(path: Path, file: io.BufferedIOBase, packed_size: int, packed: bool, limit: int) -> np.ndarray:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _IDX_TYPES or not 1 <= magic[3] <= 8:
        _refuse(
            path,
            say(
                f"an IDX file starts with 00 00, a type and a number of axes; this starts with {magic.hex(' ') or '—'}",
                f"IDX 파일은 00 00, 자료형, 축의 수로 시작하는데 {magic.hex(' ') or '—'}로 시작합니다",
            ),
        )
    axes = file.read(4 * magic[3])
    if len(axes) < 4 * magic[3]:
        _refuse(path, say("it ends within its header", "머리말 중간에서 끝납니다"))
    shape = struct.unpack(f">{magic[3]}I", axes)
    dtype = np.dtype(_IDX_TYPES[magic[2]])
    size = math.prod(shape) * dtype.itemsize
    _refuse_large(path, size, packed_size if packed else size, limit)
    _refuse_shape(path, shape, dtype)
    header = 4 + len(axes)
    if not packed and packed_size != header + size:
        _refuse_length(path, shape, size, packed_size - header)
    content = file.read(size)
    rest = file.read(1)
    if len(content) != size or rest:
        _refuse_length(path, shape, size, len(content) + len(rest))
    array = np.frombuffer(content, dtype).reshape(shape)
    return array if dtype.isnative else array.astype(dtype.newbyteorder("="))


def write_idx(path: str | os.PathLike[str], array: np.ndarray) -> None:
    """Write an IDX file, packed with gzip where its name ends in `.gz`.

    Raises:
        DataError: The format has no such dtype: it has uint8, int8, int16, int32, float32 and float64.
        StorageError: The file cannot be written.
    """
    codes = {np.dtype(name).newbyteorder("="): code for code, name in _IDX_TYPES.items()}
    code = codes.get(array.dtype.newbyteorder("="))
    if code is None or not 1 <= array.ndim <= 8:
        raise DataError(
            say(
                f"IDX files hold 1 to 8 axes of uint8, int8, int16, int32, float32 or float64; "
                f"this is {array.ndim} of {array.dtype}.",
                f"IDX 파일은 uint8, int8, int16, int32, float32, float64의 1~8축 배열만 담습니다. "
                f"받은 배열: {array.dtype} {array.ndim}축.",
            ),
            say("Convert the array first, or use numpy.savez.", "배열을 먼저 바꾸거나 numpy.savez를 쓰세요."),
        )
    content = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    content += array.astype(_IDX_TYPES[code]).tobytes()
    with replacing(path) as file:
        file.write(gzip.compress(content, 6, mtime=0) if Path(path).suffix == ".gz" else content)


def read_npz(
    path: str | os.PathLike[str], *, only: Collection[str] | None = None, limit: int = MOST_BYTES
) -> dict[str, np.ndarray]:
    """Read the arrays of a NumPy archive, never the pickled objects in it.

    Args:
        path: The file.
        only: The names of the arrays wanted; those that the file lacks are left out. All without it.
        limit: The most bytes that all arrays together may have.

    Returns:
        The arrays by name, not writable.

    Raises:
        DataError: The file is missing, broken, holds objects, or is larger than `limit`.
    """
    path = Path(path)
    with _archive(path) as archive:
        members = {name: info for name, info in _arrays_in(archive).items() if only is None or name in only}
        _refuse_large(path, sum(info.file_size for info in members.values()), 0, limit)
        return {name: _member(path, archive, info, limit) for name, info in members.items()}


def array_names(path: str | os.PathLike[str]) -> list[str]:
    """The names of the arrays in a NumPy archive, in its order.

    Raises:
        DataError: The file is missing or broken.
    """
    with _archive(Path(path)) as archive:
        return list(_arrays_in(archive))


def _arrays_in(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    infos = (info for info in archive.infolist() if info.filename.endswith(".npy"))
    return {info.filename.removesuffix(".npy"): info for info in infos}


@contextlib.contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError, struct.error) as error:
        # RuntimeError: a password is asked for; NotImplementedError: a packing that zipfile does not know
        _refuse(path, say(f"it is no readable .npz file ({error})", f".npz 파일로 읽을 수 없습니다 ({error})"))
    except OSError as error:
        _refuse(path, error.strerror or str(error))
    except MemoryError:
        _refuse(path, say("it does not fit into memory", "메모리에 들어가지 않습니다"))


def _member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> np.ndarray:
    _refuse_large(path, info.file_size, info.compress_size, limit)
    with archive.open(info) as file:
        shape, fortran, dtype = _npy_header(path, info.filename, file)
        start = file.tell()
        size = math.prod(shape) * dtype.itemsize
        if info.file_size - start != size:
            _refuse_length(path, shape, size, info.file_size - start)
        _refuse_shape(path, shape, dtype)
        content = file.read()  # zipfile checks the sum of the bytes here
    if len(content) != size:
        _refuse_length(path, shape, size, len(content))
    array = np.frombuffer(content, dtype) if size else np.empty(0, dtype)
    array = array.reshape(shape[::-1]).T if fortran else array.reshape(shape)
    return array if dtype.isnative else array.astype(dtype.newbyteorder("="))


def _npy_header(path: Path, name: str, file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        version = np.lib.format.read_magic(file)
        shape, fortran, dtype = readers[version](file)
    except Exception as error:  # NumPy's parser of headers can fail in many ways: SyntaxError, TokenError, KeyError…
        _refuse(path, say(f"{name} has no readable header ({error})", f"{name}의 머리말을 읽을 수 없습니다 ({error})"))
    if dtype.kind not in "biufSU" or not dtype.itemsize:
        stem = name.removesuffix(".npy")
        raise DataError(
            _could_not(
                path,
                say(
                    f"{name} holds {dtype} and only plain numbers and texts are read, since reading objects would run code",
                    f"{name}에 {dtype}가 들어 있습니다. 객체를 읽으면 코드가 실행될 수 있어 숫자와 글자만 읽습니다",
                ),
            ),
            say(
                f"Save it as such: {stem}.astype(str) of names, numpy.stack({stem}) of pictures of one size.",
                f"그렇게 저장하세요: 이름이면 {stem}.astype(str), 크기가 같은 그림이면 numpy.stack({stem}).",
            ),
        )
    if any(size < 0 for size in shape):
        _refuse(path, say(f"{name} declares the shape {shape}", f"{name}의 모양이 {shape}라고 적혀 있습니다"))
    return shape, fortran, dtype


def _refuse_shape(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """An axis of 0 makes any others cost nothing, but NumPy counts them."""
    if math.prod(max(1, size) for size in shape) * dtype.itemsize > np.iinfo(np.intp).max:
        _refuse(path, say(f"it declares the shape {shape}", f"모양이 {shape}라고 적혀 있습니다"))


def _refuse_large(path: Path, size: int, packed_size: int, limit: int) -> None:
    if size > limit:
        _refuse(
            path,
            say(
                f"it declares {size:,} bytes of data and the limit is {limit:,}",
                f"데이터가 {size:,}바이트라고 적혀 있는데 한도는 {limit:,}바이트입니다",
            ),
        )
    try:
        check_fits(size)
    except DataError as error:
        raise DataError(_could_not(path, error.problem), error.fix) from error
    if packed_size and size > _FREE_BYTES and size > _MOST_RATIO * packed_size:
        _refuse(
            path,
            say(
                f"it unpacks {packed_size:,} bytes into {size:,}, as only a bomb does",
                f"{packed_size:,}바이트를 {size:,}바이트로 풀려고 합니다. 압축 폭탄으로 보입니다",
            ),
        )


def _refuse_length(path: Path, shape: tuple[int, ...], size: int, came: int) -> NoReturn:
    _refuse(
        path,
        say(
            f"its header says {shape}, which is {size:,} bytes, but {'only ' if came < size else 'at least '}"
            f"{came:,} bytes follow",
            f"머리말은 {shape}, 곧 {size:,}바이트라고 하는데 실제로는 {came:,}바이트가 있습니다",
        ),
    )


def _refuse(path: Path, reason: str) -> NoReturn:
    raise DataError(
        _could_not(path, reason),
        say(
            "Check the path, or get the file again; for data of your own: "
            "numpy.savez('mine.npz', x_train=…, y_train=…, x_test=…, y_test=…).",
            "경로를 확인하거나 파일을 다시 받으세요. 자기 데이터라면 "
            "numpy.savez('mine.npz', x_train=…, y_train=…, x_test=…, y_test=…).",
        ),
    )


def _could_not(path: Path, reason: str) -> str:
    return say(f"{path} could not be read: {reason}.", f"{path} 파일을 읽지 못했습니다: {reason}.")
