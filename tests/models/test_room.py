"""Networks that no memory holds are refused before a weight is made."""

from __future__ import annotations

from typing import Any

import pytest

from sonmat.data.memory import free_memory
from sonmat.errors import RecipeError
from sonmat.models.catalog import build
from sonmat.models.room import chain, check_room


def test_what_has_room_is_let_in() -> None:
    check_room(0)
    check_room(free_memory() // 32)
    with pytest.raises(RecipeError, match="parameters"):
        check_room(free_memory())
    with pytest.raises(RecipeError, match=r"10\^300 parameters"):
        check_room(10**300)


def test_the_outputs_of_a_batch_need_room_too() -> None:
    check_room(1000, 10**6)
    with pytest.raises(RecipeError, match="numbers of a batch"):
        check_room(1000, free_memory() // 4)


def test_a_network_of_stages_has_so_many_convolutions_at_most() -> None:
    with pytest.raises(RecipeError, match="200 convolutions in all at most"):
        build("convnet", convolutions=10**10)


def test_a_chain_counts_the_weights_between_layers() -> None:
    model = build("mlp", hidden=[30, 7])
    assert chain([784, 30, 7, 10]) == sum(
        layer.kernel.shape[0] * layer.kernel.shape[1] for layer in model.layers if layer.weights
    )
    assert chain([1, 8, 16], 9) == 9 * 8 + 9 * 8 * 16
    assert chain([]) == chain([5]) == 0


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("mlp", {"hidden": [10**6, 10**6]}),
        ("notes-mlp", {"hidden": [10**15]}),
        ("notes-cnn", {"filters": [10**6, 10**6]}),
        ("notes-cnn", {"hidden": [10**6, 10**6]}),
        ("convnet", {"filters": [10**6, 10**6]}),
        ("layers", {"layers": [{"layer": "dense", "units": 10**6}, {"layer": "dense", "units": 10**6}]}),
        ("layers", {"layers": [{"layer": "conv", "filters": 10**12}]}),
        ("textcnn", {"units": 10**6}),
    ],
)
def test_a_network_that_cannot_be_held_is_refused_before_it_is_built(name: str, settings: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match="there is room for"):
        build(name, **settings)


def test_a_network_has_so_many_layers_at_most() -> None:
    with pytest.raises(RecipeError, match="200 layers; came 5,000"):
        build("layers", layers=[{"layer": "dropout"}] * 5000)
