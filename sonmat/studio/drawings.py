"""The learner's own drawings over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sonmat.studio import drawn_sets
from sonmat.studio.replies import body_of, missing, reply
from sonmat.studio.studio import Studio


class Drawings:
    """Answers about drawings.

    Args:
        studio: Told of new ones.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    async def listed(self, request: Request) -> Response:
        """`GET /api/drawings`, and with `set=` the drawings of one set."""
        name = request.query_params.get("set")
        told: dict[str, Any] = {"sets": await asyncio.to_thread(drawn_sets.list_sets)}
        if name:
            told["drawings"] = await asyncio.to_thread(drawn_sets.drawings_of, name)
        return reply(told)

    async def keep(self, request: Request) -> Response:
        """`POST /api/drawings/SET/LABEL`: the body is an image."""
        name, label = (str(request.path_params[key]) for key in ("set", "label"))
        content = await body_of(request)
        identity = await asyncio.to_thread(drawn_sets.keep_drawing, name, label, content)
        self._changed(name)
        return reply({"id": identity, "sets": await asyncio.to_thread(drawn_sets.list_sets)}, 201)

    async def show(self, request: Request) -> Response:
        """`GET /api/drawings/SET/LABEL/ID.png`."""
        file = await self._file(request, str(request.path_params["file"]).removesuffix(".png"))
        content = await asyncio.to_thread(file.read_bytes)
        return Response(content, media_type="image/png", headers={"Cache-Control": "private, max-age=86400"})

    async def forget(self, request: Request) -> Response:
        """`DELETE /api/drawings/SET/LABEL/ID`."""
        file = await self._file(request, str(request.path_params["file"]))
        await asyncio.to_thread(drawn_sets.forget_drawing, file)
        self._changed(str(request.path_params["set"]))
        return reply({"sets": await asyncio.to_thread(drawn_sets.list_sets)})

    async def _file(self, request: Request, identity: str) -> Any:
        name, label = (str(request.path_params[key]) for key in ("set", "label"))
        file = await asyncio.to_thread(drawn_sets.drawing_file, name, label, identity)
        if file is None:
            raise missing(identity)
        return file

    def _changed(self, name: str) -> None:
        self._studio.hub.tell("drawings", set=name)
