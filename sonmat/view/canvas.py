"""The sheet that pictures are drawn on, and how it becomes a file.

Figures are made and drawn without pyplot: no window, no global list of figures, and the user's own matplotlib settings
neither change nor show in the result.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sonmat.files import replacing
from sonmat.view.fonts import families

DPI = 200  # twice what screens use: sharp on dense ones and in print

# Safe for the colour-blind, and apart in grey (Okabe and Ito, "Color universal design", 2008).
ORANGE, BLUE, GREEN, INK, FAINT = "#D55E00", "#0072B2", "#009E73", "#222222", "#707070"

_STYLE: dict[str, Any] = {
    "figure.dpi": DPI,
    "figure.facecolor": "white",
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,  # a class may be called "$5"
    "axes.edgecolor": FAINT,
    "axes.facecolor": "white",
    "axes.labelcolor": INK,
    "axes.labelsize": 10.5,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.titlesize": 12.5,
    "axes.grid": False,
    "axes.unicode_minus": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
}
_KEPT = ("backend", "backend_fallback", "interactive", "toolbar", "webagg", "savefig.directory", "tk.", "date.epoch")
_drawing = threading.RLock()  # matplotlib's settings belong to the process, not to a thread


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Draw in sonmat's style, whatever the user's is; afterwards the user's settings are as they were."""
    with _drawing, matplotlib.rc_context():
        matplotlib.rcParams.update(_defaults() | _STYLE | {"font.family": list(families())})
        yield


def sheet(width: float, height: float) -> Figure:
    """An empty figure of `width` by `height` inches, at 200 dots an inch. Call it inside `style()`."""
    figure = Figure(figsize=(round(width * DPI) / DPI, round(height * DPI) / DPI), dpi=DPI)  # whole dots
    FigureCanvasAgg(figure)
    return figure


def finish(figure: Figure, path: str | os.PathLike[str] | None, *, small: bool = False) -> Path | Figure:
    """Write the figure as a PNG, all or nothing, and return its path; without a path return the figure itself.

    Args:
        figure: What to write.
        path: Where to.
        small: Whether to make the file as small as it can be, which takes longer.

    Raises:
        StorageError: The file cannot be written; what was there is untouched.
    """
    if path is None:
        figure.draw_without_rendering()  # ticks and legends take their fonts now, while the style holds
        return figure
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    with replacing(path) as file:
        # Level 1 writes in half the time of matplotlib's 6 and costs a fifth in size.
        canvas.print_png(file, pil_kwargs={"optimize": True} if small else {"compress_level": 1})
    return Path(path)


def warm() -> None:
    """Load matplotlib's fonts and code paths ahead of need: for a thread that has time while something compiles."""
    with style():
        figure = sheet(1, 1)
        figure.add_subplot().set_title("가a")
        figure.canvas.draw()


def _defaults() -> dict[str, Any]:
    return {key: value for key, value in matplotlib.rcParamsDefault.items() if not key.startswith(_KEPT)}
