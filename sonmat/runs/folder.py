"""A run folder: what is in it, and how it is made, found, listed and read."""

from __future__ import annotations

import contextlib
import datetime
import difflib
import itertools
import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock

from sonmat import places
from sonmat.errors import RunError
from sonmat.files import read_plain, storing, write_json, write_text
from sonmat.language import say
from sonmat.models.recipe import Recipe, from_toml, to_toml
from sonmat.runs.journal import read_lines
from sonmat.runs.lock import LOCK, held
from sonmat.runs.titles import STOPPED, read_title

if TYPE_CHECKING:
    import keras

    from sonmat.data.tokenizer import Tokenizer

RECIPE, JOURNAL, ENVIRONMENT, CHECKPOINT = "recipe.toml", "history.jsonl", "env.json", "checkpoint"
_SIGNS = (RECIPE, JOURNAL, CHECKPOINT)
MODEL, RESULT, READINGS = "model.keras", "result.json", "test_readings.json"
DIAGNOSIS, FAILURE = "diagnosis.json", "failure.json"


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
            return from_toml(read_plain(file).decode(), source=str(file))
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
        """What the run reached when it last ended, or None. It may go on after that, to more epochs."""
        found = _read_json(self.path / RESULT)
        return found if isinstance(found, dict) else None

    @property
    def finished(self) -> dict[str, Any] | None:
        """The result where it is that of every epoch of the recipe, and the model is there; else None."""
        found = self.result
        whole = found is not None and found.get("epochs") == self.recipe.train.epochs and (self.path / MODEL).exists()
        return found if whole else None

    @property
    def title(self) -> str:
        """What its owner calls the run; empty where it was given no title."""
        return read_title(self.path)

    @property
    def stopped(self) -> bool:
        """Whether the run was asked to stop before its end, and has not gone on since."""
        return (self.path / STOPPED).is_file()

    @property
    def has_model(self) -> bool:
        """Whether a trained model is there."""
        return (self.path / MODEL).exists()

    @property
    def failure(self) -> dict[str, Any] | None:
        """Where the loss stopped being finite, `epoch` and `step` counted from 0, if that ended the run."""
        found = _read_json(self.path / FAILURE)
        return found if isinstance(found, dict) else None

    @property
    def readings(self) -> list[dict[str, Any]]:
        """Each time this run has looked at the test set.

        The look that its training ended with is in the result before it is in the list: a kill between the two neither
        loses it nor counts it twice.
        """
        found = _read_json(self.path / READINGS)
        listed = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
        result = self.result or {}
        if isinstance(result.get("test"), dict) and not any(
            one.get("time") == result.get("finished") for one in listed
        ):
            of = {name: result[name] for name in ("members",) if name in result}  # whose numbers were read with it
            listed.append(_reading("train", result["test"] | of, str(result.get("finished"))))
        return listed

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

    def check_free(self, recipe: Recipe) -> None:
        """See that a run of this recipe may begin here or go on here; nothing is written.

        Raises:
            RunError: It holds another run, or files that are none.
        """
        if (self.path / RECIPE).exists():
            if self.recipe != recipe:
                raise RunError(
                    say(
                        f"{self.path} holds a run of another recipe.", f"{self.path}에는 다른 레시피의 실행이 있습니다."
                    ),
                    say(
                        f"Choose another --out, or resume it as it is: sonmat resume {self.path}",
                        f"다른 --out을 고르거나 그대로 이어서 하세요: sonmat resume {self.path}",
                    ),
                )
            return
        with storing(self.path):  # a kill may have left a lock or a temporary file, whose names begin with a dot
            taken = self.path.exists() and (
                not self.path.is_dir() or any(file.name[0] != "." for file in self.path.iterdir())
            )
        if taken:
            raise RunError(
                say(f"{self.path} exists and is not a run.", f"{self.path}이(가) 이미 있지만 실행이 아닙니다."),
                say("Choose a new or empty folder for --out.", "--out에 새 폴더나 빈 폴더를 쓰세요."),
            )

    def write_recipe(self, recipe: Recipe) -> None:
        """Say what the run is, which makes the folder one."""
        write_text(self.path / RECIPE, to_toml(recipe))

    def count_reading(self, by: str, numbers: dict[str, Any]) -> int:
        """Note that the test set was looked at; how often that has happened now, this time included."""
        self._list_readings([_reading(by, numbers, now())])
        return len(self.readings)

    def end(self, result: dict[str, Any]) -> int:
        """Keep what the run reached; how often it has looked at the test set now, this time included.

        Args:
            result: With `"finished"`, as `now()` says it, and `"test"`, which the run has looked at.
        """
        self._list_readings([])  # that of an earlier result, before the new one takes its place
        write_json(self.path / RESULT, result)
        self._list_readings([])
        return len(self.readings)

    def _list_readings(self, more: list[dict[str, Any]]) -> None:
        with storing(self.path / READINGS), filelock.FileLock(self.path / ".readings.lock", timeout=20):
            write_json(self.path / READINGS, [*self.readings, *more])

    def row(self) -> dict[str, object]:
        """The run as a line of a table. A folder that is broken still has one, which says so."""
        try:
            return self._row()
        except Exception:  # a listing must survive whatever lies in the folder
            return {"name": self.name, "state": say("broken", "깨짐")}

    def _row(self) -> dict[str, object]:
        told: dict[str, object] = {}
        history, result, title = self.history, self.result or {}, self.title
        done = bool(result)
        if (self.path / RECIPE).exists():
            recipe = self.recipe
            told = {"model": recipe.model.name, "data": _short(recipe.data), "seed": recipe.seed}
            done = self.finished is not None
        last = history[-1] if history else {}
        state = say("finished", "완료") if done else say("unfinished", "미완료")
        if not told:
            state = say("a script's", "스크립트")  # only the script knows how many epochs it wanted
        numbers = {name: last.get(name) for name in ("val_loss", "val_accuracy")}
        test = result.get("test") or {}
        return {
            "name": self.name,
            **({"title": title} if title else {}),
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
        inputs: All that the file says of how its inputs are made.
        answer: Its calibration and when it is unsure; None where the file does not say.
        history: Name → a value for each epoch; empty for a model file.
        recipe: What was asked for; None for a model file.
        tokenizer: What cuts sentences for it; None where it reads none.
    """

    model: keras.Model
    scale: float | None
    classes: tuple[str, ...]
    history: dict[str, list[Any]] = field(default_factory=dict)
    recipe: Recipe | None = None
    tokenizer: Tokenizer | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    answer: Mapping[str, Any] | None = None


def load_run(path: str | os.PathLike[str]) -> Run:
    """A run folder or a model file: the model, how its inputs are made, and what its classes are.

    Raises:
        ModelFileError: The file is missing, broken, or not safe to read.
        RunError: The folder is no run, or has no trained model yet.
    """
    from sonmat.runs.model_files import load_model, read_card
    from sonmat.runs.tokenizer_card import check_fits, tokenizer_of

    place = Path(path)
    folder = open_run(place) if place.is_dir() else None
    file = folder.model_path if folder else place
    card = read_card(file)
    inputs = card.get("inputs") or {}
    scale = inputs.get("scale")
    model, tokenizer = load_model(file), tokenizer_of(inputs)
    check_fits(model, tokenizer)
    return Run(
        model=model,
        scale=float(scale) if isinstance(scale, (int, float)) else None,
        classes=tuple(card.get("classes") or ()),
        history=_columns(folder.history) if folder else {},
        recipe=folder.recipe if folder and (folder.path / RECIPE).exists() else None,
        tokenizer=tokenizer,
        inputs=inputs,
        answer=card.get("answer"),
    )


def now() -> str:
    """The time, to the microsecond, so that it tells one reading from another."""
    return datetime.datetime.now().astimezone().isoformat()


_NUMBERS = ("loss", "accuracy", "n", "members")


def _reading(by: str, numbers: dict[str, Any], at: str) -> dict[str, Any]:
    return {"time": at, "by": by, **{name: numbers[name] for name in _NUMBERS if name in numbers}}


def _short(data: str) -> str:
    """A path's last part."""
    return Path(data).name or data


def _columns(records: list[dict[str, Any]]) -> dict[str, list[Any]]:
    names = list(dict.fromkeys(name for record in records for name in record if name not in ("epoch", "seconds")))
    return {name: [record[name] for record in records if name in record] for name in names}


def open_run(path: str | os.PathLike[str]) -> RunFolder:
    """A folder that holds a run. A bare name is looked for among the runs too.

    Raises:
        RunError: There is none.
    """
    for place in (Path(path).expanduser(), places.runs_folder() / path):
        if _is_run(place):
            return RunFolder(place)
    near = difflib.get_close_matches(str(path), [run.name for run in list_runs()], n=1, cutoff=0.6)
    raise RunError(
        say(f"There is no run at {path}.", f"{path}에 실행이 없습니다."),
        say(f"Did you mean {near[0]}?", f"{near[0]}을(를) 찾으셨나요?")
        if near
        else say("See which there are: sonmat runs ls", "어떤 것이 있는지 보세요: sonmat runs ls"),
    )


def located(path: str | os.PathLike[str]) -> tuple[Path, RunFolder | None]:
    """A run by its folder or bare name, or a model file."""
    file = Path(path).expanduser()
    if file.is_file() or (file.suffix in (".keras", ".h5", ".hdf5") and not file.is_dir()):
        inside = file.name == MODEL and (file.parent / RECIPE).is_file()  # a run's own model is the run
        return file, RunFolder(file.parent) if inside else None
    folder = open_run(path)
    return folder.path, folder


def _is_run(place: Path) -> bool:
    try:
        return any((place / name).is_file() for name in _SIGNS)
    except (OSError, ValueError):  # a folder nobody may look into, a name no file can have
        return False


def new_run(name: str) -> RunFolder:
    """A new folder among the runs, with the time in its name.

    Raises:
        StorageError: It cannot be made.
    """
    stem = (
        f"{time.strftime('%Y%m%d-%H%M%S')}-{''.join(c if c.isalnum() or c in '-_' else '-' for c in Path(name).name)}"
    )
    for number in itertools.count(1):
        folder = places.runs_folder() / (stem if number == 1 else f"{stem}-{number}")
        with storing(folder), contextlib.suppress(FileExistsError):
            folder.mkdir(parents=True)  # the one who makes it has it: two may begin in the same second
            return RunFolder(folder)
    raise AssertionError


def list_runs(where: Path | None = None) -> list[RunFolder]:
    """Every run in a folder, in the order of their names."""
    place = where or places.runs_folder()
    if not place.is_dir():
        return []
    return [RunFolder(path) for path in sorted(place.iterdir()) if _is_run(path)]


def remove_run(run: RunFolder) -> None:
    """Delete a run folder and everything in it; of a link to a folder elsewhere the link alone.

    Raises:
        RunError: A process is training in it.
    """
    with storing(run.path):
        if run.path.is_symlink():
            run.path.unlink()
            return
        with held(run.path):
            for path in run.path.iterdir():
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                elif path.name != LOCK:  # which Windows does not delete while it is held
                    path.unlink()
        shutil.rmtree(run.path)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(read_plain(path))
    except (OSError, ValueError, RecursionError):
        return None
