"""Where the studio keeps what is its own: beside the runs, under a name that no run has."""

from __future__ import annotations

from pathlib import Path

from sonmat import places

QUEUE, SERVER_LOCK, TRAINER_LOCK, ADDRESS = "queue.json", "server.lock", "trainer.lock", "address.txt"


def studio_folder() -> Path:
    """The studio's own folder, which is made if need be."""
    place = places.runs_folder() / ".studio"
    place.mkdir(parents=True, exist_ok=True)
    return place
