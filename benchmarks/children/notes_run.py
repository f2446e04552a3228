"""Run the notes' own script, untouched, with three things put under it.

MNIST comes from the file that all contestants read, `plt.show()` writes a PNG where there is no screen, and `fit` has a
clock. Nothing is seeded, as in the notes. Its validation is the notes' own too, which leaks (see `benchmarks/leak.py`).
"""

from __future__ import annotations

import os
import runpy
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.children.work import Clock, Work

SCRIPT = Path(__file__).with_name("notes_script.py")


def main() -> None:
    """The script's files go to the working directory, as they do for its users."""
    work = Work.given()
    os.environ["MPLBACKEND"] = "agg"
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    import matplotlib.pyplot as plt
    from tensorflow.keras.datasets import mnist

    fit = keras.Sequential.fit
    measured: dict[str, Any] = {}

    def clocked(self: Any, *arguments: Any, **options: Any) -> Any:
        clock = Clock()
        options["callbacks"] = [keras.callbacks.LambdaCallback(on_epoch_end=clock.epoch)]
        history = fit(self, *arguments, **options | {"epochs": work.epochs})
        measured.update(clock.times(), val_accuracy=float(history.history["val_accuracy"][-1]))
        return history

    def load_data() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        with np.load(work.data) as file:
            return (file["x_train"], file["y_train"]), (file["x_test"], file["y_test"])

    keras.Sequential.fit, mnist.load_data, plt.show = clocked, load_data, lambda: plt.savefig("curves.png")
    runpy.run_path(str(SCRIPT))
    work.answer(["keras", "tensorflow-cpu", "matplotlib", "numpy"], **measured)


if __name__ == "__main__":
    main()
