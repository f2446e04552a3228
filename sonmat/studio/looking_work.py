"""The child that looks at what was trained: all that needs Keras or the rows, beside training."""

from __future__ import annotations

import queue
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from sonmat.errors import SonmatError
from sonmat.language import speaking
from sonmat.studio.wire import Wire

_LANES = {"corruptions": 1, "pictures": 1, "cost": 1, "read_own": 2}
"""What takes seconds, and what may take many minutes: each has a thread of its own, so that a look does not wait for it."""


class LookingWork:
    """Answers the server's questions.

    Args:
        wire: To the server.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._lanes: tuple[queue.SimpleQueue[dict[str, Any] | None], ...] = tuple(queue.SimpleQueue() for _ in range(3))

    def run(self) -> None:
        """Answer until the server is gone."""
        warnings.simplefilter("ignore")
        listening = threading.Thread(target=self._listen, name="sonmat-listening", daemon=True)
        listening.start()
        self._wire.say("worker", state="warming")
        from sonmat.studio import answers

        self._answers = answers
        self._wire.say("worker", state="ready")
        for number, lane in enumerate(self._lanes):
            threading.Thread(target=self._work, args=(lane,), name=f"sonmat-looking-{number}", daemon=True).start()
        listening.join()

    def _listen(self) -> None:
        for told in self._wire.heard():
            self._lanes[_LANES.get(str(told.get("do")), 0)].put(told)

    def _work(self, lane: queue.SimpleQueue[dict[str, Any] | None]) -> None:
        while (asked := lane.get()) is not None:
            told = self._answered(asked)
            self._wire.say("answer", id=asked["id"], **told)

    def _answered(self, asked: dict[str, Any]) -> dict[str, Any]:
        def tell(kind: str, **told: Any) -> None:
            self._wire.say(kind, **told)

        ways: Mapping[str, Callable[..., Any]] = self._answers.WAYS
        try:
            with speaking(asked.get("lang")):
                return {"answer": ways[asked["do"]](tell, **asked.get("given", {}))}
        except SonmatError as error:
            return {"problem": error.problem, "fix": error.fix}
        except Exception as error:
            traceback.print_exc()
            sys.stderr.flush()
            return {"problem": f"{type(error).__name__}: {error}", "fix": ""}
