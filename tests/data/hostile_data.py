"""Makes hostile tables, arrays and recipes and reads them, in a process of its own with little memory and time.

    python hostile_data.py SEED COUNT

Each begins as a valid CSV, `.npz`, folder of IDX files or recipe. Nine in ten are changed along their structure: fields, quotes,
encodings and names of pictures that lead elsewhere; the headers of arrays and of the ZIP around them; sizes and types of IDX;
values of TOML. The others have bytes changed anywhere. Prints one line of JSON. A crash, a hang, a file that appears, or an
exception that is no SonmatError ends the process otherwise.
"""

from __future__ import annotations

import faulthandler
import gzip
import io
import json
import pickle
import random
import re
import resource
import struct
import sys
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sonmat.data.local import load_path
from sonmat.data.mirrors import IDX_NAMES
from sonmat.errors import SonmatError
from sonmat.models.recipe import Recipe, from_toml, to_toml

PATIENCE = 60  # seconds for one file, on a machine that others use too
MEMORY = 3 << 30  # of address space, libraries included

Numbers = random.Random
EDGES = (0, 1, -1, 2, 255, 65536, 2**31 - 1, 2**31, 2**32, 2**63, 10**30, 1.5, 1e308)
WORDS = (
    "", " ", "\0", "a" * 5_000, "\"", "=cmd|' /C calc'!A0", "../../etc/passwd", "/etc/passwd", "//host/share/a.png", "\\\\host\\a.png",
    "http://example.invalid/a.png", "file:///etc/passwd", "C:\\a.png", "/dev/zero", "/proc/self/mem", "한글", "\u202eevil", "\ud7ff", "nan",
    "inf", "-0", "1e999", "0x10", ",", ";", "\t", "\r", "label", "text", "a.png", "ﬁ", "\ufeff",
)  # fmt: skip


def table(chance: Numbers) -> tuple[str, bytes]:
    """Sentences, pictures' names or pixels with labels; some fields are hostile."""
    kind, delimiter = chance.choice(["text", "image", "pixels"]), chance.choice([",", ";", "\t", "|"])
    rows = [["label", *(f"p{n}" for n in range(16))] if kind == "pixels" else [kind, "label"]]
    for n in range(chance.choice([0, 1, 20, 40])):
        value = (
            [str((n * k) % 256) for k in range(16)]
            if kind == "pixels"
            else [f"word{n} of {n % 3}" if kind == "text" else f"{n}.png"]
        )
        rows.append([str(n % 3), *value] if kind == "pixels" else [*value, str(n % 3)])
    for _ in range(chance.randint(1, 4)):
        row = chance.choice(rows)
        action = chance.randrange(5)
        if action < 3 and row:
            row[chance.randrange(len(row))] = chance.choice(WORDS)
        elif action == 3:
            row.extend([chance.choice(WORDS)] * chance.choice([1, 3, 20]))
        else:
            del row[chance.randrange(len(row) + 1) :]
    quote = chance.choice(['"', "", '"', "'"])
    text = chance.choice(["\n", "\r\n", "\r"]).join(
        delimiter.join(f"{quote}{one}{quote}" for one in row) for row in rows
    )
    encoding = chance.choice(["utf-8", "utf-8-sig", "utf-16", "cp949", "latin-1", "utf-16-le", "utf-7"])
    return chance.choice(["t.csv", "t.tsv", "t.txt"]), text.encode(encoding, "replace")


def arrays(chance: Numbers) -> tuple[str, bytes]:
    """An `.npz` whose arrays' headers, order of members or ZIP say something else."""
    out, count = io.BytesIO(), chance.choice([0, 1, 12, 40])
    with zipfile.ZipFile(out, "w", chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
        for name in chance.sample(
            ["x", "y", "x_train", "y_train", "x_test", "y_test", "classes"], chance.randint(1, 7)
        ):
            dtype = chance.choice(["u1", "<i8", ">f4", "f8", "O", "S3", "U2", "?", "V4", "c8", "M8[s]"])
            shape = (count, 4, 4) if name.startswith("x") else (count,)
            held = io.BytesIO()
            array = np.zeros(shape, dtype)
            np.lib.format.write_array(held, array, allow_pickle=True)
            content = held.getvalue()
            if chance.random() < 0.7:
                content = _other_header(chance, content)
            archive.writestr(
                chance.choice([f"{name}.npy", name, f"../{name}.npy", "a/b.npy", f"{name}.npy", f"{name}.npy"]), content
            )
    return "a.npz", out.getvalue()


def _other_header(chance: Numbers, content: bytes) -> bytes:
    length = struct.unpack_from("<H", content, 8)[0]
    header, body = content[10 : 10 + length].decode("latin-1"), content[10 + length :]
    old, new = chance.choice([
        (r"\(.*?\)", str(tuple(chance.choice([0, 4, 10**6, 2**40, 2**63, -1]) for _ in range(chance.randint(0, 4))))),
        (r"'descr': '.*?'", f"'descr': '{chance.choice(['|O', '<f8', '|V1000000', '|S0', '<U99999', 'os.system', '<i3'])}'"),
        (r"'descr': '.*?'", "'descr': [('a', '<f4'), ('b', '|O')]"),
        (r"False", chance.choice(["True", "1", "None", "__import__('os').system('touch executed')"])),
        (r"\{", "{" * chance.choice([2, 100, 5000])),
        (r"'shape'", "'shap'"),
    ])  # fmt: skip
    header = re.sub(old, lambda _: new, header, count=1)
    told = chance.choice([len(header), len(header), len(header), 0, 65535])
    if chance.random() < 0.2:
        body = pickle.dumps(_Runs())
    version = chance.choice([b"\1\0", b"\1\0", b"\1\0", b"\2\0", b"\x09\0"])
    return b"\x93NUMPY" + version + struct.pack("<H", min(told, 65535)) + header.encode("latin-1") + body


class _Runs:
    def __reduce__(self) -> object:
        return (Path.touch, (Path("executed"),))


def idx(chance: Numbers) -> tuple[str, bytes]:
    """One of four IDX files with another type, more or larger axes, or cut; packed or not."""
    images = chance.random() < 0.5
    kind, axes = chance.choice([8, 8, 8, 9, 11, 13, 14, 0, 255]), chance.choice([1, 3, 3, 0, 4, 255])
    sizes = [chance.choice([12, 12, 4, 4, 0, 2**31, 2**32 - 1, 65535]) for _ in range(axes)]
    content = bytes([0, 0, kind, axes]) + b"".join(struct.pack(">I", size) for size in sizes)
    content += bytes(chance.choice([0, 12, 12 * 16, 5000]))
    if chance.random() < 0.3:
        packed = gzip.compress(content + bytes(chance.choice([0, 10**7])))
        content = packed[: chance.choice([len(packed), len(packed) // 2])]
    return IDX_NAMES[0 if images else 1] + chance.choice(["", ".gz"]), content


def recipe(chance: Numbers) -> tuple[str, bytes]:
    """A recipe with values of other kinds and keys that there are not."""
    lines = to_toml(Recipe()).splitlines()
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(lines))
        key = lines[at].partition("=")[0].strip() or "x"
        value = chance.choice([
            json.dumps(chance.choice(WORDS)), str(chance.choice(EDGES)), "true", "nan", "inf", "[]", "{}", "[" * 3000, "[[1], [2, 'a']]",
            "{ name = \"../../evil.py:run\" }", "1979-05-27", '"""', "0x" + "f" * 400, '"/etc/passwd"', '"evil.py:run"',
        ])  # fmt: skip
        lines[at] = chance.choice(
            [f"{key} = {value}", f"no_such_key = {value}", f"[{key}]", "[[model]]", f"a.b.c.{key} = {value}"]
        )
    return "r.toml", "\n".join(lines).encode("utf-8", "surrogatepass")


FAMILIES: dict[str, Callable[[Numbers], tuple[str, bytes]]] = {
    "tables": table,
    "arrays": arrays,
    "idx": idx,
    "recipes": recipe,
}


def damaged(chance: Numbers, content: bytes) -> bytes:
    """Bytes changed, cut out or put in, without regard to what they are."""
    changed = bytearray(content or b"\0")
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed) or 1)
        new = bytes(chance.randrange(256) for _ in range(chance.randint(1, 8)))
        changed[at : at + chance.choice([0, len(new), 3 * len(new)])] = new
    return bytes(changed)


def _read(path: Path) -> None:
    if path.suffix == ".toml":
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            return
        from_toml(text)
    else:
        load_path(path.parent if path.name.startswith(("t10k", "train-")) else path)


def main(seed: int, count: int) -> dict[str, object]:
    """Make and read hostile data and recipes; what came of them."""
    faulthandler.enable()
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    told: Counter[str] = Counter()
    slowest, names = 0.0, list(FAMILIES)
    with tempfile.TemporaryDirectory() as place:
        for n in range(count):
            chance = random.Random(f"{seed} {n}")
            family = names[n % len(names)]
            folder = Path(place) / str(n)
            folder.mkdir()
            if family == "idx":
                _valid_idx(folder)
            name, content = FAMILIES[family](chance)
            structured = chance.random() < 0.9
            path = folder / name
            path.write_bytes(content if structured else damaged(chance, content))
            before = {one.name for one in folder.iterdir()}
            faulthandler.dump_traceback_later(PATIENCE, exit=True)
            began = time.process_time()
            try:
                _read(path)
            except SonmatError as error:
                told["refused"] += bool(error.fix)
            else:
                told["read"] += 1
            slowest = max(slowest, time.process_time() - began)
            faulthandler.cancel_dump_traceback_later()
            assert {one.name for one in folder.iterdir()} == before, f"{family} {seed} {n} left a file"
            assert not Path("executed").exists(), f"{family} {seed} {n} was executed"
            told["tried"] += 1
            told["structured"] += structured
            told[f"tried {family}"] += 1
            for one in folder.iterdir():
                one.unlink()
    return {**told, "slowest": round(slowest, 3), "peak": _peak()}


def _valid_idx(folder: Path) -> None:
    for name in IDX_NAMES:
        shape = (12, 4, 4) if "images" in name else (12,)
        sizes = b"".join(struct.pack(">I", size) for size in shape)
        (folder / name).write_bytes(bytes([0, 0, 8, len(shape)]) + sizes + bytes(int(np.prod(shape))))


def _peak() -> int:
    """Bytes of memory that this process had at most."""
    status = Path("/proc/self/status")
    found = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"), re.M) if status.exists() else None
    return int(found[1]) * 1024 if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))) + "\n")
