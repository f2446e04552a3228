"""Who trains the chunks of a study: this process, or the nodes of a cluster."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from sonmat.errors import RecipeError, SonmatError
from sonmat.language import say
from sonmat.search.plain import shown

if TYPE_CHECKING:
    from sonmat.data.dataset import Dataset
    from sonmat.engine.blueprint import HostState
    from sonmat.engine.many_training import ManyTraining
    from sonmat.engine.population_training import Outcome
    from sonmat.search.recipe_builder import RecipeBuilder
    from sonmat.search.trial import Trial

States = Mapping[str, np.ndarray]
"""A member's state by `group.place`, as a study keeps it."""


@dataclass(frozen=True)
class Job:
    """A chunk to train.

    Attributes:
        numbers: The trials in it.
        members: Their settings as `fit_many` takes them.
        begin, end: The epochs, `end` not included.
        states: What each goes on from; empty for first states.
    """

    numbers: tuple[int, ...]
    members: tuple[Mapping[str, Any], ...]
    begin: int
    end: int
    states: tuple[States, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What came of a job, a place a trial.

    Attributes:
        columns: Name in Keras's History → a value for each epoch that was trained now.
        failed: The epoch in which the loss was no longer finite, counted from 0, or None.
        lanes: The core or accelerator that each ran on.
        states: What each would go on from.
        seconds: Training and validation, compiling left out.
        began, ended: POSIX times.
    """

    job: Job
    columns: tuple[dict[str, list[float]], ...]
    failed: tuple[int | None, ...]
    lanes: tuple[int, ...]
    states: tuple[States, ...]
    seconds: float
    began: float
    ended: float


Told = Callable[[Job, int], None]
"""Called after each epoch with the job and the epochs done."""


class Workers(Protocol):
    """Trains the chunks of one batch of trials."""

    def run(self, many: ManyTraining, jobs: Sequence[Job], places: Mapping[int, int], told: Told) -> Iterator[Answer]:
        """Train some jobs, in any order; each answer comes as soon as it is there.

        Args:
            many: All trials of the batch, made ready.
            jobs: One a chunk.
            places: Number of a trial → its place in `many`.
            told: Where progress goes.
        """
        ...

    def close(self) -> None:
        """Let go of whatever was taken."""
        ...


class LocalWorkers:
    """This process."""

    def run(self, many: ManyTraining, jobs: Sequence[Job], places: Mapping[int, int], told: Told) -> Iterator[Answer]:
        """One job after the other; each uses all cores."""
        for job in jobs:
            yield train_job(many, job, places, lambda done, job=job: told(job, done))  # type: ignore[misc]

    def close(self) -> None:
        """Nothing was taken."""


def train_job(
    many: ManyTraining, job: Job, places: Mapping[int, int], told: Callable[[int], None] = lambda done: None
) -> Answer:
    """Train a job here.

    Args:
        many: A population that holds its members.
        places: Number of a trial → its place there.
        told: Called after each epoch with the epochs done.
    """
    began = time.time()
    at = [places[number] for number in job.numbers]
    given = {place: from_states(states) for place, states in zip(at, job.states, strict=True)} if job.states else None
    found: dict[int, Outcome] = {}
    seconds = 0.0
    for group, chunk in many.chunks(at):
        outcomes, took = many.train(
            group, chunk, given, begin=job.begin, end=job.end, told=lambda done, logs: told(done)
        )
        found |= outcomes
        seconds += took
    outcomes_ = [found[place] for place in at]
    return Answer(
        job=job,
        columns=tuple(outcome.columns for outcome in outcomes_),
        failed=tuple(outcome.failed for outcome in outcomes_),
        lanes=tuple(outcome.lane for outcome in outcomes_),
        states=tuple(to_states(outcome.state) for outcome in outcomes_),
        seconds=seconds,
        began=began,
        ended=time.time(),
    )


def ready(
    builder: RecipeBuilder, members: Sequence[Mapping[str, Any]], train: Dataset, validation: Dataset
) -> ManyTraining:
    """The members of some trials, built, traced and grouped.

    Raises:
        SonmatError: A setting that cannot be; it names the member.
    """
    from sonmat.engine.fit_many import defaults_of, prepare_many

    return prepare_many(builder, members, train, defaults_of(), validation_data=validation)


@contextlib.contextmanager
def naming_trials(trials: Sequence[Trial], members: Sequence[Mapping[str, Any]]) -> Iterator[None]:
    """While it is open, an error about one of the members is told as one about its trial.

    Args:
        trials: All of them.
        members: Theirs, in the same order; while there are fewer, an error is about the next.
    """
    try:
        yield
    except SonmatError as error:
        told = [f"settings[{place}] = {dict(member)}: " for place, member in enumerate(members)]
        about = next((place for place, who in enumerate(told) if error.problem.startswith(who)), len(members))
        if about < len(trials):
            problem = error.problem.removeprefix(told[about]) if about < len(members) else error.problem
            error.problem = f"{_named(trials[about])}: {problem}"
            error.args = (error.problem, error.fix)
        raise


def check_metric(metric: str, many: ManyTraining, place: int, trial: Trial) -> None:
    """See that a member's history will have a column, before it is trained.

    Raises:
        RecipeError: It will not; the columns that it will have are named.
    """
    import jax

    trees = many.blueprints.steps(many.settings[place]).trees
    logs = {name: jax.tree.unflatten(tree, range(tree.num_leaves))[-1] for name, tree in trees.items()}
    known = [*logs["train"], *(f"val_{name}" for name in logs.get("test", ()))]
    if metric not in known:
        raise RecipeError(
            say(
                f"{_named(trial)}: there is no metric {metric!r} in its history.",
                f"{_named(trial)}: 학습 기록에 {metric!r} 지표가 없습니다.",
            ),
            say(f"Known: {', '.join(known)}.", f"있는 것: {', '.join(known)}."),
        )


def _named(trial: Trial) -> str:
    number = trial.number if trial.repeats is None else trial.repeats
    settings = ", ".join(f"{name}={shown(value)}" for name, value in trial.settings.items())
    return say(f"trial {number} ({settings})", f"시도 {number}({settings})")


def to_states(state: HostState) -> States:
    """A state by names, for a file."""
    return {f"{group}.{place}": leaf for group, leaves in enumerate(state) for place, leaf in enumerate(leaves)}


def from_states(states: States) -> HostState:
    """The inverse of `to_states`."""
    groups: dict[int, dict[int, np.ndarray]] = {}
    for name, leaf in states.items():
        group, _, place = name.partition(".")
        groups.setdefault(int(group), {})[int(place)] = leaf
    count = max(groups, default=-1) + 1
    least = max(count, 4)  # a group may be empty, such as metrics of a model that has none
    return tuple([groups.get(g, {})[p] for p in sorted(groups.get(g, {}))] for g in range(least))
