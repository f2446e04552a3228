"""Data of one's own over HTTP: paths that go on from what is typed, and what is in a set."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from sonmat.data.known import KNOWN
from sonmat.files import expanded
from sonmat.language import say
from sonmat.studio import own_sets
from sonmat.studio.replies import json_of, missing, reply, unfit
from sonmat.studio.studio import Studio

_LONGEST = 4_096  # letters of a path
_NAME = 64  # letters of what a reading is called
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
        data = plain_path(data)
        name = data.lower().replace("_", "-")
        if name in KNOWN:
            return reply({"data": name})
        read = {key: one for key, one in read.items() if one not in (False, "")}
        place = await asyncio.to_thread(_place_of, data)
        given = {"data": place, "read": read, "reading": str(told.get("reading") or "")[:_NAME]}
        found = await self._studio.looker.ask("read_own", patience=_READING, **given)
        await asyncio.to_thread(own_sets.keep_own, found)
        self._studio.hub.tell("own", data=found["data"])
        return reply(found)

    async def stop(self, request: Request) -> Response:
        """`POST /api/data/stop`: end a reading, `{"reading": NAME}` as it was called when it was asked for."""
        reading = (await json_of(request)).get("reading")
        if not isinstance(reading, str) or not 0 < len(reading) <= _NAME:
            raise unfit(say(f"reading should be a name of 1 to {_NAME} letters.", f"reading은 1~{_NAME}자여야 합니다."))
        await self._studio.looker.ask("stop_reading", reading=reading)
        return reply({})

    async def forget(self, request: Request) -> Response:
        """`DELETE /api/data`: take a set off the list, `{"data": PATH}`; its files stay."""
        data = _data_of(await json_of(request))
        if not await asyncio.to_thread(own_sets.forget_own, data):
            raise missing(data)
        self._studio.hub.tell("own", data=data)
        return reply({"data": data})


def plain_path(text: str) -> str:
    """A path as file managers and browsers give it to the clipboard, without its quotes and its `file://`."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    return unquote(urlsplit(text).path) if text.lower().startswith("file://") else text


def _place_of(data: str) -> str:
    """The whole path, of something that is there."""
    try:
        place = expanded(data).absolute()
        place.stat()
    except (OSError, ValueError):
        raise unfit(
            say(f"There is no file or folder {data}.", f"{data} 파일이나 폴더가 없습니다."),
            say(
                f"Check the path; where it is no whole one, it starts from {Path.cwd()}.",
                f"경로를 확인하세요. 온전한 경로가 아니면 {Path.cwd()}에서 시작합니다.",
            ),
        ) from None
    return str(place)


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
