"""The journal of a run: one JSON line an epoch, appended and synced."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from sonmat.files import read_plain, storing, write_bytes


def append_line(path: Path, record: dict[str, Any]) -> None:
    """Add a line and wait until it is on disk.

    Raises:
        StorageError: The disk is full or the file cannot be written.
    """
    line = json.dumps(record, default=_plain, ensure_ascii=False) + "\n"
    with storing(path), open(path, "ab") as file:
        file.write(line.encode())
        file.flush()
        os.fsync(file.fileno())


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The lines that are whole; a torn last one, which a kill can leave, is passed over."""
    records = []
    if not path.is_file():
        return []
    content = read_plain(path, largest=2**40)
    for line in content.split(b"\n"):
        try:
            records.append(json.loads(line))
        except (ValueError, RecursionError):
            continue
    return [record for record in records if isinstance(record, dict)]


def cut_back(path: Path, done: int) -> None:
    """Keep the lines of epochs before `done`: the checkpoint is the truth, and the journal must not be ahead of it."""
    kept: dict[int, dict[str, Any]] = {
        record["epoch"]: record for record in read_lines(path) if _epoch_of(record) in range(done)
    }
    text = "".join(json.dumps(kept[epoch], ensure_ascii=False) + "\n" for epoch in sorted(kept)).encode()
    if not path.exists() or path.read_bytes() != text:
        write_bytes(path, text)


def _epoch_of(record: dict[str, Any]) -> int:
    epoch = record.get("epoch")
    return epoch if isinstance(epoch, int) else -1


def _plain(value: Any) -> Any:
    return np.asarray(value).tolist()
