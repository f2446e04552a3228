"""Where sonmat writes. `SONMAT_HOME`, where it is set, holds everything."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def home() -> Path | None:
    """The folder that `SONMAT_HOME` names, or None where it is not set."""
    named = os.environ.get("SONMAT_HOME")
    return Path(named).expanduser().absolute() if named else None


def cache_folder() -> Path:
    """Where downloads and compiled programs are kept: safe to delete, made again when needed."""
    place = home()
    return place / "cache" if place else platformdirs.user_cache_path("sonmat")


def data_folder() -> Path:
    """Where fetched data sets are kept."""
    return cache_folder() / "data"


def programs_folder() -> Path:
    """Where XLA's compiled programs are kept."""
    return cache_folder() / "programs"


def runs_folder() -> Path:
    """Where runs go that were given no `--out`."""
    place = home()
    return place / "runs" if place else Path("runs")


def drawings_folder() -> Path:
    """Where the drawings are kept that were made and labelled in the studio, a folder for each set of them."""
    place = home()
    return place / "drawings" if place else Path("drawings")


def studies_folder() -> Path:
    """Where studies go that were given no `--out`."""
    place = home()
    return place / "studies" if place else Path("studies")
