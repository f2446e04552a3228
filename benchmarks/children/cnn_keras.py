"""A convolutional network in Keras on TensorFlow or JAX: float32 arrays in memory, no output.

Settings: `backend`, `layers`, `rows`, `steps_per_execution`, `jit_compile`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from benchmarks.children.work import Clock, Work

if TYPE_CHECKING:
    import keras


def network(layers: list[dict[str, Any]]) -> keras.Model:
    """The network, not compiled; inputs are (n, 28, 28, 1)."""
    import keras

    made: list[Any] = []
    for layer in layers:
        if layer["kind"] == "conv":
            padding = "same" if layer["same"] else "valid"
            options = {"strides": layer["stride"], "padding": padding, "activation": "relu"}
            made.append(keras.layers.Conv2D(layer["filters"], layer["size"], **options))
        elif layer["kind"] == "depthwise":
            made.append(keras.layers.DepthwiseConv2D(layer["size"], activation="relu"))
        else:
            made.append({"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}[layer["kind"]](2))
    head = [keras.layers.Flatten(), keras.layers.Dropout(0.5), keras.layers.Dense(10, activation="softmax")]
    return keras.Sequential([keras.Input((28, 28, 1)), *made, *head])


def main() -> None:
    """Keras is imported after its backend is known."""
    work = Work.given()
    backend = os.environ["KERAS_BACKEND"] = work.settings["backend"]
    import keras

    rows = work.settings["rows"]
    x, y = work.ready("train")
    x, y = x[:rows, ..., None], y[:rows]
    keras.utils.set_random_seed(work.seed)
    model = network(work.settings["layers"])
    model.compile(
        optimizer="adam",
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=work.settings["steps_per_execution"],
        jit_compile=work.settings.get("jit_compile", "auto"),
    )
    clock = Clock()
    marks = keras.callbacks.LambdaCallback(on_epoch_end=clock.epoch)
    model.fit(x, y, batch_size=128, epochs=work.epochs, verbose=0, callbacks=[marks])
    times = clock.times()
    packages = {"tensorflow": ["tensorflow-cpu"], "jax": ["jax", "jaxlib"]}[backend]
    x_val, y_val = work.ready("val")
    accuracy = model.evaluate(x_val[:3000, ..., None], y_val[:3000], verbose=0, return_dict=True)["accuracy"]
    work.answer(["keras", *packages, "numpy"], **times, val_accuracy=float(accuracy))


if __name__ == "__main__":
    main()
