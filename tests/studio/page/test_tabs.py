"""Tabs: many of them on one stream of events, links that were cut off on their way, and a server that is killed under them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Open = Callable[..., "Page"]
TABS = 8  # a browser opens six connections to one server

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("shared", [True, False])
def test_more_tabs_than_connections_agree(browser: Browser, studio: Any, shared: bool):
    context = browser.new_context()
    try:
        tabs = [context.new_page() for _ in range(TABS if shared else 3)]
        for tab in tabs:
            if not shared:  # as on a phone
                tab.add_init_script("delete window.SharedWorker")
            tab.goto(f"{studio.address}/#/runs?q={studio.run}")
            tab.wait_for_selector(".list .line a")
        titles = ("one title", "another")
        for title in titles:
            tabs[-1].evaluate(
                """async ([run, title]) => {
                    const { patch } = await import('/static/api.js');
                    await patch(`/api/runs/${run}`, { title });
                }""",
                [studio.run, title],
            )
            for tab in tabs:
                tab.wait_for_selector(f".list .line a:has-text('{title}')")
        tabs[0].close()  # which began the stream
        studio.ask(f"/api/runs/{studio.run}", "PATCH", {"title": "first"})
        for tab in tabs[1:]:
            tab.wait_for_selector(".list .line a:has-text('first')")
    finally:
        context.close()


@pytest.mark.parametrize(
    "link",
    [
        "runs?pick=%25", "train?more=null", "train?more=[1]", "train?lr=abc&epochs=", "train?layers=conv:x~nothing:3", "sweep?space=null",
        "sweep?space={%22a%22:3}", "look?demo=1&size=0&stride=99", "look?at=5", "test?cell=7", "test?cell=[1,", "draw?runs=%&width=x",
    ],
)  # fmt: skip
def test_a_link_that_was_cut_off_shows_its_screen(opened: Open, studio: Any, link: str):
    page = opened(link, refused=True)
    page.wait_for_function("() => document.querySelector('.screen').childElementCount > 1")
    assert page.locator(".tabs a[aria-current]").get_attribute("data-screen") == link.partition("?")[0]


def begun(home: Path, port: int) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "sonmat.cli", "studio", "--port", str(port), "--no-browser"]
    told = {"SONMAT_HOME": str(home), "SONMAT_LANG": "en", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | told)
    assert process.stdout is not None
    line = next(line for line in process.stdout if "http://" in line)
    return process, line[line.index("http://") :].split()[0].rstrip("/")


def test_a_page_outlives_its_server(browser: Browser, fetched_mnist: Path, tmp_path: Path):
    kept = tmp_path / "cache" / "data"
    kept.mkdir(parents=True)
    (kept / fetched_mnist.name).symlink_to(fetched_mnist)
    server, address = begun(tmp_path, 0)
    context = browser.new_context(locale="en-GB")
    try:
        page = context.new_page()
        page.set_default_timeout(240_000)
        page.goto(f"{address}/#/train?epochs=400&batch=64&lr=0.2")
        page.click("#train")
        page.wait_for_selector(".live[data-first-point]")
        server.kill()
        server.wait(30)
        page.wait_for_selector("#away")
        server, again = begun(tmp_path, int(address.rpartition(":")[2]))
        assert again == address
        page.wait_for_selector("#away", state="detached")
        page.wait_for_selector(".runhead .badge.training")  # the trainer of the first server is at it still
        run = json.loads(page.evaluate("fetch('/api/runs').then(one => one.text())"))["rows"][0]
        first = run["epochs"]
        page.wait_for_function(
            "n => Number(document.querySelectorAll('.figures dd')[2].textContent.split('/')[0]) > n", arg=first
        )
    finally:
        context.close()
        server.kill()
        server.wait(30)
        subprocess.run(["pkill", "-f", str(tmp_path)], check=False)
