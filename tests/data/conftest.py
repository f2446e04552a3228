"""A real HTTP server on this machine that can be as bad as the network is."""

from __future__ import annotations

import gzip
import http.server
import io
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import settings

from sonmat.data.arrays import Arrays
from sonmat.data.mirrors import IDX_NAMES

settings.register_profile("sonmat", deadline=None)  # a busy machine is no failure
settings.load_profile("sonmat")


@dataclass
class Site:
    """What the server gives out, and what it was asked for."""

    files: dict[str, bytes] = field(default_factory=dict)
    cut: dict[str, int] = field(default_factory=dict)  # files broken off after so many bytes
    delay: float = 0.0  # seconds before each answer
    asked: Counter[str] = field(default_factory=Counter)
    port: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    site = Site()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked[self.path] += 1
            time.sleep(site.delay)
            content = site.files.get(self.path.strip("/"))
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: site.cut.get(self.path.strip("/"))])

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    site.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield site
    server.shutdown()
    server.server_close()


@pytest.fixture
def arrays() -> Arrays:
    """A small data set of MNIST's form."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (90, 28, 28), dtype=np.uint8)
    images[:, 2:] = 0  # so that it packs well
    labels = np.arange(90, dtype=np.uint8) % 10
    return Arrays(images[:60], labels[:60], images[60:], labels[60:])


@pytest.fixture
def npz(arrays: Arrays) -> bytes:
    """That set as Keras publishes MNIST."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays._asdict())
    return buffer.getvalue()


@pytest.fixture
def idx(arrays: Arrays) -> dict[str, bytes]:
    """That set as MNIST's authors publish it."""
    return {
        f"{name}.gz": gzip.compress(struct.pack(f">BBBB{a.ndim}I", 0, 0, 8, a.ndim, *a.shape) + a.tobytes())
        for name, a in zip(IDX_NAMES, arrays, strict=True)
    }
