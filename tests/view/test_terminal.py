"""Progress as a log file and as a terminal show it."""

from __future__ import annotations

import io
import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from rich.text import Text

from sonmat.engine.listener import Progress
from sonmat.models.catalog import base_recipe
from sonmat.view.predicted import image_text, prediction_text
from sonmat.view.terminal import following
from sonmat.view.trained import begun_text, trained_text

TRAINING: Any = SimpleNamespace(epochs=10)
LOGS = {"loss": 0.4, "accuracy": 0.87, "val_loss": 0.5, "val_accuracy": 0.85}


def told(terminal: bool) -> str:
    """What a run of two epochs prints."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=110, color_system=None, force_interactive=terminal)
    with following(console) as shown:
        shown.begin(Text("headline"))
        (listener,) = shown.listeners
        listener.on_begin(TRAINING)
        listener.on_compiled(1.25)
        for epoch in range(2):
            listener.on_progress(Progress(epoch, 10, 1050, 2100, {"loss": 0.6, "accuracy": 0.8}, 0.3, 75.0))
            if terminal:
                shown._shown._bar.refresh()  # the clock's own refreshes come when they come
            listener.on_epoch(epoch, LOGS, 0.5)
        listener.on_end({})
    return file.getvalue()


def test_a_log_has_a_line_an_epoch():
    assert told(False).splitlines() == [
        "headline",
        "compiled in 1.25 s",
        "epoch  1/10  loss 0.4000  accuracy 0.8700  val_loss 0.5000  val_accuracy 0.8500  0.50 s",
        "epoch  2/10  loss 0.4000  accuracy 0.8700  val_loss 0.5000  val_accuracy 0.8500  0.50 s",
    ]


def test_a_terminal_has_those_and_a_live_line():
    text = told(True)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    assert "epoch  2/10  loss 0.4000" in plain
    assert re.search(r"epoch 1/10 .*1,050/2,100  1 min 15 s left  loss 0\.6000  accuracy 0\.8000", plain)
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1, "the cursor must come back"


def test_the_cursor_comes_back_after_ctrl_c():
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80)

    def stopped() -> None:
        with following(console) as shown:
            shown.begin(Text("x"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert file.getvalue().count("\x1b[?25h") == 1


def test_nothing_is_shown_where_nobody_looks():
    with following(None) as shown:
        shown.begin(Text("headline"))
        assert shown.listeners == []


def test_metrics_of_any_shape_are_shown():
    file = io.StringIO()
    with following(Console(file=file, width=110)) as shown:
        shown.listeners[0].on_epoch(0, {"loss": np.float32(0.5), "f1": np.array([0.25, 0.75])}, 0.1)  # type: ignore[dict-item]
    assert "loss 0.5000  f1 [0.250 0.750]" in file.getvalue()


def test_the_headline_says_what_and_where(tmp_path):
    rows = {"train": 42000, "validation": 18000, "test": 10000}
    text = begun_text(tmp_path, base_recipe("notes-mlp"), rows, 3).plain
    assert text.splitlines() == [
        "notes-mlp on mnist: 42,000 rows to train on, 18,000 to validate, 10,000 to test",
        f"run: {tmp_path}",
        "going on after epoch 3/10",
    ]


def test_a_recipe_that_has_a_file_is_called_as_it(tmp_path):
    rows = {"train": 42000, "validation": 18000, "test": 10000}
    text = begun_text(tmp_path, base_recipe("notes-mlp"), rows, 0, "mine").plain
    assert text.startswith("mine (notes-mlp) on mnist: 42,000 rows")


@pytest.mark.parametrize(("views", "said"), [(1, False), (5, True)])
def test_numbers_of_several_views_say_so(views: int, said: bool, tmp_path):
    part = {"loss": 0.1, "accuracy": 0.9, "interval": (0.8, 0.95), "n": 100}
    told = {"epochs": 1, "train_seconds": 1.0, "compile_seconds": 1.0, "finished_before": False, "validation": part}
    told |= {"test": part, "test_readings": 1}
    text = trained_text(tmp_path, told, views=views).plain
    assert ("Both with 5 views of each image" in text) == ("val_accuracy while training has one" in text) == said


def test_an_image_is_dense_where_it_is_light():
    image = np.zeros((28, 28), np.uint8)
    image[4:10, 4:10] = 255
    lines = image_text(image).plain.split("\n")
    assert len(lines) == 28
    assert lines[5] == " " * 8 + "@" * 12
    assert lines[0] == ""
    assert len(image_text(np.zeros((56, 56, 3))).plain.split("\n")) == 28


def test_a_prediction_shows_every_probability_or_the_ten_likeliest():
    few = prediction_text("x.png", ("cat", "개"), np.array([0.25, 0.75]), 1).plain.splitlines()
    assert few[0] == "x.png: 개  (right)"
    assert few[1].split()[:2] == ["cat", "25.00%"]
    chances = np.arange(40) / sum(range(40))
    many = prediction_text("x", tuple(map(str, range(40))), chances, 0).plain.splitlines()
    assert many[0] == "x: 39  (wrong: it is 0)"
    assert [line.split()[0] for line in many[1:]] == [str(n) for n in range(39, 29, -1)]
