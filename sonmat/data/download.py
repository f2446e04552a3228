"""Fetching one file over HTTP, within limits of time and size."""

from __future__ import annotations

import contextlib
import http.client
import importlib
import importlib.util
import queue
import ssl
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from sonmat.data.progress import Progress
from sonmat.errors import SourceError
from sonmat.language import say

_STALL = 20.0  # seconds without a byte after which a download is given up
_BLOCK = 256 * 1024


class Patience:
    """How long to wait for servers to answer, over all the sources of one data set.

    Name servers and proxies can hang as well as servers, and Python's own timeout covers none but the last; so an
    answer is waited for in a thread that can be left behind. A host that did not answer is not asked again.

    Args:
        each: Seconds to wait for one answer.
        total: Seconds to wait for answers that do not come, all together.
    """

    def __init__(self, each: float = 5.0, total: float = 12.0) -> None:
        self._each = each
        self._left = total
        self._silent: set[str] = set()

    def open(self, url: str) -> http.client.HTTPResponse:
        """Ask for `url` and return the answer when its headers are there.

        Raises:
            SourceError: No answer in time, or one that is not 200.
        """
        host = urlsplit(url).netloc
        if host in self._silent:
            raise SourceError(say(f"{host} did not answer before", f"{host}가 앞에서 응답하지 않았습니다"))
        if self._left <= 0:
            raise SourceError(
                say("not tried: too much time went into waiting", "기다린 시간이 길어 시도하지 않았습니다")
            )
        started = time.monotonic()
        try:
            return self._answer(url, min(self._each, self._left))
        except urllib.error.HTTPError as error:
            error.close()
            raise SourceError(f"HTTP {error.code} {error.reason}") from None
        except (OSError, http.client.HTTPException, queue.Empty) as error:
            self._left -= time.monotonic() - started
            self._silent.add(host)
            raise SourceError(_reason(error)) from error

    def _answer(self, url: str, seconds: float) -> http.client.HTTPResponse:
        answers: queue.Queue[http.client.HTTPResponse | BaseException] = queue.Queue()
        gave_up = threading.Event()

        def ask() -> None:
            try:
                answer = urllib.request.urlopen(_request(url), timeout=_STALL, context=_certificates())
            except BaseException as error:
                answers.put(error)
            else:
                answers.put(answer)
                if gave_up.is_set():
                    answer.close()

        threading.Thread(target=ask, daemon=True, name=f"asking {url}").start()
        try:
            answer = answers.get(timeout=seconds)
        except queue.Empty:
            gave_up.set()
            raise
        if isinstance(answer, BaseException):
            raise answer
        return answer


def download(url: str, path: Path, *, limit: int, progress: Progress, patience: Patience) -> None:
    """Fetch `url` into the file `path`.

    Args:
        url: An http or https address.
        path: Written over.
        limit: The most bytes to take.
        progress: Told how far it is.
        patience: Shared by all downloads that one user waits for.

    Raises:
        SourceError: No answer, an answer longer than `limit`, one that breaks off, or a disk that is full.
    """
    with contextlib.closing(patience.open(url)) as answer:
        declared = answer.headers.get("Content-Length", "")
        total = int(declared) if declared.isdecimal() else None
        if total is not None and total > limit:
            raise _too_large(total, limit)
        try:
            done = _copy(answer, path, limit, total, progress)
        except (OSError, http.client.HTTPException) as error:
            raise SourceError(_reason(error)) from error
    if total is not None and done != total:
        raise SourceError(
            say(
                f"the download broke off: {done:,} of {total:,} bytes came",
                f"다운로드가 끊겼습니다: {total:,}바이트 중 {done:,}바이트만 왔습니다",
            )
        )


def _copy(answer: http.client.HTTPResponse, path: Path, limit: int, total: int | None, progress: Progress) -> int:
    done = 0
    with path.open("wb") as file:
        progress(0, total)
        while block := answer.read1(_BLOCK):
            done += len(block)
            if done > limit:
                raise _too_large(done, limit)
            file.write(block)
            progress(done, total)
    return done


def _too_large(size: int, limit: int) -> SourceError:
    return SourceError(
        say(f"too large: {size:,} bytes, at most {limit:,} expected", f"너무 큽니다: {size:,}바이트 (한도 {limit:,})")
    )


def _request(url: str) -> urllib.request.Request:
    if urlsplit(url).scheme not in {"http", "https"}:
        raise SourceError(say("not an http address", "http 주소가 아닙니다"))
    return urllib.request.Request(url, headers={"User-Agent": "sonmat", "Accept-Encoding": "identity"})


def _certificates() -> ssl.SSLContext:
    context = ssl.create_default_context()
    if importlib.util.find_spec("certifi"):  # some Pythons come without the system's certificates
        context.load_verify_locations(importlib.import_module("certifi").where())
    return context


def _reason(error: BaseException) -> str:
    if isinstance(error, queue.Empty):
        return say("no answer in time", "제때 응답이 없습니다")
    if isinstance(error, TimeoutError):
        return say(f"nothing came for {_STALL:.0f} s", f"{_STALL:.0f}초 동안 아무것도 오지 않았습니다")
    cause = getattr(error, "reason", error)
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
