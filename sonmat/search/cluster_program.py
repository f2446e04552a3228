"""The compiled program of a group of trials on a node: traced from one of them, run with the numbers of whoever comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sonmat.engine.blueprint import Blueprint
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
        self._compiled: dict[int, _Program] = {}

    @property
    def same(self) -> bool:
        """Whether it was traced here as where the study runs; otherwise the tasks' numbers do not fit."""
        return self._steps.structure == self._shared.structure

    @property
    def blueprint(self) -> Blueprint:
        """What stands for the blueprints of all members."""
        return self._many.blueprints.of(self._template)

    def compiled(self, part: Part, length: int) -> PopulationProgram:
        """The program for lanes of a length, with the numbers of a part's members; the next call changes these."""
        if not self._mode:
            alike = self._shared.lanes == self._many.devices.count
            self._mode = self._measured(self._shared.length if alike else length)
        if length not in self._compiled:
            self._compiled[length] = _Program([self._steps], self._many.devices, self._mode)
        program = self._compiled[length]
        program.take(part)
        return program

    def _measured(self, length: int) -> str:
        """How the members of a lane are best run here: measured with the template in the place of each."""
        count = self._many.devices.count
        same = replace(self._many, settings=[self._template] * (length * count), groups=[])
        (group,) = same.groups
        chunk = chunks_of({self._template.seed: group.members}, count, length)[0]
        return chosen_mode(same, group, chunk)


class _Program(PopulationProgram):
    def take(self, part: Part) -> None:
        self._places = {name: list(places) for name, places in part.shared.places.items()}
        self._given = part.numbers

    def numbers(self, members: Sequence[int]) -> dict[str, list[Any]]:
        """As the base class has it, of what came with the task instead of what was traced."""
        chosen = list(members)
        return {name: [self.devices.apart(one[chosen]) for one in arrays] for name, arrays in self._given.items()}
