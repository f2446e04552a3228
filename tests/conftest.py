"""Every test has its own SONMAT_HOME; what is slow to make (MNIST, compiled programs) is made once for all of them."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

_SHARED = Path(
    os.environ.get("SONMAT_TEST_CACHE")
    or Path(tempfile.gettempdir()) / f"sonmat-test-cache-{os.getuid() if hasattr(os, 'getuid') else ''}"
)
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(_SHARED / "programs"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.05")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
os.environ["SONMAT_LANG"] = "en"

import sonmat  # noqa: E402, F401  (chooses the backend before anything imports Keras)

# The same code has the same verdict; `make fuzz` looks for examples that nobody has seen.
hypothesis.settings.register_profile("suite", derandomize=True)
hypothesis.settings.register_profile("fuzz", derandomize=False, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("SONMAT_HYPOTHESIS", "suite"))


_TOGETHER = {
    "tests/studio/page/": "page",
    "tests/studio/": "studio",
    "tests/search/test_cluster.py": "cluster",
    "tests/test_package.py": "package",
    "tests/jobs/test_members.py": "members",
}
"""Tests that run in one process: what they share (a studio and its children, three nodes, an installed wheel) takes long to start."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share tests out one by one, and some together. (By xdist's own marks it does not come about with pytest 9.2.)"""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduler(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return next((group for start, group in _TOGETHER.items() if nodeid.startswith(start)), nodeid)

    return Scheduler(config, log)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh SONMAT_HOME for each test."""
    place = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("SONMAT_HOME", str(place))
    return place


@pytest.fixture(scope="session")
def fetched_mnist() -> Path:
    """The real MNIST, fetched once for every session on this machine."""
    from sonmat.data.progress import silent
    from sonmat.data.sources import fetch

    return fetch("mnist", progress=silent, folder=_SHARED / "data")


@pytest.fixture
def mnist(fetched_mnist: Path, home: Path) -> str:
    """The name of the real MNIST, which is in this test's home."""
    from sonmat.data.cache import cache_file

    place = cache_file("mnist")
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        place.symlink_to(fetched_mnist)
    except OSError:  # Windows asks for a right to make links
        place.write_bytes(fetched_mnist.read_bytes())
    return "mnist"


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An `.npz` of MNIST's form that is learned in an epoch: 600 + 200 rows, a bright block a class."""
    import numpy as np

    random = np.random.default_rng(0)

    def made(n: int) -> tuple[np.ndarray, np.ndarray]:
        labels = (np.arange(n) % 10).astype(np.uint8)
        images = random.integers(0, 60, (n, 28, 28), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            top, left = divmod(int(label), 5)
            image[top * 14 + 2 : top * 14 + 12, left * 5 + 1 : left * 5 + 5] += 150
        return images, labels

    (x_train, y_train), (x_test, y_test) = made(600), made(200)
    path = tmp_path_factory.mktemp("small") / "blocks.npz"
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return path


@dataclass(frozen=True)
class Said:
    """What a command said, and how it ended."""

    status: int
    out: str
    err: str


@pytest.fixture
def sonmat_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """The `sonmat` command in this process: `sonmat_command("train", "--json")`."""
    from sonmat.cli import main

    monkeypatch.setenv("COLUMNS", "120")

    def run(*arguments: object) -> Said:
        capsys.readouterr()
        with warnings.catch_warnings(), pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        sys.stdout.flush()
        said = capsys.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.fixture(scope="session")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV of 480 sentences, English and Korean, of four intents that a word or two tell apart."""
    import csv
    import itertools
    import random

    told = {
        "refund": ("refund {}", "i want my money back for {}", "{} 환불하고 싶어요", "{} 환불해 주세요"),
        "track": ("where is {}", "track {} please", "{} 배송 어디까지 왔나요", "{} 언제 도착해요"),
        "cancel": ("cancel {}", "please stop {} now", "{} 취소할게요", "{} 취소하고 싶은데요"),
        "greet": ("hello {}", "good morning {}", "{} 안녕하세요", "{} 반갑습니다"),
    }
    things = ("the order", "my parcel", "shoes", "이 주문", "제 가방", "그 신발", "그거", "this thing", "today", "오늘")
    ends = ("", "!", " please", "~")
    rows = [
        (template.format(thing) + end, label)
        for label, templates in told.items()
        for template, thing, end in itertools.product(templates, things, ends)
    ][::1]
    random.Random(0).shuffle(rows)
    path = tmp_path_factory.mktemp("sentences") / "intents.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows(rows[:480])
    return path
