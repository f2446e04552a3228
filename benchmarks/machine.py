"""Where and with what a measurement was made."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.processes import ROOT

PACKAGES = ("sonmat", "keras", "jax", "jaxlib", "numpy")
"""What sonmat's figures depend on."""

_INSTRUCTIONS = (
    *("avx", "f16c", "fma", "avx2", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni", "avx512_bf16"),
    *("avx512_fp16", "avx_vnni", "amx_tile", "amx_bf16", "amx_int8"),
    *("asimd", "asimdhp", "bf16", "i8mm", "sve", "sve2"),
)
"""Those that XLA and its libraries choose their code by, and with it the order in which sums are rounded."""


def machine() -> dict[str, Any]:
    """Processor, its family and model, the instructions that matter, cores that may be used, memory in GiB, system.

    Processors of one name may differ: "AMD EPYC" is all that some virtual machines say. Family and model are None, and the
    instructions none, where the system does not tell them.
    """
    told = processor(_cpuinfo())
    return {
        "cpu": told["cpu"] or platform.processor() or platform.machine(),
        "family": told["family"],
        "model": told["model"],
        "instructions": told["instructions"],
        "cores": cores(),
        "memory_gib": _memory(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def processor(cpuinfo: str) -> dict[str, Any]:
    """What the text of Linux's `/proc/cpuinfo` says of the first processor."""
    pairs = (line.partition(":") for line in cpuinfo.split("\n\n")[0].splitlines())
    told = {key.strip(): value.strip() for key, _, value in pairs}
    numbers = {
        name: int(told[key]) if told.get(key, "").isdigit() else None
        for name, key in (("family", "cpu family"), ("model", "model"))
    }
    flags = (told.get("flags") or told.get("Features") or "").split()
    return {
        "cpu": told.get("model name"),
        **numbers,
        "instructions": [name for name in _INSTRUCTIONS if name in flags],
    }


def named(where: Mapping[str, Any]) -> str:
    """A machine's processor as a sentence has it, with family and model where they were recorded."""
    if where.get("family") is None:
        return str(where["cpu"])
    return f"{where['cpu']} ({where['family']}/{where['model']})"


def same_machine(kept: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether two records may be of one machine: they agree in all that both say, as older ones say less."""
    return all(kept[key] == now[key] for key in kept.keys() & now.keys())


def library_versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """The versions of Python and of these packages in this process."""
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in packages}


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


def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text()
    except OSError:
        return ""


def _memory() -> float | None:
    if not hasattr(os, "sysconf"):
        return None
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
