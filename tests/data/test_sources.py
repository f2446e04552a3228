"""Published data sets: sources in order, checks, the cache, and what can go wrong with each."""

from __future__ import annotations

import dataclasses
import json
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sonmat.data.arrays import Arrays
from sonmat.data.cache import cache_file, read_cache, write_cache
from sonmat.data.download import Patience
from sonmat.data.formats import write_idx
from sonmat.data.known import KNOWN, Known
from sonmat.data.listing import describe, listing
from sonmat.data.mirrors import IDX_NAMES, IdxFolder, IdxMirror, NpzMirror, Source
from sonmat.data.progress import silent
from sonmat.data.sources import fetch, load, obtain
from sonmat.errors import DataError, SourceError


def known(arrays: Arrays, *sources: Source) -> Known:
    return Known("small", tuple("0123456789"), (60, 30), arrays.sums(), sources)


def same(one: Arrays, other: Arrays) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_an_npz_mirror(tmp_path: Path, site: Any, arrays: Arrays, npz: bytes) -> None:
    site.files = {"mnist.npz": npz}
    seen: list[tuple[int, int | None]] = []
    small = known(arrays, NpzMirror(f"{site.address}mnist.npz"))
    came, source = obtain(small, folder=tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert same(came, arrays)
    assert source == f"{site.address}mnist.npz"
    assert seen[0] == (0, len(npz))
    assert seen[-1] == (len(npz), len(npz))
    again, source = obtain(small, folder=tmp_path, progress=silent)
    assert same(again, arrays)
    assert source == f"{site.address}mnist.npz"
    assert site.asked == {"/mnist.npz": 1}
    with np.load(tmp_path / "small.npz") as opened:  # plain NumPy opens the kept file too
        np.testing.assert_array_equal(opened["x_test"], arrays.x_test)


def test_an_idx_mirror(tmp_path: Path, site: Any, arrays: Arrays, idx: dict[str, bytes]) -> None:
    site.files = idx
    size = sum(len(content) for content in idx.values())
    seen: list[tuple[int, int | None]] = []
    came, _ = obtain(
        known(arrays, IdxMirror(site.address, size)),
        folder=tmp_path,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert same(came, arrays)
    assert seen == sorted(seen)
    assert seen[-1] == (size, size)


def test_idx_files_are_held_against_their_own_sums(
    tmp_path: Path, site: Any, arrays: Arrays, idx: dict[str, bytes]
) -> None:
    import hashlib

    sums = tuple(hashlib.sha256(idx[f"{name}.gz"]).hexdigest() for name in IDX_NAMES)
    site.files = idx
    small = dataclasses.replace(known(arrays, IdxMirror(site.address, 1, sums)), sums=None)
    assert same(obtain(small, folder=tmp_path / "good", progress=silent)[0], arrays)
    site.files[f"{IDX_NAMES[2]}.gz"] = idx[f"{IDX_NAMES[0]}.gz"]
    with pytest.raises(SourceError, match="wrong checksum of t10k-images"):
        obtain(small, folder=tmp_path / "bad", progress=silent)


def test_a_folder_on_this_machine(tmp_path: Path, arrays: Arrays) -> None:
    for name, array in zip(IDX_NAMES, arrays, strict=True):
        write_idx(tmp_path / "debian" / f"{name}.gz", array)
    small = known(arrays, IdxFolder(str(tmp_path / "nothing")), IdxFolder(str(tmp_path / "debian")))
    came, source = obtain(small, folder=tmp_path / "kept", progress=silent)
    assert same(came, arrays)
    assert source == str(tmp_path / "debian")


def test_the_first_source_that_works_is_taken(
    tmp_path: Path, site: Any, arrays: Arrays, npz: bytes, idx: dict[str, bytes]
) -> None:
    site.files = {"broken.npz": npz, "other.npz": npz[:-40], "right.npz": npz} | idx
    site.cut = {"broken.npz": len(npz) // 2}
    names = ("missing", "broken", "other", "right")
    mirrors = [NpzMirror(f"{site.address}{name}.npz") for name in names] + [IdxMirror(site.address, 1)]
    came, source = obtain(known(arrays, *mirrors), folder=tmp_path, progress=silent)
    assert same(came, arrays)
    assert source.endswith("right.npz")
    assert sum(site.asked.values()) == 4


def test_all_sources_failing_lists_each_with_its_reason(tmp_path: Path, site: Any, arrays: Arrays, npz: bytes) -> None:
    wrong = dataclasses.replace(known(arrays), sums=("0" * 64, *arrays.sums()[1:]))
    site.files = {"cut.npz": npz, "wrong.npz": npz, "html.npz": b"<html>Please log in</html>"}
    site.cut = {"cut.npz": 100}
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        refused = f"http://127.0.0.1:{closed.getsockname()[1]}/mnist.npz"
        names = ("missing", "cut", "wrong", "html")
        sources = (NpzMirror(refused), *(NpzMirror(f"{site.address}{name}.npz") for name in names))
        with pytest.raises(SourceError) as caught:
            obtain(dataclasses.replace(wrong, sources=sources), folder=tmp_path, progress=silent)
    lines = caught.value.problem.splitlines()[1:]
    assert [line.split(": ")[0] for line in lines] == [f"  - {source.address}" for source in sources]
    reasons = (
        "Connection refused",
        "HTTP 404",
        f"broke off: 100 of {len(npz):,}",
        "wrong checksum",
        "no readable .npz",
    )
    for line, reason in zip(lines, reasons, strict=True):
        assert reason in line
    assert "sonmat data fetch small" in caught.value.fix
    assert not (tmp_path / "small.npz").exists()


def test_a_server_that_is_too_generous_is_cut_off(tmp_path: Path, site: Any, arrays: Arrays) -> None:
    site.files = {"huge.npz": bytes(65 * 2**20)}
    with pytest.raises(SourceError, match="too large: 68,157,440 bytes"):
        obtain(known(arrays, NpzMirror(f"{site.address}huge.npz")), folder=tmp_path, progress=silent)


def test_arrays_of_another_form_are_refused_even_where_no_sums_are_known(tmp_path: Path, arrays: Arrays) -> None:
    for changed in (
        arrays._replace(x_test=arrays.x_test.astype(float)),
        arrays._replace(x_train=arrays.y_train),
        arrays._replace(y_test=arrays.y_test[:-1]),
    ):
        with pytest.raises(SourceError):
            changed.verify(None)


@pytest.fixture
def silent_server() -> Iterator[str]:
    """An address that takes connections and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(16)
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def test_silent_servers_cost_no_more_than_the_patience(silent_server: str) -> None:
    patience = Patience(each=0.2, total=0.3)
    problems = []
    for host in ("127.0.0.1", "127.0.0.1", "localhost", "127.0.0.2"):
        with pytest.raises(SourceError) as caught:
            patience.open(silent_server.replace("127.0.0.1", host))
        problems.append(caught.value.problem)
    here = silent_server.removeprefix("http://").rstrip("/")
    assert problems == [
        "no answer in time",
        f"{here} did not answer before",
        "no answer in time",
        "not tried: too much time went into waiting",
    ]


def test_only_http_is_asked(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    with pytest.raises(SourceError, match="not an http address"):
        Patience().open((tmp_path / "secret").as_uri())


DAMAGES = {
    "cut": lambda content: content[: len(content) // 2],
    "flipped": lambda content: content[:5000] + bytes([content[5000] ^ 1]) + content[5001:],
    "empty": lambda content: b"",
    "other": lambda content: b"\x80\x04other",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_corrupt_cache_is_fetched_again_and_said(
    tmp_path: Path, site: Any, arrays: Arrays, npz: bytes, damage: str
) -> None:
    site.files = {"mnist.npz": npz}
    small = known(arrays, NpzMirror(f"{site.address}mnist.npz"))
    obtain(small, folder=tmp_path, progress=silent)
    path = tmp_path / "small.npz"
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with pytest.warns(UserWarning, match="kept copy of small is broken and is fetched again"):
        came, _ = obtain(small, folder=tmp_path, progress=silent)
    assert same(came, arrays)
    assert site.asked == {"/mnist.npz": 2}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        obtain(small, folder=tmp_path, progress=silent)
    assert site.asked == {"/mnist.npz": 2}


def test_a_cache_with_other_arrays_is_noticed(tmp_path: Path, arrays: Arrays) -> None:
    path = tmp_path / "small.npz"
    write_cache(path, arrays._replace(y_test=arrays.y_test[::-1].copy()), "somewhere")
    with pytest.raises(DataError, match="SHA-256 of y_test"):
        read_cache(path, arrays.sums())
    read_cache(path, None)  # without published sums it is held against what was written


def test_a_cache_folder_that_cannot_be_written_is_gone_without(
    tmp_path: Path, site: Any, arrays: Arrays, npz: bytes
) -> None:
    site.files = {"mnist.npz": npz}
    (tmp_path / "file").write_text("where the folder should be")
    small = known(arrays, NpzMirror(f"{site.address}mnist.npz"))
    with pytest.warns(UserWarning, match="could not be kept") as warned:
        came, _ = obtain(small, folder=tmp_path / "file", progress=silent)
    assert same(came, arrays)
    assert "SONMAT_HOME" in str(warned[0].message)
    assert (tmp_path / "file").read_text() == "where the folder should be"


FETCH = """
import json, sys
from pathlib import Path
from sonmat.data.known import Known
from sonmat.data.mirrors import NpzMirror
from sonmat.data.sources import obtain
folder, address, sums, limit = json.loads(sys.argv[1])
if limit:
    import resource, signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
known = Known("small", tuple("0123456789"), (60, 30), tuple(sums), (NpzMirror(address),))
arrays, source = obtain(known, folder=Path(folder))
print(arrays.sums() == tuple(sums))
"""


def start(folder: Path, address: str, arrays: Arrays, limit: int = 0) -> subprocess.Popen[str]:
    settings = json.dumps([str(folder), address, arrays.sums(), limit])
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, settings], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on file sizes")
def test_a_full_disk_costs_the_cache_and_not_the_data(tmp_path: Path, site: Any, arrays: Arrays, npz: bytes) -> None:
    assert len(npz) < 16_384 < arrays.x_train.nbytes  # the download fits, the unpacked cache does not
    site.files = {"mnist.npz": npz}
    process = start(tmp_path, f"{site.address}mnist.npz", arrays, limit=16_384)
    printed, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert printed.strip() == "True"
    assert "could not be kept" in said
    assert "File too large" in said
    assert [path.name for path in tmp_path.iterdir()] in ([".small.lock"], [])


def test_two_processes_at_once_download_once(tmp_path: Path, site: Any, arrays: Arrays, npz: bytes) -> None:
    site.files = {"mnist.npz": npz}
    site.delay = 2.0
    processes = [start(tmp_path, f"{site.address}mnist.npz", arrays) for _ in range(2)]
    said = []
    for process in processes:
        printed, error = process.communicate(timeout=60)
        assert (process.returncode, printed.strip()) == (0, "True"), error
        said.append(error)
    assert site.asked == {"/mnist.npz": 1}
    assert sorted(text.split(" ")[0] for text in said) == ["Another", "Fetching"]


def test_no_terminal_gets_one_line(tmp_path: Path, site: Any, arrays: Arrays, npz: bytes, capfd: Any) -> None:
    site.files = {"mnist.npz": npz}
    small = known(arrays, NpzMirror(f"{site.address}missing.npz"), NpzMirror(f"{site.address}mnist.npz"))
    obtain(small, folder=tmp_path)
    obtain(small, folder=tmp_path)
    out, err = capfd.readouterr()
    assert out == ""
    assert err == f"Fetching small from 127.0.0.1:{site.port} (0.0 MB)\n"


@pytest.mark.parametrize(
    ("name", "near"), [("minst", "mnist"), ("fashion", "fashion-mnist"), ("KMINST", "kmnist"), ("mnist2", "mnist")]
)
def test_an_unknown_name_gets_the_nearest_known(name: str, near: str) -> None:
    for call in (load, fetch):
        with pytest.raises(SourceError, match=f"no data set named '{name}'") as caught:
            call(name)
        assert caught.value.fix == f"Did you mean '{near}'?"


def test_an_unknown_name_far_from_all_gets_the_list() -> None:
    with pytest.raises(SourceError, match="known are mnist, fashion-mnist, kmnist") as caught:
        load("shakespeare")
    assert "path" in caught.value.fix


def test_the_cache_is_where_sonmat_home_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arrays: Arrays) -> None:
    monkeypatch.setenv("SONMAT_HOME", str(tmp_path))
    assert cache_file("mnist") == tmp_path / "cache" / "data" / "mnist.npz"
    before = {listed.name: listed for listed in listing()}
    assert list(before) == ["mnist", "fashion-mnist", "kmnist"]
    assert not any(listed.cached for listed in before.values())
    write_cache(cache_file("kmnist"), arrays, "somewhere")
    after = {listed.name: listed for listed in listing()}
    assert after["kmnist"].cached
    assert after["kmnist"].size == cache_file("kmnist").stat().st_size
    assert after["kmnist"].source == "somewhere"
    assert after["mnist"] == before["mnist"]
    cache_file("mnist").write_bytes(b"broken")
    broken = {listed.name: listed for listed in listing()}["mnist"]
    assert (broken.cached, broken.source) == (True, None)


def test_a_kept_set_loads_as_data_sets_with_class_names(arrays: Arrays) -> None:
    write_cache(cache_file("kmnist"), arrays, "somewhere")
    train, test = load("KMNIST")
    assert train.classes == test.classes == tuple("おきすつなはまやれを")
    assert (train.name, train.part, test.part, train.source, train.scale) == (
        "kmnist",
        "train",
        "test",
        "somewhere",
        255.0,
    )
    said = describe(test)
    assert (said.rows, said.shape, said.dtype, said.range) == (30, (28, 28), "uint8", (0, 255))
    assert said.counts == dict.fromkeys("おきすつなはまやれを", 3)
    assert said.fingerprint == test.fingerprint


def test_what_is_known_is_of_one_form() -> None:
    for name, entry in KNOWN.items():
        assert entry.name == name
        assert len(set(entry.classes)) == 10
        assert entry.sums is None or all(len(value) == 64 for value in entry.sums)
        assert entry.sums or all(getattr(source, "sums", None) for source in entry.sources)
