"""sonmat: `sm.fit` of the notes' network, in a fresh process with an empty cache."""

from __future__ import annotations

import sonmat as sm
from benchmarks.children.work import Clock, Work

PACKAGES = ["sonmat", "keras", "jax", "jaxlib", "numpy"]


def main() -> None:
    """The clock is the peers' own; what sonmat itself reports is kept beside it."""
    import keras  # after sonmat, which chooses its backend

    work = Work.given()
    names = [str(digit) for digit in range(10)]
    train, val, test = (sm.Dataset.from_arrays(*work.raw(part), classes=names) for part in ("train", "val", "test"))
    model = sm.build("notes-mlp", train, seed=work.seed)
    clock = Clock()
    history = sm.fit(
        model,
        train,
        validation_data=val,
        epochs=work.epochs,
        batch_size=20,
        seed=work.seed,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=clock.epoch)],
    )
    work.answer(
        PACKAGES,
        **clock.times(),
        reported_compile_seconds=history.compile_seconds,
        reported_train_seconds=history.train_seconds,
        val_accuracy=history.history["val_accuracy"][-1],
        test_accuracy=sm.evaluate(model, test).accuracy,
    )


if __name__ == "__main__":
    main()
