"""Where and with what a measurement was made."""

from __future__ import annotations

import hashlib
import os
import platform
from pathlib import Path
from typing import Any

from benchmarks.processes import ROOT


def machine() -> dict[str, Any]:
    """Processor, cores that may be used, memory in GiB, system."""
    return {
        "cpu": _processor(),
        "cores": cores(),
        "memory_gib": _memory(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def cores() -> int:
    """Cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def load() -> float | None:
    """How many processes wanted a core over the last minute; None where the system does not say."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def source_fingerprint() -> str:
    """SHA-256, in hex, shortened, of sonmat's source: figures of two versions must not be mixed."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "sonmat").rglob("*.py")):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _memory() -> float | None:
    if not hasattr(os, "sysconf"):
        return None
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
