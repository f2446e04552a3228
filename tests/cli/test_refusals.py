"""Settings and data that cannot work are refused before training, with a sentence and no run folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Command = Callable[..., Any]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (["loss=mse"], "compares y with all 10 outputs"),
        (["loss=binary_crossentropy"], "compares y with all 10 outputs"),
        (["loss=mse", "label_smoothing=0.1"], "label_smoothing needs as loss sparse_categorical_crossentropy"),
    ],
)
def test_a_loss_that_does_not_fit_class_numbers(
    small: Path, home: Path, settings: list[str], told: str, sonmat_command: Command
):
    sets = [word for one in settings for word in ("--set", one)]
    for verb in (["train", "convnet"], ["lr", "convnet", "--out", str(home / "lr.png")]):
        said = sonmat_command(*verb, "--data", small, *sets, "--set", "filters=[2]")
        assert said.status == 1
        assert told in said.err
        assert "sparse_categorical_crossentropy" in said.err.split("→")[1]
    assert list((home / "runs").iterdir()) == []


@pytest.mark.parametrize("label", [0, 3])
def test_data_of_one_class(tmp_path: Path, home: Path, label: int, sonmat_command: Command):
    x, y = np.zeros((40, 8, 8), np.uint8), np.full(40, label)
    np.savez(tmp_path / "same.npz", x_train=x, y_train=y, x_test=x[:10], y_test=y[:10])
    for verb in ("train", "lr"):
        said = sonmat_command(verb, "mlp", "--data", tmp_path / "same.npz")
        assert said.status == 1
        assert f"all 28 training rows of same are of class {label}" in said.err
    assert not (home / "runs").exists()
