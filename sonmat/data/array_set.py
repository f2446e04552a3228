"""Data sets of arrays of one's own: an `.npz` file, or a folder of IDX files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from sonmat.data.dataset import Dataset
from sonmat.data.formats import array_names, read_idx, read_npz
from sonmat.data.mirrors import IDX_NAMES, idx_paths
from sonmat.data.names import natural, numbered, shown
from sonmat.data.parts import divided, held_out, part_called, roles
from sonmat.data.read_settings import Reading, ReadSettings
from sonmat.errors import DataError
from sonmat.language import say

_INPUTS = frozenset({"x", "inputs", "input", "images", "image", "data", "features"})
_LABELS = frozenset({"y", "labels", "label", "targets", "target"})
_LISTED = 10

_Pair = tuple[np.ndarray, np.ndarray]


def load_npz(path: Path, settings: ReadSettings) -> tuple[Dataset, Dataset]:
    """The parts of an `.npz`: `x_train`, `y_train`, `x_test`, `y_test`, `x_val`, `y_val`, or `x`, `y`; names in `classes`.

    `images`, `data` or `inputs` may stand for `x`, and `labels` or `targets` for `y`, in either order with the part, as in
    `train_images`. Labels may be names.

    Args:
        path: The file.
        settings: Whether a validation part that it has is validated on.

    Raises:
        DataError: It cannot be read, there are no such arrays, or they cannot be trained on.
    """
    names = array_names(path)
    wanted = _wanted(path, names)
    found = read_npz(path, only={"classes", *(name for pair in wanted.values() for name in pair)})
    pairs = {part: (_checked_axes(path, x, found[x]), found[y]) for part, (x, y) in wanted.items()}
    told = found.get("classes")
    classes = None if told is None else [shown(str(name)) for name in np.atleast_1d(told)]
    pairs, classes = _numbered(pairs, classes)
    becomes, notes = roles(pairs.keys(), settings, say("part", "세트"))
    reading = Reading(ReadSettings(own_validation=settings.own_validation), tuple(notes), by_name=False)
    if "all" in pairs:
        return _read(held_out(_dataset(path, *pairs["all"], classes, "all")), reading)
    return _in_parts(path, pairs, becomes, classes, reading)


def load_idx(folder: Path) -> tuple[Dataset, Dataset]:
    """The training and the test part of four IDX files of MNIST's names, plain or `.gz`; names of classes in `classes.txt`.

    Raises:
        DataError: One is missing or broken, or they cannot be trained on.
    """
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
    pairs = {"train": (x_train, y_train), "test": (x_test, y_test)}
    classes = _listed_classes(folder / "classes.txt")
    return _in_parts(folder, pairs, {"train": "train", "test": "test"}, classes, Reading(by_name=False))


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


def _read(parts: tuple[Dataset, Dataset], reading: Reading) -> tuple[Dataset, Dataset]:
    """The same, as data of one's own: they are looked over before training."""
    return replace(parts[0], reading=reading), replace(parts[1], reading=reading)


def _wanted(path: Path, names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """The names of inputs and labels by part: "all" alone, or "train" and others.

    Raises:
        DataError: There are none, one without the other, or two that could be meant.
    """
    by_role: dict[tuple[str, str], list[str]] = {}
    for name in names:
        if (role := _role(name)) is not None:
            by_role.setdefault(role, []).append(name)
    parts = {part for part, _ in by_role}
    chosen = ["all"] if "all" in parts and "train" not in parts else [part for part in _ORDER if part in parts]
    if (
        not chosen
        or chosen[0] not in ("all", "train")
        or len(parts - {"all"}) > len([part for part in chosen if part != "all"])
        or any(len(by_role.get((part, kind), ())) != 1 for part in chosen for kind in "xy")
    ):
        raise _other_names(path, names)
    return {part: (by_role[part, "x"][0], by_role[part, "y"][0]) for part in chosen}


_ORDER = ("train", "validation", "test")


def _role(name: str) -> tuple[str, str] | None:
    """The part that an array is of, and whether it is inputs ("x") or labels ("y"); None of any other."""
    words = [word for word in re.split(r"[\W_]+", name.casefold()) if word]
    if len(words) == 1 and words[0] not in _INPUTS | _LABELS:  # xtrain
        words = [words[0][:1], words[0][1:]]
    kinds = ["x" if word in _INPUTS else "y" if word in _LABELS else "" for word in words]
    if not 1 <= len(words) <= 2 or sum(map(bool, kinds)) != 1:
        return None
    rest = [word for word, kind in zip(words, kinds, strict=True) if not kind]
    part = part_called(rest) if rest else "all"
    return (part, "".join(kinds)) if part else None


def _other_names(path: Path, names: Sequence[str]) -> DataError:
    has = ", ".join(shown(name) for name in names[:_LISTED]) + ("…" if len(names) > _LISTED else "")
    return DataError(
        say(
            f"{path} should hold x_train, y_train, x_test and y_test (x_val and y_val too), or x and y; it has {has or 'no array'}.",
            f"{path}에는 x_train, y_train, x_test, y_test (x_val, y_val도 가능) 또는 x, y가 있어야 하는데 "
            f"있는 것은 {has or '없습니다'}.",
        ),
        "numpy.savez('mine.npz', x_train=…, y_train=…, x_test=…, y_test=…)",
    )


def _checked_axes(path: Path, name: str, inputs: np.ndarray) -> np.ndarray:
    """Pictures with their channels behind: (n, 3, 64, 64) would be trained on as 3 rows of 64 pixels in 64 colours.

    Raises:
        DataError: The channels come first.
    """
    if inputs.ndim == 4 and inputs.shape[1] in (1, 3, 4) and inputs.shape[3] > 4 and inputs.shape[2] > 4:
        raise DataError(
            say(
                f"{path}: {name} should be (n, height, width, channels), and {inputs.shape} has the channels first.",
                f"{path}: {name}의 모양은 (n, 높이, 너비, 채널)이어야 하는데 {inputs.shape}에서는 채널이 앞에 있습니다.",
            ),
            f"{name}.transpose(0, 2, 3, 1)",
        )
    return inputs


def _numbered(pairs: Mapping[str, _Pair], classes: list[str] | None) -> tuple[dict[str, _Pair], list[str] | None]:
    """Labels that are names as numbers, in the order of `classes` or else their natural one."""
    if any(labels.dtype.kind not in "US" for _, labels in pairs.values()):
        return dict(pairs), classes
    called = {part: _texts(labels) for part, (_, labels) in pairs.items()}
    there = natural({name for names in called.values() for name in names})
    known = classes if classes is not None and set(there) <= set(classes) else there
    return {part: (pairs[part][0], numbered(called[part], known)) for part in pairs}, known


def _texts(labels: np.ndarray) -> list[str]:
    flat = labels.reshape(-1) if labels.ndim == 2 and labels.shape[1] == 1 else labels
    texts = flat if flat.dtype.kind == "U" else np.char.decode(flat, "utf-8", "replace")
    return [shown(str(one)) for one in texts.reshape(-1)]


def _in_parts(
    path: Path, pairs: Mapping[str, _Pair], becomes: Mapping[str, str], classes: list[str] | None, reading: Reading
) -> tuple[Dataset, Dataset]:
    """Several parts, of which those that are no test part become one."""
    _check_alike(path, [x for x, _ in pairs.values()])
    checked = {part: _dataset(path, *pairs[part], classes, part) for part in pairs}
    if classes is None:
        most = max(len(one.classes) for one in checked.values())
        classes = [str(number) for number in range(most)]
    tests = [part for part in pairs if becomes[part] == "test"]
    ours = [part for part in pairs if becomes[part] != "test"]
    if len(ours) == len(tests) == 1:  # as most are: nothing is copied
        train, test = (_dataset(path, *pairs[part], classes, becomes[part]) for part in (*ours, *tests))
        return _read((train, test), reading)
    whole = _dataset(
        path,
        np.concatenate([checked[part].inputs for part in pairs]),
        np.concatenate([checked[part].labels for part in pairs]),
        classes,
        "all",
    )
    of_rows = np.repeat([becomes[part] for part in pairs], [len(checked[part]) for part in pairs])
    return divided(replace(whole, reading=reading), of_rows)


def _check_alike(path: Path, inputs: Sequence[np.ndarray]) -> None:
    first = inputs[0]
    for other in inputs[1:]:
        if other.shape[1:] != first.shape[1:] or other.dtype != first.dtype:
            raise DataError(
                say(
                    f"The inputs of all parts must be alike; {path} has {first.shape[1:]} {first.dtype} "
                    f"and {other.shape[1:]} {other.dtype}.",
                    f"모든 부분의 입력은 모양과 dtype이 같아야 하는데 {path}에는 {first.shape[1:]} "
                    f"{first.dtype}와 {other.shape[1:]} {other.dtype}가 있습니다.",
                ),
                say("Make both in the same way.", "둘을 같은 방법으로 만드세요."),
            )


def _dataset(path: Path, inputs: np.ndarray, labels: np.ndarray, names: list[str] | None, part: str) -> Dataset:
    try:
        return Dataset.from_arrays(
            inputs, labels, classes=names, name=path.stem, part=part, source=str(path.absolute())
        )
    except DataError as error:
        raise DataError(f"{path} ({part}): {error.problem}", error.fix) from error
