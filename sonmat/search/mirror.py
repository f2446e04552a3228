"""A study's trials as Optuna keeps them, for Optuna's own tools: made from the study's folder, never read back into it."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Container, Iterator, Sequence
from typing import TYPE_CHECKING

from sonmat.search.trial import DONE, FAILED, STOPPED, Trial

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial, TrialState

    from sonmat.search.parameters import Parameters

NUMBER, REASON = "sonmat:number", "sonmat:reason"
_LONGEST = 500  # letters of a reason; databases have limits
FINAL = (DONE, STOPPED, FAILED)


class Mirror:
    """One study of Optuna's, brought up to a study of sonmat's.

    Trials are found again by the number in their user attributes: others may have added trials of their own. Whatever was
    told half, because a process was killed or a database went away, is told again.

    Args:
        storage: Where Optuna keeps its studies.
        name: Optuna's name of the study; it is made where it is missing.
        maximize: Whether more is better.
        metric: Whose curve is told as intermediate values, a step an epoch, counted from 1.
        steps: The epochs that are told beside the last; None is all of them.
    """

    def __init__(
        self, storage: BaseStorage, name: str, *, maximize: bool, metric: str, steps: Container[int] | None
    ) -> None:
        import optuna

        with quiet():
            optuna.create_study(
                storage=storage,
                study_name=name,
                direction="maximize" if maximize else "minimize",
                load_if_exists=True,
            )
        self._storage = storage
        self._study = storage.get_study_id_from_name(name)
        self._metric, self._steps = metric, steps
        self._ids: dict[int, int] = {}  # sonmat's number → Optuna's id
        self._places: dict[int, int] = {}  # sonmat's number → Optuna's number
        self._told: set[int] = set()
        self._seen = 0

    def refresh(self) -> None:
        """Read what others have told since."""
        found = self._storage.get_all_trials(self._study, deepcopy=False)
        for place in range(self._seen, len(found)):
            number = found[place].user_attrs.get(NUMBER)
            if not isinstance(number, int):
                continue
            if number not in self._ids:
                self._ids[number], self._places[number] = found[place]._trial_id, place
            elif not found[place].state.is_finished():
                self._drop(found[place])
        self._seen = len(found)
        for number in self._ids.keys() - self._told:
            if found[self._places[number]].state.is_finished():
                self._told.add(number)

    def holds(self, trials: Sequence[Trial]) -> bool:
        """Whether it has all of these, ended or not."""
        return all(trial.number in self._ids for trial in trials)

    def lacks(self, trials: Sequence[Trial], *, new: bool = True) -> list[Trial]:
        """Which trials it does not know as they are; without `new`, of those that it knows at all."""
        return [
            trial
            for trial in trials
            if (trial.number not in self._told and (trial.state in FINAL or trial.number not in self._ids))
            and (new or trial.number in self._ids)
        ]

    def tell(self, trials: Sequence[Trial], parameters: Parameters) -> None:
        """Make the trials that are missing, in this order, and end those that have ended.

        Args:
            trials: Some of those that it lacks.
            parameters: How Optuna says their settings.
        """
        for trial in trials:
            if trial.number not in self._ids:
                self._storage.create_new_trial(self._study, self._frozen(trial, parameters))
            elif trial.state in FINAL:
                self._end(trial)
                self._told.add(trial.number)

    def _end(self, trial: Trial) -> None:
        from optuna.exceptions import UpdateFinishedTrialError

        known = self._ids[trial.number]
        with contextlib.suppress(UpdateFinishedTrialError):
            for step, value in self._reported(trial).items():
                self._storage.set_trial_intermediate_value(known, step, value)
            if trial.reason:
                self._storage.set_trial_user_attr(known, REASON, trial.reason[:_LONGEST])
            worth = final_value(trial)
            self._storage.set_trial_state_values(known, state_of(trial), None if worth is None else [worth])

    def _frozen(self, trial: Trial, parameters: Parameters) -> FrozenTrial:
        import optuna

        frozen = optuna.trial.create_trial(
            state=state_of(trial),
            value=final_value(trial),
            params=parameters.of(trial.settings),
            distributions=parameters.distributions,
            user_attrs={NUMBER: trial.number} | ({REASON: trial.reason[:_LONGEST]} if trial.reason else {}),
            intermediate_values=self._reported(trial) if trial.state in FINAL else {},
        )
        if trial.state in FINAL and trial.began is not None and trial.ended is not None:
            frozen.datetime_start, frozen.datetime_complete = _time(trial.began), _time(trial.ended)
        return frozen

    def _reported(self, trial: Trial) -> dict[int, float]:
        curve = [float(value) for value in trial.curves.get(self._metric, ())]
        return {
            step: value
            for step, value in enumerate(curve, start=1)
            if self._steps is None or step in self._steps or step == len(curve)
        }

    def _drop(self, trial: FrozenTrial) -> None:
        """A trial made twice, because the database went away before it could say that the first was made."""
        from optuna.exceptions import UpdateFinishedTrialError
        from optuna.trial import TrialState

        with contextlib.suppress(UpdateFinishedTrialError):
            self._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)


def state_of(trial: Trial) -> TrialState:
    """What Optuna calls the trial's state: it has no word for one that waits for its first rung but has its settings."""
    from optuna.trial import TrialState

    if trial.state in (DONE, STOPPED) and trial.value is None:
        return TrialState.FAIL
    return {DONE: TrialState.COMPLETE, STOPPED: TrialState.PRUNED, FAILED: TrialState.FAIL}.get(
        trial.state, TrialState.RUNNING
    )


def final_value(trial: Trial) -> float | None:
    """What the trial is worth, where it has ended and is worth something."""
    return trial.value if trial.state in (DONE, STOPPED) else None


def _time(seconds: float) -> datetime.datetime:
    try:
        return datetime.datetime.fromtimestamp(seconds)
    except (OverflowError, ValueError, OSError):
        return datetime.datetime.now()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without Optuna's messages on what it makes and its notes on what is experimental."""
    import warnings

    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(before, optuna.logging.ERROR))
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
