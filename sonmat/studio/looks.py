"""Networks that the looker has open, and what is worked out of them once: programs for NumPy, pictures, pages."""

from __future__ import annotations

import shutil
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sonmat import places
from sonmat.data.dataset import Dataset
from sonmat.data.progress import silent
from sonmat.jobs.rows import rows_of
from sonmat.jobs.train import draw_trained
from sonmat.models.recipe import Recipe
from sonmat.runs.folder import MODEL, RECIPE, Run, RunFolder, load_run
from sonmat.serve.kept_network import open_network
from sonmat.serve.predictor import Predictor
from sonmat.serve.tracing import program_of
from sonmat.studio.freshness import changed
from sonmat.studio.planes import asked, layer_told, told_answer
from sonmat.studio.seen_layers import layers_file

_RUNS, _SETS = 6, 3  # that are kept

Tell = Callable[..., None]

_opened: OrderedDict[tuple[str, int, int], Run] = OrderedDict()
_rows: OrderedDict[str, tuple[Dataset, Dataset, Dataset]] = OrderedDict()


def opened(name: str, epoch: int | None = None) -> Run:
    """A run's model and what it says of itself; with the weights after an epoch, counted from 1, where it kept them.

    Raises:
        RunError: It has no trained model.
    """
    from sonmat.runs.epoch_weights import put_epoch

    folder = places.runs_folder() / name
    stat = RunFolder(folder).model_path.stat()
    key = (f"{name}@{epoch or ''}", stat.st_mtime_ns, stat.st_size)
    if key not in _opened:
        run = load_run(folder)
        if epoch is not None and not put_epoch(run.model, folder, epoch):
            from sonmat.errors import RunError
            from sonmat.language import say

            raise RunError(
                say(f"{name} kept no weights of epoch {epoch}.", f"{name}에는 {epoch} 에포크의 가중치가 없습니다."),
                say("Choose another epoch.", "다른 에포크를 고르세요."),
            )
        _opened[key] = run
        while len(_opened) > _RUNS:
            _opened.popitem(last=False)
    _opened.move_to_end(key)
    return _opened[key]


def rows_for(recipe: Recipe, run: Run) -> tuple[Dataset, Dataset, Dataset]:
    """Training, validation and test rows of a run."""
    seed = recipe.seed if recipe.split_seed is None else recipe.split_seed
    tokenizer = id(run.tokenizer) if run.tokenizer else 0
    key = repr((recipe.data, changed(recipe.data), recipe.split, seed, recipe.tokens, recipe.read, tokenizer))
    if key not in _rows:
        _rows[key] = rows_of(recipe, tokenizer=run.tokenizer, progress=silent)
        while len(_rows) > _SETS:
            _rows.popitem(last=False)
    _rows.move_to_end(key)
    return _rows[key]


def network(tell: Tell, run: str) -> bool:
    """Work a run's network out for NumPy, and one with the output of every layer; whether NumPy can run it."""
    folder = places.runs_folder() / run
    open_network(folder, lasting=False)
    file = folder / MODEL
    if not layers_file(file).exists():
        model = opened(run).model
        told, outputs = _outputs(model)
        program = program_of(keras.Model(model.inputs, outputs), {"layers": told}) if outputs else None
        if program is not None:
            program.save(layers_file(file))
    return True


def _outputs(model: keras.Model) -> tuple[list[dict[str, Any]], list[Any]]:
    """The layers that show something, and their outputs; none of a model whose layers cannot be told."""
    told: list[dict[str, Any]] = []
    outputs: list[Any] = []
    if len(model.inputs) != 1:
        return told, outputs
    for layer in model.layers:
        try:
            output = layer.output
        except (AttributeError, ValueError):
            continue
        if isinstance(layer, keras.layers.InputLayer) or isinstance(output, (list, tuple, dict)):
            continue
        told.append({"name": layer.name, "kind": type(layer).__name__})
        outputs.append(output)
    return told, outputs


def draw(tell: Tell, run: str, way: str, given: list[Any], kind: str, layers: bool) -> list[dict[str, Any]]:
    """What a network says that NumPy cannot run."""
    predictor = Predictor.open(places.runs_folder() / run)
    array = np.asarray(given, kind)
    found = asked(predictor, way, array)
    model = opened(run).model if layers else None
    about: list[dict[str, Any]] = []
    whole = None
    if model is not None:
        about, outputs = _outputs(model)
        whole = keras.Model(model.inputs, outputs) if outputs else None
    told = []
    for one in found:
        seen: list[dict[str, Any]] = []
        if whole is not None and one.seen is not None:
            made = whole(predictor.scaled(one.seen[None]), training=False)
            made = made if isinstance(made, (list, tuple)) else [made]
            seen = [
                layer_told(each["name"], each["kind"], np.asarray(value)[0])
                for each, value in zip(about, made, strict=True)
            ]
        told.append(told_answer(run, predictor.classes, one, seen))
    return told


def pictures(tell: Tell, run: str) -> bool:
    """The pictures and the page that `sonmat train` leaves in a run's folder."""
    folder = Path(places.runs_folder() / run)
    if (folder / MODEL).exists() and not _drawn(folder):
        draw_trained(folder, progress=silent)
        if not (folder / RECIPE).exists():  # it was deleted meanwhile
            shutil.rmtree(folder, ignore_errors=True)
    return True


def _drawn(folder: Path) -> bool:
    from sonmat.jobs.report import REPORT

    try:
        return (folder / REPORT).stat().st_mtime >= (folder / MODEL).stat().st_mtime
    except OSError:
        return False
