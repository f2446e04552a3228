"""The server as a process: it says where it is, answers, and ends well."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

import sonmat as sm
from sonmat.errors import ServerError
from sonmat.serve.limits import Limits
from sonmat.serve.listening import address_of, configured, listen

BODY = json.dumps({"pixels": [[0] * 28] * 28}).encode()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    sm.save_model(sm.build("notes-mlp"), tmp_path / "m.keras", inputs={"scale": 255.0}, classes=list("0123456789"))
    return tmp_path / "m.keras"


@pytest.fixture
def server(model: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "sonmat.cli", "serve", str(model), "--port", "0"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"http://[\d.]+:\d+", line):
            break
    else:
        raise AssertionError(process.stderr.read() if process.stderr else "")
    yield process, found[0]
    process.kill()
    process.wait()


def ask(address: str) -> Any:
    request = urllib.request.Request(f"{address}/predict", BODY, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_a_stop_ends_well_and_what_is_under_way_is_answered(server: tuple[subprocess.Popen[str], str]) -> None:
    process, address = server
    assert len(ask(address)["predictions"]) == 1
    host, port = address.removeprefix("http://").split(":")
    head = f"POST /predict HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as half:
        half.sendall(head.encode() + BODY[:100])
        with urllib.request.urlopen(f"{address}/health", timeout=30):  # what was sent first has been read by now
            pass
        process.send_signal(signal.SIGTERM)
        threading.Timer(0.3, half.sendall, [BODY[100:]]).start()
        answer = half.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"predictions" in answer
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "every request was answered" in out


HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    ("first", "answers"),
    [(b"", 0), (HEAD, 0), (HEAD + b"\r\n" + HEAD, 1), (HEAD + b"Content-Length: 9\r\n\r\n.", 1)],
    ids=["nothing", "half a head", "half a second head", "half a body that nobody reads"],
)
def test_a_client_that_never_ends_its_request_is_hung_up_on(first: bytes, answers: int) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    with listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname(), timeout=10) as client:
        server = uvicorn.Server(configured(app, Limits(seconds=0.2)))
        serving = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        serving.start()
        try:
            client.sendall(first)
            came = b""
            with contextlib.suppress(ConnectionResetError):
                while part := client.recv(1000):
                    came += part
            assert came.count(b"200 OK") == answers
        finally:
            server.should_exit = True
            serving.join()


def test_a_port_that_is_taken_is_said() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert address_of(taken) == f"http://127.0.0.1:{port}"
        with pytest.raises(ServerError, match=str(port)):
            listen("127.0.0.1", port)
    with pytest.raises(ServerError):
        listen("no such host.invalid", 0)


def test_beyond_loopback_a_weak_token_is_refused_before_anything_is_loaded(model: Path, sonmat_command: Any) -> None:
    said = sonmat_command("serve", model, "--host", "0.0.0.0", "--token", "short", "--port", "0")
    assert said.status == 1
    assert "token" in said.err
