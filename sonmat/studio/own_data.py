"""Data of one's own over HTTP: paths that go on from what is typed, and what is in a set."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sonmat.data.known import KNOWN
from sonmat.language import say
from sonmat.studio import own_sets
from sonmat.studio.replies import json_of, missing, reply, unfit
from sonmat.studio.studio import Studio

_LONGEST = 4_096  # letters of a path
_READING = 3_600.0  # seconds that reading may take: what was read is kept, and quick the second time
_ASKED = {"clean": bool, "skip_unreadable": bool, "text": str, "label": str}
"""What the page may say of how they are read; the rest is found out."""


class OwnData:
    """Answers about data of one's own.

    Args:
        studio: Reads them, and is told of new ones.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    async def listed(self, request: Request) -> Response:
        """`GET /api/data`: the sets that were looked at."""
        return reply({"sets": await asyncio.to_thread(own_sets.list_own)})

    async def paths(self, request: Request) -> Response:
        """`GET /api/data/paths?start=TEXT`: folders and files whose paths begin so."""
        start = request.query_params.get("start", "")
        if len(start) > _LONGEST or "\x00" in start:
            raise unfit(_too_long())
        return reply({"paths": await asyncio.to_thread(own_sets.completions, start)})

    async def read(self, request: Request) -> Response:
        """`POST /api/data`: read a set, `{"data": PATH, "read": {"clean": true}}`, and say what is in it."""
        told = await json_of(request)
        data, read = _data_of(told), {} if told.get("read") is None else told["read"]
        if not isinstance(read, dict) or any(not isinstance(one, _ASKED.get(key, ())) for key, one in read.items()):
            known = ", ".join(_ASKED)
            raise unfit(say(f"read may say: {known}.", f"read에 쓸 수 있는 것: {known}."))
        name = data.lower().replace("_", "-")
        if name in KNOWN:
            return reply({"data": name})
        read = {key: one for key, one in read.items() if one not in (False, "")}
        found = await self._studio.looker.ask("read_own", patience=_READING, data=data, read=read)
        await asyncio.to_thread(own_sets.keep_own, found)
        self._studio.hub.tell("own", data=found["data"])
        return reply(found)

    async def stop(self, request: Request) -> Response:
        """`POST /api/data/stop`: end the reading that goes on."""
        await self._studio.looker.ask("stop_reading")
        return reply({})

    async def forget(self, request: Request) -> Response:
        """`DELETE /api/data`: take a set off the list, `{"data": PATH}`; its files stay."""
        data = _data_of(await json_of(request))
        if not await asyncio.to_thread(own_sets.forget_own, data):
            raise missing(data)
        self._studio.hub.tell("own", data=data)
        return reply({"data": data})


def _data_of(told: dict[str, Any]) -> str:
    data = told.get("data")
    if not isinstance(data, str) or not data.strip():
        raise unfit(
            say("data should be a path.", "data에 경로를 적으세요."),
            say(
                "Give a folder with a folder for each class, a CSV file or an .npz file.",
                "클래스마다 폴더가 든 폴더, CSV 파일, .npz 파일 중 하나를 주세요.",
            ),
        )
    if len(data) > _LONGEST or "\x00" in data:
        raise unfit(_too_long())
    return data.strip()


def _too_long() -> str:
    return say(f"A path has at most {_LONGEST:,} letters.", f"경로는 {_LONGEST:,}자까지입니다.")
