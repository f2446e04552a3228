"""Where the studio keeps what is its own: beside the runs, under a name that no run has."""

from __future__ import annotations

import re
from pathlib import Path

from sonmat import places

QUEUE, SERVER_LOCK, TRAINER_LOCK, ADDRESS = "queue.json", "server.lock", "trainer.lock", "address.txt"


_NAME = re.compile(r"[^./\\\x00][^/\\\x00]{0,199}")


def is_name(told: object) -> bool:
    """Whether something can be the name of a run or study: one part of a path, and no hidden one."""
    return isinstance(told, str) and _NAME.fullmatch(told) is not None


def studio_folder() -> Path:
    """The studio's own folder, which is made if need be."""
    place = places.runs_folder() / ".studio"
    place.mkdir(parents=True, exist_ok=True)
    return place
