"""What one member of a population is told: what its builder takes, and what its training takes."""

from __future__ import annotations

import hashlib
import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sonmat.engine.companion import Companion
from sonmat.engine.phases import phases_of
from sonmat.errors import RecipeError, SonmatError
from sonmat.language import say
from sonmat.models.recipe import unknown
from sonmat.models.signature import REQUIRED, keywords, takes_any

TRAINED = ("learning_rate", "seed", "batch_size", "epochs", "augment", "label_smoothing", "average")
"""The settings that are the training's, where the builder has no parameter of the same name; `seed` is always both's."""

_ALWAYS_TRAINED = frozenset(TRAINED) - {"learning_rate", "seed"}
"""Those that a builder of `**settings` is not given either."""


@dataclass(frozen=True)
class MemberSettings:
    """One setting of a population, sorted.

    Attributes:
        number: Its place among the settings.
        given: As the user wrote it.
        arguments: What the builder is called with, the seed left out unless the builder asks for it by name.
        seed: Of first weights, dropout, augmentation and the order of the rows.
        seeded: Whether the builder is given the seed.
        learning_rate: What the optimizer's rate is set to, or None.
        phases: First epoch and batch size of each phase.
        epochs: How many to train.
        companion: What is done in a step beside Keras's own.
    """

    number: int
    given: Mapping[str, Any]
    arguments: Mapping[str, Any]
    seed: int
    seeded: bool
    learning_rate: float | None
    phases: tuple[tuple[int, int], ...]
    epochs: int
    companion: Companion

    @cached_property
    def call(self) -> str:
        """Tells calls of the builder apart."""
        return repr((self.seeded, sorted((key, _told(value)) for key, value in self.arguments.items())))


def sort_settings(
    build: Callable[..., Any], settings: Sequence[Mapping[str, Any]], defaults: Mapping[str, Any]
) -> list[MemberSettings]:
    """Every setting, sorted and checked.

    Args:
        build: The builder; what its `left_to_training` names is the training's, whatever it takes.
        settings: One mapping a member.
        defaults: The training's settings where a member has none.

    Raises:
        RecipeError: A setting that neither takes, or a value that cannot be; it names the member.
    """
    named, open_ = keywords(build), takes_any(build)
    left: frozenset[str] = getattr(build, "left_to_training", frozenset())
    found = []
    for number, given in enumerate(settings):
        with naming(number, given):
            found.append(_sorted(number, given, dict(defaults), named, open_, _ALWAYS_TRAINED | left))
    return found


class naming:
    """While it is open, an error of sonmat's is told as one of this member's."""

    def __init__(self, number: int, given: Mapping[str, Any]) -> None:
        self._who = f"settings[{number}] = {dict(given) if isinstance(given, Mapping) else given!r}"

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, SonmatError) and not error.problem.startswith("settings["):
            error.problem = f"{self._who}: {error.problem}"
            error.args = (error.problem, error.fix)
        elif isinstance(error, Exception) and not isinstance(error, SonmatError):
            error.add_note(self._who)


def _told(value: Any) -> str:
    """What tells a value from others: plain values by what they are, other objects by being another one.

    The text of an object need not say all of it: that of a long array leaves out the middle, a layer's says its name.
    """
    if type(value) in (list, tuple):
        return f"{type(value).__name__}({', '.join(map(_told, value))})"
    if type(value) is dict:
        return f"{{{', '.join(f'{_told(key)}: {_told(item)}' for key, item in value.items())}}}"
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype != object:
        return f"{value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
    if type(value) in (bool, int, float, complex, str, bytes, type(None)):
        return repr(value)
    return f"{type(value).__qualname__} {id(value)}"


def _sorted(
    number: int,
    given: Mapping[str, Any],
    defaults: dict[str, Any],
    named: Mapping[str, Any],
    open_: bool,
    trains: frozenset[str],
) -> MemberSettings:
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise RecipeError(
            say(
                f"A member's settings should be a dict of names and values, but are {given!r}.",
                f"구성원의 설정은 이름과 값의 dict여야 하는데 {given!r}입니다.",
            ),
            say('For example {"learning_rate": 0.1, "seed": 3}.', '예: {"learning_rate": 0.1, "seed": 3}.'),
        )
    arguments, trained = {}, dict(defaults)
    for key, value in given.items():
        taken = key in named or (open_ and key not in trains)
        if key == "seed" or (not taken and key in TRAINED):
            trained[key] = value
        elif taken:
            arguments[key] = value
            if key == "learning_rate":
                trained[key] = None  # the builder sets it; a rate for those that do not say is not this member's
        else:
            raise unknown(key, [*named, *TRAINED])
    missing = [key for key, default in named.items() if default is REQUIRED and key not in (*arguments, "seed")]
    if missing:
        raise RecipeError(
            say(f"The builder needs a value for {missing[0]!r}.", f"빌더에 {missing[0]!r} 값이 필요합니다."),
            say("Add it to the settings.", "설정에 추가하세요."),
        )
    epochs, rate = trained["epochs"], trained.get("learning_rate")
    _check_whole("epochs", epochs, 1)
    _check_whole("seed", trained["seed"], 0)
    _check_rate(rate)
    return MemberSettings(
        number=number,
        given=dict(given),
        arguments=arguments,
        seed=int(trained["seed"]),
        seeded="seed" in named or (open_ and "seed" in given),
        learning_rate=None if rate is None else float(rate),
        phases=_phases(trained["batch_size"], int(epochs)),
        epochs=int(epochs),
        companion=Companion.of(trained["augment"], trained["label_smoothing"], trained["average"]),
    )


def _phases(size: Any, epochs: int) -> tuple[tuple[int, int], ...]:
    if not isinstance(size, (list, tuple)):
        _check_whole("batch_size", size, 1)
        return ((0, int(size)),)
    return tuple(phase for phase in phases_of(size) if phase[0] < epochs)


def _check_whole(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise RecipeError(
            say(
                f"{name} must be a whole number of at least {least}; got {value!r}.",
                f"{name}은(는) {least} 이상의 정수여야 하지만 {value!r}이(가) 왔습니다.",
            ),
            say(f"For example {name}=20.", f"예: {name}=20."),
        )


def _check_rate(rate: Any) -> None:
    if rate is None:
        return
    if isinstance(rate, bool) or not isinstance(rate, numbers.Real) or not 0 <= float(rate) < float("inf"):
        raise RecipeError(
            say(
                f"learning_rate must be a number of 0 or more; got {rate!r}.",
                f"learning_rate는 0 이상의 수여야 하지만 {rate!r}이(가) 왔습니다.",
            ),
            say(
                "For example 0.1. A schedule belongs into the builder's compile.",
                "예: 0.1. 스케줄은 빌더의 compile에 넣으세요.",
            ),
        )
