"""The pictures of a study and its page, drawn from its folder."""

from __future__ import annotations

import os
from pathlib import Path

from sonmat.search.study import Study
from sonmat.view.study_fan import draw_fan
from sonmat.view.study_figure import StudyFigure
from sonmat.view.study_finalists import draw_finalists
from sonmat.view.study_heatmap import draw_heatmap
from sonmat.view.study_history import draw_history
from sonmat.view.study_importance import draw_importance
from sonmat.view.study_page import study_page
from sonmat.view.study_parallel import draw_parallel
from sonmat.view.study_slices import draw_slices
from sonmat.view.study_timeline import draw_timeline

PAGE = "study.html"
_PICTURES = {
    "history.png": draw_history,
    "slices.png": draw_slices,
    "heatmap.png": draw_heatmap,
    "parallel.png": draw_parallel,
    "importance.png": draw_importance,
    "fan.png": draw_fan,
    "finalists.png": draw_finalists,
    "timeline.png": draw_timeline,
}


def figure_of(study: Study) -> StudyFigure:
    """A study as its pictures see it, finished or not."""
    asked, result = study.asked, study.result or {}
    winner = result.get("winner") or {}
    tested = winner.get("tested")
    return StudyFigure(
        name=study.name,
        trials=tuple(study.trials),
        repeats=tuple(study.repeats),
        metric=asked.metric,
        maximize=asked.maximize,
        space=asked.space,
        test=tested if isinstance(tested, (int, float)) else None,
        readings=winner.get("test_readings"),
    )


def draw_study(study: Study, out: str | os.PathLike[str] | None = None) -> list[Path]:
    """Draw every picture of a study, and the page with all of them.

    Args:
        study: Finished or not; it is only read.
        out: The folder to draw into; by default the study's own.

    Returns:
        The files, the page first.

    Raises:
        StorageError: A file cannot be written.
    """
    folder = study.path if out is None else Path(out).expanduser()
    figure = figure_of(study)
    files = [folder / PAGE]
    study_page(figure, folder / PAGE)
    for name, draw in _PICTURES.items():
        draw(figure, folder / name)
        files.append(folder / name)
    return files
