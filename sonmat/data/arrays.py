"""The four arrays of a data set that comes in a training and a test part, and their sums."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np

from sonmat.errors import SourceError
from sonmat.language import say


class Arrays(NamedTuple):
    """Training and test images with their labels, uint8 all."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    def sums(self) -> tuple[str, ...]:
        """SHA-256 of each array's bytes, in hex."""
        return tuple(hashlib.sha256(np.ascontiguousarray(array).data).hexdigest() for array in self)

    def verify(self, sums: tuple[str, ...] | None) -> None:
        """Check shapes and dtypes, and the sums where they are known.

        Raises:
            SourceError: These are other arrays than the published ones.
        """
        for name, array in zip(self._fields, self, strict=True):
            if array.dtype != np.uint8 or array.ndim != (3 if name.startswith("x") else 1):
                raise SourceError(
                    say(
                        f"{name} should hold bytes and is {array.shape} of {array.dtype}",
                        f"{name}는 바이트 배열이어야 하는데 {array.dtype} {array.shape}입니다",
                    )
                )
        if len(self.x_train) != len(self.y_train) or len(self.x_test) != len(self.y_test):
            raise SourceError(say("images and labels differ in number", "이미지와 레이블의 수가 다릅니다"))
        if sums is None:
            return
        for name, came, expected in zip(self._fields, self.sums(), sums, strict=True):
            if came != expected:
                raise SourceError(
                    say(
                        f"wrong checksum: the SHA-256 of {name} should be {expected[:12]}… and is {came[:12]}…",
                        f"체크섬이 다릅니다: {name}의 SHA-256이 {expected[:12]}…이어야 하는데 {came[:12]}…입니다",
                    )
                )
