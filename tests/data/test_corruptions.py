"""Pictures made worse: by degrees, the same every time, and otherwise left alone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from sonmat.data.corruptions import CORRUPTIONS, corrupted
from sonmat.errors import DataError

NAMES = list(CORRUPTIONS)


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    made = np.zeros((12, 28, 28), np.uint8)
    made[:, 6:22, 12:16] = 255
    made[:, 6:10, 8:20] = 200
    return made


def distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - other).mean())


@pytest.mark.parametrize("name", NAMES)
def test_more_strength_is_farther_away(name: str, pictures: np.ndarray):
    away = [distance(corrupted(pictures, name, strength), pictures) for strength in CORRUPTIONS[name].strengths]
    assert all(a > 0 for a in away)
    assert away[-1] > away[0]
    assert away == sorted(away) or name in ("occlusion", "rotation", "shift")


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_alone_decides_and_the_inputs_stay(name: str, pictures: np.ndarray):
    before = pictures.copy()
    first, again, other = (corrupted(pictures, name, CORRUPTIONS[name].strengths[2], seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(pictures, before)
    assert first.shape == pictures.shape
    assert first.dtype == np.uint8
    assert (name in ("noise", "shift", "rotation", "occlusion")) == bool((first != other).any())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(3, 20, 30, 1), (3, 20, 30, 3)])
def test_channels_are_kept(name: str, shape: tuple[int, ...]):
    given = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    assert corrupted(given, name, CORRUPTIONS[name].strengths[0]).shape == shape


def test_each_is_what_it_says(pictures: np.ndarray):
    np.testing.assert_array_equal(corrupted(pictures, "inverted", 1.0), 255 - pictures)
    expected = ndimage.gaussian_filter(pictures[0] / 255, 2.0)
    np.testing.assert_allclose(corrupted(pictures, "blur", 2.0)[0] / 255, expected, atol=3e-3)
    assert (corrupted(pictures, "thick", 1.0) >= pictures).all()
    assert (corrupted(pictures, "thin", 1.0) <= pictures).all()
    noise = corrupted(np.full((50, 28, 28), 128, np.uint8), "noise", 0.1)
    assert noise.std() / 255 == pytest.approx(0.1, rel=0.05)
    turned = corrupted(pictures, "rotation", 30.0)[0]
    middle = np.array(ndimage.center_of_mass(turned)) - np.array(ndimage.center_of_mass(pictures[0]))
    assert np.abs(middle).max() < 3
    smaller = corrupted(pictures, "scale", 0.5)[0] > 60
    assert np.ptp(np.flatnonzero(smaller.any(1))) + 1 == pytest.approx(8, abs=2)
    for picture in corrupted(np.full((20, 28, 28), 255, np.uint8), "occlusion", 7.0):
        assert (picture == 0).sum() == 49


def test_what_is_no_picture_is_refused(pictures: np.ndarray):
    with pytest.raises(DataError, match="no corruption called 'fog'"):
        corrupted(pictures, "fog", 1.0)
    with pytest.raises(DataError, match="uint8"):
        corrupted(pictures.astype(np.float32), "blur", 1.0)
    with pytest.raises(DataError, match="uint8"):
        corrupted(pictures[:, 0], "blur", 1.0)
