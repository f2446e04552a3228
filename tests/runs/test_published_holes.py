"""Every published hole of Keras's own reader (DESIGN §8), rebuilt as it was published: each file is refused, and nothing runs."""

from __future__ import annotations

import base64
import io
import json
import marshal
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from sonmat.errors import ModelFileError
from sonmat.runs.model_files import load_model

MARK, SECRET = "executed", "secret.h5"

Files = Callable[[Path], list[Path]]


def saved(folder: Path, name: str) -> Path:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="first")])
    model.compile("adam", "mse")
    model.save(folder / name)
    return folder / name


def with_layer(path: Path, record: dict[str, Any]) -> Path:
    """The file with one more layer in its configuration."""
    if path.suffix == ".h5":
        with h5py.File(path, "a") as file:
            config = json.loads(file.attrs["model_config"])
            config["config"]["layers"].append(record)
            file.attrs["model_config"] = json.dumps(config)
        return path
    parts = members(path)
    config = json.loads(parts["config.json"])
    config["config"]["layers"].append(record)
    return written(path, {**parts, "config.json": json.dumps(config).encode()})


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def written(path: Path, parts: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def with_weights(path: Path, make: Callable[[h5py.File, str], None]) -> Path:
    """The file with another data set in the place of the first kernel."""
    parts = members(path)
    held = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(held, "a") as file:
        del file["layers/dense/vars/0"]
        make(file, "layers/dense/vars/0")
    return written(path, {**parts, "model.weights.h5": held.getvalue()})


def bytecode(folder: Path) -> str:
    def payload(x: Any, mark: str = str(folder / MARK)) -> Any:
        return open(mark, "w") and x  # pragma: no cover

    return base64.b64encode(marshal.dumps(payload.__code__)).decode()


def lambda_of(folder: Path) -> dict[str, Any]:
    function = {
        "class_name": "__lambda__",
        "config": {"code": bytecode(folder), "defaults": [str(folder / MARK)], "closure": None},
    }
    return {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": {"name": "x", "function": function},
        "registered_name": None,
    }


def old_lambda(folder: Path) -> dict[str, Any]:
    function = [bytecode(folder), [str(folder / MARK)], None]
    return {"class_name": "Lambda", "config": {"name": "x", "function": function, "function_type": "lambda"}}


def called(module: str, name: str, config: Any, kwargs: Any) -> dict[str, Any]:
    """A record that has Keras import a module and call what it finds there."""
    node = [{"args": [], "kwargs": kwargs}]
    return {"module": module, "class_name": name, "config": config, "registered_name": name, "inbound_nodes": node}


def lookup(folder: Path, layer: str) -> dict[str, Any]:
    config = {"name": "x", "vocabulary": str(folder / SECRET), "num_oov_indices": 1, "mask_token": None}
    return {"module": "keras.layers", "class_name": layer, "config": config, "registered_name": None}


def tfsm(folder: Path) -> dict[str, Any]:
    config = {"name": "x", "filepath": str(folder), "call_endpoint": "serve"}
    return {"module": "keras.layers", "class_name": "TFSMLayer", "config": config, "registered_name": None}


def external(folder: Path) -> Callable[[h5py.File, str], None]:
    def make(file: h5py.File, path: str) -> None:
        file.create_dataset(path, (4, 3), "f4", external=[(str(folder / SECRET), 0, 48)])

    return make


def virtual(folder: Path) -> Callable[[h5py.File, str], None]:
    def make(file: h5py.File, path: str) -> None:
        layout = h5py.VirtualLayout((4, 3), "f4")
        layout[:] = h5py.VirtualSource(str(folder / SECRET), "x", (4, 3))
        file.create_virtual_dataset(path, layout)

    return make


def linked(folder: Path) -> Callable[[h5py.File, str], None]:
    return lambda file, path: file.__setitem__(path, h5py.ExternalLink(str(folder / SECRET), "x"))


def endless(file: h5py.File, path: str) -> None:
    file.create_dataset(path, (10**9, 10**6), "f4")  # declared, and no byte of it stored


def layers(*records: Callable[[Path], dict[str, Any]], suffixes: tuple[str, ...] = (".keras", ".h5")) -> Files:
    return lambda folder: [
        with_layer(saved(folder, f"m{number}{suffix}"), record(folder))
        for number, record in enumerate(records)
        for suffix in suffixes
    ]


def sets(*makers: Callable[[Path], Callable[[h5py.File, str], None]]) -> Files:
    return lambda folder: [with_weights(saved(folder, f"m{n}.keras"), make(folder)) for n, make in enumerate(makers)]


HOLES: dict[str, Files] = {
    "CVE-2024-3660: a Lambda of bytecode": layers(lambda_of, old_lambda),
    "CVE-2025-1550: any function of any module": layers(
        lambda folder: called("os", "system", f"touch {folder / MARK}", {}),
        lambda folder: called("subprocess", "run", {"args": ["touch", str(folder / MARK)]}, {}),
    ),
    "CVE-2025-8747: Keras's own functions, which fetch and unpack": layers(
        lambda folder: called(
            "keras.utils", "get_file", {"fname": MARK, "origin": f"file://{folder}/{SECRET}", "cache_dir": str(folder)}, {}
        ),
        lambda folder: called("keras.src.utils.file_utils", "extract_archive", {"file_path": str(folder)}, {}),
    ),
    "CVE-2025-9905: a Lambda in the old format": layers(old_lambda, lambda_of, suffixes=(".h5",)),
    "CVE-2025-9906: safe mode switched off from inside": layers(
        lambda folder: called("keras.config", "enable_unsafe_deserialization", {}, {}),
        lambda folder: called("keras.src.saving.serialization_lib", "enable_unsafe_deserialization", {}, {}),
    ),
    "CVE-2025-12058: a vocabulary that is a file": layers(
        lambda folder: lookup(folder, "StringLookup"),
        lambda folder: lookup(folder, "IntegerLookup"),
        lambda folder: lookup(folder, "TextVectorization"),
    ),
    "CVE-2026-0897: weights declared endless": sets(lambda folder: endless),
    "CVE-2026-1669: weights that lie in another file": sets(external, virtual, linked),
    "CVE-2026-1462: a SavedModel by its path": layers(tfsm),
}  # fmt: skip


@pytest.mark.parametrize("hole", HOLES)
def test_a_published_hole_is_closed(hole: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / SECRET, "w") as secret:
        secret["x"] = np.full((4, 3), 7, "f4")
    unsafe = keras.src.saving.serialization_lib.in_safe_mode()
    for path in HOLES[hole](tmp_path):
        with pytest.raises(ModelFileError) as caught:
            load_model(path)
        assert caught.value.fix
        assert "not what Keras writes (" not in caught.value.problem, "refused only because something broke"
    assert keras.src.saving.serialization_lib.in_safe_mode() == unsafe
    assert not list(tmp_path.rglob(MARK))
