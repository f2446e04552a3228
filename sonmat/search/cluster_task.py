"""What travels between a study and the nodes of a cluster: a chunk to train, and what came of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sonmat import errors
from sonmat.errors import SonmatError
from sonmat.search.cluster_files import BuilderFile, builder_files
from sonmat.search.worker import Job, States, to_states

if TYPE_CHECKING:
    from sonmat.engine.many_training import Group, ManyTraining

Numbers = Mapping[str, tuple[np.ndarray, ...]]
"""Name of a traced step → for each of its numbers in which members differ, the members' own, (members, …)."""


@dataclass(frozen=True)
class Shared:
    """The program that all members of a group share, so that a node traces and compiles it once, whoever they are.

    The group was traced as a whole where the study runs. What differs among its members travels as numbers; what does not
    is compiled in, so that a program is the same on every node, and the one that would run here.

    Attributes:
        key: Tells programs apart.
        structure: A digest of what was traced here; a node that traces something else must not take the numbers.
        template: Settings of a member; tracing it gives the program.
        places: Name of a traced step → which of its numbers differ.
        mode: As `Group` has it; "" where a node is to measure.
        length: Members of a lane in the group's first chunk, for which a node with as many lanes measures.
        lanes: Lanes here.
        bytes_each: Memory of a member's state.
    """

    key: str
    structure: str
    template: Mapping[str, Any]
    places: Mapping[str, tuple[int, ...]]
    mode: str
    length: int
    lanes: int
    bytes_each: int


@dataclass(frozen=True)
class Part:
    """The members of a job that share a program.

    Attributes:
        shared: The program.
        members: Their places in the task.
        numbers: What is their own.
    """

    shared: Shared
    members: tuple[int, ...]
    numbers: Numbers


@dataclass(frozen=True)
class Task:
    """A job as a node gets it.

    Attributes:
        numbers: The trials in it, in the order of the population that they are of.
        members: Their settings.
        begin, end: The epochs, `end` not included.
        states: What each goes on from, first states too.
        parts: The same members by their programs.
        files: The builders' files that the settings name.
        keep: Whether states are wanted: there are epochs after these.
        backend: JAX's here: what is best in a loop differs among them.
    """

    numbers: tuple[int, ...]
    members: tuple[Mapping[str, Any], ...]
    begin: int
    end: int
    states: tuple[States, ...]
    parts: tuple[Part, ...]
    files: tuple[BuilderFile, ...]
    keep: bool
    backend: str


@dataclass(frozen=True)
class Refusal:
    """An error of sonmat's, as plain values: unpickling runs no constructor of an error's.

    Attributes:
        kind: The name of its class.
        problem, fix: Its texts.
        numbers: Whatever else it says, such as the epoch.
    """

    kind: str
    problem: str
    fix: str
    numbers: Mapping[str, int]

    @classmethod
    def of(cls, error: SonmatError) -> Refusal:
        """An error as values."""
        numbers = {name: value for name, value in vars(error).items() if isinstance(value, int)}
        return cls(type(error).__name__, error.problem, error.fix, numbers)

    def error(self) -> SonmatError:
        """The error again."""
        kind = getattr(errors, self.kind, None)
        if kind is None:
            return SonmatError(self.problem, self.fix)
        made: SonmatError = kind(self.problem, self.fix, **self.numbers)
        return made


@dataclass(frozen=True)
class Reply:
    """What a node answers, a place a trial in the task's order; see `Answer`.

    Attributes:
        states: Empty where they are not wanted: those of large networks are most of what would travel.
        refusal: The error that ended it; everything else is empty then.
    """

    columns: tuple[dict[str, list[float]], ...] = ()
    failed: tuple[int | None, ...] = ()
    lanes: tuple[int, ...] = ()
    states: tuple[States, ...] = ()
    seconds: float = 0.0
    took: float = 0.0
    refusal: Refusal | None = None


class Tasks:
    """Makes the tasks of a population.

    Args:
        many: All its members, traced.
        model: The recipe's model, by name.
    """

    def __init__(self, many: ManyTraining, model: str) -> None:
        self.many, self._model = many, model
        self._shared: dict[int, Shared] = {}  # by a group's first member
        self._lengths: dict[int, int] = {}
        self._files: dict[str, tuple[BuilderFile, ...]] = {}  # as they were when the population was traced
        self._groups = {place: group for group in many.groups for place in group.members}

    def see(self, jobs: Sequence[Job], places: Mapping[int, int]) -> None:
        """Note how long the lanes of each group are that was not seen before: one process would decide by its first."""
        for job in jobs:
            at = [places[number] for number in job.numbers]
            if any(self._groups[place].members[0] not in self._lengths for place in at):
                for group, chunk in self.many.chunks(at):
                    self._lengths.setdefault(group.members[0], chunk.length)

    def keys(self, job: Job, places: Mapping[int, int]) -> frozenset[str]:
        """The programs that a job needs."""
        return frozenset(self._shared_of(self._groups[places[number]]).key for number in job.numbers)

    def task(self, job: Job, places: Mapping[int, int]) -> Task:
        """A job, ready to travel."""
        import jax

        many = self.many
        order = sorted(range(len(job.numbers)), key=lambda at: places[job.numbers[at]])
        at = {places[job.numbers[one]]: place for place, one in enumerate(order)}  # in the population → in the task
        groups = {self._groups[place].members[0]: self._groups[place] for place in at}
        settings = [many.settings[place] for place in at]
        states = (
            tuple(job.states[one] for one in order)
            if job.states
            else tuple(to_states(many.blueprints.first(member)) for member in settings)
        )
        members = tuple(job.members[one] for one in order)
        names = sorted({self._model, *(str(member["model.name"]) for member in members if "model.name" in member)})
        for name in names:
            self._files.setdefault(name, builder_files([name]))
        return Task(
            numbers=tuple(job.numbers[one] for one in order),
            members=members,
            begin=job.begin,
            end=job.end,
            states=states,
            parts=tuple(self._part(group, at) for group in groups.values()),
            files=tuple(file for name in names for file in self._files[name]),
            keep=any(job.end < member.epochs for member in settings),
            backend=jax.default_backend(),
        )

    def _part(self, group: Group, at: Mapping[int, int]) -> Part:
        from sonmat.engine.lifted import stacked

        shared = self._shared_of(group)
        own = [place for place in at if self._groups[place] is group]
        steps = [self.many.blueprints.steps(self.many.settings[place]) for place in own]
        numbers = {
            name: tuple(stacked([one.pieces[name] for one in steps], places)) for name, places in shared.places.items()
        }
        return Part(shared, tuple(at[place] for place in own), numbers)

    def _shared_of(self, group: Group) -> Shared:
        from sonmat.engine.lifted import differing
        from sonmat.engine.many_training import ALONE

        first = group.members[0]
        if first not in self._shared:
            steps = [self.many.blueprints.steps(self.many.settings[place]) for place in group.members]
            places: dict[str, tuple[int, ...]] = {}
            if group.mode != ALONE:
                places = {name: tuple(differing([one.pieces[name] for one in steps])) for name in steps[0].pieces}
            digest = hashlib.sha256(f"{steps[0].structure} {places} {group.mode}".encode())
            for name, differ in places.items():
                for place, number in enumerate(steps[0].pieces[name].numbers):
                    if place not in differ:
                        digest.update(_bytes(number))
            self._shared[first] = Shared(
                key=digest.hexdigest(),
                structure=steps[0].structure,
                template=self.many.settings[first].given,
                places=places,
                mode=group.mode,
                length=self._lengths.get(first, 1),
                lanes=self.many.devices.count,
                bytes_each=group.bytes_each,
            )
        return self._shared[first]


def _bytes(number: Any) -> bytes:
    import jax

    if jax.dtypes.issubdtype(getattr(number, "dtype", np.bool_), jax.dtypes.extended):  # a key of JAX's
        number = jax.random.key_data(number)
    array = np.asarray(number)
    return f"{array.dtype}{array.shape}".encode() + array.tobytes()
