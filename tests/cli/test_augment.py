"""`sonmat data show --augment`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sonmat.errors import RecipeError
from sonmat.jobs.augmentation import asked_augmentation
from sonmat.models.augmentation import Augmentation

Command = Callable[..., Any]


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "varied=1.toml"
    path.write_text("[train]\naugment = {rotate = 25, fill = 'edge'}\n")
    return path


@pytest.mark.parametrize(
    ("asked", "expected"),
    [(["shift=2,rotate=10"], {"shift": 2, "rotate": 10}),
     (["shift=2", "rotate=.5"], {"shift": 2, "rotate": 0.5}),
     ([" shift = 2 , fill=edge, flip=true,"], {"shift": 2, "fill": "edge", "flip": True}),
     (["shift=1,rotate=5", "shift=3"], {"shift": 3, "rotate": 5}),
     (["train.augment.cutout=8"], {"cutout": 8}),
     (["notes-mlp"], {}),
     (["notes-mlp", "shear=4"], {"shear": 4})],
)  # fmt: skip
def test_what_was_asked_for_is_understood(asked: list[str], expected: dict[str, Any]) -> None:
    assert asked_augmentation(asked) == Augmentation(**expected)


def test_a_recipes_own_table_is_taken(recipe: Path) -> None:
    assert asked_augmentation([str(recipe)]) == Augmentation(rotate=25, fill="edge")
    assert asked_augmentation([str(recipe), "rotate=3"]) == Augmentation(rotate=3, fill="edge")


@pytest.mark.parametrize(
    ("asked", "said"),
    [("", "KEY=VALUE or a recipe"), ("shift", "KEY=VALUE or a recipe"), ("=2", "KEY=VALUE or a recipe"),
     ("shift=", "KEY=VALUE or a recipe"), ("shift=2,rotate", "KEY=VALUE or a recipe"), ("shift=two", "shift should be"),
     ("shift=nan", "shift should be"), ("shift=inf", "shift should be"), ("shift=-1", "shift should be"),
     ("shift=true", "shift should be"), ("cutout=2.5", "whole number"), ("flip=1", "true or false"),
     ("shift=[2", "not complete"), ("roatte=3", "roatte"), ("no-such-recipe", "no-such-recipe"),
     ("nowhere.toml", "nowhere.toml"), ("shift=2\x00", "shift should be")],
)  # fmt: skip
def test_what_cannot_be_is_refused(asked: str, said: str) -> None:
    with pytest.raises(RecipeError) as refused:
        asked_augmentation([asked])
    assert said in str(refused.value)


def test_a_picture_is_drawn_where_it_says(
    small: Path, tmp_path: Path, sonmat_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = sonmat_command("data", "show", small, "--augment", "shift=2,rotate=10")
    assert said.status == 0, said.err
    assert said.out.splitlines()[-1] == "picture: augment.png"
    same = sonmat_command("data", "show", small, "--augment", "shift=2", "--augment", "rotate=10", "--out", "b.png")
    assert same.out.splitlines()[-1] == "picture: b.png"
    other = sonmat_command("data", "show", small, "--augment", "shift=2,rotate=10", "--seed", 1, "--out", "c.png")
    assert other.status == 0
    first, second, third = (np.asarray(Image.open(name)) for name in ("augment.png", "b.png", "c.png"))
    np.testing.assert_array_equal(first, second)
    assert (first != third).any()


def test_a_recipe_that_varies_nothing_is_told_and_not_drawn(
    small: Path, tmp_path: Path, sonmat_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = sonmat_command("data", "show", small, "--augment", "quick")
    assert said.status == 0, said.err
    assert "quick leaves pictures as they are" in said.out
    assert "tiny, strong, ensemble, fashion, robust." in said.out
    assert "picture:" not in said.out
    assert list(tmp_path.glob("*.png")) == []
    asked = sonmat_command("data", "show", small, "--augment", "quick", "--out", "asked.png")
    assert asked.out.splitlines()[-1] == "picture: asked.png"
    assert "leaves pictures" not in sonmat_command("data", "show", small, "--augment", "strong").out


def test_json_stays_json(small: Path, tmp_path: Path, sonmat_command: Command) -> None:
    said = sonmat_command("data", "show", small, "--augment", "flip=true", "--out", tmp_path / "a.png", "--json")
    assert [part["rows"] for part in json.loads(said.out)] == [600, 200]
    assert (tmp_path / "a.png").is_file()


def test_errors_are_said_and_nothing_is_written(
    small: Path, tmp_path: Path, sonmat_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = np.random.default_rng(0).random((40, 6))
    np.savez("table.npz", x=rows, y=np.arange(40) % 2)
    for arguments, words in (
        ((small, "--augment", "shift=-2"), "train.augment.shift should be a number of pixels from 0 to 10000"),
        (("table.npz", "--augment", "shift=2"), "Only images can be varied"),
        ((small, "--seed", 2), "--seed goes with --augment"),
    ):
        said = sonmat_command("data", "show", *arguments)
        assert said.status in (1, 2)
        assert words in said.err
        assert "Traceback" not in said.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["table.npz"]
