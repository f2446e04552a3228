"""The language of messages: English, or Korean where the locale is."""

from __future__ import annotations

import contextlib
import locale
import os
from collections.abc import Iterator
from contextvars import ContextVar

_LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")  # the order in which POSIX reads them

_spoken: ContextVar[str | None] = ContextVar("sonmat_language", default=None)


def language() -> str:
    """The language of messages, `"en"` or `"ko"`.

    What `speaking` was told decides inside of it, then `SONMAT_LANG` where it is set; otherwise the locale does.
    """
    spoken = _spoken.get()
    if spoken is not None:
        return spoken
    chosen = os.environ.get("SONMAT_LANG", "").strip().lower()
    if chosen:
        return "ko" if chosen.startswith("ko") else "en"
    named = next((os.environ[name] for name in _LOCALE_VARIABLES if os.environ.get(name)), None)
    if named is None:
        named = locale.getlocale()[0] or ""  # Windows has no such variables
    return "ko" if named.lower().startswith("ko") else "en"


@contextlib.contextmanager
def speaking(chosen: str | None) -> Iterator[None]:
    """Messages of this thread or task are in one language meanwhile: a server answers each reader in their own.

    Args:
        chosen: `"en"`, `"ko"` or a longer name of either; None leaves it as it is.
    """
    if chosen is None:
        yield
        return
    before = _spoken.set("ko" if chosen.lower().startswith("ko") else "en")
    try:
        yield
    finally:
        _spoken.reset(before)


def say(english: str, korean: str) -> str:
    """The one of two texts that is in the user's language."""
    return korean if language() == "ko" else english
