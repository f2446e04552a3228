"""The largest pictures that are read, and what memory it takes: `hostile_large make KIND MEGAPIXELS FILE`, `… read FILE`.

A file is made by one process and read by another, whose memory is what is told.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

import numpy as np


def make(kind: str, megapixels: float, file: Path) -> None:
    """A picture of so many pixels, 4:3, of a little noise over a gradient; a HEIC's without noise, which takes minutes to pack."""
    import pillow_heif
    from PIL import Image

    pillow_heif.register_heif_opener()
    height = int((megapixels * 1e6 * 3 / 4) ** 0.5) // 8 * 8
    width = height * 4 // 3
    noise = np.random.default_rng(0).integers(0, 1 if kind == "HEIC" else 32, (height, width, 3), dtype=np.uint8)
    noise += np.linspace(0, 190, width, dtype=np.uint8)[None, :, None]
    more = {"quality": 60} | ({"method": 0} if kind == "WEBP" else {})
    Image.fromarray(noise).save(file, "HEIF" if kind == "HEIC" else kind, **more)


def read(file: Path) -> dict[str, object]:
    """What reading it took, imports included in the memory and not in the seconds."""
    from sonmat.data.image_file import open_image

    began = time.perf_counter()
    pixels = open_image(file)
    seconds = time.perf_counter() - began
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)
    assert found
    return {
        "megapixels": round(pixels.shape[0] * pixels.shape[1] / 1e6, 1),
        "megabytes": round(file.stat().st_size / 1e6, 1),
        "peak": int(found[1]) * 1024,
        "seconds": round(seconds, 2),
    }


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "make":
        make(rest[0], float(rest[1]), Path(rest[2]))
    else:
        sys.stdout.write(json.dumps(read(Path(rest[0]))) + "\n")
