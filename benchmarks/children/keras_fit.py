"""Keras at its best, on TensorFlow or JAX: float32 arrays in memory, no output, settings chosen by measuring.

Settings: `backend`, `steps_per_execution`, `validation_batch_size`, `jit_compile`.
"""

from __future__ import annotations

import os

from benchmarks.children.work import Clock, Work


def main() -> None:
    """Keras is imported after its backend is known."""
    work = Work.given()
    backend = os.environ["KERAS_BACKEND"] = work.settings["backend"]
    import keras

    (x, y), (x_val, y_val) = work.ready("train"), work.ready("val")
    keras.utils.set_random_seed(work.seed)
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(20, activation="relu"),
            keras.layers.Dense(20, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.SGD(0.01),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=work.settings["steps_per_execution"],
        jit_compile=work.settings.get("jit_compile", "auto"),
    )
    clock = Clock()
    history = model.fit(
        x,
        y,
        batch_size=20,
        epochs=work.epochs,
        validation_data=(x_val, y_val),
        validation_batch_size=work.settings["validation_batch_size"],
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=clock.epoch)],
    )
    times = clock.times()
    packages = {"tensorflow": ["tensorflow-cpu"], "jax": ["jax", "jaxlib"]}[backend]
    work.answer(["keras", *packages, "numpy"], **times, val_accuracy=float(history.history["val_accuracy"][-1]))


if __name__ == "__main__":
    main()
