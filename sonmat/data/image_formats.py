"""Which format a picture is in, and what of a stranger's file is refused before a decoder sees it."""

from __future__ import annotations

import math
import struct

from sonmat.errors import DataError
from sonmat.language import say

FORMATS = {
    "PNG": "PNG",
    "JPEG": "JPEG",
    "WEBP": "WebP",
    "BMP": "BMP",
    "TIFF": "TIFF",
    "GIF": "GIF",
    "HEIF": "HEIC",
}
"""Pillow's names of the formats that are read, and what people call them."""

ENDINGS = frozenset([
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif",
    ".heic", ".heics", ".heif", ".heifs", ".hif",
])  # fmt: skip
"""How names of such files end, in small letters."""

UNREAD_ENDINGS = frozenset([
    ".avif", ".svg", ".svgz", ".psd", ".ai", ".eps", ".pdf", ".ico", ".ppm", ".pgm", ".pbm", ".pnm",
    ".jp2", ".j2k", ".jxl", ".tga", ".exr", ".hdr", ".xcf", ".raw", ".dng", ".cr2", ".cr3", ".nef",
    ".arw", ".orf", ".rw2", ".raf", ".dcm",
])  # fmt: skip
"""How names of pictures end that are not read: who has them should hear of it."""

_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
_MOST_WEBP = 30_000_000  # pixels: its decoder holds the canvas several times; 48 million took 1.05 GB
_MOST_SCANNED = 2_500_000_000  # pixels times scans of a JPEG: each scan goes over the whole picture again
_OTHERS = (
    (b"%PDF", "PDF"),
    (b"<svg", "SVG"),
    (b"<?xml", "XML"),
    (b"<!DOCTYPE", "HTML"),
    (b"<!doctype", "HTML"),
    (b"<html", "HTML"),
    (b"PK\x03\x04", "ZIP"),
    (b"8BPS", "Photoshop"),
    (b"\x00\x05\x16\x07", "AppleDouble"),
    (b"version https://git-lfs", "Git LFS"),
)


def format_of(content: bytes) -> str:
    """Pillow's name of a picture's format, by its first bytes, whatever the file is called.

    Raises:
        DataError: It is in none of the formats that are read. The problem is a reason without the file's name.
    """
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    if content[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if content[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if content[4:8] == b"ftyp" and content[8:12] in _HEIC_BRANDS:
        return "HEIF"
    if content.startswith(b"BM"):
        return "BMP"
    raise _no_picture(content)


def _no_picture(content: bytes) -> DataError:
    known = ", ".join(FORMATS.values())
    fix = say(f"Save it as one of {known}.", f"{known} 가운데 하나로 저장하세요.")
    if not content.strip(b"\0"):
        return DataError(
            say(
                "it is empty" if not content else "it holds nothing but zeros",
                "비어 있습니다" if not content else "0만 들어 있습니다",
            ),
            say("Get the file again.", "파일을 다시 받으세요."),
        )
    if content[4:8] == b"ftyp":
        brand = content[8:12].decode("ascii", "replace").strip()
        kind = (
            "AVIF" if brand in ("avif", "avis") else say(f"a film or picture of the kind {brand!r}", f"{brand!r} 종류")
        )
        return DataError(say(f"it is {kind}", f"{kind}입니다"), fix)
    other = next((name for start, name in _OTHERS if content.lstrip()[: len(start)] == start), None)
    if other is not None:
        return DataError(say(f"it is no picture but {other}", f"그림이 아니라 {other}입니다"), fix)
    start = content[:8].hex(" ")
    return DataError(
        say(f"it is none of {known} (it starts with {start})", f"{known} 중 어느 것도 아닙니다 (시작: {start})"), fix
    )


def check_content(content: bytes, kind: str, most_pixels: int) -> None:
    """Refuse what would cost a decoder far more than the picture is worth.

    * A WebP's canvas is asked for twice as soon as the file is opened.
    * A JPEG may go over all its pixels again in each of thousands of scans of a few bytes.

    Raises:
        DataError: The problem is a reason without the file's name.
    """
    if kind == "WEBP":
        width, height = _webp_size(content)
        check_size(width, height, min(most_pixels, _MOST_WEBP))
    elif kind == "JPEG":
        scans = content.count(b"\xff\xda")
        pixels = math.prod(_jpeg_size(content)) if scans > 1 else 0
        if scans * pixels > _MOST_SCANNED:
            raise DataError(
                say(
                    f"it draws its {pixels / 1e6:.0f} million pixels {scans:,} times over, as only a bomb does",
                    f"{pixels / 1e6:.0f}백만 픽셀을 {scans:,}번 거듭 그립니다. 압축 폭탄으로 보입니다",
                ),
                say("Save it again with a program for pictures.", "그림 프로그램으로 다시 저장하세요."),
            )


def check_size(width: int, height: int, most_pixels: int) -> None:
    """Refuse a picture of no pixels or of too many.

    Raises:
        DataError: The problem is a reason without the file's name.
    """
    if width < 1 or height < 1:
        raise DataError(
            say(f"it has {width} × {height} pixels", f"크기가 {width} × {height} 픽셀입니다"),
            say("Get the file again.", "파일을 다시 받으세요."),
        )
    if width * height > most_pixels:
        raise DataError(
            say(
                f"it is {width:,} × {height:,} pixels large and the limit is {most_pixels / 1e6:g} million pixels",
                f"크기가 {width:,} × {height:,} 픽셀인데 한도는 {most_pixels / 1e6:g}백만 픽셀입니다",
            ),
            say("Make it smaller first.", "먼저 크기를 줄이세요."),
        )


def _webp_size(content: bytes) -> tuple[int, int]:
    """Of the canvas, by the first chunk; (1, 1) where that chunk is none that has a size: the decoder refuses it then."""
    chunk, body = content[12:16], content[20:30]
    if len(body) < 10:
        return 1, 1
    if chunk == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if chunk == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if chunk == b"VP8 ":
        width, height = struct.unpack("<HH", body[6:10])
        return width & 0x3FFF, height & 0x3FFF
    return 1, 1


def _jpeg_size(content: bytes) -> tuple[int, int]:
    """Width and height of the largest frame that a JPEG declares; (0, 0) where it declares none."""
    at, largest = 2, (0, 0)
    while at + 9 < len(content):
        if content[at] != 0xFF:  # entropy-coded data, or rubbish that the decoder passes over too
            at = content.find(b"\xff", at)
            if at < 0:
                break
            continue
        marker = content[at + 1]
        if marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD9:  # these have no length
            at += 1 if marker == 0xFF else 2
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", content, at + 5)
            largest = max(largest, (width, height), key=math.prod)
        at += 2 + max(2, int.from_bytes(content[at + 2 : at + 4], "big"))
    return largest
