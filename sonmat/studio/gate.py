"""What every request to the studio passes: who may ask, in which language it is answered, and how large it may be."""

from __future__ import annotations

import asyncio
import hmac
import html
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sonmat.language import say, speaking
from sonmat.serve.access import Access, is_loopback
from sonmat.serve.gate import refused
from sonmat.serve.limits import Limits, Refusal, too_large

_ASKING = ("GET", "HEAD")
_BODIES = ("application/json", "application/octet-stream")
_HEADER, _VALUE = "x-sonmat", "studio"
_COOKIE = "sonmat-studio"
_PATIENCE = 30.0  # seconds between two parts of a body

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ALWAYS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class StudioGate:
    """Lets requests in.

    A page of another site can send a request here, though it may not read the answer: so whatever changes something must
    carry a header that such a page cannot set without being asked about it first, and that is never granted.

    Args:
        app: What is behind it.
        access: Who may ask.
        limits: Of a body.
    """

    def __init__(self, app: ASGIApp, access: Access, limits: Limits) -> None:
        self._app, self._limits = app, limits
        self._token = access.token
        self._names = Access(access.host) if is_loopback(access.host) else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass on what is none."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        query = parse_qs(scope["query_string"].decode("latin-1"))
        chosen = (query.get("lang") or [_accepted(headers.get("accept-language", ""))])[0]

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(one for one in _ALWAYS if one[0] not in told)]
            await send(message)

        with speaking(chosen or None):
            try:
                await self._check(scope, headers, query, guarded)
                await self._app(scope, self._counted(receive), guarded)
            except _Answered:
                return
            except Refusal as refusal:
                if scope["path"] == "/" and "text/html" in headers.get("accept", ""):
                    await _shown(refusal, guarded)
                else:
                    await refused(refusal, guarded)

    async def _check(self, scope: Scope, headers: dict[str, str], query: dict[str, list[str]], send: Send) -> None:
        if self._names is not None:
            self._names.check(scope["path"], headers)
        if self._token is not None:
            await self._check_token(scope, headers, query, send)
        if scope["method"] in _ASKING:
            return
        if headers.get(_HEADER) != _VALUE or headers.get("sec-fetch-site", "same-origin") not in (
            "same-origin",
            "none",
        ):
            raise Refusal(
                403,
                say(
                    "This changes something, and does not come from the studio's page.",
                    "바꾸는 요청인데 스튜디오 화면에서 오지 않았습니다.",
                ),
                say("Send the header X-Sonmat: studio.", "헤더 X-Sonmat: studio를 보내세요."),
            )
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > self._limits.body:
            raise too_large("The request", "요청", f"{length[:20]} bytes", f"{self._limits.body:,}")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if (length != "0" or "transfer-encoding" in headers) and kind not in _BODIES:
            raise Refusal(
                415,
                say(
                    f"A body of {', '.join(_BODIES)} was expected.", f"본문은 {', '.join(_BODIES)} 중 하나여야 합니다."
                ),
                say("Send its Content-Type.", "Content-Type을 보내세요."),
            )

    async def _check_token(
        self, scope: Scope, headers: dict[str, str], query: dict[str, list[str]], send: Send
    ) -> None:
        """Whoever knows the token comes in by the address that was printed, and is known by a cookie from then on."""
        assert self._token is not None
        given = (query.get("token") or [""])[0]
        if scope["path"] == "/" and given and _same(given, self._token):
            cookie = f"{_cookie_name(scope)}={self._token}; Path=/; HttpOnly; SameSite=Strict"
            await send(
                {
                    "type": "http.response.start",
                    "status": 303,
                    "headers": [(b"location", b"/"), (b"set-cookie", cookie.encode()), (b"content-length", b"0")],
                }
            )
            await send({"type": "http.response.body", "body": b""})
            raise _Answered
        bearer = headers.get("authorization", "").partition(" ")[2].strip()
        kept = _cookie(headers.get("cookie", ""), _cookie_name(scope))
        if not any(_same(one, self._token) for one in (kept, bearer)):
            raise Refusal(
                401,
                say("This studio needs its token.", "이 스튜디오에는 토큰이 필요합니다."),
                say("Open the address that it printed when it started.", "시작할 때 보여 준 주소로 여세요."),
            )

    def _counted(self, receive: Receive) -> Receive:
        """A body whose length nobody told is cut off where it is too large, and any that does not come within a while."""
        came, whole = 0, False

        async def counted() -> Message:
            nonlocal came, whole
            try:
                async with asyncio.timeout(None if whole else _PATIENCE):
                    message = await receive()
            except TimeoutError:
                raise Refusal(
                    408, say("The request did not come to its end.", "요청이 끝까지 오지 않았습니다."), ""
                ) from None
            whole = not message.get("more_body", False)
            came += len(message.get("body", b""))
            if came > self._limits.body:
                raise too_large("The request", "요청", f"{came:,} bytes", f"{self._limits.body:,}")
            return message

        return counted


class _Answered(Exception):
    """The request has its answer."""


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())


def _cookie_name(scope: Scope) -> str:
    """A browser keeps cookies by host alone: two studios of one machine are told apart by their ports."""
    return f"{_COOKIE}-{(scope.get('server') or ('', 0))[1]}"


async def _shown(refusal: Refusal, send: Send) -> None:
    """A refusal as a page, for who opens the address in a browser."""
    title, words = html.escape(refusal.problem), html.escape(refusal.fix)
    page = f'<!doctype html><meta charset="utf-8"><title>sonmat studio</title><h1>{title}</h1><p>{words}</p>'.encode()
    kind, length = (b"content-type", b"text/html; charset=utf-8"), (b"content-length", str(len(page)).encode())
    await send({"type": "http.response.start", "status": refusal.status, "headers": [kind, length]})
    await send({"type": "http.response.body", "body": page})


def _cookie(header: str, name: str) -> str:
    try:
        found = SimpleCookie(header).get(name)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def _accepted(header: str) -> str:
    """The first of a browser's languages that is one of ours."""
    for one in header.split(","):
        name = one.partition(";")[0].strip().lower()
        if name.startswith(("en", "ko")):
            return name
    return ""
