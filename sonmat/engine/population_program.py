"""The compiled programs of a population's chunk: training, validation and shuffling, a lane on each device.

The traced step of one member is made a function of the numbers in which members differ (`lifted`) and run for all members of
a lane at once, or for one after the other (`mapped`), whichever is faster; the lanes run side by side and share nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import NamedSharding, PartitionSpec

from sonmat.engine.blueprint import Steps
from sonmat.engine.lane_step import LaneSteps, one_testing, one_training
from sonmat.engine.lifted import differing, stacked
from sonmat.engine.program import State, len_of, shuffled_rows

VMAPPED, MAPPED = "vmapped", "mapped"

_LANE = "lane"
_APART, _ALIKE = PartitionSpec(_LANE), PartitionSpec()


class Devices:
    """The devices that lanes run on: the CPU's cores, or all accelerators."""

    def __init__(self, count: int | None = None) -> None:
        devices = jax.local_devices()
        self.count = min(count or len(devices), len(devices))
        self._mesh = jax.make_mesh(
            (self.count,), (_LANE,), axis_types=(jax.sharding.AxisType.Auto,), devices=devices[: self.count]
        )

    @property
    def _options(self) -> dict[str, Any] | None:
        """Where every core has a lane of its own, products that are shared out over all cores cost 7 % (12.7 for 11.8 µs)."""
        single = self.count > 1 and jax.default_backend() == "cpu"
        return {"xla_cpu_multi_thread_eigen": False} if single else None

    def apart(self, tree: Any) -> Any:
        """Arrays whose first axis counts all lanes' members, each lane's on its device."""
        return jax.device_put(tree, NamedSharding(self._mesh, _APART))

    def shapes_apart(self, tree: Any) -> Any:
        """The shapes of arrays of which every lane has one of its own."""
        sharding = NamedSharding(self._mesh, _APART)
        return jax.tree.map(lambda a: jax.ShapeDtypeStruct((self.count, *a.shape), a.dtype, sharding=sharding), tree)

    def alike(self, tree: Any) -> Any:
        """Arrays that every device has whole."""
        return jax.device_put(tree, NamedSharding(self._mesh, _ALIKE))

    def compiled(self, function: Callable[..., Any], apart: Sequence[bool], *arguments: Any) -> Any:
        """A function that runs on every device, compiled for arguments like these.

        Args:
            function: Sees what is on its own device.
            apart: Which arguments are apart.
        """
        return self.lowered(function, apart, *arguments)()

    def lowered(self, function: Callable[..., Any], apart: Sequence[bool], *arguments: Any) -> Callable[[], Any]:
        """The same, traced; what is given compiles it, beside others if need be, since XLA needs no lock of Python's."""
        specs = tuple(_APART if one else _ALIKE for one in apart)
        split = jax.shard_map(function, mesh=self._mesh, in_specs=specs, out_specs=_APART, check_vma=False)
        traced = jax.jit(split).trace(*arguments).lower()
        return lambda: traced.compile(compiler_options=self._options)


@dataclass
class PopulationProgram:
    """What one group of members needs, compiled for lanes of one length.

    Attributes:
        steps: Each member's, all of one structure; the first stands for all.
        devices: Where the lanes run.
        mode: `vmapped` or `mapped`.
        step_seconds: Time of a step of a whole lane, by phase, from the newest segment.
    """

    steps: list[Steps]
    devices: Devices
    mode: str = VMAPPED
    step_seconds: dict[int, float] = field(default_factory=dict)
    _kept: dict[Any, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        first = self.steps[0]
        self._places = {name: differing([one.pieces[name] for one in self.steps]) for name in first.pieces}
        self._lane = LaneSteps.of(first, self._places) if self.mode == VMAPPED else LaneSteps(first, self._places)

    def numbers(self, members: Sequence[int]) -> dict[str, list[Any]]:
        """The numbers that are these members' own, stacked and on their lanes."""
        found = {
            name: stacked([self.steps[member].pieces[name] for member in members], places)
            for name, places in self._places.items()
        }
        return {name: [self.devices.apart(array) for array in arrays] for name, arrays in found.items()}

    def train(
        self, phase: int, numbers: dict[str, list[Any]], state: State, data: Any, start: int, stop: int
    ) -> tuple[State, dict[str, Any]]:
        """Steps `start` up to `stop` for all members; the smaller last step must be asked for alone.

        Args:
            data: Every lane's rows in its own order, (lanes, n, …).

        Returns:
            The new state, and each member's logs, (members,).
        """
        rows = self.steps[0].rows[phase]
        tail = start * rows + rows > leaf_rows(data)
        given = _pieces_of(numbers, f"tail{phase}" if tail else f"train{phase}", phase)
        execute = self._execute(f"{'tail' if tail else 'train'}{phase}", phase, given, state, data)
        begin = time.perf_counter()
        if tail:
            return execute(given, state, data)  # type: ignore[no-any-return]
        result = execute(given, state, data, jnp.int32(start), jnp.int32(stop))
        jax.block_until_ready(result[1])
        self.step_seconds[phase] = (time.perf_counter() - begin) / max(1, stop - start)
        return result  # type: ignore[no-any-return]

    def validate(
        self, numbers: dict[str, list[Any]], state: State, data: Any
    ) -> tuple[list[Any], list[Any], dict[str, Any]]:
        """One pass over the validation rows, the same for all lanes.

        Args:
            state: Trainable, non-trainable and metric variables; the metrics have seen nothing.

        Returns:
            The non-trainable and the metric variables after it, and each member's logs.
        """
        whole, tail = [numbers["test"]], [numbers.get("test_tail", [])]
        if "test" not in self._kept:
            self._kept["test"] = self._lowered_test(numbers, state, data)()
        return self._kept["test"](whole, tail, state, data)  # type: ignore[no-any-return]

    def prepare(self, numbers: dict[str, list[Any]], state: State, data: Any, held: Any, test_state: Any) -> float:
        """Compile everything that a chunk needs and is not compiled yet; the seconds it took."""
        begin = time.perf_counter()
        count = leaf_rows(data)
        wanted = [(f"train{phase}", phase) for phase, rows in enumerate(self.steps[0].rows) if rows <= count]
        wanted += [(f"tail{phase}", phase) for phase in range(len(self.steps[0].rows)) if f"tail{phase}" in numbers]
        lowered = {
            name: self._lowered(name, phase, _pieces_of(numbers, name, phase), state, data)
            for name, phase in wanted
            if name not in self._kept
        }
        if held is not None and "test" not in self._kept:
            lowered["test"] = self._lowered_test(numbers, test_state, held)
        with ThreadPoolExecutor() as pool:
            self._kept.update(zip(lowered, pool.map(lambda compiling: compiling(), lowered.values()), strict=True))
        return time.perf_counter() - begin

    def temporary_bytes(self) -> int:
        """Memory that the compiled programs take beside their arguments, on all devices together."""
        found = 0
        for execute in self._kept.values():
            analysis = execute.memory_analysis()
            if analysis is not None:
                found = max(found, analysis.temp_size_in_bytes + analysis.output_size_in_bytes)
        return found * self.devices.count

    def _execute(self, name: str, phase: int, numbers: list[Any], state: State, data: Any) -> Any:
        if name not in self._kept:
            self._kept[name] = self._lowered(name, phase, numbers, state, data)()
        return self._kept[name]

    def _lowered(self, name: str, phase: int, numbers: list[Any], state: State, data: Any) -> Callable[[], Any]:
        if name.startswith("tail"):
            return self.devices.lowered(partial(self._tail, phase), (True, True, True), numbers, state, data)
        return self.devices.lowered(
            partial(self._segment, phase), (True, True, True, False, False),
            numbers, state, data, jnp.int32(0), jnp.int32(0),
        )  # fmt: skip

    def _lowered_test(self, numbers: dict[str, list[Any]], state: State, data: Any) -> Callable[[], Any]:
        whole, tail = [numbers["test"]], [numbers.get("test_tail", [])]
        return self.devices.lowered(self._validation, (True, True, True, False), whole, tail, state, data)

    def _segment(
        self, phase: int, numbers: list[Any], state: State, data: Any, start: Any, stop: Any
    ) -> tuple[State, dict[str, Any]]:
        rows = self.steps[0].rows[phase]
        data = jax.tree.map(lambda a: a[0], data)

        def batch(i: Any) -> Any:
            return jax.tree.map(lambda a: lax.dynamic_slice_in_dim(a, i * rows, rows), data)

        def loop(one: Callable[..., Any], numbers: list[Any], state: State) -> tuple[State, dict[str, Any]]:
            shapes = jax.eval_shape(one, numbers, state, batch(0))[1]
            empty = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

            def body(carry: Any) -> Any:
                i, state, _ = carry
                return i + 1, *one(numbers, state, batch(i))

            _, state, logs = lax.while_loop(lambda carry: carry[0] < stop, body, (start, state, empty))
            return state, logs

        return self._over_members(loop, numbers, state, phase)

    def _tail(self, phase: int, numbers: list[Any], state: State, data: Any) -> tuple[State, dict[str, Any]]:
        rows = self.steps[0].rows[phase]
        data = jax.tree.map(lambda a: a[0], data)
        batch = jax.tree.map(lambda a: a[len_of(data) // rows * rows :], data)
        return self._over_members(lambda one, n, s: one(n, s, batch), numbers, state, phase, tail=True)

    def _over_members(
        self, run: Callable[..., Any], numbers: list[Any], state: State, phase: int, *, tail: bool = False
    ) -> tuple[State, dict[str, Any]]:
        if self.mode == MAPPED:
            step = one_training(self.steps[0], self._places, phase, tail=tail)
            return lax.map(lambda member: run(step, *member), (numbers, state))  # type: ignore[no-any-return]
        made, logs = run(self._lane.training(phase, tail=tail), numbers, self._lane.lay(state))
        return self._lane.lift(made, state), logs

    def _validation(
        self, numbers: list[Any], tail_numbers: list[Any], state: State, data: Any
    ) -> tuple[list[Any], list[Any], dict[str, Any]]:
        first = self.steps[0]
        rows, count = first.test_rows, len_of(data)
        tail = "test_tail" in first.pieces

        def run(one: Any, last: Any, numbers: list[Any], tail_numbers: list[Any], state: State) -> Any:
            def batch(i: Any) -> Any:
                return jax.tree.map(lambda a: lax.dynamic_slice_in_dim(a, i * rows, rows), data)

            shapes = jax.eval_shape(one, numbers, state, batch(0))[1]
            empty = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
            state, logs = lax.fori_loop(
                0, count // rows, lambda i, carry: one(numbers, carry[0], batch(i)), (state, empty)
            )
            if last is not None:
                state, logs = last(tail_numbers, state, jax.tree.map(lambda a: a[count // rows * rows :], data))
            return state, logs

        if self.mode == MAPPED:
            step = one_testing(first, self._places, "test")
            last = one_testing(first, self._places, "test_tail") if tail else None
            state, logs = lax.map(lambda member: run(step, last, *member), (numbers, tail_numbers, state))
        else:
            step, last = self._lane.testing("test"), self._lane.testing("test_tail") if tail else None
            made, logs = run(step, last, numbers, tail_numbers, self._lane.lay(state))
            state = self._lane.lift(made, state)
        return list(state[1]), list(state[2]), logs


def _pieces_of(numbers: dict[str, list[Any]], name: str, phase: int) -> list[list[Any]]:
    """The numbers of a training step's pieces."""
    return [numbers[name], numbers.get(f"update{phase}", []), numbers.get(f"part{phase}", [])]


class Shuffling:
    """The rows of an epoch in each lane's order, all lanes at once."""

    def __init__(self, devices: Devices, data: Any) -> None:
        self._devices, self._data = devices, data
        self._kept: dict[bool, Any] = {}

    @property
    def shapes(self) -> Any:
        """What `rows` gives, for compiling."""
        return self._devices.shapes_apart(self._data)

    def rows(self, seeds: Sequence[int] | None, number: int) -> Any:
        """The rows of pass `number`, (lanes, n, …), in the order that each lane's seed decides; None keeps their order."""
        lanes = self._devices.count
        words = [[seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF] for seed in seeds or [0] * lanes]
        arguments = self._data, self._devices.apart(np.array(words, np.uint32)), jnp.uint32(number)
        shuffled = seeds is not None
        if shuffled not in self._kept:

            def order(data: Any, words: Any, number: Any) -> Any:
                rows = shuffled_rows(data, words[0], number) if shuffled else data
                return jax.tree.map(lambda a: a[None], rows)

            self._kept[shuffled] = self._devices.compiled(order, (False, True, False), *arguments)
        return self._kept[shuffled](*arguments)


def leaf_rows(data: Any) -> int:
    """Rows of lanes' data, (lanes, n, …)."""
    return int(jax.tree.leaves(data)[0].shape[1])
