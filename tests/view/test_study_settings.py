"""Hyperparameters as axes."""

from __future__ import annotations

import numpy as np
import pytest

from sonmat.search.space import Choice, Range, Space
from sonmat.view.study_settings import SettingAxis, setting_axes, short_names, value_name


def axis(values: list[object], space: Space | None = None) -> SettingAxis:
    (found,) = setting_axes([{"a.b": value} for value in values], space)
    return found


def test_a_space_says_what_an_axis_is() -> None:
    log = axis([0.01, 0.1], Space({"a.b": Range(1e-3, 1.0, log=True)}))
    assert (log.scale.kind, log.choices) == ("log", ())
    assert (log.low, log.high) == pytest.approx((-3, 0))
    assert log.places.tolist() == pytest.approx([-2, -1])
    even = axis([8, 64], Space({"a.b": Range(8, 512, whole=True)}))
    assert (even.scale.kind, even.low, even.high, even.whole) == ("linear", 8, 512, True)
    choice = axis([50, 20, 50], Space({"a.b": Choice((100, 20, 50))}))
    assert choice.choices == ("20", "50", "100")  # numbers in their order, tried or not
    assert choice.places.tolist() == [1, 0, 1]
    named = axis(["sgd", "adam"], Space({"a.b": Choice(("sgd", "adam"))}))
    assert named.choices == ("sgd", "adam")  # names in that of the space


def test_without_a_space_it_is_guessed() -> None:
    random = np.random.default_rng(0)
    assert axis([float(v) for v in 10 ** random.uniform(-4, 0, 50)]).scale.kind == "log"
    assert axis([float(v) for v in random.uniform(0.001, 1, 50)]).scale.kind == "linear"
    assert axis([20, 50, 100]).choices == ("20", "50", "100")
    assert axis([0.1, 0.01] * 5).choices == ("0.01", "0.1")
    assert axis([[64], [20, 20], [8]]).choices == ("8", "20-20", "64")
    assert axis(["b", "a", "b"]).choices == ("a", "b")
    assert axis([True, False]).choices == ("false", "true")


def test_what_was_not_varied_is_no_axis() -> None:
    given = [{"a": 1, "b": 2, "c": [1]}, {"a": 1, "b": 3, "c": [1]}]
    assert [one.name for one in setting_axes(given)] == ["b"]
    assert setting_axes([]) == []


def test_a_setting_that_a_trial_lacks_has_no_place() -> None:
    (found,) = setting_axes([{"a": 0.5}, {}, {"a": 0.7}])
    assert np.isnan(found.places).tolist() == [False, True, False]
    cells, _ = found.cells()
    assert cells[1] == -1


def test_cells_cover_a_range_from_end_to_end() -> None:
    found = axis([float(v) for v in np.geomspace(1e-4, 1, 33)])
    cells, names = found.cells()
    assert cells[0] == 0
    assert cells[-1] == len(names) - 1 == 7
    assert np.all(np.diff(cells) >= 0)
    assert names[0] == "1.8e-4"
    few, named = axis([8, 9, 10, 11], Space({"a.b": Range(8, 11, whole=True)})).cells()
    assert few.tolist() == [0, 1, 2, 3]
    assert len(named) == 4


def test_names_are_short_where_they_can_be() -> None:
    found = short_names(["train.learning_rate", "model.units", "other.units"])
    assert found == {
        "train.learning_rate": "learning_rate", "model.units": "model.units", "other.units": "other.units",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.123456, "0.123"), (20, "20"), ([20, 20], "20-20"), ([], "[]"), (True, "true"), ("sgd", "sgd")],
)
def test_values_in_words(value: object, text: str) -> None:
    assert value_name(value) == text
