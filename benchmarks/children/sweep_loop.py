"""sonmat, one setting after another: `sm.fit` in a loop, in a fresh process with an empty cache.

Settings: `trials` of this worker, and those of `sweep_crew`.
"""

from __future__ import annotations

from benchmarks.children.sweep_crew import Worker
from benchmarks.children.work import Work


def main() -> None:
    """Everything of a trial is on the clock: building, tracing, compiling, training, validating."""
    work = Work.given()
    worker = Worker(work)
    import sonmat as sm
    from benchmarks.children import sweep_keras, sweep_space

    names = [str(digit) for digit in range(10)]
    train, val = (sm.Dataset.from_arrays(*work.raw(part), classes=names) for part in ("train", "val"))
    accuracies = []
    worker.begin()
    for setting in worker.share(sweep_space.notes(work.settings["trials"] * worker.count)):
        model = sweep_keras.notes(**setting)
        history = sm.fit(
            model, train, validation_data=val, epochs=work.epochs, batch_size=20, seed=setting.get("seed", 0), verbose=0
        )
        worker.trial()
        accuracies.append(history.history["val_accuracy"][-1])
    worker.answer(["sonmat", "keras", "jax", "jaxlib", "numpy"], accuracies)


if __name__ == "__main__":
    main()
