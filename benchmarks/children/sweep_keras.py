"""The networks of the sweep in Keras, built by these functions for sonmat and for every peer that uses Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


def notes(learning_rate: float, momentum: float = 0.0, seed: int = 0, **compiling: Any) -> keras.Model:
    """The notes' network, 784-20-20-10, compiled with SGD; `compiling` goes to Keras's `compile`."""
    import keras

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(20, activation="relu"),
            keras.layers.Dense(20, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    return _compiled(model, keras.optimizers.SGD(learning_rate, momentum=momentum), compiling)


def network(learning_rate: float, seed: int = 0, **compiling: Any) -> keras.Model:
    """A small convolutional network, 8 and 16 filters of 3×3 with max-pooling, compiled with Adam; inputs (n, 28, 28, 1)."""
    import keras

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    return _compiled(model, keras.optimizers.Adam(learning_rate), compiling)


def _compiled(model: keras.Model, optimizer: Any, compiling: dict[str, Any]) -> keras.Model:
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"], **compiling)
    return model
