"""A population made ready: every member built and traced, grouped by what can be one program, cut into chunks."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from sonmat.engine.alone import train_alone
from sonmat.engine.blueprint import Blueprints, HostState
from sonmat.engine.compilation import slow_in_loops
from sonmat.engine.examples import Examples
from sonmat.engine.lanes import Chunk, chunks_of, most_members
from sonmat.engine.member_settings import MemberSettings
from sonmat.engine.mode import chosen_mode
from sonmat.engine.population_program import VMAPPED, Devices, PopulationProgram, Shuffling
from sonmat.engine.population_training import ChunkTraining, Outcome, bytes_of

ALONE = "alone"


@dataclass
class Group:
    """Members of one structure.

    Attributes:
        members: Their places in the population.
        mode: `vmapped`, `mapped` or `alone`; "" before it was chosen.
        bytes_each: Memory of one member's state.
    """

    members: list[int]
    mode: str
    bytes_each: int
    programs: dict[int, PopulationProgram] = field(default_factory=dict)


@dataclass
class ManyTraining:
    """A population that is ready to train.

    Attributes:
        settings: Every member's.
        blueprints: Their models.
        groups: Those that share a program.
        shuffle, due: As `fit` has them.
    """

    settings: list[MemberSettings]
    blueprints: Blueprints
    shuffle: bool
    due: Callable[[int], bool]
    devices: Devices = field(default_factory=Devices)
    build_seconds: float = 0.0
    compile_seconds: float = 0.0
    groups: list[Group] = field(default_factory=list)
    _data: Any = None
    _held: Any = None

    def __post_init__(self) -> None:
        begin = time.perf_counter()
        with _without_collecting():
            self._group()
        self.build_seconds = time.perf_counter() - begin

    def _group(self) -> None:
        found: dict[str, list[int]] = {}
        for place, member in enumerate(self.settings):
            steps = self.blueprints.steps(member)
            average = member.companion.average
            late = average.table if average is not None and average.name == "SWA" else None
            key = f"{steps.structure} {member.epochs} {member.phases} {late} {member.companion.has_state}"
            found.setdefault(key, []).append(place)
        for members in found.values():
            first = self.blueprints.first(self.settings[members[0]])
            steps = self.blueprints.steps(self.settings[members[0]])
            slow = any(slow_in_loops(one.closed) for one in steps.pieces.values())
            convolves = self.blueprints.of(self.settings[members[0]]).convolves
            mode = ALONE if slow else "" if convolves or bytes_of(first) > 2**21 else VMAPPED
            self.groups.append(Group(members, mode, bytes_of(first)))

    def chunks(self, members: Sequence[int] | None = None) -> list[tuple[Group, Chunk]]:
        """Which members train together, of all or of some; the places in a chunk are the population's."""
        wanted = set(range(len(self.settings)) if members is None else members)
        found = []
        for group in self.groups:
            seeds: dict[int, list[int]] = {}
            for place in group.members:
                if place in wanted:
                    seeds.setdefault(self.settings[place].seed, []).append(place)
            devices = 1 if group.mode == ALONE else self.devices.count
            most = 1 if group.mode == ALONE else most_members(group.bytes_each)
            found += [(group, chunk) for chunk in chunks_of(seeds, devices, most)]
        return found

    def train(
        self,
        group: Group,
        chunk: Chunk,
        states: Mapping[int, HostState] | None = None,
        *,
        begin: int = 0,
        end: int | None = None,
        told: Callable[[int, dict[str, np.ndarray]], None] | None = None,
    ) -> tuple[dict[int, Outcome], float]:
        """Train a chunk for some of its epochs.

        Args:
            group, chunk: As `chunks` gave them.
            states: What the members go on from; by default their first states.
            begin, end: The epochs, `end` not included; by default all.
            told: Called after each epoch with the epochs done and all members' logs.

        Returns:
            By the members' places, and the seconds that training took, without compiling.
        """
        first = self.settings[chunk.lanes[0][0]]
        given = {
            place: (states or {}).get(place) or self.blueprints.first(self.settings[place]) for place in chunk.members
        }
        until = first.epochs if end is None else end
        if group.mode == ALONE:
            return self._alone(chunk, given, begin, until, told)
        program = self.program(group, chunk)
        place_in = {place: i for i, place in enumerate(group.members)}
        local = Chunk(tuple(tuple(place_in[p] for p in lane) for lane in chunk.lanes), chunk.length)
        settings = [self.settings[place] for place in group.members]
        training = ChunkTraining(
            chunk=local,
            settings=settings,
            blueprints=[self.blueprints.of(member) for member in settings],
            program=program,
            devices=self.devices,
            shuffling=self.shuffling(),
            held=self.validation(),
            shuffle=self.shuffle,
            due=self.due,
            told=told or (lambda done, logs: None),
        )
        outcomes = training.run({place_in[place]: state for place, state in given.items()}, begin, until)
        self.compile_seconds += training.compile_seconds
        return {group.members[place]: outcome for place, outcome in outcomes.items()}, training.seconds

    def _alone(
        self, chunk: Chunk, states: Mapping[int, HostState], begin: int, end: int, told: Any
    ) -> tuple[dict[int, Outcome], float]:
        at = time.perf_counter()
        found, compiling = {}, 0.0
        for place in chunk.members:
            outcome, seconds = train_alone(
                self.blueprints, self.settings[place], states[place], (begin, end), self.shuffle, self.due
            )
            compiling += seconds
            found[place] = outcome
        last = [{name: column[-1] for name, column in one.columns.items()} for one in found.values() if one.columns]
        if told is not None and last:
            told(end, {name: np.array([one[name] for one in last]) for name in last[0]})
        self.compile_seconds += compiling
        return found, time.perf_counter() - at - compiling

    def program(self, group: Group, chunk: Chunk) -> PopulationProgram:
        """The program of a group for lanes of a chunk's length; it is compiled when it is first used."""
        if not group.mode:
            group.mode = chosen_mode(self, group, chunk)
        if chunk.length not in group.programs:
            steps = [self.blueprints.steps(self.settings[place]) for place in group.members]
            group.programs[chunk.length] = PopulationProgram(steps, self.devices, group.mode)
        return group.programs[chunk.length]

    def shuffling(self) -> Shuffling:
        """The training rows, on every device."""
        if self._data is None:
            self._data = Shuffling(self.devices, self.devices.alike(_arrays(self.blueprints.examples)))
        return self._data  # type: ignore[no-any-return]

    def validation(self) -> Any:
        """The validation rows, on every device; None where there are none."""
        if self._held is None and self.blueprints.held is not None:
            self._held = self.devices.alike(_arrays(self.blueprints.held))
        return self._held


@contextlib.contextmanager
def _without_collecting() -> Iterator[None]:
    """Without Python's search for circular garbage, which building hundreds of networks sets off again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _arrays(examples: Examples) -> Any:
    return jax.tree.map(np.asarray, examples.arrays)
