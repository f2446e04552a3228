"""Keras's `predict`, one input a call, as a server does that calls it for every request: `serve_keras.py MODEL CALLS`.

Run by the peers' Python with `KERAS_BACKEND`; nothing of sonmat is imported.
"""

from __future__ import annotations

import json
import sys
import time

import keras
import numpy as np


def main() -> None:
    """One line of JSON."""
    model, calls = keras.models.load_model(sys.argv[1]), int(sys.argv[2])
    row = np.zeros((1, 28, 28), np.float32)
    row[0, 4:24, 12:16] = 1
    for _ in range(5):
        model.predict(row, verbose=0)
    took = []
    for _ in range(calls):
        began = time.perf_counter()
        model.predict(row, verbose=0)
        took.append(time.perf_counter() - began)
    told = {"per_second": calls / sum(took), "p50_ms": float(np.median(took)) * 1000, "calls": calls}
    print(json.dumps(told | {"backend": keras.backend.backend(), "keras": keras.__version__}))


if __name__ == "__main__":
    main()
