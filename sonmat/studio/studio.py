"""The studio as a whole: what it keeps, its two children, and how it starts and ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sonmat.studio.board import Board
from sonmat.studio.desk import Desk, Job
from sonmat.studio.hub import Hub
from sonmat.studio.looker import Looker
from sonmat.studio.networks import Networks


class Studio:
    """Everything that the routes ask.

    Attributes:
        hub: Events.
        board: Runs.
        desk: What is to be trained.
        looker: What looks at networks.
        networks: Networks that answer in this process.
        shown: The runs to show first.
        failed_studies: Studies that failed since the server began, with problem and fix.
        left: What the trainer was at when the server ended, and trains on by itself.
    """

    def __init__(self, shown: tuple[str, ...] = ()) -> None:
        self.hub = Hub()
        self.board = Board(self.hub)
        self.desk = Desk(self.hub, self.board, self._ended)
        self.looker = Looker(self.hub, self._told)
        self.networks = Networks(self.looker)
        self.shown = shown
        self.left = ""
        self.failed_studies: dict[str, tuple[str, str]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    @asynccontextmanager
    async def running(self, _: Any = None) -> AsyncIterator[None]:
        """While the server runs."""
        self._loop = asyncio.get_running_loop()
        self.desk.open()
        self.looker.child.start()
        self.spawn(self.board.watch())
        try:
            yield
        finally:
            for task in list(self._tasks):
                task.cancel()
            self.left = self.desk.now["name"] if self.desk.now is not None else ""
            await asyncio.gather(self.desk.leave(), self.looker.child.leave())

    def leaving(self) -> None:
        """End the streams, so that nothing holds the server up; may be called from a signal."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.hub.close)

    def spawn(self, work: Any) -> None:
        """Let something be done beside all else."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _ended(self, job: Job, told: dict[str, Any]) -> None:
        name = job["name"]
        if job["do"] in ("sweep", "resume_sweep"):
            self.failed_studies.pop(name, None)
            if told["state"] == "failed":
                self.failed_studies[name] = told.get("problem", ""), told.get("fix", "")
            self.hub.tell("study_ended", **{**told, "name": name})
        elif told["state"] == "finished":
            self.spawn(self._after(name))

    async def _after(self, name: str) -> None:
        """What a finished run is asked next is made ready before it is: its network for drawing, its pictures, its page."""
        self.hub.tell("findings", name=name)
        try:
            await self.networks.warm(name)
            await self.looker.ask("pictures", run=name)
        except Exception:  # it is asked again when it is needed; a run that was deleted needs none
            return

    def _told(self, kind: str, told: dict[str, Any]) -> None:
        self.hub.tell(kind, **told)
