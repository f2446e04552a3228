"""Several networks of one recipe, trained with seeds that count up and averaged into one model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sonmat.data.dataset import Dataset
from sonmat.engine.evaluate import Evaluation, evaluation_of
from sonmat.engine.listener import Listener
from sonmat.engine.predict import predict
from sonmat.files import write_json
from sonmat.jobs.answer import outliers_for, taught
from sonmat.models.catalog import build_recipe
from sonmat.models.compilation import compile_model
from sonmat.models.recipe import Recipe
from sonmat.runs.fit import fit
from sonmat.runs.folder import RunFolder
from sonmat.runs.journal import append_line, read_lines
from sonmat.runs.recorder import JOURNAL

if TYPE_CHECKING:
    import keras

MEMBERS = "members"
_MEAN = "mean"  # the layer


def fit_settings(recipe: Recipe) -> dict[str, Any]:
    """What `fit` is told of a recipe."""
    train = recipe.train
    return {
        "epochs": train.epochs,
        "batch_size": train.batch_size,
        "seed": recipe.seed,
        "augment": train.augment,
        "label_smoothing": train.label_smoothing or 0.0,
        "average": train.average,
        "verbose": 0,
    }


def fit_members(
    run: RunFolder, recipe: Recipe, rows: tuple[Dataset, Dataset, Dataset], listeners: Sequence[Listener]
) -> tuple[keras.Model, keras.callbacks.History]:
    """Train every member, each in a folder of its own under `members`, and average their outputs.

    A member is what the recipe without `members` gives with its seed, to the bit, on the rows of this recipe's split. On
    these few cores the members follow each other through the same compiled program: one fills all cores. After a kill
    those that are done are read back.

    Returns:
        A flat functional model whose output is the mean of the members'; and a History of their means, epoch by epoch.
    """
    assert recipe.train.members is not None
    models, histories = [], []
    for number in range(recipe.train.members):
        alone = member(recipe, number)
        model = build_recipe(alone, rows[0])
        folder = run.path / MEMBERS / str(alone.seed)
        folder.mkdir(parents=True, exist_ok=True)
        history = fit(
            model,
            taught(alone, rows[0]),
            validation_data=rows[1],
            run=folder,
            listeners=listeners,
            outliers=outliers_for(alone, rows[0]),
            **fit_settings(alone),
        )
        models.append(model)
        histories.append(history)
    averaged = average_of(models)
    compile_model(averaged, replace(recipe.train, learning_rate=None, optimizer=None, options={}))
    history = _mean(histories)
    _write_journal(run, history)
    return averaged, history


def member(recipe: Recipe, number: int) -> Recipe:
    """The recipe of one member alone."""
    split = recipe.seed if recipe.split_seed is None else recipe.split_seed
    train = replace(recipe.train, members=None)
    return replace(recipe, seed=(recipe.seed + number) % 2**32, split_seed=split, train=train)


def average_of(models: Sequence[keras.Model]) -> keras.Model:
    """One model of all the layers of some models of the same inputs, which gives the mean of their outputs."""
    import keras

    read = models[0].inputs[0]
    inputs = keras.Input(read.shape[1:], dtype=read.dtype, name=read.name)
    outputs = []
    for number, model in enumerate(models, start=1):

        def renamed(layer: Any, number: int = number) -> Any:
            return type(layer).from_config({**layer.get_config(), "name": f"{layer.name}_of_{number}"})

        copy = keras.models.clone_model(model, input_tensors=inputs, clone_function=renamed)
        copy.set_weights(model.get_weights())
        outputs.append(copy.outputs[0])
    mean = keras.layers.Average(name=_MEAN)(outputs)
    return keras.Model(inputs, mean, name=f"{len(models)}_{models[0].name}s")


def evaluate_members(
    model: keras.Model, rows: Dataset, tta: Mapping[str, Any] | None
) -> tuple[Evaluation, dict[str, Any]]:
    """What an average of networks reaches, and what each of them alone and all without it, from one look at the rows.

    Args:
        model: As `average_of` gives it, compiled.
        rows: Each goes through each member once; the means are those of these outputs.
        tta: As `evaluate` has it.

    Returns:
        The evaluation of the mean; and accuracies: `members` of each, `corrected` with the labels corrected that are known
        to be wrong (None where none are), `without` of the mean of all others.
    """
    import keras

    apart = keras.Model(model.inputs, model.get_layer(_MEAN).input)
    outputs = np.stack(predict(apart, rows, tta=tta))
    each = [evaluation_of(model, one, rows) for one in outputs]
    without = [evaluation_of(model, np.delete(outputs, out, 0).mean(0), rows) for out in range(len(outputs))]
    return evaluation_of(model, outputs.mean(0), rows), {
        "members": [_accuracy(one) for one in each],
        "corrected": [one.corrected.accuracy if one.corrected else None for one in each],
        "without": [_accuracy(one) for one in without],
    }


def write_scores(run: RunFolder, scores: Mapping[str, Any]) -> None:
    """Keep what `evaluate_members` told of each part."""
    write_json(run.path / MEMBERS / "scores.json", scores)


def _accuracy(found: Evaluation) -> float | None:
    return found.accuracy if found.scores else None


def _write_journal(run: RunFolder, history: keras.callbacks.History) -> None:
    """The run's own journal: means of the members', and the time of them all."""
    journals = [read_lines(folder / JOURNAL) for folder in (run.path / MEMBERS).iterdir() if folder.is_dir()]
    (run.path / JOURNAL).unlink(missing_ok=True)
    for index, epoch in enumerate(history.epoch):
        values = {name: column[index] for name, column in history.history.items()}
        seconds = sum(lines[index]["seconds"] for lines in journals)
        append_line(run.path / JOURNAL, {"epoch": epoch, **values, "seconds": round(seconds, 4)})


def _mean(histories: Sequence[keras.callbacks.History]) -> keras.callbacks.History:
    import keras

    mean = keras.callbacks.History()
    mean.epoch = list(histories[0].epoch)
    mean.history = {
        name: [float(np.mean(values)) for values in zip(*(one.history[name] for one in histories), strict=True)]
        for name in histories[0].history
    }
    mean.compile_seconds = sum(one.compile_seconds for one in histories)
    mean.train_seconds = sum(one.train_seconds for one in histories)
    return mean
