"""The workers of a study on a Ray cluster: chunks go to its nodes, and what a lost node had is trained again elsewhere."""

from __future__ import annotations

import time
import warnings
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from sonmat.errors import RunError, SonmatError
from sonmat.language import say
from sonmat.search.cluster_address import Address, imported, join
from sonmat.search.cluster_crew import Crew, Event, Worker
from sonmat.search.cluster_task import Reply, Tasks
from sonmat.search.cluster_trainer import Trainer
from sonmat.search.worker import Answer, Job, Told, Workers

if TYPE_CHECKING:
    from sonmat.data.dataset import Dataset
    from sonmat.engine.many_training import ManyTraining
    from sonmat.search.recipe_builder import RecipeBuilder

MOST_TRIES = 3
"""How often a job is given to a worker that then dies, before that is an error."""

_TURN_SECONDS = 1.0
_LOOKED_AT = 200  # due jobs among which one is looked for whose program a node has compiled already


@dataclass
class _Ticket:
    """A job that is not done yet.

    Attributes:
        keys: The programs that it needs.
        told: The epochs that have been told of.
        tries: How often it was given out.
        failed_on: The nodes that it was lost on.
        order: Its trials as they were given out last.
    """

    job: Job
    keys: frozenset[str]
    told: int
    tries: int = 0
    failed_on: set[str] = field(default_factory=set)
    order: tuple[int, ...] = ()


def workers_for(cluster: str, builder: RecipeBuilder, train: Dataset, validation: Dataset) -> Workers:
    """Workers on a cluster. It is joined, and its nodes begin to get ready, before this returns.

    Args:
        cluster: `ray`: this machine, or the cluster that runs on it or that `RAY_ADDRESS` names; `ray:HOST:6379`: a cluster
            that this machine is a node of; `ray://HOST:10001`: any other, by Ray's client.
        builder: Builds the trials' networks.
        train, validation: The study's rows; they travel once.

    Raises:
        RecipeError: No such form.
        UnsupportedError: Ray is not installed, or for `ray://` its client.
        RunError: Nothing answers at the address.
    """
    address = Address.parse(cluster)
    imported()
    head, owned = join(address)
    return RayWorkers(builder, train, validation, head=head, owned=owned)


class RayWorkers:
    """The nodes of a Ray cluster that this process has joined, a process on each.

    Args:
        builder, train, validation: As `workers_for` has them.
        head: Where its head is.
        owned: Whether `close` leaves the cluster, which ends one that this process has started.
        trainer: The class that works on the nodes.
    """

    def __init__(
        self,
        builder: RecipeBuilder,
        train: Dataset,
        validation: Dataset,
        *,
        head: Address,
        owned: bool = False,
        trainer: type[Trainer] = Trainer,
    ) -> None:
        self._ray = imported()
        self._owned, self._model = owned, builder.recipe.model.name
        self._tasks: Tasks | None = None
        self._tickets = 0
        try:
            self._crew = Crew(self._ray.put((builder, train, validation)), head, trainer)
        except BaseException:
            self._leave()
            raise

    def run(self, many: ManyTraining, jobs: Sequence[Job], places: Mapping[int, int], told: Told) -> Iterator[Answer]:
        """As `Workers` has it; answers come in whatever order they are done in.

        Answers of jobs that go to the last epoch have no states: nothing goes on from them.

        A job whose process or node dies is given to another, `MOST_TRIES` times in all. Where the caller ends the iteration
        or is interrupted, the processes that work are ended.

        Raises:
            SonmatError: What a node refused; it is not tried again.
            RunError: A job was lost too often, or there is no node left.
        """
        if self._tasks is None or self._tasks.many is not many:
            self._tasks = Tasks(many, self._model)
        tasks = self._tasks
        tasks.see(jobs, places)
        left = {
            self._tickets + number: _Ticket(job, tasks.keys(job, places), job.begin) for number, job in enumerate(jobs)
        }
        self._tickets += len(jobs)
        due = deque(left)
        try:
            while left:
                events = self._crew.look()
                self._assign(due, left, tasks, places)
                events += self._crew.wait(_TURN_SECONDS)
                came = [self._answer(event, left, due, told) for event in events]
                errors = [one for one in came if isinstance(one, SonmatError)]
                if not errors:
                    self._assign(due, left, tasks, places)  # first, so that no node waits while answers are recorded
                yield from (one for one in came if isinstance(one, Answer))
                if errors:
                    raise errors[0]
                for number, done in self._crew.progress.news(_TURN_SECONDS).items():
                    if number in left:
                        _tell(left[number], done, told)
        finally:
            self._crew.stop(busy_only=True)

    def close(self) -> None:
        """End the processes on the nodes, and leave the cluster."""
        if self._ray.is_initialized():
            self._crew.stop()
            self._leave()

    def _leave(self) -> None:
        if self._owned:
            self._owned = False
            self._ray.shutdown()

    def _assign(self, due: deque[int], left: dict[int, _Ticket], tasks: Tasks, places: Mapping[int, int]) -> None:
        nodes = {worker.node for worker in self._crew.workers}
        for worker in self._crew.idle:
            able = [
                number
                for number in islice(due, _LOOKED_AT)
                if worker.node not in left[number].failed_on or nodes <= left[number].failed_on
            ]
            number = next((one for one in able if left[one].keys <= worker.programs), able[0] if able else None)
            if number is not None:
                due.remove(number)
                ticket = left[number]
                task = tasks.task(ticket.job, places)
                ticket.order, ticket.tries = task.numbers, ticket.tries + 1
                worker.programs |= ticket.keys
                self._crew.give(worker, number, task)

    def _answer(
        self, event: Event, left: dict[int, _Ticket], due: deque[int], told: Told
    ) -> Answer | SonmatError | None:
        """What an event comes to: an answer, an error, or a job that is due again."""
        ticket = left.get(event.ticket)
        if ticket is None:
            return None
        if event.reply is None:
            ticket.failed_on.add(event.worker.node)
            if ticket.tries >= MOST_TRIES:
                return _given_up(ticket.job, event.reason)
            due.appendleft(event.ticket)
            warnings.warn(_again(event), stacklevel=2)
            return None
        if event.reply.refusal is not None:
            return event.reply.refusal.error()
        del left[event.ticket]
        _tell(ticket, ticket.job.end, told)
        return _answer(ticket, event.reply, event.worker)


def _answer(ticket: _Ticket, reply: Reply, worker: Worker) -> Answer:
    """A node's answer in the job's order, by this machine's clock, with lanes counted over all nodes."""
    ended = time.time()
    order = [ticket.order.index(number) for number in ticket.job.numbers]
    return Answer(
        job=ticket.job,
        columns=tuple(reply.columns[place] for place in order),
        failed=tuple(reply.failed[place] for place in order),
        lanes=tuple(worker.offset + reply.lanes[place] for place in order),
        states=tuple(reply.states[place] for place in order) if reply.states else (),
        seconds=reply.seconds,
        began=ended - reply.took,
        ended=ended,
    )


def _tell(ticket: _Ticket, done: int, told: Told) -> None:
    """Tell of each epoch once, although a job may be trained twice."""
    for epoch in range(ticket.told + 1, min(done, ticket.job.end) + 1):
        told(ticket.job, epoch)
    ticket.told = max(ticket.told, done)


def _again(event: Event) -> str:
    place = event.worker.node[:8] if event.worker.hello is None else event.worker.hello.host
    return say(
        f"{place} was lost ({event.reason}); what it was training is trained again elsewhere.",
        f"{place}을(를) 잃었습니다({event.reason}). 거기서 학습하던 것은 다른 곳에서 다시 학습합니다.",
    )


def _given_up(job: Job, reason: str) -> RunError:
    numbers = ", ".join(map(str, job.numbers[:8])) + (", …" if len(job.numbers) > 8 else "")
    return RunError(
        say(
            f"Trials {numbers} were given out {MOST_TRIES} times, and came back untrained each time: {reason}.",
            f"시도 {numbers}을(를) {MOST_TRIES}번 맡겼지만 매번 학습되지 못하고 돌아왔습니다: {reason}.",
        ),
        say(
            "Their networks may need more memory than a node has: search smaller ones, or use larger nodes. "
            "The study can be resumed.",
            "신경망이 노드의 메모리보다 클 수 있습니다. 더 작은 신경망을 탐색하거나 더 큰 노드를 쓰세요. "
            "스터디는 이어서 할 수 있습니다.",
        ),
    )
