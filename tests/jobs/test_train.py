"""`train` and `resume`: what a run leaves, what going on does, and that nothing half-made stays."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sonmat as sm
from sonmat.engine.listener import Listener, Progress
from sonmat.errors import DataError, RecipeError, RunError, SonmatError
from sonmat.jobs.evaluate import evaluate_run
from sonmat.jobs.train import Begun, resume, train
from sonmat.models.recipe import from_toml
from sonmat.runs.folder import RunFolder, list_runs, open_run, remove_run
from sonmat.view.trained import trained_text

QUICK = ("epochs=2", "hidden=[8]", "learning_rate=0.1")


def weights(path: Path) -> list[np.ndarray]:
    return [np.asarray(one) for one in sm.load_model(path / "model.keras").get_weights()]


def same(a: Path, b: Path) -> None:
    for left, right in zip(weights(a), weights(b), strict=True):
        np.testing.assert_array_equal(left, right)

    def history(run: Path) -> list[dict[str, Any]]:
        return [{k: v for k, v in record.items() if k != "seconds"} for record in RunFolder(run).history]

    assert history(a) == history(b)
    for part in ("validation", "test"):
        assert RunFolder(a).result[part] == RunFolder(b).result[part]


class Stop(Listener):
    """Ctrl-C at some epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_progress(self, progress: Progress) -> None:
        if progress.epoch == self.epoch:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def done(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("done") / "run"
    train(data=small, settings=QUICK, out=out)
    return out


def test_a_run_folder_holds_everything(done: Path):
    names = {path.name for path in done.iterdir() if path.name[0] != "."}
    assert names == {
        "recipe.toml", "env.json", "history.jsonl", "checkpoint", "model.keras", "result.json", "test_readings.json",
        "curves.png", "confusion.png", "hardest.png", "diagnosis.json", "report.html",
    }  # fmt: skip
    run = RunFolder(done)
    assert [record["epoch"] for record in run.history] == [0, 1]
    assert run.result["rows"] == {"train": 420, "validation": 180, "test": 200}
    assert [one["by"] for one in run.readings] == ["train"]
    assert run.finished
    assert from_toml((done / "recipe.toml").read_text()) == run.recipe


def test_what_train_returns_is_what_the_folder_says(small: Path, tmp_path: Path):
    told: list[Begun] = []
    found = sm.train(data=small, settings=QUICK, seed=3, out=tmp_path / "run", begun=told.append)
    assert [one.folder for one in told] == [tmp_path / "run"]
    assert (told[0].done, told[0].rows["test"], told[0].recipe.seed) == (0, 200, 3)
    assert found.test.accuracy > 0.5  # ten classes; chance is 0.1
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["test"]["accuracy"] == found.test.accuracy
    assert found.history.history["val_accuracy"][-1] == pytest.approx(found.validation.accuracy)
    assert found.readings == 1
    for kept, now in zip(weights(tmp_path / "run"), found.model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, now)


def test_a_run_may_be_trained_without_a_look_at_the_test_set(done: Path, small: Path, tmp_path: Path, capsys: Any):
    out = tmp_path / "run"
    found = train(data=small, settings=QUICK, out=out, drawn=False, tested=False)
    assert (found.test, found.readings) == (None, 0)
    assert "test" not in found.as_dict()
    same_weights = zip(weights(out), weights(done), strict=True)
    assert all(np.array_equal(here, there) for here, there in same_weights)
    again = resume(out)
    assert (again.again, again.test, again.readings) == (True, None, 0)
    text = trained_text(out, again.as_dict()).plain
    assert "has not been read" in text
    assert evaluate_run(out, part="test").found.accuracy == RunFolder(done).result["test"]["accuracy"]
    assert [one["by"] for one in RunFolder(out).readings] == ["evaluate"]


def test_going_on_ends_in_the_same_weights(done: Path, small: Path, tmp_path: Path):
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(data=small, settings=QUICK, out=out, listeners=[Stop(1)])
    assert len(RunFolder(out).history) == 1
    assert not RunFolder(out).finished
    told: list[Begun] = []
    found = resume(out, begun=told.append)
    assert (told[0].done, found.again, found.readings) == (1, False, 1)
    same(out, done)


@pytest.mark.parametrize(
    "stage", ["save_model", "pictures.draw_curves", "pictures.draw_mistakes", "diagnose_trained", "RunFolder.end"]
)
def test_a_stop_after_the_fit_loses_nothing(
    stage: str, done: Path, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "run"

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"sonmat.jobs.train.{stage}", stop)
        with pytest.raises(KeyboardInterrupt):
            train(data=small, settings=QUICK, out=out)
    assert not RunFolder(out).finished
    assert resume(out).readings == 1
    same(out, done)


def test_a_finished_run_is_read_back(done: Path, monkeypatch: pytest.MonkeyPatch):
    before = {path.name: path.read_bytes() for path in done.iterdir()}
    first = RunFolder(done).result

    def never(*_: object, **__: object) -> None:
        raise AssertionError("a finished run looks at no data")

    monkeypatch.setattr("sonmat.jobs.train.rows_to_train", never)
    writer = "from sonmat.files import replacing; import os\nwith replacing('test_readings.json'): os._exit(9)"
    assert subprocess.run([sys.executable, "-c", writer], cwd=done, check=False).returncode == 9
    assert len(list(done.glob(".test_readings.json.*.part"))) == 1, "what a kill leaves, in the last of a run's files"
    for found in (resume(done), train(RunFolder(done).recipe, out=done)):
        assert found.again
        assert found.readings == 1
        assert found.test.as_dict() == first["test"]
        assert found.validation.as_dict() == first["validation"]
        assert found.history.epoch == [0, 1]
        assert len(found.history.history["loss"]) == 2
    assert {path.name: path.read_bytes() for path in done.iterdir()} == before


def test_more_epochs_count_another_reading(small: Path, tmp_path: Path):
    short, long = tmp_path / "short", tmp_path / "long"
    train(data=small, settings=QUICK, out=short)
    train(data=small, settings=(*QUICK, "epochs=4"), out=long)
    assert resume(short, epochs=4).readings == 2
    assert RunFolder(short).recipe == RunFolder(long).recipe
    same(short, long)
    with pytest.raises(RunError, match="already"):
        resume(short, epochs=1)
    assert RunFolder(short).recipe.train.epochs == 4


def test_a_reading_is_counted_once_where_the_list_was_not_written(done: Path, small: Path, tmp_path: Path):
    out = tmp_path / "run"
    train(data=small, settings=QUICK, out=out)
    (out / "test_readings.json").unlink()  # a kill between the result and the list
    assert len(RunFolder(out).readings) == 1
    assert RunFolder(out).count_reading("evaluate", {"accuracy": 0.5}) == 2
    assert [one["by"] for one in RunFolder(out).readings] == ["train", "evaluate"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"settings": ["foo=1"]}, RecipeError),
        ({"settings": ["learning_rate=fast"]}, RecipeError),
        ({"recipe": "notes-mpl"}, RecipeError),
        ({"recipe": "missing.toml"}, RecipeError),
        ({"recipe": "missing.py:build"}, RecipeError),
        ({"data": "mnits"}, DataError),
        ({"data": "missing.npz"}, DataError),
        ({"settings": ["epochs=0"]}, RecipeError),
        ({"settings": ["split=1.5"]}, RecipeError),
    ],
    ids=str,
)
@pytest.mark.parametrize("named", [True, False])
def test_what_cannot_begin_leaves_nothing(
    arguments: dict[str, Any], error: type[SonmatError], named: bool, small: Path, tmp_path: Path
):
    out = tmp_path / "run" if named else None
    with pytest.raises(error):
        train(**({"data": small, "out": out} | arguments))
    assert not (tmp_path / "run").exists()
    assert list_runs() == []


def test_a_builder_that_fails_leaves_nothing(small: Path, tmp_path: Path):
    file = tmp_path / "mine.py"
    file.write_text("import keras\ndef build(data):\n    return keras.Sequential([keras.layers.Dense(3)])\n")
    with pytest.raises(ValueError):  # Keras says it: three classes for ten, and nothing that flattens the images
        train(f"{file}:build", data=small, settings=["optimizer=sgd", "loss=mse"], out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_builder_and_a_file_of_ones_own(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "mine.py").write_text(
        "import keras\n"
        "def build(data, width=8):\n"
        "    model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(),\n"
        "        keras.layers.Dense(width, 'relu'), keras.layers.Dense(10, 'softmax')])\n"
        "    model.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])\n"
        "    return model\n"
    )
    monkeypatch.chdir(tmp_path)
    found = train("mine.py:build", data=small, settings=["epochs=1", "width=12"], out="run")
    assert found.model.layers[1].units == 12
    (tmp_path / "mine.toml").write_text(f'data = "{small.as_posix()}"\n[model]\nname = "mlp"\n[train]\nepochs = 1\n')
    assert train("mine.toml", settings=["hidden=[9]"], out="other").model.count_params() == 784 * 9 + 9 + 90 + 10


def test_data_is_found_again_from_another_folder(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "own.npz").write_bytes(small.read_bytes())
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(KeyboardInterrupt):
        train(data="own.npz", settings=QUICK, out="run", listeners=[Stop(1)])
    monkeypatch.chdir(tmp_path)
    assert resume("here/run").result["epochs"] == 2


def test_folders_that_are_taken(done: Path, small: Path, tmp_path: Path):
    before = (done / "recipe.toml").read_bytes()
    with pytest.raises(RunError, match="another recipe"):
        train(data=small, settings=("epochs=3",), out=done)
    assert (done / "recipe.toml").read_bytes() == before
    (tmp_path / "letters.txt").write_text("mine")
    with pytest.raises(RunError, match="not a run"):
        train(data=small, settings=QUICK, out=tmp_path)
    with pytest.raises(RunError, match="not a run"):
        train(data=small, settings=QUICK, out=tmp_path / "letters.txt")
    assert (tmp_path / "letters.txt").read_text() == "mine"


def test_a_run_in_use_is_refused_to_others(small: Path, tmp_path: Path):
    out, seen = tmp_path / "run", []

    class Others(Listener):
        def on_epoch(self, epoch: int, logs: dict[str, float], seconds: float) -> None:
            def another() -> None:
                for attempt in (lambda: resume(out, epochs=9), lambda: remove_run(open_run(out))):
                    try:
                        attempt()
                    except RunError as error:
                        seen.append(str(error))

            if epoch == 0:
                thread = threading.Thread(target=another)
                thread.start()
                thread.join()

    train(data=small, settings=QUICK, out=out, listeners=[Others()])
    assert len(seen) == 2
    assert all("Another process" in one for one in seen)
    assert RunFolder(out).recipe.train.epochs == 2
    assert RunFolder(out).finished


@pytest.mark.parametrize(
    ("file", "name"), [("mine.toml", "mine"), ("recipe.toml", ""), ("mlp.toml", ""), ("두 번째.toml", "두 번째")]
)
def test_a_recipe_s_file_gives_the_run_its_name(file: str, name: str, small: Path, tmp_path: Path):
    (tmp_path / file).write_text(
        f'data = {json.dumps(str(small))}\n[model]\nname = "mlp"\nhidden = [8]\n[train]\nepochs = 1\n'
    )
    told: list[Begun] = []
    found = train(tmp_path / file, begun=told.append)
    assert told[0].name == name
    assert found.folder.name.split("-", 2)[2] == (name.replace(" ", "-") or "mlp")
    assert not told[0].recipe.train.tta
