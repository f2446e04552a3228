"""A real studio: the server's process with its two children, and a client that speaks plain HTTP."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 240.0  # seconds for what takes one on a machine of its own
BYTES = {"Content-Type": "application/octet-stream"}


class Events:
    """What a reader of the events has heard."""

    def __init__(self, address: str, after: str = "0") -> None:
        self.all: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self._stream = httpx.Client(timeout=None)
        self._closed = False
        self.heard = threading.Event()
        threading.Thread(target=self._listen, args=(f"{address}/api/events?after={after}",), daemon=True).start()

    def _listen(self, url: str) -> None:
        with contextlib.suppress(httpx.HTTPError), self._stream.stream("GET", url) as answer:
            for line in answer.iter_lines():
                self.heard.set()
                if line.startswith("id: "):
                    self.ids.append(line[4:])
                if line.startswith("data: "):
                    self.all.append(json.loads(line[6:]))
        self._closed = True

    def of(self, kind: str, **told: Any) -> list[dict[str, Any]]:
        """Events of a kind, with these values."""
        return [one for one in list(self.all) if one["kind"] == kind and all(one.get(k) == v for k, v in told.items())]

    def wait(self, kind: str, **told: Any) -> dict[str, Any]:
        """The first of them, once it has come."""
        return until(lambda: next(iter(self.of(kind, **told)), None), f"{kind} {told}")


class Studio:
    """A studio at work.

    Args:
        home: Its `SONMAT_HOME`.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.log = home / "server.log"
        environment = {**os.environ, "SONMAT_HOME": str(home), "SONMAT_LANG": "en", "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "sonmat.cli", "studio", "--port", "0", "--no-browser"]
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT, cwd=home)
        self.address = until(self._said, "the server's address").rstrip("/")
        self.client = httpx.Client(base_url=self.address, headers={"X-Sonmat": "studio"}, timeout=PATIENCE)
        self.events = Events(self.address)

    def _said(self) -> str | None:
        ended, text = self.process.poll() is not None, self.log.read_text()
        assert not ended, text
        found = re.search(r"the studio is at (\S+)", text)
        return found[1] if found else None

    @property
    def runs(self) -> Path:
        return self.home / "runs"

    def get(self, path: str, status: int = 200, **query: Any) -> Any:
        answer = self.client.get(path, params=query or None)
        assert answer.status_code == status, answer.text
        return answer.json()

    def post(self, path: str, told: Any = None, status: int = 200, **query: Any) -> Any:
        answer = self.client.post(path, json={} if told is None else told, params=query or None)
        assert answer.status_code == status, answer.text
        return answer.json()

    def row(self, name: str) -> dict[str, Any]:
        return next((row for row in self.get("/api/runs")["rows"] if row["name"] == name), {})

    def recipe(self, data: Path | str, base: str = "notes-mlp", model: Any = None, **train: Any) -> dict[str, Any]:
        (found,) = [one["recipe"] for one in self.get("/api/start")["recipes"] if one["name"] == base]
        found["data"] = str(data)
        found["model"] |= model or {}
        found["train"] |= train
        return dict(found)

    def train(self, recipe: dict[str, Any], title: str = "") -> str:
        return str(self.post("/api/runs", {"recipe": recipe, "title": title}, 201)["name"])

    def trained(self, recipe: dict[str, Any], title: str = "") -> str:
        """Train a run to its end."""
        name = self.train(recipe, title)
        assert self.ended(name) == "finished", self.row(name)
        return name

    def ended(self, name: str) -> str:
        """The state in which a run ends."""
        state: str = until(
            lambda: (at := self.row(name).get("state")) not in (None, "training", "waiting") and at, f"end of {name}"
        )
        return state

    def child(self, role: str) -> int:
        """The process of a child."""
        return until(lambda: children(self.process.pid).get(role), role)

    def end(self) -> str:
        """Stop it as Ctrl-C does; what it said."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)
        return self.log.read_text()

    def kill(self) -> None:
        """As a crash of the server alone."""
        self.process.kill()
        self.process.wait(30)


def until(found: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """What is found, once it is."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = found()
        if value:
            return value
        time.sleep(0.03)
    raise AssertionError(f"did not come in time: {what}")


def children(parent: int) -> dict[str, int]:
    """The studio's children by their role."""
    found = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) != parent:
                continue
            words = (entry / "cmdline").read_bytes().decode().split("\0")
            if "sonmat.studio.worker" in words:
                found[words[words.index("sonmat.studio.worker") + 1]] = int(entry.name)
    return found


def alive(process: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def drawing(*lines: tuple[int, int, int, int], size: int = 280, width: int = 22) -> bytes:
    """A PNG as the page's canvas gives it: dark strokes on light."""
    image = Image.new("L", (size, size), 255)
    for line in lines:
        ImageDraw.Draw(image).line(line, fill=0, width=width)
    held = io.BytesIO()
    image.save(held, "PNG")
    return held.getvalue()


ONE = drawing((140, 40, 140, 240))


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """One studio for all tests that do not kill it."""
    studio = Studio(tmp_path_factory.mktemp("studio"))
    yield studio
    studio.end()


@pytest.fixture(scope="session")
def done(studio: Studio, small: Path) -> str:
    """A finished run of a small network."""
    return studio.trained(studio.recipe(small, epochs=4, learning_rate=0.1), "blocks")


@pytest.fixture(scope="session")
def convolved(studio: Studio, small: Path) -> str:
    """A finished run of convolutions and pooling."""
    layers = [
        {"layer": "conv", "filters": 4, "kernel": 3, "padding": "same", "stride": 2},
        {"layer": "max_pool", "size": 2},
        {"layer": "conv", "filters": 3, "kernel": 3},
        {"layer": "average_pool", "size": 2, "stride": 1},
    ]
    recipe = studio.recipe(small, "layers", {"layers": layers}, epochs=2, batch_size=20, learning_rate=0.01)
    return studio.trained(recipe)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Callable[[], Studio]]:
    """Studios on a home of their own, one after the other; the last is ended."""
    begun: list[Studio] = []
    place = tmp_path / "home"
    place.mkdir()

    def begin() -> Studio:
        begun.append(Studio(place))
        return begun[-1]

    yield begin
    for one in begun:
        left = list(children(one.process.pid).values()) if one.process.poll() is None else []
        one.end()
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
