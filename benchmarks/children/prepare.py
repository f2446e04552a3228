"""Write MNIST and sonmat's 70/30 split of it into the one file that every contestant reads."""

from __future__ import annotations

import numpy as np

import sonmat as sm
from benchmarks.children.work import Work


def main() -> None:
    """Settings: `rows`, how many rows to train and validate on together, or None for all 60,000."""
    work = Work.given()
    whole, test = sm.load("mnist")
    if (rows := work.settings["rows"]) is not None:
        whole, test = whole.take(slice(rows)), test.take(slice(rows))
    train, val = whole.split(0.7, seed=work.seed)
    np.savez(
        work.data,
        x_train=whole.inputs,
        y_train=whole.labels.astype(np.uint8),
        x_test=test.inputs,
        y_test=test.labels.astype(np.uint8),
        rows_train=train.rows,
        rows_val=val.rows,
    )
    work.answer(["sonmat"], train=len(train), val=len(val), test=len(test), fingerprint=whole.fingerprint)


if __name__ == "__main__":
    main()
