"""Cleaning, on photographs made by another pipeline: nothing of it is shared with what cleans them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from sonmat.data.fitting import resized
from sonmat.data.framing import box_of, framed
from sonmat.data.photo import cleaned, cleaned_all
from sonmat.data.strokes import stroke_width

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # benchmarks is no part of the package
photographs = pytest.importorskip("benchmarks.photographs")  # a source package does not carry it
handwriting = pytest.importorskip("benchmarks.handwriting")


def seen_as(glyph: np.ndarray) -> np.ndarray:
    """What a digit should come out as: itself, framed from its own ink."""
    return framed(glyph.astype(np.float32), glyph > 0.5)


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two pictures, both a little blurred, so that a pixel's way does not count."""
    a, b = (ndimage.gaussian_filter(x.astype(float), 1.0).ravel() for x in (one, other))
    return float(np.corrcoef(a, b)[0, 1])


@pytest.mark.parametrize("first", [0, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("scene", photographs.SCENES)
def test_a_digit_is_found_whatever_it_is_written_on(scene: str, first: int):
    alike = []
    for number in range((first + list(photographs.SCENES).index(scene)) % 2, 10, 2):  # each scene half of the digits
        random = np.random.default_rng([number, 5])
        glyph = handwriting.stroke_digit(number, random)
        found = cleaned(photographs.SCENES[scene]([glyph], random))
        assert found.inked
        alike.append(likeness(found.image, seen_as(glyph)))
    assert np.median(alike) > 0.93, alike
    assert min(alike) > 0.6, alike


def _on_paper(glyph: np.ndarray, ink: float = 0.4) -> np.ndarray:
    """Grey strokes on white, with room around them: (rows, columns) uint8."""
    return np.rint(245 - 245 * ink * np.pad(glyph, 60)).astype(np.uint8)


def test_the_cell_of_a_form_is_not_the_digit():
    for digit in (0, 2, 5, 8):
        glyph = handwriting.stroke_digit(digit, np.random.default_rng(digit))
        alone = _on_paper(glyph)
        cell = alone.copy()
        cell[30:34, 20:-20] = cell[-34:-30, 20:-20] = 10
        cell[30:-30, 20:24] = cell[30:-30, -24:-20] = 10
        across = alone.copy()
        across[30:34] = across[-34:-30] = 10
        across[:, 20:24] = across[:, -24:-20] = 10
        expected = cleaned(alone).image
        assert likeness(expected, seen_as(glyph)) > 0.9
        for picture in (cell, across):
            assert likeness(cleaned(picture).image, expected) > 0.95, digit


def test_pale_ink_beside_a_dark_table_is_read():
    glyph = handwriting.stroke_digit(6, np.random.default_rng(0))
    picture = np.pad(_on_paper(glyph, 0.25), ((60, 0), (0, 0)), constant_values=90)
    assert likeness(cleaned(picture).image, seen_as(glyph)) > 0.9


def test_a_digit_of_few_pixels_is_read_whole():
    for digit in range(10):
        glyph = handwriting.stroke_digit(digit, np.random.default_rng(digit))
        tight = Image.fromarray(np.rint(255 * glyph).astype(np.uint8)).resize((8, 12), Image.Resampling.BOX)
        found = cleaned(np.asarray(tight)).image
        stretched = Image.fromarray(np.rint(255 * glyph).astype(np.uint8)).resize((80, 120), Image.Resampling.BOX)
        assert likeness(found, cleaned(np.asarray(stretched)).image) > 0.8, digit


def test_a_faint_finished_picture_gets_full_contrast():
    digit = digit_like()
    np.testing.assert_allclose(cleaned(digit // 3).image, digit, atol=4)


def test_digits_side_by_side_are_read_in_order():
    random = np.random.default_rng(3)
    digits = [1, 4, 2, 7, 0]
    glyphs = [handwriting.stroke_digit(digit, random) for digit in digits]
    found = cleaned_all(photographs.SCENES["scan"](glyphs, random))
    assert len(found) == 5
    lefts = [one.box[1] for one in found]
    assert lefts == sorted(lefts)
    for one, glyph in zip(found, glyphs, strict=True):
        assert likeness(one.image, seen_as(glyph)) > 0.8


@pytest.mark.parametrize("kind", ["blank"])
def test_nothing_is_nothing(kind: str):
    for number in range(10):
        picture = photographs.nothing(kind, np.random.default_rng(number))
        assert not cleaned(picture).inked
        assert cleaned_all(picture) == []


def digit_like() -> np.ndarray:
    glyph = handwriting.stroke_digit(3, np.random.default_rng(1))
    return seen_as(glyph)


def test_what_is_framed_already_stays_itself():
    digit = digit_like()
    np.testing.assert_array_equal(cleaned(digit).image, digit)
    np.testing.assert_array_equal(cleaned(255 - digit).image, digit)
    np.testing.assert_array_equal(cleaned(np.repeat(digit[..., None], 3, -1)).image, digit)


def test_ink_may_be_darker_or_lighter_than_paper():
    glyph = np.pad(handwriting.stroke_digit(6, np.random.default_rng(2)), 60)
    dark, light = (cleaned(np.rint(levels).astype(np.uint8)).image for levels in (230 - 180 * glyph, 40 + 180 * glyph))
    assert likeness(dark, light) > 0.98


@pytest.mark.parametrize("turn", [0, 1])
def test_a_digit_is_where_it_is_said_to_be(turn: int):
    picture = np.full((400, 600), 240, np.uint8)
    picture[100:260, 300:330] = 20
    picture = np.rot90(picture, turn)
    (top, left, bottom, right) = cleaned(picture).box
    rows, columns = np.nonzero(picture < 100)
    expected = rows.min(), columns.min(), rows.max() + 1, columns.max() + 1
    assert np.abs(np.array([top, left, bottom, right]) - expected).max() <= 3


def test_the_frame_is_the_one_mnist_has():
    for number in range(10):
        glyph = handwriting.stroke_digit(number, np.random.default_rng(number))
        image = seen_as(glyph)
        lit = image > 100
        rows, columns = np.flatnonzero(lit.any(1)), np.flatnonzero(lit.any(0))
        assert 18 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 21
        middle = np.array(ndimage.center_of_mass(image))
        assert np.abs(middle - 14).max() < 0.7
        assert image.max() == 255


def test_a_hair_line_is_made_visible():
    ink = np.zeros((400, 300), np.float32)
    ink[50:350, 150:152] = 1
    ink[200:202, 50:250] = 1
    assert 1.5 < stroke_width(framed(ink, ink > 0.5) > 127) < 3.5


def _framed_digits() -> np.ndarray:
    random = np.random.default_rng(0)
    return np.stack([seen_as(handwriting.stroke_digit(int(d), random)) for d in random.integers(0, 10, 60)])


def test_the_frame_of_a_data_set_is_measured():
    assert box_of(_framed_digits()) == pytest.approx(20 / 28, abs=0.03)


def test_what_was_framed_so_is_known_from_what_was_not():
    digits = _framed_digits()
    random = np.random.default_rng(0)
    assert box_of(digits) is not None
    assert box_of(random.integers(0, 255, (50, 28, 28), dtype=np.uint8)) is None
    assert box_of(np.roll(digits, 6, 1)) is None
    assert box_of(np.zeros((5, 28, 28), np.uint8)) is None
    assert box_of(np.zeros((5, 28, 28, 3), np.uint8)) is None


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (3, 3, 3), (28, 28), (8, 8), (2000, 30), (30, 2000, 3)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_any_picture_has_an_answer(shape: tuple[int, ...], level: int):
    flat = np.full(shape, level, np.uint8)
    assert cleaned(flat).image.shape == (28, 28)
    noise = np.random.default_rng(level).integers(0, 256, shape, dtype=np.uint8)
    assert cleaned(noise).image.dtype == np.uint8
    assert isinstance(cleaned_all(noise), list)


def test_other_pictures_are_made_as_large_as_the_models():
    picture = np.random.default_rng(0).integers(0, 256, (60, 40, 3), dtype=np.uint8)
    assert resized(picture, (32, 32), 3).shape == (32, 32, 3)
    assert resized(picture, (32, 32), 1).shape == (32, 32)
    same = picture[:32, :32]
    np.testing.assert_array_equal(resized(same, (32, 32), 3), same)
