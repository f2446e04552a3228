"""The pictures of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sonmat.data.dataset import Dataset
from sonmat.data.known_errors import by_row
from sonmat.engine.evaluate import Evaluation
from sonmat.errors import SonmatError
from sonmat.files import write_text
from sonmat.language import say
from sonmat.runs.folder import RunFolder

CURVES, CONFUSION, HARDEST = "curves.png", "confusion.png", "hardest.png"
HARDEST_SENTENCES = "hardest.txt"


def draw_curves(run: RunFolder, path: Path | None = None) -> Path:
    """Loss and accuracy of each epoch so far."""
    from sonmat.view.curves import columns, curves

    records = [
        {name: value for name, value in record.items() if name not in ("epoch", "seconds")} for record in run.history
    ]
    first = int(run.history[0].get("epoch", 0)) if run.history else 0
    target = path or run.path / CURVES
    curves(columns(records), target, title=_title(run), initial_epoch=first)
    return target


def draw_mistakes(run: RunFolder, rows: Dataset, found: Evaluation, folder: Path | None = None) -> list[Path]:
    """The confusions over some rows, and the images the model was most wrong about; nothing for a model of another kind."""
    from sonmat.view.confusion import confusion
    from sonmat.view.corrected import error_text
    from sonmat.view.data_tables import part_name
    from sonmat.view.hardest import hardest
    from sonmat.view.images import drawable

    if found.scores is None:
        return []
    place = folder or run.path
    names = found.scores.classes
    told = say(f"{_title(run)}: {rows.part} rows", f"{_title(run)}: {part_name(rows.part)} 데이터")
    confusion(found.scores.confusion, names, place / CONFUSION, title=told)
    drawn = [place / CONFUSION]
    probabilities: Any = found.outputs
    if drawable(rows.inputs) and probabilities.shape == (len(rows), len(names)):
        wrong = say("the images it was most wrong about", "가장 크게 틀린 이미지")
        remarks = {row: error_text(one, names) for row, one in by_row(rows, range(len(rows))).items()}
        hardest(
            rows.inputs,
            rows.labels,
            probabilities,
            names,
            place / HARDEST,
            rows=rows.rows,
            remarks=remarks,
            title=f"{told}, {wrong}",
        )
        drawn.append(place / HARDEST)
    if rows.sentences is not None and probabilities.shape == (len(rows), len(names)):
        from sonmat.view.hardest_sentences import hardest_sentences

        text = hardest_sentences(
            list(rows.sentences), rows.labels, probabilities, names, rows=rows.rows.tolist(), title=told
        )
        write_text(place / HARDEST_SENTENCES, text)
        drawn.append(place / HARDEST_SENTENCES)
    return drawn


def _title(run: RunFolder) -> str:
    try:
        recipe = run.recipe
    except SonmatError:  # made by sonmat.fit(run=…)
        return run.name
    return say(f"{recipe.model.name} on {Path(recipe.data).name}", f"{Path(recipe.data).name} · {recipe.model.name}")
