"""Which pictures lie in a folder, and of which class and part each is: a folder for each class."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sonmat.data.image_formats import ENDINGS, UNREAD_ENDINGS
from sonmat.data.names import natural, shown, tidy
from sonmat.data.parts import part_called
from sonmat.errors import DataError
from sonmat.language import say

_CLUTTER = frozenset({"__macosx", "thumbs.db", "desktop.ini", "icon\r", "ehthumbs.db", "@eadir"})
_BESIDE = frozenset({".aae", ".xmp"})  # phones and programs put these beside each photo
_DEEPEST = 32
_OTHERS, _OTHERS_EACH = 300_000, 10  # files that are no pictures: so many, and so many for each picture, are too many


@dataclass(frozen=True)
class Picture:
    """A picture that was found.

    Attributes:
        path: Its file.
        name: Its path below the folder that was asked for, with `/`.
        label: Its class.
        part: `"train"`, `"test"` or `"validation"`; `"all"` where the folder has no parts.
    """

    path: Path
    name: str
    label: str
    part: str


@dataclass(frozen=True)
class Gallery:
    """What a folder holds.

    Attributes:
        pictures: By part, class and name, in their natural order: the same on every machine.
        loose: Pictures that lie in no class's folder.
        notes: What was passed over, in sentences.
    """

    pictures: tuple[Picture, ...]
    loose: int
    notes: tuple[str, ...]

    @property
    def classes(self) -> list[str]:
        """The names of the classes, in their natural order."""
        return natural({one.label for one in self.pictures})


def find_pictures(folder: Path) -> Gallery:
    """Look for pictures in a folder of classes, or one of parts (`train/`, `test/`, `valid/`) that hold folders of classes.

    Pictures in deeper folders count for the class above. Folders that only wrap others, as archives make them, are entered.
    What systems and programs leave behind (`.DS_Store`, `Thumbs.db`, `__MACOSX`, `._…`, hidden files) is not looked at.
    No file is opened.

    Raises:
        DataError: Nearly all files are no pictures, and there are hundreds of thousands.
    """
    top = _unwrapped(folder)
    inside = _folders(top)
    parts = {path: part_called(path.name) for path in inside}
    if "train" in parts.values() and any(_folders(path) for path, part in parts.items() if part == "train"):
        places = [(path, part) for path, part in parts.items() if part]
        passed = [path.name for path, part in parts.items() if not part and _holds_pictures(path)]
    else:
        places, passed = [(top, "all")], []
    walk = _Walk(folder)
    found = [picture for place, part in places for picture in walk.classes(_unwrapped(place), part)]
    if passed:
        names = ", ".join(map(repr, passed))
        walk.notes.append(
            say(f"Not a part, and passed over: {names}.", f"학습이나 시험 폴더가 아니어서 지나쳤습니다: {names}.")
        )
    return Gallery(tuple(_in_order(found)), walk.loose, tuple(walk.notes + walk.passed_over()))


def _in_order(found: list[Picture]) -> list[Picture]:
    names = {name: place for place, name in enumerate(natural({one.name for one in found}))}
    labels = {label: place for place, label in enumerate(natural({one.label for one in found}))}
    return sorted(found, key=lambda one: (one.part, labels[one.label], names[one.name]))


def _unwrapped(folder: Path) -> Path:
    """The folder that is not just a wrapping of one other."""
    for _ in range(_DEEPEST):
        inside = _folders(folder)
        if len(inside) != 1 or not _folders(inside[0]) or part_called(inside[0].name):
            return folder
        if any(_is_picture(entry.name) for entry in _entries(folder)):
            return folder
        folder = inside[0]
    return folder


def _entries(folder: str | os.PathLike[str]) -> list[os.DirEntry[str]]:
    """What is in a folder, without clutter; nothing of one that may not be looked into."""
    try:
        with os.scandir(folder) as entries:
            return sorted(
                (
                    entry
                    for entry in entries
                    if entry.name[0] != "." and entry.name.casefold() not in _CLUTTER and not _leads_nowhere(entry)
                ),
                key=lambda entry: entry.name,
            )
    except OSError:
        return []


def _leads_nowhere(entry: os.DirEntry[str]) -> bool:
    """Whether it is a link in a circle, of which the system says no more than that."""
    try:
        entry.is_dir()
    except OSError:
        return True
    return False


def _folders(folder: Path) -> list[Path]:
    return [Path(entry.path) for entry in _entries(folder) if entry.is_dir()]


def _is_picture(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in (ENDINGS | UNREAD_ENDINGS)  # noqa: PTH122  (a Path for each is slow)


def _holds_pictures(folder: Path) -> bool:
    return any(_is_picture(entry.name) for entry in files_below(folder))


def files_below(
    folder: str | os.PathLike[str], above: frozenset[tuple[int, int]] = frozenset()
) -> Iterator[os.DirEntry[str]]:
    """Every file below a folder. Links are followed, but no folder is entered twice.

    Args:
        folder: Where to look.
        above: Device and inode of folders that are not entered.
    """
    entered = set(above)  # links that cross make more paths than a walk comes to the end of: /proc has them
    ahead = [os.fspath(folder)]
    while ahead:
        inside = ahead.pop()
        try:
            place = os.stat(inside)
        except OSError:
            continue
        if (place.st_dev, place.st_ino) in entered:
            continue
        entered.add((place.st_dev, place.st_ino))
        entries = _entries(inside)
        yield from (entry for entry in entries if not entry.is_dir())
        ahead += [entry.path for entry in reversed(entries) if entry.is_dir()]


class _Walk:
    """Goes through folders of classes, and remembers what it passed over."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.loose = 0
        self.notes: list[str] = []
        self._others: Counter[str] = Counter()
        self._passed = self._found = 0

    def classes(self, folder: Path, part: str) -> Iterator[Picture]:
        """The pictures of every class's folder in `folder`."""
        empty = []
        for entry in _entries(folder):
            if not entry.is_dir():
                self.loose += _is_picture(entry.name)
                continue
            label, count = shown(tidy(entry.name)), 0
            for file in files_below(entry.path, self._above(folder)):
                if _is_picture(file.name):
                    count += 1
                    self._found += 1
                    name = shown(tidy(Path(file.path).relative_to(self.root).as_posix()))
                    yield Picture(Path(file.path), name, label, part)
                else:
                    self._others[_ending(file.name)] += 1
                    self._pass_over()
            if not count:
                empty.append(label)
        if empty:
            names = ", ".join(map(repr, empty[:5])) + ("…" if len(empty) > 5 else "")
            self.notes.append(say(f"Folders without a picture: {names}.", f"그림이 없는 폴더: {names}."))

    def _pass_over(self) -> None:
        """Count a file that is no picture.

        Raises:
            DataError: There are so many, and so few pictures among them, that the folder is none of classes: `/`, or a home.
        """
        self._passed += 1
        if self._passed > _OTHERS and self._passed > _OTHERS_EACH * self._found:
            raise DataError(
                say(
                    f"{self.root} is no folder of pictures: of the first {self._passed + self._found:,} files in it "
                    f"{self._found:,} are pictures.",
                    f"{self.root}은(는) 그림 폴더가 아닙니다. 처음 본 파일 {self._passed + self._found:,}개 가운데 그림은 "
                    f"{self._found:,}개입니다.",
                ),
                say(
                    "Give the folder that holds a folder of pictures for each class.",
                    "클래스마다 그림 폴더가 들어 있는 폴더를 주세요.",
                ),
            )

    def _above(self, folder: Path) -> frozenset[tuple[int, int]]:
        """The folders that a class's folder lies in: a link up to one would make pictures of every class its own."""
        levels = [folder, *folder.parents]
        levels = levels[: levels.index(self.root) + 1] if self.root in levels else levels[:1]
        return frozenset((place.st_dev, place.st_ino) for place in map(os.stat, levels))

    def passed_over(self) -> list[str]:
        """What was no picture, in a sentence."""
        told = [(ending, count) for ending, count in self._others.most_common() if ending not in _BESIDE]
        notes = []
        if told:
            listed = ", ".join(f"{count:,} {ending}" for ending, count in told[:5]) + ("…" if len(told) > 5 else "")
            notes.append(
                say(f"Files that are no pictures, passed over: {listed}.", f"그림이 아니어서 지나친 파일: {listed}.")
            )
        if self.loose:
            notes.append(
                say(
                    f"{self.loose:,} pictures lie in no class's folder and were passed over.",
                    f"클래스 폴더 밖에 있는 그림 {self.loose:,}개를 지나쳤습니다.",
                )
            )
        return notes


def _ending(name: str) -> str:
    return os.path.splitext(name)[1].lower() or say("without an ending", "확장자 없음")  # noqa: PTH122
