"""How wide and how long lines of ink are, told by runs of pixels."""

from __future__ import annotations

import numpy as np

_DIAGONAL = float(np.sqrt(2))  # pixels of a step from corner to corner


def runs(mask: np.ndarray) -> np.ndarray:
    """Of each pixel of a mask, how many pixels of it lie in one row without a gap, itself included: (rows, columns) int32."""
    columns = mask.shape[1]
    places = np.arange(columns, dtype=np.int32)
    before = np.maximum.accumulate(np.where(mask, np.int32(-1), places), axis=1)
    after = np.minimum.accumulate(np.where(mask, np.int32(columns), places)[:, ::-1], axis=1)[:, ::-1]
    return np.where(mask, after - before - 1, 0)


def stroke_width(mask: np.ndarray) -> float:
    """How wide the pen was, in pixels: the median over the ink of the shortest way through it, of four directions."""
    if not mask.any():
        return 0.0
    shortest = np.minimum(runs(mask), runs(mask.T).T).astype(np.float32)
    across = _leant_runs(mask), _leant_runs(mask[:, ::-1])[:, ::-1]
    shortest = np.minimum(shortest, _DIAGONAL * np.minimum(*across))
    return float(np.median(shortest[mask]))


def _leant_runs(mask: np.ndarray) -> np.ndarray:
    """`runs` along one diagonal: each row is moved right by its number, which makes columns of diagonals."""
    rows, columns = mask.shape
    wide = np.zeros((rows, columns + rows), bool)
    wide[:, :columns] = mask
    leant = wide.ravel()[: rows * (columns + rows - 1)].reshape(rows, columns + rows - 1)
    back = np.zeros((rows, columns + rows), np.int32)
    back.ravel()[: leant.size] = runs(leant.T).T.ravel()
    return back[:, :columns]
