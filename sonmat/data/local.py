"""Data sets of one's own: pictures in folders, tables, an `.npz` file, or a folder of IDX files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sonmat.data.array_set import load_idx, load_npz
from sonmat.data.dataset import Dataset
from sonmat.data.image_folder import find_pictures
from sonmat.data.image_set import load_gallery
from sonmat.data.mirrors import idx_paths
from sonmat.data.progress import Progress
from sonmat.data.read_settings import ReadSettings
from sonmat.data.table_set import is_table, load_tables, tables_in
from sonmat.errors import DataError
from sonmat.language import say


def load_path(
    path: Path, settings: ReadSettings | None = None, progress: Progress | None = None
) -> tuple[Dataset, Dataset]:
    """Load a training and a test part from this machine.

    * A folder with a folder of pictures for each class, or with `train/`, `test/` and `valid/` that have those: see
      `sonmat.data.image_set.load_gallery`.
    * A table (`.csv`, `.tsv`, `.txt`) of images' names, texts or pixels, each with a label; or a folder with `train.csv`,
      `test.csv` and, if wished, `valid.csv`: see `sonmat.data.table_file.read_table`.
    * An `.npz` with `x_train`, `y_train`, `x_test`, `y_test`, and optionally `x_val`, `y_val` and `classes` (names, in the order
      of their numbers). One without a test part is split: a fifth of its rows, stratified, with seed 0, become it: see
      `sonmat.data.array_set.load_npz`.
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
            say("Check the path.", "경로를 확인하세요.")
            if path.is_absolute()
            else say(
                f"Check the path; it starts from the current folder, {Path.cwd()}.",
                f"경로를 확인하세요. 현재 폴더 {Path.cwd()}에서 시작합니다.",
            ),
        )
    if is_table(path):
        return load_tables({"all": path}, settings, progress)
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
    if not path.is_file():  # a pipe that nobody writes to would hold the reader for ever
        raise DataError(
            say(f"{path} is no regular file.", f"{path}은(는) 일반 파일이 아닙니다."),
            say("Give an .npz file.", ".npz 파일을 주세요."),
        )
    check_no_settings(path, replace(settings, own_validation=None))
    return load_npz(path, settings)


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


def _from_folder(folder: Path, settings: ReadSettings, progress: Progress | None) -> tuple[Dataset, Dataset]:
    if any(idx_paths(folder).values()):
        check_no_settings(folder, settings)
        return load_idx(folder)
    tables = tables_in(folder)
    if not tables:
        return load_gallery(folder, settings, progress)
    if len(tables) > 1 or not _holds_classes(folder):
        return load_tables(tables, settings, progress)
    return load_gallery(folder, settings, progress)


def _holds_classes(folder: Path) -> bool:
    return len(find_pictures(folder).classes) > 1
