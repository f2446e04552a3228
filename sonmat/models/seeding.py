"""Initial weights that a seed alone decides, whatever else the process has drawn."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np

from sonmat.models.flat_draws import drawn_flat

_STREAM = 0x50A7  # keeps these seeds apart from other uses of the same number


@contextlib.contextmanager
def private_randomness(seed: int) -> Iterator[None]:
    """Seed Python's, NumPy's and Keras's global randomness, and put all three back as they were.

    Whatever a builder draws inside, layers without a seed too, is then the same in every process. Keras's own
    `set_random_seed` would leave the caller's randomness changed, and imports TensorFlow where it is installed.

    Args:
        seed: 0 or more.
    """
    import keras
    from keras.src.backend.common import global_state  # the one place where Keras keeps its global generator

    generator = "global_seed_generator"
    before = random.getstate(), np.random.get_state(), global_state.get_global_attribute(generator)  # noqa: NPY002
    drawn = derived_seed(seed, 0)
    try:
        random.seed(drawn)
        np.random.seed(drawn)  # noqa: NPY002  builders draw from it
        global_state.set_global_attribute(generator, keras.random.SeedGenerator(drawn, name="private"))
        with drawn_flat():
            yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
        global_state.set_global_attribute(generator, before[2])


def seed_weights(model: Any, seed: int) -> int:
    """Draw a model's initial weights again, so that `seed` alone decides them.

    Every weight that a layer's own unseeded random initializer fills gets a seed derived from `seed` and from its place
    among them; weights with a seed of the user's own, zeros and ones stay. A Sequential and a functional model of the
    same layers get the same weights. No global randomness is touched.

    Args:
        model: A `keras.Model`. Layers that are not built yet have no weights to draw.
        seed: 0 or more.

    Returns:
        How many weight arrays were drawn.
    """
    place = 0
    for layer in model._flatten_layers():  # `model.layers` leaves out what layers hold, such as an LSTM's cell
        for variable in layer._trainable_variables:
            initializer = _unseeded(layer, variable.name)
            if initializer is None:
                continue
            place += 1
            config = initializer.get_config() | {"seed": derived_seed(seed, place)}
            with drawn_flat():
                variable.assign(type(initializer).from_config(config)(variable.shape, dtype=variable.dtype))
    return place


def derived_seed(seed: int, place: int) -> int:
    """A seed of its own for the `place`-th use of `seed`; the same on every platform and NumPy version. 0 to 2³¹−1."""
    return int(np.random.SeedSequence((_STREAM, seed, place)).generate_state(1)[0]) >> 1


def _unseeded(layer: Any, weight: str) -> Any:
    """The layer's initializer for `weight`, where it is a random one without a seed."""
    # Keras names them alike: kernel → kernel_initializer, recurrent_kernel → recurrent_initializer
    for name in (weight, weight.removesuffix("_kernel")):
        initializer: Any = getattr(layer, f"{name}_initializer", None)
        config: dict[str, Any] = getattr(initializer, "get_config", dict)()
        if "seed" in config and config["seed"] is None:
            return initializer
    return None
