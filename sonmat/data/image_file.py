"""A picture from anywhere as plain pixels: PNG, JPEG, WebP, BMP, TIFF, GIF and HEIC, read without trusting a byte of it.

The format is told by the first bytes and only its own decoder is asked; what a file declares is held against limits before
pixels are decoded; whatever a decoder breaks on is a DataError.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import os
import stat
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from sonmat.data.image_formats import FORMATS, check_content, check_size, format_of
from sonmat.data.pixels import flat_pixels, upright
from sonmat.errors import DataError
from sonmat.language import say

if TYPE_CHECKING:
    from PIL import ImageFile

MOST_PIXELS = 50_000_000
"""Of one picture: the largest that phones make have 50 million; 64 of 200 MB as they are decoded."""

MOST_BYTES = 200_000_000
"""Of one file: 50 million pixels as they are, in colour with opacity."""

_ORIENTATION = 0x0112  # EXIF's tag
_PLUGINS = {
    "BMP": "BmpImagePlugin",
    "GIF": "GifImagePlugin",
    "JPEG": "JpegImagePlugin",
    "PNG": "PngImagePlugin",
    "TIFF": "TiffImagePlugin",
    "WEBP": "WebPImagePlugin",
}
_TILE = (322, 323)  # TIFF's tags of a tile's width and height


@dataclass(frozen=True)
class Header:
    """What a picture's file says before any pixel is decoded.

    Attributes:
        width, height: As the picture is looked at, upright.
        grey: Whether it can only be grey; one that may be coloured can turn out to be grey all the same.
    """

    width: int
    height: int
    grey: bool


def open_image(file: str | os.PathLike[str] | bytes, *, most_pixels: int = MOST_PIXELS) -> np.ndarray:
    """Read a picture: its first frame, upright by its EXIF, 8 bits a channel, without transparency.

    16 bits are scaled to 8. What is transparent lies on black where the strokes are light, else on white.

    Args:
        file: A path, or a file's content.
        most_pixels: A picture of more is refused before any pixel is decoded.

    Returns:
        uint8 (height, width) where the picture is grey, by its pixels and not by how they are stored; else (height, width, 3).

    Raises:
        DataError: Whatever is wrong with the file: missing, no picture, cut short, broken, too large.
    """
    name = say("The picture", "그림") if isinstance(file, bytes) else os.fspath(file)
    try:
        content = file if isinstance(file, bytes) else content_of(file)
        with quiet_decoders():
            return decode(content, most_pixels=most_pixels)
    except DataError as error:
        raise DataError(
            say(f"{name} could not be read: {error.problem}.", f"{name} 파일을 읽지 못했습니다: {error.problem}."),
            error.fix,
        ) from error


def content_of(file: str | os.PathLike[str]) -> bytes:
    """The bytes of a regular file that is no larger than a picture may be.

    Raises:
        DataError: The problem is a reason without the file's name.
    """
    with _reading(file) as opened:
        return opened.read(MOST_BYTES + 1)


@contextlib.contextmanager
def _reading(file: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    again = say("Check the path.", "경로를 확인하세요.")
    try:
        found = Path(file).stat()
        if stat.S_ISDIR(found.st_mode):
            raise DataError(
                say("it is a folder", "폴더입니다"),
                say(f"Name the pictures in it: {file}/*.jpg", f"그 안의 그림을 적으세요: {file}/*.jpg"),
            )
        if not stat.S_ISREG(found.st_mode):  # a device or a pipe may never end
            raise DataError(say("it is no file", "파일이 아닙니다"), again)
        _check_bytes(found.st_size)
        with open(file, "rb") as opened:
            yield opened
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(say("there is no such file", "그런 파일이 없습니다"), again) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise DataError(getattr(error, "strerror", None) or str(error), again) from error


def header_of(file: str | os.PathLike[str], *, most_pixels: int = MOST_PIXELS) -> Header:
    """What a picture says of itself; nothing is decoded, and of most formats little is read. Call it under `quiet_decoders`.

    Args:
        file: Its path.
        most_pixels: A picture of more is refused.

    Raises:
        DataError: The problem is a reason without the file's name.
    """
    with _reading(file) as stream, _opened(stream, most_pixels) as (image, kind):
        turned = kind != "TIFF" and _orientation(image, kind) in (5, 6, 7, 8)  # Pillow turns TIFFs by itself
        width, height = image.size[::-1] if turned else image.size
        return Header(width, height, image.mode in ("1", "L", "LA", "La") or image.mode.startswith("I"))


def decode(content: bytes, *, most_pixels: int = MOST_PIXELS, least_side: int | None = None) -> np.ndarray:
    """The pixels of a picture, as `open_image` has them. Call it under `quiet_decoders`.

    Args:
        content: The file.
        most_pixels: A picture of more is refused.
        least_side: Where both sides of the result may be as small as this, a JPEG is decoded at a half, a quarter or an
            eighth of its size: a photo of 12 million pixels takes a fifth of the time.

    Raises:
        DataError: The problem is a reason without the file's name.
    """
    _check_bytes(len(content))
    check_content(content, format_of(content), most_pixels)
    with _opened(io.BytesIO(content), most_pixels) as (image, kind):
        if least_side is not None and kind == "JPEG" and min(image.size) >= 2 * least_side:
            shorter = min(image.size)
            image.draft(None, (image.width * least_side // shorter, image.height * least_side // shorter))
        image.load()
        orientation = _orientation(image, kind)  # a PNG may say it behind its pixels
        check_size(*image.size, most_pixels)  # a HEIC's own may differ from what the container says
        pixels = flat_pixels(image)
    return pixels if kind == "TIFF" else upright(pixels, orientation)


@contextlib.contextmanager
def quiet_decoders() -> Iterator[None]:
    """Keep Pillow's own warnings off the screen: what matters is refused. Not for several threads at once; around them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


@contextlib.contextmanager
def _opened(stream: BinaryIO, most_pixels: int) -> Iterator[tuple[ImageFile.ImageFile, str]]:
    """The picture with its header read, and Pillow's name of its format; whatever breaks in the block is a DataError."""
    head = stream.read(64)
    kind = format_of(head)
    if kind == "WEBP":  # its canvas is asked for as soon as it is opened
        check_content(head, kind, most_pixels)
    _load_decoder(kind)
    from PIL import Image

    try:
        with Image.open(stream, formats=(kind,)) as image:
            check_size(*image.size, most_pixels)
            if kind == "TIFF":
                _check_tiles(image, most_pixels)
            yield image, kind
    except DataError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
        limit = most_pixels / 1e6
        raise DataError(
            say(f"it is far larger than {limit:g} million pixels", f"{limit:g}백만 픽셀보다 훨씬 큽니다"),
            say("Make it smaller first.", "먼저 크기를 줄이세요."),
        ) from error
    except Exception as error:  # decoders meet broken input with nearly every kind of exception
        raise _broken(kind, error) from error


def _broken(kind: str, error: Exception) -> DataError:
    told = (str(error).splitlines() or [""])[0][:200]
    if "truncated" in told.lower() or isinstance(error, EOFError):
        reason = say("it is cut short", "중간에 잘렸습니다")
    elif type(error).__name__ == "UnidentifiedImageError" or not told:  # its text is the address of a buffer
        reason = say(f"its {FORMATS[kind]} data are broken", f"{FORMATS[kind]} 데이터가 깨졌습니다")
    else:
        reason = say(f"its {FORMATS[kind]} data are broken ({told})", f"{FORMATS[kind]} 데이터가 깨졌습니다 ({told})")
    return DataError(
        reason,
        say("Get the file again, or save it anew as PNG or JPEG.", "파일을 다시 받거나 PNG, JPEG로 새로 저장하세요."),
    )


def _orientation(image: ImageFile.ImageFile, kind: str) -> Any:
    """EXIF's orientation; None where there is none that can be read: the picture is not the worse for that."""
    if kind not in ("JPEG", "WEBP", "PNG"):  # Pillow and libheif turn the others by themselves
        return None
    if kind == "PNG" and "exif" not in image.info:  # asking a picture that is not loaded would decode all of it
        return None
    try:
        return image.getexif().get(_ORIENTATION)
    except Exception:  # broken EXIF can fail in as many ways as a broken picture
        return None


def _check_tiles(image: Any, most_pixels: int) -> None:
    """A small TIFF may be made of one tile of any size, which is decoded whole."""
    sides = [image.tag_v2.get(tag) for tag in _TILE]
    if any(side is not None for side in sides):
        width, height = (int(side or 1) for side in sides)
        check_size(max(1, width), max(1, height), most_pixels)


def _check_bytes(size: int) -> None:
    if size > MOST_BYTES:
        raise DataError(
            say(
                f"the file is {size / 1e6:,.0f} MB large and the limit is {MOST_BYTES / 1e6:,.0f} MB",
                f"파일이 {size / 1e6:,.0f} MB인데 한도는 {MOST_BYTES / 1e6:,.0f} MB입니다",
            ),
            say("Make the picture smaller first.", "먼저 그림의 크기를 줄이세요."),
        )


@functools.cache
def _load_decoder(kind: str) -> None:
    """Make a format's decoder known to Pillow."""
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    else:
        importlib.import_module(f"PIL.{_PLUGINS[kind]}")  # importing one registers it
    if kind == "TIFF":
        _quiet_libtiff()


def _quiet_libtiff() -> None:
    """libtiff writes what it thinks of a file to stderr, past Python; whatever matters of it is raised as well.

    It is told once for the whole process, so that no thread's own lines are lost as they would be if stderr were closed to it.
    Where Pillow has libtiff inside itself, as on Windows, its handlers cannot be reached and it goes on.
    """
    import ctypes
    import logging

    from PIL import _imaging

    logging.getLogger("PIL").addHandler(logging.NullHandler())  # else its errors go to stderr as well
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(_imaging.__file__)
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            handler = getattr(library, name)
            handler.argtypes, handler.restype = [ctypes.c_void_p], ctypes.c_void_p
            handler(None)
