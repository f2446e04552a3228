"""How far the nodes of a cluster are: they write it on a board, and the study reads it now and then."""

from __future__ import annotations

import contextlib
import time
from typing import Any


class Board:
    """What nodes have written since it was last read; an actor of its own, since a task's answer comes at its end alone."""

    def __init__(self) -> None:
        self._done: dict[int, int] = {}

    def tell(self, ticket: int, done: int) -> None:
        """Note the epochs that a task has done."""
        self._done[ticket] = done

    def read(self) -> dict[int, int]:
        """Ticket → epochs done, of those that were written since the last call."""
        found, self._done = self._done, {}
        return found


class Progress:
    """A board in the cluster that this process has joined. Its loss costs nothing: it is put up again elsewhere.

    Attributes:
        board: Ray's handle, for those who write on it.
    """

    def __init__(self) -> None:
        import ray

        self._ray = ray
        self.board = ray.remote(Board).options(num_cpus=0, max_restarts=-1).remote()
        self._reading: Any = None
        self._asked = 0.0

    def news(self, seconds: float) -> dict[int, int]:
        """What is new, as far as it has come; it is asked for no more often than once in so many seconds."""
        found: dict[int, int] = {}
        if self._reading is not None and self._ray.wait([self._reading], timeout=0)[0]:
            with contextlib.suppress(self._ray.exceptions.RayError):
                found = self._ray.get(self._reading)
            self._reading = None
        if self._reading is None and time.monotonic() - self._asked >= seconds:
            self._asked, self._reading = time.monotonic(), self.board.read.remote()
        return found

    def stop(self) -> None:
        """Take the board down."""
        with contextlib.suppress(Exception):  # Ray has several errors for what is gone
            self._ray.kill(self.board)
