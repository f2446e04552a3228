"""scikit-learn's `MLPClassifier` under `RandomizedSearchCV`, which validates on the same rows, once, at a trial's end.

Settings: `trials`, and `jobs`, how many processes try at the same time.
"""

from __future__ import annotations

import time
import warnings

import numpy as np
from scipy.stats import loguniform  # type: ignore[import-untyped]
from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-not-found]
from sklearn.model_selection import PredefinedSplit, RandomizedSearchCV  # type: ignore[import-not-found]
from sklearn.neural_network import MLPClassifier  # type: ignore[import-not-found]

from benchmarks.children import sweep_space
from benchmarks.children.work import Work


def main() -> None:
    """A trial lasts as long as the search says that fitting and scoring took; starting its processes is left out."""
    work = Work.given()
    (x, y), (x_val, y_val) = work.ready("train"), work.ready("val")
    rows = np.concatenate([x, x_val]).reshape(len(x) + len(x_val), -1)
    network = MLPClassifier(
        hidden_layer_sizes=(20, 20),
        activation="relu",
        solver="sgd",
        alpha=0.0,
        batch_size=20,
        momentum=0.0,
        nesterovs_momentum=False,
        early_stopping=False,
        max_iter=work.epochs,
        n_iter_no_change=work.epochs + 1,  # it would stop early
        random_state=work.seed,
    )
    search = RandomizedSearchCV(
        network,
        {"learning_rate_init": loguniform(*sweep_space.RATES)},
        n_iter=work.settings["trials"],
        n_jobs=work.settings["jobs"],
        cv=PredefinedSplit(np.repeat([-1, 0], [len(x), len(x_val)])),
        refit=False,
        random_state=work.seed,
        error_score="raise",
    )
    warnings.simplefilter("ignore", ConvergenceWarning)  # so few epochs are what is asked
    begin = time.perf_counter()
    search.fit(rows, np.concatenate([y, y_val]))
    total = time.perf_counter() - begin
    found = search.cv_results_
    seconds = (found["mean_fit_time"] + found["mean_score_time"]).tolist()
    work.answer(
        ["scikit-learn", "numpy"],
        total_seconds=total,
        trial_seconds=seconds,
        cold=[False] * len(seconds),
        at_once=work.settings["jobs"],
        val_accuracy=float(np.max(found["mean_test_score"])),
    )


if __name__ == "__main__":
    main()
