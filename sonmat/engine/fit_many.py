"""`fit_many`: a population of settings trained as few compiled programs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sonmat.engine.blueprint import Blueprints
from sonmat.engine.compilation import keep_programs
from sonmat.engine.examples import Examples
from sonmat.engine.fit import due_from, gathered
from sonmat.engine.many_training import ManyTraining
from sonmat.engine.member_settings import sort_settings
from sonmat.engine.population import Member, Population
from sonmat.engine.population_training import Outcome
from sonmat.errors import RecipeError
from sonmat.language import say


def fit_many(
    build: Callable[..., Any],
    settings: Sequence[Mapping[str, Any]],
    data: Any,
    *,
    validation_data: Any = None,
    epochs: int = 10,
    batch_size: int | Sequence[Sequence[int]] = 32,
    learning_rate: float | None = None,
    seed: int = 0,
    shuffle: bool = True,
    class_weight: Mapping[int, float] | None = None,
    validation_freq: int | Sequence[int] = 1,
    augment: Mapping[str, Any] | None = None,
    label_smoothing: float = 0.0,
    average: Mapping[str, Any] | str | None = None,
    progress: Callable[[int, int], None] | None = None,
    resume: Population | None = None,
) -> Population:
    """Train a model for each setting: those that differ in numbers alone together, as one compiled program.

    A member comes out as `fit` alone gives it with its setting, but for rounding: its first weights, dropout, augmentation
    and the order of its rows are those of its seed. Members of one seed share each batch, which makes them cheap; lanes of
    members run side by side on all cores or accelerators. Shapes, batch sizes and epochs set members apart, and so does
    whatever makes Keras's step another one (a momentum of 0 and one of 0.9 do); each such group is a program of its own.

    Args:
        build: `build(**arguments)` returns a compiled Keras model. It is called with the settings that its signature has,
            once for each that differs; with `seed` too, where it has that parameter. Elsewhere Python's, NumPy's and Keras's
            randomness is set by the seed while it runs.
        settings: One dict a member, with arguments of `build` and of the training: `learning_rate` (where the builder does
            not take it, the optimizer's is set), `seed`, `batch_size`, `epochs`, `augment`, `label_smoothing`, `average`.
        data: A `Dataset`, `(x, y)`, `(x, y, sample_weight)` or batches, as `fit` takes them; the same for all.
        validation_data: The same, looked at after each epoch.
        epochs, batch_size, learning_rate, seed, augment, label_smoothing, average: For members that do not say.
        shuffle, class_weight, validation_freq: As `fit` has them.
        progress: Called with the members that are done, and all, whenever a chunk of them is.
        resume: A population to go on with: its members, one for each of `settings`, are trained further up to `epochs`.

    Returns:
        The population; its order is that of `settings`. A member whose loss is no longer finite ends there, says so in
        `failed`, and harms no other.

    Raises:
        RecipeError: A setting that cannot be; nothing has been trained then. It names the member.
        DataError: Inputs, targets or weights cannot be trained on.
    """
    if not settings:
        raise RecipeError(
            say("fit_many was given no settings.", "fit_many에 설정이 주어지지 않았습니다."),
            say(
                'Give one dict a member, such as [{"learning_rate": 0.1}, {"learning_rate": 0.3}].',
                '구성원마다 dict 하나씩 주세요. 예: [{"learning_rate": 0.1}, {"learning_rate": 0.3}].',
            ),
        )
    begin = time.perf_counter()
    defaults = defaults_of(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        augment=augment,
        label_smoothing=label_smoothing,
        average=average,
    )
    many = prepare_many(
        build, settings, data, defaults, validation_data=validation_data, shuffle=shuffle,
        class_weight=class_weight, validation_freq=validation_freq,
    )  # fmt: skip
    done = _done(resume, len(settings))
    outcomes: dict[int, Outcome] = {}
    seconds: dict[int, float] = {}
    trained, finished = 0.0, 0
    for group, chunk in many.chunks():
        states = {place: resume[place].state for place in chunk.members} if resume is not None else None
        found, took = many.train(group, chunk, states, begin=done)
        outcomes |= found
        seconds |= {place: took / len(found) for place in found}
        trained, finished = trained + took, finished + len(found)
        if progress is not None:
            progress(finished, len(settings))
    members = [
        _member(many, place, outcomes[place], seconds[place], done, None if resume is None else resume[place])
        for place in range(len(settings))
    ]
    whole = time.perf_counter() - begin
    return Population(tuple(members), whole - trained, trained, many_plan(many))


def defaults_of(
    *,
    epochs: int = 10,
    batch_size: int | Sequence[Sequence[int]] = 32,
    learning_rate: float | None = None,
    seed: int = 0,
    augment: Mapping[str, Any] | None = None,
    label_smoothing: float = 0.0,
    average: Mapping[str, Any] | str | None = None,
) -> dict[str, Any]:
    """The training's settings where a member has none."""
    return {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "seed": seed,
        "augment": augment,
        "label_smoothing": label_smoothing,
        "average": average,
    }


def prepare_many(
    build: Callable[..., Any],
    settings: Sequence[Mapping[str, Any]],
    data: Any,
    defaults: Mapping[str, Any],
    *,
    validation_data: Any = None,
    shuffle: bool = True,
    class_weight: Mapping[int, float] | None = None,
    validation_freq: int | Sequence[int] = 1,
) -> ManyTraining:
    """Build, trace and group the members without training any; arguments and errors as `fit_many` has them.

    Args:
        defaults: The training's settings for members that do not say.
    """
    keep_programs()
    due = due_from(validation_freq)
    sorted_ = sort_settings(build, settings, defaults)
    examples: Examples = gathered(data).weighted(class_weight)
    held = None if validation_data is None else gathered(validation_data)
    return ManyTraining(sorted_, Blueprints(build, examples, held), shuffle, due)


def many_plan(many: ManyTraining) -> tuple[dict[str, Any], ...]:
    """What was decided for each group."""
    chunks = many.chunks()
    return tuple(
        {
            "members": len(group.members),
            "chunks": sum(1 for one, _ in chunks if one is group),
            "lane": max((chunk.length for one, chunk in chunks if one is group), default=0),
            "lanes": many.devices.count,
            "mode": group.mode,
            "bytes_each": group.bytes_each,
        }
        for group in many.groups
    )


def _done(resume: Population | None, count: int) -> int:
    if resume is None:
        return 0
    if len(resume) != count:
        raise RecipeError(
            say(
                f"resume has {len(resume)} members, settings are {count}.",
                f"resume의 구성원은 {len(resume)}개, 설정은 {count}개입니다.",
            ),
            say(
                "Take the members to go on with: population.take([…]).",
                "이어갈 구성원을 고르세요: population.take([…]).",
            ),
        )
    done = {member.epochs[-1] + 1 if member.epochs else 0 for member in resume if not member.failed}
    if len(done) > 1 or any(member.failed for member in resume):
        raise RecipeError(
            say(
                "Members can only go on together from the same epoch, and failed ones cannot go on.",
                "같은 에포크에 있는 구성원만 함께 이어갈 수 있고, 실패한 구성원은 이어갈 수 없습니다.",
            ),
            say("Take those that can: population.take([…]).", "이어갈 수 있는 것만 고르세요: population.take([…])."),
        )
    return done.pop() if done else 0


def _member(
    many: ManyTraining, place: int, outcome: Outcome, seconds: float, done: int, before: Member | None
) -> Member:
    settings = many.settings[place]
    past = {} if before is None else before.columns
    names = dict.fromkeys([*past, *outcome.columns])
    columns = {name: [*past.get(name, []), *outcome.columns.get(name, [])] for name in names}
    count = max((len(column) for column in outcome.columns.values()), default=0)
    epochs = [*([] if before is None else before.epochs), *range(done, done + count)]
    failed = ""
    if outcome.failed is not None:
        failed = say(
            f"The loss is no longer finite in epoch {outcome.failed + 1}.",
            f"{outcome.failed + 1}번째 에포크에서 손실이 더 이상 유한하지 않습니다.",
        )
    return Member(
        settings=settings.given, seed=settings.seed, columns=columns, epochs=epochs, failed=failed, seconds=seconds,
        lane=outcome.lane, state=outcome.state, _sorted=settings, _blueprints=many.blueprints,
    )  # fmt: skip
