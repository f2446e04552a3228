"""The compiled program of a group of trials on a node: traced from one of them, run with the numbers of whoever comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sonmat.engine.blueprint import Blueprint, Steps
from sonmat.engine.lanes import chunks_of
from sonmat.engine.many_training import ManyTraining
from sonmat.engine.member_settings import MemberSettings
from sonmat.engine.mode import chosen_mode
from sonmat.engine.population_program import PopulationProgram
from sonmat.search.cluster_task import Part, Shared


class NodeProgram:
    """A program that tasks share; it is compiled once for each length of lanes.

    Args:
        many: A population that has the rows, and the devices.
        template: The member that is traced.
        shared: What the study says of it.
    """

    def __init__(self, many: ManyTraining, template: MemberSettings, shared: Shared) -> None:
        self._many, self._template, self._shared = many, template, shared
        self._steps = many.blueprints.steps(template)
        self._mode = shared.mode
        self._compiled: dict[int, PopulationProgram] = {}

    @property
    def same(self) -> bool:
        """Whether it was traced here as where the study runs; otherwise the tasks' numbers do not fit."""
        return self._steps.structure == self._shared.structure

    @property
    def blueprint(self) -> Blueprint:
        """What stands for the blueprints of all members."""
        return self._many.blueprints.of(self._template)

    def compiled(self, part: Part, length: int) -> PopulationProgram:
        """The program for lanes of a length, with the numbers of a part's members."""
        if not self._mode:
            alike = self._shared.lanes == self._many.devices.count
            self._mode = self._measured(self._shared.length if alike else length)
        steps = self._members(part)
        known = self._compiled.get(length)
        if known is None:
            self._compiled[length] = PopulationProgram(steps, self._many.devices, self._mode)
        else:
            self._compiled[length] = replace(known, steps=steps)  # what is compiled stays
        return self._compiled[length]

    def _members(self, part: Part) -> list[Steps]:
        """The members' steps: the template's with their numbers, and one of nobody's.

        The last makes the same numbers differ as among all members of the group: in all of them, and in no other.
        """
        places = self._shared.places

        def steps(numbers: Mapping[str, Sequence[Any]]) -> Steps:
            pieces = {}
            for name, traced in self._steps.pieces.items():
                own = list(traced.numbers)
                for place, number in zip(places[name], numbers[name], strict=True):
                    own[place] = number
                pieces[name] = replace(traced, numbers=own)
            return replace(self._steps, pieces=pieces)

        nobody = steps({name: [np.empty(0)] * len(differ) for name, differ in places.items()})
        rows = range(len(part.members))
        return [*(steps({name: [one[row] for one in of] for name, of in part.numbers.items()}) for row in rows), nobody]

    def _measured(self, length: int) -> str:
        """How the members of a lane are best run here: measured with the template in the place of each."""
        count = self._many.devices.count
        same = replace(self._many, settings=[self._template] * (length * count), groups=[])
        (group,) = same.groups
        chunk = chunks_of({self._template.seed: group.members}, count, length)[0]
        return chosen_mode(same, group, chunk)
