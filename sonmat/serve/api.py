"""The HTTP API: what a model says of images, pixels or sentences."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from sonmat import __version__
from sonmat.data.finished import Cleaned
from sonmat.data.image_file import open_image
from sonmat.errors import SonmatError
from sonmat.language import say
from sonmat.serve import answers
from sonmat.serve.access import Access
from sonmat.serve.batching import Answer, Batcher
from sonmat.serve.bodies import PHOTOS, ROWS, TEXTS, Asked, Bodies
from sonmat.serve.gate import Gate, told
from sonmat.serve.limits import Limits, Refusal, too_slow
from sonmat.serve.metrics import CONTENT_TYPE, Metrics
from sonmat.serve.page import page
from sonmat.serve.predictor import Answered, Predictor

_DECODERS = 2  # images that are decoded at a time: each may take a few hundred MB
_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": answers.Problem} for status in (401, 403, 413, 415, 422, 503, 504)
}


class Service:
    """One model, answering requests.

    Args:
        predictor: The model.
        limits: What is taken on.
        name: What is served, for the documents.
        address: Where, for the documents.
        token: Whether requests need one, for the documents.
    """

    def __init__(self, predictor: Predictor, limits: Limits, name: str, address: str, *, token: bool) -> None:
        self.predictor, self.limits, self.metrics = predictor, limits, Metrics()
        self._name, self._address, self._token = name, address, token
        self.reads_text = predictor.kind == "text"
        self._bodies = Bodies(limits, predictor.shape, reads_text=self.reads_text)
        self._decoding = ThreadPoolExecutor(_DECODERS, thread_name_prefix="sonmat-decoding")
        self._batcher: Batcher | None = None

    @asynccontextmanager
    async def running(self, _: Any = None) -> AsyncIterator[None]:
        """While the server runs: the network's thread, warm from the start. What is under way at the end is finished."""
        ways: dict[str, Answer] = {
            PHOTOS: self.predictor.prepared_photos,
            ROWS: self._rows,
            TEXTS: self.predictor.texts,
        }
        batcher = Batcher(ways, self.limits, self.metrics, filled=frozenset({ROWS, TEXTS}))
        await asyncio.to_thread(self._warm_up)
        async with batcher as self._batcher:
            yield
        self._decoding.shutdown(wait=True)

    def _rows(self, rows: list[np.ndarray]) -> list[Answered]:
        return self.predictor.rows(np.stack(rows))

    def _warm_up(self) -> None:
        """Every size of batch once: what is compiled is compiled before the first request."""
        for size in self.limits.batches:
            if self.reads_text:
                self.predictor.texts([""] * size)
            else:
                self._rows([np.zeros(self.predictor.shape, np.float32)] * size)

    async def predict(self, request: Request) -> Response:
        """Answers images, pixels or sentences: the class of each, its probabilities, and whether the model is unsure."""
        assert self._batcher is not None
        try:
            async with asyncio.timeout(self.limits.seconds):
                self._batcher.coming += 1
                try:
                    asked = await self._bodies.read(request)
                    inputs = await self._opened(asked)
                finally:
                    self._batcher.coming -= 1
                found = await self._batcher.ask(asked.kind, inputs)
        except TimeoutError:
            raise too_slow(self.limits.seconds) from None
        except SonmatError as error:
            raise Refusal(422, error.problem, error.fix) from None
        for one in found:
            self.metrics.predicted(asked.kind, one.unsure)
        return _json({"predictions": self._told(found)})

    async def _opened(self, asked: Asked) -> list[Any]:
        """Image files decoded and made as the model takes them, so that few large pictures are held; all else as it is."""
        if asked.kind != PHOTOS:
            return asked.inputs
        loop = asyncio.get_running_loop()

        def opened(file: bytes) -> Cleaned:
            return self.predictor.prepared(open_image(file, most_pixels=self.limits.pixels))

        return [await loop.run_in_executor(self._decoding, opened, file) for file in asked.inputs]

    def _told(self, found: Sequence[Answered]) -> list[dict[str, Any]]:
        classes = self.predictor.classes
        return [answers.told(classes, one.label, one.probabilities, one.unsure, one.reason) for one in found]

    async def health(self) -> Response:
        """Whether the server answers."""
        shape = list(self.predictor.shape)
        kind, classes = self.predictor.kind, len(self.predictor.classes)
        return _json({"status": "ok", "kind": kind, "classes": classes, "shape": shape})

    async def counted(self) -> Response:
        """Counters for Prometheus."""
        return Response(self.metrics.text(), media_type=CONTENT_TYPE)

    async def docs(self) -> Response:
        """How to ask, by example."""
        shape, classes = self.predictor.shape, self.predictor.classes
        text = page(self._name, self._address, classes, shape, text=self.reads_text, token=self._token)
        return HTMLResponse(text, headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"})


class _Straight:
    """`POST /predict` straight to the service, all else through FastAPI, whose way there took half of a request's time."""

    def __init__(self, app: FastAPI, service: Service) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/predict" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            answer = await self._service.predict(request)
        except Refusal:
            raise  # the gate answers it
        except Exception as error:
            answer = await _broken(request, error)
        await answer(scope, receive, send)


def application(service: Service, access: Access) -> ASGIApp:
    """The ASGI application of a service."""
    app = FastAPI(
        title="sonmat",
        version=__version__,
        description=say("A trained classifier at work.", "학습된 분류 모델."),
        docs_url=None,  # FastAPI's own pages load from another server
        redoc_url=None,
        redirect_slashes=False,
        lifespan=service.running,
    )
    extra = answers.described_bodies(service.reads_text, service.predictor.shape)
    app.add_api_route(
        "/predict",
        service.predict,
        methods=["POST"],
        response_model=answers.Predictions,
        responses=_REFUSALS,
        openapi_extra=extra,
    )
    app.add_api_route("/health", service.health, response_model=answers.Health)
    app.add_api_route(
        "/metrics", service.counted, response_class=Response, responses={200: {"content": {"text/plain": {}}}}
    )
    for path in ("/docs", "/"):
        app.add_api_route(path, service.docs, response_class=HTMLResponse, include_in_schema=False)
    app.add_exception_handler(HTTPException, _no_such)
    app.add_exception_handler(Exception, _broken)
    return Gate(_Straight(app, service), access, service.limits, service.metrics)


def _json(value: Any) -> Response:
    return Response(json.dumps(value, ensure_ascii=False), media_type="application/json")


async def _no_such(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    fix = say(
        "There are POST /predict, GET /health, /metrics, /docs.",
        "POST /predict, GET /health, /metrics, /docs가 있습니다.",
    )
    return JSONResponse(
        told(f"{request.method} {request.url.path[:200]}: {error.detail}", fix),
        error.status_code,
        headers=error.headers,
    )


async def _broken(_: Request, error: Exception) -> Response:
    logging.getLogger("sonmat.serve").error("an answer failed", exc_info=error)
    return JSONResponse(
        told(
            say("The server failed to answer; its log says why.", "서버가 답하지 못했습니다. 이유는 로그에 있습니다."),
            say("Report it with the log.", "로그와 함께 알려 주세요."),
        ),
        500,
    )
