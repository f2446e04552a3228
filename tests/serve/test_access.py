"""Who may ask: this machine alone without a token, and by its own names alone."""

from __future__ import annotations

import pytest

from sonmat.errors import ServerError
from sonmat.serve.access import Access, is_loopback, new_token
from sonmat.serve.limits import Refusal

TOKEN = "a-token-of-enough-letters"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost", "LOCALHOST"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "", "192.168.0.7", "localhost.example.org", "127.0.0.1.example.org", "2130706433"]
)
def test_beyond_loopback_a_token_is_needed(host: str) -> None:
    assert not is_loopback(host)
    with pytest.raises(ServerError, match="token"):
        Access(host)
    Access(host, TOKEN)


@pytest.mark.parametrize("token", ["", "short", "토큰토큰토큰토큰토큰토큰토큰토큰토큰"])
def test_weak_tokens_are_refused(token: str) -> None:
    with pytest.raises(ServerError):
        Access("0.0.0.0", token)


def test_made_tokens_differ_and_are_taken() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    Access("0.0.0.0", tokens.pop())


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:1", "LocalHost", "[::1]:8000", "127.0.0.1"])
def test_this_machine_s_names_are_let_in(host: str) -> None:
    Access("127.0.0.1").check("/predict", {"host": host})
    Access("127.0.0.1").check("/predict", {"host": host, "origin": f"http://{host}"})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": ""},
        {"host": "evil.example"},
        {"host": "evil.example:8000"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "127.0.0.1@evil.example"},
        {"host": "[::1"},
        {"host": "localhost", "origin": "http://evil.example"},
        {"host": "localhost:8000", "origin": "http://localhost:9000"},
        {"host": "localhost", "origin": "null"},
    ],
)
def test_other_names_and_pages_are_not(headers: dict[str, str]) -> None:
    with pytest.raises(Refusal) as refused:
        Access("127.0.0.1").check("/predict", headers)
    assert refused.value.status == 403


@pytest.mark.parametrize(
    "given", ["", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer ", "Bearer é"]
)
def test_a_wrong_token_is_refused(given: str) -> None:
    with pytest.raises(Refusal) as refused:
        Access("0.0.0.0", TOKEN).check("/predict", {"host": "anything", "authorization": given})
    assert refused.value.status == 401
    assert refused.value.headers == {"WWW-Authenticate": "Bearer"}


def test_the_token_opens_and_health_needs_none() -> None:
    access = Access("0.0.0.0", TOKEN)
    access.check("/predict", {"host": "anything", "authorization": f"Bearer {TOKEN}"})
    access.check("/predict", {"host": "anything", "authorization": f"bearer {TOKEN}"})
    access.check("/health", {"host": "anything"})
    with pytest.raises(Refusal):
        access.check("/metrics", {"host": "anything"})
