"""Events for every page that is open: numbered, kept for a while, and sent to each reader at its own speed."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from sonmat.studio.wire import encoded

_KEPT = 4_000  # events; a reader that is further behind loads all anew
_AT_ONCE = 200  # events in one message
_ALIVE = 15.0  # seconds after which a silent stream says that it is there


class Hub:
    """All that happens, in one order that every reader sees. It belongs to the event loop's thread.

    Attributes:
        boot: Tells this server's numbers from an earlier one's.
        seq: The number of the newest event.
    """

    def __init__(self) -> None:
        self.boot = secrets.token_hex(6)
        self.seq = 0
        self._kept: deque[tuple[int, str]] = deque(maxlen=_KEPT)
        self._news = asyncio.Event()
        self._closed = False

    def tell(self, kind: str, **told: Any) -> None:
        """Something happened."""
        self.seq += 1
        self._kept.append((self.seq, encoded({"seq": self.seq, "kind": kind, **told})))
        news, self._news = self._news, asyncio.Event()
        news.set()

    def close(self) -> None:
        """End every reader's stream."""
        self._closed = True
        self._news.set()

    async def stream(self, after: int | None, boot: str | None = None) -> AsyncIterator[str]:
        """Server-sent events from a number on.

        Args:
            after: The last that the reader has; None for what comes from now on.
            boot: The server whose number that is; None is this one.
        """
        at = self.seq if after is None else after
        first = self._kept[0][0] if self._kept else self.seq + 1
        if (boot is not None and boot != self.boot) or at > self.seq or at + 1 < first:
            at = self.seq
            yield _event(at, self.boot, encoded({"seq": at, "kind": "reload", "boot": self.boot}))
        yield ": here\n\n"
        while not self._closed:
            news = self._news
            new = self._after(at)
            if new is None:
                at = self.seq
                yield _event(at, self.boot, encoded({"seq": at, "kind": "reload", "boot": self.boot}))
            elif new:
                at = new[-1][0]
                yield "".join(_event(seq, self.boot, text) for seq, text in new)
            else:
                try:
                    async with asyncio.timeout(_ALIVE):
                        await news.wait()
                except TimeoutError:
                    yield ": here\n\n"

    def _after(self, at: int) -> list[tuple[int, str]] | None:
        """Some events after a number; None where they are not all kept any more."""
        if not self._kept or at >= self.seq:
            return []
        first = self._kept[0][0]
        if at + 1 < first:
            return None
        start = at + 1 - first
        return [self._kept[place] for place in range(start, min(len(self._kept), start + _AT_ONCE))]


def _event(seq: int, boot: str, text: str) -> str:
    return f"id: {seq}-{boot}\ndata: {text}\n\n"
