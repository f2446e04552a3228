"""Studies in the looker: listed, shown, their cost measured before they begin."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sonmat import places
from sonmat.data.progress import silent
from sonmat.errors import DataError
from sonmat.jobs.own_data import said_of, settled
from sonmat.jobs.rows import rows_of
from sonmat.jobs.study_pictures import figure_of
from sonmat.jobs.sweep import study_recipe
from sonmat.jobs.sweep_begun import sweep_begun, sweep_place
from sonmat.jobs.sweep_question import checked_space, question
from sonmat.language import language, say
from sonmat.models.recipe import Recipe
from sonmat.runs.titles import STOPPED
from sonmat.search.asked import Asked, most_asked
from sonmat.search.mirror import FINAL
from sonmat.search.runner import Runner
from sonmat.search.study import Study, list_studies
from sonmat.search.trial import WAITING
from sonmat.studio.run_rows import made
from sonmat.studio.sweeping import space_of, trial_told
from sonmat.view.study_page import study_page
from sonmat.view.study_payload import payload

_open: dict[str, Study] = {}
_rows: dict[str, tuple[Any, dict[str, Any]]] = {}
_seen: dict[str, tuple[int, dict[int, tuple[tuple[str, int], int]]]] = {}
_pages: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}


def asked_of(recipe: dict[str, Any], asked: dict[str, Any]) -> tuple[Asked, list[str]]:
    """What the page asks, as a study's record; and what was decided on the way.

    Raises:
        RecipeError: A setting or a space that cannot be.
    """
    return question(
        Recipe.from_dict(recipe), space_of(asked.get("space") or {}), asked.get("trials"), asked.get("sampler") or "qmc",
        asked.get("metric") or "val_accuracy", None, asked.get("halving", 3) or None, asked.get("finalists", 5),
        asked.get("seeds", 5), None, (), None, None,
    )  # fmt: skip


def questioned(tell: Callable[..., None], recipe: dict[str, Any], asked: dict[str, Any]) -> list[str]:
    """See that a study may be asked so; what was decided on the way."""
    return asked_of(recipe, asked)[1]


def cost(tell: Callable[..., None], recipe: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """What a study would cost: a few steps of each of its programs are measured.

    Raises:
        SonmatError: What the study would be refused for.
    """
    whole, notes = asked_of(recipe, asked)
    rows = rows_of(whole.recipe, progress=silent)
    whole = replace(whole, recipe=settled(whole.recipe, rows[0]))
    whole = replace(whole, space=checked_space(whole.space, whole.recipe, rows[0]))
    with tempfile.TemporaryDirectory(prefix="sonmat-cost-") as place:
        study = Study.create(Path(place) / "study", whole)
        runner = Runner(study, rows[0], rows[1])
        begun = sweep_begun(sweep_place(study, rows, [*notes, *said_of(rows, whole.recipe)]), study, runner)
    found = begun.forecast
    return {
        "seconds": None if found is None else found.seconds,
        "finals": begun.finals,
        "prepared": None if found is None else found.prepared,
        "models": None if found is None else found.models,
        "programs": None if found is None else found.programs,
        "chunks": None if found is None else found.chunks,
        "bytes": None if found is None else found.bytes,
        "trials": whole.trials,
        "space": whole.space.as_dict(),
        "notes": list(begun.notes),
    }


def studies(tell: Callable[..., None]) -> list[dict[str, Any]]:
    """Every study as a row, the newest last."""
    return [_row(study.path) for study in list_studies()]


def study(tell: Callable[..., None], name: str, since: int | None = None) -> dict[str, Any]:
    """A study's charts; or only the trials that changed since a version.

    Raises:
        RunError: There is none.
    """
    found = _study(name)
    version, new = _changes(name, found, since)
    row = _row(found.path)
    if since is not None:
        return {"name": name, "row": row, "trials_version": version, "new": new}
    key = (name, language())
    kept = _pages.get(key)
    if kept is None or kept[0] != version or row["result"]:
        _pages[key] = version, payload(figure_of(found)) | {"percent": found.asked.metric.endswith("accuracy")}
    asked = found.asked
    return {
        "name": name,
        "row": row,
        "recipe": asked.recipe.as_dict(),
        "space": asked.space.as_dict(),
        "asked": {
            "trials": asked.trials, "sampler": asked.sampler, "metric": asked.metric, "halving": asked.halving,
            "finalists": asked.finalists, "seeds": asked.seeds,
        },
        "trials_version": version,
        "payload": _pages[key][1],
        "result": _result(found),
        "winner": _winner(found),
    }  # fmt: skip


def study_as_page(tell: Callable[..., None], name: str) -> str:
    """A study as the interactive page that `sonmat sweep` leaves in its folder, of the trials there are now.

    Raises:
        RunError: There is none.
    """
    return str(study_page(figure_of(_study(name))))


def trial_recipe(tell: Callable[..., None], name: str, number: int) -> dict[str, Any]:
    """The recipe that a trial trained.

    Raises:
        DataError: There is no such trial.
    """
    found = _study(name)
    trial = next((one for one in found.trials if one.number == number), None)
    if trial is None:
        raise DataError(say(f"{name} has no trial {number}.", f"{name}에 시도 {number}이(가) 없습니다."))
    return study_recipe(found, trial.settings, trial.seed).as_dict()


def _study(name: str) -> Study:
    if name not in _open:
        _open[name] = Study.open(places.studies_folder() / name)
    return _open[name]


def _changes(name: str, found: Study, since: int | None) -> tuple[int, list[dict[str, Any]]]:
    """The version now, and the trials that changed after another."""
    version, known = _seen.get(name, (time.time_ns() // 1_000_000, {}))
    trials = [one for one in found.trials if one.state != WAITING]
    changed = [one for one in trials if known.get(one.number, (None, 0))[0] != (one.state, one.epochs)]
    if changed:
        version += 1
        known |= {one.number: ((one.state, one.epochs), version) for one in changed}
    _seen[name] = version, known
    if since is None:
        return version, []
    return version, [trial_told(one) for one in trials if known[one.number][1] > since]


def _signature(folder: Path) -> Any:
    found = []
    for path in (folder, *folder.glob("*"), *folder.glob("batches/*"), *folder.glob("finalists/*")):
        try:
            stat = path.stat()
        except OSError:
            continue
        found.append((str(path), stat.st_mtime_ns, stat.st_size))
    return tuple(found)


def _row(folder: Path) -> dict[str, Any]:
    sign = _signature(folder)
    kept = _rows.get(folder.name)
    if kept is None or kept[0] != sign:
        _rows[folder.name] = sign, _read(folder)
    return dict(_rows[folder.name][1])


def _read(folder: Path) -> dict[str, Any]:
    row: dict[str, Any] = {"name": folder.name, "made": made(folder), "result": False, "broken": False}
    try:
        found = _study(folder.name)
        asked, trials, best = found.asked, found.trials, found.best()
        result = found.result
        row |= {
            "model": asked.recipe.model.name,
            "data": Path(asked.recipe.data).name or asked.recipe.data,
            "sampler": asked.sampler,
            "done": sum(one.state in FINAL for one in trials),
            "of": most_asked(asked, trials),
            "metric": asked.metric,
            "maximize": asked.maximize,
            "best": None if best is None else best.value,
            "best_settings": None if best is None else dict(best.settings),
            "seconds": round(sum(one.seconds for one in trials), 2),
            "settings": list(asked.space.dimensions),
            "result": result is not None,
            "stopped": (folder / STOPPED).is_file(),
        }
    except Exception:  # a listing must survive whatever lies in the folder
        row["broken"] = True
    return row


def _result(found: Study) -> dict[str, Any] | None:
    result = found.result
    if result is None:
        return None
    told = dict(result)
    if isinstance(told.get("winner"), dict):
        told["winner"] = {key: value for key, value in told["winner"].items() if key not in ("validation", "test")}
    return told


def _winner(found: Study) -> dict[str, Any] | None:
    winner = (found.result or {}).get("winner")
    if not isinstance(winner, dict):
        return None
    return {key: winner.get(key) for key in ("trial", "settings", "repeated", "tested", "test_readings")}
