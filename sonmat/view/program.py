"""How this very command is called from here."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


def program() -> str:
    """The `sonmat` command by its name, or by its path where the name is not on the PATH."""
    called = Path(sys.argv[0])
    if called.name != "sonmat" or shutil.which("sonmat"):
        return "sonmat"
    return os.path.relpath(called)
