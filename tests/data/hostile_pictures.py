"""Makes hostile pictures and reads them, in a process of its own that may use little memory and time.

    python hostile_pictures.py SEED COUNT [FORMAT…]

Each file begins as a valid picture of one of seven formats. Nine in ten are changed along their structure: a chunk, marker, box
or tag is found by the format's own rules, its numbers, order or content are changed, and sums and lengths are made right again,
so that the change gets past the parser. The others have bytes changed anywhere. Prints one line of JSON: how many were tried, how
many were changed along their structure, how many of all reached a decoder of pixels, how many gave a picture, the slowest, and the
memory at its peak. A crash, a hang or an exception that is no DataError ends the process otherwise.
"""

from __future__ import annotations

import faulthandler
import io
import json
import random
import re
import struct
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

import sonmat.data.image_file as image_file
from sonmat.errors import DataError

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "HEIF")
PATIENCE = 60  # seconds for one file, on a machine that others use too
MEMORY = 3 << 30  # of address space, libraries included: where more is asked for, there is none

Numbers = random.Random
_EDGES = (
    0,
    1,
    2,
    3,
    7,
    8,
    15,
    16,
    127,
    128,
    255,
    256,
    4095,
    32767,
    32768,
    65535,
    65536,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 1,
)


def picture(chance: Numbers, mode: str) -> Image.Image:
    """Some pixels, 1 to 40 of a side."""
    width, height = chance.randint(1, 40), chance.randint(1, 40)
    rng = np.random.default_rng(chance.getrandbits(32))
    image = Image.fromarray(rng.integers(0, 256, (height, width, 4), dtype=np.uint8), "RGBA")
    if mode == "I;16":
        return Image.fromarray(rng.integers(0, 65536, (height, width), dtype=np.uint16))
    return image.convert(mode)


def valid(chance: Numbers, kind: str) -> bytes:
    """A valid file of a format, of any of the modes and packings that it has."""
    out = io.BytesIO()
    if kind == "PNG":
        many = chance.random() < 0.2
        mode = chance.choice(["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
        more = {"save_all": True, "append_images": [picture(chance, mode)]} if many and mode != "I;16" else {}
        image = picture(chance, mode)
        more = {
            key: [one.resize(image.size) for one in value] if key == "append_images" else value
            for key, value in more.items()
        }
        image.save(out, "PNG", dpi=(72, 72), **more)
    elif kind == "JPEG":
        exif = Image.Exif()
        exif[0x0112] = chance.randint(1, 8)
        image = picture(chance, chance.choice(["L", "RGB", "CMYK"]))
        image.save(
            out,
            "JPEG",
            exif=exif,
            progressive=chance.random() < 0.5,
            subsampling=chance.randint(0, 2),
            restart_marker_blocks=chance.choice([0, 1]),
        )
    elif kind == "WEBP":
        image = picture(chance, chance.choice(["RGB", "RGBA"]))
        more = (
            {"save_all": True, "append_images": [picture(chance, "RGBA").resize(image.size)]}
            if chance.random() < 0.3
            else {}
        )
        image.save(out, "WEBP", lossless=chance.random() < 0.5, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0", **more)
    elif kind == "BMP":
        picture(chance, chance.choice(["1", "L", "P", "RGB", "RGBA"])).save(out, "BMP")
    elif kind == "TIFF":
        mode = chance.choice(["1", "L", "P", "RGB", "RGBA", "CMYK", "I;16"])
        packings = ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"] + (["jpeg"] if mode in ("L", "RGB") else [])
        picture(chance, mode).save(out, "TIFF", compression=chance.choice(packings), big_tiff=chance.random() < 0.2)
    elif kind == "GIF":
        more = {"save_all": True, "append_images": [picture(chance, "P")]} if chance.random() < 0.3 else {}
        picture(chance, "P").save(out, "GIF", transparency=0, **more)
    else:
        picture(chance, chance.choice(["L", "RGB", "RGBA"])).save(out, "HEIF", quality=chance.choice([30, 90, -1]))
    return out.getvalue()


def number(chance: Numbers, before: int, size: int) -> int:
    """Another number for a field of so many bytes."""
    most = 256**size
    kind = chance.randrange(4)
    if kind == 0:
        return chance.choice(_EDGES) % most
    if kind == 1:
        return (before + chance.choice([-256, -16, -2, -1, 1, 2, 16, 256])) % most
    return (before ^ (1 << chance.randrange(8 * size))) if kind == 2 else chance.randrange(most)


def changed(chance: Numbers, content: bytes, size: int = 1, order: str = "big") -> bytes:
    """Some bytes with one number in them changed."""
    if len(content) < size:
        return content
    at = chance.randrange((len(content) - size) // size + 1) * size
    before = int.from_bytes(content[at : at + size], order)  # type: ignore[arg-type]
    return content[:at] + number(chance, before, size).to_bytes(size, order) + content[at + size :]  # type: ignore[arg-type]


def shuffled(chance: Numbers, parts: list[bytes]) -> list[bytes]:
    """Parts with one of them dropped, doubled, moved or cut short."""
    parts = list(parts)
    at, kind = chance.randrange(len(parts)), chance.randrange(4)
    if kind == 0:
        del parts[at]
    elif kind == 1:
        parts.insert(at, parts[at])
    elif kind == 2:
        parts.insert(chance.randrange(len(parts)), parts.pop(at))
    else:
        parts[at] = parts[at][: chance.randrange(len(parts[at]) + 1)]
    return parts


def png(chance: Numbers, content: bytes) -> bytes:
    """Chunks changed, each with the right length and sum."""
    chunks: list[tuple[bytes, bytes]] = []
    at = 8
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + length]))
        at += 12 + length
    at = chance.randrange(len(chunks))
    name, body = chunks[at]
    kind = chance.randrange(6)
    if kind == 0 and name != b"IEND":
        chunks[at] = (name, changed(chance, body, chance.choice([1, 2, 4])))
    elif kind == 1:  # a header of other numbers
        header = bytearray(chunks[0][1])
        header[chance.choice([2, 3, 6, 7, 8, 9, 12])] = chance.choice([0, 1, 2, 3, 4, 6, 8, 16, 40, 255])
        chunks[0] = (b"IHDR", bytes(header))
    elif kind == 2:  # pixels of another length than the header says, or that go wrong half-way
        place = next(n for n, chunk in enumerate(chunks) if chunk[0] == b"IDAT")
        raw = bytes(chance.getrandbits(8) for _ in range(chance.choice([0, 1, 50, 5_000])))
        packed = chance.choice(
            [zlib.compress(raw), zlib.compress(bytes(200_000)), raw, chunks[place][1][: len(chunks[place][1]) // 2]]
        )
        chunks[place] = (b"IDAT", packed)
    elif kind == 3:  # chunks that few files have
        extra = chance.choice(
            [
                (b"zTXt", b"k\0\0" + zlib.compress(bytes(chance.choice([10, 3_000_000])))),
                (b"iCCP", b"k\0\0" + zlib.compress(bytes(chance.choice([10, 3_000_000])))),
                (b"acTL", struct.pack(">II", chance.choice([0, 1, 2**31 - 1]), 0)),
                (
                    b"fcTL",
                    struct.pack(
                        ">IIIIIHHBB", 0, *(chance.choice([0, 5, 70_000, 2**31 - 1]) for _ in range(4)), 1, 1, 2, 1
                    ),
                ),
                (b"PLTE", bytes(chance.choice([0, 3, 4, 768, 771]))),
                (b"tRNS", bytes(chance.choice([0, 1, 2, 6, 256, 300]))),
                (b"eXIf", b"II*\0" + bytes(chance.getrandbits(8) for _ in range(40))),
                (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b'tiff:Orientation="6"' * 5)),
            ]
        )
        chunks.insert(chance.randrange(1, len(chunks)), extra)
    else:
        bodies = shuffled(chance, [name + body for name, body in chunks])
        chunks = [(one[:4].ljust(4, b"x"), one[4:]) for one in bodies]
    return content[:8] + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def jpeg(chance: Numbers, content: bytes) -> bytes:
    """Markers' segments changed, each with the right length; or scans put in."""
    parts, at = [], 2
    while at + 4 <= len(content) and content[at + 1] != 0xDA:
        length = 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        parts.append(content[at : at + length])
        at += length
    scans = content[at:]
    kind = chance.randrange(5)
    if kind == 0:
        scans = changed(chance, scans)
    elif kind == 1:
        scans = scans * chance.choice([2, 30]) if chance.random() < 0.5 else scans[: chance.randrange(len(scans))]
    elif kind == 2:
        parts = shuffled(chance, parts)
    else:
        at = chance.randrange(len(parts))
        body = changed(chance, parts[at][4:], chance.choice([1, 2]))
        parts[at] = parts[at][:2] + struct.pack(">H", len(body) + 2) + body
    return content[:2] + b"".join(parts) + scans


def riff(chance: Numbers, content: bytes) -> bytes:
    """A WebP's chunks changed, with the right lengths."""
    chunks, at = [], 12
    while at + 8 <= len(content):
        length = int.from_bytes(content[at + 4 : at + 8], "little")
        chunks.append((content[at : at + 4], content[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    if chance.random() < 0.3:
        chunks = [(one[:4].ljust(4), one[4:]) for one in shuffled(chance, [name + body for name, body in chunks])]
    else:
        at = chance.randrange(len(chunks))
        name, body = chunks[at]
        chunks[at] = (name, changed(chance, body[:64], chance.choice([1, 2, 3]), "little") + body[64:])
    made = b"".join(name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2) for name, body in chunks)
    return b"RIFF" + struct.pack("<I", len(made) + 4) + b"WEBP" + made


def bmp(chance: Numbers, content: bytes) -> bytes:
    """A field of the header changed, or the packing; or the pixels."""
    if chance.random() < 0.2:
        return content[:54] + changed(chance, content[54:])
    header = bytearray(content[:54])
    at, size = chance.choice([(10, 4), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2), (30, 4), (34, 4), (46, 4)])
    before = int.from_bytes(header[at : at + size], "little")
    new = chance.choice([0, 1, 2, 3, 6]) if at == 30 else number(chance, before, size)
    header[at : at + size] = new.to_bytes(size, "little")
    return bytes(header) + content[54:]


def tiff(chance: Numbers, content: bytes) -> bytes:
    """A tag of the first directory changed: its kind, count, or value; or the directory is made to follow itself."""
    made = bytearray(content)
    big = made[2] == 43
    start = int.from_bytes(made[8:16] if big else made[4:8], "little")
    head, entry = (8, 20) if big else (2, 12)
    count = int.from_bytes(made[start : start + head], "little")
    at = start + head + entry * chance.randrange(max(1, count))
    kind, wide = chance.randrange(6), 8 if big else 4
    if kind == 0:
        made[at + 2 : at + 4] = struct.pack("<H", chance.randrange(20))
    elif kind == 1:
        new = number(chance, int.from_bytes(made[at + 4 : at + 4 + wide], "little"), wide)
        made[at + 4 : at + 4 + wide] = new.to_bytes(wide, "little")
    elif kind == 2:  # tiles in the place of strips, as large as may be
        tags = {273: 324, 279: 325, 278: 322}
        for place in range(start + head, start + head + entry * count, entry):
            tag = int.from_bytes(made[place : place + 2], "little")
            if tag in tags:
                made[place : place + 2] = struct.pack("<H", tags[tag])
    elif kind == 3:
        end = start + head + entry * count
        made[end : end + wide] = start.to_bytes(wide, "little")
    else:
        place = at + 4 + wide
        size = chance.choice([2, 4])
        new = number(chance, int.from_bytes(made[place : place + size], "little"), size)
        made[place : place + size] = new.to_bytes(size, "little")
    return bytes(made)


def gif(chance: Numbers, content: bytes) -> bytes:
    """The screen's size, a frame's place, the code size or the codes changed; extensions put in."""
    made = bytearray(content)
    frame = content.find(b",", 13 + (3 * 2 ** (1 + (content[10] & 7)) if content[10] & 0x80 else 0))
    kind = chance.randrange(5)
    if kind == 0:
        made[6:10] = struct.pack("<HH", chance.choice([0, 1, 30, 300, 7_000, 65_535]), chance.choice([0, 1, 30, 7_000]))
    elif kind == 1 and frame > 0:
        made[frame + 1 : frame + 9] = struct.pack(
            "<HHHH", *(chance.choice([0, 1, 20, 3_000, 65_535]) for _ in range(4))
        )
    elif kind == 2 and frame > 0:
        at = frame + 10 + (3 * 2 ** (1 + (content[frame + 9] & 7)) if content[frame + 9] & 0x80 else 0)
        made[at : at + 1] = bytes([chance.choice([0, 1, 2, 8, 11, 12, 13, 255])])
    elif kind == 3 and frame > 0:
        made[frame:frame] = chance.choice(
            [b"!\xf9\x04\xff\xff\xff\xff\0", b"!\xfe\x01x\0" * 500, b"!\xff\x0bNETSCAPE2.0\x03\x01\xff\xff\0"]
        )
    else:
        return content[: frame + 10] + changed(chance, content[frame + 10 :])
    return bytes(made)


def boxes(content: bytes, start: int, end: int) -> Iterator[tuple[int, int, bytes]]:
    """An ISO file's boxes, those inside others too: where each begins and ends, and its name."""
    at = start
    while at + 8 <= end:
        size, name = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        if size < 8 or at + size > end:
            return
        yield at, at + size, name
        inner = {b"meta": 12, b"iprp": 8, b"ipco": 8, b"iinf": 14}.get(name)
        if inner:
            yield from boxes(content, at + inner, at + size)
        at += size


def heif(chance: Numbers, content: bytes) -> bytes:
    """A box's content changed, its size kept; or a box's size, or the packed pixels."""
    found = list(boxes(content, 0, len(content)))
    start, end, name = chance.choice(found)
    made = bytearray(content)
    if name == b"ispe" and chance.random() < 0.7:
        made[start + 12 : start + 20] = struct.pack(
            ">II", *(chance.choice([0, 1, 64, 5_000, 40_000, 2**31]) for _ in range(2))
        )
    elif chance.random() < 0.15:
        made[start : start + 4] = struct.pack(">I", number(chance, end - start, 4))
    else:
        made[start + 8 : end] = changed(chance, content[start + 8 : end], chance.choice([1, 1, 2, 4]))
    return bytes(made)


def anywhere(chance: Numbers, content: bytes) -> bytes:
    """Bytes changed, cut off or put in, wherever it may be; the first are left, or no decoder would be asked."""
    for _ in range(chance.randint(1, 4)):
        at = 16 + chance.randrange(max(1, len(content) - 16))
        some = bytes(chance.getrandbits(8) for _ in range(chance.randint(1, 8)))
        content = chance.choice(
            [content[:at] + some + content[at + len(some) :], content[:at], content[:at] + some + content[at:]]
        )
    return content


CHANGES: dict[str, Callable[[Numbers, bytes], bytes]] = {
    "PNG": png, "JPEG": jpeg, "WEBP": riff, "BMP": bmp, "TIFF": tiff, "GIF": gif, "HEIF": heif,
}  # fmt: skip


def main(seed: int, count: int, formats: tuple[str, ...]) -> dict[str, object]:
    """Make and read hostile pictures; what came of them."""
    import resource

    faulthandler.enable()
    for kind in CHANGES:
        image_file._load_decoder(kind)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    told: Counter[str] = Counter()
    slowest = 0.0
    opened = image_file._opened

    def counted(*arguments: object) -> object:
        return _Counted(opened(*arguments), told)  # type: ignore[arg-type]

    image_file._opened = counted  # type: ignore[assignment]
    for n in range(count):
        chance = random.Random(f"{seed} {n}")
        kind = formats[n % len(formats)]
        content = valid(chance, kind)
        structured = chance.random() < 0.9
        for _ in range(chance.choice([1, 1, 2]) if structured else 1):
            with_change = CHANGES[kind] if structured else anywhere
            try:
                content = with_change(chance, content)
            except (IndexError, StopIteration, ValueError):  # what was changed before has no such structure any more
                break
        told["tried"] += 1
        told["structured"] += structured
        before = told["reached"]
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        began = time.process_time()
        try:
            pixels = image_file.open_image(content)
        except DataError as error:
            told["refused"] += bool(error.fix)
        else:
            assert pixels.dtype == np.uint8, pixels.dtype
            assert pixels.ndim == 2 or pixels.shape[2:] == (3,), pixels.shape
            told["pictures"] += 1
        slowest = max(slowest, time.process_time() - began)
        faulthandler.cancel_dump_traceback_later()
        told[f"reached {kind}"] += told["reached"] - before
        told["reached and structured"] += structured and told["reached"] > before
    return {**told, "slowest": round(slowest, 3), "peak": _peak()}


def _peak() -> int:
    """Bytes of memory that this process had at most. Linux's ru_maxrss counts what its parent had before it, too."""
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"), re.M)
        if found:
            return int(found[1]) * 1024
    import resource  # Windows has none

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


class _Counted:
    """The picture with its header read: what is done next is decode its pixels."""

    def __init__(self, manager: object, told: Counter[str]) -> None:
        self._manager, self._told = manager, told

    def __enter__(self) -> object:
        entered = self._manager.__enter__()  # type: ignore[attr-defined]
        self._told["reached"] += 1
        return entered

    def __exit__(self, *error: object) -> object:
        return self._manager.__exit__(*error)  # type: ignore[attr-defined]


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]), tuple(sys.argv[3:]) or FORMATS)))
