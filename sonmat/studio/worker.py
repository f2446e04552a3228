"""`python -m sonmat.studio.worker trainer|looker`: the two children of the studio."""

from __future__ import annotations

import os
import sys


def main(role: str) -> None:
    """Work until the server is gone; a training at hand is brought to its end first."""
    from sonmat.studio.wire import own_end

    wire = own_end()
    if sys.stdin is not None:
        sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # a text stream, whatever its type says
    if role == "trainer":
        from sonmat.studio.training_work import TrainingWork

        TrainingWork(wire).run()
    else:
        from sonmat.studio.looking_work import LookingWork

        if hasattr(os, "nice"):
            os.nice(2)  # a training comes first
        LookingWork(wire).run()


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stderr.flush()
    os._exit(0)  # a thread in the middle of a long look is not waited for
