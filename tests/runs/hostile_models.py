"""Makes hostile model files and reads them, in a process of its own with little time for each.

    python hostile_models.py SEED COUNT

Each begins as a valid `.keras` or `.h5` of one of three networks. Nine in ten are changed along their structure: the configuration
as JSON; groups, links, data sets, types and filters through HDF5's own library; the messages of its object headers and its trees
and heaps as bytes at their places; members, names and sizes of the ZIP. The others have bytes changed anywhere. Prints one line of
JSON: how many were tried, how many along their structure, how many reached the reader of weights (they were given to HDF5), how many
were still read as a model, the slowest in seconds of processor, and the memory at its peak, of this process and of the largest
reader. A crash, a hang, an exception that is no ModelFileError or a file that appears beside the model ends the process otherwise.
"""

from __future__ import annotations

import faulthandler
import io
import json
import os
import random
import re
import resource
import struct
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from sonmat.errors import ModelFileError
from sonmat.runs.model_files import load_model, read_card, save_model

PATIENCE = 60  # seconds for one file
MARK = "executed"

Numbers = random.Random
EDGES = (
    0,
    1,
    2,
    3,
    7,
    8,
    16,
    127,
    128,
    255,
    256,
    4095,
    65535,
    65536,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**63 - 1,
    2**64 - 1,
)
NAMES = (
    "Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "StringLookup", "TextVectorization", "Dense", "Layer", "__lambda__",
    "function", "os.system", "../../etc/passwd", "/etc/passwd", "builtins.eval", "keras.src.utils.get_file", "Own>Evil", "", "한글",
    "a" * 5000, "\0", "__import__", "numpy.load", "Functional", "Sequential", "RNN", "TimeDistributed", "float64", "bfloat16",
)  # fmt: skip


def networks(folder: Path) -> list[tuple[str, bytes]]:
    """Valid files: three networks, each as `.keras` and as `.h5`."""
    import keras

    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(2, 3, activation="relu")(keras.layers.Rescaling(1 / 255)(inputs))
    x = keras.layers.Add()([keras.layers.BatchNormalization()(x), x])
    branched = keras.Model(inputs, keras.layers.Dense(3, "softmax")(keras.layers.Flatten()(x)))
    plain = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "relu"), keras.layers.Dense(2, "softmax")])
    words = keras.Sequential(
        [keras.Input((5,)), keras.layers.Embedding(9, 3), keras.layers.GRU(2), keras.layers.Dense(2)]
    )
    found = []
    for number, model in enumerate((plain, branched, words)):
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        for suffix in (".keras", ".h5"):
            path = folder / f"valid{number}{suffix}"
            save_model(model, path, inputs={"scale": 255.0}, classes=["a", "b", "c"])
            found.append((suffix, path.read_bytes()))
    return found


def members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def with_hdf5(suffix: str, content: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """A file whose HDF5 was changed: all of an `.h5`, the member of a `.keras`."""
    if suffix == ".h5":
        return change(content)
    parts = members(content)
    return packed({**parts, "model.weights.h5": change(parts["model.weights.h5"])})


def with_json(suffix: str, content: bytes, change: Callable[[str], str], chance: Numbers) -> bytes:
    """A file whose configuration, or card, was changed as text."""
    if suffix == ".keras":
        parts = members(content)
        name = chance.choice([name for name in parts if name.endswith(".json")] + ["config.json"] * 4)
        return packed({**parts, name: change(parts[name].decode()).encode("utf-8", "surrogatepass")})
    held = io.BytesIO(content)
    with h5py.File(held, "a") as file:
        name = chance.choice([name for name in file.attrs if name in ("model_config", "training_config", "sonmat")])
        text = change(str(file.attrs[name]))
        del file.attrs[name]
        file.attrs.create(name, text.encode("utf-8", "surrogatepass"), dtype=h5py.string_dtype())
    return held.getvalue()


def configuration(chance: Numbers, suffix: str, content: bytes) -> bytes:
    """One to three values of the JSON are others."""

    def change(text: str) -> str:
        told = json.loads(text)
        for _ in range(chance.randint(1, 3)):
            places = list(_places(told))
            owner, key = chance.choice(places)
            old = owner[key]
            kind = chance.randrange(8)
            if kind == 0:
                owner[key] = chance.choice([*EDGES, -1, 1.5, 1e308, True, None])
            elif kind == 1:
                owner[key] = chance.choice(NAMES)
            elif kind == 2:
                owner[key] = {
                    "class_name": chance.choice(NAMES),
                    "config": {"name": "x", "function": ["4wEAAA==", None, None]},
                }
            elif kind == 3:
                owner[key] = [old] * chance.choice([0, 1, 2, 50])
            elif kind == 4 and isinstance(owner, dict):
                del owner[key]
            elif kind == 5 and isinstance(owner, dict):
                owner[chance.choice(NAMES)] = old
            elif kind == 6:
                other, name = chance.choice(places)
                owner[key] = json.loads(json.dumps(other[name]))
            else:
                nest: Any = old
                for _ in range(chance.choice([1, 5, 60, 400])):
                    nest = {"class_name": "TimeDistributed", "config": {"layer": nest}}
                owner[key] = nest
        return json.dumps(told)

    return with_json(suffix, content, change, chance)


def _places(value: Any) -> Any:
    """Every (owner, key) in JSON."""
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], (dict, list)):
            yield from _places(value[key])


def objects(chance: Numbers, suffix: str, content: bytes) -> bytes:
    """Something in the tree of the HDF5 is another kind of thing, made by HDF5 itself."""

    def change(hdf5: bytes) -> bytes:
        held = io.BytesIO(hdf5)
        with h5py.File(held, "a", libver=chance.choice(["earliest", "latest"])) as file:
            for _ in range(chance.randint(1, 2)):
                _changed_object(chance, file)
        return held.getvalue()

    return with_hdf5(suffix, content, change)


def _changed_object(chance: Numbers, file: h5py.File) -> None:
    sets: list[str] = []
    groups: list[str] = []
    file.visititems(lambda name, found: (sets if isinstance(found, h5py.Dataset) else groups).append(name))
    if not sets or not groups:
        return
    path, group = chance.choice(sets), chance.choice(groups)
    shape, kind = file[path].shape or (1,), chance.randrange(16)
    if kind in (14, 15):
        file[group].attrs[chance.choice(["weight_names", "layer_names", "weight_names0", "x"])] = chance.choice(
            [np.full(chance.choice([1, 500]), b"../x"), np.arange(3), "a" * 50_000, np.float32(1), h5py.Empty("S9")]
        )
        return
    del file[path]
    if kind == 0:
        file[path] = h5py.SoftLink(chance.choice(["/", f"/{group}", f"/{path}", "/none"]))
    elif kind == 1:
        file[path] = h5py.ExternalLink(chance.choice(["/etc/passwd", "valid0.h5", "/dev/zero"]), "/x")
    elif kind == 2:
        file.create_dataset(path, shape, "f4", external=[(chance.choice(["/etc/passwd", "/dev/zero"]), 0, 4096)])
    elif kind == 3:
        layout = h5py.VirtualLayout(shape, "f4")
        layout[...] = h5py.VirtualSource(chance.choice(["/etc/passwd", "."]), "x", shape)
        file.create_virtual_dataset(path, layout)
    elif kind == 4:
        how = chance.choice(["gzip", "lzf", "shuffle", "fletcher32", "scaleoffset"])
        more = {"compression": how} if how in ("gzip", "lzf") else {how: 4 if how == "scaleoffset" else True}
        file.create_dataset(path, data=np.zeros(shape, "f4"), chunks=True, **more)
    elif kind == 5:
        file.create_dataset(path, chance.choice([(10**9, 10**6), (2**31,), (2**40, 1), (0,), ()]), "f4")
    elif kind == 6:
        file.create_dataset(path, (2**20, 2**6), "f4", chunks=(2**20, 2**6))  # one chunk of 256 MB, not stored
    elif kind == 7:
        wide = chance.choice(["S7", "V9", ">f8", "<f2", "?", "i8", "c8", [("a", "f4"), ("b", "S3")], "(3,)f4"])
        file.create_dataset(path, data=np.zeros(shape, np.dtype(wide)))
    elif kind == 8:
        file.create_dataset(path, shape, h5py.string_dtype())
    elif kind == 9:
        file.create_dataset(path, shape, h5py.ref_dtype)
    elif kind == 10:
        file[path] = file[group]  # a circle, by a hard link
    elif kind == 11:
        file[path] = np.dtype("f4")  # a type that has a name
    elif kind == 12:
        file.create_group(f"{path}/" + "/".join("d" * chance.choice([1, 100]))) if chance.random() < 0.5 else None
    else:
        file.create_dataset(path, data=h5py.Empty("f4"))


def headers(chance: Numbers, suffix: str, content: bytes) -> bytes:
    """A message of an object's header, or a tree or heap, has another number at one of its places."""

    def change(hdf5: bytes) -> bytes:
        spots = _messages(hdf5) if chance.random() < 0.7 else []
        for name in () if spots else (b"TREE", b"SNOD", b"HEAP", b"GCOL", b"\x89HDF"):
            spots += [(found.start(), 40) for found in re.finditer(re.escape(name), hdf5)]
        changed = bytearray(hdf5)
        for _ in range(chance.choice([1, 1, 2, 4])):
            start, length = chance.choice(spots)
            width = chance.choice([1, 2, 4, 8])
            at = min(start + chance.randrange(max(1, length)), len(hdf5) - width)
            number = chance.choice(EDGES) if chance.random() < 0.7 else chance.randrange(len(hdf5))
            changed[at : at + width] = (number % 256**width).to_bytes(width, "little")
        return bytes(changed)

    return with_hdf5(suffix, content, change)


def _messages(hdf5: bytes) -> list[tuple[int, int]]:
    """Where the messages of all object headers of version 1 lie, and how long they are."""
    places: set[int] = set()
    with h5py.File(io.BytesIO(hdf5)) as file:
        places.add(h5py.h5o.get_info(file.id).addr)
        file.visititems(lambda _, found: places.add(h5py.h5o.get_info(found.id).addr))
    spots = []
    for place in places:
        if hdf5[place] != 1:
            continue
        count, _, size = struct.unpack_from("<HII", hdf5, place + 2)
        at = place + 16
        for _ in range(count):
            if at + 8 > min(place + 16 + size, len(hdf5)):
                break
            length = struct.unpack_from("<H", hdf5, at + 2)[0]
            spots.append((at, 8 + length))
            at += 8 + length
    return spots


def archive(chance: Numbers, suffix: str, content: bytes) -> bytes:
    """The ZIP says something else of its members; an `.h5` gets another superblock or is cut."""
    if suffix == ".h5":
        return content[: chance.randrange(len(content))] if chance.random() < 0.5 else headers(chance, suffix, content)
    kind = chance.randrange(6)
    if kind == 0:
        parts = members(content)
        name = chance.choice(list(parts))
        extra = {chance.choice(["../evil", "/etc/evil", "a\\b", "C:x", "assets/x", MARK]): b"x"}
        return packed({**parts, **extra} if chance.random() < 0.6 else {k: v for k, v in parts.items() if k != name})
    if kind == 1:
        parts, out = members(content), io.BytesIO()
        with zipfile.ZipFile(
            out, "w", chance.choice([zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
        ) as made:
            for name, part in parts.items():
                made.writestr(name, part + bytes(chance.choice([0, 10**6, 10**7])) if chance.random() < 0.4 else part)
        return out.getvalue()
    changed = bytearray(content)
    signature = chance.choice([b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"])
    spots = [found.start() for found in re.finditer(re.escape(signature), content)]
    at = chance.choice(spots) + chance.choice([4, 6, 8, 10, 14, 16, 18, 20, 22, 24, 28, 30, 32, 42])
    width = chance.choice([2, 4])
    changed[at : at + width] = (chance.choice(EDGES) % 256**width).to_bytes(width, "little")
    return bytes(changed)


def anywhere(chance: Numbers, suffix: str, content: bytes) -> bytes:
    """Bytes changed, cut out or put in, without regard to what they are."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed))
        new = bytes(chance.randrange(256) for _ in range(chance.randint(1, 8)))
        changed[at : at + chance.choice([0, len(new), 2 * len(new)])] = new
    return bytes(changed)


FAMILIES: dict[str, Callable[[Numbers, str, bytes], bytes]] = {
    "configuration": configuration,
    "objects": objects,
    "headers": headers,
    "archive": archive,
    "bytes": anywhere,
}


STRUCTURED = ("configuration", "objects", "objects", "headers", "headers", "archive")
WATCHED = """
import atexit, re, runpy, sys
def tell():
    sys.stderr.write("VmHWM " + re.search("VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
atexit.register(tell)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def main(seed: int, count: int) -> dict[str, Any]:
    """Make and read hostile model files; what came of them."""
    faulthandler.enable()
    warnings.simplefilter("ignore")
    told: Counter[str] = Counter()
    slowest, peaks, run = 0.0, [0], subprocess.run

    def counted(command: list[str], **more: Any) -> Any:
        told["reached"] += "attributes" not in command
        python, _, *rest = command
        done = run([python, "-P", "-c", WATCHED, *rest] if Path("/proc/self").exists() else command, **more)
        said, _, peak = done.stderr.rpartition(b"VmHWM ")
        if peak.isdigit():
            peaks.append(int(peak) * 1024)
            done.stderr = said
        return done

    subprocess.run = counted  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        valid = networks(folder)
        for n in range(count):
            chance = random.Random(f"{seed} {n}")
            suffix, content = valid[n % len(valid)]
            family = "bytes" if chance.random() < 0.1 else chance.choice(STRUCTURED)
            path = folder / f"hostile{suffix}"
            path.write_bytes(FAMILIES[family](chance, suffix, content))
            before = told["reached"], {one.name for one in folder.iterdir()}
            faulthandler.dump_traceback_later(PATIENCE, exit=True)
            began = sum(os.times()[:4])
            outcome = _read(path)
            slowest = max(slowest, sum(os.times()[:4]) - began)
            faulthandler.cancel_dump_traceback_later()
            assert {one.name for one in folder.iterdir()} == before[1], f"{family} {seed} {n} left a file"
            reached = told["reached"] > before[0]
            told["reached"] = before[0] + reached
            told["tried"] += 1
            told["structured"] += family != "bytes"
            told["reached and structured"] += reached and family != "bytes"
            told[outcome] += 1
            told[f"tried {family}"] += 1
            told[f"reached {family}"] += reached
    return {**told, "slowest": round(slowest, 3), "peak": _peak(), "peak reader": max(peaks)}


def _read(path: Path) -> str:
    import keras

    try:
        assert isinstance(load_model(path), keras.Model)
        read_card(path)
    except ModelFileError as error:
        return "refused" if error.fix else "refused without a way out"
    return "models"


def _peak() -> int:
    """Bytes of memory that this process had at most; Keras itself is most of it."""
    status = Path("/proc/self/status")
    found = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"), re.M) if status.exists() else None
    return int(found[1]) * 1024 if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))) + "\n")
