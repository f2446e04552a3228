"""JAX's operations, as far as networks need them, in NumPy: a trained network answers without JAX or Keras being imported.

Each function takes the parameters of the operation as plain values, then its inputs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

Parameters = Mapping[str, Any]


def _broadcast(given: Parameters, x: np.ndarray) -> np.ndarray:
    shape, places = tuple(given["shape"]), given["broadcast_dimensions"]
    spread = [1] * len(shape)
    for place, size in zip(places, x.shape, strict=True):
        spread[place] = size
    return np.broadcast_to(x.reshape(spread), shape)


def _dot(given: Parameters, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    ((left, right), (left_batch, right_batch)) = given["dimension_numbers"]
    rest = [axis for axis in range(x.ndim) if axis not in (*left, *left_batch)]
    other = [axis for axis in range(y.ndim) if axis not in (*right, *right_batch)]
    batch = tuple(x.shape[axis] for axis in left_batch)
    inner = math.prod(x.shape[axis] for axis in left)
    a = x.transpose(*left_batch, *rest, *left).reshape(*batch, -1, inner)
    b = y.transpose(*right_batch, *right, *other).reshape(*batch, inner, -1)
    made = np.matmul(a, b)
    return np.asarray(made.reshape(*batch, *(x.shape[axis] for axis in rest), *(y.shape[axis] for axis in other)))


def _windows(x: np.ndarray, size: Sequence[int], strides: Sequence[int], apart: Sequence[int]) -> np.ndarray:
    """(n, *places, *size, channels) views of (n, *spatial, channels)."""
    count = len(size)
    axes = tuple(range(1, 1 + count))
    wide = tuple((length - 1) * step + 1 for length, step in zip(size, apart, strict=True))
    seen = np.lib.stride_tricks.sliding_window_view(x, wide, axis=axes)  # (n, *places, channels, *wide)
    steps = (slice(None), *(slice(None, None, step) for step in strides), slice(None))
    seen = seen[(*steps, *(slice(None, None, step) for step in apart))]
    return np.moveaxis(seen, count + 1, -1)


def _convolution(given: Parameters, x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    of_input, of_kernel, of_output = given["dimension_numbers"]
    x = x.transpose(of_input[0], *of_input[2:], of_input[1])
    kernel = kernel.transpose(*of_kernel[2:], of_kernel[1], of_kernel[0])  # (*size, inputs, outputs)
    size = kernel.shape[:-2]
    x = np.pad(x, ((0, 0), *map(tuple, given["padding"]), (0, 0)))
    windows = _windows(x, size, given["window_strides"], given["rhs_dilation"])
    places, groups = windows.shape[: 1 + len(size)], given["feature_group_count"]
    inputs, outputs = kernel.shape[-2], kernel.shape[-1] // groups
    parts = []
    for group in range(groups):
        taken = windows[..., group * inputs : (group + 1) * inputs].reshape(math.prod(places), -1)
        weights = kernel[..., group * outputs : (group + 1) * outputs].reshape(-1, outputs)
        parts.append((taken @ weights).reshape(*places, outputs))
    made = parts[0] if groups == 1 else np.concatenate(parts, -1)
    back = np.argsort([of_output[0], *of_output[2:], of_output[1]])
    return made.transpose(back)


def _reduced_windows(reduce: Callable[..., Any], start: float) -> Callable[..., np.ndarray]:
    def run(given: Parameters, x: np.ndarray) -> np.ndarray:
        size, strides = given["window_dimensions"], given["window_strides"]
        x = np.pad(x, tuple(map(tuple, given["padding"])), constant_values=start)
        seen = np.lib.stride_tricks.sliding_window_view(x, tuple(size))
        seen = seen[tuple(slice(None, None, step) for step in strides)]
        # Axis by axis from the last: NumPy reduces several axes of such a view ten times as slowly.
        for axis in reversed(range(x.ndim)):
            seen = seen[..., 0] if size[axis] == 1 else reduce(seen, axis=-1)
        return np.asarray(seen)

    return run


def _sliced(given: Parameters, x: np.ndarray) -> np.ndarray:
    steps = given["strides"] or [1] * x.ndim
    return x[tuple(map(slice, given["start_indices"], given["limit_indices"], steps))]


def _padded(given: Parameters, x: np.ndarray, value: np.ndarray) -> np.ndarray:
    edges = [(low, high) for low, high, _ in given["padding_config"]]
    cut = x[tuple(slice(max(0, -low), x.shape[axis] - max(0, -high)) for axis, (low, high) in enumerate(edges))]
    return np.pad(cut, [(max(0, low), max(0, high)) for low, high in edges], constant_values=value)


def _looked_up(given: Parameters, table: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Rows of a table, as an embedding takes them; a number out of range takes the nearest row, or none."""
    numbers = places[..., 0]
    if given["fill"]:
        inside = (numbers >= 0) & (numbers < len(table))
        return np.where(inside[..., None], table[np.clip(numbers, 0, len(table) - 1)], np.asarray(np.nan, table.dtype))
    return np.asarray(table[np.clip(numbers, 0, len(table) - 1)])


def _iota(given: Parameters) -> np.ndarray:
    shape, axis = tuple(given["shape"]), given["dimension"]
    spread = [1] * len(shape)
    spread[axis] = shape[axis]
    return np.broadcast_to(np.arange(shape[axis], dtype=given["dtype"]).reshape(spread), shape)


def _chosen(given: Parameters, which: np.ndarray, *cases: np.ndarray) -> np.ndarray:
    return np.where(which, cases[1], cases[0]) if which.dtype == bool else np.asarray(np.choose(which, cases))


def _special(name: str) -> Callable[..., np.ndarray]:
    def run(given: Parameters, x: np.ndarray) -> np.ndarray:
        import scipy.special  # only networks with GELU need it

        return np.asarray(getattr(scipy.special, name)(x), x.dtype)

    return run


def _logistic(given: Parameters, x: np.ndarray) -> np.ndarray:
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * x), x.dtype)


def _plain(function: Callable[..., Any]) -> Callable[..., np.ndarray]:
    return lambda given, *inputs: function(*inputs)


def _over(function: Callable[..., Any]) -> Callable[..., np.ndarray]:
    return lambda given, x: function(x, axis=tuple(given["axes"]))


OPERATIONS: Mapping[str, Callable[..., np.ndarray]] = {
    "abs": _plain(np.abs),
    "add": _plain(np.add),
    "add_any": _plain(np.add),
    "and": _plain(np.logical_and),
    "argmax": lambda given, x: np.argmax(x, axis=given["axes"][0]).astype(given["index_dtype"]),
    "broadcast_in_dim": _broadcast,
    "ceil": _plain(np.ceil),
    "clamp": lambda given, low, x, high: np.clip(x, low, high),
    "concatenate": lambda given, *parts: np.concatenate(parts, given["dimension"]),
    "conv_general_dilated": _convolution,
    "convert_element_type": lambda given, x: x.astype(given["new_dtype"]),
    "copy": _plain(lambda x: x),
    "cos": _plain(np.cos),
    "div": _plain(np.divide),
    "dot_general": _dot,
    "eq": _plain(np.equal),
    "erf": _special("erf"),
    "erfc": _special("erfc"),
    "exp": _plain(np.exp),
    "expm1": _plain(np.expm1),
    "floor": _plain(np.floor),
    "gather": _looked_up,
    "ge": _plain(np.greater_equal),
    "gt": _plain(np.greater),
    "integer_pow": lambda given, x: x ** given["y"],
    "iota": _iota,
    "is_finite": _plain(np.isfinite),
    "le": _plain(np.less_equal),
    "log": _plain(np.log),
    "log1p": _plain(np.log1p),
    "logistic": _logistic,
    "lt": _plain(np.less),
    "max": _plain(np.maximum),
    "min": _plain(np.minimum),
    "mul": _plain(np.multiply),
    "ne": _plain(np.not_equal),
    "neg": _plain(np.negative),
    "not": _plain(np.logical_not),
    "or": _plain(np.logical_or),
    "pad": _padded,
    "pow": _plain(np.power),
    "reduce_and": _over(np.all),
    "reduce_max": _over(np.max),
    "reduce_min": _over(np.min),
    "reduce_or": _over(np.any),
    "reduce_prod": _over(np.prod),
    "reduce_sum": _over(np.sum),
    "reduce_window_max": _reduced_windows(np.max, -np.inf),
    "reduce_window_sum": _reduced_windows(np.sum, 0.0),
    "reshape": lambda given, x: x.reshape(tuple(given["new_sizes"])),
    "rev": lambda given, x: np.flip(x, tuple(given["dimensions"])),
    "rsqrt": _plain(lambda x: 1 / np.sqrt(x)),
    "select_n": _chosen,
    "sign": _plain(np.sign),
    "sin": _plain(np.sin),
    "slice": _sliced,
    "sqrt": _plain(np.sqrt),
    "square": _plain(np.square),
    "squeeze": lambda given, x: x.squeeze(tuple(given["dimensions"])),
    "stop_gradient": _plain(lambda x: x),
    "sub": _plain(np.subtract),
    "tanh": _plain(np.tanh),
    "transpose": lambda given, x: x.transpose(given["permutation"]),
}
"""By JAX's name of the primitive. An operation that is not here makes a network answer through Keras."""
