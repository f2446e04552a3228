"""The studio as an ASGI application: every address, and what answers there."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from sonmat import __version__, places
from sonmat.errors import SonmatError
from sonmat.language import language
from sonmat.serve.access import Access
from sonmat.serve.limits import Limits, Refusal
from sonmat.studio import assets, choices, replies
from sonmat.studio.drawing import Drawing
from sonmat.studio.drawings import Drawings
from sonmat.studio.drawn_sets import list_sets
from sonmat.studio.gate import StudioGate
from sonmat.studio.own_data import OwnData
from sonmat.studio.own_sets import list_own
from sonmat.studio.replies import reply, unfit
from sonmat.studio.runs import Runs
from sonmat.studio.studies import Studies
from sonmat.studio.studio import Studio
from sonmat.studio.testing import Testing


def application(studio: Studio, access: Access, limits: Limits) -> FastAPI:
    """The application of a studio."""
    app = FastAPI(
        title="sonmat studio",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=studio.running,
    )
    for path, method, answer in _routes(studio):
        app.add_route(path, answer, methods=[method], include_in_schema=False)
    app.add_exception_handler(HTTPException, replies.on_http)
    app.add_exception_handler(Refusal, replies.on_refusal)
    app.add_exception_handler(SonmatError, replies.on_error)
    app.add_exception_handler(Exception, replies.on_bug)
    app.add_middleware(StudioGate, access=access, limits=limits)
    return app


def _routes(studio: Studio) -> list[tuple[str, str, Any]]:
    runs, drawing, front = Runs(studio), Drawing(studio), Front(studio)
    drawings, studies, tests, own = Drawings(studio), Studies(studio), Testing(studio), OwnData(studio)
    return [
        ("/", "GET", assets.page),
        ("/static/{path:path}", "GET", assets.static),
        ("/api/start", "GET", front.start),
        ("/api/events", "GET", front.events),
        ("/api/check", "POST", runs.check),
        ("/api/runs", "GET", runs.listed),
        ("/api/runs", "POST", runs.begin),
        ("/api/runs/{name}", "GET", runs.one),
        ("/api/runs/{name}", "PATCH", runs.name),
        ("/api/runs/{name}", "DELETE", runs.delete),
        ("/api/runs/{name}/stop", "POST", runs.stop),
        ("/api/runs/{name}/resume", "POST", runs.resume),
        ("/api/draw", "POST", drawing.draw),
        ("/api/draw/numbers", "POST", drawing.numbers),
        ("/api/draw/texts", "POST", drawing.texts),
        ("/api/drawings", "GET", drawings.listed),
        ("/api/drawings/{set}/{label}", "POST", drawings.keep),
        ("/api/drawings/{set}/{label}/{file}", "GET", drawings.show),
        ("/api/drawings/{set}/{label}/{file}", "DELETE", drawings.forget),
        ("/api/data", "GET", own.listed),
        ("/api/data", "POST", own.read),
        ("/api/data", "DELETE", own.forget),
        ("/api/data/paths", "GET", own.paths),
        ("/api/data/stop", "POST", own.stop),
        ("/api/studies/cost", "POST", studies.cost),
        ("/api/studies", "POST", studies.begin),
        ("/api/studies", "GET", studies.listed),
        ("/api/studies/{name}", "GET", studies.one),
        ("/api/studies/{name}/page", "GET", studies.page),
        ("/api/studies/{name}/stop", "POST", studies.stop),
        ("/api/studies/{name}/resume", "POST", studies.resume),
        ("/api/studies/{name}/trials/{number}/open", "POST", studies.open),
        ("/api/test/{run}", "GET", tests.measured),
        ("/api/test/{run}/look", "POST", tests.look),
        ("/api/test/{run}/cell", "GET", tests.cell),
        ("/api/test/{run}/corruptions", "POST", tests.spoil),
        ("/api/test/{run}/corruptions", "GET", tests.spoilt),
        ("/api/image/{run}/{part}/{file}", "GET", tests.image),
        ("/api/look", "GET", front.look),
        ("/api/look", "POST", front.look),
    ]


class Front:
    """What the page asks first, and what goes on from then."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    async def start(self, request: Request) -> Response:
        """`GET /api/start`: all that there is to choose from."""
        studio = self._studio
        return reply(
            {
                "boot": studio.hub.boot,
                "version": __version__,
                "seq": studio.hub.seq,
                "lang": language(),
                "shown": list(studio.shown),
                "datasets": choices.datasets(),
                "recipes": choices.recipes(),
                "layer_kinds": choices.layer_kinds(),
                "optimizers": choices.optimizers(),
                "activations": list(choices.ACTIVATIONS),
                "drawings": await asyncio.to_thread(list_sets),
                "own": await asyncio.to_thread(list_own),
                "workers": {"trainer": studio.desk.trainer.state, "looker": studio.looker.child.state},
            }
        )

    async def events(self, request: Request) -> Response:
        """`GET /api/events?after=SEQ`: server-sent events."""
        given = request.headers.get("last-event-id") or request.query_params.get("after") or ""
        number, _, boot = given.partition("-")
        boot = boot or request.query_params.get("boot", "")
        if number and not number[:20].isdecimal():
            raise unfit(f"after={number[:40]!r}")
        after = int(number[:18]) if number else None
        return StreamingResponse(
            self._studio.hub.stream(after, boot or None),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def look(self, request: Request) -> Response:
        """`GET /api/look`, or POST with an image as the body: a picture through every layer of a run."""
        query = request.query_params
        given: dict[str, Any] = {"run": replies.inside(places.runs_folder(), query.get("run", "")).name}
        given["pick"] = replies.number_in(query, "pick", None)
        given["epoch"] = replies.number_in(query, "epoch", None, low=1)
        given["part"] = query.get("part") or "validation"
        given["layer"] = query.get("layer") or None
        if request.method == "POST":
            given["image"] = base64.b64encode(await replies.body_of(request)).decode()
        return reply(await self._studio.looker.ask("look", **given))
