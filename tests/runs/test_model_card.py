from __future__ import annotations

import json
from typing import Any

import pytest

from sonmat.errors import ModelFileError
from sonmat.runs.model_card import card_text, parse_card


def test_a_card_comes_back() -> None:
    told = parse_card(card_text({"scale": 255.0}, ["영", "one"]))
    assert told == {"inputs": {"scale": 255.0}, "classes": ["영", "one"]}


@pytest.mark.parametrize("scale", [0, -1e300, True, "255", None, [1]])
def test_a_scale_that_cannot_be(scale: Any) -> None:
    with pytest.raises(ModelFileError):
        parse_card(json.dumps({"sonmat_card": 1, "inputs": {"scale": scale}}))


def test_names_cannot_steer_a_terminal() -> None:
    names = parse_card(json.dumps({"sonmat_card": 1, "classes": ["\x1b]0;title\x07\x1b[2J0", "x" * 10_000]}))["classes"]
    assert all(name.isprintable() and len(name) <= 200 for name in names)
