"""What a population will cost, before it is trained: a few steps of each program are measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax

from sonmat.engine.fit_many import defaults_of, prepare_many
from sonmat.engine.many_training import ALONE, Group, ManyTraining
from sonmat.engine.mode import measured
from sonmat.errors import RecipeError
from sonmat.language import say

_MOST_MEASURED = 4
"""Groups whose steps are timed; what others take is judged by these."""


@dataclass(frozen=True)
class Forecast:
    """What a population will cost.

    Attributes:
        models: Members.
        programs: Programs to compile.
        chunks: Runs of a program.
        seconds: Training and validation, compiling left out.
        prepared: Seconds that building, tracing, compiling and measuring took already.
        bytes: Memory at its highest, on all devices together, beside what the process has anyway.
    """

    models: int
    programs: int
    chunks: int
    seconds: float
    prepared: float
    bytes: int


def forecast(
    build: Callable[..., Any],
    settings: Sequence[Mapping[str, Any]],
    data: Any,
    *,
    validation_data: Any = None,
    **trained: Any,
) -> Forecast:
    """What `fit_many` with these arguments will cost; nothing is trained.

    Args:
        build, settings, data, validation_data: As `fit_many` has them.
        trained: Its other settings, such as `epochs` and `batch_size`.

    Raises:
        SonmatError: What `fit_many` would refuse.
    """
    if not settings:
        raise RecipeError(
            say("forecast was given no settings.", "forecast에 설정이 주어지지 않았습니다."),
            say(
                'Give one dict a member, such as [{"learning_rate": 0.1}, {"learning_rate": 0.3}].',
                '구성원마다 dict 하나씩 주세요. 예: [{"learning_rate": 0.1}, {"learning_rate": 0.3}].',
            ),
        )
    options = {key: trained.pop(key) for key in ("shuffle", "class_weight", "validation_freq") if key in trained}
    many = prepare_many(build, settings, data, defaults_of(**trained), validation_data=validation_data, **options)
    return forecast_of(many)


def forecast_of(many: ManyTraining, epochs: float | None = None) -> Forecast:
    """What training a population that is ready will cost.

    Args:
        epochs: How many a member trains on average; by default all of its own.
    """
    begin = time.perf_counter()
    chunks = many.chunks()
    each: list[tuple[Group, float]] = []
    temporary = 0
    for group in many.groups[:_MOST_MEASURED]:
        own = [chunk for one, chunk in chunks if one is group]
        if group.mode == ALONE or not own:
            continue
        program = many.program(group, own[0])
        took = measured(many, group, own[0], program, validate=True)
        steps = -(-len(many.blueprints.examples) // program.steps[0].rows[0])
        each.append((group, (took.step * steps + took.validation) / len(own[0].members)))
        temporary = max(temporary, program.temporary_bytes())
    seconds = sum(
        len(group.members) * _each(group, each) * (epochs or many.settings[group.members[0]].epochs)
        for group in many.groups
    )
    largest = max((chunk.length * len(chunk.lanes) * group.bytes_each for group, chunk in chunks), default=0)
    kept = sum(group.bytes_each * len(group.members) for group in many.groups)
    return Forecast(
        models=len(many.settings),
        programs=len({(id(group), chunk.length) for group, chunk in chunks}),
        chunks=len(chunks),
        seconds=seconds,
        prepared=many.build_seconds + time.perf_counter() - begin,
        bytes=_rows_bytes(many) + 2 * largest + 2 * kept + temporary,
    )


def _each(group: Group, measured_: Sequence[tuple[Group, float]]) -> float:
    """Seconds of a member's epoch, measured or judged by groups that were."""
    if not measured_:
        return 0.0
    same = [seconds for one, seconds in measured_ if one is group]
    return same[0] if same else sum(seconds for _, seconds in measured_) / len(measured_)


def _rows_bytes(many: ManyTraining) -> int:
    """The rows: once as they are and twice in an order, on each device; the validation rows once."""
    train: int = sum(leaf.nbytes for leaf in jax.tree.leaves(many.blueprints.examples.arrays))
    held = many.blueprints.held
    rest: int = sum(leaf.nbytes for leaf in jax.tree.leaves(held.arrays)) if held is not None else 0
    return int(many.devices.count) * (3 * train + rest)
