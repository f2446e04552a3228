"""Drawing a run's pictures again."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from sonmat.data.progress import Progress
from sonmat.engine.evaluate import evaluate
from sonmat.errors import RunError
from sonmat.jobs import pictures
from sonmat.jobs.evaluate import compile_for
from sonmat.jobs.rows import rows_of, scale_for, views_of
from sonmat.language import say
from sonmat.runs.folder import MODEL, RECIPE, load_run, open_run


def plot_run(
    path: str | os.PathLike[str], folder: Path | None = None, *, progress: Progress | None = None
) -> list[Path]:
    """The curves of a run, and where its model is trained its confusions and hardest images, on validation rows.

    Args:
        path: The run folder.
        folder: Where to draw; the run folder itself by default.
        progress: Told of the download.

    Raises:
        RunError: No run, or one without a whole epoch.
    """
    run = open_run(path)
    if not run.history:
        raise RunError(
            say(f"{run.path} has no whole epoch to draw yet.", f"{run.path}에는 아직 그릴 에포크가 없습니다."),
            say(f"Train it: sonmat resume {run.path}", f"학습하세요: sonmat resume {run.path}"),
        )
    target = folder or run.path
    drawn = [pictures.draw_curves(run, target / pictures.CURVES)]
    if (run.path / MODEL).exists() and (run.path / RECIPE).exists():
        loaded = load_run(run.path)
        rows = rows_of(run.recipe, tokenizer=loaded.tokenizer, progress=progress)[1]
        rows = replace(rows, scale=scale_for(loaded, rows))
        compile_for(loaded, rows)
        drawn += pictures.draw_mistakes(run, rows, evaluate(loaded.model, rows, tta=views_of(loaded)), target)
    return drawn
