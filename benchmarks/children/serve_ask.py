"""Clients of a server: `serve_ask (pixels|photos) ADDRESS CLIENTS SECONDS`.

The clients are bare sockets that keep their connections: what measures must not be what is slow.
"""

from __future__ import annotations

import asyncio
import io
import json
import sys
import time
from typing import Any
from urllib.parse import urlsplit

import numpy as np


def pixels() -> tuple[bytes, str]:
    """A 28×28 input as JSON."""
    image = np.zeros((28, 28), int)
    image[4:24, 12:16] = 255
    return json.dumps({"pixels": image.tolist()}).encode(), "application/json"


def photo() -> tuple[bytes, str]:
    """A photograph of a digit as a phone may send it: 1200 × 900, JPEG."""
    from PIL import Image, ImageDraw, ImageFilter

    image = Image.new("L", (1200, 900), 205)
    ImageDraw.Draw(image).line([(560, 200), (640, 180), (620, 700)], fill=50, width=34, joint="curve")
    noise = np.random.default_rng(0).normal(0, 6, (900, 1200))
    shaded = np.clip(
        np.asarray(image.filter(ImageFilter.GaussianBlur(2)), float) - np.linspace(0, 60, 1200) + noise, 0, 255
    )
    held = io.BytesIO()
    Image.fromarray(shaded.astype(np.uint8)).save(held, "JPEG", quality=85)
    return held.getvalue(), "image/jpeg"


async def client(host: str, port: int, request: bytes, until: float, took: list[float], errors: list[str]) -> None:
    """One client: it asks, waits for the whole answer, and asks again."""
    reader, writer = await asyncio.open_connection(host, port)
    while time.perf_counter() < until:
        began = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        lower = head.lower()
        length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        took.append(time.perf_counter() - began)
        if not head.startswith(b"HTTP/1.1 200") or b'"predictions"' not in body:
            errors.append((head + body)[:300].decode("utf-8", "replace"))
    writer.close()


async def ask(address: str, clients: int, seconds: float, body: bytes, media: str) -> dict[str, Any]:
    """So many clients for so long."""
    parts = urlsplit(address)
    assert parts.hostname
    assert parts.port
    head = f"POST /predict HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: {media}\r\nContent-Length: {len(body)}\r\n\r\n"
    request, errors = head.encode() + body, list[str]()
    await client(parts.hostname, parts.port, request, time.perf_counter() + 0.5, [], errors)  # warm
    took: list[float] = []
    began = time.perf_counter()
    each = (client(parts.hostname, parts.port, request, began + seconds, took, errors) for _ in range(clients))
    failed = [repr(one) for one in await asyncio.gather(*each, return_exceptions=True) if one is not None]
    whole = time.perf_counter() - began
    times = np.array(took) * 1000
    return {
        "clients": clients,
        "requests": len(took),
        "seconds": round(whole, 2),
        "per_second": round(len(took) / whole, 1),
        **{f"p{part}_ms": round(float(np.percentile(times, part)), 3) for part in (50, 95, 99)},
        "errors": len(errors) + len(failed),
        "first_errors": (errors + failed)[:3],
        "bytes": len(body),
    }


def main() -> None:
    """One line of JSON."""
    kind, *rest = sys.argv[1:]
    body, media = pixels() if kind == "pixels" else photo()
    print(json.dumps(asyncio.run(ask(rest[0], int(rest[1]), float(rest[2]), body, media))))


if __name__ == "__main__":
    main()
