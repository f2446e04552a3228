"""Hostile pictures: whatever is in a file, a picture or a DataError comes out, in little time and memory."""

from __future__ import annotations

import io
import json
import resource
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from sonmat.data.image_file import open_image
from sonmat.errors import DataError

GIGABYTE = 2**30


def tried(seed: int, count: int, *formats: str) -> dict[str, Any]:
    script = Path(__file__).with_name("hostile_pictures.py")
    done = subprocess.run(
        [sys.executable, str(script), str(seed), str(count), *formats], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout))


def check(told: dict[str, Any], count: int) -> None:
    assert told["tried"] == count == told["pictures"] + told["refused"]
    assert told["reached and structured"] >= count / 2
    assert told["peak"] < GIGABYTE


def test_hostile_pictures_give_a_picture_or_a_data_error() -> None:
    check(tried(0, 420), 420)


@pytest.mark.slow
def test_ten_thousand_hostile_pictures_give_a_picture_or_a_data_error() -> None:
    check(tried(1, 10_000), 10_000)


def test_hostile_tables_arrays_and_recipes_give_data_or_an_error_of_ours() -> None:
    script = Path(__file__).with_name("hostile_data.py")
    done = subprocess.run([sys.executable, str(script), "2", "400"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert told["tried"] == 400 == told["refused"] + told["read"]
    assert told["peak"] < GIGABYTE


def check_error(error: DataError) -> None:
    assert error.problem
    assert error.fix


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def packed(zeros: int) -> bytes:
    """So many zeros, packed, without ever being in memory at once."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(1_000_000)) for _ in range(zeros // 1_000_000)) + packer.flush()


def png(width: int, height: int, pixels: bytes, *, depth: int = 8, colour: int = 0, more: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + more + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def refused(content: bytes, *words: str) -> None:
    with pytest.raises(DataError) as caught:
        open_image(content)
    assert any(word in caught.value.problem for word in words), caught.value.problem
    assert caught.value.fix


@pytest.mark.parametrize("side", [7_072, 30_000, 2**31 - 1])
def test_a_png_that_declares_too_many_pixels_is_refused_before_they_are_decoded(side: int) -> None:
    refused(png(side, side, zlib.compress(b"")), "pixels")


def test_a_png_bomb_is_decoded_no_further_than_its_size() -> None:
    bomb = packed(300_000_000)  # 290 KB
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert open_image(png(100, 100, bomb)).shape == (100, 100)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < GIGABYTE / 2


@pytest.mark.parametrize("name", [b"zTXt", b"iCCP"])
def test_a_bomb_beside_the_pixels_is_not_unpacked(name: bytes) -> None:
    bomb = chunk(name, b"k\0\0" + packed(300_000_000))
    content = png(2, 2, zlib.compress(bytes(6)), more=bomb)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        open_image(content)
    except DataError as error:
        check_error(error)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < GIGABYTE / 4


def test_a_jpeg_that_draws_itself_over_and_over_is_refused() -> None:
    out = io.BytesIO()
    Image.new("L", (4_000, 4_000)).save(out, "JPEG", progressive=True)
    content = out.getvalue()
    scan = content.index(b"\xff\xda")
    refused(content[:-2] + content[scan:-2] * 300 + content[-2:], "over, as only a bomb does")
    assert open_image(content).shape == (4_000, 4_000)


def test_a_webp_canvas_is_measured_before_it_is_asked_for() -> None:
    body = b"\x10\0\0\0" + (16_383).to_bytes(3, "little") * 2
    content = b"RIFF" + struct.pack("<I", 4 + 8 + len(body)) + b"WEBP" + b"VP8X" + struct.pack("<I", len(body)) + body
    refused(content, "16,384 × 16,384")


def test_a_tiff_of_one_endless_tile_is_refused() -> None:
    out = io.BytesIO()
    Image.new("L", (64, 64)).save(out, "TIFF", compression="tiff_adobe_deflate")
    content = bytearray(out.getvalue())
    start = int.from_bytes(content[4:8], "little")
    tags = {273: 324, 279: 325, 278: 322, 262: 262}
    for at in range(start + 2, start + 2 + 12 * int.from_bytes(content[start : start + 2], "little"), 12):
        tag = int.from_bytes(content[at : at + 2], "little")
        content[at : at + 2] = struct.pack("<H", tags.get(tag, tag))
        if tag == 278:
            content[at + 2 : at + 12] = struct.pack("<HII", 4, 1, 2**31 - 1)
    refused(bytes(content), "pixels", "broken")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "HEIF"])
@pytest.mark.parametrize("part", [0.0, 0.05, 0.4, 0.9])
def test_truncated_pictures_are_refused(kind: str, part: float) -> None:
    pillow_heif.register_heif_opener()
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 50, 3), dtype=np.uint8))
    out = io.BytesIO()
    image.convert("P" if kind == "GIF" else "RGB").save(out, kind)
    content = out.getvalue()
    refused(content[: int(part * len(content))], "cut short", "broken", "empty", "none of")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (bytes(5_000), "nothing but zeros"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"%PDF-1.7 and so on", "PDF"),
        (b'<?xml version="1.0"?><svg/>', "XML"),
        (b"PK\x03\x04" + bytes(40), "ZIP"),
        (b"\0\0\0\x1cftypavif" + bytes(40), "AVIF"),
        (b"\0\0\0\x1cftypqt  " + bytes(40), "'qt'"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (b"hello", "it starts with 68 65 6c 6c 6f"),
    ],
)
def test_what_is_no_picture_is_called_by_its_name(content: bytes, word: str) -> None:
    refused(content, word)


def test_pillows_other_formats_are_not_asked() -> None:
    out = io.BytesIO()
    Image.new("L", (8, 8)).save(out, "PPM")
    refused(out.getvalue(), "none of")
    refused(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "none of")
