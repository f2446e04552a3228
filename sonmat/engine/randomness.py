"""What `fit`'s seed decides besides the order of the data: dropout, noise and augmentation."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np


def unseeded_generators(model: keras.Model) -> list[Any]:
    """The model's SeedGenerators that the user gave no seed, each once, in the model's order."""
    found: dict[int, Any] = {}
    for layer in model._flatten_layers():
        for generator in getattr(layer, "_seed_generators", ()):
            if generator._initial_seed is None:
                found.setdefault(id(generator), generator)
    return list(found.values())


def reseed(model: keras.Model, seed: int, epoch: int) -> None:
    """Give every SeedGenerator that has no seed of its own the state that `seed` and `epoch` decide.

    An epoch then draws the same numbers whether training began with it or long before.
    """
    for variable, words in seeded(model, seed, epoch):
        variable.assign(words)


def seeded(model: keras.Model, seed: int, epoch: int) -> list[tuple[Any, np.ndarray]]:
    """The states that `reseed` assigns, each beside its variable."""
    states = []
    for number, generator in enumerate(unseeded_generators(model)):
        word = np.random.SeedSequence([seed, epoch, number]).generate_state(1)[0]
        states.append((generator.state, np.array([word, 0], generator.state.dtype)))
    return states
