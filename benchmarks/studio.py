"""How soon the studio answers: a training, a stroke, a first look, and lists that are long, in a real browser.

    python -m benchmarks.studio              # five minutes
    python -m benchmarks.studio --rounds 3   # a shorter look

The server is `sonmat studio` as a process on loopback, the browser Debian's Chromium without a window (it draws with the
processor), both on the same cores. Times are the page's own clock: from a press of the button, a move of the mouse or the opening
of the address to what stands on the screen.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.fit_notes import say
from benchmarks.machine import library_versions, load, machine
from benchmarks.processes import ROOT, clean_environment
from benchmarks.record import now
from sonmat.data.progress import silent
from sonmat.data.sources import fetch
from sonmat.files import write_json

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

OUT = ROOT / "benchmarks" / "results" / "studio.json"
PACKAGES = ("sonmat", "keras", "jax", "numpy", "fastapi", "uvicorn")
RUNS, TRIALS = 1_000, 10_000
_SEVEN = [(0.22 + 0.03 * i, 0.22) for i in range(17)] + [(0.70 - 0.014 * i, 0.22 + 0.034 * i) for i in range(1, 19)]
_PATIENCE = 120_000  # ms

_WATCH = """async () => {
  const { on } = await import('/static/store.js');
  const told = (window.told = {});
  document.getElementById('train').addEventListener('click', () => (told.pressed = performance.now()), { capture: true });
  on('run', (event) => {
    if (event.state === 'finished') requestAnimationFrame(() => (told.ended = performance.now()));
  });
}"""
_SCROLL = """async (where) => {
  const view = where ? document.querySelector(where) : document.scrollingElement;
  const frames = [];
  let last = 0, at = 0;
  await new Promise((done) => {
    const step = (now) => {
      if (last) frames.push(now - last);
      last = now;
      at += 60;
      view.scrollTop = at;
      if (at < view.scrollHeight - view.clientHeight) requestAnimationFrame(step);
      else done();
    };
    requestAnimationFrame(step);
  });
  frames.sort((a, b) => a - b);
  return { frames: frames.length, median: frames[frames.length >> 1], p95: frames[Math.floor(frames.length * 0.95)] };
}"""
_FILTER = """async () => {
  const field = document.getElementById('find');
  const took = [];
  for (const words of ['heron', 'cnn', '', 'bold', 'quiet heron', '넓은', 'second', '']) {
    const began = performance.now();
    field.value = words;
    field.dispatchEvent(new Event('input'));
    await new Promise(requestAnimationFrame);
    took.push(performance.now() - began);
  }
  return took;
}"""


@contextmanager
def served(home: Path) -> Iterator[str]:
    """A studio on a home of its own; its address, once the trainer is warm."""
    command = [sys.executable, "-m", "sonmat.cli", "studio", "--port", "0", "--no-browser"]
    environment = clean_environment() | {"SONMAT_HOME": str(home), "SONMAT_LANG": "en", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = next(line for line in process.stdout if "http://" in line)
        yield line[line.index("http://") :].split()[0].rstrip("/")
    finally:
        process.terminate()
        process.wait(60)


def opened(browser: Browser, address: str) -> Page:
    """A page of its own, as a person has it who comes for the first time."""
    page = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB").new_page()
    page.set_default_timeout(_PATIENCE)
    page.goto(address)
    page.wait_for_selector(".screen")
    return page


def painted(browser: Browser, address: str, rounds: int) -> list[float]:
    """Milliseconds to the first paint of each of so many first visits."""
    found = []
    for _ in range(rounds):
        page = opened(browser, f"{address}/#/train")
        page.wait_for_timeout(300)
        paints = page.evaluate("performance.getEntriesByType('paint').map((one) => [one.name, one.startTime])")
        found.append(round(dict(paints)["first-contentful-paint"], 1))
        page.context.close()
    return found


def trained(browser: Browser, address: str, rounds: int) -> tuple[list[dict[str, float]], str]:
    """The notes' network, from the button to its first point and to its end, each time at another learning rate; the last run."""
    found, run = [], ""
    page = opened(browser, f"{address}/#/train")
    page.wait_for_selector("#worker[data-state=ready]")
    page.evaluate(_WATCH)
    for number in range(rounds + 1):
        page.evaluate("(rate) => (location.hash = `#/train?lr=${rate}`)", round(0.01 + 0.002 * number, 4))
        page.wait_for_function("() => document.querySelectorAll('.form input[type=number]').length > 3")
        page.wait_for_timeout(1500)
        page.evaluate(_WATCH)
        page.click("#train:not([disabled])")
        page.wait_for_selector(".live[data-first-point]")
        first = float(page.get_attribute(".live", "data-first-point") or "nan")
        page.wait_for_function("() => window.told.ended")
        told = page.evaluate("window.told")
        run = page.evaluate("new URLSearchParams(location.hash.split('?')[1]).get('run')")
        found.append({"first_point_ms": first, "end_ms": round(told["ended"] - told["pressed"])})
        page.wait_for_timeout(3000)  # its pictures are drawn and its network is written down, for later
    page.context.close()
    return found[1:], run


def drawn(browser: Browser, address: str, run: str, rounds: int) -> list[float]:
    """Milliseconds from each move of the mouse to the probabilities on the screen, the layers' maps with them."""
    page = opened(browser, f"{address}/#/draw?runs={run}")
    page.wait_for_selector("canvas.ink")
    box = page.locator("canvas.ink").bounding_box()
    assert box is not None
    for number in range(rounds + 1):
        for place, (x, y) in enumerate(_SEVEN):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
            if not place:
                page.mouse.down()
            page.wait_for_timeout(60)
        page.mouse.up()
        page.wait_for_timeout(500)
        page.click("#clear")
        if not number:
            page.evaluate("() => void (sonmatMeasures.strokes.length = 0)")
    found = [round(one, 1) for one in page.evaluate("sonmatMeasures.strokes")]
    page.context.close()
    return found


def listed(browser: Browser, address: str) -> dict[str, Any]:
    """A thousand runs: opened, scrolled through, filtered."""
    page = opened(browser, f"{address}/#/runs")
    page.wait_for_selector(".room .line")
    page.wait_for_function(f"async () => (await import('/static/store.js')).store.runs.size >= {RUNS}")
    page.wait_for_timeout(1000)
    told = {"scroll": page.evaluate(_SCROLL, ".list"), "filter_ms": page.evaluate(_FILTER)}
    page.context.close()
    return told


def searched(browser: Browser, address: str) -> dict[str, Any]:
    """A study of ten thousand trials: opened, scrolled through."""
    page = opened(browser, f"{address}/#/sweep?study=20260101-000000-{TRIALS}-trials")
    began = time.perf_counter()
    page.wait_for_selector("canvas.parallel")
    shown = time.perf_counter() - began
    page.wait_for_timeout(2000)
    size = page.evaluate(
        f"fetch('/api/studies/20260101-000000-{TRIALS}-trials').then((one) => one.text()).then((one) => one.length)"
    )
    told = {"shown_s": round(shown, 2), "bytes": size, "scroll": page.evaluate(_SCROLL, None)}
    page.context.close()
    return told


def home_of(place: Path) -> Path:
    """A home with MNIST and nothing else."""
    kept = place / "cache" / "data"
    kept.mkdir(parents=True)
    shutil.copy(fetch("mnist", progress=silent), kept)
    return place


def measured(rounds: int) -> dict[str, Any]:
    """All of it."""
    from playwright.sync_api import sync_playwright

    chromium = next(path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name)))
    with tempfile.TemporaryDirectory() as place, sync_playwright() as running:
        browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        home, full = home_of(Path(place) / "home"), home_of(Path(place) / "full")
        with served(home) as address:
            training, run = trained(browser, address, rounds)
            say(f"training: {json.dumps(training)}")
            strokes = drawn(browser, address, run, max(2, rounds // 2))
            say(f"strokes: {len(strokes)}, median {statistics.median(strokes)}")
            paint = painted(browser, address, rounds)
            say(f"first paint: {paint}")
        made = [str(full), str(home / "runs" / run), str(RUNS), str(TRIALS)]
        command = [sys.executable, "-m", "benchmarks.children.studio_homes", *made]
        subprocess.run(command, cwd=ROOT, env=clean_environment(), check=True)
        with served(full) as address:
            many = listed(browser, address)
            say(f"{RUNS} runs: {json.dumps(many)}")
            study = searched(browser, address)
            say(f"{TRIALS} trials: {json.dumps(study)}")
        version = browser.version
        browser.close()
    return {
        "training": training,
        "strokes_ms": strokes,
        "paint_ms": paint,
        "runs": many,
        "study": study,
        "chromium": version,
    }


def summarize(found: dict[str, Any]) -> dict[str, Any]:
    """The claims."""
    return {
        "first_point_ms": statistics.median(one["first_point_ms"] for one in found["training"]),
        "end_s": statistics.median(one["end_ms"] for one in found["training"]) / 1000,
        "stroke_ms": statistics.median(found["strokes_ms"]),
        "paint_ms": statistics.median(found["paint_ms"]),
        "runs_frame_ms": found["runs"]["scroll"]["median"],
        "runs_frame_p95_ms": found["runs"]["scroll"]["p95"],
        "filter_ms": statistics.median(found["runs"]["filter_ms"]),
        "study_shown_s": found["study"]["shown_s"],
        "study_frame_ms": found["study"]["scroll"]["median"],
        "study_kb": found["study"]["bytes"] / 1000,
    }


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Measure the studio.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=OUT)
    asked = parser.parse_args()
    began = time.perf_counter()
    found = measured(asked.rounds)
    content = {
        "summary": summarize(found),
        "found": found,
        "rounds": asked.rounds,
        "took": round(time.perf_counter() - began),
        "load": load(),
        "machine": machine(),
        "versions": library_versions(PACKAGES) | {"chromium": found["chromium"]},
        "ended": now(),
    }
    write_json(asked.out, content)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
