"""A child process of the server: started, spoken to, and started again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sonmat.studio.place import studio_folder
from sonmat.studio.wire import decoded, encoded

_LONGEST = 1 << 28  # bytes of one answer; `looking` sends a tenth of that at most
_SOON = 5.0  # seconds: a child that dies sooner waits before it is started again
_LOG = 1 << 22  # bytes of a child's log, after which it begins anew

State = str
"""`warming`, `ready`, `busy` or `dead`."""


class Child:
    """One of the studio's children.

    Args:
        role: `trainer` or `looker`.
        heard: Called with what it says.
        changed: Called with its state whenever that changes.

    Attributes:
        state: How it is.
    """

    def __init__(self, role: str, heard: Callable[[dict[str, Any]], None], changed: Callable[[State], None]) -> None:
        self.role, self.state = role, "dead"
        self._heard, self._changed = heard, changed
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._leaving = False

    @property
    def pid(self) -> int | None:
        """Its process, while there is one."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start it, and again whenever it dies; needs a running event loop."""
        self._task = asyncio.create_task(self._keep())

    def say(self, do: str, **told: Any) -> bool:
        """Tell it to do something; whether it was there to be told."""
        process = self._process
        if process is None or process.stdin is None or process.stdin.is_closing():
            return False
        process.stdin.write((encoded({"do": do, **told}) + "\n").encode())
        return True

    def become(self, state: State) -> None:
        """Note how it is."""
        if state != self.state:
            self.state = state
            self._changed(state)

    async def leave(self) -> None:
        """Let go of it: it ends what it does, and then itself."""
        self._leaving = True
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def _kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._leaving:
            began = loop.time()
            try:
                await self._live()
            except Exception as error:  # whatever it was: without it nothing is answered any more
                logging.getLogger("sonmat.studio").error("the %s could not be kept: %s", self.role, error)
                self._kill()
            self._process = None
            self.become("dead")
            await asyncio.sleep(_SOON if loop.time() - began < _SOON else 0.05)

    async def _live(self) -> None:
        with _log(self.role) as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "sonmat.studio.worker", self.role,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log, limit=_LONGEST,
                env=_environment(), **_apart(),
            )  # fmt: skip
        self.become("warming")
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            told = decoded(line)
            if told is None:
                continue
            if told.get("kind") == "worker":
                self.become(str(told["state"]))
            try:
                self._heard(told)
            except Exception:  # one thing it says must not end all else
                logging.getLogger("sonmat.studio").exception("what the %s said was not understood", self.role)
        await self._process.wait()


def _log(role: str) -> Any:
    file = studio_folder() / f"{role}.log"
    with contextlib.suppress(OSError):
        if file.stat().st_size > _LOG:
            file.unlink()
    return file.open("ab")


def _environment() -> dict[str, str]:
    """This very sonmat is imported, from wherever it is."""
    package = str(Path(__file__).resolve().parents[2])
    paths = [package, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)), "PYTHONUNBUFFERED": "1"}


def _apart() -> dict[str, Any]:
    """Ctrl-C in the terminal is for the server: a training is brought to its end."""
    if os.name == "posix":
        return {"start_new_session": True}
    import subprocess

    return {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
