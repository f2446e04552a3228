"""Whether a lane's members run all at once or one after the other: a few steps of each, measured once and remembered."""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from sonmat import places
from sonmat.engine.blueprint import HostState
from sonmat.engine.population_program import MAPPED, VMAPPED, PopulationProgram
from sonmat.errors import StorageError
from sonmat.files import write_json

if TYPE_CHECKING:
    from sonmat.engine.lanes import Chunk
    from sonmat.engine.many_training import Group, ManyTraining

_STEPS = 4
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
    times = {mode: _seconds(many, group, chunk, mode) for mode in (VMAPPED, MAPPED)}
    mode = min(times, key=lambda one: times[one])
    kept = dict(list(known.items())[-_MOST_KEPT:]) | {key: mode}
    with contextlib.suppress(StorageError):  # measured again the next time
        write_json(places.cache_folder() / "modes.json", kept)
    return mode


def _seconds(many: ManyTraining, group: Group, chunk: Chunk, mode: str) -> float:
    """The time of a step, after one that warms up."""
    steps = [many.blueprints.steps(many.settings[place]) for place in group.members]
    program = PopulationProgram(steps, many.devices, mode)
    place_in = {place: i for i, place in enumerate(group.members)}
    padded = chunk.padded()
    states = [many.blueprints.first(many.settings[place]) for place in padded]
    numbers = program.numbers([place_in[place] for place in padded])
    state = many.devices.apart(stacked_states(states))
    data = many._shuffling().rows(None, 0)
    if jax.tree.leaves(data)[0].shape[1] < steps[0].rows[0]:
        return 0.0
    program.prepare(numbers, state, data, None, None)
    most = min(_STEPS, jax.tree.leaves(data)[0].shape[1] // steps[0].rows[0])
    best = float("inf")
    for _ in range(3):
        begin = time.perf_counter()
        jax.block_until_ready(program.train(0, numbers, state, data, 0, most))
        best = min(best, time.perf_counter() - begin)
    return best


def stacked_states(states: list[HostState]) -> Any:
    """States of several members, the first axis counting the members."""
    return jax.tree.map(lambda *leaves: jnp.stack([jnp.asarray(leaf) for leaf in leaves]), *states)


def _machine() -> str:
    return f"{jax.default_backend()} {os.cpu_count()} {jax.__version__}"


def _read() -> dict[str, Any]:
    try:
        found = json.loads((places.cache_folder() / "modes.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
