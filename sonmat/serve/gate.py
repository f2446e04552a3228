"""What every request passes: who may ask, how many at a time, and how an error is told."""

from __future__ import annotations

import json
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sonmat.serve.access import Access
from sonmat.serve.limits import Limits, Refusal, busy
from sonmat.serve.metrics import Metrics

PATHS = ("/predict", "/health", "/metrics", "/docs", "/openapi.json", "/")


class Gate:
    """Lets requests in, counts them, and answers what is refused.

    Args:
        app: What is behind it.
        access: Who may ask.
        limits: How many at a time.
        metrics: Told of each request.
    """

    def __init__(self, app: ASGIApp, access: Access, limits: Limits, metrics: Metrics) -> None:
        self._app, self._access, self._limits, self._metrics = app, access, limits, metrics
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass on what is none."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._running += 1
        self._metrics.running.set(self._running)
        try:
            self._admit(scope)
            await self._app(scope, receive, counted)
        except Refusal as refusal:
            await refused(refusal, counted)
        finally:
            self._running -= 1
            self._metrics.running.set(self._running)
            path = scope["path"] if scope["path"] in PATHS else "other"
            self._metrics.answered(path, status, time.perf_counter() - began)

    def _admit(self, scope: Scope) -> None:
        headers: dict[str, str] = {}
        for given, said in scope["headers"]:
            name, value = given.decode("latin-1").lower(), said.decode("latin-1")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value  # two Origins are none
        self._access.check(scope["path"], headers)
        if self._running > self._limits.requests and scope["path"] == "/predict":
            raise busy()


async def refused(refusal: Refusal, send: Send) -> None:
    """Answer with an error: what was expected, what came, and what to do."""
    body = json.dumps(told(refusal.problem, refusal.fix), ensure_ascii=False).encode()
    headers: list[tuple[bytes, bytes]] = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *((name.lower().encode(), value.encode()) for name, value in refusal.headers.items()),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def told(problem: str, fix: str) -> dict[str, Any]:
    """An error, ready for JSON."""
    return {"error": problem, "fix": fix}
