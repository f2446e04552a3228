"""A step of all members of a lane at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from sonmat.engine.blueprint import Steps
from sonmat.engine.columns import Columns, ColumnsEvaluator, Each, from_columns, kernels_for_columns, to_columns
from sonmat.engine.lifted import Lifted
from sonmat.engine.program import State

Numbers = list[list[Any]]
Step = Callable[[Numbers, State, Any], tuple[State, dict[str, Any]]]


@dataclass
class LaneSteps:
    """The steps of a group's members as functions of their numbers, their states and a batch.

    Attributes:
        steps: Those of the group's first member.
        places: Which numbers are the members' own, by piece.
        shapes: The shapes of the kernels that lie side by side, as columns of one matrix; see `columns`.
        kernels: Their places among the trainable variables.
    """

    steps: Steps
    places: dict[str, list[int]]
    shapes: frozenset[tuple[int, ...]] = frozenset()
    kernels: frozenset[int] = frozenset()

    @classmethod
    def of(cls, steps: Steps, places: dict[str, list[int]]) -> LaneSteps:
        """For members at once; on a CPU first layers lie side by side where that can be."""
        if jax.default_backend() != "cpu":
            return cls(steps, places)
        traced = steps.pieces["train0"]
        shapes = [jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in traced.closed.in_avals]
        states, rest = shapes[: len(shapes) - steps.batch], shapes[len(shapes) - steps.batch :]
        chosen = kernels_for_columns(traced, states, range(steps.trainable), rest)
        return cls(steps, places, frozenset(states[place].shape for place in chosen), frozenset(chosen))

    def training(self, phase: int, *, tail: bool = False) -> Step:
        """A training step for all members; the states are laid out by `lay`."""
        name, update = f"{'tail' if tail else 'train'}{phase}", f"update{phase}"

        def step(numbers: Numbers, state: State, batch: Any) -> tuple[State, dict[str, Any]]:
            values, members = self._values(state), _members(state)
            if update not in self.steps.pieces:
                made, logs = self._run(name, "train", numbers[0], (values, batch), members)
                return self._kept(made, state), self._each(logs, members)
            half = (*values[:2], [], *values[3:])
            gradients, rest, metrics, logs = self._run(name, "train", numbers[0], (half, batch), members)
            between = (values[0], rest, values[2], metrics, *values[4:])
            made = self._run(update, "update", numbers[1], (between, gradients), members)
            return self._kept(made, state), self._each(logs, members)

        return step

    def testing(self, name: str) -> Step:
        """A validation step for all members; the states are laid out by `lay`."""

        def step(numbers: Numbers, state: State, batch: Any) -> tuple[State, dict[str, Any]]:
            values, members = self._values(state), _members(state)
            made, logs = self._run(name, "test", numbers[0], (values, batch), members)
            return self._kept(made, state), self._each(logs, members)

        return step

    def lay(self, state: State) -> State:
        """A state as the steps have it, from stacked arrays (members, …)."""
        return self._laid(state, lambda leaf: to_columns(leaf) if leaf.shape[1:] in self.shapes else leaf)

    def lift(self, state: State, like: State) -> State:
        """The inverse of `lay`; `like` has the shapes of the stacked arrays."""
        return tuple(
            [
                from_columns(leaf, old.shape[2]) if leaf.shape != old.shape else leaf
                for leaf, old in zip(*pair, strict=True)
            ]
            for pair in zip(state, like, strict=True)
        )

    def _laid(self, state: State, lay: Callable[[Any], Any]) -> State:
        trainable = [lay(leaf) if place in self.kernels else leaf for place, leaf in enumerate(state[0])]
        return (trainable, *([lay(leaf) for leaf in group] for group in state[1:]))

    def _values(self, state: State) -> tuple[list[Any], ...]:
        """A laid state's arrays as values of members."""
        members = _members(state)

        def value(leaf: Any, place: int = -1) -> Any:
            units = leaf.shape[1] // members if leaf.ndim == 2 and leaf.shape[1] % members == 0 else 0
            side = units and (leaf.shape[0], units) in self.shapes
            return Columns(leaf, units, origins=frozenset({place})) if side else Each(leaf)

        trainable = [value(leaf, place) if place in self.kernels else Each(leaf) for place, leaf in enumerate(state[0])]
        return (trainable, *([value(leaf) for leaf in group] for group in state[1:]))

    def _run(self, name: str, kind: str, numbers: Sequence[Any], arguments: Any, members: int) -> Any:
        traced = self.steps.pieces[name]
        given = dict(zip(self.places[name], map(Each, numbers), strict=True))
        evaluator = ColumnsEvaluator(given, members, self.shapes)
        leaves = jax.tree.leaves(arguments)
        made = evaluator.closed(traced.closed.jaxpr, traced.closed.consts, leaves)
        return jax.tree.unflatten(self.steps.trees[kind], made)

    def _kept(self, made: Any, state: State) -> State:
        """What a step made, laid out as the state that it was made of."""
        members = _members(state)

        def kept(value: Any, old: Any) -> Any:
            evaluator = ColumnsEvaluator({}, members, self.shapes)
            if isinstance(value, Columns) and value.array.shape == old.shape and not value.turned:
                return value.array
            each = evaluator.each(value)
            return each if each.shape == old.shape else to_columns(each)

        return tuple(
            [kept(value, old) for value, old in zip(*pair, strict=True)] for pair in zip(made, state, strict=True)
        )

    def _each(self, logs: dict[str, Any], members: int) -> dict[str, Any]:
        evaluator = ColumnsEvaluator({}, members, self.shapes)
        return {name: evaluator.each(value) for name, value in logs.items()}


def one_training(steps: Steps, places: dict[str, list[int]], phase: int, *, tail: bool = False) -> Step:
    """A training step of one member, for members that follow each other."""
    name, update = f"{'tail' if tail else 'train'}{phase}", f"update{phase}"
    whole = Lifted(steps.pieces[name], places[name], steps.trees["train"])
    parts = 1 if tail else steps.parts.get(phase, 1)

    def step(numbers: Numbers, state: State, batch: Any) -> tuple[State, dict[str, Any]]:
        if update not in steps.pieces:
            made, logs = whole(numbers[0], jax.tree.leaves((state, batch)))
            return tuple(map(list, made)), logs
        half = (*state[:2], [], *state[3:])
        if parts > 1:
            some = Lifted(steps.pieces[f"part{phase}"], places[f"part{phase}"], steps.trees["train"])
            gradients, rest, metrics, logs = _in_parts(partial(some, numbers[2]), parts, half, batch)
        else:
            gradients, rest, metrics, logs = whole(numbers[0], jax.tree.leaves((half, batch)))
        between = (state[0], rest, state[2], metrics, *state[4:])
        second = Lifted(steps.pieces[update], places[update], steps.trees["update"])
        made = second(numbers[1], jax.tree.leaves((between, gradients)))
        return tuple(map(list, made)), logs

    return step


def _in_parts(gradients: Callable[[list[Any]], Any], parts: int, half: State, batch: Any) -> Any:
    """What `gradients` gives for a batch, from equal parts of it: the gradients' mean, and metrics that have seen all.

    See `parts.part_rows` for where this is the same.
    """
    apart = jax.tree.map(lambda a: a.reshape(parts, -1, *a.shape[1:]), batch)

    def one(carry: Any, part: Any) -> Any:
        total, metrics = carry
        made, rest, metrics, logs = gradients(jax.tree.leaves(((*half[:3], metrics, *half[4:]), part)))
        return (jax.tree.map(jnp.add, total, made), metrics), (rest, logs)

    (total, metrics), (rest, logs) = lax.scan(one, (jax.tree.map(jnp.zeros_like, half[0]), half[3]), apart)
    last = jax.tree.map(lambda a: a[-1], (rest, logs))
    return jax.tree.map(lambda a: a / parts, total), last[0], metrics, last[1]


def one_testing(steps: Steps, places: dict[str, list[int]], name: str) -> Step:
    """A validation step of one member."""
    whole = Lifted(steps.pieces[name], places[name], steps.trees["test"])

    def step(numbers: Numbers, state: State, batch: Any) -> tuple[State, dict[str, Any]]:
        made, logs = whole(numbers[0], jax.tree.leaves((state, batch)))
        return tuple(map(list, made)), logs

    return step


def _members(state: State) -> int:
    """How many members a laid state is of: a metric's or a bias's first axis counts them."""
    for group in (*state[3:], *state[1:3], state[0]):
        for leaf in group:
            if leaf.ndim == 1 or leaf.ndim > 2:
                return int(leaf.shape[0])
    return int(state[0][-1].shape[0])
