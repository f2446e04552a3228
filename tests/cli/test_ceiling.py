"""What the commands say of MNIST's test labels that are known to be wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sonmat.jobs.finished import read_finished
from sonmat.jobs.pictures import draw_mistakes
from sonmat.runs.folder import RunFolder

Command = Callable[..., Any]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, fetched_mnist: Path) -> Path:
    """A quick run on the real MNIST."""
    import sonmat as sm

    out = tmp_path_factory.mktemp("ceiling") / "run"
    # By its path, so that it does not depend on a test's home.
    sm.train(data=fetched_mnist, settings=["epochs=1", "hidden=[8]", "batch_size=500"], out=out)
    return out


def test_evaluate_says_both(trained: Path, sonmat_command: Command) -> None:
    said = sonmat_command("evaluate", trained)
    assert said.status == 0, said.err
    assert "of the 15 labels known to be wrong 10 corrected, 5 left out" in said.out
    told = json.loads(sonmat_command("evaluate", trained, "--json").out)
    assert told["corrected"]["labels"] == 15
    assert told["corrected"]["n"] == 9_995
    assert told["n"] == 10_000
    for part in ("validation", "train"):
        assert "known to be wrong" not in sonmat_command("evaluate", trained, "--part", part).out
        assert "corrected" not in json.loads(sonmat_command("evaluate", trained, "--part", part, "--json").out)


def test_a_finished_run_says_it_again(trained: Path, sonmat_command: Command) -> None:
    said = sonmat_command("resume", trained)
    assert "of the 15 labels known to be wrong" in said.out
    result = json.loads((trained / "result.json").read_text(encoding="utf-8"))
    assert "corrected" not in result["validation"]
    found = read_finished(RunFolder(trained))
    assert found.test.corrected is not None
    assert found.test.as_dict() == result["test"]
    assert "corrected" not in found.test.metrics
    assert found.validation.corrected is None
    assert "Labels known to be wrong" in (trained / "report.html").read_text(encoding="utf-8")


def test_predict_marks_the_row(trained: Path, sonmat_command: Command) -> None:
    assert "label wrong: 9" in sonmat_command("predict", trained, "--pick", 947).out
    assert "label in doubt" in sonmat_command("predict", trained, "--pick", 2130).out
    assert "label" not in sonmat_command("predict", trained, "--pick", 7).out
    found = json.loads(sonmat_command("predict", trained, "--pick", 947, "--pick", 2130, "--pick", 7, "--json").out)
    assert [one.get("label_known_wrong") for one in found] == [{"corrected": "9"}, {"corrected": None}, None]
    assert found[0]["true"] == "8"


def test_the_pictures_of_the_test_rows_can_be_drawn(trained: Path, tmp_path: Path) -> None:
    from sonmat.jobs.evaluate import evaluate_run

    done = evaluate_run(trained)
    drawn = draw_mistakes(RunFolder(trained), done.rows, done.found, tmp_path)
    assert {path.name for path in drawn} == {"confusion.png", "hardest.png"}


def test_the_labels_are_drawn_where_it_says(
    mnist: str, small: Path, tmp_path: Path, sonmat_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = sonmat_command("data", "show", mnist, "--errors")
    assert said.out.splitlines()[-1] == "picture: errors.png"
    assert (tmp_path / "errors.png").is_file()
    none = sonmat_command("data", "show", small, "--errors", "--out", "none.png")
    assert none.status == 1
    assert "is known to be wrong" in none.err
    assert sonmat_command("data", "show", mnist, "--errors", "--augment", "shift=1").status == 2
    assert [path.name for path in tmp_path.iterdir()] == ["errors.png"]
