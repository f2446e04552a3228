"""The files of user's builders, `FILE.py:function`, as text that travels to the nodes of a cluster."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sonmat.models.builders import is_file_builder


@dataclass(frozen=True)
class BuilderFile:
    """A builder's file with the modules beside it that it has imported.

    Attributes:
        name: What recipes call it, `FILE.py` without the function.
        path: Where it lies on the machine that the study runs on, absolute.
        texts: Path from its folder → content; its own and those of the modules.
    """

    name: str
    path: str
    texts: Mapping[str, bytes]

    @functools.cached_property
    def digest(self) -> str:
        """Tells contents apart, wherever they lie."""
        digest = hashlib.sha256(self.path.encode())
        for name, text in sorted(self.texts.items()):
            digest.update(b"\0" + name.encode() + b"\0" + hashlib.sha256(text).digest())
        return digest.hexdigest()


def builder_files(names: Iterable[str]) -> tuple[BuilderFile, ...]:
    """The files of those of some models' names that mean a function in a file. They have been run here already.

    Data that a builder reads from its folder does not travel: a node has it where it sees the folder itself.
    """
    files = dict.fromkeys(_file_of(name) for name in names if is_file_builder(name))
    return tuple(_read(file) for file in files)


class NodeFiles:
    """Builders' files on a node: those that it sees itself where they are the same, else written down from their texts."""

    def __init__(self) -> None:
        self._folders: list[tempfile.TemporaryDirectory[str]] = []
        self._known: dict[str, str] = {}
        self._last: dict[str, str] = {}

    def changed(self, files: Iterable[BuilderFile]) -> bool:
        """Whether one of these has another content than it had at the last call."""
        found = False
        for file in files:
            found |= self._last.setdefault(file.name, file.digest) != file.digest
            self._last[file.name] = file.digest
        return found

    def here(self, name: str, files: Iterable[BuilderFile]) -> str:
        """A model's name as it is to be read on this node; names that mean no file stay."""
        if not is_file_builder(name):
            return name
        for file in files:
            if file.name == _file_of(name):
                if file.digest not in self._known:
                    self._known[file.digest] = self._place(file)
                return self._known[file.digest] + name[len(file.name) :]
        return name

    def _place(self, file: BuilderFile) -> str:
        folder = Path(file.path).parent
        with contextlib.suppress(OSError):
            if all((folder / name).read_bytes() == text for name, text in file.texts.items()):
                return file.path
        made = tempfile.TemporaryDirectory(prefix="sonmat-builder-", ignore_cleanup_errors=True)
        self._folders.append(made)
        for name, text in file.texts.items():
            place = Path(made.name) / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text)
        return str(Path(made.name) / Path(file.path).name)


def _file_of(name: str) -> str:
    file, _, _ = name.rpartition(":")
    return file if file.endswith(".py") else name


def _read(name: str) -> BuilderFile:
    path = Path(name).expanduser().absolute()
    texts = {path.name: path.read_bytes()}
    for module, beside in _imported(path.parent).items():
        with contextlib.suppress(OSError):
            texts[module] = beside.read_bytes()
    return BuilderFile(name, str(path), texts)


def _imported(folder: Path) -> dict[str, Path]:
    """Modules of this process that were imported from a folder: those whose place in it is what their names say."""
    found = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        for place in (f"{name.replace('.', '/')}.py", f"{name.replace('.', '/')}/__init__.py"):
            if file and Path(file) == folder / place:
                found[place] = folder / place
    return found
