"""How much memory there is for data, and refusing what would not fit before any of it is read."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from pathlib import Path

from sonmat.errors import DataError
from sonmat.language import say

_SHARE = 0.5  # of what is free: training holds a copy on the device beside the rows
_UNKNOWN = 4 * 2**30
_GROUPS = (
    ("/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def free_memory() -> int:
    """Bytes that this process may still use without the system running out; a guess where the system cannot be asked."""
    found = [one for one in (_of_system(), _of_group()) if one is not None]
    return min(found, default=_UNKNOWN)


def room_for_data() -> int:
    """Bytes that a data set may take."""
    return int(free_memory() * _SHARE)


def check_fits(size: int) -> None:
    """Refuse data that take more than there is room for.

    Raises:
        DataError: The problem is a reason without the file's name.
    """
    room = room_for_data()
    if size > room:
        raise DataError(
            say(
                f"it would take {size / 1e9:,.1f} GB of memory and there is room for {room / 1e9:,.1f} GB",
                f"메모리 {size / 1e9:,.1f} GB가 필요한데 쓸 수 있는 것은 {room / 1e9:,.1f} GB입니다",
            ),
            say(
                f"Take a part of it: {room / size:.0%} would fit.",
                f"일부만 쓰세요. {room / size:.0%}까지 들어갑니다.",
            ),
        )


def _of_system() -> int | None:
    if sys.platform == "win32":
        return _of_windows()
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    with contextlib.suppress(OSError, ValueError):  # macOS says what there is, not what is free
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    return None


def _of_group() -> int | None:
    """What a container's limit leaves."""
    for folder, limit, used, file in _GROUPS:
        with contextlib.suppress(OSError, ValueError):  # "max": no limit
            left = int(Path(folder, limit).read_text()) - int(Path(folder, used).read_text())
            told = dict(line.split() for line in Path(folder, "memory.stat").read_text().splitlines())
            return max(left + int(told.get(file, 0)), 0)  # pages of files can be had back
    return None


def _of_windows() -> int | None:
    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *(
                (name, ctypes.c_ulonglong)
                for name in ("total", "free", "pages", "free_pages", "virtual", "free_virtual", "extended")
            ),
        )

    status = Status()
    status.length = ctypes.sizeof(Status)
    kernel = getattr(ctypes, "windll", None)
    if kernel is None or not kernel.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return None
    return int(status.free)
