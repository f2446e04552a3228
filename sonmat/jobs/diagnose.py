"""Diagnosing a run: examine what there is, keep the numbers, say what they mean."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sonmat.data.dataset import Dataset
from sonmat.data.progress import Progress
from sonmat.data.sources import load_as
from sonmat.engine import checks
from sonmat.engine.evidence import Evidence
from sonmat.engine.examination import Extent, examine, unexamined
from sonmat.engine.examples import Examples
from sonmat.engine.fit import gathered
from sonmat.errors import SonmatError, StorageError
from sonmat.files import write_json
from sonmat.jobs.evaluate import compile_for
from sonmat.jobs.kept_diagnosis import FORMAT
from sonmat.jobs.kept_diagnosis import Diagnosis as Diagnosis
from sonmat.jobs.kept_diagnosis import stored_diagnosis as stored_diagnosis
from sonmat.jobs.own_data import settings_like
from sonmat.jobs.rows import rows_of, scale_for
from sonmat.jobs.settings import companion_settings, with_settings
from sonmat.language import say
from sonmat.models.catalog import build_recipe
from sonmat.models.recipe import Recipe
from sonmat.runs.checkpoint import read_checkpoint
from sonmat.runs.folder import CHECKPOINT, DIAGNOSIS, RECIPE, Run, RunFolder, load_run, located
from sonmat.view.diagnosis import findings

if TYPE_CHECKING:
    import keras


def diagnose(
    run: str | os.PathLike[str] | keras.callbacks.History,
    *,
    model: keras.Model | None = None,
    data: Any = None,
    validation_data: Any = None,
    extent: Extent | None = None,
    progress: Progress | None = None,
) -> Diagnosis:
    """Say what is wrong with a training, by which numbers, and what to do next.

    What can be looked at is: a run of a recipe knows its network and rows, finished or not; one that `sonmat.fit(run=…)`
    made needs `model` and `data` for more than its curves; a History brings its model along. The test set is never read.
    The numbers are kept in the run folder as `diagnosis.json`.

    Args:
        run: A run folder or its name, a model file, or what `fit` returned.
        model: The trained network, where the run does not hold it.
        data: The training rows where the run does not know them: a `Dataset`, `(x, y)`, or a data set's name or path,
            which a run of a recipe splits as it split its own.
        validation_data: Rows that were not trained on, in the same forms but for names.
        extent: How much to look at; by default at most 10,000 rows of each part.
        progress: Told of a download.

    Raises:
        RunError: There is no run.
        ModelFileError: The run's model is broken or not safe to read.
        DataError: `data` does not fit the model.
    """
    import keras

    if isinstance(run, keras.callbacks.History):
        history = _records(run)
        evidence = _examined(model or run.model, data, validation_data, None, extent, progress)
        told = companion_settings(getattr(run, "companion", {}))  # `sonmat.fit` leaves it there
        evidence = replace(evidence, settings=replace(evidence.settings, **told))
        return Diagnosis(tuple(findings(evidence, history)), evidence)
    path, folder = located(run)
    if folder is None:
        loaded = load_run(path)
        evidence = _examined(model or loaded.model, data, validation_data, loaded, extent, progress)
        return Diagnosis(tuple(findings(evidence)), evidence)
    recipe = folder.recipe if (folder.path / RECIPE).exists() else None
    evidence = _of_folder(folder, recipe, model, data, validation_data, extent, progress)
    return _kept(folder, evidence, recipe)


def diagnose_trained(
    folder: RunFolder, model: keras.Model, train: Dataset, validation: Dataset, outputs: Any, extent: Extent
) -> Diagnosis | None:
    """The diagnosis of a training of a recipe that has just ended, from what is in memory.

    Args:
        folder: Its run.
        model: The trained network.
        train, validation: Its rows.
        outputs: What the network gives for all validation rows; None where that is a mean over several views: beside it
            the training rows, which are looked at once, would seem too bad.
        extent: How much to look at.

    Returns:
        The diagnosis; None, with a warning, where a network is so unusual that looking at it fails. A trained run is never
        lost for that.
    """
    try:
        evidence = examine(
            model,
            gathered(train),
            gathered(validation),
            classes=train.classes,
            extent=extent,
            validation_outputs=outputs,
        )
        return _kept(folder, with_settings(evidence, folder, folder.recipe), folder.recipe)
    except Exception as error:
        warnings.warn(
            say(
                f"The run could not be diagnosed ({type(error).__name__}: {error}). Nothing else is missing.",
                f"이 실행은 진단하지 못했습니다 ({type(error).__name__}: {error}). 나머지는 모두 그대로입니다.",
            ),
            stacklevel=2,
        )
        return None


def _kept(folder: RunFolder, evidence: Evidence, recipe: Recipe | None) -> Diagnosis:
    history = folder.history
    kept = {"format": FORMAT, "epochs": len(history), "evidence": evidence.as_dict()}
    try:
        write_json(folder.path / DIAGNOSIS, kept)
    except StorageError as error:  # a run on a disk that is full or not ours can be looked at all the same
        warnings.warn(str(error), stacklevel=3)
    return Diagnosis(
        tuple(findings(evidence, history, recipe=recipe, run=str(folder.path))), evidence, str(folder.path)
    )


def _of_folder(
    folder: RunFolder,
    recipe: Recipe | None,
    model: keras.Model | None,
    data: Any,
    validation_data: Any,
    extent: Extent | None,
    progress: Progress | None,
) -> Evidence:
    if recipe is not None and isinstance(data, (str, os.PathLike)):  # the run's rows may have moved
        data, validation_data, _ = rows_of(replace(recipe, data=os.fspath(data)), progress=progress)
    elif recipe is not None and data is None:
        try:
            data, validation_data, _ = rows_of(recipe, progress=progress)
        except SonmatError:  # gone, or out of reach: what can be said is said
            stored = stored_diagnosis(folder)
            if stored is not None and "data" not in stored.evidence.unmeasured and model is None:
                return stored.evidence
    loaded = None
    if model is None and folder.has_model:
        loaded = load_run(folder.path)
        model = loaded.model
    elif model is None and recipe is not None and isinstance(data, Dataset):
        model = _begun_model(folder, recipe, data)
    if model is None:
        return with_settings(unexamined(), folder, recipe)
    return with_settings(_examined(model, data, validation_data, loaded, extent, progress), folder, recipe)


def _begun_model(folder: RunFolder, recipe: Recipe, train: Dataset) -> keras.Model | None:
    """The network of a run that has not ended, with the weights of its last whole epoch."""
    if not (folder.path / CHECKPOINT).exists():
        return None
    model = build_recipe(recipe, train)
    snapshot, _ = read_checkpoint(folder.path / CHECKPOINT)
    for variables, arrays in zip(
        (model.trainable_variables, model.non_trainable_variables), snapshot.arrays, strict=False
    ):
        for variable, array in zip(variables, arrays, strict=False):
            variable.assign(array)
    return model


def _examined(
    model: keras.Model,
    data: Any,
    validation_data: Any,
    loaded: Run | None,
    extent: Extent | None,
    progress: Progress | None,
) -> Evidence:
    if isinstance(data, (str, os.PathLike)):
        shape = model.input_shape[1:] if isinstance(model.input_shape, tuple) else ()
        data, _ = load_as(data, settings_like(shape, None), progress=progress)
    train, validation = (_as_examples(part, loaded, model) for part in (data, validation_data))
    classes = next((part.classes for part in (data, validation_data) if isinstance(part, Dataset)), ())
    return examine(model, train, validation, classes=classes or (loaded.classes if loaded else ()), extent=extent)


def _as_examples(part: Any, loaded: Run | None, model: keras.Model) -> Examples | None:
    if part is None:
        return None
    if isinstance(part, Dataset) and loaded is not None:
        part = replace(part, scale=scale_for(loaded, part))
        compile_for(loaded, part)
    examples = gathered(part)
    checks.check_inputs(model, examples)
    return examples


def _records(history: keras.callbacks.History) -> Sequence[Mapping[str, Any]]:
    columns = {name: list(column) for name, column in history.history.items()}
    count = max(map(len, columns.values()), default=0)
    return [{name: column[i] for name, column in columns.items() if i < len(column)} for i in range(count)]
