"""Batches whose gradients are taken in parts: the same as whole ones, and only where that is so."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import sonmat as sm
from sonmat.engine import lane_step, parts
from sonmat.engine.parts import part_rows
from sonmat.engine.population_program import MAPPED, VMAPPED
from sonmat.models.seeding import private_randomness

L = keras.layers
CROSS_ENTROPY = "sparse_categorical_crossentropy"


def network(
    *between: keras.Layer, loss: object = CROSS_ENTROPY, penalty: float = 0.0, metrics: tuple[str, ...] = ("accuracy",)
) -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            L.Conv2D(8, 3, activation="relu", kernel_regularizer=keras.regularizers.L2(penalty) if penalty else None),
            L.MaxPooling2D(2),
            *between,
            L.Conv2D(16, 3, activation="relu"),
            L.MaxPooling2D(2),
            L.Flatten(),
            L.Dense(10, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), loss, metrics=list(metrics))
    return model


def rows(count: int = 150) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    y = (np.arange(count) % 10).astype(np.uint8)
    x = random.random((count, 28, 28, 1)).astype(np.float32) * 0.3
    for image, label in zip(x, y, strict=True):
        image[2 * label : 2 * label + 6, 4:24] += 1
    return x, y


def test_parts_are_equal_and_fit_into_the_cache() -> None:
    model = network()
    widest = 4 * 11 * 11 * 9 * 8  # the second convolution's rows, in bytes
    for size in (128, 96, 512, 100, 64):
        found = part_rows(model, size)
        assert size % found == 0
        assert 16 <= found < size
        assert found * widest <= parts._CACHE


@pytest.mark.parametrize(
    "model",
    [
        lambda: network(L.BatchNormalization()),
        lambda: network(L.Dropout(0.5)),
        lambda: network(loss=lambda y, p: keras.ops.max(keras.losses.sparse_categorical_crossentropy(y, p))),
        lambda: network(loss=keras.losses.SparseCategoricalCrossentropy(reduction="sum")),
        lambda: network(L.Lambda(lambda x: x - keras.ops.mean(x, axis=0))),
        lambda: network(L.ActivityRegularization(l2=0.1)),
        lambda: sm.build("notes-mlp"),
    ],
    ids=["batch norm", "dropout", "own loss", "sum", "lambda", "activity", "dense"],
)
def test_what_depends_on_the_batch_stays_whole(model) -> None:
    assert part_rows(model(), 128) == 128


def test_no_part_of_a_few_rows() -> None:
    assert part_rows(network(), 127) == 127  # a prime
    assert part_rows(network(), 20) == 20


SETTINGS = [{"penalty": 0.0, "seed": 1}, {"penalty": 0.01, "label_smoothing": 0.2}, {"penalty": 0.02, "seed": 1}]


def members(mode: str, **options: Any) -> tuple[sm.Population, set[int]]:
    """A population of one mode, and the numbers of parts that its programs took batches in."""
    taken: set[int] = set()
    was = lane_step._in_parts

    def counted(some: Any, count: int, *rest: Any) -> Any:
        taken.add(count)
        return was(some, count, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sonmat.engine.many_training.chosen_mode", lambda *_: mode)
        patch.setattr(lane_step, "_in_parts", counted)
        given = {"epochs": 2, "validation_data": rows(70)} | options
        return sm.fit_many(network, SETTINGS, rows(), batch_size=64, **given), taken


@pytest.fixture(scope="module")
def plain() -> tuple[sm.Population, set[int]]:
    return members(MAPPED)


def check_each_alone(found: sm.Population, **options: Any) -> None:
    assert [one["mode"] for one in found.plan] == [MAPPED] * len(found.plan)
    x, y = rows()
    for member, setting in zip(found, SETTINGS, strict=True):
        with private_randomness(setting.get("seed", 0)):
            model = network(penalty=setting["penalty"])
        history = sm.fit(
            model, x, y, validation_data=rows(70), batch_size=64, seed=setting.get("seed", 0), verbose=0,
            label_smoothing=setting.get("label_smoothing", 0.0), **options,
        )  # fmt: skip
        for name, column in history.history.items():
            np.testing.assert_allclose(member.columns[name], column, rtol=1e-4, atol=2e-5, err_msg=name)
        for a, b in zip(member.model().get_weights(), model.get_weights(), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-5)


def test_members_in_parts_equal_each_alone(plain: tuple[sm.Population, set[int]]) -> None:
    """64 rows are two parts, and the last 22 of 150 a batch of their own."""
    found, taken = plain
    assert taken == {64 // part_rows(network(), 64)}  # otherwise whole batches would be compared
    check_each_alone(found, epochs=2)


def test_members_in_parts_weigh_their_classes() -> None:
    weights = {0: 3.0, 4: 0.5}
    check_each_alone(members(MAPPED, epochs=1, class_weight=weights)[0], epochs=1, class_weight=weights)


def test_members_in_parts_are_the_same_to_the_bit_each_time(plain: tuple[sm.Population, set[int]]) -> None:
    for a, b in zip(plain[0], members(MAPPED)[0], strict=True):
        assert a.columns == b.columns
        assert all(
            x.tobytes() == y.tobytes() for x, y in zip(a.model().get_weights(), b.model().get_weights(), strict=True)
        )


def test_members_side_by_side_are_not_taken_in_parts() -> None:
    assert not members(VMAPPED, epochs=1, validation_data=None)[1]
