"""The page's own files: sent once, and again when they changed."""

from __future__ import annotations

import functools
import gzip
import hashlib
import mimetypes
import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from sonmat.studio.replies import missing

STATIC = Path(__file__).with_name("static")

_KINDS = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
}
_PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,60}")  # of the address of a file of ours
_SMALL = 1024  # bytes that are not worth packing


def page(request: Request) -> Response:
    """`GET /`."""
    return _sent(request, STATIC / "index.html")


def static(request: Request) -> Response:
    """`GET /static/…`: a file of the folder, and nothing that a path leads to beyond it."""
    asked = str(request.path_params["path"])
    parts = asked.split("/")
    if any(not _PART.fullmatch(part) for part in parts):
        raise missing(asked)
    file = STATIC.joinpath(*parts)
    if not file.is_file() or not file.resolve().is_relative_to(STATIC.resolve()):
        raise missing(asked)
    return _sent(request, file)


def _sent(request: Request, file: Path) -> Response:
    try:
        stat = file.stat()
    except OSError:
        raise missing(file.name) from None
    kind = _KINDS.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return _answer(request, *_read(file, stat.st_mtime_ns, stat.st_size), kind)


@functools.lru_cache(maxsize=128)
def _read(file: Path, changed: int, size: int) -> tuple[bytes, bytes, str]:
    return _packed(file.read_bytes())


def _packed(content: bytes) -> tuple[bytes, bytes, str]:
    packed = gzip.compress(content, 5, mtime=0) if len(content) > _SMALL else b""
    return content, packed, f'"{hashlib.sha256(content).hexdigest()[:20]}"'


def _answer(request: Request, content: bytes, packed: bytes, tag: str, kind: str) -> Response:
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if packed and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(packed, media_type=kind, headers={**headers, "Content-Encoding": "gzip"})
    return Response(content, media_type=kind, headers=headers)
