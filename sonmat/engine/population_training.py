"""A chunk of a population trained, epoch by epoch, as Keras's `fit` would train each member."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sonmat.engine.blueprint import Blueprint, HostState
from sonmat.engine.companion import Companion
from sonmat.engine.lanes import Chunk
from sonmat.engine.member_settings import MemberSettings
from sonmat.engine.population_program import Devices, PopulationProgram, Shuffling
from sonmat.engine.program import State

SEGMENT_SECONDS = 0.5
"""How long a segment of a chunk runs: Ctrl-C is that late at most."""

_FIRST_STEPS = 8


@dataclass
class Outcome:
    """What came of a member in one run of its chunk.

    Attributes:
        state: Its state after the last epoch, on the host; weights are those that training goes on from.
        columns: Name in Keras's History → a value for each epoch that was trained now.
        failed: The epoch, counted from 0, in which its loss was no longer finite; the state is from before it.
        lane: The device that it ran on.
    """

    state: HostState
    columns: dict[str, list[float]] = field(default_factory=dict)
    failed: int | None = None
    lane: int = 0


@dataclass
class ChunkTraining:
    """One chunk of one group.

    Attributes:
        chunk: Which members, by their place in the group.
        settings, blueprints: Of the whole group, in its order.
        program: The group's.
        shuffling: The group's rows.
        held: The validation rows, on every device, or None.
        shuffle: Whether each epoch has an order of its own.
        due: Whether an epoch is validated.
        told: Called after each epoch with the epochs done and the logs of all members.
    """

    chunk: Chunk
    settings: Sequence[MemberSettings]
    blueprints: Sequence[Blueprint]
    program: PopulationProgram
    devices: Devices
    shuffling: Shuffling
    held: Any
    shuffle: bool
    due: Callable[[int], bool]
    told: Callable[[int, dict[str, np.ndarray]], None] = lambda done, logs: None
    compile_seconds: float = 0.0
    seconds: float = 0.0

    def run(self, states: dict[int, HostState], begin: int, end: int) -> dict[int, Outcome]:
        """Train epochs `begin` up to `end` (not included).

        Args:
            states: Each member's, by its place in the group.

        Returns:
            By the members' places.
        """
        places = self.chunk.padded()
        self._members = [self.settings[place] for place in places]
        self._companion: Companion = self._members[0].companion
        numbers = self.program.numbers(places)
        state: State = self.devices.apart(_stacked([states[place] for place in places]))
        seeds = [self.settings[lane[0]].seed for lane in self.chunk.lanes] if self.shuffle else None
        fresh = self._fresh(len(places))
        with ThreadPoolExecutor(1) as beside:  # the shuffle, where it is not compiled yet, takes a quarter of a second
            shuffled = beside.submit(self.shuffling.rows, seeds, begin)
            self.compile_seconds = self.program.prepare(
                numbers, state, self.shuffling.shapes, self.held, (state[0], state[1], fresh)
            )
            data = shuffled.result()
        at = time.perf_counter()
        outcomes = {place: Outcome(states[place], lane=self._lane(place)) for place in self.chunk.members}
        alive = np.ones(len(places), bool)
        first = {place: i for i, place in reversed(list(enumerate(places)))}
        for epoch in range(begin, end):
            if epoch > begin:
                data = self.shuffling.rows(seeds, epoch)
            before = state
            state = self._reseeded(state, epoch, fresh)
            state, logs = self._train(numbers, state, data, epoch)
            logs, state = self._after(numbers, state, logs, epoch, fresh)
            bad = ~np.isfinite(logs["loss"]) if "loss" in logs else np.zeros(len(places), bool)
            if (bad | ~alive).any():
                state = self._put_back(before, state, bad | ~alive)
            for place, i in first.items():
                if bad[i] and alive[i]:
                    outcomes[place].failed = epoch
                elif alive[i]:
                    for name, values in logs.items():
                        outcomes[place].columns.setdefault(name, []).append(_plain(values[i]))
            alive &= ~bad
            self.told(epoch + 1, {name: values[list(first.values())] for name, values in logs.items()})
        for place, host in zip(first, _unstacked(state, list(first.values())), strict=True):
            outcomes[place].state = host
        self.seconds = time.perf_counter() - at
        return outcomes

    def _lane(self, place: int) -> int:
        return next(i for i, lane in enumerate(self.chunk.lanes) if place in lane)

    def _fresh(self, count: int) -> list[Any]:
        stacked = [np.repeat(leaf[None], count, 0) for leaf in self.blueprints[self.chunk.lanes[0][0]].fresh]
        return [self.devices.apart(leaf) for leaf in stacked]

    def _reseeded(self, state: State, epoch: int, fresh: list[Any]) -> State:
        """The state at the start of an epoch: metrics that have seen nothing, and what the seeds decide."""
        trainable, rest, optimizer, _, *extras = state
        rest = list(rest)
        for number, place in enumerate(self.blueprints[self.chunk.lanes[0][0]].words):
            words = [np.random.SeedSequence([m.seed, epoch, number]).generate_state(1)[0] for m in self._members]
            kind = rest[place].dtype
            rest[place] = self.devices.apart(np.stack([np.array([word, 0], kind) for word in words]))
        if extras:
            began = [self._companion.reseeded([None, None], m.seed, epoch)[0] for m in self._members]
            words_, step = np.stack([np.asarray(one) for one in began]), np.zeros(len(began), np.int32)
            extras = [[self.devices.apart(words_), self.devices.apart(step), *extras[0][2:]]]
        return (trainable, rest, optimizer, list(fresh), *extras)

    def _train(self, numbers: Any, state: State, data: Any, epoch: int) -> tuple[State, dict[str, Any]]:
        phase = max(i for i, (start, _) in enumerate(self._members[0].phases) if start <= epoch)
        rows = self.program.steps[0].rows[phase]
        count = int(jax.tree.leaves(data)[0].shape[1])
        at, whole, total = 0, count // rows, -(-count // rows)
        logs: dict[str, Any] = {}
        while at < total:
            until = at + 1 if at >= whole else min(at + self._segment(phase), whole)
            state, logs = self.program.train(phase, numbers, state, data, at, until)
            at = until
        return state, logs

    def _segment(self, phase: int) -> int:
        seconds = self.program.step_seconds.get(phase)
        return max(1, int(SEGMENT_SECONDS / seconds)) if seconds else _FIRST_STEPS

    def _after(
        self, numbers: Any, state: State, logs: dict[str, Any], epoch: int, fresh: list[Any]
    ) -> tuple[dict[str, np.ndarray], State]:
        """The averages of the weights where they are due, then validation: all logs, and the state."""
        if self._companion.average is not None:
            share = (epoch + 1) / self._members[0].epochs
            averaged = jax.vmap(lambda extras, t, r: self._companion.after_epoch(extras, t, r, share))
            state = (*state[:4], averaged(list(state[4]), list(state[0]), list(state[1])))
        if self.held is not None and self.due(epoch):
            shown = self._shown(state)
            rest, metrics, found = self.program.validate(numbers, (*shown, list(fresh)), self.held)
            kept = rest if self._companion.average is None else state[1]
            state = (state[0], list(kept), state[2], list(metrics), *state[4:])
            logs = logs | {f"val_{name}": value for name, value in found.items()}
        return {name: np.asarray(value) for name, value in jax.device_get(logs).items()}, state

    def _shown(self, state: State) -> tuple[list[Any], list[Any]]:
        if self._companion.average is None or int(np.asarray(state[4][2]).max()) == 0:
            return list(state[0]), list(state[1])
        averages = state[4][3:]
        return list(averages[: len(state[0])]), list(averages[len(state[0]) :])

    def _put_back(self, before: State, after: State, bad: np.ndarray) -> State:
        """The state of members whose loss is not finite is what it was; nobody else's changes."""
        mask = self.devices.apart(bad)

        def chosen(old: Any, new: Any) -> Any:
            return jnp.where(mask.reshape(-1, *[1] * (new.ndim - 1)), old, new)

        return jax.tree.map(chosen, tuple(map(list, before)), tuple(map(list, after)))  # type: ignore[no-any-return]


def _stacked(states: Sequence[HostState]) -> State:
    return tuple([np.stack(leaves) for leaves in zip(*groups, strict=True)] for groups in zip(*states, strict=True))


def _unstacked(state: State, places: Sequence[int]) -> list[HostState]:
    host = [[np.asarray(leaf) for leaf in group] for group in jax.device_get(state)]
    return [tuple([leaf[place].copy() for leaf in group] for group in host) for place in places]


def _plain(value: Any) -> Any:
    array = np.asarray(value)
    return float(array) if array.ndim == 0 else array


def bytes_of(state: HostState) -> int:
    """Memory of one member's state."""
    return sum(leaf.nbytes for group in state for leaf in group)
