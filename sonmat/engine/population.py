"""A trained population: for each setting its history and, when asked for, its model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, overload

import keras

from sonmat.engine.member_settings import MemberSettings
from sonmat.engine.program import assign, assign_training_state, values
from sonmat.language import say

if TYPE_CHECKING:
    from sonmat.engine.blueprint import Blueprints, HostState


@dataclass(frozen=True, eq=False)
class Member:
    """One member of a trained population.

    Attributes:
        settings: As they were given.
        seed: Its seed.
        columns: Name in Keras's History → a value an epoch.
        epochs: The numbers of these epochs, counted from 0.
        failed: Why its training ended before its last epoch; empty where it did not.
        seconds: Its share of the time that its chunk trained.
        lane: Which core or accelerator it ran on.
        state: What its training goes on from: trainable, non-trainable, optimizer and metric variables, on the host.
    """

    settings: Mapping[str, Any]
    seed: int
    columns: Mapping[str, list[Any]]
    epochs: list[int]
    failed: str
    seconds: float
    lane: int
    state: HostState = field(repr=False)
    _sorted: MemberSettings = field(repr=False)
    _blueprints: Blueprints = field(repr=False)

    @property
    def history(self) -> keras.callbacks.History:
        """Keras's History, as `fit` would have returned it."""
        history = keras.callbacks.History()
        history.history = {name: list(column) for name, column in self.columns.items()}
        history.epoch = list(self.epochs)
        rows = self._sorted.phases[0][1]
        steps = -(-len(self._blueprints.examples) // rows)
        history.set_params({"verbose": 0, "epochs": self._sorted.epochs, "steps": steps})
        return history

    def model(self) -> keras.Model:
        """A model of its own with the trained weights, optimizer and metrics, as `fit` would have left it.

        Where it failed, the weights are those from before the epoch in which it did.
        """
        model = self._blueprints.model(self._sorted)
        assign_training_state(model, self.state)
        companion = self._sorted.companion
        if companion.average is not None:
            trainable, rest = values(model.trainable_variables), values(model.non_trainable_variables)
            shown = companion.shown(list(self.state[4]), trainable, rest)
            assign(model.trainable_variables, shown[0])
            assign(model.non_trainable_variables, shown[1])
        if isinstance(model.optimizer, keras.optimizers.Optimizer):
            model.optimizer.finalize_variable_values(model.trainable_weights)
        history = self.history
        history.set_model(model)
        model.history = history
        return model


@dataclass(frozen=True, eq=False)
class Population(Sequence[Member]):
    """Members that were trained together. `population[i]` belongs to `settings[i]`.

    Attributes:
        members: All of them, in the order of the settings.
        compile_seconds: What building, tracing and compiling took.
        train_seconds: What training and validation took.
        plan: What was decided: for each group of members that share a program how many there are, in chunks of how many,
            and whether all at once (`vmapped`), one after the other (`mapped`) or each as by `fit` (`alone`).
    """

    members: tuple[Member, ...]
    compile_seconds: float
    train_seconds: float
    plan: tuple[dict[str, Any], ...]

    def __len__(self) -> int:
        return len(self.members)

    @overload
    def __getitem__(self, index: int) -> Member: ...
    @overload
    def __getitem__(self, index: slice) -> Population: ...
    def __getitem__(self, index: int | slice) -> Member | Population:
        if isinstance(index, slice):
            return self.take(range(len(self))[index])
        return self.members[index]

    def __iter__(self) -> Iterator[Member]:
        return iter(self.members)

    def take(self, places: Sequence[int]) -> Population:
        """Some of the members, in this order, to go on with: `fit_many(…, resume=population.take([3, 5]))`."""
        return replace(self, members=tuple(self.members[place] for place in places))

    def best(self, metric: str = "val_accuracy", *, maximize: bool | None = None) -> int:
        """The place of the member whose newest value of a metric is best; failed ones do not count.

        Args:
            metric: A name in the histories.
            maximize: Whether more is better; by default it is, except for losses and errors.

        Raises:
            ValueError: No member has a value.
        """
        more = _more_is_better(metric) if maximize is None else maximize
        scores = [
            (float(member.columns[metric][-1]), place)
            for place, member in enumerate(self.members)
            if not member.failed and member.columns.get(metric)
        ]
        scores = [one for one in scores if not math.isnan(one[0])]
        if not scores:
            raise ValueError(
                say(f"No member has a value of {metric!r}.", f"{metric!r} 값을 가진 구성원이 없습니다."),
            )
        return max(scores, key=lambda one: (one[0] if more else -one[0], -one[1]))[1]

    def __repr__(self) -> str:
        return f"<Population of {len(self)} members, {self.train_seconds:.1f} s>"


def _more_is_better(metric: str) -> bool:
    return not any(word in metric for word in ("loss", "error", "entropy", "crossentropy"))
