"""Hostile files: each gets a ModelFileError, none is executed, none takes the machine down.

Each test makes a valid file and changes one thing in it, as an attacker would.
"""

from __future__ import annotations

import base64
import io
import json
import marshal
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from sonmat.errors import ModelFileError
from sonmat.runs.model_files import load_model, read_card

SUFFIXES = [".keras", ".h5"]

Change = Callable[[dict[str, Any]], None]


def model() -> keras.Model:
    made = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, name="first"), keras.layers.Dense(2, name="second")], name="victim"
    )
    made.compile("adam", "mse")
    return made


def valid(folder: Path, suffix: str) -> Path:
    path = folder / f"valid{suffix}"
    model().save(path)
    return path


def rewrite(path: Path, change: Change | str) -> Path:
    """Change a file's configuration: in place as data, or replaced by a text."""
    if path.suffix == ".keras":
        members = read_members(path)
        members["config.json"] = _changed(members["config.json"].decode(), change).encode()
        return write_members(path, members)
    with h5py.File(path, "a") as file:
        file.attrs["model_config"] = _changed(file.attrs["model_config"], change)
    return path


def _changed(text: str, change: Change | str) -> str:
    if isinstance(change, str):
        return change
    config = json.loads(text)
    change(config)
    return json.dumps(config)


def layer(config: dict[str, Any], number: int = 1) -> dict[str, Any]:
    """The record of one layer: 0 is the input, 1 the first Dense."""
    return config["config"]["layers"][number]


def read_members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_members(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def rewrite_weights(path: Path, change: Callable[[h5py.Group, str], None]) -> Path:
    """Change the weights: `change` is given the HDF5 file and the path of the first Dense's kernel in it."""
    if path.suffix == ".keras":
        members = read_members(path)
        content = io.BytesIO(members["model.weights.h5"])
        with h5py.File(content, "a") as file:
            change(file, "layers/dense/vars/0")
        members["model.weights.h5"] = content.getvalue()
        return write_members(path, members)
    with h5py.File(path, "a") as file:
        change(file, "model_weights/first/" + names(file["model_weights/first"])[0])
    return path


def names(group: h5py.Group) -> list[str]:
    return [name if isinstance(name, str) else name.decode() for name in group.attrs["weight_names"]]


def refused(path: Path, match: str) -> None:
    with pytest.raises(ModelFileError, match=match) as caught:
        load_model(path)
    assert path.name in caught.value.problem
    assert caught.value.fix


@pytest.fixture(params=SUFFIXES)
def victim(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return valid(tmp_path, request.param)


def test_the_valid_file_is_read(victim: Path) -> None:
    assert load_model(victim).name == "victim"


def code(marker: Path) -> Any:
    def payload(x: Any) -> Any:
        return open(marker, "w") and x  # pragma: no cover

    return payload


def lambda_record(marker: Path) -> dict[str, Any]:
    marshalled = base64.b64encode(marshal.dumps(code(marker).__code__)).decode()
    function = {"class_name": "__lambda__", "config": {"code": marshalled, "defaults": None, "closure": None}}
    return {"class_name": "Lambda", "config": {"name": "x", "function": function}}


def test_lambda_layers_are_refused_and_not_run(victim: Path, tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    refused(rewrite(victim, lambda c: c["config"]["layers"].append(lambda_record(marker))), "Lambda")
    assert not marker.exists()


def test_lambdas_of_keras_2_are_refused(victim: Path) -> None:
    old = {"class_name": "Lambda", "config": {"name": "x", "function": ["4wEAAA==", None, None], "module": "os"}}
    refused(rewrite(victim, lambda c: c["config"]["layers"].append(old)), "Lambda")


@pytest.mark.parametrize(
    "record",
    [
        {"class_name": "TFSMLayer", "config": {"filepath": "/etc"}},
        {"class_name": "TextVectorization", "config": {"vocabulary": "/etc/passwd"}},
        {"class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}},
        {"class_name": "TorchModuleWrapper", "config": {"module": "gASVFQ=="}},
        {"class_name": "JaxLayer", "config": {"call_fn": "os.system"}},
        {"class_name": "Dense", "config": {"units": 1}, "module": "os"},
        {"class_name": "Dense", "config": {"units": 1}, "registered_name": "evil>Dense"},
        {"class_name": "system", "config": "rm", "module": "os", "registered_name": "system"},
        {"class_name": "__init__", "config": {}},
        {"class_name": "Layer", "config": {}},
        {"class_name": "Dense", "config": {"units": 1, "activation": "os.system"}},
        {"class_name": "Dense", "config": {"units": 1, "activation": lambda_record(Path("x"))}},
        {"class_name": "Dense", "config": {"units": 1, "kernel_initializer": {"class_name": "Evil", "config": {}}}},
        {"class_name": "Dense", "config": {"units": 1, "kernel_regularizer": lambda_record(Path("x"))}},
        {"class_name": "Dense", "config": {"units": {"class_name": "__numpy__", "config": {"value": [1]}}}},
        {"class_name": "Dense", "config": {"units": 1, "lora_rank": 4}},
        {"class_name": "Dense", "config": {"units": 1, "no_such_argument": 4}},
        {"class_name": "Dense", "config": {"units": 1, "dtype": {"class_name": "QuantizedDTypePolicy", "config": {}}}},
        {"class_name": "TimeDistributed", "config": {"layer": lambda_record(Path("x"))}},
        {"class_name": "Bidirectional", "config": {"layer": lambda_record(Path("x"))}},
        {"class_name": "RNN", "config": {"cell": {"class_name": "Lambda", "config": {}}}},
        {"class_name": "Embedding", "config": {"input_dim": 1, "output_dim": 1, "weights": [[[1.0]]]}},
        {"class_name": ["Dense"], "config": {"units": 1}},
        {"class_name": "Reshape", "config": {"newshape": [1]}, "module": "keras.src.ops.numpy"},
        {"class_name": "GetItem", "config": {"name": "x"}, "module": "operator"},
        {"class_name": "Dense", "config": 7},
        "Dense",
        None,
        [],
    ],
    ids=repr,
)
def test_what_is_not_a_plain_layer_of_keras_is_refused(record: Any, tmp_path: Path) -> None:
    refused(rewrite(valid(tmp_path, ".keras"), lambda c: c["config"]["layers"].append(record)), ".")


def test_registered_classes_of_the_user_are_not_looked_up(victim: Path) -> None:
    @keras.saving.register_keras_serializable("victims", "Own")
    class Own(keras.layers.Layer):
        def __init__(self, **kwargs: Any) -> None:
            raise AssertionError("made")

    record = {"class_name": "Own", "config": {}, "module": None, "registered_name": "victims>Own"}
    refused(rewrite(victim, lambda c: c["config"]["layers"].append(record)), "custom")


@pytest.mark.parametrize("units", [10**12, 2**31 - 1, 10**9, -1, 0, 1.5, "3", None, True, 10**400, [3]])
def test_impossible_sizes_are_refused_before_memory_is_taken(units: Any, tmp_path: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        layer(config)["config"]["units"] = units

    refused(rewrite(valid(tmp_path, ".keras"), change), ".")


def test_many_large_layers_are_refused_before_memory_is_taken(victim: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        record = layer(config)
        record["config"]["units"] = 2_000_000
        config["config"]["layers"] = [layer(config, 0)] + [
            {**record, "config": {**record["config"], "name": f"d{i}"}} for i in range(5)
        ]

    refused(rewrite(victim, change), "too few")


def test_loops_that_a_number_drives_are_refused(victim: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        dense = {"class_name": "Dense", "config": {"units": 1}}
        config["config"]["layers"] += [
            {"class_name": "RepeatVector", "config": {"n": 1_000_000, "name": "r"}},
            {"class_name": "TimeDistributed", "config": {"layer": dense, "name": "t"}},
        ]

    refused(rewrite(victim, change), "steps")


def test_too_many_layers_are_refused(tmp_path: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        record = {"class_name": "TimeDistributed", "config": {"layer": {"class_name": "Identity", "config": {}}}}
        config["config"]["layers"] += [
            {"class_name": "StackedRNNCells", "config": {"cells": [record] * 5000}},
        ]

    refused(rewrite(valid(tmp_path, ".keras"), change), "layers")


@pytest.mark.parametrize("levels", [30, 3_000, 200_000])
def test_deep_nests_are_refused(levels: int, victim: Path) -> None:
    nest = '{"class_name": "TimeDistributed", "config": {"layer": ' * levels + "null" + "}}" * levels
    text = f'{{"class_name": "Sequential", "config": {{"name": "x", "layers": [{nest}]}}}}'
    refused(rewrite(victim, text), ".")


@pytest.mark.parametrize(
    "text",
    ["", "{", "null", "[]", "7", '"Sequential"', "{}", '{"class_name": "Sequential"}', "[" * 100_000, "9" * 10_000],
    ids=lambda text: text[:20],
)
def test_configurations_that_are_none_are_refused(text: str, victim: Path) -> None:
    refused(rewrite(victim, text), ".")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(number: str, victim: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        config["config"]["layers"].append({"class_name": "Dropout", "config": {"rate": 0.123456}})

    rewrite(victim, change)
    if victim.suffix == ".keras":
        text = read_members(victim)["config.json"].decode()
    else:
        with h5py.File(victim) as file:
            text = file.attrs["model_config"]
    refused(rewrite(victim, text.replace("0.123456", number)), "JSON|finite")


def test_json_bombs_are_refused(tmp_path: Path) -> None:
    path = valid(tmp_path, ".keras")
    members = read_members(path)
    members["config.json"] = b"[" + b"0," * 1_500_000 + b"0]"
    refused(write_members(path, members, zipfile.ZIP_STORED), "too many")
    members["config.json"] = b" " * (20 << 20) + b"{}"
    refused(write_members(path, members, zipfile.ZIP_STORED), "bytes")


def test_zip_bombs_are_refused(tmp_path: Path) -> None:
    path = valid(tmp_path, ".keras")
    for name in ("config.json", "model.weights.h5"):
        members = read_members(valid(tmp_path, ".keras"))
        members[name] = bytes(60 << 20)
        refused(write_members(path, members, zipfile.ZIP_DEFLATED), "would take")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "C:evil", "a\\..\\evil", "config.json"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_archives_with_odd_names_are_refused(name: str, tmp_path: Path) -> None:
    path = valid(tmp_path, ".keras")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"x")
    refused(path, "does not write")
    with pytest.raises(ModelFileError):
        read_card(path)
    assert [p.name for p in tmp_path.iterdir()] == ["valid.keras"]


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_archives_without_a_member_are_refused(name: str, tmp_path: Path) -> None:
    path = valid(tmp_path, ".keras")
    members = read_members(path)
    del members[name]
    refused(write_members(path, members), "has no")


def test_pickles_are_not_read(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return (Path.write_text, (tmp_path / "executed", "x"))

    for suffix in (".keras", ".h5"):
        path = tmp_path / f"m{suffix}"
        path.write_bytes(pickle.dumps(Evil()))
        refused(path, "neither")
    path = valid(tmp_path, ".keras")
    members = read_members(path)
    members["model.weights.h5"] = pickle.dumps(Evil())
    refused(write_members(path, members), "broken")
    members["model.weights.npz"] = members.pop("model.weights.h5")
    refused(write_members(path, members), "has no")
    assert not (tmp_path / "executed").exists()


def replace_with(make: Callable[[h5py.Group, str], None]) -> Callable[[h5py.Group, str], None]:
    def change(file: h5py.Group, path: str) -> None:
        del file[path]
        make(file, path)

    return change


def external_storage(file: h5py.Group, path: str) -> None:
    file.create_dataset(path, (4, 3), "f4", external=[("/etc/passwd", 0, 48)])


def virtual(file: h5py.Group, path: str) -> None:
    layout = h5py.VirtualLayout((4, 3), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4, 3))
    file.create_virtual_dataset(path, layout)


def of_objects(file: h5py.Group, path: str) -> None:
    file.create_dataset(path, data=np.array([[b"a"] * 3] * 4, object), dtype=h5py.string_dtype())


CHANGED_WEIGHTS: dict[str, Callable[[h5py.Group, str], None]] = {
    "missing": replace_with(lambda file, path: None),
    "soft link": replace_with(lambda file, path: file.__setitem__(path, h5py.SoftLink("/"))),
    "external link": replace_with(lambda file, path: file.__setitem__(path, h5py.ExternalLink("/etc/passwd", "x"))),
    "external storage": replace_with(external_storage),
    "virtual": replace_with(virtual),
    "objects": replace_with(of_objects),
    "wrong shape": replace_with(lambda file, path: file.__setitem__(path, np.zeros((3, 4), "f4"))),
    "scalar": replace_with(lambda file, path: file.__setitem__(path, 1.0)),
    "a group": replace_with(lambda file, path: file.create_group(path) and None),
    "words": replace_with(lambda file, path: file.__setitem__(path, np.full((4, 3), b"x"))),
    "records": replace_with(lambda file, path: file.__setitem__(path, np.zeros((4, 3), [("a", "f4")]))),
    "not stored": replace_with(lambda file, path: file.create_dataset(path, (4, 3), "f4") and None),
    "huge and not stored": replace_with(lambda file, path: file.create_dataset(path, (10**9, 10**6), "f4") and None),
    "compressed": replace_with(
        lambda file, path: file.create_dataset(path, data=np.zeros((4, 3), "f4"), compression="gzip") and None
    ),
}


@pytest.mark.parametrize("change", CHANGED_WEIGHTS.values(), ids=CHANGED_WEIGHTS.keys())
def test_changed_weights_are_refused(change: Callable[[h5py.Group, str], None], victim: Path) -> None:
    refused(rewrite_weights(victim, change), ".")


def test_linked_groups_are_refused(tmp_path: Path) -> None:
    other = valid(tmp_path, ".h5").rename(tmp_path / "other.h5")
    for link in (h5py.SoftLink("/model_weights/second"), h5py.ExternalLink(str(other), "/model_weights/first")):
        path = valid(tmp_path, ".h5")
        with h5py.File(path, "a") as file:
            del file["model_weights/first"]
            file["model_weights/first"] = link
        refused(path, "link")


def test_weight_names_that_leave_their_group_are_refused(tmp_path: Path) -> None:
    for name in ("../second/kernel", "/model_weights/second", "", "a//b"):
        path = valid(tmp_path, ".h5")
        with h5py.File(path, "a") as file:
            file["model_weights/first"].attrs["weight_names"] = [name.encode(), b"x"]
        refused(path, ".")


def test_circles_are_refused(tmp_path: Path) -> None:
    x = keras.Input((4,))
    path = tmp_path / "m.keras"
    keras.Model(x, keras.layers.Dense(4, name="b")(keras.layers.Dense(4, name="a")(x))).save(path)

    def change(config: dict[str, Any]) -> None:
        tensor = config["config"]["layers"][1]["inbound_nodes"][0]["args"][0]
        tensor["config"]["keras_history"] = ["b", 0, 0]

    refused(rewrite(path, change), "wait for each other")


@pytest.mark.parametrize(
    "history", [["x", 0, 0], ["a", 9, 0], ["a", 0, 9], ["a", -1, 0], "a", None, [[], 0, 0], ["a", 0]]
)
def test_calls_of_what_is_not_there_are_refused(history: Any, tmp_path: Path) -> None:
    x = keras.Input((4,))
    path = tmp_path / "m.keras"
    keras.Model(x, keras.layers.Dense(4, name="b")(keras.layers.Dense(4, name="a")(x))).save(path)

    def change(config: dict[str, Any]) -> None:
        config["config"]["layers"][2]["inbound_nodes"][0]["args"][0]["config"]["keras_history"] = history

    refused(rewrite(path, change), ".")


@pytest.mark.parametrize(
    "hostile",
    [
        {"optimizer": {"class_name": "Adam", "module": "evil", "config": {}}},
        {"optimizer": {"class_name": "Adam", "config": {"learning_rate": {"class_name": "Lambda", "config": {}}}}},
        {"loss": {"class_name": "function", "config": "system", "module": "os", "registered_name": "system"}},
        {"loss": "os.system"},
        {"metrics": [{"class_name": "MeanIoU", "config": {"num_classes": 10**6}}]},
        {"metrics": [{"class_name": "AUC", "config": {"num_thresholds": 10**9}}]},
        {"metrics": [{"class_name": "MeanMetricWrapper", "config": {"fn": "os.system", "name": "x"}}]},
        {"metrics": [{"class_name": "Custom>Evil", "config": {}}]},
    ],
    ids=repr,
)
def test_hostile_training_settings_leave_the_model_uncompiled(hostile: dict[str, Any], tmp_path: Path) -> None:
    path = rewrite(valid(tmp_path, ".keras"), lambda c: c["compile_config"].update(hostile))
    with pytest.warns(UserWarning, match="not compiled"):
        assert not load_model(path).compiled


@pytest.mark.parametrize("card", [b"{", b"[]", b'{"classes": 7}', b'{"inputs": []}', b"NaN", b" " * (2 << 20)])
def test_hostile_cards_are_refused(card: bytes, tmp_path: Path) -> None:
    path = valid(tmp_path, ".keras")
    write_members(path, {**read_members(path), "sonmat.json": card})
    with pytest.raises(ModelFileError):
        read_card(path)


def test_missing_files_and_folders_are_said(tmp_path: Path) -> None:
    for path in (tmp_path / "none.keras", tmp_path):
        with pytest.raises(ModelFileError, match="Could not open"):
            load_model(path)


def test_weights_alone_are_said(tmp_path: Path) -> None:
    model().save_weights(tmp_path / "m.weights.h5")
    refused(tmp_path / "m.weights.h5", "weights alone")


def test_states_without_weights_are_counted_too(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    inputs = keras.Input(batch_shape=(2, 3, 4))
    keras.Model(inputs, keras.layers.GRU(3, stateful=True)(inputs)).save(path)
    assert load_model(path).layers[1].stateful

    def change(config: dict[str, Any]) -> None:
        layer(config, 0)["config"]["batch_shape"] = [2**31 - 1, 3, 4]

    refused(rewrite(path, change), "too few")
