"""Several networks trained and averaged, and the runs of tuned recipes."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest

import sonmat as sm
from sonmat.engine.answer import Answer
from sonmat.errors import RunError, UnsupportedError
from sonmat.jobs.evaluate import evaluate_run
from sonmat.jobs.export import export_run
from sonmat.jobs.members import MEMBERS, average_of, member
from sonmat.jobs.predict import predict_rows
from sonmat.jobs.rows import rows_of
from sonmat.jobs.train import resume, train
from sonmat.models.catalog import build, build_recipe
from sonmat.models.reading import read_recipe
from sonmat.runs.fit import fit
from sonmat.runs.folder import RunFolder, load_run

pytestmark = pytest.mark.slow

SMALL = ("epochs=2", "filters=[4, 6]", "members=3", "batch_size=200", "elastic=0", "peak=0.05")


@pytest.fixture
def digits(mnist, tmp_path: Path) -> str:
    """1,200 rows of the real MNIST, and 300 to test on."""
    a, b = sm.load(mnist)
    path = tmp_path / "digits.npz"
    parts = {"x_train": a.inputs[:1200], "y_train": a.labels[:1200], "x_test": b.inputs[:300], "y_test": b.labels[:300]}
    np.savez(path, **parts)
    return str(path)


@pytest.mark.slow
def test_members_are_the_recipe_alone_with_their_seeds_and_are_averaged(digits, tmp_path: Path):
    run = tmp_path / "run"
    done = train("ensemble", data=digits, settings=SMALL, seed=4, out=run)
    rows = rows_of(done.recipe)
    outputs = []
    for number in range(3):
        recipe = member(done.recipe, number)
        assert (recipe.seed, recipe.split_seed, recipe.train.members) == (4 + number, 0, None)
        model = build_recipe(recipe, rows[0])
        by_hand = build_recipe(recipe, rows[0])
        # SMALL's and the recipe's, written out: what `train` hands on has to be all of it
        fit(by_hand, rows[0], validation_data=rows[1], epochs=2, batch_size=200, seed=4 + number, label_smoothing=0.05,
            augment={"shift": 2, "rotate": 10, "scale": 0.1, "shear": 8}, average={"name": "EMA", "decay": 0.995},
            verbose=0)  # fmt: skip
        fit(model, rows[0], validation_data=rows[1], run=run / MEMBERS / str(recipe.seed), verbose=0,
            **_settings(recipe))  # fmt: skip
        alone = train("strong", data=digits, settings=[one for one in SMALL if "members" not in one], seed=4 + number,
                      out=tmp_path / f"alone{number}")  # fmt: skip
        for a, b, c in zip(model.get_weights(), alone.model.get_weights(), by_hand.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
            np.testing.assert_array_equal(a, c)
        outputs.append(sm.predict(alone.model, rows[2], tta={"shift": 1}))
    loaded = sm.load_model(run / "model.keras")
    np.testing.assert_allclose(sm.predict(loaded, rows[2], tta={"shift": 1}), np.mean(outputs, 0), rtol=1e-4, atol=1e-6)
    labels = np.asarray(rows[2].labels)
    scores = json.loads((run / MEMBERS / "scores.json").read_text())["test"]
    assert scores["members"] == [float((one.argmax(1) == labels).mean()) for one in outputs]
    assert scores["without"][0] == float((np.mean(outputs[1:], 0).argmax(1) == labels).mean())
    told = json.loads((run / "result.json").read_text())
    assert told["test"]["accuracy"] == pytest.approx(float((np.mean(outputs, 0).argmax(1) == labels).mean()))


def test_the_test_rows_are_read_once_after_all_choices(digits, tmp_path: Path, monkeypatch):
    from sonmat.jobs import members, pictures
    from sonmat.jobs import train as job

    order = []

    def watched(module, name, part_of):
        own = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given, **more: (order.append(part_of(given)), own(*given, **more))[1])

    watched(members, "predict", lambda given: given[1].part)
    watched(job, "evaluate", lambda given: given[1].part)
    watched(pictures, "draw_mistakes", lambda given: "pictures")
    watched(job, "diagnose_trained", lambda given: "diagnosis")
    found = train("ensemble", data=digits, settings=SMALL, out=tmp_path / "run")
    assert order == ["validation", "pictures", "diagnosis", "test"]
    readings = RunFolder(tmp_path / "run").readings
    assert [(one["by"], one["members"], one["n"]) for one in readings] == [("train", 3, 300)]
    assert found.readings == 1
    scores = json.loads((tmp_path / "run" / MEMBERS / "scores.json").read_text())
    again = evaluate_run(tmp_path / "run", part="validation").found
    assert found.validation.metrics == pytest.approx(again.metrics, rel=1e-4)
    assert [len(scores[part][kind]) for part in ("validation", "test") for kind in ("members", "without")] == [3] * 4


def _settings(recipe):
    from sonmat.jobs.members import fit_settings

    return {key: value for key, value in fit_settings(recipe).items() if key != "verbose"}


@pytest.mark.slow
def test_an_interrupted_ensemble_goes_on_to_the_same_bits(digits, tmp_path: Path):
    class Stop(sm.Listener):
        seen = 0

        def on_epoch(self, epoch, logs, seconds):
            Stop.seen += 1
            if Stop.seen == 3:  # in the middle of the second member
                raise KeyboardInterrupt

    whole = train("ensemble", data=digits, settings=SMALL, out=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train("ensemble", data=digits, settings=SMALL, out=tmp_path / "cut", listeners=[Stop()])
    again = resume(tmp_path / "cut")
    for a, b in zip(whole.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    drop = [{k: v for k, v in line.items() if k != "seconds"} for line in RunFolder(tmp_path / "cut").history]
    assert drop == [{k: v for k, v in line.items() if k != "seconds"} for line in RunFolder(tmp_path / "whole").history]


def test_an_average_is_flat_and_keeps_the_networks_outputs():
    models = [build("convnet", filters=[3], seed=seed) for seed in (0, 1)]
    mean = average_of(models)
    assert not any(isinstance(layer, keras.Model) for layer in mean.layers)
    x = np.random.default_rng(0).random((4, 28, 28)).astype(np.float32)
    expected = np.mean([model.predict(x, verbose=0) for model in models], 0)
    np.testing.assert_allclose(mean.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-7)


@pytest.fixture
def run(digits, tmp_path: Path) -> Path:
    settings = [one for one in SMALL if "members" not in one]
    train("strong", data=digits, settings=settings, out=tmp_path / "strong")
    return tmp_path / "strong"


def test_evaluate_and_predict_look_as_often_as_train_did(run):
    told = json.loads((run / "result.json").read_text())["test"]
    assert evaluate_run(run).found.metrics["loss"] == pytest.approx(told["loss"], rel=1e-5)
    assert evaluate_run(run, tta=False).found.metrics["loss"] != pytest.approx(told["loss"], rel=1e-5)
    probabilities = predict_rows(run, [3])[0].probabilities
    rows = rows_of(RunFolder(run).recipe)[2].take(np.array([3]))
    model = sm.load_model(run / "model.keras")
    answer = Answer.from_card(load_run(run).answer)
    expected = answer.calibrated(sm.predict(model, rows, tta={"shift": 1}))[0]
    np.testing.assert_allclose(probabilities, expected, rtol=1e-4, atol=1e-6)


def test_a_run_planned_for_its_length_is_not_made_longer(run):
    before = {path: path.read_bytes() for path in run.iterdir() if path.is_file()}
    with pytest.raises(RunError, match=r"learning_rate.*\n?.*epochs=9"):
        resume(run, epochs=9)
    assert before == {path: path.read_bytes() for path in run.iterdir() if path.is_file()}


def test_a_script_that_would_train_another_network_is_not_written(run, tmp_path: Path):
    with pytest.raises(UnsupportedError, match=r"train\.augment.*train\.learning_rate"):
        export_run(run, tmp_path / "run.py")
    assert not (tmp_path / "run.py").exists()
    export_run(run, tmp_path / "model.keras")


def test_a_split_of_its_own_is_shared_by_all_seeds(digits):
    parts = [rows_of(read_recipe("strong", [f"data={digits}", f"seed={seed}"])) for seed in (0, 7)]
    np.testing.assert_array_equal(parts[0][1].inputs, parts[1][1].inputs)
    other = rows_of(read_recipe("strong", [f"data={digits}", "split_seed=7"]))
    assert not np.array_equal(parts[0][1].inputs, other[1].inputs)
