"""Data sets of one's own: pictures in folders, tables, an `.npz` file, or a folder of IDX files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from sonmat.data.dataset import Dataset
from sonmat.data.formats import read_idx, read_npz
from sonmat.data.image_folder import find_pictures
from sonmat.data.image_set import held_out, load_gallery
from sonmat.data.mirrors import IDX_NAMES, idx_paths
from sonmat.data.names import shown
from sonmat.data.progress import Progress
from sonmat.data.read_settings import Reading, ReadSettings
from sonmat.data.table_set import is_table, load_tables, tables_in
from sonmat.errors import DataError
from sonmat.language import say

_PAIRS = (("x_train", "y_train"), ("x_test", "y_test"))


def load_path(
    path: Path, settings: ReadSettings | None = None, progress: Progress | None = None
) -> tuple[Dataset, Dataset]:
    """Load a training and a test part from this machine.

    * A folder with a folder of pictures for each class, or with `train/` and `test/` that have those: see
      `sonmat.data.image_set.load_gallery`.
    * A table (`.csv`, `.tsv`, `.txt`) of images' names, texts or pixels, each with a label; or a folder with `train.csv` and
      `test.csv`: see `sonmat.data.table_file.read_table`.
    * An `.npz` with `x_train`, `y_train`, `x_test`, `y_test`, and optionally `classes` (names, in the order of their
      numbers). One without a test part (`x_train`, `y_train` alone, or `x`, `y`) is split: a fifth of its rows,
      stratified, with seed 0, become the test part.
    * A folder with the four IDX files of MNIST's names, plain or `.gz`, and optionally `classes.txt`, a name a line.

    Args:
        path: The file or folder.
        settings: How pictures and tables are read.
        progress: Called with the pictures done and the pictures there are.

    Raises:
        DataError: Nothing is there, it is none of these, or what it holds cannot be trained on.
    """
    settings = settings or ReadSettings()
    if path.is_dir():
        return _from_folder(path, settings, progress)
    if not path.exists():
        raise DataError(
            say(f"There is no file or folder {path}.", f"{path} 파일이나 폴더가 없습니다."),
            say("Check the path; it starts from the current folder.", "경로를 확인하세요. 현재 폴더에서 시작합니다."),
        )
    if is_table(path):
        return load_tables([path], settings, progress)
    if path.suffix.lower() != ".npz":
        raise DataError(
            say(
                f"{path} is neither a folder, a CSV file nor an .npz file.",
                f"{path}은(는) 폴더도 CSV 파일도 .npz 파일도 아닙니다.",
            ),
            say("Unpack it, and give the folder.", "압축을 풀고 그 폴더를 주세요.")
            if path.suffix.lower() in (".zip", ".gz", ".tar", ".7z", ".rar")
            else say(
                "Put pictures into a folder for each class, or save arrays with numpy.savez('mine.npz', x=…, y=…).",
                "그림을 클래스마다 한 폴더에 두거나, 배열을 numpy.savez('mine.npz', x=…, y=…)로 저장하세요.",
            ),
        )
    check_no_settings(path, settings)
    return _as_arrays(_from_npz(path))


def check_no_settings(path: object, settings: ReadSettings) -> None:
    """Refuse settings for pictures and tables where there are none.

    Raises:
        DataError: It names them.
    """
    given = [name for name in settings.as_dict() if name != "skip_unreadable"]
    if given and settings.wished:
        names = ", ".join(given)
        raise DataError(
            say(
                f"{names}: this is for pictures and tables, and {path} holds arrays.",
                f"{names}: 그림과 표에 쓰는 설정인데 {path}에는 배열이 들어 있습니다.",
            ),
            say("Leave it out.", "빼세요."),
        )


def _as_arrays(parts: tuple[Dataset, Dataset]) -> tuple[Dataset, Dataset]:
    """The same, as data of one's own: they are looked over before training."""
    train, test = (replace(part, reading=Reading(by_name=False)) for part in parts)
    return train, test


def _from_folder(folder: Path, settings: ReadSettings, progress: Progress | None) -> tuple[Dataset, Dataset]:
    if any(idx_paths(folder).values()):
        check_no_settings(folder, settings)
        return _as_arrays(_from_idx(folder))
    tables = tables_in(folder)
    if not tables:
        return load_gallery(folder, settings, progress)
    if len(tables) == 2 or not _holds_classes(folder):
        return load_tables(tables, settings, progress)
    return load_gallery(folder, settings, progress)


def _holds_classes(folder: Path) -> bool:
    return len(find_pictures(folder).classes) > 1


def _from_npz(path: Path) -> tuple[Dataset, Dataset]:
    found = read_npz(path, only={"x", "y", "classes", *_PAIRS[0], *_PAIRS[1]})
    classes = found.get("classes")
    names = None if classes is None else [shown(str(name)) for name in np.atleast_1d(classes)]
    if all(name in found for pair in _PAIRS for name in pair):
        return _both(path, [(found[x], found[y]) for x, y in _PAIRS], names)
    alone = next((pair for pair in (("x", "y"), _PAIRS[0]) if set(pair) <= found.keys()), None)
    if alone is None or found.keys() & {"x_test", "y_test"}:
        raise DataError(
            say(
                f"{path} should hold x_train, y_train, x_test and y_test (or x and y); "
                f"of these it has {', '.join(sorted(found)) or 'none'}.",
                f"{path}에는 x_train, y_train, x_test, y_test (또는 x, y)가 있어야 하는데 "
                f"{', '.join(sorted(found)) or '하나도 없습니다'}: 이것뿐입니다.",
            ),
            "numpy.savez('mine.npz', x_train=…, y_train=…, x_test=…, y_test=…)",
        )
    whole = _dataset(path, found[alone[0]], found[alone[1]], names, "all")
    return held_out(whole)


def _from_idx(folder: Path) -> tuple[Dataset, Dataset]:
    paths = idx_paths(folder)
    missing = [name for name, path in paths.items() if path is None]
    if missing:
        raise DataError(
            say(
                f"{folder} should hold four IDX files, plain or .gz: {', '.join(IDX_NAMES)}. "
                f"Missing: {', '.join(missing)}.",
                f"{folder}에는 IDX 파일 네 개(.gz 가능)가 있어야 합니다: {', '.join(IDX_NAMES)}. "
                f"없는 것: {', '.join(missing)}.",
            ),
            say("Add the missing files, or give an .npz file.", "없는 파일을 넣거나 .npz 파일을 주세요."),
        )
    x_train, y_train, x_test, y_test = (read_idx(path) for path in paths.values() if path is not None)
    return _both(folder, [(x_train, y_train), (x_test, y_test)], _listed_classes(folder / "classes.txt"))


def _listed_classes(path: Path) -> list[str] | None:
    if not path.is_file():
        return None
    try:
        return [shown(line.strip()) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            say(f"{path} could not be read: {error}.", f"{path} 파일을 읽지 못했습니다: {error}."),
            say("Save it as UTF-8, one class a line.", "한 줄에 클래스 하나씩, UTF-8로 저장하세요."),
        ) from error


def _both(path: Path, pairs: list[tuple[np.ndarray, np.ndarray]], names: list[str] | None) -> tuple[Dataset, Dataset]:
    (x_train, y_train), (x_test, y_test) = pairs
    train = _dataset(path, x_train, y_train, names, "train")
    test = _dataset(path, x_test, y_test, names, "test")
    if train.inputs.shape[1:] != test.inputs.shape[1:] or train.inputs.dtype != test.inputs.dtype:
        raise DataError(
            say(
                f"Training and test inputs must be alike; {path} has {train.inputs.shape[1:]} {train.inputs.dtype} "
                f"and {test.inputs.shape[1:]} {test.inputs.dtype}.",
                f"학습과 시험 입력의 모양과 dtype이 같아야 하는데 {path}에는 {train.inputs.shape[1:]} "
                f"{train.inputs.dtype}와 {test.inputs.shape[1:]} {test.inputs.dtype}가 있습니다.",
            ),
            say("Make both in the same way.", "둘을 같은 방법으로 만드세요."),
        )
    if names is None and train.classes != test.classes:
        names = [str(number) for number in range(max(len(train.classes), len(test.classes)))]
        return _both(path, pairs, names)
    return train, test


def _dataset(path: Path, inputs: np.ndarray, labels: np.ndarray, names: list[str] | None, part: str) -> Dataset:
    try:
        return Dataset.from_arrays(
            inputs, labels, classes=names, name=path.stem, part=part, source=str(path.absolute())
        )
    except DataError as error:
        raise DataError(f"{path} ({part}): {error.problem}", error.fix) from error
