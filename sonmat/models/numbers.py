"""Numbers as settings take them: NumPy's are Python's, and a program in float32 must be able to hold them."""

from __future__ import annotations

from typing import Any

LEAST, MOST = 1.1754943508222875e-38, 3.4028234663852886e38
"""The smallest and the largest float32 above 0; what is smaller counts as 0 in a compiled program."""


def plain(value: Any) -> Any:
    """A NumPy number, as samplers and computations give, as Python's own; anything else as it is."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return value.item()
    return value


def fits_float32(value: float) -> bool:
    """Whether float32 holds a number as something else than infinity, NaN or, where it is not 0, 0."""
    return value == 0 or LEAST <= abs(value) <= MOST
