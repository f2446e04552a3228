"""The tuned recipes: TOML files in `recipes/`, each headed by what it was measured to reach."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sonmat.models.recipe import Recipe, from_toml

FOLDER = Path(__file__).parent / "recipes"
NAMES = ("quick", "tiny", "strong", "ensemble", "fashion", "robust", "textcnn")
_KOREAN = "# ko: "


@cache
def tuned(name: str) -> Recipe:
    """The recipe in a file of the package."""
    return from_toml(path_of(name).read_text(encoding="utf-8"), source=f"{name}.toml")


def path_of(name: str) -> Path:
    """Where a tuned recipe lies, to be read or copied."""
    return FOLDER / f"{name}.toml"


@cache
def claim(name: str) -> tuple[str, str]:
    """The first line of a file's head, in English, and the line that follows `# ko: `."""
    lines = path_of(name).read_text(encoding="utf-8").splitlines()
    korean = next((line.removeprefix(_KOREAN) for line in lines if line.startswith(_KOREAN)), "")
    return lines[0].removeprefix("# "), korean
