"""scikit-learn's `MLPClassifier`: the same network, batch, rate and epochs; it cannot validate after each epoch.

Setting: `threads` of its linear algebra.
"""

from __future__ import annotations

import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-not-found]
from sklearn.neural_network import MLPClassifier  # type: ignore[import-not-found]
from threadpoolctl import threadpool_limits  # type: ignore[import-not-found]

from benchmarks.children.work import Work


def main() -> None:
    """Its accuracy is taken after the clock has stopped."""
    work = Work.given()
    (x, y), (x_val, y_val) = work.ready("train"), work.ready("val")
    x, x_val = x.reshape(len(x), -1), x_val.reshape(len(x_val), -1)
    model = MLPClassifier(
        hidden_layer_sizes=(20, 20),
        activation="relu",
        solver="sgd",
        alpha=0.0,
        batch_size=20,
        learning_rate_init=0.01,
        momentum=0.0,
        nesterovs_momentum=False,
        max_iter=work.epochs,
        n_iter_no_change=work.epochs + 1,  # it would stop early
        random_state=work.seed,
    )
    warnings.simplefilter("ignore", ConvergenceWarning)  # ten epochs are what is asked
    with threadpool_limits(work.settings["threads"]):
        begin = time.perf_counter()
        model.fit(x, y)
        total = time.perf_counter() - begin
    if model.n_iter_ != work.epochs:
        raise RuntimeError(f"trained {model.n_iter_} epochs of {work.epochs}")
    work.answer(
        ["scikit-learn", "numpy"],
        total_seconds=total,
        compile_seconds=0.0,
        fit_seconds=total,
        val_accuracy=float(np.mean(model.predict(x_val) == y_val)),
    )


if __name__ == "__main__":
    main()
