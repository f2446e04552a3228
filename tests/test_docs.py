"""The documents: what they show runs, what they point to exists, and both languages say the same."""

from __future__ import annotations

import os
import re
import shlex
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("README*.md"), *(ROOT / "docs").glob("*.md")])
PAIRS = [(path, path.with_suffix(".ko.md")) for path in DOCUMENTS if not path.name.endswith(".ko.md")]

_BLOCK = re.compile(r"(?:^<!-- (?P<mark>[^\n]*?) -->\n)?^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.M | re.S)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_INLINE = re.compile(r"`(sonmat [^`]+)`")
_FRESH = "a process of its own"
_PRINTED = "printed by the block above"
_REACHED = {"docs/recipes.md": 0.988}  # accuracy that the page's Python prints: what a page on winning shows should win


@dataclass(frozen=True)
class Block:
    """A fenced block. One under a comment `<!-- shown: why -->` is not run."""

    language: str
    code: str
    mark: str

    @property
    def runs(self) -> bool:
        return self.language in ("python", "bash") and not self.mark.startswith("shown: ")

    @property
    def bare(self) -> str:
        """The code without its comments, which are in the document's language."""
        return re.sub(r"\s*#.*", "", self.code)


def blocks(path: Path) -> list[Block]:
    found = _BLOCK.finditer(path.read_text(encoding="utf-8"))
    return [Block(match["language"], match["code"], match["mark"] or "") for match in found]


def prose(path: Path) -> str:
    return _BLOCK.sub("", path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


documents = pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)


@pytest.mark.parametrize(("english", "korean"), PAIRS, ids=[name_of(english) for english, _ in PAIRS])
def test_both_languages_have_the_same_code_headings_and_rows(english: Path, korean: Path) -> None:
    def shape(path: Path) -> dict[str, list[Any]]:
        text = re.sub(r"<!-- (\w+):begin -->.*?<!-- \1:end -->", r"<!-- \1 -->", prose(path), flags=re.S)
        return {
            "code": [(block.language, block.mark, block.bare) for block in blocks(path) if block.runs],
            "shown": [(block.language, block.mark) for block in blocks(path) if not block.runs],
            "headings": [len(marks) for marks in re.findall(r"^(#+) ", text, re.M)],
            "rows": [line.count("|") for line in text.splitlines() if line.startswith("|")],
            "claims": re.findall(r"<!-- [\w.-]+ -->", text),
            "links": [link.replace(".ko.", ".") for link in _LINK.findall(text) if "README" not in link][1:],
        }

    assert shape(english) == shape(korean)
    assert english.name in _LINK.findall(korean.read_text(encoding="utf-8"))
    assert korean.name in _LINK.findall(english.read_text(encoding="utf-8"))


@documents
def test_links_and_pictures_exist(path: Path) -> None:
    links = [link.split("#")[0] for link in _LINK.findall(prose(path)) if "://" not in link]
    assert links, "every document points to its other language"
    assert [link for link in links if not (path.parent / link).is_file()] == []


def test_pictures_are_small() -> None:
    pictures = list((ROOT / "docs").glob("*.png"))
    assert pictures
    assert [picture.name for picture in pictures if picture.stat().st_size > 150_000] == []


@documents
def test_blocks_are_of_known_languages(path: Path) -> None:
    assert {block.language for block in blocks(path)} <= {"python", "bash", "text", "toml"}
    assert path.read_text(encoding="utf-8").count("```") == 2 * len(blocks(path))


@pytest.mark.parametrize("readme", ["README.md", "README.ko.md"])
def test_the_tree_names_every_folder(readme: str) -> None:
    tree = next(block.code for block in blocks(ROOT / readme) if block.code.startswith("sonmat/"))
    told = {line.split("/")[0].strip() for line in tree.splitlines()}
    folders = {folder.parent.name for folder in (ROOT / "sonmat").glob("*/__init__.py")}
    assert told == folders | {"sonmat", "tests", "benchmarks", "docs"}


def commands(path: Path) -> Iterator[tuple[list[str], bool]]:
    """Every `sonmat …` of a document, and whether it is complete: those in a sentence may leave arguments out."""
    for block in blocks(path):
        for line in block.code.splitlines():
            if block.language == "bash" and line.startswith("sonmat "):
                yield shlex.split(line.partition(" > ")[0], comments=True)[1:], True
    for inline in _INLINE.findall(prose(path)):
        yield shlex.split(inline)[1:], False


def complaint(words: list[str], *, complete: bool) -> str:
    """What the command line says against these words; nothing where they parse."""
    from typer.main import get_command

    from sonmat.cli.app import app

    command: Any = get_command(app)
    while hasattr(command, "commands") and words and words[0] in command.commands:
        command, *words = [command.commands[words[0]], *words[1:]]
    if "--help" in words:
        return ""
    if hasattr(command, "commands"):
        return "no such command" if words or complete else ""
    try:
        command.make_context("sonmat", list(words))
    except Exception as error:  # Typer brings a Click of its own, whose place is private
        missing = type(error).__name__ == "MissingParameter"
        return "" if missing and not complete else str(error)
    return ""


@documents
def test_every_command_line_parses(path: Path) -> None:
    wrong = {" ".join(words): complaint(words, complete=complete) for words, complete in commands(path)}
    assert {words: why for words, why in wrong.items() if why} == {}


@pytest.mark.parametrize("line", ["trian", "train --sets a=1", "evaluate", "runs", "runs list", "predict RUN --pick x"])
def test_a_command_line_that_does_not_exist_is_noticed(line: str) -> None:
    assert complaint(line.split(), complete=True)


_LAUNCHER = """#!{python}
from sonmat.cli import main
main()
"""

_WITHOUT_NETWORK = """
import keras, os, numpy as np
def _load_data(path="mnist.npz"):
    with np.load(os.environ["DOCS_MNIST"]) as kept:
        return (kept["x_train"], kept["y_train"]), (kept["x_test"], kept["y_test"])
keras.datasets.mnist.load_data = _load_data
"""  # Keras's own mirror is not the package index; the arrays are the same


def script(path: Path) -> str:
    """A document as one Python program: what a reader does who follows it from top to bottom."""
    lines = ["import subprocess, sys", "space = {}"]
    for block in blocks(path):
        if not block.runs:
            continue
        lines.append(f"print({block.code!r}, flush=True)")
        if block.language == "bash":
            lines.append(f"subprocess.run(['bash', '-euc', {block.code!r}], check=True)")
        elif block.mark == _FRESH:
            lines.append(f"subprocess.run([sys.executable, '-c', {_WITHOUT_NETWORK + block.code!r}], check=True)")
        else:
            lines.append(f"exec(compile({block.code!r}, {path.name!r}, 'exec'), space)")
    return "\n".join(lines)


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path, _ in PAIRS if any(b.runs for b in blocks(path))], ids=name_of)
def test_every_block_runs(path: Path, tmp_path: Path, home: Path, mnist: Any) -> None:
    binaries = tmp_path / "bin"
    binaries.mkdir()
    launcher = binaries / "sonmat"
    launcher.write_text(_LAUNCHER.format(python=sys.executable))
    launcher.chmod(launcher.stat().st_mode | stat.S_IXUSR)
    place = tmp_path / "reader"
    place.mkdir()
    environment = {
        **os.environ,
        "PATH": f"{binaries}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "KERAS_BACKEND": "jax",
        "MPLBACKEND": "Agg",
        "DOCS_MNIST": str(home / "cache" / "data" / "mnist.npz"),
    }
    program = tmp_path / "document.py"
    program.write_text(script(path), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(program)], cwd=place, env=environment, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    printed = "\n".join(line.rstrip() for line in done.stdout.splitlines())
    for block in blocks(path):
        if block.mark == _PRINTED:
            assert block.code in printed, f"not printed: {block.code}"
    if name_of(path) in _REACHED:
        reached = [float(found) for found in re.findall(r"^accuracy (0\.\d+), loss", printed, re.M)]
        assert reached
        assert min(reached) >= _REACHED[name_of(path)]
