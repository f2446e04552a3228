"""A node of a cluster at work: it keeps rows, builder and compiled programs, and trains the tasks that it is given.

Ray makes a `Trainer` an actor: one process a node, which lives as long as the study does.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sonmat.errors import SonmatError
from sonmat.search.cluster_files import NodeFiles
from sonmat.search.cluster_task import Part, Refusal, Reply, Task
from sonmat.search.worker import Job, from_states, ready, to_states, train_job

if TYPE_CHECKING:
    from sonmat.data.dataset import Dataset
    from sonmat.engine.lanes import Chunk
    from sonmat.engine.many_training import ManyTraining
    from sonmat.engine.member_settings import MemberSettings
    from sonmat.engine.population_training import Outcome
    from sonmat.search.cluster_program import NodeProgram
    from sonmat.search.recipe_builder import RecipeBuilder

_TELL_SECONDS = 0.5
_DEVICES = "JAX_NUM_CPU_DEVICES"

Tell = Callable[[int], None]
"""Called with the epochs that a whole task has done."""


@dataclass(frozen=True)
class Hello:
    """What a process says of itself when it is ready.

    Attributes:
        host, pid: Where it is.
        lanes: Cores or accelerators that its members run on side by side.
        versions: Of all that results depend on.
    """

    host: str
    pid: int
    lanes: int
    versions: Mapping[str, str]


class Trainer:
    """Trains tasks.

    Args:
        study: The builder, the training rows, the validation rows.
        cores: How many cores Ray gives this process: so many lanes run side by side.
        language: Of messages.
        board: Ray's handle of a `Board`; None where nobody asks how far it is.
    """

    def __init__(
        self, study: tuple[RecipeBuilder, Dataset, Dataset], cores: int, language: str, board: Any = None
    ) -> None:
        os.environ["SONMAT_LANG"] = language
        _lanes(cores)
        self._builder, self._train, self._validation = study
        self._board = board
        self._files = NodeFiles()
        self._local: RecipeBuilder | None = None
        self._many: ManyTraining | None = None
        self._programs: dict[str, NodeProgram] = {}

    def hello(self) -> Hello:
        """Whether this process is ready, and who it is."""
        import jax

        return Hello(socket.gethostname(), os.getpid(), jax.local_device_count(), versions())

    def train(self, task: Task, ticket: int = 0) -> Reply:
        """Train a task. An error of sonmat's is part of the answer, since it would come again elsewhere.

        Args:
            ticket: What the board knows the task by.
        """
        try:
            return self.trained(task, self._teller(ticket))
        except SonmatError as error:
            return Reply(refusal=Refusal.of(error))

    def trained(self, task: Task, tell: Tell) -> Reply:
        """What training a task gives.

        Raises:
            SonmatError: A setting that cannot be trained here.
        """
        import jax

        begin = time.perf_counter()
        if self._files.changed(task.files):
            self._local, self._many = None, None
            self._programs.clear()
        members = [self._member(member, task) for member in task.members]
        outcomes: dict[int, Outcome] = {}
        seconds = 0.0
        alike = jax.default_backend() == task.backend and all(self._knows(part, task) for part in task.parts)
        if not alike:
            return self._whole(task, members, tell)
        for part in task.parts:
            found, took = self._part(part, task, members, tell)
            outcomes |= found
            seconds += took
        ordered = [outcomes[place] for place in range(len(members))]
        return Reply(
            columns=tuple(outcome.columns for outcome in ordered),
            failed=tuple(outcome.failed for outcome in ordered),
            lanes=tuple(outcome.lane for outcome in ordered),
            states=tuple(to_states(outcome.state) for outcome in ordered if task.keep),
            seconds=seconds,
            took=time.perf_counter() - begin,
        )

    def _builder_of(self, task: Task) -> RecipeBuilder:
        if self._local is None:
            model = self._builder.recipe.model
            named = replace(model, name=self._files.here(model.name, task.files))
            self._local = replace(self._builder, recipe=replace(self._builder.recipe, model=named))
        return self._local

    def _member(self, member: Mapping[str, Any], task: Task) -> dict[str, Any]:
        name = member.get("model.name")
        return {**member, **({"model.name": self._files.here(name, task.files)} if isinstance(name, str) else {})}

    def _population(self, task: Task) -> ManyTraining:
        """A population without members, which has the rows on every device."""
        if self._many is None:
            self._many = ready(self._builder_of(task), [], self._train, self._validation)
            self._many.shuffling()
            self._many.validation()
        return self._many

    def _sorted(self, members: Sequence[Mapping[str, Any]], task: Task) -> list[MemberSettings]:
        from sonmat.engine.fit_many import defaults_of
        from sonmat.engine.member_settings import sort_settings

        return sort_settings(self._builder_of(task), members, defaults_of())

    def _knows(self, part: Part, task: Task) -> bool:
        """Whether this node traces the program of a part as the study did; it is traced the first time."""
        from sonmat.engine.many_training import ALONE

        shared = part.shared
        if shared.mode == ALONE:
            return True
        if shared.key not in self._programs:
            from sonmat.search.cluster_program import NodeProgram

            (template,) = self._sorted([self._member(shared.template, task)], task)
            self._programs[shared.key] = NodeProgram(self._population(task), template, shared)
        return self._programs[shared.key].same

    def _part(
        self, part: Part, task: Task, members: Sequence[Mapping[str, Any]], tell: Tell
    ) -> tuple[dict[int, Outcome], float]:
        """Train a part; by places in the task, and the seconds without compiling."""
        from sonmat.engine.lanes import chunks_of, most_members
        from sonmat.engine.many_training import ALONE

        many = self._population(task)
        settings = self._sorted([members[place] for place in part.members], task)
        states = [from_states(task.states[place]) for place in part.members]
        alone = part.shared.mode == ALONE
        seeds: dict[int, list[int]] = {}
        for place, member in enumerate(settings):
            seeds.setdefault(member.seed, []).append(place)
        most = 1 if alone else most_members(part.shared.bytes_each)
        found: dict[int, Outcome] = {}
        seconds = 0.0
        for chunk in chunks_of(seeds, 1 if alone else many.devices.count, most):
            before, count = len(found), len(chunk.members)

            def told(epoch: int, before: int = before, count: int = count) -> None:
                share = (before * (task.end - task.begin) + count * (epoch - task.begin)) / len(settings)
                tell(task.begin + int(share))

            given = {place: states[place] for place in chunk.members}
            if alone:
                outcomes, took = self._alone(settings, given, task)
            else:
                outcomes, took = self._chunk(part, chunk, settings, given, task, told)
            found |= outcomes
            seconds += took
        return {part.members[place]: outcome for place, outcome in found.items()}, seconds

    def _alone(
        self, settings: Sequence[MemberSettings], states: Mapping[int, Any], task: Task
    ) -> tuple[dict[int, Outcome], float]:
        from sonmat.engine.alone import train_alone

        many = self._population(task)
        begin, compiling = time.perf_counter(), 0.0
        found = {}
        for place, state in states.items():
            found[place], took = train_alone(
                many.blueprints, settings[place], state, (task.begin, task.end), many.shuffle, many.due
            )
            compiling += took
        return found, time.perf_counter() - begin - compiling

    def _chunk(
        self,
        part: Part,
        chunk: Chunk,
        settings: list[MemberSettings],
        states: dict[int, Any],
        task: Task,
        told: Tell,
    ) -> tuple[dict[int, Outcome], float]:
        from sonmat.engine.population_training import ChunkTraining

        many = self._population(task)
        program = self._programs[part.shared.key]
        training = ChunkTraining(
            chunk=chunk,
            settings=settings,
            blueprints=[program.blueprint] * len(settings),
            program=program.compiled(part, chunk.length),
            devices=many.devices,
            shuffling=many.shuffling(),
            held=many.validation(),
            shuffle=many.shuffle,
            due=many.due,
            told=lambda epoch, logs: told(epoch),
        )
        return training.run(states, task.begin, task.end), training.seconds

    def _whole(self, task: Task, members: Sequence[Mapping[str, Any]], tell: Tell) -> Reply:
        """Train a task on a node that traces it differently, on accelerators for example: as if it were a study of its own."""
        begin = time.perf_counter()
        places = {number: place for place, number in enumerate(task.numbers)}
        many = ready(self._builder_of(task), members, self._train, self._validation)
        answer = train_job(many, Job(task.numbers, tuple(members), task.begin, task.end, task.states), places, tell)
        took = time.perf_counter() - begin
        states = answer.states if task.keep else ()
        return Reply(answer.columns, answer.failed, answer.lanes, states, answer.seconds, took)

    def _teller(self, ticket: int) -> Tell:
        last = 0.0

        def tell(done: int) -> None:
            nonlocal last
            if self._board is not None and time.monotonic() - last >= _TELL_SECONDS:
                last = time.monotonic()
                self._board.tell.remote(ticket, done)

        return tell


def versions() -> dict[str, str]:
    """What results depend on beside the settings, on this machine."""
    import importlib.metadata

    import jax
    import keras

    found = {name: importlib.metadata.version(name) for name in ("keras", "jax", "jaxlib")}
    return {
        "sonmat": sys.modules["sonmat"].__version__,
        **found,
        "floatx": str(keras.config.floatx()),
        "image_data_format": str(keras.config.image_data_format()),
        "jax_enable_x64": str(jax.config.jax_enable_x64),
    }


def _lanes(cores: int) -> None:
    """As many devices as Ray gives cores, unless the node's user has chosen a number; JAX has not started yet."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if os.environ.get(_DEVICES, str(own)) != str(own):
        return
    os.environ[_DEVICES] = str(cores)
    jax = sys.modules.get("jax")
    if jax is not None:
        jax.config.update("jax_num_cpu_devices", cores)
