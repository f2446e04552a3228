"""Reads HDF5 for sonmat.runs.hdf5_file, as a program of its own.

The HDF5 library is C, and broken files send it into endless loops or crash it (met: a damaged string heap). Here that
ends a process that has little memory, little time and no way to write files, not the user's session. Run by path; imports
nothing of sonmat's.

    python -P hdf5_worker.py [attributes] < FILE

Writes to stdout: the length of a JSON header (8 bytes, little-endian), the header, and the arrays' bytes one after another.
Only plain links are followed. What is a link, virtual, stored elsewhere, compressed, no plain numbers, or larger than what
the file holds of it is listed with that reason instead of its content.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import sys
from typing import Any

import h5py
import numpy as np

MAX_OBJECTS = 100_000
MAX_DEPTH = 60
MAX_CHUNK_BYTES = 64 << 20
MAX_TEXT = 32 << 20  # in all attributes together


def main() -> None:
    content = sys.stdin.buffer.read()
    limit(len(content))
    with h5py.File(io.BytesIO(content), "r") as file:
        walk = Walk(file, len(content), attributes_only="attributes" in sys.argv[1:])
        header = json.dumps({"groups": walk.groups, "arrays": walk.arrays}).encode()
        out = sys.stdout.buffer
        out.write(len(header).to_bytes(8, "little"))
        out.write(header)
        for dataset in walk.datasets:
            out.write(np.ascontiguousarray(dataset[()]).tobytes())
        out.flush()


def limit(size: int) -> None:
    """Take away time, memory and the right to write, where the system can."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        seconds = 5 + size // 20_000_000
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, ((2 << 30) + 6 * size,) * 2)


class Walk:
    """Lists groups, attributes and arrays, each by its path."""

    def __init__(self, file: h5py.File, size: int, *, attributes_only: bool) -> None:
        self.groups: dict[str, dict[str, Any]] = {}
        self.arrays: dict[str, dict[str, Any]] = {}
        self.datasets: list[h5py.Dataset] = []
        self._size = size
        self._bytes = 0
        self._text = 0
        self._attributes_only = attributes_only
        self._visit(file, "", 0)

    def _visit(self, group: h5py.Group, path: str, depth: int) -> None:
        if depth > MAX_DEPTH or len(self.groups) + len(self.arrays) > MAX_OBJECTS:
            raise ValueError("too many objects, or a circle of them")
        members: list[str] = []
        self.groups[path] = {"attributes": self._attributes(group), "members": members}
        if self._attributes_only:
            return
        links = group.id.links  # h5py's own look-ups may follow a link to see whether it leads somewhere
        for text in group:
            members.append(text)
            inner = f"{path}/{text}" if path else text
            if links.get_info(text.encode("utf-8", "surrogateescape")).type != h5py.h5l.TYPE_HARD:
                self.arrays[inner] = {"refused": "link"}
            elif isinstance(found := group[text], h5py.Group):
                self._visit(found, inner, depth + 1)
            elif isinstance(found, h5py.Dataset):
                self.arrays[inner] = self._array(found)
            else:
                self.arrays[inner] = {"refused": "numbers"}

    def _array(self, dataset: h5py.Dataset) -> dict[str, Any]:
        size = math.prod(dataset.shape or ()) * dataset.dtype.itemsize
        reason = refusal(dataset, size)
        if reason is None and self._bytes + size > self._size:
            reason = "stored"
        if reason is not None:
            return {"refused": reason, "shape": list(dataset.shape or ())}
        self._bytes += size
        self.datasets.append(dataset)
        half = self._attribute(dataset, "dtype") == "bfloat16"
        return {"dtype": "bfloat16" if half else dataset.dtype.str, "shape": list(dataset.shape)}

    def _attributes(self, group: h5py.Group) -> dict[str, Any]:
        found = {}
        for name in group.attrs.keys():  # noqa: SIM118  (not a dict: iterating it reads every value)
            value = self._attribute(group, name)
            if value is not None:
                found[name] = value
        return found

    def _attribute(self, owner: Any, name: str) -> str | list[str] | None:
        """A text or a list of texts; None for anything else."""
        if name not in owner.attrs:
            return None
        stored = owner.attrs.get_id(name)
        if stored.dtype.kind == "f" and stored.shape == (0,):
            return []  # how HDF5 keeps an empty list of names
        if stored.dtype.kind not in "SO" or math.prod(stored.shape or ()) > MAX_OBJECTS:
            return None
        value = owner.attrs[name]
        texts = [value] if isinstance(value, str | bytes) else list(np.ravel(value))
        decoded = [text.decode() if isinstance(text, bytes) else text for text in texts]
        if not all(isinstance(text, str) for text in decoded):
            return None
        self._text += sum(map(len, decoded))
        if self._text > MAX_TEXT:
            raise ValueError("too much text")
        return str(decoded[0]) if isinstance(value, str | bytes) else [str(text) for text in decoded]


def refusal(dataset: h5py.Dataset, size: int) -> str | None:
    """Why a data set is not read, or None."""
    made = dataset.id.get_create_plist()
    if dataset.is_virtual or made.get_external_count() or made.get_nfilters():
        return "elsewhere"
    kind, width = dataset.dtype.kind, dataset.dtype.itemsize
    plain = (kind in "fiub" and width <= 8) or (kind == "V" and width == 2 and dataset.dtype.fields is None)
    if not plain or dataset.shape is None or len(dataset.shape) > 16:
        return "numbers"
    if dataset.chunks is not None and math.prod(dataset.chunks) * width > MAX_CHUNK_BYTES:
        return "stored"
    return "stored" if size > dataset.id.get_storage_size() else None


if __name__ == "__main__":
    main()
