"""The file that a benchmark fills as it goes, so that an interruption costs one measurement."""

from __future__ import annotations

import contextlib
import datetime
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.machine import same_machine
from benchmarks.processes import cpu_seconds
from sonmat.files import write_json


class OtherRecord(Exception):
    """The file holds figures that these must not be mixed with."""


class Record:
    """A JSON object on disk, written again after every measurement.

    Args:
        path: The file.
        identity: What its figures are of: job, machine, source. A file of anything else is refused.
        fresh: Whether to start anew whatever the file holds.
        summary: Makes `content["summary"]` of the content.

    Raises:
        OtherRecord: The file's identity is another.
    """

    def __init__(
        self, path: Path, identity: dict[str, Any], *, fresh: bool, summary: Callable[[dict[str, Any]], Any]
    ) -> None:
        self.path, self._summary = path, summary
        found = json.loads(path.read_text()) if path.exists() and not fresh else None
        kept = found["identity"] if found is not None else identity
        if differing := [key for key in kept | identity if not _agree(key, kept.get(key), identity.get(key))]:
            raise OtherRecord(
                f"{path} is of another {', '.join(differing)}. Start anew with --fresh, or write elsewhere with --out."
            )
        self.content: dict[str, Any] = found or {
            "identity": identity,
            "began": now(),
            "versions": {},
            "cpu_minutes": 0.0,
            "wall_minutes": 0.0,
        }

    @contextlib.contextmanager
    def measuring(self) -> Iterator[dict[str, Any]]:
        """Add to the content inside; it is written at the end, with the processor time that passed in children."""
        processor, wall = cpu_seconds(), time.perf_counter()
        yield self.content
        self.content["cpu_minutes"] += (cpu_seconds() - processor) / 60
        self.content["wall_minutes"] += (time.perf_counter() - wall) / 60
        self.content["ended"] = now()
        self.content["summary"] = self._summary(self.content)
        write_json(self.path, self.content)

    def versions(self, name: str, answer: dict[str, Any]) -> dict[str, Any]:
        """The answer without its versions, which are kept once for each contestant."""
        self.content["versions"][name] = answer.pop("versions")
        return answer


def _agree(key: str, kept: Any, now: Any) -> bool:
    if key == "machine" and isinstance(kept, dict) and isinstance(now, dict):
        return same_machine(kept, now)
    return bool(kept == now)


def now() -> str:
    """The time, in UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
