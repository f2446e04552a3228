"""Hostile files of every kind that sonmat reads, tried and counted.

    python -m benchmarks.hostile                       # about 25 minutes of one core
    python -m benchmarks.hostile --pictures 700 --models 60 --data 1000

Pictures, model files, and tables, arrays and recipes are made by the makers that the tests use and read by sonmat, in processes of
their own: a crash, a hang, an exception of another kind or a file that appears ends the command. Beside them every published
hole of Keras's own reader is tried as its test rebuilds it, and the largest pictures that are read are measured for memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.machine import library_versions, machine
from benchmarks.processes import ROOT, clean_environment, cpu_seconds
from benchmarks.record import now
from sonmat.files import write_json

OUT = ROOT / "benchmarks" / "results" / "hostile.json"
PACKAGES = ("sonmat", "keras", "h5py", "pillow", "pillow_heif", "numpy")
MAKERS = {
    "pictures": ROOT / "tests" / "data" / "hostile_pictures.py",
    "models": ROOT / "tests" / "runs" / "hostile_models.py",
    "data": ROOT / "tests" / "data" / "hostile_data.py",
}
LARGEST = (("JPEG", 49.9), ("PNG", 49.9), ("HEIC", 48.0), ("WEBP", 29.9))
_AT_ONCE = {"pictures": 3500, "models": 300, "data": 2500}  # in one process
_MOST = ("slowest", "peak", "peak reader")  # of which the largest counts; all else is summed
_HOLES = ROOT / "tests" / "runs" / "test_published_holes.py"


class Failed(Exception):
    """A file got through: sonmat crashed, hung, or raised what is no error of its own."""


def tried(kind: str, count: int, seed: int) -> dict[str, Any]:
    """So many files of a kind, some thousand in a process.

    Raises:
        Failed: A process ended with an error; what it said last is told.
    """
    told: Counter[str] = Counter()
    most: dict[str, float] = {}
    while told["tried"] < count:
        some = min(_AT_ONCE[kind], count - told["tried"])
        answer = json.loads(_ran([sys.executable, str(MAKERS[kind]), str(seed), str(some)]))
        for name in _MOST:
            if name in answer:
                most[name] = max(most.get(name, 0), answer.pop(name))
        told.update(answer)
        seed += 1
        _say(
            f"{kind}: {told['tried']:,} of {count:,}, slowest {most['slowest']:.2f} s, peak {most['peak'] / 2**20:,.0f} MiB"
        )
    return {**told, **most}


def largest() -> dict[str, Any]:
    """What the largest pictures take that are read."""
    found = {}
    with tempfile.TemporaryDirectory() as place:
        for kind, megapixels in LARGEST:
            file = Path(place) / kind
            module = [sys.executable, "-m", "benchmarks.children.hostile_large"]
            _ran([*module, "make", kind, str(megapixels), str(file)])
            found[kind] = json.loads(_ran([*module, "read", str(file)]))
            _say(f"{kind}: {json.dumps(found[kind])}")
            file.unlink()
    return found


def holes() -> list[str]:
    """The published holes that are closed; all of them, or it fails."""
    said = _ran([sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-W", "ignore", str(_HOLES)])
    return sorted(
        {line.split("[")[1].split(":")[0] for line in said.splitlines() if "PASSED" in line and "[CVE" in line}
    )


def _ran(command: list[str]) -> str:
    environment = clean_environment()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(command)} ended with {done.returncode}:\n{(done.stderr or done.stdout)[-3000:]}")
    return done.stdout.strip()


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def summarize(content: dict[str, Any]) -> dict[str, Any]:
    """The claims."""
    kinds = content["kinds"]
    both = [kinds[name] for name in ("pictures", "models")]
    peaks = [one["peak"] for one in kinds.values()] + [one["peak"] for one in content["largest"].values()]
    return {
        "files": sum(one["tried"] for one in kinds.values()),
        "images and models": sum(one["tried"] for one in both),
        "structured and reached": sum(one["reached and structured"] for one in both),
        "slowest": max(one["slowest"] for one in kinds.values()),
        "peak": max(*peaks, kinds["models"].get("peak reader", 0)),
        "holes": len(content["holes"]),
    }


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Try hostile files, and count.")
    parser.add_argument("--pictures", type=int, default=10_500)
    parser.add_argument("--models", type=int, default=1_200)
    parser.add_argument("--data", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--out", type=Path, default=OUT)
    asked = parser.parse_args()
    began, before = time.perf_counter(), cpu_seconds()
    content: dict[str, Any] = {
        "holes": holes(),
        "kinds": {name: tried(name, getattr(asked, name), asked.seed) for name in MAKERS},
        "largest": largest(),
    }
    content |= {
        "summary": summarize(content),
        "seed": asked.seed,
        "cpu_minutes": round((cpu_seconds() - before) / 60, 1),
        "wall_minutes": round((time.perf_counter() - began) / 60, 1),
        "machine": machine(),
        "versions": library_versions(PACKAGES),
        "ended": now(),
    }
    write_json(asked.out, content)
    _say(json.dumps(content["summary"]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
