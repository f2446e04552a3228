"""Settings as Optuna's tools show them: parameters with the values that people gave."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sonmat.errors import RunError
from sonmat.language import say
from sonmat.search.choice import Choice
from sonmat.search.dimension import Dimension
from sonmat.search.sampler_parameters import distributions
from sonmat.search.space import Space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


class Parameters:
    """How Optuna's tools see the settings of a space.

    A choice is a categorical parameter here, where samplers see the places of its values; a list or a table is its JSON.

    Attributes:
        distributions: Dotted name → Optuna's distribution.
    """

    def __init__(self, space: Space) -> None:
        from optuna.distributions import CategoricalDistribution

        self._dimensions = space.dimensions
        self.distributions: dict[str, BaseDistribution] = distributions(space)
        for name, dimension in space.dimensions.items():
            if isinstance(dimension, Choice):
                self.distributions[name] = CategoricalDistribution([_shown(value) for value in dimension.values])

    def of(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters of a trial.

        Raises:
            RunError: Its settings are not of this space.
        """
        found = {}
        for name, dimension in self._dimensions.items():
            if name not in settings or not dimension.holds(settings[name]):
                raise _strange(name, settings.get(name), dimension)
            found[name] = _shown(settings[name])
        return found


def _shown(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | Mapping) else value


def _strange(name: str, value: Any, dimension: Dimension) -> RunError:
    return RunError(
        say(
            f"A trial of the study has {name}={value!r}, which is not in {dimension}.",
            f"{dimension} 밖의 값 {name}={value!r}을(를) 쓴 시도가 있습니다.",
        ),
        say(
            "Restore study.toml and the plans in batches/ from a copy.",
            "study.toml과 batches/의 계획을 사본에서 되돌리세요.",
        ),
    )
