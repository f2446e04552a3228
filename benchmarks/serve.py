"""How fast and how many: `sonmat serve` with one client and with 64, and one `model.predict` a request beside it.

    python -m benchmarks.serve                  # about four minutes
    python -m benchmarks.serve --seconds 10     # a shorter look

The server is `sonmat serve` as a process, on loopback. The clients are one other process that keeps its connections open, each
sending a 28×28 input as JSON and waiting for its answer. Beside it, in a process of its own and without any HTTP, Keras's own
`model.predict` answers the same inputs one at a time, as a server does that calls it for every request: on TensorFlow, as the notes
have it, and on JAX.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.fit_notes import PEERS_PYTHON, say
from benchmarks.machine import library_versions, load, machine
from benchmarks.processes import ROOT, clean_environment
from benchmarks.record import now
from sonmat.files import write_json

OUT = ROOT / "benchmarks" / "results" / "serve.json"
PACKAGES = ("sonmat", "keras", "jax", "numpy", "fastapi", "starlette", "uvicorn")


def started(model: Path) -> tuple[subprocess.Popen[str], str]:
    """The server, and its address."""
    command = [sys.executable, "-m", "sonmat.cli", "serve", str(model), "--port", "0"]
    environment = clean_environment() | {"PYTHONUNBUFFERED": "1", "SONMAT_LANG": "en"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if "answers at " in line:
            return process, line.split("answers at ")[1].strip()
    raise SystemExit("the server did not start")


def child(*arguments: str) -> dict[str, Any]:
    """What a child process of the benchmark measures."""
    command = [sys.executable, "-m", "benchmarks.children.serve_ask", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=clean_environment(), check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def saved(recipe: str, place: Path) -> Path:
    """A network of a recipe with its first weights: answering takes as long with any."""
    import sonmat as sm

    path = place / f"{recipe}.keras"
    sm.save_model(sm.build(recipe), path, inputs={"scale": 255.0}, classes=list("0123456789"))
    return path


def predicting(model: Path, backend: str, python: str) -> dict[str, Any]:
    """Keras's `predict` on one of its backends, one input a call."""
    child = ROOT / "benchmarks" / "children" / "serve_keras.py"
    command = [python if backend == "tensorflow" else sys.executable, str(child), str(model), "300"]
    environment = clean_environment() | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measured(recipe: str, place: Path, seconds: float, python: str) -> dict[str, Any]:
    """One network: one client, 64 clients, photographs, and Keras's `predict`."""
    model = saved(recipe, place)
    told: dict[str, Any] = {
        "predict": {backend: predicting(model, backend, python) for backend in ("tensorflow", "jax")}
    }
    process, address = started(model)
    try:
        told["one"] = child("pixels", address, "1", str(min(seconds, 10.0)))
        told["many"] = child("pixels", address, "64", str(seconds))
        told["photos"] = child("photos", address, "1", str(min(seconds, 10.0)))
    finally:
        process.terminate()
        told["ended"] = process.wait(60)
    told["times"] = {name: told["many"]["per_second"] / one["per_second"] for name, one in told["predict"].items()}
    for name in ("one", "many", "photos"):
        say(f"{recipe}, {name}: {json.dumps(told[name])}")
    say(f"{recipe}: predict {json.dumps(told['predict'])}, times {json.dumps(told['times'])}")
    return told


def summarize(found: dict[str, Any]) -> dict[str, Any]:
    """The claims, from what was measured of each network."""
    return {
        name: {
            "p50_ms": one["one"]["p50_ms"],
            "photo_p50_ms": one["photos"]["p50_ms"],
            "per_second": one["many"]["per_second"],
            "p99_ms": one["many"]["p99_ms"],
            "errors": one["many"]["errors"] + one["one"]["errors"] + one["photos"]["errors"],
            "times": one["times"],
        }
        for name, one in found.items()
    }


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Measure the server.")
    parser.add_argument("recipes", nargs="*", help="which networks; notes-mlp and notes-cnn by default")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long 64 clients ask")
    parser.add_argument("--peers-python", default=str(PEERS_PYTHON), help="a Python with tensorflow-cpu and keras")
    parser.add_argument("--out", type=Path, default=OUT)
    asked = parser.parse_args()
    began, found = time.perf_counter(), {}
    with tempfile.TemporaryDirectory() as place:
        for recipe in asked.recipes or ("notes-mlp", "notes-cnn"):
            found[recipe] = measured(recipe, Path(place), asked.seconds, asked.peers_python)
    content = {
        "summary": summarize(found),
        "found": found,
        "seconds": asked.seconds,
        "took": round(time.perf_counter() - began),
        "load": load(),
        "machine": machine(),
        "versions": library_versions(PACKAGES),
        "ended": now(),
    }
    write_json(asked.out, content)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
