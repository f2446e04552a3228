"""The gate before the studio alone: the token of an address that others reach, and that the server stays light."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from sonmat.language import language, say, speaking
from sonmat.serve.access import Access
from sonmat.serve.limits import Limits, Refusal
from sonmat.studio import gate
from sonmat.studio.gate import StudioGate
from sonmat.studio.replies import on_refusal
from tests.studio.conftest import BYTES, ONE, Studio

TOKEN = "0123456789abcdefghij"


def asked(*requests: tuple[str, dict[str, Any]], host: str = "0.0.0.0") -> list[httpx.Response]:
    app = FastAPI()

    async def spoken(_: Any) -> PlainTextResponse:
        return PlainTextResponse(say("hello", "안녕"))

    app.add_route("/", spoken)
    app.add_middleware(StudioGate, access=Access(host, TOKEN), limits=Limits())

    async def work() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://192.168.0.9:8765") as client:
            return [await client.get(path, **how) for path, how in requests]

    return asyncio.run(work())


def test_an_address_that_others_reach_asks_for_the_token():
    bare, wrong, right, cookie, bearer = asked(
        ("/", {}),
        ("/?token=0123456789abcdefghik", {}),
        (f"/?token={TOKEN}", {}),
        ("/?lang=ko", {}),  # with the cookie that came with the answer before
        ("/", {"headers": {"Authorization": f"Bearer {TOKEN}"}}),
    )
    assert [one.status_code for one in (bare, wrong, right, cookie, bearer)] == [401, 401, 303, 200, 200]
    assert "HttpOnly" in right.headers["set-cookie"]
    assert "SameSite=Strict" in right.headers["set-cookie"]
    assert (cookie.text, bearer.text) == ("안녕", "hello")
    assert "sonmat-studio-8765=" in right.headers["set-cookie"]  # browsers keep cookies by host, whatever the port
    (page,) = asked(("/", {"headers": {"Accept": "text/html,*/*", "Accept-Language": "ko"}}))
    assert (page.status_code, page.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert "토큰" in page.text


def test_a_body_that_stops_coming_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gate, "_PATIENCE", 0.05)
    app = FastAPI()

    async def read(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body())))

    app.add_route("/", read, methods=["POST"])
    app.add_middleware(StudioGate, access=Access("127.0.0.1"), limits=Limits())
    app.add_exception_handler(Refusal, on_refusal)
    asking = {
        "type": "http", "method": "POST", "path": "/", "raw_path": b"/", "query_string": b"", "root_path": "", "scheme": "http",
        "headers": [(b"host", b"127.0.0.1"), (b"x-sonmat", b"studio"), (b"content-type", b"application/json"), (b"content-length", b"9")],
        "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 5), "http_version": "1.1",
    }  # fmt: skip

    async def work(*parts: bytes) -> int:
        left, said = list(parts), []

        async def receive() -> dict[str, Any]:
            if not left:
                await asyncio.sleep(60)
            part = left.pop(0)
            return {"type": "http.request", "body": part, "more_body": sum(map(len, parts)) < 9 or bool(left)}

        async def send(message: Any) -> None:
            said.append(message)

        await app(asking, receive, send)
        return int(said[0]["status"])

    assert asyncio.run(work(b"{", b"    }")) == 408
    assert asyncio.run(work(b"{}  ", b"     ")) == 200


def test_a_language_is_spoken_for_a_while():
    with speaking("ko-KR"):
        assert (language(), say("a", "b")) == ("ko", "b")
        with speaking("en"):
            assert say("a", "b") == "a"
        assert say("a", "b") == "b"
        with speaking(None):
            assert say("a", "b") == "b"
    assert language() == "en"


def test_languages_of_two_tasks_do_not_meet():
    async def one(spoken: str) -> list[str]:
        said = []
        with speaking(spoken):
            for _ in range(5):
                await asyncio.sleep(0)
                said.append(await asyncio.to_thread(say, "a", "b"))
        return said

    async def both() -> list[list[str]]:
        return await asyncio.gather(one("en"), one("ko"))

    assert asyncio.run(both()) == [["a"] * 5, ["b"] * 5]


def test_the_server_imports_nothing_heavy():
    heavy = ("jax", "keras", "pandas", "optuna", "matplotlib", "scipy", "plotly", "PIL", "h5py")
    code = (
        "import sys, sonmat.studio.serving, sonmat.studio.app\n"
        "from sonmat.studio.studio import Studio\nfrom sonmat.studio.choices import recipes\nrecipes()\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_a_running_server_has_loaded_nothing_heavy(studio: Studio, done: str, convolved: str):
    for run in (done, convolved):
        studio.get(f"/api/runs/{run}")
        studio.client.post(
            "/api/draw", params={"runs": run, "layers": 1}, content=ONE, headers=BYTES
        ).raise_for_status()
    loaded = Path(f"/proc/{studio.process.pid}/maps").read_text()  # of their compiled parts
    assert "/numpy/" in loaded
    assert not [name for name in ("/jaxlib/", "/pandas/", "/matplotlib/", "/h5py/") if name in loaded]
