"""Whom the studio lets in, and what it refuses."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import httpx
import pytest

from tests.studio.conftest import BYTES, ONE, Studio


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Sonmat": "other"},
        {"X-Sonmat": "studio", "Origin": "http://evil.example"},
        {"X-Sonmat": "studio", "Origin": "null"},
        {"X-Sonmat": "studio", "Host": "evil.example"},
        {"X-Sonmat": "studio", "Sec-Fetch-Site": "cross-site"},
        {"X-Sonmat": "studio", "Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_site_changes_nothing(studio: Studio, done: str, headers: dict[str, str]):
    for method, path in (("DELETE", f"/api/runs/{done}"), ("POST", "/api/runs"), ("PATCH", f"/api/runs/{done}")):
        answer = httpx.request(method, studio.address + path, headers=headers, json={"title": "x"})
        assert answer.status_code == 403, answer.text
        assert set(answer.json()) == {"error", "fix"}
    assert studio.row(done)["title"] == "blocks"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", ""])
def test_another_name_reads_nothing(studio: Studio, host: str):
    assert httpx.get(f"{studio.address}/api/runs", headers={"Host": host}).status_code in (400, 403)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/runs/..%2f..%2fetc"),
        ("GET", "/api/runs/%2e%2e"),
        ("DELETE", "/api/runs/.studio"),
        ("DELETE", "/api/runs/%2e%2e%2fdrawings"),
        ("POST", "/api/runs/..%5c..%5cwindows/stop"),
        ("GET", "/static/../app.py"),
        ("GET", "/static/%2e%2e/app.py"),
        ("GET", "/static/..%2fapp.py"),
        ("GET", "/static//etc/passwd"),
        ("GET", "/static/" + "x" * 5000),
        ("GET", "/api/test/..%2f.."),
        ("GET", "/api/image/%2e%2e/validation/1.png"),
        ("GET", "/api/studies/%2e%2e"),
        ("GET", "/api/drawings/%2e%2e/x/0123456789abcdef.png"),
        ("DELETE", "/api/drawings/a/%2e%2e/0123456789abcdef"),
        ("GET", "/api/look?run=../x"),
        ("POST", "/api/draw?runs=../../x"),
    ],
)
def test_no_path_leads_out(studio: Studio, method: str, path: str):
    answer = studio.client.request(method, path, content=ONE if method == "POST" else None, headers=BYTES)
    assert answer.status_code in (404, 422), answer.text
    assert "error" in answer.json()


def endless() -> Iterator[bytes]:
    for _ in range(30):
        yield b"x" * (1 << 20)


def test_what_is_too_large_is_cut_off(studio: Studio, done: str):
    path = f"/api/draw?runs={done}"
    assert studio.client.post(path, content=b"x" * (21 << 20), headers=BYTES).status_code == 413
    with contextlib.suppress(httpx.WriteError):  # the server hung up before all was sent
        assert studio.client.post(path, content=endless(), headers=BYTES).status_code == 413
    assert studio.client.post("/api/drawings/a/b", content=b"x" * (21 << 20), headers=BYTES).status_code == 413
    assert studio.get("/api/drawings")["sets"] == []


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "text/plain"}, b"{}", 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--", 415),
        ({"Content-Type": "application/json"}, b"{", 422),
        ({"Content-Type": "application/json"}, b"[" * 100_000, 422),
        ({"Content-Type": "application/json"}, b"[]", 422),
        ({"Content-Type": "application/json"}, b'{"recipe": 3}', 422),
        ({"Content-Type": "application/json"}, b'{"recipe": {"model": {"name": "notes-mlp"}}, "title": 5}', 422),
        (
            {"Content-Type": "application/json"},
            b'{"recipe": {"model": {"name": "notes-mlp"}}, "title": "\\ud800x"}',
            422,
        ),
        (
            {"Content-Type": "application/json"},
            b'{"recipe": {"model": {"name": "notes-mlp"}}, "title": "\xed\xa0\x80"}',
            422,
        ),
    ],
)
def test_a_body_of_another_kind_is_refused(studio: Studio, headers: dict[str, str], body: bytes, status: int):
    answer = studio.client.post("/api/runs", content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]


def test_errors_are_in_the_readers_language(studio: Studio):
    assert "없습니다" in studio.get("/api/runs/nothing", 404, lang="ko")["error"]
    assert "There is no" in studio.get("/api/runs/nothing", 404, lang="en")["error"]
    korean = {"Accept-Language": "fr-FR,ko-KR;q=0.9,en;q=0.8"}
    assert "없습니다" in studio.client.get("/api/runs/nothing", headers=korean).json()["error"]
    assert studio.get("/api/start", lang="ko")["datasets"][0]["title"] == "MNIST: 손글씨 숫자"


def test_answers_carry_the_policy(studio: Studio):
    for path in ("/api/start", "/api/nowhere"):
        headers = studio.client.get(path).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_a_file_is_sent_once(studio: Studio):
    first = studio.client.get("/static/studio.js")
    assert first.content
    again = studio.client.get("/static/studio.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
