"""Every test has its own SONMAT_HOME; what is slow to make (MNIST, compiled programs) is made once for all of them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

_SHARED = Path(
    os.environ.get("SONMAT_TEST_CACHE")
    or Path(tempfile.gettempdir()) / f"sonmat-test-cache-{os.getuid() if hasattr(os, 'getuid') else ''}"
)
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(_SHARED / "programs"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.05")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
os.environ["SONMAT_LANG"] = "en"

import sonmat  # noqa: E402, F401  (chooses the backend before anything imports Keras)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh SONMAT_HOME for each test."""
    place = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("SONMAT_HOME", str(place))
    return place
