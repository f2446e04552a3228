"""How predictions are shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sonmat.cli.predicting import show
from sonmat.errors import DataError
from sonmat.jobs.predict import Prediction


def answered(image: np.ndarray) -> Prediction:
    return Prediction("given", "b", np.array([0.25, 0.75]), ("a", "b"), image)


def test_a_sentence_is_no_picture_and_is_refused_before_anything_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DataError, match="draws pictures") as caught:
        show([answered(np.arange(14))], model="intents", files=["given"], many=False, out=tmp_path / "a.png", json=True)
    assert "sonmat explain intents --text" in caught.value.fix
    assert capsys.readouterr().out == ""
    show([answered(np.arange(14))], model="intents", files=["given"], many=False, out=None, json=True)
    assert '"class": "b"' in capsys.readouterr().out


def test_each_picture_has_a_drawing_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = [answered(np.eye(9) * n) for n in (1, 2)]
    show(pictures, model="m", files=["x", "y"], many=False, out=tmp_path / "seen.png", json=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["seen-1.png", "seen-2.png"]
    assert capsys.readouterr().out.count("given: b") == 2
