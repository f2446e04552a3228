"""Hostile files of every kind that sonmat reads, tried and counted.

    python -m benchmarks.hostile                       # about ten minutes of one core
    python -m benchmarks.hostile --pictures 700 --models 60 --data 1000 --out elsewhere.json

Pictures, model files, and tables, arrays and recipes are made by the makers that the tests use and read by sonmat, in processes of
their own: a crash, a hang, an exception of another kind or a file that appears ends the command. Beside them every published
hole of Keras's own reader is tried as its test rebuilds it, and the largest pictures that are read are measured for memory. Each
part is written when it ends; what was interrupted goes on from there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.machine import library_versions, machine, source_fingerprint
from benchmarks.processes import ROOT, clean_environment
from benchmarks.record import Record
from sonmat.files import write_json

OUT = ROOT / "benchmarks" / "results" / "hostile.json"
PACKAGES = ("sonmat", "keras", "h5py", "pillow", "pillow_heif", "numpy")
MAKERS = {
    "pictures": ROOT / "tests" / "data" / "hostile_pictures.py",
    "models": ROOT / "tests" / "runs" / "hostile_models.py",
    "data": ROOT / "tests" / "data" / "hostile_data.py",
}
LARGEST = (("HEIC", 48.0), ("WEBP", 29.9), ("JPEG", 49.9), ("PNG", 49.9))
_AT_ONCE = {"pictures": 475, "models": 50, "data": 1000}  # in one process
_MOST = ("slowest", "peak", "peak reader")  # of which the largest counts; all else is summed
_HOLES = ROOT / "tests" / "runs" / "test_published_holes.py"


class Failed(Exception):
    """A file got through: sonmat crashed, hung, or raised what is no error of its own."""


def tried(record: Record, kind: str, count: int, seed: int) -> None:
    """So many files of a kind, some hundred in a process; those that are in the record already are not tried again.

    Raises:
        Failed: A process ended with an error; what it said last is told.
    """
    done = 0
    while done < count:
        some = min(_AT_ONCE[kind], count - done)
        part = f"{kind} {seed} {some}"
        if part not in record.content.setdefault("parts", {}):
            with record.measuring() as content:
                told = json.loads(_ran([sys.executable, str(MAKERS[kind]), str(seed), str(some)]))
                content["parts"][part] = told | {"source": source_fingerprint()}
            _say(f"{part}: {json.dumps(told)}")
        done, seed = done + some, seed + 1


def largest(record: Record) -> None:
    """What the largest pictures take that are read."""
    found = record.content.setdefault("largest", {})
    for kind, megapixels in LARGEST:
        if kind in found:
            continue
        with record.measuring(), tempfile.TemporaryDirectory() as place:
            file = Path(place) / kind
            module = [sys.executable, "-m", "benchmarks.children.hostile_large"]
            _ran([*module, "make", kind, str(megapixels), str(file)])
            found[kind] = json.loads(_ran([*module, "read", str(file)]))
        _say(f"{kind}: {json.dumps(found[kind])}")


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


def _makers() -> str:
    """SHA-256, in hex, shortened, of what makes the files."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in MAKERS.values()))
    return digest.hexdigest()[:16]


def kinds(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The parts of each kind taken together."""
    found: dict[str, dict[str, Any]] = {}
    for name, part in content.get("parts", {}).items():
        whole = found.setdefault(name.split()[0], Counter())
        for key, value in part.items():
            if key in _MOST:
                whole[key] = max(whole.get(key, 0), value)
            elif key != "source":
                whole[key] = whole.get(key, 0) + value
    return {kind: dict(whole) for kind, whole in found.items()}


def summarize(content: dict[str, Any]) -> dict[str, Any]:
    """The claims."""
    of, large = kinds(content), content.get("largest", {})
    both = [of[name] for name in ("pictures", "models") if name in of]
    peaks = [max(one["peak"], one.get("peak reader", 0)) for one in of.values()] + [
        one["peak"] for one in large.values()
    ]
    return {
        "kinds": of,
        "files": sum(one["tried"] for one in of.values()),
        "images and models": sum(one["tried"] for one in both),
        "structured and reached": sum(one["reached and structured"] for one in both),
        "slowest": max((one["slowest"] for one in of.values()), default=0.0),
        "peak": max(peaks, default=0),
        "holes": len(content.get("holes", ())),
    }


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Try hostile files, and count.")
    parser.add_argument("--pictures", type=int, default=9_500)
    parser.add_argument("--models", type=int, default=700)
    parser.add_argument("--data", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--fresh", action="store_true", help="start anew")
    parser.add_argument("--out", type=Path, default=OUT)
    asked = parser.parse_args()
    identity = {"job": "hostile", "seed": asked.seed, "makers": _makers(), "machine": machine()}
    record = Record(asked.out, identity, fresh=asked.fresh, summary=summarize)
    record.content["versions"] = library_versions(PACKAGES)
    largest(record)
    for kind in MAKERS:
        tried(record, kind, getattr(asked, kind), asked.seed)
    if "holes" not in record.content:
        with record.measuring() as content:
            content["holes"] = holes()
    record.content["summary"] = summarize(record.content)
    write_json(asked.out, record.content)
    _say(json.dumps(record.content["summary"]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
