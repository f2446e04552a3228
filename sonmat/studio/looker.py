"""The server's side of the child that looks at what was trained: questions with numbers, answered in any order."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

from sonmat.errors import SonmatError
from sonmat.language import language, say
from sonmat.serve.limits import Refusal
from sonmat.studio.child import Child
from sonmat.studio.hub import Hub

_PATIENCE = 300.0  # seconds that an answer may take; corruptions come as events


class Asked(SonmatError):
    """The looker's own refusal, as it words it."""


class Looker:
    """Asks the looker. It belongs to the event loop's thread.

    Args:
        hub: Told of its state.
        told: Called with what it says without having been asked.
    """

    def __init__(self, hub: Hub, told: Callable[[str, dict[str, Any]], None]) -> None:
        self._hub, self._told = hub, told
        self.child = Child("looker", self._heard, self._changed)
        self._numbers = itertools.count(1)
        self._open: dict[int, asyncio.Future[Any]] = {}
        self._ready = asyncio.Event()

    async def ask(self, what: str, *, patience: float = _PATIENCE, **given: Any) -> Any:
        """An answer, in the language of whoever asks.

        Args:
            what: One of the ways in `sonmat.studio.answers`.
            patience: Seconds that it may take.
            given: What it is asked with.

        Raises:
            Asked: The looker refuses.
            Refusal: 503 where it died or took too long.
        """
        try:
            async with asyncio.timeout(patience):
                await self._ready.wait()
                number = next(self._numbers)
                future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
                self._open[number] = future
                try:
                    if not self.child.say(what, id=number, lang=language(), given=given):
                        raise _away()
                    return await future
                finally:
                    self._open.pop(number, None)
        except TimeoutError:
            raise _away() from None

    def _heard(self, told: dict[str, Any]) -> None:
        if told["kind"] == "answer":
            future = self._open.get(told["id"])
            if future is None or future.done():
                return
            if "problem" in told:
                future.set_exception(Asked(told["problem"], told.get("fix", "")))
            else:
                future.set_result(told["answer"])
        elif told["kind"] != "worker":
            self._told(told.pop("kind"), told)

    def _changed(self, state: str) -> None:
        self._hub.tell("worker", which="looker", state=state)
        if state == "ready":
            self._ready.set()
        if state == "dead":
            self._ready.clear()
            for future in self._open.values():
                if not future.done():
                    future.set_exception(_away())


def _away() -> Refusal:
    return Refusal(
        503,
        say("The process that looks at networks is not there.", "신경망을 살펴보는 프로세스가 응답하지 않습니다."),
        say(
            "It starts again by itself: try again in a few seconds.", "저절로 다시 시작합니다. 몇 초 뒤에 다시 하세요."
        ),
    )
