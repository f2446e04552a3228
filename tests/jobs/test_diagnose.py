"""`diagnose`: runs of every kind, what is kept of a diagnosis, and that its commands run."""

from __future__ import annotations

import json
import shlex
import shutil
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import sonmat as sm
from sonmat.engine.evidence import Evidence
from sonmat.engine.listener import Listener, Progress
from sonmat.errors import NonFiniteLossError, RunError
from sonmat.jobs import diagnose as jobs
from sonmat.jobs.train import train
from sonmat.runs.folder import RunFolder

SETTINGS = ("epochs=3", "hidden=[12]", "learning_rate=0.1")


class Stop(Listener):
    """Ctrl-C in the third epoch."""

    def on_progress(self, progress: Progress) -> None:
        if progress.epoch == 2:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def done(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("done") / "run"
    train(data=small, settings=SETTINGS, out=out)
    return out


def codes(found: Any) -> set[str]:
    return {one.code for one in found.findings}


def blobs(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    y = random.integers(0, 6, n)
    return (np.eye(6)[y] + random.normal(0, 0.25, (n, 6))).astype(np.float32), y


def network(rate: float = 0.2) -> keras.Model:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(16, activation="relu"), keras.layers.Dense(6, activation="softmax")]
    )
    model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_training_ends_with_a_diagnosis(done: Path, small: Path, tmp_path: Path):
    found = train(data=small, settings=SETTINGS, out=tmp_path / "run")
    assert found.findings
    assert found.as_dict()["findings"] == [one.as_dict() for one in found.findings]
    kept = json.loads((done / "diagnosis.json").read_text())
    assert kept["epochs"] == 3
    evidence = Evidence.from_dict(kept["evidence"])
    assert evidence.validation.accuracy == pytest.approx(found.validation.accuracy)
    assert evidence.settings.learning_rate == 0.1
    again = train(data=small, settings=SETTINGS, out=tmp_path / "run")  # finished: read back
    assert again.again
    assert again.findings == found.findings


def test_the_test_set_is_not_looked_at(done: Path, monkeypatch: pytest.MonkeyPatch):
    before = (done / "test_readings.json").read_bytes()
    train_rows, validation, test = jobs.rows_of(RunFolder(done).recipe)
    empty = replace(test, inputs=np.full_like(test.inputs, 255))
    monkeypatch.setattr(jobs, "rows_of", lambda *_, **__: (train_rows, validation, empty))
    found = sm.diagnose(done)
    assert (found.evidence.train.of, found.evidence.validation.of) == (len(train_rows), len(validation))
    assert (done / "test_readings.json").read_bytes() == before


def test_words_are_made_again_in_the_other_language(done: Path, monkeypatch: pytest.MonkeyPatch):
    english = sm.diagnose(done)
    monkeypatch.setattr(jobs, "examine", lambda *_, **__: pytest.fail("nothing is measured again"))
    monkeypatch.setenv("SONMAT_LANG", "ko")
    korean = jobs.stored_diagnosis(RunFolder(done))
    assert korean is not None
    assert [one.code for one in korean.findings] == [one.code for one in english.findings]
    assert korean.evidence == english.evidence
    assert korean.findings[0].title != english.findings[0].title


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"evidence": {}}', '{"evidence": {"what": 1}, "epochs": 3, "format": 1}']
)
def test_a_broken_file_is_no_diagnosis(done: Path, tmp_path: Path, content: str):
    run = RunFolder(Path(shutil.copytree(done, tmp_path / "run")))
    (run.path / "diagnosis.json").write_text(content)
    assert jobs.stored_diagnosis(run) is None
    assert sm.diagnose(run.path).findings


@pytest.mark.parametrize(
    "changes",
    [
        {"train": {"n": "many", "of": [], "accuracy": "all"}},
        {"validation": {"n": 0, "of": 0, "accuracy": 0.5, "counts": [1], "predicted": [], "confusion": []}},
        {"layers": [{"name": 1, "kind": 2, "parameters": 3, "units": 0, "dead": 9}]},
        {"leak": {"checked": 0, "copies": 5}},
        {"settings": {"learning_rate": 1e400, "epochs": "ten"}},
        {"counts": {"a": 1}},
    ],
)
def test_a_stranger_s_diagnosis_breaks_nothing(done: Path, tmp_path: Path, changes: dict[str, Any]):
    run = RunFolder(Path(shutil.copytree(done, tmp_path / "run")))
    told = json.loads((run.path / "diagnosis.json").read_text())
    told["evidence"] |= changes
    (run.path / "diagnosis.json").write_text(json.dumps(told))
    found = jobs.stored_diagnosis(run)
    assert found is None or all(isinstance(one.title, str) for one in found.findings)


def test_a_diagnosis_that_cannot_be_kept_is_said_all_the_same(done: Path, tmp_path: Path):
    run = Path(shutil.copytree(done, tmp_path / "run"))
    (run / "diagnosis.json").unlink()
    (run / "diagnosis.json").mkdir()
    with pytest.warns(UserWarning, match=r"Could not write .*diagnosis\.json"):
        assert sm.diagnose(run).findings


def test_a_diagnosis_of_fewer_epochs_is_out_of_date(done: Path, tmp_path: Path):
    run = RunFolder(Path(shutil.copytree(done, tmp_path / "run")))
    assert jobs.stored_diagnosis(run) is not None
    with open(run.path / "history.jsonl", "a") as file:
        file.write('{"epoch": 3, "loss": 0.1}\n')
    assert jobs.stored_diagnosis(run) is None


def test_a_run_that_was_interrupted(small: Path, tmp_path: Path):
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(data=small, settings=SETTINGS, out=out, listeners=[Stop()])
    found = sm.diagnose(out)
    assert "unfinished" in codes(found)
    history = RunFolder(out).history
    assert found.evidence.validation.accuracy == pytest.approx(history[-1]["val_accuracy"])  # the checkpoint's weights
    command = next(one.command for one in found.findings if one.code == "unfinished")
    assert command == f"sonmat resume {shlex.quote(str(out))}"


def test_a_run_whose_data_is_gone(small: Path, tmp_path: Path):
    data = shutil.copy(small, tmp_path / "gone.npz")
    found = train(data=data, settings=SETTINGS, out=tmp_path / "run")
    Path(data).unlink()
    again = sm.diagnose(tmp_path / "run")
    assert again.findings == found.findings  # as they were measured when it was there
    (tmp_path / "run" / "diagnosis.json").unlink()
    bare = sm.diagnose(tmp_path / "run")
    assert {"data", "validation"} <= set(bare.evidence.unmeasured)
    assert bare.evidence.layers
    assert "unmeasured" in codes(bare)


def test_a_run_of_a_script(tmp_path: Path):
    x, y = blobs(600, 0)
    x_val, y_val = blobs(300, 1)
    order = np.argsort(y, kind="stable")
    model = network()
    history = sm.fit(
        model,
        x[order],
        y[order],
        validation_data=(x_val, y_val),
        epochs=4,
        verbose=0,
        shuffle=False,
        run=tmp_path / "run",
    )
    bare = sm.diagnose(tmp_path / "run")
    assert set(bare.evidence.unmeasured) == {"model", "data", "validation"}
    assert bare.evidence.settings.shuffle is False
    assert bare.evidence.settings.learning_rate == pytest.approx(0.2)
    assert bare.evidence.settings.optimizer == "SGD"
    full = sm.diagnose(tmp_path / "run", model=model, data=(x[order], y[order]), validation_data=(x_val, y_val))
    assert full.findings[0].code == "sorted_labels"
    assert all(not one.command for one in full.findings)
    from_history = sm.diagnose(history, data=(x[order], y[order]), validation_data=(x_val, y_val))
    assert from_history.evidence.train == full.evidence.train
    assert from_history.run == ""


def test_a_loss_that_is_no_number_is_remembered(tmp_path: Path):
    x, y = blobs(200, 0)
    model = network(1e30)
    with pytest.raises(NonFiniteLossError) as ended:
        sm.fit(model, x, y, epochs=3, verbose=0, run=tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    assert run.failure["epoch"] == ended.value.epoch
    found = sm.diagnose(run.path, model=model, data=(x, y))
    assert found.findings[0].code == "divergence"
    assert f"epoch {ended.value.epoch + 1}" in found.findings[0].evidence


def test_a_failure_is_forgotten_when_the_run_goes_on(tmp_path: Path):
    x, y = blobs(200, 0)
    sm.fit(network(), x, y, epochs=1, verbose=0, run=tmp_path / "run")
    (tmp_path / "run" / "failure.json").write_text('{"epoch": 1, "step": 0}')
    assert "divergence" in codes(sm.diagnose(tmp_path / "run"))
    sm.fit(network(), x, y, epochs=2, verbose=0, run=tmp_path / "run")
    assert RunFolder(tmp_path / "run").failure is None


def test_a_model_file_alone(done: Path, tmp_path: Path):
    alone = Path(shutil.copy(done / "model.keras", tmp_path / "alone.keras"))
    found = sm.diagnose(alone)
    assert found.evidence.layers
    assert {"data", "validation"} <= set(found.evidence.unmeasured)


def test_data_that_has_moved(small: Path, tmp_path: Path):
    train(data=shutil.copy(small, tmp_path / "here.npz"), settings=SETTINGS, out=tmp_path / "run")
    (tmp_path / "here.npz").rename(tmp_path / "there.npz")
    (tmp_path / "run" / "diagnosis.json").unlink()
    found = sm.diagnose(tmp_path / "run", data=tmp_path / "there.npz")
    assert (found.evidence.train.of, found.evidence.validation.of) == (420, 180)


def test_a_model_file_with_data_by_name(done: Path, small: Path, tmp_path: Path):
    alone = shutil.copy(done / "model.keras", tmp_path / "alone.keras")
    found = sm.diagnose(alone, data=str(small))
    assert found.evidence.train.of == 600
    assert found.evidence.train.accuracy > 0.5  # scaled as the card in the file says
    assert "validation" in found.evidence.unmeasured  # never the test rows


def test_no_run(tmp_path: Path):
    with pytest.raises(RunError):
        sm.diagnose(tmp_path / "none")


def test_a_training_is_not_lost_where_it_cannot_be_diagnosed(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object, **__: object) -> None:
        raise TypeError("a layer nobody has seen")

    monkeypatch.setattr(jobs, "examine", broken)
    with pytest.warns(UserWarning, match="could not be diagnosed.*nobody has seen"):
        found = train(data=small, settings=SETTINGS, out=tmp_path / "run")
    assert found.findings == ()
    assert RunFolder(tmp_path / "run").finished


def odd(kind: str) -> tuple[keras.Model, Any, Any]:
    """Models that are no plain classifier, with rows for them."""
    x, y = blobs(120, 0)
    inside = keras.Input((6,))
    hidden = keras.layers.Dense(8, activation="relu")(inside)
    if kind == "regression":
        model, target = keras.Model(inside, keras.layers.Dense(1)(hidden)), x[:, 0]
        model.compile("sgd", "mse")
        return model, x, target
    if kind == "two outputs":
        model = keras.Model(
            inside, [keras.layers.Dense(6, activation="softmax")(hidden), keras.layers.Dense(1)(hidden)]
        )
        model.compile("sgd", ["sparse_categorical_crossentropy", "mse"])
        return model, x, [y, x[:, :1]]
    if kind == "two inputs":
        other = keras.Input((6,))
        model = keras.Model(
            [inside, other], keras.layers.Dense(6, activation="softmax")(keras.layers.Add()([hidden[:, :6], other]))
        )
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model, [x, x], y
    if kind == "one sigmoid":
        model = keras.Model(inside, keras.layers.Dense(1, activation="sigmoid")(hidden))
        model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
        return model, x, (y > 2).astype(np.int64)
    model = keras.Model(inside, keras.layers.Dense(6)(hidden))
    model.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model, x, np.eye(6, dtype=np.float32)[y]


@pytest.mark.parametrize("kind", ["regression", "two outputs", "two inputs", "one sigmoid", "one-hot logits"])
def test_networks_of_every_form(kind: str):
    model, x, y = odd(kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        history = sm.fit(model, x, y, validation_data=(x, y), epochs=2, verbose=0)
        found = sm.diagnose(history, data=(x, y), validation_data=(x, y))
    assert found.findings
    part = found.evidence.train
    if kind != "two outputs":
        assert part.loss == pytest.approx(sm.evaluate(model, x, y).loss, rel=1e-3)
    assert (part.accuracy is None) == (kind in ("regression", "two outputs"))
    assert str(found)


def test_the_command(done: Path, sonmat_command: Callable[..., Any]):
    said = sonmat_command("diagnose", done)
    assert said.status == 0
    assert "looked at 420/420 + 180/180 rows" in said.out
    told = json.loads(sonmat_command("diagnose", done, "--json").out)
    assert {one["code"] for one in told["findings"]} == codes(sm.diagnose(done))
    assert set(told["findings"][0]) == {"code", "severity", "title", "evidence", "advice", "command"}
    assert told["evidence"]["train"]["n"] == 420
    assert sonmat_command("diagnose", "nothing-here").status == 1


@pytest.mark.slow
def test_every_command_that_is_advised_runs(done: Path, sonmat_command: Callable[..., Any]):
    found = sm.diagnose(done)
    tests = _every_command(done, found.evidence)
    assert {words[0] for words in tests} == {"train", "resume", "evaluate", "plot", "data", "summary"}
    for words in tests:
        said = sonmat_command(*words, *_away(words, done))
        assert said.status == 0, (words, said.err)


TUNED = (
    *(
        "epochs=2",
        "filters=[4]",
        "stem=4",
        "whiten=true",
        "batch_size=60",
        "optimizer=convmuon",
        "label_smoothing=0.05",
    ),
    *("learning_rate={name='OneCycle', peak=0.02}", "average={name='EMA', decay=0.9}", "tta={shift=1}"),
)


@pytest.fixture(scope="module")
def tuned(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with what the tuned recipes use."""
    out = tmp_path_factory.mktemp("tuned") / "run"
    train("convnet", data=small, settings=TUNED, out=out)
    return out


def test_a_tuned_recipe_is_known_for_what_it_is(tuned: Path):
    kept = jobs.stored_diagnosis(RunFolder(tuned))
    again = sm.diagnose(tuned)
    assert kept is not None
    for found in (kept, again):  # from memory, and from the file, which holds Adam at a constant rate
        known = found.evidence.settings
        assert (known.optimizer, known.learning_rate, known.rate_left) == ("ConvMuon", 0.02, pytest.approx(0, abs=1e-6))
        assert (known.label_smoothing, known.average, known.decay, known.momentum) == (0.05, "EMA", 0.9, 0.9)
        assert [layer.whitened for layer in found.evidence.layers if not layer.trainable] == [True]
        assert "frozen_layers" not in codes(found)
        assert all("learning_rate=" not in one.command for one in found.findings)
    assert kept.evidence.validation == again.evidence.validation  # one look, as at the training rows


def test_another_peak_is_advised_and_trains(tuned: Path, tmp_path: Path):
    from sonmat.view.finding import Case

    run = RunFolder(tuned)
    command = Case(sm.diagnose(tuned).evidence, run.history, run.recipe, str(tuned)).slower(3.0)
    words = shlex.split(command)
    assert words[-1] == "train.learning_rate.peak=0.06"
    done = train(words[2], settings=[words[-1], "epochs=1"], out=tmp_path / "again")
    assert done.recipe.train.learning_rate == {"name": "OneCycle", "peak": 0.06}


def test_training_and_evaluation_say_that_they_look_several_times(
    tuned: Path, sonmat_command: Callable[..., Any], tmp_path: Path
):
    assert "Both with 5 views" in sonmat_command("train", tuned / "recipe.toml", "--out", tuned).out  # finished before
    assert ", 5 views of each image" in sonmat_command("evaluate", tuned).out
    assert json.loads(sonmat_command("evaluate", tuned, "--json").out)["views"] == 5
    assert "views" not in sonmat_command("evaluate", tuned, "--no-tta").out
    assert ", 5 views of each" in (tuned / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("in_run", [True, False])
def test_what_fit_was_told_is_known(in_run: bool, tmp_path: Path):
    x, y = blobs(600, 0)
    model = network()
    model.optimizer = keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.2, 38))
    run = {"run": tmp_path / "run"} if in_run else {}
    history = sm.fit(
        model, x, y, epochs=2, validation_data=blobs(100, 1), verbose=0, label_smoothing=0.1, average="EMA", **run
    )
    found = sm.diagnose(run["run"] if in_run else history, model=model, data=(x, y), validation_data=blobs(100, 1))
    known = found.evidence.settings
    assert (known.label_smoothing, known.average, known.decay) == (0.1, "EMA", 0.99)
    assert (known.learning_rate, known.rate_left) == (pytest.approx(0.2), pytest.approx(0, abs=1e-6))


def _every_command(run: Path, evidence: Evidence) -> list[tuple[str, ...]]:
    """One command of each kind that a case can give."""
    from sonmat.view.finding import Case

    recipe = RunFolder(run).recipe
    case = Case(evidence, RunFolder(run).history, recipe, str(run))
    commands = [
        *(case.slower(0.1), case.larger(), case.smaller(), case.with_setting("dropout", 0.2)),
        *(case.with_setting("activation", "leaky_relu"), case.with_setting("epochs", 1), case.longer(4)),
        *(case.on_data(), case.on_run("evaluate", "--part", "validation"), case.on_run("plot"), case.on_run("summary")),
    ]
    assert all(commands)
    return [tuple(shlex.split(command)[1:]) for command in commands]


def _away(words: tuple[str, ...], run: Path) -> tuple[str, ...]:
    """Quick, and into another folder."""
    if words[0] != "train":
        return ()
    changed = any("epochs" in word for word in words)
    return ("--out", str(run.parent / f"again-{abs(hash(words))}"), *(() if changed else ("--set", "epochs=1")))
