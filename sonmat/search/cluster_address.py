"""Where a Ray cluster is: the forms of an address, whether something answers there, and joining it."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import socket
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sonmat.errors import RecipeError, RunError, UnsupportedError
from sonmat.language import say

LOCAL, NODE, CLIENT = "local", "node", "client"
_PORTS = {NODE: 6379, CLIENT: 10001}  # Ray's own
_WAIT_SECONDS = 5.0
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(
    (0, 0, 0, 4, 0, 0, 0, 0, 0)
)  # RFC 9113, 3.4: empty settings follow
_SETTINGS = 4


@dataclass(frozen=True)
class Address:
    """A Ray cluster as `--cluster` names it.

    Attributes:
        kind: `LOCAL`, this machine; `NODE`, a cluster that this machine is a node of; `CLIENT`, one that it is not.
        host, port: Of the cluster's head; empty and 0 for `LOCAL`.
    """

    kind: str
    host: str = ""
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> Address:
        """`ray`, `ray:HOST[:6379]` or `ray://HOST[:10001]`.

        Raises:
            RecipeError: None of these.
        """
        if text == "ray":
            return cls(LOCAL)
        scheme, _, rest = text.partition(":")
        kind = CLIENT if rest.startswith("//") else NODE
        with contextlib.suppress(ValueError):  # no number, or none of a port
            parts = urlsplit(rest if kind == CLIENT else f"//{rest}")
            plain = parts.netloc == (rest[2:] if kind == CLIENT else rest) and "@" not in rest
            if scheme == "ray" and parts.hostname and plain:
                return cls(kind, parts.hostname, parts.port or _PORTS[kind])
        raise RecipeError(
            say(f"{text!r} names no cluster.", f"{text!r}은(는) 클러스터의 주소가 아닙니다."),
            say(
                "Write ray (this machine), ray:HOST:6379 (a cluster that this machine is a node of) or "
                "ray://HOST:10001 (any other).",
                "ray(이 컴퓨터), ray:호스트:6379(이 컴퓨터가 노드인 클러스터), ray://호스트:10001(그 밖의 클러스터) 가운데 "
                "하나로 쓰세요.",
            ),
        )

    @property
    def place(self) -> str:
        """Host and port as Ray reads them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def check(self) -> None:
        """See that something answers there which speaks as Ray does. Ray itself would try for minutes.

        Raises:
            RunError: Nothing does.
        """
        if self.kind == LOCAL:
            return
        try:
            with socket.create_connection((self.host, self.port), _WAIT_SECONDS) as connection:
                if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
                    return
                connection.sendall(_PREFACE)
                answer = b""
                while len(answer) < 9 and (more := connection.recv(9 - len(answer))):
                    answer += more
            if len(answer) < 9 or answer[3] != _SETTINGS:
                raise OSError("what answers there is not Ray")
        except OSError as error:
            raise self.silent(error.strerror or str(error)) from error

    def silent(self, reason: str) -> RunError:
        """The error of a cluster that cannot be joined."""
        return RunError(
            say(
                f"The Ray cluster at {self.place} cannot be joined: {reason.rstrip('.')}.",
                f"{self.place}의 Ray 클러스터에 연결할 수 없습니다: {reason.rstrip('.')}.",
            ),
            say(
                "Start it there (ray start --head), or correct the address.",
                "그 컴퓨터에서 클러스터를 켜거나(ray start --head) 주소를 고치세요.",
            ),
        )


def join(address: Address) -> tuple[Address, bool]:
    """Join a cluster; for `LOCAL` the one that this process has joined, or that runs on this machine, or else a new one.

    Returns:
        Where its head is, and whether this process is to leave it in the end: it had not joined one before.

    Raises:
        UnsupportedError: Ray is not installed, or its client is not.
        RunError: The cluster does not answer, or Ray cannot join it.
    """
    ray = imported()
    if ray.is_initialized():
        if address.kind == LOCAL:
            return _joined(ray), False
        raise RunError(
            say("This process has joined a Ray cluster already.", "이 프로세스는 이미 Ray 클러스터에 연결되어 있습니다."),
            say(
                'Use it with cluster="ray", or call ray.shutdown() first.',
                'cluster="ray"로 그 클러스터를 쓰거나 먼저 ray.shutdown()을 부르세요.',
            ),
        )  # fmt: skip
    address = _running() if address.kind == LOCAL else address
    if address.kind == CLIENT and importlib.util.find_spec("grpc") is None:
        raise UnsupportedError(
            say("ray:// addresses need Ray's client, which is not installed.", "ray:// 주소에 필요한 Ray 클라이언트가 없습니다."),
            say('Install it: pip install "sonmat[ray]"', '설치하세요: pip install "sonmat[ray]"'),
        )  # fmt: skip
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address.kind == LOCAL:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        options |= {"address": "local", "include_dashboard": False}
    else:
        address.check()
        options["address"] = f"ray://{address.place}" if address.kind == CLIENT else address.place
    logging.getLogger("ray").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"os\.fork\(\)")  # what is forked becomes another program at once
            ray.init(**options)
    except Exception as error:  # Ray has no error of its own for this
        with contextlib.suppress(Exception):
            ray.shutdown()
        raise _reason(address, error) from error
    return (address if address.kind == CLIENT else _joined(ray)), True


def imported() -> Any:
    """The library.

    Raises:
        UnsupportedError: It is not installed.
    """
    if "ray" not in sys.modules:  # it reads this once: its raylets' dumps would go to standard output, among our JSON
        os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", "^")
    try:
        import ray
    except ImportError as error:
        raise UnsupportedError(
            say("A cluster needs Ray, which is not installed.", "클러스터를 쓰려면 Ray가 필요한데 설치되어 있지 않습니다."),
            say('Install it: pip install "sonmat[ray]"', '설치하세요: pip install "sonmat[ray]"'),
        ) from error  # fmt: skip
    return ray


def _joined(ray: Any) -> Address:
    """The head of the cluster that this process is in."""
    try:
        return Address.parse(f"ray:{ray.get_runtime_context().gcs_address}")
    except (RecipeError, AttributeError):  # by a client, which was not told
        return Address(LOCAL)


def _running() -> Address:
    """The cluster that `RAY_ADDRESS` names, or that was last started on this machine and still answers, or a new one."""
    named = os.environ.get("RAY_ADDRESS", "")
    if named not in ("", "auto", "local"):
        return Address.parse(named if named.startswith("ray:") else f"ray:{named}")
    kept = Path(os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()) / "ray" / "ray_current_cluster"
    if named != "local":
        with contextlib.suppress(OSError, ValueError, RecipeError, RunError):
            found = Address.parse(f"ray:{kept.read_text(encoding='utf-8').strip()}")
            found.check()
            return found
    return Address(LOCAL)


def _reason(address: Address, error: Exception) -> RunError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    reason = lines[-1] if "Traceback" in str(error) else lines[0]
    if address.kind == LOCAL:
        return RunError(
            say(f"Ray does not start here: {reason}", f"이 컴퓨터에서 Ray가 시작되지 않습니다: {reason}"),
            say("Try it by itself: ray start --head", "Ray만 시작해 보세요: ray start --head"),
        )
    return address.silent(reason)
