"""The whole of a training: data, network, fit, scores, pictures, all in a run folder."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sonmat.data.dataset import Dataset
from sonmat.data.progress import Progress
from sonmat.engine.compilation import keep_programs
from sonmat.engine.evaluate import Evaluation, evaluate
from sonmat.engine.listener import Listener
from sonmat.files import write_json, write_text
from sonmat.jobs import pictures
from sonmat.jobs.rows import rows_of
from sonmat.models.catalog import build_recipe
from sonmat.models.reading import change, read_recipe
from sonmat.models.recipe import Recipe, to_toml
from sonmat.runs.fit import fit
from sonmat.runs.folder import MODEL, RECIPE, RESULT, RunFolder, new_run, open_run
from sonmat.runs.model_files import save_model

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Trained:
    """A finished run.

    Attributes:
        folder: Where it is.
        recipe: What was asked for.
        model: The trained network.
        history: Keras's History.
        validation: What it reaches on the validation rows; the pictures are of these.
        test: What it reaches on the test rows.
        readings: How often this run has looked at the test rows, this time included.
        compile_seconds, train_seconds: Spent on compiling (or on reading the cache), and on training.
    """

    folder: Path
    recipe: Recipe
    model: keras.Model
    history: keras.callbacks.History
    validation: Evaluation
    test: Evaluation
    readings: int
    compile_seconds: float
    train_seconds: float


def train(
    recipe: str | os.PathLike[str] | Recipe = "notes-mlp",
    *,
    data: str | os.PathLike[str] | None = None,
    settings: Sequence[str] = (),
    seed: int | None = None,
    out: str | os.PathLike[str] | None = None,
    listeners: Sequence[Listener] = (),
    progress: Progress | None = None,
) -> Trained:
    """Do what a recipe says, and keep it in a run folder.

    Args:
        recipe: A name in the catalog, `FILE.toml`, `FILE.py:function` (which runs that file), or a Recipe.
        data: Instead of the recipe's data: a name or a path.
        settings: `KEY=VALUE`s, such as `"learning_rate=0.1"`.
        seed: Instead of the recipe's seed.
        out: The run folder; by default a new one among the runs. One that holds the same recipe is gone on with.
        listeners: Told of progress.
        progress: Told of the download.

    Raises:
        SonmatError: Of the kind that fits what is wrong.
    """
    asked = read_recipe(str(os.fspath(recipe)), settings) if not isinstance(recipe, Recipe) else change(recipe, settings)
    if data is not None:
        asked = replace(asked, data=str(data))
    if seed is not None:
        asked = replace(asked, seed=seed)
    asked = replace(asked, data=_findable(asked.data))
    rows = rows_of(asked, progress=progress)
    run = new_run(out, asked.model.name)
    run.begin(asked)
    return _finish(run, asked, rows, listeners)


def resume(
    path: str | os.PathLike[str],
    *,
    epochs: int | None = None,
    listeners: Sequence[Listener] = (),
    progress: Progress | None = None,
) -> Trained:
    """Go on with a run that was interrupted, to the same weights as if it had not been.

    Args:
        path: The run folder.
        epochs: Train up to this many epochs instead of the recipe's.
        listeners, progress: As `train` has them.

    Raises:
        RunError: No run is there, or another process is training in it.
    """
    run = open_run(path)
    recipe = run.recipe
    if epochs is not None and epochs != recipe.train.epochs:
        recipe = change(recipe, [f"train.epochs={epochs}"])
        write_text(run.path / RECIPE, to_toml(recipe))
    return _finish(run, recipe, rows_of(recipe, progress=progress), listeners)


def _finish(
    run: RunFolder, recipe: Recipe, rows: tuple[Dataset, Dataset, Dataset], listeners: Sequence[Listener]
) -> Trained:
    """Everything after the data is there; done again after a kill it ends the same."""
    train_rows, validation_rows, test_rows = rows
    keep_programs()  # before the network is built: its initial weights are programs too
    model = build_recipe(recipe, train_rows)
    history = fit(
        model,
        train_rows,
        validation_data=validation_rows,
        epochs=recipe.train.epochs,
        batch_size=recipe.train.batch_size,
        seed=recipe.seed,
        verbose=0,
        listeners=[_Warming(), *listeners],
        run=run.path,
    )
    save_model(model, run.path / MODEL, inputs={"scale": train_rows.scale}, classes=train_rows.classes)
    validation = evaluate(model, validation_rows)
    pictures.draw_curves(run)
    pictures.draw_mistakes(run, validation_rows, validation)
    test = evaluate(model, test_rows)
    readings = run.count_reading("train", _numbers(test))
    result = {
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "epochs": len(history.epoch),
        "compile_seconds": round(history.compile_seconds, 3),
        "train_seconds": round(history.train_seconds, 3),
        "rows": {"train": len(train_rows), "validation": len(validation_rows), "test": len(test_rows)},
        "fingerprints": {one.part: one.fingerprint for one in rows},
        "validation": validation.as_dict(),
        "test": test.as_dict(),
    }
    write_json(run.path / RESULT, result)
    return Trained(
        run.path, recipe, model, history, validation, test, readings, history.compile_seconds, history.train_seconds
    )


class _Warming(Listener):
    """Imports what draws the pictures while the program trains: more than a second of one core that is idle then."""

    def on_compiled(self, seconds: float) -> None:
        from sonmat.view.canvas import warm

        threading.Thread(target=warm, name="sonmat-warming", daemon=True).start()


def _findable(data: str) -> str:
    """A path that will be found from any folder, as resuming may happen in another; a name stays a name."""
    path = Path(data).expanduser()
    return str(path.resolve()) if path.suffix == ".npz" or (path.exists() and os.sep in data) else data


def _numbers(found: Evaluation) -> dict[str, Any]:
    told: dict[str, Any] = {"loss": found.metrics.get("loss"), "n": found.n}
    return told | ({"accuracy": found.accuracy} if found.scores else {})
