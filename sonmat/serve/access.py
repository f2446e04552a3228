"""Who may ask: a bearer token where the server listens beyond this machine, and only this machine's names where it does not."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from sonmat.errors import ServerError
from sonmat.language import say
from sonmat.serve.limits import Refusal

LEAST_TOKEN = 16  # letters

_NAMES = ("localhost", "127.0.0.1", "::1")
_OPEN = ("/health",)  # what watches over servers carries no token


@cache  # asked for every request
def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own and reached from nowhere else."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def new_token() -> str:
    """A token that cannot be guessed: 256 bits."""
    return secrets.token_urlsafe(32)


@dataclass(frozen=True)
class Access:
    """The rules by which a request is let in.

    Attributes:
        host: Where the server listens.
        token: What a request must carry, `Authorization: Bearer …`; None asks for none.
    """

    host: str
    token: str | None = None

    def __post_init__(self) -> None:
        if self.token is not None and (len(self.token) < LEAST_TOKEN or not self.token.isascii()):
            raise ServerError(
                say(
                    f"A token should be {LEAST_TOKEN} ASCII letters or more, but has {len(self.token)}.",
                    f"토큰은 ASCII 문자 {LEAST_TOKEN}자 이상이어야 하는데 {len(self.token)}자입니다.",
                ),
                say("Leave it out: one is made and printed.", "빼면 새로 만들어 보여 줍니다."),
            )
        if self.token is None and not is_loopback(self.host):
            raise ServerError(
                say(
                    f"{self.host} can be reached from other machines, and no token was set.",
                    f"{self.host}은(는) 다른 컴퓨터에서도 접속할 수 있는데 토큰이 없습니다.",
                ),
                say("Set one, or listen on 127.0.0.1.", "토큰을 정하거나 127.0.0.1에서 받으세요."),
            )

    def check(self, path: str, headers: Mapping[str, str]) -> None:
        """Let a request in, or not.

        On loopback a page in the user's browser could reach the server through a name that it makes point there (DNS
        rebinding), or by sending a form; so the Host must be one of this machine's, and an Origin the same server.

        Args:
            path: Of the URL.
            headers: Names in lower case.

        Raises:
            Refusal: 401 without the token, 403 for another Host or Origin.
        """
        if is_loopback(self.host):
            self._check_names(headers)
        if self.token is not None and path not in _OPEN:
            self._check_token(headers.get("authorization", ""))

    def _check_names(self, headers: Mapping[str, str]) -> None:
        host = headers.get("host", "")
        origin = headers.get("origin")
        if _name(host) not in (*_NAMES, self.host.lower()) or (origin is not None and urlsplit(origin).netloc != host):
            raise Refusal(
                403,
                say("This server answers only this machine.", "이 서버는 이 컴퓨터의 요청에만 답합니다."),
                say(
                    "Ask http://127.0.0.1 or http://localhost, from no other page.",
                    "http://127.0.0.1이나 http://localhost로 요청하세요.",
                ),
            )

    def _check_token(self, given: str) -> None:
        kind, _, token = given.partition(" ")
        assert self.token is not None
        same = hmac.compare_digest(token.strip().encode("utf-8", "replace"), self.token.encode())
        if kind.lower() != "bearer" or not same:
            raise Refusal(
                401,
                say("The request needs the server's token.", "요청에 서버의 토큰이 필요합니다."),
                say("Send the header: Authorization: Bearer TOKEN", "헤더를 보내세요: Authorization: Bearer TOKEN"),
                {"WWW-Authenticate": "Bearer"},
            )


def _name(host: str) -> str:
    """A Host header without its port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""
