"""Training pictures varied at random, inside the compiled program: a batch and a key in, a batch out."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np

from sonmat.models.augmentation import Augmentation


def augment(settings: Augmentation, key: jax.Array, images: jax.Array) -> jax.Array:
    """A batch whose pictures have each been varied in a way of their own.

    Args:
        settings: What may happen.
        key: A JAX key, which alone decides what does.
        images: Floats, (n, rows, columns) or (n, rows, columns, channels).

    Returns:
        Pictures of the same shape and dtype. Between pixels values are interpolated bilinearly, all changes of place at
        once, so that a picture is blurred one time only.
    """
    pictures = images if images.ndim == 4 else images[..., None]
    keys = jax.random.split(key, 3)
    if settings.warps:
        pictures = sampled(pictures, *_places(settings, keys[0], pictures.shape), edge=settings.fill == "edge")
    elif settings.shift:
        pictures = _moved(pictures, keys[0], int(settings.shift), edge=settings.fill == "edge")
    if settings.flip:
        mirrored = jax.random.bernoulli(keys[1], 0.5, (len(pictures), 1, 1, 1))
        pictures = jnp.where(mirrored, pictures[:, :, ::-1], pictures)
    if settings.spoils:
        pictures = _spoilt(
            settings, jax.random.fold_in(key, 3), pictures
        )  # the first three stay what they were before it
    if settings.cutout:
        pictures = _cut(pictures, keys[2], settings.cutout)
    return pictures.reshape(images.shape)


def sampled(pictures: jax.Array, rows: jax.Array, columns: jax.Array, *, edge: bool = False) -> jax.Array:
    """Pictures read at other places, bilinearly.

    Args:
        pictures: (n, height, width, channels).
        rows, columns: Where each pixel of the result is read, in pixels from the first, (n, height, width).
        edge: Whether what lies outside is the nearest pixel; else it is 0.
    """
    n, height, width, channels = pictures.shape
    if edge:
        rows, columns = jnp.clip(rows, 0, height - 1), jnp.clip(columns, 0, width - 1)
    # A border of one pixel, and one more below and to the right for the neighbour of the last: no tap is out of range.
    framed = jnp.pad(pictures, ((0, 0), (1, 2), (1, 2), (0, 0)))
    rows = jnp.clip(rows, -1, height) + 1
    columns = jnp.clip(columns, -1, width) + 1
    top, left = jnp.floor(rows), jnp.floor(columns)
    down, right = (rows - top)[..., None], (columns - left)[..., None]
    wide = width + 3
    first = (top * wide + left).astype(jnp.int32).reshape(n, height * width, 1)
    flat = framed.reshape(n, (height + 3) * wide, channels)

    def tap(offset: int) -> jax.Array:
        found = jnp.take_along_axis(flat, first + offset, axis=1, mode="promise_in_bounds")
        return found.reshape(n, height, width, channels)

    upper = tap(0) * (1 - right) + tap(1) * right
    lower = tap(wide) * (1 - right) + tap(wide + 1) * right
    return (upper * (1 - down) + lower * down).astype(pictures.dtype)


def _places(settings: Augmentation, key: jax.Array, shape: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    """Where each pixel of each picture comes from: the way back of turning, slanting, scaling, stretching, bending and moving."""
    n, height, width, _ = shape
    numbers, bends = jax.random.split(key)
    drawn = jax.random.uniform(numbers, (5, n, 1, 1), minval=-1.0, maxval=1.0)
    angle, slant = drawn[0] * math.radians(settings.rotate), drawn[1] * math.radians(settings.shear)
    size = 1 / (1 + drawn[2] * settings.scale)
    middle = (height - 1) / 2, (width - 1) / 2
    y = (jnp.arange(height) - middle[0])[:, None] - drawn[3] * settings.shift
    x = (jnp.arange(width) - middle[1])[None, :] - drawn[4] * settings.shift
    if settings.stretch:  # drawn apart: what is drawn without it stays what it was
        wider = jax.random.uniform(jax.random.fold_in(numbers, 1), (n, 1, 1), minval=-1.0, maxval=1.0)
        x = x / (1 + wider * settings.stretch)
    x = x + jnp.tan(slant) * y
    cosine, sine = jnp.cos(angle) * size, jnp.sin(angle) * size
    rows, columns = cosine * y - sine * x + middle[0], sine * y + cosine * x + middle[1]
    if settings.elastic:
        field = settings.elastic * _smooth_noise(bends, n, height, width, settings.smoothness)
        rows, columns = rows + field[0], columns + field[1]
    return rows, columns


def _smooth_noise(key: jax.Array, n: int, height: int, width: int, smoothness: float) -> jax.Array:
    """Two smooth random fields a picture, (2, n, height, width), of standard deviation 1 at every pixel.

    White noise on knots `smoothness` apart, blurred by a Gaussian of that width: noise at every pixel, as Simard has it,
    costs 12 times the random numbers and looks the same.
    """
    down, across = _blur(height, smoothness), _blur(width, smoothness)
    noise = jax.random.normal(key, (2, n, down.shape[1], across.shape[1]))
    return jnp.einsum("rk,bnkl,cl->bnrc", down, noise, across)


def _blur(length: int, smoothness: float) -> np.ndarray:
    knots = np.arange(-1, math.ceil((length - 1) / smoothness) + 2) * smoothness
    weights = np.exp(-((np.arange(length)[:, None] - knots) ** 2) / (2 * smoothness**2))
    return np.asarray(weights / np.sqrt((weights**2).sum(1, keepdims=True)), np.float32)


def _moved(pictures: jax.Array, key: jax.Array, most: int, *, edge: bool) -> jax.Array:
    """Whole pixels: a window cut out of each picture with a border around it."""
    _, height, width, channels = pictures.shape
    down, across = min(most, height), min(most, width)  # farther out there is nothing more to see
    frame = ((0, 0), (down, down), (across, across), (0, 0))
    framed = jnp.pad(pictures, frame, mode="edge" if edge else "constant")
    ways = jax.random.randint(key, (len(pictures), 2), -most, most + 1)
    reach = jnp.asarray((down, across))
    corners = jnp.clip(ways, -reach, reach) + reach

    def window(picture: jax.Array, corner: jax.Array) -> jax.Array:
        return jax.lax.dynamic_slice(picture, (corner[0], corner[1], 0), (height, width, channels))

    return jax.vmap(window)(framed, corners)


def _cut(pictures: jax.Array, key: jax.Array, side: int) -> jax.Array:
    n, height, width, _ = pictures.shape
    vertical, horizontal = jax.random.split(key)
    top = jax.random.randint(vertical, (n, 1, 1, 1), 0, height) - side // 2
    left = jax.random.randint(horizontal, (n, 1, 1, 1), 0, width) - side // 2
    rows, columns = jnp.arange(height)[:, None, None], jnp.arange(width)[:, None]
    inside = (rows >= top) & (rows < top + side) & (columns >= left) & (columns < left + side)
    return jnp.where(inside, 0, pictures)


def _spoilt(settings: Augmentation, key: jax.Array, pictures: jax.Array) -> jax.Array:
    """Another pen and another camera: thicker or thinner, out of focus, paler, noisy; each picture by an amount of its own."""
    n = len(pictures)
    keys = jax.random.split(key, 5)
    dark, light = jnp.min(pictures), jnp.max(pictures)
    if settings.thickness:
        by = jax.random.uniform(keys[0], (n, 1, 1, 1), minval=-settings.thickness, maxval=settings.thickness)
        pictures = _thicker(pictures, by, math.ceil(settings.thickness))
    if settings.blur:
        pictures = _blurred(pictures, jax.random.uniform(keys[1], (n,), maxval=settings.blur), settings.blur)
    if settings.contrast:
        kept = 1 - jax.random.uniform(keys[2], (n, 1, 1, 1), maxval=settings.contrast)
        pictures = dark + (pictures - dark) * kept
    if settings.noise:
        spread = jax.random.uniform(keys[3], (n, 1, 1, 1), maxval=settings.noise) * (light - dark)
        noise = jax.random.normal(keys[4], pictures.shape, pictures.dtype)
        pictures = jnp.clip(pictures + spread * noise, dark, light)
    return pictures


def _thicker(pictures: jax.Array, by: jax.Array, most: int) -> jax.Array:
    """Light spread, or below 0 drawn back, by `by` pixels on all sides; between whole pixels a mixture of both."""
    grown, shrunk = [pictures], [pictures]
    for _ in range(most):
        grown.append(_largest(grown[-1]))
        shrunk.append(-_largest(-shrunk[-1]))
    result = jnp.zeros_like(pictures)
    for number, (more, less) in enumerate(zip(grown, shrunk, strict=True)):
        share = jnp.clip(1 - jnp.abs(jnp.abs(by) - number), 0, 1)
        result = result + share * jnp.where(by >= 0, more, less)
    return result


def _largest(pictures: jax.Array) -> jax.Array:
    """The largest of each pixel and its four neighbours."""
    low = jnp.finfo(pictures.dtype).min
    framed = jnp.pad(pictures, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=low)
    inner = framed[:, 1:-1, 1:-1]
    rows = jnp.maximum(framed[:, :-2, 1:-1], framed[:, 2:, 1:-1])
    return jnp.maximum(jnp.maximum(inner, rows), jnp.maximum(framed[:, 1:-1, :-2], framed[:, 1:-1, 2:]))


def _blurred(pictures: jax.Array, sigmas: jax.Array, most: float) -> jax.Array:
    """Each picture under a Gaussian of its own σ, in pixels, cut off at two of the largest σ; dark comes in at the edges."""
    reach = max(1, math.ceil(2 * most))
    apart = jnp.arange(-reach, reach + 1)
    weights = jnp.exp(-(apart**2) / (2 * jnp.maximum(sigmas, 0.2)[:, None] ** 2))
    weights = (weights / weights.sum(1, keepdims=True)).astype(pictures.dtype)
    for axis in (1, 2):
        length = pictures.shape[axis]
        frame = [(0, 0)] * 4
        frame[axis] = (reach, reach)
        framed = jnp.pad(pictures, frame)
        taken = [
            jax.lax.slice_in_dim(framed, start, start + length, axis=axis) * weights[:, start, None, None, None]
            for start in range(2 * reach + 1)
        ]
        pictures = sum(taken[1:], taken[0])
    return pictures
