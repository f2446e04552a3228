"""A run as a row of the page's list, read from its folder without Keras."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import filelock

from sonmat.errors import SonmatError
from sonmat.language import say
from sonmat.models.recipe import Recipe
from sonmat.models.textcnn import reads
from sonmat.runs.folder import (
    CHECKPOINT,
    FAILURE,
    JOURNAL,
    MODEL,
    READINGS,
    RECIPE,
    RESULT,
    RunFolder,
)
from sonmat.runs.lock import LOCK
from sonmat.runs.titles import STOPPED, TITLE

TRAINING, WAITING, FINISHED = "training", "waiting", "finished"
INTERRUPTED, STOPPED_STATE, FAILED = "interrupted", "stopped", "failed"

_SEEN = (RECIPE, JOURNAL, RESULT, READINGS, TITLE, STOPPED, FAILURE, MODEL, CHECKPOINT)
_TIME = re.compile(r"(\d{8})-(\d{6})")

Signature = tuple[tuple[str, int, int], ...]


def signature(folder: Path) -> Signature | None:
    """Changes whenever the row could; None for what is no run."""
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name in _SEEN:
                    stat = entry.stat()
                    found.append((entry.name, stat.st_mtime_ns, stat.st_size))
    except OSError:
        return None
    names = {name for name, _, _ in found}
    return tuple(sorted(found)) if names & {RECIPE, JOURNAL, CHECKPOINT} else None


def row_of(folder: Path) -> dict[str, Any]:
    """The row of a run that is not in the trainer's hands. A folder that is broken still has one."""
    run = RunFolder(folder)
    row: dict[str, Any] = {
        "name": folder.name, "title": "", "state": INTERRUPTED, "model": None, "data": None, "seed": None, "epochs": 0, "of": None,
        "seconds": None, "val_accuracy": None, "val_loss": None, "test_accuracy": None, "test_readings": 0,
        "made": made(folder), "answers": False, "reads": "pictures",
        "parameters": None, "position": None, "key": None, "problem": "", "fix": "",
    }  # fmt: skip
    try:
        _fill(row, run)
    except SonmatError as error:
        row |= {"state": FAILED, "problem": error.problem, "fix": error.fix}
    except Exception:  # a listing must survive whatever lies in a folder
        problem = say("The files of this run cannot be read.", "이 실행의 파일을 읽을 수 없습니다.")
        row |= {"state": FAILED, "problem": problem}
    return row


def _fill(row: dict[str, Any], run: RunFolder) -> None:
    history, result = run.history, run.result or {}
    row["title"] = run.title
    if history:
        last = history[-1]
        row |= {
            "epochs": len(history),
            "seconds": round(sum(float(one.get("seconds") or 0.0) for one in history), 2),
            "val_accuracy": last.get("val_accuracy"),
            "val_loss": last.get("val_loss"),
        }
    readings = run.readings
    row["test_accuracy"] = readings[-1].get("accuracy") if readings else None
    row["test_readings"] = len(readings)
    row["answers"] = run.has_model
    row["parameters"] = result.get("parameters")
    done = bool(result)
    if (run.path / RECIPE).exists():
        recipe = run.recipe
        row |= {
            "model": recipe.model.name,
            "data": Path(recipe.data).name or recipe.data,
            "seed": recipe.seed,
            "of": recipe.train.epochs,
            "key": recipe_key(recipe),
            "reads": reads(recipe),
        }
        done = result.get("epochs") == recipe.train.epochs and run.has_model
    row["state"] = _state(run, done)


def recipe_key(recipe: Recipe) -> str:
    """The same for recipes that train the same."""
    return hashlib.sha256(json.dumps(recipe.as_dict(), sort_keys=True).encode()).hexdigest()[:16]


def _state(run: RunFolder, done: bool) -> str:
    if done:
        return FINISHED
    if is_held(run.path):
        return TRAINING
    if run.failure is not None:
        return FAILED
    return STOPPED_STATE if run.stopped else INTERRUPTED


def is_held(folder: Path) -> bool:
    """Whether a process, this one or any other, is training there."""
    if not (folder / LOCK).exists():
        return False
    lock = filelock.FileLock(folder.resolve() / LOCK, timeout=0)
    try:
        lock.acquire()
    except (filelock.Timeout, OSError):
        return True
    lock.release()
    return False


def made(folder: Path) -> str:
    """When it was begun, by its name or its oldest file, in ISO form."""
    found = _TIME.match(folder.name)
    if found:
        with contextlib.suppress(ValueError):
            return datetime.datetime.strptime("".join(found.groups()), "%Y%m%d%H%M%S").astimezone().isoformat()
    with contextlib.suppress(OSError):
        at = min(path.stat().st_mtime for path in [folder, *folder.iterdir()])
        return datetime.datetime.fromtimestamp(at).astimezone().isoformat()
    return ""
