"""Answers, inputs and layers' outputs as the page has them: numbers, and planes of bytes in base64."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from sonmat.serve.predictor import Answered, Predictor


def asked(predictor: Predictor, way: str, given: np.ndarray) -> list[Answered]:
    """What a network says, asked in one of the ways that drawings, sentences and raw inputs are."""
    if way == "texts":
        return predictor.texts(given.tolist())
    if way == "rows":
        return predictor.rows(given[None] if given.shape == predictor.shape else given)
    return predictor.drawings([given]) if way == "drawings" else predictor.photos([given])


def told_answer(run: str, classes: Sequence[str], one: Answered, layers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One answer as the page has it."""
    return {
        "run": run,
        "classes": list(classes),
        "probabilities": [round(float(p), 7) for p in one.probabilities],
        "label": one.label,
        "unsure": one.unsure,
        "reason": one.reason,
        "seen": None if one.seen is None else seen_told(one.seen),
        "box": None if one.box is None else list(one.box),
        "layers": list(layers),
    }


def seen_told(image: np.ndarray) -> dict[str, Any]:
    """What the network saw, as bytes: pixels as they are, other numbers stretched from their least to their greatest."""
    if image.dtype == np.uint8:
        pixels = image
    else:
        low, high = (float(image.min()), float(image.max())) if image.size else (0.0, 1.0)
        low, high = (
            (0.0, 255.0) if low >= 0 and 1 < high <= 255 else (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)
        )
        pixels = _bytes(image, low, high)
    return {"shape": list(image.shape), "pixels": _packed(pixels)}


def layer_told(name: str, kind: str, output: np.ndarray) -> dict[str, Any]:
    """A layer's output as planes of bytes, (rows, columns, channels), from its least to its greatest value."""
    planes = output if output.ndim == 3 else output.reshape(1, 1, -1) if output.ndim == 1 else output[..., None]
    low, high = (float(planes.min()), float(planes.max())) if planes.size else (0.0, 0.0)
    return {
        "name": name,
        "kind": kind,
        "shape": list(planes.shape),
        "low": low,
        "high": high,
        "values": _packed(_bytes(planes, low, high)),
    }


def _bytes(array: np.ndarray, low: float, high: float) -> np.ndarray:
    spread = (high - low) or 1.0
    return np.asarray(
        np.rint(np.nan_to_num((array.astype(np.float32) - low) / spread * 255).clip(0, 255)).astype(np.uint8)
    )


def floats_told(array: np.ndarray) -> dict[str, Any]:
    """Numbers as they are: float32, little-endian, row by row."""
    exact = np.ascontiguousarray(array, "<f4")
    return {"shape": list(exact.shape), "values": _packed(exact)}


def _packed(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
