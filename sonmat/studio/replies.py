"""Answers as JSON, errors in the reader's language, and what a request gives, checked."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from sonmat.errors import RunError, SonmatError
from sonmat.language import say
from sonmat.serve.gate import told
from sonmat.serve.limits import Refusal
from sonmat.studio.place import is_name
from sonmat.studio.wire import encoded


def reply(value: Any, status: int = 200) -> Response:
    """A value as JSON."""
    return Response(
        encoded(value), status, media_type="application/json; charset=utf-8", headers={"Cache-Control": "no-store"}
    )


async def json_of(request: Request) -> dict[str, Any]:
    """The object that a request's body is.

    Raises:
        Refusal: 422 where it is none.
    """
    body = await body_of(request)
    try:
        value = json.loads(body.decode()) if body else {}
    except (ValueError, RecursionError) as error:
        raise unfit(say(f"The body is no JSON: {error}.", f"본문이 JSON이 아닙니다: {error}.")) from None
    if b"\\u" in body and not is_text(value):
        raise unfit(
            say(
                "The body has half a letter in it: \\ud800 to \\udfff go in pairs.",
                "본문에 반쪽 글자가 있습니다: \\ud800~\\udfff는 짝이 있어야 합니다.",
            )
        )
    if not isinstance(value, dict):
        raise unfit(say("The body should be a JSON object.", "본문은 JSON 객체여야 합니다."))
    return value


def is_text(value: Any) -> bool:
    """Whether every text in a JSON value can be written down."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


async def body_of(request: Request) -> bytes:
    """A request's body as it came; its size was looked at by the gate."""
    try:
        return await request.body()
    except ClientDisconnect:
        raise Refusal(400, say("The client went away.", "클라이언트가 떠났습니다."), "") from None


def inside(folder: Path, name: str) -> Path:
    """A folder's own entry of that name; no path leads out of it.

    Raises:
        Refusal: 404 where it has none.
    """
    there = is_name(name) and (folder / name).parent == folder
    try:
        there = there and any(entry.name == name for entry in folder.iterdir())
    except OSError:
        there = False
    if not there:
        raise missing(name)
    return folder / name


def missing(name: str) -> Refusal:
    """404: there is nothing of that name."""
    return Refusal(
        404,
        say(f"There is no {name[:80]!r} here.", f"{name[:80]!r}은(는) 없습니다."),
        say("It may have been deleted: load the page again.", "지워졌을 수 있습니다. 화면을 새로 고치세요."),
    )


def unfit(problem: str, fix: str = "") -> Refusal:
    """422: the request does not say what it should."""
    return Refusal(422, problem, fix)


def number_in(query: Any, name: str, default: int | None, low: int = 0, high: int = 2**53) -> int | None:
    """A whole number of a URL's query.

    Raises:
        Refusal: 422 where it is none, or out of its range.
    """
    text = query.get(name)
    if text is None or text == "":
        return default
    if not re.fullmatch(r"-?\d{1,16}", text) or not low <= int(text) <= high:
        raise unfit(
            say(
                f"{name} should be a whole number of {low} to {high}; came {text[:40]!r}.",
                f"{name}은(는) {low}부터 {high}까지의 정수여야 하는데 {text[:40]!r}이(가) 왔습니다.",
            )
        )
    return int(text)


async def on_refusal(_: Request, error: Exception) -> Response:
    """What is refused."""
    assert isinstance(error, Refusal)
    return JSONResponse(told(error.problem, error.fix), error.status, headers=error.headers)


async def on_error(_: Request, error: Exception) -> Response:
    """What sonmat refuses: 422, and 404 or 409 of runs."""
    assert isinstance(error, SonmatError)
    return JSONResponse(told(error.problem, error.fix), 409 if isinstance(error, RunError) else 422)


async def on_http(request: Request, error: Exception) -> Response:
    """A path or a method that there is not."""
    assert isinstance(error, HTTPException)
    problem = f"{request.method} {request.url.path[:200]}: {error.detail}"
    return JSONResponse(told(problem, say("See the studio's page.", "스튜디오 화면에서 하세요.")), error.status_code)


async def on_bug(_: Request, error: Exception) -> Response:
    """A mistake of ours."""
    logging.getLogger("sonmat.studio").error("an answer failed", exc_info=error)
    return JSONResponse(
        told(
            say(
                "The studio failed to answer; its log says why.",
                "스튜디오가 답하지 못했습니다. 이유는 로그에 있습니다.",
            ),
            say("Report it with the log.", "로그와 함께 알려 주세요."),
        ),
        500,
    )
