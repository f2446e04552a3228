"""Listening: the address, and the server that runs until it is asked to stop."""

from __future__ import annotations

import asyncio
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


def serve(
    app: Any,
    listening: socket.socket,
    limits: Limits,
    *,
    ready: Callable[[], None],
    leaving: Callable[[], None] = lambda: None,
) -> None:
    """Answer until SIGTERM or Ctrl-C; what is under way then is finished.

    Args:
        app: The ASGI application.
        listening: Where.
        limits: What is under way at the end has so long.
        ready: Called when the first request can be answered.
        leaving: Called when it is asked to stop, before it waits for what is under way.
    """
    server = _Server(configured(app, limits), ready, leaving)
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


def configured(app: Any, limits: Limits) -> Any:
    """How an ASGI application is served, as uvicorn's `Config`."""
    import uvicorn

    return uvicorn.Config(
        app,
        http=_patient(limits.seconds),
        # By name, as what else is installed would decide otherwise: another parser has other limits
        loop="asyncio",
        ws="none",
        proxy_headers=False,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=int(limits.seconds) + 5,
        backlog=_BACKLOG,
        h11_max_incomplete_event_size=64 << 10,
    )


def _patient(seconds: float) -> Any:
    """HTTP/1.1 that hangs up on a client whose request's head does not come within some seconds, as uvicorn's own does not.

    Without it a thousand clients that send a byte now and then take every connection that the system has for a process.
    """
    import h11
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Patient(H11Protocol):
        _timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._wait()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            # What comes after an answer is the rest of a body that nobody wanted, or the next head
            if self.cycle is None or self.cycle.response_complete:
                self._wait()
            else:
                self._come()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            begun = self.conn.their_state is not h11.IDLE or self.conn.trailing_data[0]
            if begun and self.cycle.response_complete:
                self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            self._come()
            super().connection_lost(exc)

        def _wait(self) -> None:
            if self._timer is None:
                self._timer = self.loop.call_later(seconds, self.transport.abort)

        def _come(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    return Patient


def _Server(config: Any, ready: Callable[[], None], leaving: Callable[[], None]) -> Any:
    import uvicorn

    class Told(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                ready()

        def handle_exit(self, sig: int, frame: Any) -> None:
            leaving()
            super().handle_exit(sig, frame)

    return Told(config)


def token_given() -> str | None:
    """The token in the environment: a command line can be read by everyone on a machine."""
    return os.environ.get("SONMAT_TOKEN") or None
