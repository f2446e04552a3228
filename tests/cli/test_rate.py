"""`sonmat lr`, as people and machines read it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
SETTINGS = ("--set", "hidden=[16]", "--set", "batch_size=30")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_tells_the_suggestion_the_range_and_how_to_go_on(small: Path, place: Path, sonmat_command: Command) -> None:
    said = sonmat_command("lr", "notes-mlp", "--data", small, *SETTINGS)
    assert said.status == 0, said.err
    for part in (
        "suggestion",
        "range",
        "present rate  0.01",
        "compiling apart",
        "picture: lr.png",
        "--set learning_rate=",
    ):
        assert part in said.out
    assert (place / "lr.png").is_file()


def test_machines_get_all_of_it(small: Path, place: Path, sonmat_command: Command) -> None:
    asked = ("lr", "--data", small, *SETTINGS, "--from", "1e-4", "--to", 1, "--steps", 50, "--seed", 2, "--json")
    first, again = (json.loads(sonmat_command(*asked, "--out", name).out) for name in ("a.png", "b.png"))
    assert first["losses"] == again["losses"]
    assert len(first["rates"]) == first["steps"] == len(first["smoothed"]) == 50
    assert (first["rates"][0], first["rates"][-1]) == (pytest.approx(1e-4), pytest.approx(1))
    assert first["recipe"]["seed"] == 2
    assert first["command"][:3] == ["sonmat", "train", "notes-mlp"]
    assert (place / "a.png").read_bytes() == (place / "b.png").read_bytes()


def test_quiet_draws_and_says_nothing(small: Path, place: Path, sonmat_command: Command) -> None:
    said = sonmat_command("lr", "--data", small, *SETTINGS, "--steps", 30, "--quiet", "--out", "x.png")
    assert (said.status, said.out, said.err) == (0, "", "")
    assert (place / "x.png").is_file()


def test_without_a_suggestion_it_says_why(small: Path, sonmat_command: Command) -> None:
    said = sonmat_command("lr", "--data", small, *SETTINGS, "--from", "1e-9", "--to", "1e-8", "--steps", 30)
    assert said.status == 0
    assert "no suggestion: The loss" in said.out
    assert "learning_rate=" not in said.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--from", 1, "--to", 0.1), "from a low rate to a high one"),
        (("--from", 0), "above 0"),
        (("--from", "nan"), "above 0"),
        (("--from", "x"), "--from"),
        (("--steps", 3), "from 20 to 100,000"),
        (("--seed", -1), "seed"),
        (("--set", "batch_size=0"), "batch_size"),
        (("--data", "nowhere.npz"), "nowhere.npz"),
    ],
    ids=str,
)
def test_wrong_words_are_an_error_and_draw_nothing(
    words: tuple[object, ...], told: str, small: Path, place: Path, sonmat_command: Command
) -> None:
    said = sonmat_command("lr", "--data", small, *words)
    assert said.status in (1, 2)
    assert told in said.err
    assert "Traceback" not in said.err
    assert list(place.iterdir()) == []


def test_korean(small: Path, sonmat_command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONMAT_LANG", "ko")
    said = sonmat_command("lr", "--data", small, *SETTINGS)
    for part in ("제안", "범위", "지금 학습률", "컴파일 별도", "그림: lr.png", "다음: "):
        assert part in said.out
