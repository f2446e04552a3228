"""Listening: the address, and the server that runs until it is asked to stop."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from typing import Any

from sonmat.errors import ServerError
from sonmat.language import say
from sonmat.serve.limits import Limits

_BACKLOG = 512


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        ServerError: The address is none of this machine's, in use, or not for this user.
    """
    try:
        address = host.strip("[]")
        found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, _, _, place = found[0]
        # TCP by its number: asyncio sends small answers at once (TCP_NODELAY) on sockets that say what they are alone; with
        # what socket.create_server makes, each answer waited 40 ms for the client's delayed acknowledgement
        listening = socket.socket(family, kind, socket.IPPROTO_TCP)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(os.name == "posix"))
            listening.bind(place)
            listening.listen(_BACKLOG)
        except BaseException:
            listening.close()
            raise
        return listening
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ServerError(
            say(f"Cannot listen on {host}:{port}: {reason}.", f"{host}:{port}에서 받을 수 없습니다: {reason}."),
            say("Choose another --port; 0 takes a free one.", "다른 --port를 고르세요. 0이면 빈 포트를 씁니다."),
        ) from error


def address_of(listening: socket.socket) -> str:
    """A socket's address as a URL."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(app: Any, listening: socket.socket, limits: Limits, *, ready: Callable[[], None]) -> None:
    """Answer until SIGTERM or Ctrl-C; what is under way then is finished.

    Args:
        app: The ASGI application.
        listening: Where.
        limits: What is under way at the end has so long.
        ready: Called when the first request can be answered.
    """
    import uvicorn

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=int(limits.seconds) + 5,
        backlog=_BACKLOG,
        h11_max_incomplete_event_size=64 << 10,
    )
    server = _Server(config, ready)
    # uvicorn raises the signal again when it is done: to end well is all that was asked for
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        server.run(sockets=[listening])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if not server.started:
        raise ServerError(
            say("The server did not start.", "서버가 시작하지 못했습니다."),
            say("Its log says why.", "이유는 로그에 있습니다."),
        )


def _Server(config: Any, ready: Callable[[], None]) -> Any:
    import uvicorn

    class Told(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                ready()

    return Told(config)


def token_given() -> str | None:
    """The token in the environment: a command line can be read by everyone on a machine."""
    return os.environ.get("SONMAT_TOKEN") or None
