"""A first layer that is not learned: filters that decorrelate the patches of the training pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

LAYER = "whitening"
"""The name of a frozen convolution that `build_recipe` fills in this way."""

_PICTURES = 5000  # their patches are some millions, far more than a covariance of some dozens of numbers needs
_FLOOR = 5e-4  # added to a variance before its root is divided by, as in airbench: near-constant directions stay small


def whiten(layer: keras.layers.Conv2D, images: np.ndarray, scale: float = 1.0) -> None:
    """Give a convolution the principal components of the pictures' patches as filters, each divided by its deviation.

    The first half of the filters are components, largest variance first, the second half their negatives, so that no
    information is lost in a rectifier behind them (Keller Jordan's airbench94, github.com/KellerJordan/cifar10-airbench).

    Args:
        layer: A built `Conv2D`; its kernel is (rows, columns, channels, filters) with an even number of filters.
        images: (n, rows, columns) or (n, rows, columns, channels), any numbers; the first 5,000 are looked at.
        scale: What the model's inputs are divided by.
    """
    rows, columns, channels, filters = layer.kernel.shape
    found = components(images[:_PICTURES], (rows, columns), scale)
    kernel = np.zeros((rows * columns * channels, filters), np.float32)
    half = min(filters // 2, found.shape[1])  # a patch of 4 numbers has no more than 4 components
    kernel[:, :half] = found[:, :half]
    kernel[:, filters // 2 : filters // 2 + half] = -found[:, :half]
    layer.kernel.assign(kernel.reshape(layer.kernel.shape))
    if layer.use_bias:
        layer.bias.assign(np.zeros(filters, np.float32))


def components(images: np.ndarray, size: tuple[int, int], scale: float = 1.0) -> np.ndarray:
    """Whitening filters of all patches of some pictures.

    Args:
        images: (n, rows, columns) or (n, rows, columns, channels).
        size: Rows and columns of a patch.
        scale: What the pictures are divided by first.

    Returns:
        float32, (size · channels, size · channels), a filter in each column, largest variance first. The sign is such that
        a filter's largest number is positive.
    """
    pictures = images if images.ndim == 4 else images[..., None]
    windows = np.lib.stride_tricks.sliding_window_view(pictures, size, axis=(1, 2))  # (n, r, c, channels, *size)
    length = size[0] * size[1] * pictures.shape[3]
    total, outer, count = np.zeros(length), np.zeros((length, length)), 0
    for start in range(0, len(windows), 500):  # by parts, since the patches together are many times the pictures
        part = np.moveaxis(windows[start : start + 500], 3, -1).reshape(-1, length).astype(np.float64) / scale
        total, outer, count = total + part.sum(0), outer + part.T @ part, count + len(part)
    mean = total / count
    variances, vectors = np.linalg.eigh(outer / count - np.outer(mean, mean))
    order = np.argsort(variances)[::-1]
    vectors = vectors[:, order] / np.sqrt(np.maximum(variances[order], 0) + _FLOOR)
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(0)[None], 0)
    return np.asarray(vectors * np.sign(largest), np.float32)


def is_whitened(layer: keras.Layer) -> bool:
    """Whether a frozen layer holds filters of `whiten`: the second half of them are the negatives of the first.

    One that was never filled in, for want of pictures, still holds its random first weights.
    """
    kernel = getattr(layer, "kernel", None)
    if layer.trainable or kernel is None or len(kernel.shape) != 4 or kernel.shape[-1] % 2:
        return False
    first, second = np.split(np.asarray(kernel, np.float32), 2, axis=-1)
    return bool(first.any()) and np.array_equal(second, -first)


def whiten_first(model: keras.Model, data: Any) -> None:
    """Fill the layer called `whitening`, where the model has one, from training rows, where there are any.

    Without them it stays as it was drawn: a model whose sizes alone are looked at needs no more.
    """
    if needs_rows(model) and has_rows(data):
        whiten(model.get_layer(LAYER), np.asarray(data.inputs), float(getattr(data, "scale", 1.0)))


def needs_rows(model: keras.Model) -> bool:
    """Whether a model has a frozen layer called `whitening`."""
    return any(layer.name == LAYER and not layer.trainable for layer in model.layers)


def has_rows(data: Any) -> bool:
    """Whether data hold rows, not only a shape."""
    return data is not None and len(data.inputs) > 0
