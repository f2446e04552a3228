"""What the server answers with, as its documents describe it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field


class Prediction(BaseModel):
    """What the model says of one input."""

    model_config = ConfigDict(populate_by_name=True)

    label: str = Field(alias="class", description="The class with the largest probability.")
    probabilities: dict[str, float] = Field(description="Of each class; they sum to 1.")
    unsure: bool = Field(description="Whether the model should not be asked about this input.")
    reason: str = Field(description="Why it is unsure; empty where it is not.")


class Predictions(BaseModel):
    """One prediction an input, in the order that they came in."""

    predictions: list[Prediction]


class Problem(BaseModel):
    """An error: what was expected and what came, and what to do."""

    error: str
    fix: str


class Health(BaseModel):
    """Whether the server answers, and what it serves."""

    status: str
    kind: str
    classes: int
    shape: list[int]


def told(classes: Sequence[str], label: str, probabilities: np.ndarray, unsure: bool, reason: str) -> dict[str, Any]:
    """One `Prediction`, ready for JSON."""
    return {
        "class": label,
        "probabilities": dict(zip(classes, (round(float(p), 7) for p in probabilities), strict=True)),
        "unsure": bool(unsure),
        "reason": reason,
    }


def described_bodies(reads_text: bool, shape: Sequence[int]) -> dict[str, Any]:
    """The bodies that `POST /predict` takes, in OpenAPI's words."""
    file = {"type": "string", "format": "binary"}
    many = {"type": "object", "properties": {"file": {"type": "array", "items": file}}}
    if reads_text:
        text = {"type": "object", "properties": {"text": {"type": "string"}}}
        texts = {"type": "object", "properties": {"texts": {"type": "array", "items": {"type": "string"}}}}
        kinds: dict[str, Any] = {
            "application/json": {"schema": {"oneOf": [text, texts]}, "example": {"texts": ["환불하고 싶어요"]}},
            "text/plain": {"schema": {"type": "string"}},
        }
    else:
        pixels: dict[str, Any] = {"type": "number"}
        for _ in shape:
            pixels = {"type": "array", "items": pixels}
        one_or_many = {"oneOf": [pixels, {"type": "array", "items": pixels}]}
        schema = {"type": "object", "required": ["pixels"], "properties": {"pixels": one_or_many}}
        kinds = {
            "image/png": {"schema": file},
            "image/jpeg": {"schema": file},
            "multipart/form-data": {"schema": many},
            "application/json": {"schema": schema},
        }
    return {"requestBody": {"required": True, "content": kinds}}
