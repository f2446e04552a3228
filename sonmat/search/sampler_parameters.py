"""Settings as Optuna's parameters: which distributions it stores, and the way to its values and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.search.choice import Choice
from sonmat.search.dimension import Dimension
from sonmat.search.plain import identity, shown
from sonmat.search.space import Space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """What `study.ask(fixed_distributions=…)` takes.

    A choice is categorical: its texts, numbers and booleans as they are, its lists and tables as JSON. Optuna refuses more
    choices under a name that it has stored; a study that was widened needs a new study of Optuna's.

    Returns:
        Dotted name → distribution, in the space's order.
    """
    return {name: _stored(dimension) for name, dimension in space.dimensions.items()}


def value_of(dimension: Dimension, parameter: Any) -> Any:
    """The setting that a parameter of Optuna's stands for.

    Raises:
        RecipeError: It is not a value of the dimension.
    """
    try:
        if isinstance(dimension, Choice):
            return dimension.value([identity(one) for one in _parameters(dimension)].index(identity(parameter)))
        value = int(parameter) if dimension.whole else float(parameter)
        if dimension.holds(value):
            place = dimension.place(value) if dimension.count is not None else None
            return value if place is None else dimension.value(place)
    except (TypeError, ValueError, OverflowError):
        pass
    raise _outside(dimension, parameter)


def parameter_of(dimension: Dimension, value: Any) -> Any:
    """The inverse of `value_of`.

    Raises:
        RecipeError: It is not a value of the dimension.
    """
    if not dimension.holds(value):
        raise _outside(dimension, value)
    if isinstance(dimension, Choice):
        place = dimension.place(value)
        assert place is not None
        return _parameters(dimension)[place]
    return int(value) if dimension.whole else float(value)


def settings_of(space: Space, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """All settings of a trial from Optuna's parameters.

    Raises:
        RecipeError: One is missing, or outside the space.
    """
    for name in space.dimensions:
        if name not in parameters:
            raise RecipeError(
                say(f"The trial has no parameter {name!r}.", f"시도에 매개변수 {name!r}이(가) 없습니다."),
                say("Was it asked for to the end?", "끝까지 요청된 시도인지 확인하세요."),
            )
    return {name: value_of(dimension, parameters[name]) for name, dimension in space.dimensions.items()}


def parameters_of(space: Space, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `settings_of`.

    Raises:
        RecipeError: A setting is outside the space.
    """
    return {name: parameter_of(dimension, settings[name]) for name, dimension in space.dimensions.items()}


def _parameters(choice: Choice) -> list[Any]:
    """What Optuna takes for the values of a choice, all different to it; true and 1 are the same to it."""
    plain = [value if isinstance(value, str | int | float) else _json(value) for value in choice.values]
    return plain if len(set(plain)) == len(plain) else [_json(value) for value in choice.values]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _stored(dimension: Dimension) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(dimension, Choice):
        return CategoricalDistribution(_parameters(dimension))
    if dimension.whole:
        step = 1 if dimension.step is None else int(dimension.step)
        return IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log, step=step)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log, step=dimension.step)


def _outside(dimension: Dimension, value: Any) -> RecipeError:
    return RecipeError(
        say(f"{shown(value)} is not in {dimension}.", f"{shown(value)}은(는) {dimension} 밖입니다."),
        say("Is it from another study?", "다른 스터디의 것인지 확인하세요."),
    )
