"""The whole of a training: data, network, fit, scores, pictures, all in a run folder."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sonmat.data.dataset import Dataset
from sonmat.data.progress import Progress
from sonmat.engine.compilation import keep_programs
from sonmat.engine.evaluate import Evaluation, evaluate
from sonmat.engine.examination import BRIEF
from sonmat.engine.listener import Listener, Stopped
from sonmat.errors import RunError
from sonmat.jobs import pictures
from sonmat.jobs.answer import card_of, outliers_for, taught
from sonmat.jobs.diagnose import diagnose_trained
from sonmat.jobs.finished import Trained, read_finished
from sonmat.jobs.members import evaluate_members, fit_members, fit_settings, write_scores
from sonmat.jobs.own_data import as_begun, findable, look_over, notes_of, settled, with_data
from sonmat.jobs.plot import plot_run
from sonmat.jobs.report import report_trained
from sonmat.jobs.rows import rows_to_train
from sonmat.language import say
from sonmat.models.catalog import build_recipe
from sonmat.models.compilation import planned_by_length
from sonmat.models.reading import change, read_recipe
from sonmat.models.recipe import Recipe
from sonmat.runs.fit import fit
from sonmat.runs.folder import CHECKPOINT, MODEL, RECIPE, RunFolder, new_run, now, open_run
from sonmat.runs.lock import held
from sonmat.runs.model_files import save_model
from sonmat.runs.titles import mark_stopped, write_title
from sonmat.view.finding import Finding

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Begun:
    """A run that is about to train.

    Attributes:
        folder: Where it is, from now on whatever happens.
        recipe: What was asked for.
        rows: How many there are, by part.
        done: Epochs that it has behind it already.
        name: What the recipe's file is called, where it is not called as its model.
        notes: What was found and chosen as data of one's own were read, in sentences.
        findings: What is to be said of these data before they are trained on.
    """

    folder: Path
    recipe: Recipe
    rows: dict[str, int]
    done: int
    name: str = ""
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


Rows = tuple[Dataset, Dataset, Dataset]
Prepare = Callable[[Recipe, "Progress | None"], "tuple[Rows, keras.Model]"]
"""How the rows and the network of a recipe come to be: by default anew; the studio's trainer keeps what it has met before."""


def train(
    recipe: str | os.PathLike[str] | Recipe = "notes-mlp",
    *,
    data: str | os.PathLike[str] | None = None,
    settings: Sequence[str] = (),
    seed: int | None = None,
    skip_unreadable: bool = False,
    out: str | os.PathLike[str] | None = None,
    title: str = "",
    begun: Callable[[Begun], None] | None = None,
    listeners: Sequence[Listener] = (),
    progress: Progress | None = None,
    prepare: Prepare | None = None,
    drawn: bool = True,
    tested: bool = True,
) -> Trained:
    """Do what a recipe says, and keep it in a run folder.

    Args:
        recipe: A name in the catalog, `FILE.toml`, `FILE.py:function` (which runs that file), or a Recipe.
        data: Instead of the recipe's data: a name or a path.
        settings: `KEY=VALUE`s, such as `"learning_rate=0.1"`.
        seed: Instead of the recipe's seed.
        skip_unreadable: Leave out pictures and rows that cannot be read, which refuse the data otherwise.
        out: The run folder; by default a new one among the runs. One that holds the same recipe is gone on with.
        title: What the run is called beside its name.
        begun: Called once, when recipe and data are right and the run folder is there.
        listeners: Told of progress. One that raises `Stopped` ends the training; `resume` goes on with it.
        progress: Told of the download.
        prepare: Gives rows and network of a recipe.
        drawn: Whether pictures and page are made at the end; `draw_trained` makes them later.
        tested: Whether the test set is looked at at the end; `evaluate_run` does so later.

    Raises:
        SonmatError: Of the kind that fits what is wrong. A run that could not begin leaves no folder.
    """
    asked = (
        read_recipe(str(os.fspath(recipe)), settings) if not isinstance(recipe, Recipe) else change(recipe, settings)
    )
    if data is not None:
        asked = with_data(asked, os.fspath(data), settings)
    if skip_unreadable:
        asked = replace(asked, read={**(asked.read or {}), "skip_unreadable": True})
    if seed is not None:
        asked = replace(asked, seed=seed)
    asked = replace(asked, data=findable(asked.data))
    if out is not None:
        run = RunFolder(Path(out).expanduser())
        if (run.path / RECIPE).exists():
            asked = as_begun(asked, run.recipe)
        run.check_free(asked)  # before a download
        if (run.path / RECIPE).exists() and run.finished:
            return read_finished(run)
    rows, model = (prepare or prepared)(asked, progress)
    asked = settled(asked, rows[0])
    name = _called(recipe, asked)
    if out is None:
        run = new_run(name or asked.model.name)
    new = not (run.path / RECIPE).exists()
    with held(run.path):
        run.check_free(asked)
        try:
            if new:
                run.write_recipe(asked)
            if title:
                write_title(run.path, title)
            return _finish(run, asked, rows, model, begun, listeners, name, drawn=drawn, tested=tested)
        except Exception:
            if new and not (run.path / CHECKPOINT).exists():
                shutil.rmtree(run.path, ignore_errors=True)  # it would fail again in the same way
            raise


def resume(
    path: str | os.PathLike[str],
    *,
    epochs: int | None = None,
    begun: Callable[[Begun], None] | None = None,
    listeners: Sequence[Listener] = (),
    progress: Progress | None = None,
    prepare: Prepare | None = None,
    drawn: bool = True,
    tested: bool = True,
) -> Trained:
    """Go on with a run that was interrupted, to the same weights as if it had not been.

    One that is finished is read back: nothing is trained, and the test set is not looked at again.

    Args:
        path: The run folder.
        epochs: Train up to this many epochs instead of the recipe's.
        begun, listeners, progress, prepare, drawn, tested: As `train` has them.

    Raises:
        RunError: No run is there, another process is training in it, or it has more epochs behind it than `epochs`.
    """
    run = open_run(path)
    recipe = run.recipe
    if epochs is not None and epochs != recipe.train.epochs:
        recipe = change(recipe, [f"train.epochs={epochs}"])
        _check_ahead(run, epochs)
        _check_length(recipe)
    elif run.finished:
        return read_finished(run)
    rows, model = (prepare or prepared)(recipe, progress)
    with held(run.path):
        if recipe != run.recipe:
            _check_ahead(run, recipe.train.epochs)
            run.write_recipe(recipe)
        return _finish(run, recipe, rows, model, begun, listeners, drawn=drawn, tested=tested)


def _check_ahead(run: RunFolder, epochs: int) -> None:
    done = len(run.history)
    if epochs < done:
        raise RunError(
            say(
                f"{run.path} has trained {done} epochs already; it cannot go back to {epochs}.",
                f"{run.path}은(는) 이미 {done} 에포크를 학습해서 {epochs} 에포크로 되돌릴 수 없습니다.",
            ),
            say("Give a larger --epochs, or train a new run.", "--epochs에 더 큰 수를 주거나 새로 학습하세요."),
        )


def _check_length(recipe: Recipe) -> None:
    """A training whose course depends on its length would be another one."""
    train = recipe.train
    if bound := planned_by_length(train):
        told = ", ".join(f"train.{key}" for key in bound)
        raise RunError(
            say(
                f"This run was planned for its number of epochs: {told}. With more it would have gone another way from the start.",
                f"이 실행은 에포크 수에 맞추어 계획되었습니다: {told}. 에포크가 더 많았다면 처음부터 다르게 진행되었을 것입니다.",
            ),
            say(
                f"Train a new run: sonmat train {recipe.model.name} --set epochs={train.epochs}",
                f"새로 학습하세요: sonmat train {recipe.model.name} --set epochs={train.epochs}",
            ),
        )


def prepared(recipe: Recipe, progress: Progress | None) -> tuple[Rows, keras.Model]:
    """All that can be wrong with a recipe and its data is so before a run folder is made."""
    rows = rows_to_train(recipe, progress=progress)
    keep_programs()  # before the network is built: its initial weights are programs too
    return rows, build_recipe(recipe, rows[0])


def _fitted(
    run: RunFolder, recipe: Recipe, rows: Rows, model: keras.Model, listeners: Sequence[Listener]
) -> tuple[keras.Model, keras.callbacks.History]:
    if recipe.train.members:
        return fit_members(run, recipe, rows, listeners)
    outliers, settings = outliers_for(recipe, rows[0]), fit_settings(recipe)
    return model, fit(
        model,
        taught(recipe, rows[0]),
        validation_data=rows[1],
        run=run.path,
        listeners=listeners,
        outliers=outliers,
        **settings,
    )


def _finish(
    run: RunFolder,
    recipe: Recipe,
    rows: Rows,
    model: keras.Model,
    begun: Callable[[Begun], None] | None,
    listeners: Sequence[Listener],
    name: str = "",
    *,
    drawn: bool = True,
    tested: bool = True,
) -> Trained:
    """Everything after the data is there; done again after a kill it ends the same."""
    train_rows, validation_rows, test_rows = rows
    sizes = {"train": len(train_rows), "validation": len(validation_rows), "test": len(test_rows)}
    done = len(run.history)
    notes, found = notes_of(train_rows), look_over(*rows, recipe)
    if begun is not None:
        begun(Begun(run.path, recipe, sizes, done, name, notes, found))
    mark_stopped(run.path, False, now())
    try:
        model, history = _fitted(run, recipe, rows, model, [*([_Warming()] if drawn else []), *listeners])
    except Stopped:
        mark_stopped(run.path, True, now())
        raise
    card = card_of(recipe, model, train_rows, validation_rows)
    save_model(model, run.path / MODEL, inputs=card.inputs, classes=card.classes, answer=card.answer)
    validation, of_validation = _evaluated(recipe, model, validation_rows)
    if drawn:
        pictures.draw_curves(run)
        pictures.draw_mistakes(run, validation_rows, validation)
    outputs = None if recipe.train.tta else validation.outputs
    diagnosis = diagnose_trained(run, model, train_rows, validation_rows, outputs, BRIEF)
    test, of_test = _evaluated(recipe, model, test_rows) if tested else (None, {})  # when nothing is left to choose
    if recipe.train.members:
        write_scores(run, {validation_rows.part: of_validation} | ({test_rows.part: of_test} if tested else {}))
    result = {
        "finished": now(),
        "epochs": len(history.epoch),
        "trained_epochs": max(0, len(history.epoch) - done),
        "compile_seconds": round(history.compile_seconds, 3),
        "train_seconds": round(history.train_seconds, 3),
        "parameters": model.count_params(),
        "rows": sizes,
        "fingerprints": {one.part: one.fingerprint for one in rows},
        "validation": validation.as_dict(),
        **({} if test is None else {"test": test.as_dict()}),
        **({"members": recipe.train.members} if recipe.train.members else {}),
        **({"data": {"notes": notes, "findings": [one.as_dict() for one in found]}} if notes or found else {}),
    }
    readings = run.end(result)
    if drawn:
        report_trained(run)
    return Trained(
        run.path,
        recipe,
        model,
        history,
        validation,
        test,
        readings,
        result,
        findings=diagnosis.findings if diagnosis else (),
    )


def draw_trained(path: str | os.PathLike[str], *, progress: Progress | None = None) -> None:
    """The pictures and the page of a run that was trained without them.

    Raises:
        RunError: No run is there, or none that has ended.
    """
    run = open_run(path)
    plot_run(run.path, progress=progress)
    report_trained(run)


def _evaluated(recipe: Recipe, model: keras.Model, rows: Dataset) -> tuple[Evaluation, dict[str, Any]]:
    """The evaluation, and of an average what its members reach."""
    if recipe.train.members:
        return evaluate_members(model, rows, recipe.train.tta)
    return evaluate(model, rows, tta=recipe.train.tta), {}


class _Warming(Listener):
    """Imports what draws the pictures while the program trains: more than a second of one core that is idle then."""

    def on_compiled(self, seconds: float) -> None:
        from sonmat.view.canvas import warm

        threading.Thread(target=warm, name="sonmat-warming").start()  # a daemon could abort the process at exit


def _called(recipe: str | os.PathLike[str] | Recipe, asked: Recipe) -> str:
    """The stem of a recipe's file, where it says more than the model's name: not of a run's own `recipe.toml`."""
    file = Path() if isinstance(recipe, Recipe) else Path(recipe)
    if file.suffix != ".toml" or file.name == RECIPE or file.stem == asked.model.name:
        return ""
    return file.stem
