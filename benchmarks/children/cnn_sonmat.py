"""A convolutional network through `sm.fit`, in a fresh process with an empty cache.

Settings: `layers`, `rows`.
"""

from __future__ import annotations

import sonmat as sm
from benchmarks.children.cnn_keras import network
from benchmarks.children.work import Clock, Work

PACKAGES = ["sonmat", "keras", "jax", "jaxlib", "numpy"]


def main() -> None:
    """The clock is the peers' own; what sonmat itself reports is kept beside it."""
    import keras  # after sonmat, which chooses its backend

    work = Work.given()
    names = [str(digit) for digit in range(10)]
    rows = work.settings["rows"]
    x, y = work.raw("train")
    train = sm.Dataset.from_arrays(x[:rows, ..., None], y[:rows], classes=names)
    keras.utils.set_random_seed(work.seed)
    model = network(work.settings["layers"])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    clock = Clock()
    marks = keras.callbacks.LambdaCallback(on_epoch_end=clock.epoch)
    history = sm.fit(model, train, epochs=work.epochs, batch_size=128, seed=work.seed, verbose=0, callbacks=[marks])
    times = clock.times()
    x_val, y_val = work.raw("val")
    val = sm.Dataset.from_arrays(x_val[:3000, ..., None], y_val[:3000], classes=names)
    work.answer(
        PACKAGES,
        **times,
        reported_compile_seconds=history.compile_seconds,
        reported_train_seconds=history.train_seconds,
        val_accuracy=sm.evaluate(model, val).accuracy,
    )


if __name__ == "__main__":
    main()
