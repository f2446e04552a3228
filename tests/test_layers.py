"""The order of the layers, read from the imports: a folder imports only from folders above it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "sonmat"
ORDER = ("data", "models", "engine", "runs", "search", "view", "serve", "jobs", "studio")
TOP = ("__init__", "__main__", "cli")  # these may import everything; other files beside them are leaves
SHELVES = ("utils", "util", "common", "helpers", "helper", "types", "misc", "shared", "base")
MODULES = sorted(PACKAGE.rglob("*.py"))


def rank(parts: tuple[str, ...]) -> int:
    """How low a module of the package lies, given its path below `sonmat`: leaves 0, `data` 1, … `cli` last."""
    if parts and parts[0] in ORDER:
        return 1 + ORDER.index(parts[0])
    leaf = parts and parts[0] not in TOP and (parts[0] == "__version__" or (PACKAGE / f"{parts[0]}.py").is_file())
    return 0 if leaf else 1 + len(ORDER)  # `from sonmat import fit` is a public name, which may come from anywhere


def imported(source: str, module: tuple[str, ...], package: bool) -> set[tuple[str, ...]]:
    """The paths below `sonmat` that a module's source imports, lazily, relatively or for types alone too."""
    found = set()
    here = ("sonmat", *module) if package else ("sonmat", *module[:-1])
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {tuple(name.name.split(".")) for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            # `from sonmat import view` imports a folder, `from sonmat.errors import DataError` a module's name
            found |= {(*base, name.name) if base == ("sonmat",) else base for name in node.names}
    return {path[1:] for path in found if path[0] == "sonmat"}


def breaches(source: str, module: tuple[str, ...], package: bool = False) -> list[str]:
    """What a module imports from below itself."""
    return [
        ".".join(("sonmat", *path)) for path in sorted(imported(source, module, package)) if rank(path) > rank(module)
    ]


def parts_of(file: Path) -> tuple[str, ...]:
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts


def test_every_folder_has_its_place():
    folders = {file.relative_to(PACKAGE).parts[0] for file in MODULES if len(file.relative_to(PACKAGE).parts) > 1}
    assert folders, "no modules were found"
    assert folders <= {*ORDER, "cli"}


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_go_up(file: Path):
    found = breaches(file.read_text(encoding="utf-8"), parts_of(file), package=file.name == "__init__.py")
    assert not found, f"{file.relative_to(PACKAGE)} imports from below itself: {', '.join(found)}"


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_modules_are_small_and_named_for_what_they_hold(file: Path):
    assert file.stem not in SHELVES, f"{file.name}: a thing lives where it is made"
    lines = len(file.read_text(encoding="utf-8").splitlines())
    assert lines <= 400, f"{file.name} has {lines} lines; split it by nouns"


@pytest.mark.parametrize(
    ("source", "module", "package"),
    [
        ("from sonmat.runs.folder import Run", ("engine", "fit"), False),
        ("def f():\n    import sonmat.runs.folder", ("engine", "fit"), False),
        ("from ..runs import folder", ("engine", "fit"), False),
        ("from .. import runs", ("engine", "fit"), False),
        ("from ..runs import folder", ("engine",), True),
        ("from sonmat import view", ("engine", "fit"), False),
        ("from sonmat import load", ("engine", "fit"), False),
        ("import sonmat", ("engine", "fit"), False),
        ("from .data import dataset", ("places",), False),
        ("from sonmat.cli import main", ("studio", "app"), False),
    ],
)
def test_a_breach_is_seen(source: str, module: tuple[str, ...], package: bool):
    assert breaches(source, module, package)


@pytest.mark.parametrize(
    ("source", "module", "package"),
    [
        ("from sonmat.engine.fit import fit", ("engine", "evaluate"), False),
        ("from sonmat.data.dataset import Dataset", ("engine", "fit"), False),
        ("from . import program", ("engine", "fit"), False),
        ("from .program import run", ("engine",), True),
        ("from sonmat.errors import DataError\nimport numpy", ("data", "dataset"), False),
        ("from sonmat import errors", ("data", "dataset"), False),
        ("from sonmat import __version__", ("runs", "folder"), False),
        ("from sonmat.jobs.train import train", ("cli",), False),
    ],
)
def test_the_right_way_is_allowed(source: str, module: tuple[str, ...], package: bool):
    assert not breaches(source, module, package)
