"""What a population will cost, before it is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import keras
import numpy as np
import pytest

import sonmat as sm
from sonmat.engine import forecast as forecast_module
from sonmat.engine import many_training
from sonmat.engine.fit_many import defaults_of, prepare_many
from sonmat.engine.forecast import Forecast, forecast, forecast_of
from sonmat.engine.many_training import ManyTraining
from sonmat.engine.mode import Measured
from sonmat.errors import RecipeError, SonmatError


def rows(count: int = 90) -> tuple[np.ndarray, np.ndarray]:
    """(count, 6) numbers of 3 classes."""
    random = np.random.default_rng(0)
    y = random.integers(0, 3, count)
    return (random.normal(0, 0.7, (count, 6)) + np.eye(3, 6)[y] * 2).astype("float32"), y


DATA, HELD = rows(), rows(30)


def plain(units: int = 4, rate: Any = 0.1) -> keras.Model:
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(units, "relu"), keras.layers.Dense(3, "softmax")])
    model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture(autouse=True, scope="module")
def _place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SONMAT_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A step takes a second and validation ten; the groups that were measured."""
    found: list[Any] = []

    def made_up(many: Any, group: Any, chunk: Any, program: Any, *, validate: bool = False) -> Measured:
        found.append(group)
        return Measured(1.0, 10.0 if validate else 0.0)

    monkeypatch.setattr(forecast_module, "measured", made_up)
    return found


def rates(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"learning_rate": 0.001 * (1 + number), **more} for number in range(count)]


def prepared(settings: Sequence[Mapping[str, Any]], **defaults: Any) -> ManyTraining:
    return prepare_many(plain, settings, DATA, defaults_of(**{"batch_size": 30, **defaults}), validation_data=HELD)


def test_it_is_what_fit_many_then_does() -> None:
    settings = [*rates(3), *rates(2, seed=4), *rates(2, units=5)]
    how: dict[str, Any] = {"validation_data": HELD, "epochs": 1, "batch_size": 30}
    told = sm.forecast(plain, settings, DATA, **how)
    population = sm.fit_many(plain, settings, DATA, **how)
    assert isinstance(told, Forecast)
    assert told.models == len(population) == 7
    assert told.chunks == sum(group["chunks"] for group in population.plan)
    assert told.programs == len(population.plan) == 2
    assert told.seconds > 0
    assert told.prepared > 0
    assert told.bytes > sum(group["bytes_each"] * group["members"] for group in population.plan)


def test_nothing_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("something was trained")

    monkeypatch.setattr(ManyTraining, "train", never)
    monkeypatch.setattr(many_training.ChunkTraining, "run", never)
    many = prepared(rates(3))
    firsts = [many.blueprints.first(member) for member in many.settings]
    copies = [[leaf.copy() for group in state for leaf in group] for state in firsts]
    forecast_of(many)
    for member, state, copy in zip(many.settings, firsts, copies, strict=True):
        for one, other, again in zip(
            [leaf for group in state for leaf in group],
            copy,
            [leaf for group in many.blueprints.first(member) for leaf in group],
            strict=True,
        ):
            np.testing.assert_array_equal(one, other)
            np.testing.assert_array_equal(again, other)


def test_members_bytes_and_chunks_grow_in_step(measured: list[Any]) -> None:
    devices = prepared(rates(1)).devices.count
    whole = 32 * devices  # members of a chunk at most
    one, two, three = (forecast_of(prepared(rates(times * whole))) for times in (1, 2, 3))
    assert (one.models, two.models, three.models) == (whole, 2 * whole, 3 * whole)
    assert (one.chunks, two.chunks, three.chunks) == (1, 2, 3)
    assert one.programs == two.programs == three.programs == 1
    each = prepared(rates(1)).groups[0].bytes_each
    assert two.bytes - one.bytes == three.bytes - two.bytes == 2 * each * whole, "each is kept before and after"
    assert two.seconds == pytest.approx(2 * one.seconds)
    assert three.seconds == pytest.approx(3 * one.seconds)


def test_programs_grow_with_the_structures(measured: list[Any]) -> None:
    for count in (1, 2, 4):
        told = forecast_of(prepared([{"units": 2 + number} for number in range(count)]))
        assert (told.models, told.programs, told.chunks) == (count, count, count)


def test_seconds_are_steps_and_validation_of_each_epoch(measured: list[Any]) -> None:
    told = forecast_of(prepared(rates(2), epochs=7))
    assert told.seconds == pytest.approx(7 * (3 * 1.0 + 10.0)), "90 rows are 3 steps of 30"
    assert forecast_of(prepared(rates(2), epochs=7), 1.5).seconds == pytest.approx(1.5 * 13)
    told = forecast_of(prepared([*rates(2, epochs=2), *rates(2, batch_size=40, epochs=5)]))
    assert told.seconds == pytest.approx(2 * 13 + 5 * 13), "90 rows are 3 steps of 40, the last one smaller"


def test_few_groups_are_measured_and_judge_the_others(measured: list[Any]) -> None:
    many = prepared([{"units": 2 + number, "epochs": 1} for number in range(6)])
    told = forecast_of(many)
    assert len(measured) == 4
    assert told.seconds == pytest.approx(6 * 13)


def test_more_rows_take_more_bytes(measured: list[Any]) -> None:
    each = []
    for count in (90, 900):
        many = prepare_many(plain, rates(2), rows(count), defaults_of(batch_size=30), validation_data=HELD)
        held = sum(leaf.nbytes for leaf in jax.tree.leaves(many.blueprints.examples.arrays))
        each.append((held * many.devices.count, forecast_of(many).bytes))
    (few, less), (many_rows, more) = each
    assert more - less == 3 * (many_rows - few), "as they are, in an order, and in the next order"


def not_a_model(units: int = 4) -> Any:
    return units


def scheduled(units: int = 4) -> keras.Model:
    return plain(units, keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5))


@pytest.mark.parametrize(
    ("build", "settings", "how"),
    [
        (plain, [], {}),
        (plain, [{"learning_rate": 0.1}, {"unit": 3}], {}),
        (plain, [{"epochs": 0}], {}),
        (plain, [{}], {"epochs": 0}),
        (plain, [{"batch_size": 0}], {}),
        (plain, [{"batch_size": 2.5}], {}),
        (plain, [{"learning_rate": -1.0}], {}),
        (plain, [{"seed": -1}], {}),
        (plain, [{"augment": {"shift": 1}}], {}),
        (plain, [{"label_smoothing": 1.5}], {}),
        (plain, [{"average": {"name": "nothing"}}], {}),
        (plain, [{"units": 0}], {}),
        (plain, ["units"], {}),
        (scheduled, [{"learning_rate": 0.1}], {}),
        (not_a_model, [{}], {}),
        (plain, [{}], {"validation_data": (DATA[0][:, :5], DATA[1])}),
        (plain, [{}], {"validation_freq": 0}),
    ],
    ids=lambda value: getattr(value, "__name__", None) or ",".join(map(str, value)) or "none",
)  # fmt: skip
def test_it_refuses_what_fit_many_refuses(build: Callable[..., Any], settings: Any, how: dict[str, Any]) -> None:
    how = {"epochs": 1, "validation_data": HELD, **how}
    with pytest.raises(SonmatError) as theirs:
        sm.fit_many(build, settings, DATA, **how)
    with pytest.raises(SonmatError) as ours:
        forecast(build, settings, DATA, **how)
    assert type(ours.value) is type(theirs.value)
    if settings:
        assert str(ours.value) == str(theirs.value)


def test_no_settings_are_an_error_of_its_own() -> None:
    with pytest.raises(RecipeError, match="no settings") as refused:
        forecast(plain, [], DATA)
    assert "forecast" in refused.value.problem
    assert refused.value.fix
