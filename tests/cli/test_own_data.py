"""Data of one's own on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Command = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "letters"
    for n in range(40):
        rng = np.random.default_rng(n)
        pixels = rng.integers(0, 50, (14, 14), dtype=np.uint8)
        pixels[2:12, 3 + 6 * (n % 2) : 6 + 6 * (n % 2)] = 240
        (place / "가나"[n % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / "가나"[n % 2] / f"{n}.png")
    return place


def test_data_show_tells_what_was_found(folder: Path, sonmat_command: Command) -> None:
    said = sonmat_command("data", "show", folder)
    assert said.status == 0, said.err
    for word in ("14 × 14", "가", "나", "All pictures are 14 × 14 pixels", "grey"):
        assert word in said.out
    told = json.loads(sonmat_command("data", "show", folder, "--set", "size=8", "--json").out)
    assert told[0]["shape"] == [8, 8]
    assert told[0]["findings"] == []


def test_data_show_of_sentences(tmp_path: Path, sonmat_command: Command) -> None:
    rows = "\n".join(f"문장 번호 {n};{'좋음' if n % 2 else '나쁨'}" for n in range(20))
    (tmp_path / "t.csv").write_bytes(f"글;감정\n{rows}".encode("cp949"))
    said = sonmat_command("data", "show", tmp_path / "t.csv")
    assert said.status == 0, said.err
    assert "CP949" in said.out
    assert "characters" in said.out


@pytest.mark.slow
def test_training_says_what_was_chosen_and_what_is_wrong(folder: Path, tmp_path: Path, sonmat_command: Command) -> None:
    (folder / "가" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    common = ["train", "notes-mlp", "--data", folder, "--set", "epochs=2", "--out", tmp_path / "run"]
    said = sonmat_command(*common)
    assert said.status == 1
    assert "broken.jpg" in said.err
    assert "--skip-unreadable" in said.err
    said = sonmat_command(*common, "--skip-unreadable")
    assert said.status == 0, said.err
    for word in ("All pictures are 14 × 14", "What could not be read was left out", "few steps"):
        assert word in said.out
    said = sonmat_command("evaluate", tmp_path / "run", "--json")
    assert json.loads(said.out)["n"] == 8
    said = sonmat_command("evaluate", tmp_path / "run", "--data", folder / "가" / ".." / ".." / "letters", "--json")
    assert json.loads(said.out)["test_readings"] == 3


def test_help_names_the_kinds_of_data(sonmat_command: Command) -> None:
    said = sonmat_command("train", "--help")
    assert "folder of pictures" in " ".join(said.out.split())
    assert "--skip-unreadable" in said.out
