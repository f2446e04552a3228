"""What a run tells whoever listens: the command line's progress, the run folder's journal, the studio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sonmat.engine.training import Training


@dataclass(frozen=True)
class Progress:
    """Where a run is, told a few times a second.

    Attributes:
        epoch: The epoch that is running, counted from 0.
        epochs: The epoch at which the run ends.
        step: Steps of this epoch that are done.
        steps: Steps in an epoch.
        logs: Metrics so far in this epoch.
        seconds: Time since training began, without compiling.
        remaining: Estimated seconds to the end, validation included.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    logs: dict[str, float]
    seconds: float
    remaining: float


class Stopped(BaseException):
    """A run was asked to stop. A listener raises it, and its epochs so far are kept, as they are after Ctrl-C.

    It is no Exception, so that nothing on its way takes it for a failure and clears away what is there.
    """


class Listener:
    """Base of everything that listens to a run; override what you need. Exceptions stop the run.

    Unlike a Keras callback it is told by the clock, not by the batch, so that listening costs nothing.
    """

    def on_begin(self, training: Training) -> None:
        """The model is built and the callbacks have begun; nothing is compiled yet."""

    def on_compiled(self, seconds: float) -> None:
        """The program is ready. `seconds` were spent on tracing and compiling, or on reading it from the cache."""

    def on_progress(self, progress: Progress) -> None:
        """A segment of about 0.2 s is done."""

    def on_epoch(self, epoch: int, logs: dict[str, float], seconds: float) -> None:
        """An epoch is done, validation and callbacks included; weights and callbacks' states are in place."""

    def on_end(self, history: dict[str, list[float]]) -> None:
        """Training is over and the model is final."""
