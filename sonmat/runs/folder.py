"""A run folder: what is in it, and how it is made, found, listed and read."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock

from sonmat import places
from sonmat.errors import RunError
from sonmat.files import storing, write_json, write_text
from sonmat.language import say
from sonmat.models.recipe import Recipe, from_toml, to_toml
from sonmat.runs.journal import read_lines

if TYPE_CHECKING:
    import keras

RECIPE, JOURNAL, ENVIRONMENT, CHECKPOINT = "recipe.toml", "history.jsonl", "env.json", "checkpoint"
_SIGNS = (RECIPE, JOURNAL, CHECKPOINT)
MODEL, RESULT, READINGS = "model.keras", "result.json", "test_readings.json"


@dataclass(frozen=True)
class RunFolder:
    """A run on disk.

    Attributes:
        path: The folder.
    """

    path: Path

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.path.resolve().name

    @property
    def recipe(self) -> Recipe:
        """What the run was asked to do.

        Raises:
            RunError: The folder has no recipe, as one that `sonmat.fit(run=…)` made.
            RecipeError: The recipe cannot be read.
        """
        file = self.path / RECIPE
        try:
            return from_toml(file.read_text(encoding="utf-8"), source=str(file))
        except (OSError, UnicodeDecodeError) as error:
            raise RunError(
                say(f"{self.path} has no recipe that can be read.", f"{self.path}에 읽을 수 있는 레시피가 없습니다."),
                say(
                    "A run that sonmat.fit(…, run=PATH) made goes on when the same script is run again.",
                    "sonmat.fit(…, run=PATH)로 만든 실행은 같은 스크립트를 다시 실행하면 이어집니다.",
                ),
            ) from error

    @property
    def history(self) -> list[dict[str, Any]]:
        """One record an epoch, as far as the run has come."""
        return read_lines(self.path / JOURNAL)

    @property
    def result(self) -> dict[str, Any] | None:
        """What the finished run reached, or None."""
        return _read_json(self.path / RESULT)

    @property
    def readings(self) -> list[dict[str, Any]]:
        """Each time this run has looked at the test set."""
        found = _read_json(self.path / READINGS)
        return found if isinstance(found, list) else []

    @property
    def model_path(self) -> Path:
        """The trained model's file.

        Raises:
            RunError: Training has not ended yet.
        """
        file = self.path / MODEL
        if not file.exists():
            raise RunError(
                say(f"{self.path} has no trained model yet.", f"{self.path}에는 아직 학습된 모델이 없습니다."),
                say(f"Finish it first: sonmat resume {self.path}", f"먼저 끝내세요: sonmat resume {self.path}"),
            )
        return file

    def begin(self, recipe: Recipe) -> None:
        """Make the folder, or go on with it where it holds the same recipe.

        Raises:
            RunError: It holds another run, or files that are none.
        """
        if (self.path / RECIPE).exists():
            if self.recipe != recipe:
                raise RunError(
                    say(f"{self.path} holds a run of another recipe.", f"{self.path}에는 다른 레시피의 실행이 있습니다."),
                    say(
                        f"Choose another --out, or resume it as it is: sonmat resume {self.path}",
                        f"다른 --out을 고르거나 그대로 이어서 하세요: sonmat resume {self.path}",
                    ),
                )
            return
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise RunError(
                say(f"{self.path} exists and is not a run.", f"{self.path}이(가) 이미 있지만 실행이 아닙니다."),
                say("Choose a new or empty folder for --out.", "--out에 새 폴더나 빈 폴더를 쓰세요."),
            )
        write_text(self.path / RECIPE, to_toml(recipe))

    def count_reading(self, by: str, numbers: dict[str, Any]) -> int:
        """Note that the test set was looked at; how often that has happened now, this time included."""
        with storing(self.path / READINGS), filelock.FileLock(self.path / ".readings.lock", timeout=20):
            readings = [*self.readings, {"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "by": by, **numbers}]
            write_json(self.path / READINGS, readings)
        return len(readings)

    def row(self) -> dict[str, object]:
        """The run as a line of a table. A folder that is broken still has one, which says so."""
        try:
            recipe = self.recipe
            told: dict[str, object] = {"model": recipe.model.name, "data": recipe.data, "seed": recipe.seed}
        except Exception:  # a listing must survive whatever lies in the folder
            told = {}
        history, result = self.history, self.result or {}
        last = history[-1] if history else {}
        state = say("finished", "완료") if result else say("unfinished", "미완료")
        numbers = {name: last.get(name) for name in ("val_loss", "val_accuracy")}
        test = result.get("test") or {}
        return {
            "name": self.name,
            "state": state,
            **told,
            "epochs": len(history),
            "seconds": round(sum(record.get("seconds", 0.0) for record in history), 2) or None,
            **numbers,
            "test_accuracy": test.get("accuracy"),
            "test_readings": len(self.readings) or None,
        }


@dataclass(frozen=True)
class Run:
    """A trained run, read back.

    Attributes:
        model: The network.
        scale: What raw inputs are divided by before the network sees them.
        classes: The classes' names, in the order of the outputs; empty where they are not known.
        history: Name → a value for each epoch; empty for a model file.
        recipe: What was asked for; None for a model file.
    """

    model: keras.Model
    scale: float | None
    classes: tuple[str, ...]
    history: dict[str, list[Any]] = field(default_factory=dict)
    recipe: Recipe | None = None


def load_run(path: str | os.PathLike[str]) -> Run:
    """A run folder or a model file: the model, how its inputs are made, and what its classes are.

    Raises:
        ModelFileError: The file is missing, broken, or not safe to read.
        RunError: The folder is no run, or has no trained model yet.
    """
    from sonmat.runs.model_files import load_model, read_card

    place = Path(path)
    folder = open_run(place) if place.is_dir() else None
    file = folder.model_path if folder else place
    card = read_card(file)
    inputs = card.get("inputs") or {}
    scale = inputs.get("scale")
    return Run(
        model=load_model(file),
        scale=float(scale) if isinstance(scale, (int, float)) else None,
        classes=tuple(card.get("classes") or ()),
        history=_columns(folder.history) if folder else {},
        recipe=folder.recipe if folder and (folder.path / RECIPE).exists() else None,
    )


def _columns(records: list[dict[str, Any]]) -> dict[str, list[Any]]:
    names = list(dict.fromkeys(name for record in records for name in record if name not in ("epoch", "seconds")))
    return {name: [record[name] for record in records if name in record] for name in names}


def open_run(path: str | os.PathLike[str]) -> RunFolder:
    """A folder that holds a run. A bare name is looked for among the runs too.

    Raises:
        RunError: There is none.
    """
    for place in (Path(path), places.runs_folder() / path):
        if any((place / name).exists() for name in _SIGNS):
            return RunFolder(place)
    raise RunError(
        say(f"There is no run at {path}.", f"{path}에 실행이 없습니다."),
        say("See which there are: sonmat runs ls", "어떤 것이 있는지 보세요: sonmat runs ls"),
    )


def new_run(out: str | os.PathLike[str] | None, name: str) -> RunFolder:
    """Where a run is to go: `out` itself, or a new name with the time in it among the runs."""
    if out is not None:
        return RunFolder(Path(out))
    stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{''.join(c if c.isalnum() or c in '-_' else '-' for c in Path(name).name)}"
    folder = places.runs_folder() / stem
    number = 2
    while folder.exists():
        folder = folder.with_name(f"{stem}-{number}")
        number += 1
    return RunFolder(folder)


def list_runs(where: Path | None = None) -> list[RunFolder]:
    """Every run in a folder, in the order of their names."""
    place = where or places.runs_folder()
    if not place.is_dir():
        return []
    return [RunFolder(path) for path in sorted(place.iterdir()) if any((path / name).exists() for name in _SIGNS)]


def remove_run(run: RunFolder) -> None:
    """Delete a run folder and everything in it.

    Raises:
        RunError: A process is training in it.
    """
    from sonmat.runs.lock import held

    with held(run.path), storing(run.path):
        shutil.rmtree(run.path)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
