"""A study trained: batch after batch, rung after rung, then the finalists with several seeds."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sonmat.language import say
from sonmat.search.asked import most_asked
from sonmat.search.mirror import FINAL
from sonmat.search.ranking import Ranking, rank
from sonmat.search.recipe_builder import RecipeBuilder
from sonmat.search.sampler import AT_ONCE
from sonmat.search.trial import DONE, FAILED, RUNNING, Trial
from sonmat.search.worker import Answer, Job, LocalWorkers, Workers, check_metric, naming_trials, ready

if TYPE_CHECKING:
    from sonmat.data.dataset import Dataset
    from sonmat.engine.many_training import ManyTraining
    from sonmat.search.batch import Batch
    from sonmat.search.study import Study

SEARCH, FINALISTS = "search", "finalists"

_WAIT_SECONDS = 1.0
"""How often a process looks whether another one has finished what it holds."""


@dataclass(frozen=True)
class SweepProgress:
    """Where a study is.

    Attributes:
        phase: `search` or `finalists`.
        done, trials: Trials of this phase that have come to their end, and all.
        trained: Trials that this process has brought to their end, those that were given up early too.
        seconds: Since this process began to train.
        remaining: Estimated seconds to the end of the phase; None before anything is known.
        best: The best trial so far.
        waiting: Whether it waits for another process that holds the rest.
    """

    phase: str
    done: int
    trials: int
    trained: int
    seconds: float
    remaining: float | None
    best: Trial | None
    waiting: bool = False


class Runner:
    """Trains what a study asks for, until nothing is left.

    Args:
        study: Any number of processes may run one.
        train, validation: Its rows, the same for every trial.
        workers: Who trains; this process by default.
        told: Where progress goes.
        tried: Told of a batch's trials as they are, each time that some of them were recorded; not of the finalists' repeats.
    """

    def __init__(
        self,
        study: Study,
        train: Dataset,
        validation: Dataset,
        *,
        workers: Workers | None = None,
        told: Callable[[SweepProgress], None] = lambda progress: None,
        tried: Callable[[Sequence[Trial]], None] = lambda trials: None,
    ) -> None:
        self.study, self._train_rows, self._validation_rows = study, train, validation
        self._asked = study.asked
        self._workers = workers or LocalWorkers()
        self._told, self._tried = told, tried
        self._many: ManyTraining | None = None
        self._places: dict[int, int] = {}
        self._began = time.perf_counter()
        self._trained, self._epochs, self._left = 0, 0.0, 0.0
        self._first: tuple[float, float] | None = None
        self._counted: dict[tuple[int, ...], int] = {}
        self._others = self._ended = 0
        self._ready_for: list[tuple[Any, ...]] = []
        self._phase, self._done, self._total, self._best = SEARCH, 0, 0, study.best()

    def search(self) -> None:
        """Try settings until the study has as many trials as were asked for, or its space is used up.

        Raises:
            SonmatError: A setting that cannot be, named; or a disk or database that is away.
        """
        self._phase, self._total = SEARCH, most_asked(self._asked, self.study.trials)
        while True:
            batch = self.study.take_batch()
            if batch is not None:
                with batch:
                    self._run(batch)
            elif self.study.left > 0:
                self._tell(waiting=True)
                time.sleep(_WAIT_SECONDS)
            else:
                return

    def finals(self) -> Ranking:
        """Train the best settings again with several seeds that the search has not used, and rank them."""
        asked = self._asked
        best = self.finalists()
        seeds = [(asked.recipe.seed + 1 + number) % 2**32 for number in range(asked.seeds)]
        self._phase, self._done, self._total, self._trained = FINALISTS, 0, len(best) * len(seeds), 0
        self._began, self._epochs, self._first = time.perf_counter(), 0.0, None
        settings = [(trial.number, trial.settings) for trial in best]
        while settings:
            batch = self.study.take_finals(settings, seeds)
            if batch is not None:
                with batch:
                    self._run(batch)
                break
            wanted = {trial.number for trial in best}
            done = [one for one in self.study.repeats if one.state in (DONE, FAILED) and one.repeats in wanted]
            if len(done) >= len(settings) * len(seeds):
                break
            self._tell(waiting=True)
            time.sleep(_WAIT_SECONDS)
        numbers = {trial.number for trial in best}
        repeats = [one for one in self.study.repeats if one.repeats in numbers and one.seed in seeds]
        return rank(repeats, maximize=asked.maximize)

    def finalists(self) -> list[Trial]:
        """The best trials that ran all their epochs, the best first, no settings twice."""
        sign = -1.0 if self._asked.maximize else 1.0
        ended = [trial for trial in self.study.trials if trial.state == DONE and trial.value is not None]
        ended.sort(key=lambda trial: (sign * (trial.value or 0.0), trial.number))
        found: dict[str, Trial] = {}
        for trial in ended:
            found.setdefault(repr(sorted((key, repr(value)) for key, value in trial.settings.items())), trial)
        return list(found.values())[: self._asked.finalists]

    def builder(self) -> RecipeBuilder:
        """What builds the trials' networks."""
        models = self._asked.space.dimensions.get("model.name")
        return RecipeBuilder(self._asked.recipe, self._train_rows, tuple(map(str, models.ends)) if models else ())

    def prepared(self, trials: Sequence[Trial]) -> ManyTraining:
        """Some trials built, traced and grouped.

        Raises:
            SonmatError: A setting that cannot be, or a network that is not measured by the study's metric; it names the trial.
        """
        members: list[dict[str, Any]] = []
        with naming_trials(trials, members):
            members.extend(map(self._member, trials))
            many = ready(self.builder(), members, self._train_rows, self._validation_rows)
        for group in many.groups:
            check_metric(self._asked.metric, many, group.members[0], trials[group.members[0]])
        return many

    def _member(self, trial: Trial) -> dict[str, Any]:
        return self.builder().member(trial.settings, trial.seed)

    def _run(self, batch: Batch) -> None:
        """Train a batch to its end, or what an earlier process has left of it."""
        self._ended = _ended(batch.settled)
        self._others = _ended(self.study.trials) - self._ended if self._phase == SEARCH else 0
        self._done = self._others + self._ended
        expected = batch.expected()
        asked_for = 1 + max(trial.number for trial in batch.trials) if self._phase == SEARCH else self._total
        unasked = max(0, self._total - asked_for) * sum(expected) / len(batch.trials)
        for rung in range(len(batch.rungs)):
            due = {trial.number for trial in batch.due(rung)}
            reached = due | batch.done(rung).keys()
            there = [trial for trial in batch.trials if trial.number in reached]
            self._left = unasked + sum(expected[rung + 1 :]) + len(due) * batch.epochs_of(rung)
            for start in range(0, len(there), AT_ONCE):
                some = there[start : start + AT_ONCE]
                if any(trial.number in due for trial in some):
                    many = self.ready(batch.trials if len(batch.trials) <= AT_ONCE else some)
                    self._train(many, batch, rung, some, due)
            if rung and due:
                batch.drop_states(rung - 1)
        self._tell()

    def ready(self, trials: Sequence[Trial]) -> ManyTraining:
        """Some trials made ready, if they are not.

        A trial's last bits depend on the programs: on which numbers are the same for all who are ready, and so constants,
        and on how many train side by side. Both go by all trials of the batch and of the rung, those that are done too, so
        that a study that was killed comes to what it would have come to.
        """
        told = [(trial.number, trial.repeats, trial.seed, repr(dict(trial.settings))) for trial in trials]
        if self._many is None or self._ready_for != told:
            self._many, self._ready_for = None, told  # its memory is needed
            self._many = self.prepared(trials)
            self._places = {trial.number: place for place, trial in enumerate(trials)}
        return self._many

    def _train(
        self, many: ManyTraining, batch: Batch, rung: int, trials: Sequence[Trial], due: Collection[int]
    ) -> None:
        """Train those of some trials of a batch that are due up to a rung."""
        begin, end = batch.rungs[rung - 1] if rung else 0, batch.rungs[rung]
        left = [trial.number for trial in trials if trial.number in due]
        states = batch.states(rung - 1, left) if rung else {}
        before = batch.done(rung - 1) if rung else {}
        planned = {trial.number: trial for trial in trials}
        by_place = {self._places[number]: number for number in planned}
        jobs = []
        for _, chunk in many.chunks(list(by_place)):
            numbers = [by_place[place] for place in chunk.members if by_place[place] in due]
            for known in (True, False):  # one whose states are gone begins again
                some = [planned[number] for number in numbers if (number in states) == known]
                if some:
                    jobs.append(self._job(some, states if known else {}, begin if known else 0, end))
        last = rung == len(batch.rungs) - 1
        for answer in self._workers.run(many, jobs, self._places, self._epoch):
            self._epoch(answer.job, answer.job.end)
            told = [self._trial(planned, answer, at, before) for at in range(len(answer.job.numbers))]
            batch.record(rung, told, None if last else _stacked(answer.states), last)
            settled = batch.settled
            if self._phase == SEARCH:
                self._tried(settled)
            ended = _ended(settled)
            self._trained, self._ended = self._trained + ended - self._ended, ended
            self._done = min(self._total, self._others + ended)
            self._count(told, last)

    def _job(self, trials: Sequence[Trial], states: Mapping[int, Any], begin: int, end: int) -> Job:
        return Job(
            numbers=tuple(trial.number for trial in trials),
            members=tuple(self._member(trial) for trial in trials),
            begin=begin,
            end=end,
            states=tuple(states[trial.number] for trial in trials) if states else (),
        )

    def _trial(self, planned: Mapping[int, Trial], answer: Answer, at: int, before: Mapping[int, Trial]) -> Trial:
        """A trial after a job, with its whole curves."""
        number = answer.job.numbers[at]
        past = before.get(number) if answer.job.begin else None
        names = [*(past.curves if past else ()), *answer.columns[at]]
        curves = {
            name: np.concatenate(
                [
                    np.asarray(past.curves[name] if past and name in past.curves else [], np.float32),
                    np.asarray([_number(value) for value in answer.columns[at].get(name, [])], np.float32),
                ]
            )
            for name in dict.fromkeys(names)
        }
        failed = answer.failed[at]
        reason = "" if failed is None else say(
            f"the loss is no longer finite in epoch {failed + 1}",
            f"{failed + 1}번째 에포크에서 손실이 유한하지 않음",
        )  # fmt: skip
        return replace(
            planned[number],
            state=RUNNING if failed is None else FAILED,
            value=None if failed is not None else float(curves[self._asked.metric][-1]),
            curves=curves,
            seconds=(past.seconds if past else 0.0) + answer.seconds / len(answer.job.numbers),
            reason=reason,
            began=answer.began,  # of its last run: with the first one's, the timeline's bars would lie over each other
            ended=answer.ended,
            lane=answer.lanes[at],
        )

    def _epoch(self, job: Job, done: int) -> None:
        """Count a job's epochs: told of after each, after a member's last where they train one by one, or twice."""
        known = self._counted.get(job.numbers, job.begin)
        if done > known:
            self._counted[job.numbers] = done
            self._epochs += len(job.numbers) * (done - known)
            self._left -= len(job.numbers) * (done - known)
        self._tell()

    def _count(self, trials: Sequence[Trial], last: bool) -> None:
        sign = 1.0 if self._asked.maximize else -1.0
        for trial in trials:
            if self._phase == SEARCH and trial.value is not None and last:
                value = self._best.value if self._best is not None else None
                if value is None or sign * trial.value > sign * value:
                    self._best = trial
        self._tell()

    def _tell(self, waiting: bool = False) -> None:
        seconds = time.perf_counter() - self._began
        if self._first is None and self._epochs:
            self._first = seconds, self._epochs  # before it came compiling too
        at, epochs = self._first or (0.0, 0.0)
        remaining = self._left * (seconds - at) / (self._epochs - epochs) if self._epochs > epochs else None
        self._told(
            SweepProgress(self._phase, self._done, self._total, self._trained, seconds, remaining, self._best, waiting)
        )


def _ended(trials: Sequence[Trial]) -> int:
    return sum(trial.state in FINAL for trial in trials)


def _stacked(states: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.stack([one[name] for one in states]) for name in states[0]}


def _number(value: Any) -> float:
    """A metric's value; of one that gives several, their mean."""
    return float(np.mean(np.asarray(value, np.float64)))
