"""How fast and how many: `sonmat serve` with one client and with 64, and one `model.predict` a request beside it.

    python -m benchmarks.serve                          # three and a half minutes
    python -m benchmarks.serve notes-mlp notes-cnn      # another network after it
    python -m benchmarks.serve --seconds 10             # a shorter look

The server is `sonmat serve` as a process, on loopback. The clients are one other process that keeps its connections open, each
sending a 28×28 input as JSON and waiting for its answer. Beside it stands the server that is first written: the same FastAPI and
uvicorn, asked by the same clients, whose handler calls Keras's own `model.predict` for every request; on TensorFlow, as the notes
have it, and on JAX. The whole command `sonmat predict` is timed with a photograph, after a first time that is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import fastapi

from benchmarks.children.serve_ask import photo
from benchmarks.fit_notes import PEERS_PYTHON, say
from benchmarks.machine import library_versions, load, machine
from benchmarks.processes import ROOT, clean_environment, cpu_seconds
from benchmarks.record import now
from sonmat.files import write_json

OUT = ROOT / "benchmarks" / "results" / "serve.json"
CLIENTS = 64
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


def child(*arguments: str, watch: int | None = None) -> dict[str, Any]:
    """What the clients measure, and the processor time that a request took of them and, where it is watched, of the server."""
    before, server = cpu_seconds(), processor_of(watch)
    command = [sys.executable, "-m", "benchmarks.children.serve_ask", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=clean_environment(), check=True, stdout=subprocess.PIPE, text=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    told["client_cpu_ms"] = round(1000 * (cpu_seconds() - before) / told["requests"], 3)
    if watch is not None and server is not None:
        told["server_cpu_ms"] = round(1000 * ((processor_of(watch) or 0.0) - server) / told["requests"], 3)
    return told


def processor_of(process: int | None) -> float | None:
    """Seconds of processor that a running process has had; None where the system does not tell."""
    path = Path(f"/proc/{process}/stat")
    if process is None or not path.exists():
        return None
    user, system = path.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def saved(recipe: str, place: Path) -> Path:
    """A network of a recipe with its first weights: answering takes as long with any."""
    import sonmat as sm

    path = place / f"{recipe}.keras"
    sm.save_model(sm.build(recipe), path, inputs={"scale": 255.0}, classes=list("0123456789"))
    return path


def predicting(model: Path, backend: str, python: str, seconds: float) -> dict[str, Any]:
    """The server that calls Keras's `predict` on one of its backends, one request a call."""
    script = ROOT / "benchmarks" / "children" / "serve_keras.py"
    site = Path(fastapi.__file__).parents[1]
    command = [python if backend == "tensorflow" else sys.executable, str(script), str(model), str(site)]
    environment = clean_environment() | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        one = child("pixels", told["address"], "1", str(min(seconds, 5.0)))
        many = child("pixels", told["address"], str(CLIENTS), str(seconds), watch=process.pid)
    finally:
        process.kill()
        process.wait()
    return {"backend": told["backend"], "keras": told["keras"], "one": one, "many": many}


def commanded(model: Path, place: Path, times: int) -> dict[str, Any]:
    """Seconds of `sonmat predict` with one photograph as a whole process, after a first time that is not counted."""
    picture = place / "photo.jpg"
    picture.write_bytes(photo()[0])
    command = [sys.executable, "-m", "sonmat.cli", "predict", str(model), str(picture), "--json"]
    took = []
    for _ in range(times + 1):
        began = time.perf_counter()
        subprocess.run(command, cwd=ROOT, env=clean_environment(), check=True, stdout=subprocess.DEVNULL)
        took.append(round(time.perf_counter() - began, 3))
    return {"first": took[0], "seconds": took[1:], "median": statistics.median(took[1:])}


def measured(recipe: str, place: Path, seconds: float, python: str) -> dict[str, Any]:
    """One network: one client, 64 clients, photographs, and Keras's `predict`."""
    model = saved(recipe, place)
    brief = min(seconds, 15.0)
    told: dict[str, Any] = {
        "predict": {backend: predicting(model, backend, python, brief) for backend in ("tensorflow", "jax")}
    }
    process, address = started(model)
    try:
        told["one"] = child("pixels", address, "1", str(min(seconds, 10.0)))
        told["photos"] = child("photos", address, "1", str(min(seconds, 10.0)))
        told["many"] = child("pixels", address, str(CLIENTS), str(seconds), watch=process.pid)
    finally:
        process.terminate()
        told["ended"] = process.wait(60)
    ours = told["many"]["per_second"]
    told["times"] = {name: ours / one["many"]["per_second"] for name, one in told["predict"].items()}
    told["command"] = commanded(model, place, 7)
    for name in ("one", "many", "photos"):
        say(f"{recipe}, {name}: {json.dumps(told[name])}")
    for name in ("predict", "times", "command"):
        say(f"{recipe}, {name}: {json.dumps(told[name])}")
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
            "keras_per_second": {backend: kept["many"]["per_second"] for backend, kept in one["predict"].items()},
            "keras_p50_ms": {backend: kept["one"]["p50_ms"] for backend, kept in one["predict"].items()},
            "server_cpu_ms": one["many"].get("server_cpu_ms"),
            "client_cpu_ms": one["many"]["client_cpu_ms"],
            "command_s": one["command"]["median"],
        }
        for name, one in found.items()
    }


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Measure the server.")
    parser.add_argument("recipes", nargs="*", help="which networks; notes-mlp by default")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long 64 clients ask")
    parser.add_argument("--peers-python", default=str(PEERS_PYTHON), help="a Python with tensorflow-cpu and keras")
    parser.add_argument("--out", type=Path, default=OUT)
    asked = parser.parse_args()
    began, found = time.perf_counter(), {}
    with tempfile.TemporaryDirectory() as place:
        for recipe in asked.recipes or ("notes-mlp",):
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
