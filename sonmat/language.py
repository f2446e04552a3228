"""The language of messages: English, or Korean where the locale is."""

from __future__ import annotations

import locale
import os

_LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")  # the order in which POSIX reads them


def language() -> str:
    """The language of messages, `"en"` or `"ko"`.

    `SONMAT_LANG` decides where it is set; otherwise the locale does.
    """
    chosen = os.environ.get("SONMAT_LANG", "").strip().lower()
    if chosen:
        return "ko" if chosen.startswith("ko") else "en"
    named = next((os.environ[name] for name in _LOCALE_VARIABLES if os.environ.get(name)), None)
    if named is None:
        named = locale.getlocale()[0] or ""  # Windows has no such variables
    return "ko" if named.lower().startswith("ko") else "en"


def say(english: str, korean: str) -> str:
    """The one of two texts that is in the user's language."""
    return korean if language() == "ko" else english
