"""Whatever bytes are changed in a valid file, a model or a ModelFileError comes out."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sonmat.errors import ModelFileError
from sonmat.runs.model_files import load_model, read_card, save_model


@pytest.fixture(scope="module", params=[".keras", ".h5"])
def valid(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Path]:
    inputs = keras.Input((4,))
    outputs = keras.layers.BatchNormalization()(keras.layers.Dense(3, "relu")(inputs))
    model = keras.Model(inputs, outputs)
    model.compile("adam", "mse", metrics=["mae"])
    path = tmp_path_factory.mktemp("fuzz") / f"m{request.param}"
    save_model(model, path, classes=["a", "b"])
    return path.read_bytes(), path


@st.composite
def damage(draw: st.DrawFn) -> list[tuple[str, float, bytes]]:
    place = st.one_of(st.floats(0, 1, exclude_max=True), st.floats(0, 0.1), st.floats(0.9, 1, exclude_max=True))
    kind = st.sampled_from(["set", "cut", "insert"])
    content = st.one_of(st.binary(min_size=1, max_size=8), st.sampled_from([b"\xff" * 8, b"\0" * 8, b"}", b'"']))
    return draw(st.lists(st.tuples(kind, place, content), min_size=1, max_size=4))


def damaged(content: bytes, changes: list[tuple[str, float, bytes]]) -> bytes:
    for kind, place, new in changes:
        at = int(place * len(content))
        if kind == "cut":
            content = content[:at]
        else:
            content = content[:at] + new + content[at + (len(new) if kind == "set" else 0) :]
    return content


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(changes=damage())
def test_damaged_files_give_a_model_or_a_model_file_error(
    valid: tuple[bytes, Path], changes: list[tuple[str, float, bytes]]
) -> None:
    content, path = valid
    path.write_bytes(damaged(content, changes))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # settings that cannot be restored
        with contextlib.suppress(ModelFileError):
            assert isinstance(load_model(path), keras.Model)
        with contextlib.suppress(ModelFileError):
            assert isinstance(read_card(path), dict)


@pytest.mark.parametrize("part", np.linspace(0, 0.999, 9).tolist())
def test_truncated_files_are_refused(valid: tuple[bytes, Path], part: float) -> None:
    content, path = valid
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(ModelFileError):
        load_model(path)


@pytest.mark.slow
def test_files_changed_along_their_structure_give_a_model_or_a_model_file_error() -> None:
    script = Path(__file__).with_name("hostile_models.py")
    done = subprocess.run([sys.executable, str(script), "1", "90"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert told["tried"] == 90 == told["refused"] + told["models"]
    assert told["reached and structured"] >= 45
    assert max(told["peak"], told["peak reader"]) < 2**30
