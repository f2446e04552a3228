"""The processes that work for a study on the nodes of a Ray cluster, one a node: started, lost and started again."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sonmat.errors import RunError
from sonmat.language import language, say
from sonmat.search.cluster_address import Address
from sonmat.search.cluster_board import Progress
from sonmat.search.cluster_task import Reply, Task
from sonmat.search.cluster_trainer import Hello, Trainer, versions

_LOOK_SECONDS = 2.0  # between looks at which nodes there are
_MOST_FAILS = 3  # of a node, one after the other; then it is left alone
_MOST_SILENT = 3  # looks, one after the other, at which the head does not answer
_PATIENCE = 60.0  # without any node
_LONGEST = 200  # letters of a reason
_PATIENCE_BUSY = 30.0  # before it is said that all nodes are busy with something else


@dataclass(eq=False)
class Worker:
    """A process on a node.

    Attributes:
        node: Ray's name of the node.
        actor: Ray's handle.
        pending: What is awaited: its first word, or the answer to a task; None while it is idle.
        hello: Its first word, once that is there.
        ticket: What it works on.
        offset: The number of its first lane among those of all nodes.
        programs: What it has compiled.
    """

    node: str
    actor: Any
    pending: Any
    hello: Hello | None = None
    ticket: int | None = None
    offset: int = 0
    programs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Event:
    """Something that happened to a worker which had a task.

    Attributes:
        ticket: The task's.
        reply: The answer; None where the worker was lost or stumbled.
        reason: Why, where there is no answer.
    """

    worker: Worker
    ticket: int
    reply: Reply | None
    reason: str = ""


@dataclass
class _Node:
    fails: int = 0
    reason: str = ""
    left_alone: bool = False


@dataclass
class Crew:
    """The workers of a study, in a cluster that this process has joined.

    Each takes all cores and accelerators of its node, as Ray counts them, so that two never share one; a node where
    something else runs is waited for. Nodes that join later get a worker too.

    Attributes:
        study: The builder and the rows, in Ray's object store: a node fetches them once.
        head: Where the cluster's head is.
        trainer: The class that works.
        workers: Those that there are.
        progress: How far they are.
    """

    study: Any
    head: Address
    trainer: type[Trainer] = Trainer
    workers: list[Worker] = field(default_factory=list)

    def __post_init__(self) -> None:
        import ray

        self._ray = ray
        self._nodes: dict[str, _Node] = {}
        self._looked, self._lanes = -_LOOK_SECONDS, 0
        self._since: float | None = None
        self._told_busy, self._silent = False, 0
        self.progress = Progress()
        self._trainer = ray.remote(self.trainer)
        self.look()

    def give(self, worker: Worker, ticket: int, task: Task) -> None:
        """Let an idle worker train a task."""
        worker.ticket = ticket
        worker.pending = worker.actor.train.remote(task, ticket)

    @property
    def idle(self) -> list[Worker]:
        """Those that wait for a task."""
        return [worker for worker in self.workers if worker.pending is None]

    def look(self) -> list[Event]:
        """See which nodes there are; what was lost with those that are gone.

        Raises:
            RunError: The cluster is gone, or has no node that can work.
        """
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return []
        self._looked = time.monotonic()
        if not self._head_answers():
            return []
        try:
            nodes = {one["NodeID"]: one for one in self._ray.nodes() if one["Alive"]}
        except Exception as error:
            raise _gone(str(error)) from error
        lost = [worker for worker in self.workers if worker.node not in nodes]
        events = [event for worker in lost for event in self._lose(worker, say("its node is gone", "노드가 사라짐"))]
        busy = {worker.node for worker in self.workers}
        for name, node in nodes.items():
            known = self._nodes.setdefault(name, _Node())
            if node["Resources"].get("CPU", 0) >= 1 and name not in busy and not known.left_alone:
                self._start(name, node["Resources"])
        self._check_that_somebody_works(nodes)
        return events

    def wait(self, seconds: float) -> list[Event]:
        """Wait until a worker answers or is lost, so long at most; a worker that says its first word becomes idle."""
        awaited = {worker.pending: worker for worker in self.workers if worker.pending is not None}
        if not awaited:
            time.sleep(seconds if not self.workers else 0.0)
            return []
        refs = list(awaited)
        ready, _ = self._ray.wait(refs, num_returns=1, timeout=seconds)
        if ready and len(refs) > 1:
            ready, _ = self._ray.wait(refs, num_returns=len(refs), timeout=0)
        return [event for ref in ready for event in self._came(awaited[ref])]

    def stop(self, *, busy_only: bool = False) -> None:
        """End workers at once, whatever they do."""
        if self._silent:
            self.workers.clear()  # they end with their cluster, and asking it would take Ray a minute
            return
        for worker in list(self.workers):
            if worker.ticket is not None or not busy_only:
                self._end(worker)
        if not busy_only:
            self.progress.stop()

    def _head_answers(self) -> bool:
        """Whether the head is there. Ray would wait for it for a minute and then end this process.

        Raises:
            RunError: It has not been there for some time.
        """
        try:
            self.head.check()
            self._silent = 0
        except RunError as error:
            self._silent += 1
            if self._silent >= _MOST_SILENT:
                raise _gone(error.problem) from error
        return not self._silent

    def _start(self, node: str, resources: dict[str, float]) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        actor = self._trainer.options(
            num_cpus=resources["CPU"],
            num_gpus=resources.get("GPU", 0),
            max_restarts=0,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
        ).remote(self.study, int(resources["CPU"]), language(), self.progress.board)
        self.workers.append(Worker(node, actor, actor.hello.remote()))

    def _came(self, worker: Worker) -> Iterator[Event]:
        """What an awaited reference brought."""
        try:
            value = self._ray.get(worker.pending)
        except self._ray.exceptions.RayTaskError as error:
            if worker.ticket is None:
                yield from self._lose(worker, _line(error))
            else:
                ticket, worker.ticket, worker.pending = worker.ticket, None, None
                yield Event(worker, ticket, None, _line(error))
        except self._ray.exceptions.RayError as error:
            yield from self._lose(worker, _line(error))
        else:
            ticket_, worker.pending, worker.ticket = worker.ticket, None, None
            if ticket_ is None:
                self._met(worker, value)
            else:
                self._nodes[worker.node].fails = 0
                yield Event(worker, ticket_, value)

    def _met(self, worker: Worker, hello: Hello) -> None:
        own = versions()
        other = {name: version for name, version in hello.versions.items() if own.get(name) != version}
        if other:
            told = ", ".join(f"{name} {version} ≠ {own.get(name)}" for name, version in sorted(other.items()))
            self._leave_alone(worker, f"{hello.host}: {told}")
        else:
            worker.hello, worker.offset = hello, self._lanes
            self._lanes += hello.lanes

    def _lose(self, worker: Worker, reason: str) -> Iterator[Event]:
        ticket = worker.ticket
        node = self._nodes[worker.node]
        node.fails, node.reason = node.fails + 1, reason
        if node.fails >= _MOST_FAILS:
            self._leave_alone(worker, reason)
        else:
            self._end(worker)
        if ticket is not None:
            yield Event(worker, ticket, None, reason)

    def _leave_alone(self, worker: Worker, reason: str) -> None:
        self._end(worker)
        node = self._nodes[worker.node]
        node.left_alone, node.reason = True, reason
        place = worker.hello.host if worker.hello is not None else worker.node[:8]
        warnings.warn(
            say(f"Node {place} is not used: {reason}.", f"노드 {place}을(를) 쓰지 않습니다: {reason}."), stacklevel=2
        )

    def _end(self, worker: Worker) -> None:
        self.workers.remove(worker)
        worker.ticket = worker.pending = None
        with contextlib.suppress(Exception):  # it may be gone already
            self._ray.kill(worker.actor)

    def _check_that_somebody_works(self, nodes: dict[str, Any]) -> None:
        now = time.monotonic()
        if any(worker.hello is not None for worker in self.workers):
            self._since, self._told_busy = None, False
            return
        self._since = now if self._since is None else self._since
        waited = now - self._since
        reasons = {one.reason for name, one in self._nodes.items() if one.left_alone and name in nodes}
        if not self.workers and (reasons or waited > _PATIENCE):
            raise _nobody(
                "; ".join(sorted(reasons)) or say("there are no nodes with a core", "코어가 있는 노드가 없음")
            )
        if self.workers and waited > _PATIENCE_BUSY and not self._told_busy:
            self._told_busy = True
            warnings.warn(
                say(
                    "No node has all its cores free yet; the study waits for one.",
                    "모든 코어가 비어 있는 노드가 아직 없어 기다립니다.",
                ),
                stacklevel=2,
            )


def _line(error: BaseException) -> str:
    """The line of an error of Ray's that names the cause: the last one, as far as a terminal bears it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    line = (lines[-1] if lines else type(error).__name__).rstrip(".")
    return line if len(line) <= _LONGEST else line[:_LONGEST].rstrip() + " …"


def _nobody(reason: str) -> RunError:
    return RunError(
        say(f"The cluster has no node that can train: {reason}.", f"클러스터에 학습할 수 있는 노드가 없습니다: {reason}."),
        say(
            "Install the same sonmat, Keras and JAX on every node and start it with ray start; then resume the study.",
            "모든 노드에 같은 sonmat, Keras, JAX를 설치하고 ray start로 켠 다음 스터디를 이어서 하세요.",
        ),
    )  # fmt: skip


def _gone(reason: str) -> RunError:
    return RunError(
        say(f"The Ray cluster is gone: {reason.rstrip('.')}.", f"Ray 클러스터가 사라졌습니다: {reason.rstrip('.')}."),
        say(
            "Nothing that was finished is lost: start the cluster and resume the study.",
            "끝난 결과는 그대로 있습니다. 클러스터를 다시 켜고 스터디를 이어서 하세요.",
        ),
    )
