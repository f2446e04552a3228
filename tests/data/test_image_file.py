"""Pictures of every format and mode as plain pixels."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from sonmat.data.image_file import Header, decode, header_of, open_image, quiet_decoders
from sonmat.errors import DataError

EXACT = ("PNG", "BMP", "TIFF", "WEBP")  # as they are saved here
FORMATS = (*EXACT, "JPEG", "GIF", "HEIF")


def colours(height: int = 31, width: int = 22) -> np.ndarray:
    """A picture without noise, so that lossy formats keep it: (h, w, 3)."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([255 * x // width, 255 * y // height, 40 + 0 * x], axis=2).astype(np.uint8)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    import pillow_heif

    pillow_heif.register_heif_opener()
    out = io.BytesIO()
    options |= {"WEBP": {"lossless": True}, "JPEG": {"quality": 98}, "HEIF": {"quality": 98}}.get(kind, {})
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
def test_colours_are_colours(kind: str) -> None:
    pixels = colours()
    came = open_image(saved(Image.fromarray(pixels), kind))
    assert came.shape == pixels.shape
    assert came.dtype == np.uint8
    worst = 0 if kind in EXACT else 40
    assert np.abs(came.astype(int) - pixels).max() <= worst


@pytest.mark.parametrize("kind", FORMATS)
def test_grey_is_grey_however_it_is_stored(kind: str) -> None:
    grey = colours()[..., 0]
    for image in (Image.fromarray(grey), Image.fromarray(np.repeat(grey[..., None], 3, axis=2))):
        came = open_image(saved(image, kind))
        if kind == "HEIF" and came.ndim == 3:  # the encoder's own colours
            came = came[..., 1]
        assert came.shape == grey.shape
        assert np.abs(came.astype(int) - grey).max() <= (0 if kind in EXACT else 12)


def test_a_path_and_its_content_give_the_same(tmp_path: Path) -> None:
    content = saved(Image.fromarray(colours()), "PNG")
    path = tmp_path / "사진 1.png"
    path.write_bytes(content)
    for file in (path, str(path), content):
        np.testing.assert_array_equal(open_image(file), colours())


def test_the_name_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "photo.JPG"
    path.write_bytes(saved(Image.fromarray(colours()), "PNG"))
    np.testing.assert_array_equal(open_image(path), colours())


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_pictures_are_upright(tmp_path: Path, kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(colours(24, 40))
    path = tmp_path / "turned"
    path.write_bytes(saved(image, kind, exif=exif))
    with Image.open(path) as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
    came = open_image(path)
    np.testing.assert_array_equal(came, expected)
    with quiet_decoders():
        header = header_of(path)
    assert (header.height, header.width) == came.shape[:2]


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_phones_pictures_are_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(colours(24, 40))
    expected = np.asarray(ImageOps.exif_transpose(_with_exif(image, exif)))
    came = open_image(saved(image, "HEIF", exif=exif.tobytes()))
    assert came.shape == expected.shape
    assert np.abs(came.astype(int) - expected).mean() < 10


def _with_exif(image: Image.Image, exif: Image.Exif) -> Image.Image:
    with Image.open(io.BytesIO(saved(image, "PNG", exif=exif))) as opened:
        opened.load()
        return opened


def test_sixteen_bits_are_scaled() -> None:
    wide = np.array([[0, 128, 129, 257, 514], [65_535, 65_407, 32_768, 65_278, 1]], np.uint16)
    for kind in ("PNG", "TIFF"):
        came = open_image(saved(Image.fromarray(wide), kind))
        np.testing.assert_array_equal(came, np.round(wide / 257).astype(np.uint8))


def test_floats_have_no_range() -> None:
    with pytest.raises(DataError, match="no known range"):
        open_image(saved(Image.fromarray(np.zeros((3, 3), np.float32)), "TIFF"))


@pytest.mark.parametrize(("strokes", "ground"), [(255, 0), (0, 255)])
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_strokes_on_nothing_stay_visible(strokes: int, ground: int, mode: str) -> None:
    layered = np.zeros((20, 20, 4), np.uint8)
    layered[5:15, 8:12] = (strokes, strokes, strokes, 255)
    image = Image.fromarray(layered)
    image = image.quantize(4) if mode == "P" else image.convert(mode)
    came = open_image(saved(image, "PNG"))
    expected = np.full((20, 20), ground, np.uint8)
    expected[5:15, 8:12] = strokes
    np.testing.assert_array_equal(came, expected)


def test_half_transparent_colours_lie_on_their_backdrop() -> None:
    layered = np.full((4, 4, 4), (200, 100, 0, 128), np.uint8)
    over = Image.alpha_composite(Image.new("RGBA", (4, 4), "white"), Image.fromarray(layered)).convert("RGB")
    np.testing.assert_allclose(open_image(saved(Image.fromarray(layered), "PNG")), np.asarray(over), atol=1)


def test_of_several_frames_the_first_is_read() -> None:
    first, second = Image.fromarray(colours()), Image.fromarray(255 - colours())
    for kind in ("TIFF", "WEBP", "PNG"):
        content = saved(first, kind, save_all=True, append_images=[second])
        np.testing.assert_array_equal(open_image(content), colours())


def test_the_limit_holds_for_the_product_of_both_sides() -> None:
    content = saved(Image.fromarray(colours(30, 20)), "PNG")
    assert open_image(content, most_pixels=600).shape == (30, 20, 3)
    with pytest.raises(DataError, match=r"20 × 30 pixels large and the limit is 0\.000599 million"):
        open_image(content, most_pixels=599)


def test_a_jpeg_is_decoded_small_where_small_is_enough() -> None:
    pixels = colours(320, 240)
    content = saved(Image.fromarray(pixels), "JPEG")
    with quiet_decoders():
        small = decode(content, least_side=64)
        whole = decode(content)
    assert small.shape == (160, 120, 3)
    means = whole.reshape(160, 2, 120, 2, 3).mean(axis=(1, 3))
    assert np.abs(small - means).mean() < 3


def test_a_header_tells_size_and_kind_without_pixels(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    content = saved(Image.fromarray(colours()[..., 0]), "PNG")
    path.write_bytes(content[:60])  # the pixels are cut off
    with quiet_decoders():
        assert header_of(path) == Header(22, 31, True)


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "nul"])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.png"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        if not hasattr(os, "mkfifo"):
            pytest.skip("this system has no named pipes")
        os.mkfifo(path)
    with pytest.raises(DataError, match=r"a.*\.png could not be read") as caught:
        open_image(f"{path.parent}/a\0.png" if kind == "nul" else path)
    assert caught.value.fix


def test_errors_are_in_the_users_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONMAT_LANG", "ko")
    with pytest.raises(DataError, match="읽지 못했습니다: 그런 파일이 없습니다"):
        open_image(tmp_path / "없음.png")
