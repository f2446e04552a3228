"""Keras's own example, "Simple MNIST convnet" (keras.io), on TensorFlow as its page has it, until 99 % of the test set.

    python -m benchmarks.children.accuracy_keras SEED DATA.npz RESULT.json

After each epoch the test set is looked at, on a clock that is stopped.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys
import time
from pathlib import Path

import numpy as np

AIM, MOST = 0.99, 30


def main() -> None:
    """Train, and write how long it took."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras

    seed, data, result = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    with np.load(data) as file:
        x_train, y_train, x_test, y_test = (file[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    x_train, x_test = x_train[..., None].astype("float32") / 255, x_test[..., None].astype("float32") / 255
    y_train, y_test = keras.utils.to_categorical(y_train, 10), keras.utils.to_categorical(y_test, 10)
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input(shape=(28, 28, 1)),
            keras.layers.Conv2D(32, kernel_size=(3, 3), activation="relu"),
            keras.layers.MaxPooling2D(pool_size=(2, 2)),
            keras.layers.Conv2D(64, kernel_size=(3, 3), activation="relu"),
            keras.layers.MaxPooling2D(pool_size=(2, 2)),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    seconds, accuracies = [], []
    for epoch in range(MOST):  # one epoch a call; the optimizer goes on where it was
        begin = time.perf_counter()
        model.fit(
            x_train, y_train, batch_size=128, epochs=epoch + 1, initial_epoch=epoch, validation_split=0.1, verbose=0
        )
        seconds.append(time.perf_counter() - begin)
        accuracies.append(float(model.evaluate(x_test, y_test, verbose=0, return_dict=True)["accuracy"]))
        if accuracies[-1] >= AIM:
            break
    told = {
        "seed": seed,
        "accuracy": accuracies,
        "seconds": seconds,
        "reached": accuracies[-1] >= AIM,
        "total": sum(seconds),
        "without_first": sum(seconds[1:]) + (seconds[1] if len(seconds) > 1 else seconds[0]),
        "versions": {"python": platform.python_version()}
        | {package: importlib.metadata.version(package) for package in ("keras", "tensorflow-cpu", "numpy")},
    }
    result.write_text(json.dumps(told))


if __name__ == "__main__":
    main()
