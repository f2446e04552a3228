"""HDF5 from strangers: only what Keras writes is followed and read.

No soft or external link is followed, no data set read that is virtual, stored elsewhere, compressed, not plain numbers,
or larger than what the file holds of it. Keras writes none of these.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import h5py
import numpy as np

from sonmat.errors import ModelFileError
from sonmat.runs.safe_json import refuse
from sonmat.runs.safe_values import brief

_MAX_ATTRIBUTE_VALUES = 100_000
_MAX_CHUNK_BYTES = 64 << 20


@contextlib.contextmanager
def refusing_broken() -> Iterator[None]:
    """Turn whatever a broken file makes a reader raise into a ModelFileError."""
    try:
        yield
    except ModelFileError:
        raise
    except Exception as error:  # libraries meet broken input with nearly every kind of exception
        reason = (str(error).splitlines() or [""])[0][:300]
        try:
            refuse(
                f"The file is broken or is not what Keras writes ({type(error).__name__}: {reason}).",
                f"파일이 깨졌거나 Keras가 쓴 것이 아닙니다 ({type(error).__name__}: {reason}).",
            )
        except ModelFileError as refusal:
            raise refusal from error


@contextlib.contextmanager
def open_hdf5(file: BinaryIO) -> Iterator[h5py.File]:
    """Open HDF5 for reading from a binary file."""
    with refusing_broken(), h5py.File(file, "r") as opened:
        yield opened


def group_at(parent: h5py.Group, path: str) -> h5py.Group | None:
    """The group at a path below `parent`, or None; only plain links are followed."""
    found = _follow(parent, path)
    if found is not None and not isinstance(found, h5py.Group):
        refuse(f"{path} should be a group of weights.", f"{path}은(는) 가중치 그룹이어야 합니다.")
    return found


def array_at(parent: h5py.Group, path: str) -> h5py.Dataset:
    """The data set at a path below `parent`, checked but not read.

    Raises:
        ModelFileError: It is missing, reached by a link, stored elsewhere, or not plain numbers.
    """
    found = _follow(parent, path)
    if not isinstance(found, h5py.Dataset):
        refuse(f"The weights {path} are missing.", f"가중치 {path}이(가) 없습니다.")
    _check_storage(found, path)
    return found


def read(dataset: h5py.Dataset) -> np.ndarray:
    """The numbers of a data set that `array_at` gave."""
    values = dataset[()]
    if dataset.attrs.get("dtype") in ("bfloat16", b"bfloat16"):
        from ml_dtypes import bfloat16

        return np.asarray(values).view(bfloat16)
    return np.asarray(values)


def text_attribute(group: h5py.Group, name: str) -> str | None:
    """A text in an attribute, or None where there is none."""
    if name not in group.attrs:
        return None
    _check_attribute(group, name)
    value = group.attrs[name]
    if isinstance(value, bytes):
        value = value.decode()
    if not isinstance(value, str):
        refuse(f"The attribute {name} should be a text.", f"속성 {name}은(는) 글이어야 합니다.")
    return str(value)


def names_attribute(group: h5py.Group, name: str) -> list[str]:
    """A list of names in an attribute; Keras cuts long ones into name0, name1, ..."""
    pieces = [name] if name in group.attrs else []
    while not pieces or pieces[0] != name:
        piece = f"{name}{len(pieces)}"
        if piece not in group.attrs:
            break
        pieces.append(piece)
    found: list[str] = []
    for piece in pieces:
        _check_attribute(group, piece)
        listed = np.atleast_1d(group.attrs[piece]).tolist()
        found += [part.decode() if isinstance(part, bytes) else part for part in listed]
    if not all(isinstance(part, str) for part in found):
        if found and all(isinstance(part, float) for part in found):  # how HDF5 keeps an empty list
            return []
        refuse(f"The attribute {name} should be names.", f"속성 {name}은(는) 이름의 목록이어야 합니다.")
    return found


def _follow(parent: h5py.Group, path: str) -> Any:
    found: Any = parent
    for part in path.split("/"):
        if part in ("", ".", ".."):
            shown = brief(path)
            refuse(f"{shown} is not a path that Keras writes.", f"{shown}은(는) Keras가 쓰는 경로가 아닙니다.")
        if not isinstance(found, h5py.Group):
            return None
        links = found.id.links  # h5py's own look-ups may follow a link to see whether it leads somewhere
        if not links.exists(part.encode()):
            return None
        if links.get_info(part.encode()).type != h5py.h5l.TYPE_HARD:
            refuse(
                f"{path} is a link to another place; links are not followed.",
                f"{path}은(는) 다른 곳을 가리키는 링크입니다. 링크는 따라가지 않습니다.",
            )
        found = found[part]
    return found


def _check_storage(dataset: h5py.Dataset, path: str) -> None:
    made = dataset.id.get_create_plist()
    if dataset.is_virtual or made.get_external_count() or made.get_nfilters():
        refuse(
            f"{path} is kept in other files, is virtual or compressed; Keras writes none of these.",
            f"{path}은(는) 다른 파일에 있거나 가상이거나 압축되어 있습니다. Keras는 그렇게 쓰지 않습니다.",
        )
    kind, size = dataset.dtype.kind, dataset.dtype.itemsize
    plain = (kind in "fiub" and size <= 8) or (kind == "V" and size == 2 and dataset.dtype.fields is None)
    if not plain or dataset.shape is None or len(dataset.shape) > 16:
        refuse(f"{path} does not hold plain numbers.", f"{path}에 수가 들어 있지 않습니다.")
    if dataset.chunks is not None and np.prod(dataset.chunks, dtype=float) * size > _MAX_CHUNK_BYTES:
        refuse(f"{path} is stored in chunks too large.", f"{path}의 저장 조각이 너무 큽니다.")
    declared = float(np.prod(dataset.shape, dtype=float)) * size
    if declared > dataset.id.get_storage_size():
        refuse(
            f"{path} declares {declared:,.0f} bytes; the file holds {dataset.id.get_storage_size():,} of them.",
            f"{path}의 크기는 {declared:,.0f}바이트라는데 파일에는 {dataset.id.get_storage_size():,}바이트뿐입니다.",
        )


def _check_attribute(group: h5py.Group, name: str) -> None:
    attribute = group.attrs.get_id(name)
    if np.prod(attribute.shape or (1,), dtype=float) > _MAX_ATTRIBUTE_VALUES:
        refuse(f"The attribute {name} is too large.", f"속성 {name}이(가) 너무 큽니다.")
