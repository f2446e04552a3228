"""Starting a measurement as a process of its own, and waiting for it."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_TUNED = ("JAX_", "XLA_", "TF_", "KERAS_", "OMP_", "MKL_", "OPENBLAS_", "GOTO_", "PYTHON")  # by the surroundings
_PATIENCE = 1800.0  # seconds


class ChildFailed(Exception):
    """A measurement ended without an answer; holds what it said last."""


@dataclass(frozen=True)
class Child:
    """A module of `benchmarks.children`, and the Python that runs it."""

    python: str
    module: str

    def measure(self, data: Path, *, epochs: int, seed: int, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Run it once, with an empty cache of sonmat's; its answer, and `process_seconds` around all of it.

        Raises:
            ChildFailed: It ended without an answer.
        """
        with tempfile.TemporaryDirectory(prefix="sonmat-bench-") as folder:
            place, environment = Path(folder), clean_environment()
            asked, result = place / "asked.json", place / "result.json"
            work = {
                "data": str(data),
                "result": str(result),
                "epochs": epochs,
                "seed": seed,
                "settings": dict(settings),
            }
            asked.write_text(json.dumps(work))
            if self.module != "prepare":  # which must find MNIST where the user has it
                environment["SONMAT_HOME"] = str(place / "home")
            command = [self.python, "-m", f"benchmarks.children.{self.module}", str(asked)]
            seconds = timed(command, cwd=place, environment=environment)
            answer: dict[str, Any] = json.loads(result.read_text())
            return answer | {"process_seconds": seconds}


def clean_environment() -> dict[str, str]:
    """This process's environment without what tunes a library: every contestant starts from its own defaults."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_TUNED)}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}


def timed(command: Sequence[str], *, cwd: Path, environment: Mapping[str, str]) -> float:
    """Wall seconds of a whole process, whose output is thrown away.

    Raises:
        ChildFailed: It ended with an error, or not at all.
    """
    with tempfile.TemporaryFile() as said:
        begin = time.perf_counter()
        try:
            done = subprocess.run(
                command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=_PATIENCE
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ChildFailed(str(error)) from error
        seconds = time.perf_counter() - begin
        if done.returncode:
            said.seek(0)
            last = said.read().decode(errors="replace")[-3000:]
            raise ChildFailed(f"{' '.join(command)} ended with status {done.returncode}:\n{last}")
    return seconds


def cpu_seconds() -> float:
    """Processor time of all children that have ended."""
    times = os.times()
    return times.children_user + times.children_system
