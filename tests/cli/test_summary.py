"""`sonmat summary`, as people and machines read it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest

NAME = "a\x1b[31m\x9b32m\u202e\U000e0041\x7fb 합성곱"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A stranger's model, with a layer's name that a terminal would obey."""
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((28, 28, 1)), layers.Conv2D(4, 3, name=NAME), layers.Flatten(), layers.Dense(2)], name="net\x9b2J"
    )
    model.save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def controls(text: str) -> list[str]:
    return [c for c in text if not c.isprintable() and c != "\n"]


def test_a_terminal_gets_no_codes_from_a_strangers_names(file: Path, sonmat_command: Callable[..., Any]) -> None:
    said = sonmat_command("summary", file)
    assert "⌊(28 − 3) / 1⌋ + 1 = 26" in said.out
    assert not controls(said.out + said.err)


def test_machines_get_every_name_as_it_is_and_no_codes(file: Path, sonmat_command: Callable[..., Any]) -> None:
    out = sonmat_command("summary", file, "--json").out
    assert not controls(out)
    assert "합성곱" in out
    told = json.loads(out)
    assert told["layers"][0]["name"] == NAME
    assert (told["parameters"], told["multiply_adds"], told["bytes"]) == (
        40 + 5410,
        26 * 26 * 9 * 4 + 2704 * 2,
        4 * (40 + 5410),
    )
