"""Train one network twice: on the rows that the notes' pipeline leaks, and on the same rows divided once and for all.

Settings: `rows` of the set, `order` (see `leak_order`), `model` of sonmat's catalog with its `options`, `batch_size`.
The second training keeps the rows that the pipeline trained on in the first epoch, and validates on all others, so that the
kinds of rows on either side are the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import sonmat as sm
from benchmarks.children.work import Work


def main() -> None:
    """Answers the accuracies on validation and test rows after the last epoch, `leak` and `disjoint`."""
    work = Work.given()
    with np.load(work.data) as file:
        count = work.settings["rows"]
        whole = sm.Dataset.from_arrays(file["x_train"][:count], file["y_train"][:count])
        test = sm.Dataset.from_arrays(file["x_test"], file["y_test"])
    with np.load(work.settings["order"]) as file:
        train, val = file["train"], file["val"]
    kept = np.array([_shuffled(train[0], work.seed, epoch) for epoch in range(work.epochs)])
    rest = np.setdiff1d(np.arange(count), train[0])  # not val[0]: reading it has shuffled once more
    work.answer(
        ["sonmat", "keras", "jax", "numpy"],
        seen=shares_seen(train, val),
        leak=_trained(work, whole, test, train, val[-1]),
        disjoint=_trained(work, whole, test, kept, rest),
    )


def _trained(work: Work, whole: Any, test: Any, orders: np.ndarray, val: np.ndarray) -> dict[str, float]:
    """One training over these rows, an order an epoch, on the engine."""
    model = sm.build(work.settings["model"], whole, seed=work.seed, **work.settings["options"])
    rows = {"batch_size": work.settings["batch_size"], "shuffle": False, "seed": work.seed, "verbose": 0}
    for epoch, order in enumerate(orders):
        sm.fit(model, whole.take(order), initial_epoch=epoch, epochs=epoch + 1, **rows)
    return {
        "val_rows_trained_on": float(np.isin(val, orders).mean()),
        "train_accuracy": sm.evaluate(model, whole.take(orders[-1])).accuracy,
        "val_accuracy": sm.evaluate(model, whole.take(val)).accuracy,
        "test_accuracy": sm.evaluate(model, test).accuracy,
    }


def shares_seen(train: np.ndarray, val: np.ndarray) -> list[float]:
    """Of each epoch's validation rows, the share that has been trained on in this epoch or before.

    Args:
        train: Row numbers, (epochs, n).
        val: Row numbers, (epochs, m).
    """
    return [float(np.isin(val[epoch], train[: epoch + 1]).mean()) for epoch in range(len(val))]


def _shuffled(rows: np.ndarray, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(rows)


if __name__ == "__main__":
    main()
