"""The settings of augmentation: what is taken, what is refused and how."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from sonmat.errors import RecipeError
from sonmat.models.augmentation import NAMES, Augmentation

ALL = {
    "shift": 2.5,
    "rotate": 10.0,
    "scale": 0.1,
    "stretch": 0.2,
    "shear": 5.0,
    "elastic": 1.5,
    "smoothness": 6.0,
    "cutout": 8,
    "thickness": 1.0,
    "blur": 1.5,
    "contrast": 0.5,
    "noise": 0.1,
    "flip": True,
    "fill": "edge",
}


def test_nothing_is_nothing() -> None:
    nothing = Augmentation.of({})
    assert not nothing
    assert not nothing.warps
    assert nothing.table == {}
    assert not Augmentation(smoothness=9.0, fill="edge")  # how, without what


def test_a_table_comes_back_as_it_went_in() -> None:
    assert set(ALL) == set(NAMES)
    settings = Augmentation.of(ALL)
    assert settings.table == ALL
    assert Augmentation.of(settings.table) == settings
    assert Augmentation.of(settings) is settings
    assert Augmentation(shift=2).table == {"shift": 2}


@pytest.mark.parametrize(
    "name",
    [
        "shift",
        "rotate",
        "scale",
        "stretch",
        "shear",
        "elastic",
        "cutout",
        "thickness",
        "blur",
        "contrast",
        "noise",
        "flip",
    ],
)
def test_each_alone_is_something(name: str) -> None:
    assert Augmentation.of({name: ALL[name]})


@pytest.mark.parametrize(
    ("settings", "warps"),
    [({"shift": 2}, False), ({"shift": 2.0}, False), ({"shift": 2.5}, True), ({"rotate": 1}, True),
     ({"scale": 0.1}, True), ({"stretch": 0.1}, True), ({"shear": 1}, True), ({"elastic": 1}, True), ({"cutout": 3, "flip": True}, False)],
)  # fmt: skip
def test_only_what_bends_or_moves_by_parts_of_a_pixel_interpolates(settings: dict[str, Any], warps: bool) -> None:
    assert Augmentation.of(settings).warps is warps


@pytest.mark.parametrize("name", ["shift", "rotate", "scale", "stretch", "shear", "elastic", "smoothness", "cutout"])
@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, -1, True, False, "2", "", None, [2], 1e30, 10**400, 1j, np.array([1, 2])]
)
def test_what_is_no_number_of_the_range_is_refused(name: str, value: object) -> None:
    with pytest.raises(RecipeError) as refused:
        Augmentation.of({name: value})
    assert f"train.augment.{name} should be a" in refused.value.problem
    assert f"{name} = " in refused.value.fix


@pytest.mark.parametrize(
    ("name", "least", "most", "beyond"),
    [("shift", 0, 10_000, 10_000.5), ("rotate", 0, 180, 180.5), ("scale", 0, 0.9, 0.91), ("stretch", 0, 0.9, 0.91), ("shear", 0, 80, 80.5),
     ("elastic", 0, 10_000, 10_001), ("smoothness", 1, 10_000, 0.99), ("cutout", 0, 10_000, 10_001)],
)  # fmt: skip
def test_the_ends_of_a_range_are_taken_and_no_more(name: str, least: float, most: float, beyond: float) -> None:
    assert getattr(Augmentation.of({name: least}), name) == least
    assert getattr(Augmentation.of({name: most}), name) == most
    with pytest.raises(RecipeError):
        Augmentation.of({name: beyond})


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"cutout": 8.0}, "whole number"), ({"cutout": 7.5}, "whole number"), ({"flip": 1}, "true or false"),
     ({"flip": "yes"}, "true or false"), ({"fill": "mirror"}, "zero or edge"), ({"fill": 0}, "zero or edge"),
     ({"fill": ["zero"]}, "zero or edge"), ({"smoothness": 1e-9}, "from 1 to 10000")],
)  # fmt: skip
def test_other_kinds_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        Augmentation.of(settings)


def test_the_range_is_said_in_korean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONMAT_LANG", "ko")
    with pytest.raises(RecipeError, match="0부터 180까지의 수"):
        Augmentation(rotate=181)


@pytest.mark.parametrize(("key", "meant"), [("shft", "shift"), ("rotation", "rotate"), ("cut_out", "cutout")])
def test_an_unknown_setting_gets_the_nearest_one(key: str, meant: str) -> None:
    with pytest.raises(RecipeError) as refused:
        Augmentation.of({key: 2})
    assert refused.value.fix == f"Did you mean 'train.augment.{meant}'?"


@pytest.mark.parametrize("key", ["", "zzzzzz", "shift\n", 3, None, ("shift",)])
def test_a_key_that_is_none_is_refused(key: Any) -> None:
    with pytest.raises(RecipeError):
        Augmentation.of({key: 2})


@pytest.mark.parametrize("value", [None, 3, "shift=2", ["shift"], True])
def test_what_is_no_table_is_refused(value: Any) -> None:
    with pytest.raises(RecipeError, match="table of settings"):
        Augmentation.of(value)


def test_numbers_of_numpy_become_plain_ones() -> None:
    table = Augmentation.of({"shift": np.float32(2), "cutout": np.int64(3), "flip": np.bool_(True)}).table
    assert table == {"shift": 2.0, "cutout": 3, "flip": True}
    assert [type(value) for value in table.values()] == [float, int, bool]
