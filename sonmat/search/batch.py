"""A batch of trials: what was asked of the sampler together, held by one process while it trains."""

from __future__ import annotations

import contextlib
import math
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import filelock
import numpy as np

from sonmat.errors import RunError
from sonmat.files import storing
from sonmat.language import say
from sonmat.search.curves import write_trials
from sonmat.search.halving import going_on
from sonmat.search.mirror import FINAL
from sonmat.search.plan import Plan, current_part, read_plan
from sonmat.search.results import ALL, chunk_files, ladder, read_all, read_results, settle
from sonmat.search.states import States, read_states, write_states
from sonmat.search.trial import DONE, FAILED, RUNNING, Trial

LOCK = "lock"


class Batch:
    """A batch that this process holds, until `release`. When the process dies, the system lets go of it.

    Everything is on disk before it is told to anyone: `record` writes one file for a chunk, and what a kill takes away is
    trained again, with the same numbers and seeds.

    Attributes:
        path: Its folder.
        trials: As they were planned, in the order of their numbers.
        rungs: The epochs after which they are compared; the last is where training ends.
    """

    def __init__(
        self, path: Path, plan: Plan, lock: filelock.BaseFileLock, tell: Callable[[Sequence[Trial]], None] | None = None
    ) -> None:
        self.path = path
        self._plan = current_part(plan)
        self.trials, self.rungs = list(self._plan.trials), list(plan.rungs)
        self._lock, self._tell = lock, tell
        self._recording = threading.Lock()
        self._results = read_results(path, plan)
        with storing(path):
            for left in path.glob(".*.part"):  # of a process that was killed while it wrote
                left.unlink(missing_ok=True)

    @property
    def settled(self) -> list[Trial]:
        """The trials as they are now."""
        return settle(self._plan, self._results)

    @property
    def finished(self) -> bool:
        """Whether no trial is left to train."""
        return all(trial.state in FINAL for trial in self.settled)

    def left_over(self) -> bool:
        """Whether there is something to train; where there is not, the batch says so, if a kill came before it could."""
        self._sum_up(self.settled)
        return not self.finished

    def done(self, rung: int) -> dict[int, Trial]:
        """Number → the trial as it was recorded at a rung, counted from 0."""
        return {number: trial for number, trial in self._results[rung].items() if number in self._plan.planned}

    def due(self, rung: int) -> list[Trial]:
        """The trials that a rung still has to train, as they were planned.

        At the first rung all that are not done; later those that have survived and are not done, nobody while an earlier
        rung is not done. Who survives is what `halving.survivors` says of the values recorded.
        """
        alive = ladder(self._plan, self._results)[rung]
        return [self._plan.planned[number] for number in alive if number not in self._results[rung]]

    def epochs_of(self, rung: int) -> int:
        """Epochs that a rung trains."""
        return self.rungs[rung] - (self.rungs[rung - 1] if rung else 0)

    def expected(self) -> list[int]:
        """Epochs of all trials at each rung, should none fail."""
        found, alive = [], len(self.trials)
        for rung in range(len(self.rungs)):
            found.append(alive * self.epochs_of(rung))
            alive = going_on(alive, self._plan.factor or 1, self._plan.least)
        return found

    def record(self, rung: int, trials: Sequence[Trial], states: States | None = None, last: bool = False) -> None:
        """Keep what a chunk of trials gave at a rung; when this returns, no kill can take it away.

        Then Optuna is told of the trials that have come to their end by it: those that failed, those that were stopped
        because the rung is done, and all at the last rung.

        Args:
            rung: Counted from 0.
            trials: With the whole curves from the first epoch on, and the value after the last. One whose value is
                missing or not finite has failed. Settings and seed are the plan's, whatever these trials say.
            states: What the next rung needs of them, for `states`: arrays whose first axis counts the trials in the order
                given, or bytes.
            last: That these trials train no further, whatever the rung.

        Raises:
            StorageError: The disk is full (nothing is recorded then), or the database stayed away (all is recorded then).
            RunError: The batch is no longer held, or a trial is not of it.
        """
        self._check(rung, trials)
        with self._recording:  # threads may train a batch's chunks at once
            self._write(rung, trials, states, last or rung == len(self.rungs) - 1)
            now = self.settled
            self._sum_up(now)
        if self._tell is not None:
            self._tell(now)

    def states(self, rung: int, numbers: Sequence[int]) -> dict[int, Any]:
        """What `record` kept of trials at a rung.

        Returns:
            Number → name → array, or the bytes of the chunk that the trial was in, one object for all of its trials. A
            trial whose states are not there or cannot be read is missing: it has to be trained from its first epoch.
        """
        found: dict[int, Any] = {}
        for at, chunk in reversed(chunk_files(self.path)):
            if at == rung:
                with contextlib.suppress(OSError, ValueError):
                    found |= read_states(self._states_file(rung, chunk), numbers)
        return {number: found[number] for number in numbers if number in found}

    def drop_states(self, rung: int) -> None:
        """Delete what `record` kept for the next rung, and for those before."""
        with storing(self.path):
            for file in self.path.glob("rung*-chunk*.state.npz"):
                name = re.fullmatch(r"rung(\d{1,4})-chunk\d{1,9}\.state\.npz", file.name)
                if name and int(name[1]) <= rung:
                    file.unlink(missing_ok=True)

    def release(self) -> None:
        """Let another process have the batch."""
        self._lock.release()

    def __enter__(self) -> Batch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _write(self, rung: int, trials: Sequence[Trial], states: States | None, final: bool) -> None:
        told = [_told(trial, final) for trial in trials if trial.number not in self._results[rung]]
        if not told:
            return
        chunk = 1 + max((chunk for at, chunk in chunk_files(self.path) if at == rung), default=-1)
        if states is not None:  # first: the chunk's file says that the chunk is done
            write_states(self._states_file(rung, chunk), [trial.number for trial in trials], states)
        write_trials(self._chunk_file(rung, chunk), told)
        self._results[rung] |= {trial.number: self._planned(trial) for trial in told}

    def _sum_up(self, now: Sequence[Trial]) -> None:
        """Say that the batch is finished, where it is: from then on one file is read instead of all."""
        ended = all(trial.state in FINAL for trial in now)
        if ended and self._plan.current is None and read_all(self.path, self._plan) is None:
            self.drop_states(len(self.rungs))  # first: nobody looks into a batch again that says it is finished
            write_trials(self.path / ALL, now)

    def _check(self, rung: int, trials: Sequence[Trial]) -> None:
        if not self._lock.is_locked:
            raise RunError(
                say(f"{self.path} is not held any more.", f"{self.path}을(를) 더 이상 쥐고 있지 않습니다."),
                say("Record before release().", "release() 전에 기록하세요."),
            )
        if not 0 <= rung < len(self.rungs):
            raise RunError(
                say(f"{self.path} has no rung {rung}.", f"{self.path}에는 단계 {rung}이(가) 없습니다."),
                say(f"There are {len(self.rungs)}, counted from 0.", f"0부터 세어 {len(self.rungs)}개입니다."),
            )
        strange = [trial.number for trial in trials if trial.number not in self._plan.planned]
        if strange:
            raise RunError(
                say(f"{self.path} has no trial {strange[0]}.", f"{self.path}에는 시도 {strange[0]}이(가) 없습니다."),
                say("Record each trial in its own batch.", "각 시도는 자기 묶음에 기록하세요."),
            )

    def _planned(self, trial: Trial) -> Trial:
        plan = self._plan.planned[trial.number]
        return replace(trial, settings=plan.settings, seed=plan.seed, repeats=plan.repeats)

    def _chunk_file(self, rung: int, chunk: int) -> Path:
        return self.path / f"rung{rung}-chunk{chunk}.npz"

    def _states_file(self, rung: int, chunk: int) -> Path:
        return self.path / f"rung{rung}-chunk{chunk}.state.npz"


def hold(folder: Path) -> filelock.BaseFileLock | None:
    """The lock of a batch's folder, or None where another process has it.

    Raises:
        StorageError: The folder cannot be written.
    """
    # another thread may let go of it than the one that took it
    lock = filelock.FileLock(folder / LOCK, timeout=0, thread_local=False)
    with storing(folder):
        try:
            lock.acquire()
        except filelock.Timeout:  # an OSError too, which `storing` would take for a full disk
            return None
    return lock


def take(folder: Path, tell: Callable[[Sequence[Trial]], None]) -> Batch | None:
    """A batch to train, or None where another process holds it or nothing is left to train in it.

    Raises:
        RunError: Its plan cannot be read.
        StorageError: The folder cannot be written.
    """
    lock = hold(folder)
    if lock is None:
        return None
    try:
        batch = Batch(folder, plan_of(folder), lock, tell)
        if batch.left_over():
            return batch
    except BaseException:
        lock.release()
        raise
    lock.release()
    return None


def plan_of(folder: Path) -> Plan:
    """The plan of a batch's folder.

    Raises:
        RunError: It is not there, or cannot be read.
    """
    try:
        return read_plan(folder)
    except FileNotFoundError as error:
        raise RunError(
            say(f"{folder} has no plan.", f"{folder}에 계획이 없습니다."),
            say("Restore plan.json from a copy, or delete the folder.", "plan.json을 되돌리거나 폴더를 지우세요."),
        ) from error


def _told(trial: Trial, final: bool) -> Trial:
    """The trial as it is kept."""
    trial = replace(trial, curves={name: np.asarray(column, np.float32) for name, column in trial.curves.items()})
    if trial.state == FAILED or trial.value is None or not math.isfinite(trial.value):
        reason = trial.reason or say("its value is not a finite number", "값이 유한한 수가 아닙니다")
        return replace(trial, state=FAILED, value=None, reason=reason)
    if trial.state in FINAL and trial.state != DONE:
        return trial
    return replace(trial, state=DONE if final else RUNNING, value=float(trial.value))
