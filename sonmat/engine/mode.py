"""Whether a lane's members run all at once or one after the other: a few steps of each, measured once and remembered."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from sonmat import places
from sonmat.engine.blueprint import HostState
from sonmat.engine.population_program import MAPPED, VMAPPED, PopulationProgram, leaf_rows
from sonmat.errors import StorageError
from sonmat.files import read_json, write_json

if TYPE_CHECKING:
    from sonmat.engine.lanes import Chunk
    from sonmat.engine.many_training import Group, ManyTraining

_STEPS, _ROUNDS, _SECONDS = 8, 3, 0.1
_MOST_KEPT = 1000


def chosen_mode(many: ManyTraining, group: Group, chunk: Chunk) -> str:
    """`vmapped` or `mapped`, as measured for this structure, length of lane and machine; measured before, as it was then.

    Dense networks gain by sharing a batch; convolutions are as a rule better one after the other, since a member's
    activations then stay in the cache.
    """
    key = f"{many.blueprints.steps(many.settings[group.members[0]]).structure} {chunk.length} {_machine()}"
    known = _read()
    if known.get(key) in (VMAPPED, MAPPED):
        return str(known[key])
    steps = [many.blueprints.steps(many.settings[place]) for place in group.members]
    programs = {mode: PopulationProgram(steps, many.devices, mode) for mode in (VMAPPED, MAPPED)}
    given = {mode: _given(many, group, chunk, program, mode == MAPPED) for mode, program in programs.items()}
    with ThreadPoolExecutor() as pool:  # XLA compiles without Python's lock
        if many.shuffle:  # it will be needed, and this leaves no core idle
            pool.submit(many.shuffling().rows, [0] * many.devices.count, 0)
        list(pool.map(lambda mode: programs[mode].prepare(*given[mode]), (MAPPED, VMAPPED)))
    times = {mode: measured(many, group, chunk, program).step for mode, program in programs.items()}
    mode = min(times, key=lambda one: times[one])
    group.programs[chunk.length] = programs[mode]
    kept = dict(list(known.items())[-_MOST_KEPT:]) | {key: mode}
    with contextlib.suppress(StorageError):  # measured again the next time
        write_json(places.cache_folder() / "modes.json", kept)
    return mode


@dataclass(frozen=True)
class Measured:
    """What a few steps of a chunk took.

    Attributes:
        step: Seconds of a step of all its members.
        validation: Seconds of a pass over the validation rows; 0 where there is none.
    """

    step: float
    validation: float


def measured(
    many: ManyTraining, group: Group, chunk: Chunk, program: PopulationProgram, *, validate: bool = False
) -> Measured:
    """Compile what a chunk needs and time a few of its steps, from first states; nothing of it is kept but the program."""
    numbers, state, data, held, tested = _given(many, group, chunk, program, validate)
    program.prepare(numbers, state, data, held, tested)
    most = min(_STEPS, leaf_rows(data) // program.steps[0].rows[0])
    if most < 1:
        return Measured(0.0, 0.0)

    def run(steps: int) -> float:
        return _timed(lambda: program.train(0, numbers, state, data, 0, steps)) / steps

    most = max(1, min(most, int(_SECONDS / run(1))))
    step = min(run(most) for _ in range(_ROUNDS))
    validation = _timed(lambda: program.validate(numbers, tested, held)) if held is not None else 0.0
    return Measured(step, validation)


def _given(
    many: ManyTraining, group: Group, chunk: Chunk, program: PopulationProgram, validate: bool = False
) -> tuple[Any, ...]:
    """What a chunk's program is prepared with, from first states."""
    place_in = {place: i for i, place in enumerate(group.members)}
    padded = chunk.padded()
    numbers = program.numbers([place_in[place] for place in padded])
    state = many.devices.apart(stacked_states([many.blueprints.first(many.settings[place]) for place in padded]))
    data = many.shuffling().rows(None, 0)
    held = many.validation() if validate else None
    fresh = [
        many.devices.apart(np.repeat(leaf[None], len(padded), 0))
        for leaf in many.blueprints.of(many.settings[padded[0]]).fresh
    ]
    tested = (state[0], state[1], fresh)
    return numbers, state, data, held, tested


def _timed(function: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    jax.block_until_ready(function())
    return time.perf_counter() - begin


def stacked_states(states: list[HostState]) -> Any:
    """States of several members, the first axis counting the members."""
    return jax.tree.map(lambda *leaves: np.stack(leaves), *states)


def _machine() -> str:
    return f"{jax.default_backend()} {os.cpu_count()} {jax.__version__}"


def _read() -> dict[str, Any]:
    return read_json(places.cache_folder() / "modes.json") or {}
