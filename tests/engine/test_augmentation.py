"""Training pictures varied at random: what each setting does, within what bounds, and the same for the same key."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from sonmat.engine.augmentation import _places, augment, sampled
from sonmat.models.augmentation import Augmentation

KEY = jax.random.key(7)
EVERYTHING = Augmentation(
    shift=2, rotate=10, scale=0.1, shear=5, elastic=1.5, smoothness=4, cutout=3, flip=True, fill="edge"
)


def pictures(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, np.float32)


def done(settings: Augmentation, images: Any, key: jax.Array = KEY) -> np.ndarray:
    return np.asarray(augment(settings, key, jnp.asarray(images)))


def maps(settings: Augmentation, n: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Each picture's affine way back about the centre, (n, 2, 2), and the move, (n, 2), read off `_places`."""
    rows, columns = (np.asarray(part, np.float64) for part in _places(settings, KEY, (n, height, width, 1)))
    places = np.stack((rows, columns), -1)
    matrix = np.stack(((places[:, -1, 0] - places[:, 0, 0]) / (height - 1),
                       (places[:, 0, -1] - places[:, 0, 0]) / (width - 1)), -1)  # fmt: skip
    middle = np.array([(height - 1) / 2, (width - 1) / 2])
    grid = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), -1) - middle
    moved = places - middle - np.einsum("nij,hwj->nhwi", matrix, grid)
    np.testing.assert_allclose(moved, np.broadcast_to(moved[:, :1, :1], moved.shape), atol=2e-4)  # it is affine
    return matrix, moved[:, 0, 0]


# Reading between pixels


@pytest.mark.parametrize("edge", [False, True])
@pytest.mark.parametrize("shape", [(3, 9, 14, 1), (2, 12, 5, 3), (2, 1, 1, 2)])
def test_reading_elsewhere_equals_scipys(shape: tuple[int, ...], edge: bool) -> None:
    n, height, width, channels = shape
    images, random = pictures(*shape), np.random.default_rng(1)
    rows = random.uniform(-6, height + 6, (n, height, width)).astype(np.float32)
    columns = random.uniform(-6, width + 6, (n, height, width)).astype(np.float32)
    rows[0, 0, 0], columns[0, 0, 0] = 1e6, -1e6
    found = np.asarray(sampled(jnp.asarray(images), jnp.asarray(rows), jnp.asarray(columns), edge=edge))
    mode = (
        "nearest" if edge else "grid-constant"
    )  # SciPy's "constant" drops at the last pixel instead of fading over one
    for i in range(n):
        for c in range(channels):
            expected = ndimage.map_coordinates(images[i, ..., c], (rows[i], columns[i]), order=1, mode=mode)
            np.testing.assert_allclose(found[i, ..., c], expected, atol=2e-6)


def test_reading_inside_equals_scipys_constant_and_the_pixels_themselves_are_exact() -> None:
    images, random = pictures(4, 8, 11, 1), np.random.default_rng(2)
    rows, columns = random.uniform(0, 7, (4, 8, 11)), random.uniform(0, 10, (4, 8, 11))
    found = np.asarray(sampled(jnp.asarray(images), jnp.asarray(rows), jnp.asarray(columns)))
    for i in range(4):
        expected = ndimage.map_coordinates(images[i, ..., 0], (rows[i], columns[i]), order=1, mode="constant")
        np.testing.assert_allclose(found[i, ..., 0], expected, atol=2e-6)
    grid = np.meshgrid(np.arange(8.0), np.arange(11.0), indexing="ij")
    at = [jnp.broadcast_to(jnp.asarray(part), (4, 8, 11)) for part in grid]
    np.testing.assert_array_equal(np.asarray(sampled(jnp.asarray(images), *at)), images)


@pytest.mark.parametrize("fill", ["zero", "edge"])
@pytest.mark.parametrize(("height", "width"), [(11, 11), (8, 13)])
def test_turning_slanting_and_scaling_equal_scipys_affine_transform(height: int, width: int, fill: str) -> None:
    settings = Augmentation(shift=1.5, rotate=40, scale=0.3, shear=20, fill=fill)
    images = pictures(6, height, width)
    found = done(settings, images)
    drawn = jax.random.uniform(jax.random.split(jax.random.split(KEY, 3)[0])[0], (5, 6), minval=-1.0, maxval=1.0)
    middle = np.array([(height - 1) / 2, (width - 1) / 2])
    for image, result, (a, s, z, down, right) in zip(images, found, np.asarray(drawn).T, strict=True):
        angle, slant = math.radians(40 * a), math.tan(math.radians(20 * s))
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        matrix = turn @ np.array([[1, 0], [slant, 1]]) / (1 + 0.3 * z)
        move = 1.5 * np.array([down, right])
        mode = "nearest" if fill == "edge" else "grid-constant"
        expected = ndimage.affine_transform(image, matrix, middle - matrix @ (middle + move), order=1, mode=mode)
        np.testing.assert_allclose(result, expected, atol=2e-5)


# Each setting alone


def test_a_whole_shift_is_a_pure_translation_of_every_allowed_size() -> None:
    images = np.zeros((400, 9, 12), np.float32)
    images[:, 4, 6] = np.arange(1, 401)
    found = done(Augmentation(shift=2), images)
    which, rows, columns = np.nonzero(found)
    np.testing.assert_array_equal(which, np.arange(400))
    np.testing.assert_array_equal(found[which, rows, columns], np.arange(1, 401))
    assert set(zip((rows - 4).tolist(), (columns - 6).tolist(), strict=True)) == {
        (down, right) for down in range(-2, 3) for right in range(-2, 3)
    }


@pytest.mark.parametrize("fill", ["zero", "edge"])
def test_what_comes_in_from_outside_is_what_fill_says(fill: str) -> None:
    images = pictures(50, 7, 5) + 1
    for image, result in zip(images, done(Augmentation(shift=1, fill=fill), images), strict=True):
        frame = np.pad(image, 1, mode="edge" if fill == "edge" else "constant")
        assert any(np.array_equal(result, frame[i : i + 7, j : j + 5]) for i in range(3) for j in range(3))


@pytest.mark.parametrize("shift", [30, 10_000])
@pytest.mark.parametrize("fill", ["zero", "edge"])
def test_a_shift_beyond_the_picture_costs_no_more_than_the_picture(shift: int, fill: str) -> None:
    images = pictures(64, 6, 4) + 1
    found = done(Augmentation(shift=shift, fill=fill), images)
    if fill == "zero":
        assert (found == 0).all((1, 2)).mean() > 0.4
    else:
        assert np.isin(found, images).all()
    assert np.isfinite(done(Augmentation(shift=shift + 0.5 - (shift > 9_999), rotate=1, fill=fill), images)).all()


def test_a_shift_by_parts_of_a_pixel_reaches_its_bounds_and_no_farther() -> None:
    matrix, moves = maps(Augmentation(shift=2.5), 2000, 9, 14)
    np.testing.assert_allclose(matrix, np.broadcast_to(np.eye(2), matrix.shape), atol=1e-5)
    for axis in range(2):
        assert 2.45 < np.abs(moves[:, axis]).max() <= 2.5 + 1e-4
        assert abs(moves[:, axis].mean()) < 0.15


def test_turning_reaches_its_bounds_and_no_farther() -> None:
    matrix, moves = maps(Augmentation(rotate=30), 2000, 9, 14)
    np.testing.assert_allclose(matrix @ matrix.transpose(0, 2, 1), np.broadcast_to(np.eye(2), matrix.shape), atol=1e-5)
    angles = np.degrees(np.arctan2(matrix[:, 1, 0], matrix[:, 0, 0]))
    assert -30.01 <= angles.min() < -29.5
    assert 29.5 < angles.max() <= 30.01
    np.testing.assert_allclose(moves, 0, atol=1e-5)


def test_stretching_changes_the_width_alone_and_nothing_else_that_is_drawn() -> None:
    matrix, moves = maps(Augmentation(stretch=0.25), 2000, 9, 14)
    np.testing.assert_allclose(matrix[:, 0], np.broadcast_to([1, 0], (2000, 2)), atol=1e-5)
    np.testing.assert_allclose(matrix[:, 1, 0], 0, atol=1e-5)
    factors = 1 / matrix[:, 1, 1]
    assert 0.75 - 1e-4 <= factors.min() < 0.76
    assert 1.24 < factors.max() <= 1.25 + 1e-4
    np.testing.assert_allclose(moves, 0, atol=1e-5)
    plain, _ = maps(Augmentation(scale=0.25), 2000, 9, 14)
    both, _ = maps(Augmentation(scale=0.25, stretch=0.25), 2000, 9, 14)
    np.testing.assert_allclose(both[:, 0, 0], plain[:, 0, 0], atol=1e-5)


def test_scaling_reaches_its_bounds_and_no_farther() -> None:
    matrix, _ = maps(Augmentation(scale=0.25), 2000, 9, 14)
    np.testing.assert_allclose(matrix, matrix[:, :1, :1] * np.eye(2), atol=1e-5)
    factors = 1 / matrix[:, 0, 0]
    assert 0.7499 <= factors.min() < 0.755
    assert 1.245 < factors.max() <= 1.2501


def test_slanting_reaches_its_bounds_and_no_farther() -> None:
    matrix, _ = maps(Augmentation(shear=20), 2000, 9, 14)
    np.testing.assert_allclose(matrix[:, 0], np.broadcast_to([1.0, 0.0], (2000, 2)), atol=1e-5)
    np.testing.assert_allclose(matrix[:, 1, 1], 1, atol=1e-5)
    angles = np.degrees(np.arctan(matrix[:, 1, 0]))
    assert -20.01 <= angles.min() < -19.5
    assert 19.5 < angles.max() <= 20.01


@pytest.mark.parametrize("smoothness", [1.0, 4.0, 50.0])
def test_bending_has_the_settings_deviation_at_every_pixel_and_is_smooth(smoothness: float) -> None:
    n, height, width = 4000, 9, 14
    rows, columns = _places(Augmentation(elastic=2, smoothness=smoothness), KEY, (n, height, width, 1))
    ways = np.stack((rows - jnp.arange(height)[:, None], columns - jnp.arange(width)))
    np.testing.assert_allclose(ways.std(1), 2, rtol=0.06)  # a deviation of 4,000 is known to 1.1 %
    np.testing.assert_allclose(ways.mean(1), 0, atol=0.16)
    neighbours = (ways[..., 1:] * ways[..., :-1]).mean() / 4
    # White noise blurred by a Gaussian: exp(−d²/4σ²) is the correlation of two pixels d apart.
    assert neighbours == pytest.approx(math.exp(-1 / (4 * smoothness**2)), abs=0.06)
    between = np.corrcoef(ways[0].reshape(n, -1)[:, 0], ways[1].reshape(n, -1)[:, 0])[0, 1]
    assert abs(between) < 0.08


def test_cutout_blanks_one_square_whole_in_the_interior_and_never_more() -> None:
    images = np.ones((600, 12, 9, 2), np.float32)
    blank = done(Augmentation(cutout=4), images) == 0
    assert (blank[..., 0] == blank[..., 1]).all()
    counts = blank[..., 0].sum((1, 2))
    assert counts.max() == 16
    assert counts.min() >= 4  # a corner of it is always in the picture
    for one, count in zip(blank[..., 0], counts, strict=True):
        rows, columns = np.flatnonzero(one.any(1)), np.flatnonzero(one.any(0))
        assert one[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        assert len(rows) * len(columns) == count
        if rows[0] > 0 and rows[-1] < 11 and columns[0] > 0 and columns[-1] < 8:
            assert count == 16
    assert blank.any(0).all()  # every pixel, at some time


def test_the_middle_of_a_cutout_is_anywhere_in_the_picture_and_nowhere_else() -> None:
    blank = done(Augmentation(cutout=5), np.ones((2000, 7, 6), np.float32)) == 0
    for axis, most in ((2, 7), (1, 6)):
        lengths = blank.any(axis).sum(1)
        assert lengths.min() == 3  # where its middle lies on the first or the last pixel
        assert lengths.max() == 5
        ends = blank.any(axis)[:, [0, -1]] & (lengths == 3)[:, None]
        np.testing.assert_allclose(ends.mean(0), 1 / most, atol=0.04)


def test_a_cutout_larger_than_the_picture_blanks_it() -> None:
    assert not done(Augmentation(cutout=100), pictures(5, 6, 6) + 1).any()


def test_flip_mirrors_about_half_and_leaves_the_others() -> None:
    images = pictures(2000, 4, 5)
    found = done(Augmentation(flip=True), images)
    mirrored = (found == images[:, :, ::-1]).all((1, 2))
    assert (mirrored | (found == images).all((1, 2))).all()
    assert 0.45 < mirrored.mean() < 0.55


# All of them


@pytest.mark.parametrize("settings", [Augmentation(), Augmentation(smoothness=9, fill="edge")])
def test_no_settings_leave_the_picture_as_it_is(settings: Augmentation) -> None:
    images = pictures(5, 8, 6)
    np.testing.assert_array_equal(done(settings, images), images)


@pytest.mark.parametrize("settings", [EVERYTHING, Augmentation(shift=2), Augmentation(cutout=3, flip=True)])
def test_a_key_decides_everything_and_each_picture_gets_its_own(settings: Augmentation) -> None:
    images = np.broadcast_to(pictures(1, 12, 12), (24, 12, 12))
    found = done(settings, images)
    np.testing.assert_array_equal(found, done(settings, images))
    assert (found != done(settings, images, jax.random.key(8))).any()
    assert len(np.unique(found.reshape(24, -1), axis=0)) > 12


@pytest.mark.parametrize("settings", [EVERYTHING, Augmentation(shift=2, cutout=3, flip=True)])
def test_compiled_it_gives_the_same(settings: Augmentation) -> None:
    images = pictures(6, 12, 10)
    compiled = jax.jit(lambda key, batch: augment(settings, key, batch))(KEY, jnp.asarray(images))
    np.testing.assert_allclose(np.asarray(compiled), done(settings, images), atol=2e-5 if settings.warps else 0)


@pytest.mark.parametrize("settings", [EVERYTHING, Augmentation(shift=2), Augmentation(cutout=3), Augmentation()])
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("shape", [(3, 9, 12), (3, 9, 12, 1), (3, 9, 12, 3)])
def test_shape_and_dtype_stay(settings: Augmentation, dtype: Any, shape: tuple[int, ...]) -> None:
    images = jnp.asarray(pictures(*shape), dtype)
    found = augment(settings, KEY, images)
    assert (found.shape, found.dtype) == (shape, dtype)
    exact = augment(settings, KEY, images.astype(jnp.float32))
    np.testing.assert_allclose(found.astype(jnp.float32), exact, atol=5e-3)


def test_channels_move_together_as_a_picture_without_them() -> None:
    images = pictures(4, 10, 9)
    several = done(EVERYTHING, np.stack((images, images / 2), -1))
    np.testing.assert_array_equal(several[..., 0], done(EVERYTHING, images))
    np.testing.assert_allclose(several[..., 1] * 2, several[..., 0], atol=1e-6)


@pytest.mark.parametrize("settings", [EVERYTHING, Augmentation(elastic=10_000, smoothness=1, fill="zero"),
                                      Augmentation(rotate=180, scale=0.9, shear=80, shift=10_000)])  # fmt: skip
def test_values_stay_within_those_of_the_picture(settings: Augmentation) -> None:
    images = pictures(40, 7, 13)
    found = done(settings, images)
    assert np.isfinite(found).all()
    assert found.min() >= 0
    assert found.max() <= images.max() + 1e-6
