"""A member that cannot be part of a compiled loop, trained by `fit` as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sonmat.engine.blueprint import Blueprints, HostState, as_device
from sonmat.engine.fit import fit
from sonmat.engine.listener import Listener
from sonmat.engine.member_settings import MemberSettings
from sonmat.engine.population_training import Outcome
from sonmat.engine.resumable import Snapshot
from sonmat.errors import NonFiniteLossError


class _Last(Listener):
    """Keeps the state that training would go on from."""

    def __init__(self) -> None:
        self.state: Any = None

    def on_begin(self, training: Any) -> None:
        self._training = training

    def on_epoch(self, epoch: int, logs: dict[str, float], seconds: float) -> None:
        self.state = tuple([np.asarray(leaf) for leaf in group] for group in self._training.state)


def train_alone(
    blueprints: Blueprints,
    member: MemberSettings,
    state: HostState,
    epochs: tuple[int, int],
    shuffle: bool,
    due: Callable[[int], bool],
) -> tuple[Outcome, float]:
    """Train one member for some epochs.

    Args:
        state: What it goes on from.
        epochs: The first, and the one to stop at.
        due: Whether an epoch is validated.

    Returns:
        What came of it, and the seconds that compiling took.
    """
    begin, end = epochs
    model = blueprints.model(member)
    examples, held = blueprints.examples, blueprints.held
    last = _Last()
    companion, sizes = member.companion, member.phases
    lengths = [*(start for start, _ in sizes[1:]), max(member.epochs, sizes[-1][0] + 1)]
    pairs = [(until - start, rows) for (start, rows), until in zip(sizes, lengths, strict=True)]
    snapshot = Snapshot(
        begin, False, tuple([np.asarray(leaf) for leaf in group] for group in as_device(state)), {}, [], [None]
    )
    failed = None
    columns: dict[str, list[float]] = {}
    try:
        history = fit(
            model,
            examples,
            validation_data=held,
            validation_freq=[epoch + 1 for epoch in range(begin, end) if due(epoch)] or [0],
            batch_size=pairs if len(sizes) > 1 else sizes[0][1],
            epochs=end,
            initial_epoch=begin,
            shuffle=shuffle,
            seed=member.seed,
            augment=companion.augment,
            label_smoothing=companion.smoothing,
            average=companion.average,
            verbose=0,
            listeners=[last],
            resume=snapshot,
        )
        compiling = history.compile_seconds
    except NonFiniteLossError as error:
        failed, compiling, history = error.epoch, 0.0, model.history
    columns = {name: list(column) for name, column in history.history.items()}
    return Outcome(last.state or state, columns, failed), compiling
