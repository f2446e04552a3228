"""`.keras` files: a ZIP of a configuration and an HDF5 file of weights."""

from __future__ import annotations

import zipfile
from functools import cache
from typing import Any, BinaryIO

import keras

from sonmat.runs.hdf5_file import Hdf5, refusing_broken
from sonmat.runs.safe_build import build
from sonmat.runs.safe_compile import compile_from
from sonmat.runs.safe_json import MAX_BYTES, read_json, refuse
from sonmat.runs.safe_values import brief
from sonmat.runs.saved_layout import own_variables, saved_parts

CONFIG = "config.json"
WEIGHTS = "model.weights.h5"
CARD = "sonmat.json"

_MAX_MEMBERS = 1000
_MAX_WEIGHTS = 8 << 30
_MAX_RATIO = 200  # of a compressed member; Keras stores its members as they are
_RATIO_FREE = 1 << 20  # bytes that any member may grow to


def read_archive(file: BinaryIO) -> keras.Model:
    """The model in a .keras file, compiled where its settings can be restored, with its optimizer's state.

    Raises:
        ModelFileError: It is broken, hostile, or holds what is not read from files.
    """
    with refusing_broken(), zipfile.ZipFile(file) as archive:
        check_members(archive)
        record = read_json(member(archive, CONFIG, MAX_BYTES), CONFIG)
        content = member(archive, WEIGHTS, _MAX_WEIGHTS)
    weights = cache(lambda: Hdf5(content))  # opened only once the configuration has been read
    model = build(record, lambda outline: _check(outline, weights()), len(content))
    stored = weights()
    with refusing_broken():
        for part, path in _stored_parts(model, stored):
            part.load_own_variables({key: stored.array(f"{path}/{key}") for key in own_variables(part)})
        compile_from(model, record.get("compile_config"))
        _restore_optimizer(model, stored)
    return model


def read_member(file: BinaryIO, name: str, limit: int) -> bytes | None:
    """One member of a stranger's ZIP, or None where it has none of that name."""
    with refusing_broken(), zipfile.ZipFile(file) as archive:
        check_members(archive)
        return member(archive, name, limit) if name in archive.namelist() else None


def check_members(archive: zipfile.ZipFile) -> None:
    """Refuse archives with names that leave a folder, names given twice, locked members or too many."""
    listed = archive.infolist()
    if len(listed) > _MAX_MEMBERS:
        refuse(f"The archive has {len(listed):,} members.", f"압축 파일에 항목이 {len(listed):,}개 있습니다.")
    seen: set[str] = set()
    for info in listed:
        name = info.orig_filename
        parts = name.replace("\\", "/").split("/")
        odd = name.startswith("/") or ".." in parts or "\\" in name or ":" in name or "\0" in name or name in seen
        if odd or info.flag_bits & 0x1:
            refuse(
                f"The archive has a member that Keras does not write: {brief(name)}.",
                f"Keras가 쓰지 않는 항목이 압축 파일에 있습니다: {brief(name)}.",
            )
        seen.add(name)


def member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """A member's content, of at most `limit` bytes and not blown up beyond reason."""
    if name not in archive.namelist():
        refuse(f"The archive has no {name}.", f"압축 파일에 {name}이(가) 없습니다.")
    info = archive.getinfo(name)
    limit = min(limit, _RATIO_FREE + _MAX_RATIO * info.compress_size)
    if info.file_size > limit or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        refuse(
            f"{name} would take {info.file_size:,} bytes from {info.compress_size:,}; that is not read.",
            f"{name}은(는) {info.compress_size:,}바이트에서 {info.file_size:,}바이트로 늘어나므로 읽지 않습니다.",
        )
    with archive.open(info) as opened:
        content = opened.read(info.file_size + 1)
    if len(content) != info.file_size:
        refuse(f"{name} is not as long as the archive says.", f"{name}의 길이가 압축 파일의 기록과 다릅니다.")
    return content


def _stored_parts(model: keras.Model, stored: Hdf5) -> list[tuple[Any, str]]:
    """The model's parts with variables, each with the path of the group that holds them."""
    found: list[tuple[Any, str]] = []
    for paths, part in saved_parts(model):
        groups = [f"{path}/vars" if path else "vars" for path in _all_spellings(paths)]
        group = next((path for path in groups if stored.members(path) is not None), None)
        if group is None:
            refuse(
                f"The file holds no weights for {part.name} ({paths[0]}).",
                f"{part.name} 층의 가중치가 파일에 없습니다 ({paths[0]}).",
            )
        found.append((part, group))
    return found


def _all_spellings(paths: tuple[str, ...]) -> list[str]:
    """Keras 2.12 called the folder of layers otherwise."""
    return [*paths, *(path.replace("layers/", "_layer_checkpoint_dependencies/") for path in paths)]


def _check(outline: keras.Model, stored: Hdf5) -> None:
    """Compare every variable's shape with the file's, before any number is taken."""
    for part, path in _stored_parts(outline, stored):
        expected, came = own_variables(part), stored.members(path) or []
        if set(came) != set(expected):
            refuse(
                f"{part.name} has {len(expected)} weights; the file holds {len(came)}.",
                f"{part.name}의 가중치는 {len(expected)}개인데 파일에는 {len(came)}개 있습니다.",
            )
        for key, variable in expected.items():
            check_shape(part.name, tuple(variable.shape), stored.array(f"{path}/{key}").shape)


def check_shape(name: str, expected: tuple[int, ...], came: tuple[int, ...]) -> None:
    """Refuse weights whose shape is not the one that the architecture needs."""
    if tuple(expected) != tuple(came):
        refuse(
            f"{name} needs weights of shape {tuple(expected)}; the file holds {tuple(came)}.",
            f"{name}에는 모양이 {tuple(expected)}인 가중치가 필요한데 파일에는 {tuple(came)}이(가) 있습니다.",
        )


def _restore_optimizer(model: keras.Model, stored: Hdf5) -> None:
    """Give the optimizer its state where the file has one of the same shapes; otherwise it starts afresh."""
    optimizer = getattr(model, "optimizer", None) if model.compiled else None
    if optimizer is None or isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return
    expected = {str(number): variable for number, variable in enumerate(optimizer.variables)}
    if set(stored.members("optimizer/vars") or ()) != set(expected):
        return
    arrays = {key: stored.array(f"optimizer/vars/{key}") for key in expected}
    if all(arrays[key].shape == tuple(variable.shape) for key, variable in expected.items()):
        optimizer.load_own_variables(arrays)
