"""A real studio and a real browser for the page's tests; both are started once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
_STROKES = {
    "1": [(0.52 - 0.002 * i, 0.16 + 0.04 * i) for i in range(18)],
    "7": [(0.22 + 0.03 * i, 0.22) for i in range(17)] + [(0.70 - 0.014 * i, 0.22 + 0.034 * i) for i in range(1, 19)],
}
_FIRST = 90.0  # seconds until a loaded machine has started the studio and trained its first run


@dataclass(frozen=True)
class Studio:
    """A studio that is running, and a run of it that has been trained."""

    address: str
    run: str

    def ask(self, path: str, method: str = "GET", told: dict[str, Any] | None = None) -> Any:
        """What the server answers."""
        headers = {} if method == "GET" else {"X-Sonmat": "studio", "Content-Type": "application/json"}
        body = None if method == "GET" else json.dumps(told or {}).encode()
        request = urllib.request.Request(self.address + path, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def train(self, title: str = "", **train: Any) -> str:
        """Train a run to its end; its name."""
        recipe = {
            "data": "mnist",
            "model": {"name": "notes-mlp"},
            "train": {"optimizer": "sgd", "loss": "sparse_categorical_crossentropy"},
        }
        settings = {"epochs": 3, "batch_size": 64, "learning_rate": 0.2, "metrics": ["accuracy"]} | train
        name: str = self.ask(
            "/api/runs", "POST", {"recipe": recipe | {"train": recipe["train"] | settings}, "title": title}
        )["name"]
        self.until(lambda: self.state(name) == "finished", _FIRST)
        return name

    def quiet(self) -> None:
        """Stop what a test has left training."""
        for row in self.ask("/api/runs")["rows"]:
            if row["state"] in ("training", "waiting"):
                self.ask(f"/api/runs/{row['name']}/stop", "POST")

    def state(self, run: str) -> str:
        """What a run is at: waiting, training, finished, stopped …"""
        return str(self.ask(f"/api/runs/{run}")["state"])

    def until(self, test: Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait for what another process does."""
        end = time.monotonic() + seconds
        while not test():
            assert time.monotonic() < end, "it did not come about"
            time.sleep(0.05)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Debian's Chromium is."""
    pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    return CHROMIUM


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A browser for the tests of a file. While it runs no other test of this process can have an event loop of its own."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=60_000)  # of a machine that does other things too
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def studio(chromium: str, fetched_mnist: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A studio with one trained run, of a home of its own."""
    home = tmp_path_factory.mktemp("studio")
    kept = home / "cache" / "data"
    kept.mkdir(parents=True)
    (kept / fetched_mnist.name).symlink_to(fetched_mnist)
    command = [sys.executable, "-m", "sonmat.cli", "studio", "--port", "0", "--no-browser"]
    told = {"SONMAT_HOME": str(home), "SONMAT_LANG": "en", "PYTHONUNBUFFERED": "1"}
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | told)
    try:
        assert running.stdout is not None
        line = next(line for line in running.stdout if "http://" in line)
        begun = Studio(line[line.index("http://") :].split()[0].rstrip("/"), "")
        yield Studio(begun.address, begun.train("first"))
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(30)


@pytest.fixture
def opened(browser: Browser, studio: Studio) -> Iterator[Callable[..., Page]]:
    """Opens a screen by its address: `opened("draw?runs=a", lang="ko", phone=True)`. An error in the console fails the test,
    but for what the server refuses where `refused` says that it will."""
    contexts, errors = [], []

    def open_(
        path: str = "train", *, lang: str = "en", phone: bool = False, dark: bool = False, refused: bool = False
    ) -> Page:
        context = browser.new_context(
            viewport={"width": 390, "height": 844} if phone else {"width": 1280, "height": 800},
            has_touch=phone, locale="ko-KR" if lang == "ko" else "en-GB", color_scheme="dark" if dark else "light",
        )  # fmt: skip
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(300_000)  # of a machine that does other things too
        page.on("console", lambda message: heard(message, refused))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{studio.address}/#/{path}")
        page.wait_for_selector(".screen")
        return page

    def heard(message: ConsoleMessage, refused: bool) -> None:
        if message.type == "error" and not (refused and "status of 422" in message.text):
            errors.append(message.text)

    yield open_
    for context in contexts:
        context.close()
    studio.quiet()
    assert not errors, errors


@pytest.fixture
def write() -> Callable[[Page, str], None]:
    """Writes a plain digit on the pad, stroke by stroke with the mouse: `write(page, "7")`."""

    def write_(page: Page, digit: str) -> None:
        box = page.locator("canvas.ink").bounding_box()
        assert box is not None
        for number, (x, y) in enumerate(_STROKES[digit]):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
            if not number:
                page.mouse.down()
        page.mouse.up()

    return write_
