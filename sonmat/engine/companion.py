"""What goes through a training beside Keras's own state: the key of the augmentation, and averages of the weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from sonmat.engine.augmentation import augment
from sonmat.engine.viewing import not_pictures
from sonmat.errors import DataError
from sonmat.language import say
from sonmat.models.augmentation import Augmentation
from sonmat.models.averaging import Averaging
from sonmat.models.numbers import plain

Extras = list[jax.Array]

_AUGMENTATION = 0x61756731  # tells these draws from the order of the data, which the same seed and epoch decide


@dataclass(frozen=True)
class Companion:
    """Settings of a training that Keras has no place for.

    Its arrays, `Extras`, travel as the state's fifth group: two words that decide the augmentation of an epoch, the step
    in it, the number of weights averaged so far, and the averages: trainable variables, then non-trainable ones.
    """

    augment: Augmentation | None = None
    average: Averaging | None = None
    smoothing: float = 0.0
    outliers: bool = False

    @classmethod
    def of(
        cls, augment: Any = None, label_smoothing: Any = 0.0, average: Any = None, *, outliers: bool = False
    ) -> Companion:
        """The settings as `fit` takes them, checked.

        Raises:
            DataError: A label smoothing out of its range.
            RecipeError: A table with an unknown key, or a value out of its range.
        """
        label_smoothing = plain(label_smoothing)
        number = isinstance(label_smoothing, (int, float)) and not isinstance(label_smoothing, bool)
        if not number or not 0 <= label_smoothing < 1:
            raise DataError(
                say(
                    f"label_smoothing must be a number from 0 to below 1; got {label_smoothing!r}.",
                    f"label_smoothing은 0 이상 1 미만의 수여야 하지만 {label_smoothing!r}이(가) 왔습니다.",
                ),
                say("For example label_smoothing=0.1.", "예: label_smoothing=0.1."),
            )
        varied = Augmentation.of(augment) if augment is not None else None
        averaged = Averaging.of(average) if average is not None else None
        return cls(varied or None, averaged, float(label_smoothing), outliers)

    @property
    def has_state(self) -> bool:
        """Whether the state has a fifth group."""
        return bool(self.augment) or self.average is not None

    @property
    def identity(self) -> dict[str, Any]:
        """What tells a run with these settings from another; nothing where nothing is set."""
        told = {
            "augment": self.augment.table if self.augment else None,
            "average": self.average.table if self.average else None,
            "label_smoothing": self.smoothing,
            "outliers": self.outliers,
        }
        return {name: value for name, value in told.items() if value}

    @property
    def key(self) -> str:
        """Tells programs apart that were traced with other settings."""
        return repr(sorted(self.identity.items()))

    def begin(self, model: keras.Model) -> Extras:
        """The arrays before the first step."""
        averages = [*model.trainable_variables, *model.non_trainable_variables] if self.average else []
        return [jnp.zeros(2, jnp.uint32), jnp.int32(0), jnp.int32(0), *(jnp.array(v.value) for v in averages)]

    def reseeded(self, extras: Extras, seed: int | None, epoch: int) -> Extras:
        """The arrays at the start of an epoch, whose augmentation `seed` and `epoch` alone decide; None is chance."""
        entropy = None if seed is None else [seed, epoch, _AUGMENTATION]
        words = np.random.SeedSequence(entropy).generate_state(2)
        return [jnp.asarray(words, jnp.uint32), jnp.int32(0), *extras[2:]]

    def varied(self, extras: Extras, x: Any) -> Any:
        """A step's inputs, augmented."""
        if not self.augment:
            return x
        if not hasattr(x, "ndim") or x.ndim not in (3, 4):
            raise not_pictures("augment", x)
        key = jax.random.fold_in(jax.random.wrap_key_data(extras[0]), extras[1])
        return augment(self.augment, key, jnp.asarray(x, keras.config.floatx()))

    def followed(self, extras: Extras, trainable: list[Any], rest: list[Any]) -> Extras:
        """The arrays after a step that led to these weights."""
        words, step, count, *averages = extras
        if self.average is not None and self.average.name == "EMA":
            number = count.astype(jnp.float32)
            kept = jnp.minimum(self.average.decay, (1 + number) / (10 + number))
            averages = _mixed(averages, [*trainable, *rest], 1 - kept)
            count = count + 1
        return [words, step + 1, count, *averages]

    def after_epoch(self, extras: Extras, trainable: list[Any], rest: list[Any], share: float) -> Extras:
        """The arrays after an epoch; `share` of all epochs are done."""
        if self.average is None or self.average.name != "SWA" or share <= self.average.start:
            return extras
        words, step, count, *averages = extras
        return [words, step, count + 1, *_mix(averages, [*trainable, *rest], 1 / (count + 1))]

    def shown(self, extras: Extras, trainable: list[Any], rest: list[Any]) -> tuple[list[Any], list[Any]]:
        """The weights to validate, save and use: the average, or those as they are where there is none yet."""
        if self.average is None or int(extras[2]) == 0:
            return trainable, rest
        averages = extras[3:]
        return averages[: len(trainable)], averages[len(trainable) :]


def _mixed(averages: list[Any], now: list[Any], share: Any) -> list[Any]:
    """Averages with a share of what is now; what is not a float, such as random state, is taken as it is."""
    return [
        (a + (share * (b - a)).astype(a.dtype)) if jnp.issubdtype(a.dtype, jnp.floating) else b
        for a, b in zip(averages, now, strict=True)
    ]


_mix = jax.jit(_mixed)
