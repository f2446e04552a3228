"""Whether data of one's own changed since they were read: drawings are added while a run of them is looked at."""

from __future__ import annotations

import time
from pathlib import Path

_FOR = 1.0  # seconds that an answer holds: a folder of ten thousand images takes a tenth of one to look through

_kept: dict[str, tuple[float, float | None]] = {}


def changed(data: str, *, held: bool = True) -> float | None:
    """When data were last changed, in seconds of the clock; None of a set with a name, whose content is known.

    Args:
        data: A recipe's `data`: the name of a set, or a path.
        held: Whether an answer of a moment ago will do.
    """
    now = time.monotonic()
    kept = _kept.get(data)
    if not held or kept is None or now - kept[0] > _FOR:
        kept = _kept[data] = now, _newest(Path(data).expanduser())
    return kept[1]


def _newest(path: Path) -> float | None:
    try:
        inside = [one.stat().st_mtime for one in path.rglob("*")] if path.is_dir() else []
        return max([path.stat().st_mtime, *inside])
    except OSError:
        return None
