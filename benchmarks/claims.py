"""Put the measured figures into the documents, so that no figure is written by hand.

    python -m benchmarks.claims            # fill every marker below
    python -m benchmarks.claims --check    # exit status 1 where a document says something else

A document holds `<!-- fit_notes:begin -->` and `<!-- fit_notes:end -->` (or another table's name) around a table, or a single
figure inside a sentence: `<!-- fit_notes.notes.fit -->23.4×<!-- / -->`. The names of single figures are those of `figures` in
`benchmarks.tables` and the `benchmarks.*_table` beside it. The comments at the head of
the tuned recipes are written as a whole.
A document is Korean where its name ends in `.ko.md` or it lies in a folder `ko`.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import (
    accuracy_table,
    cluster_table,
    cnn_table,
    hostile_table,
    lr_table,
    notes_question_table,
    photos_table,
    sentences_table,
    serve_table,
    studio_table,
    sweep_table,
    tables,
)
from benchmarks.processes import ROOT
from sonmat.files import write_text

RESULTS = ROOT / "benchmarks" / "results"
_TABLES = {
    "fit_notes": tables.fit_notes,
    "leak": tables.leak,
    "cnn": cnn_table.cnn,
    "cnn_newest": cnn_table.cnn,
    "lr_finder": lr_table.lr_finder,
    "accuracy": accuracy_table.accuracy,
    "sweep": sweep_table.sweep,
    "sentences": sentences_table.sentences,
    "serve": serve_table.serve,
    "hostile": hostile_table.hostile,
    "photos": photos_table.photos,
    "studio": studio_table.studio,
    **notes_question_table.TABLES,
    **cluster_table.TABLES,
}
_RECORD = dict.fromkeys(notes_question_table.TABLES, "notes_question") | dict.fromkeys(cluster_table.TABLES, "cluster")
"""The record that a table is of, where it has another name."""
_FIGURES = {
    "fit_notes": tables.figures,
    "cnn": cnn_table.figures,
    "cnn_newest": cnn_table.figures,
    "diagnosis": tables.diagnosis_figures,
    "lr_finder": lr_table.figures,
    "accuracy": accuracy_table.figures,
    "sweep": sweep_table.figures,
    "sentences": sentences_table.figures,
    "notes_question": notes_question_table.figures,
    "cluster": cluster_table.figures,
    "studio": studio_table.figures,
}
_KNOWN = tuple(dict.fromkeys([*_TABLES, *_FIGURES]))
_BLOCK = re.compile(r"(<!-- (\w+):begin -->\n)(.*?)(<!-- \2:end -->)", re.DOTALL)
_FIGURE = re.compile(r"(<!-- (\w+)\.([\w.-]+) -->)([^<]*)(<!-- / -->)")


class UnknownClaim(Exception):
    """A document asks for a figure that nothing measures."""


def records(folder: Path = RESULTS) -> dict[str, dict[str, Any]]:
    """The benchmarks' JSON, by name, as far as it exists."""
    return {name: json.loads(path.read_text()) for name in _KNOWN if (path := folder / f"{name}.json").exists()}


def documents(root: Path = ROOT) -> Iterator[Path]:
    """Every document that may quote a figure."""
    yield from sorted(root.glob("*.md"))
    yield from sorted((root / "docs").rglob("*.md"))


def is_korean(path: Path) -> bool:
    """Whether a document is Korean."""
    return path.name.endswith(".ko.md") or path.parent.name == "ko"


def render(text: str, measured: dict[str, dict[str, Any]], *, korean: bool) -> str:
    """A document's text with every marker filled. Markers of what has not been measured yet are left alone.

    Raises:
        UnknownClaim: A marker's name means nothing.
    """

    def block(match: re.Match[str]) -> str:
        name = _known(match[2])
        record = _RECORD.get(name, name)
        if record not in measured or name not in _TABLES:
            return match[0]
        return f"{match[1]}{_TABLES[name](measured[record], korean=korean)}\n{match[4]}"

    def figure(match: re.Match[str]) -> str:
        name = _known(match[2])
        if name not in measured:
            return match[0]
        known = _FIGURES[name](measured[name]) if name in _FIGURES else {}
        if match[3] not in known:
            raise UnknownClaim(f"{name}.{match[3]} is not measured; there are {', '.join(known)}")
        return f"{match[1]}{known[match[3]]}{match[5]}"

    return _FIGURE.sub(figure, _BLOCK.sub(block, text))


def headed(measured: dict[str, dict[str, Any]]) -> Iterator[tuple[Path, str]]:
    """The recipes' files whose heads say something else than what was measured, and what they ought to hold."""
    for path in sorted((ROOT / "sonmat" / "models" / "recipes").glob("*.toml")):
        claim = _head(path.stem, measured)
        text = path.read_text(encoding="utf-8")
        if claim is not None:
            filled = re.sub(r"\A(#[^\n]*\n)*", lambda _, claim=claim: f"{claim}\n", text, count=1)
            if filled != text:
                yield path, filled


def _head(name: str, measured: dict[str, dict[str, Any]]) -> str | None:
    if name == "textcnn":
        return sentences_table.head(measured["sentences"]) if "sentences" in measured else None
    if name == "robust":
        return photos_table.head(measured["photos"]) if "photos" in measured else None
    return accuracy_table.head(name, measured["accuracy"]) if "accuracy" in measured else None


def _known(name: str) -> str:
    if name not in _KNOWN:
        raise UnknownClaim(f"there is no benchmark called {name}; there are {', '.join(_KNOWN)}")
    return name


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.claims", description="Put the measured figures into the documents."
    )
    parser.add_argument("--check", action="store_true", help="change nothing; exit status 1 where a figure differs")
    asked = parser.parse_args()
    measured, differing = records(), []
    for path in documents():
        text = path.read_text(encoding="utf-8")
        filled = render(text, measured, korean=is_korean(path))
        if filled != text:
            differing.append(path)
            if not asked.check:
                write_text(path, filled)
    for path, filled in headed(measured):
        differing.append(path)
        if not asked.check:
            write_text(path, filled)
    for path in differing:
        sys.stdout.write(f"{path.relative_to(ROOT)} {'differs from what was measured' if asked.check else 'filled'}\n")
    return int(asked.check and bool(differing))


if __name__ == "__main__":
    sys.exit(main())
