"""The learner's own drawings: labelled pictures, kept as folders that `sonmat train --data` reads like any others."""

from __future__ import annotations

from pathlib import Path


def counts_of(folder: Path) -> dict[str, int]:
    """How many drawings each label of a set has."""
    found = {}
    try:
        for place in sorted(folder.iterdir()):
            if place.is_dir() and place.name[0] != ".":
                count = sum(1 for file in place.iterdir() if file.suffix == ".png")
                if count:
                    found[place.name] = count
    except OSError:
        return {}
    return found
