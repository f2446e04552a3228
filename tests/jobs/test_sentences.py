"""Sentences from a CSV to an answer: trained, evaluated, predicted, explained, swept, exported, resumed."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sonmat as sm
from sonmat.errors import DataError, UnsupportedError
from sonmat.jobs.compare import compare_runs
from sonmat.jobs.evaluate import evaluate_run
from sonmat.jobs.explain_text import explain_text
from sonmat.jobs.export import export_run
from sonmat.jobs.predict import predict_files, predict_rows
from sonmat.jobs.rows import rows_of
from sonmat.runs.model_files import read_card

SETTINGS = ["units=12", "filters=12", "epochs=8", "batch_size=16", "peak=0.01", "tokens.vocabulary=300"]


@pytest.fixture(scope="module")
def run(sentences: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("runs") / "run"
    done = sm.train("textcnn", data=sentences, settings=SETTINGS, out=place)
    assert done.test.accuracy > 0.9
    return place


def test_a_run_has_all_that_others_have(run: Path) -> None:
    names = {path.name for path in run.iterdir()}
    assert {"recipe.toml", "model.keras", "curves.png", "confusion.png", "report.html", "history.jsonl"} <= names
    assert "tokens" in (run / "recipe.toml").read_text()
    card = read_card(run)
    assert card["classes"] == ["cancel", "greet", "refund", "track"]
    assert card["inputs"]["length"] >= 8


def test_the_tokenizer_is_of_the_training_rows_and_travels(run: Path) -> None:
    loaded = sm.load_run(run)
    train, validation, test = rows_of(loaded.recipe)
    assert loaded.tokenizer == train.tokenizer == test.tokenizer
    assert len(np.intersect1d(train.rows, validation.rows)) == 0
    again = sm.tokenize(train, vocabulary=300)[0].tokenizer
    assert again == loaded.tokenizer


def test_evaluating_reads_the_same_numbers_again(run: Path, sentences: Path) -> None:
    told = json.loads((run / "result.json").read_text())
    assert evaluate_run(run, part="validation").found.accuracy == told["validation"]["accuracy"]
    assert evaluate_run(run, data=sentences, part="test").found.accuracy == told["test"]["accuracy"]


def test_another_file_s_classes_are_matched_by_name(run: Path, tmp_path: Path) -> None:
    with (tmp_path / "other.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows([(f"{thing} 환불해 주세요", "refund") for thing in "가나다라마바사아자차"])
        writer.writerows([(f"track {thing} please", "track") for thing in "abcdefghij"])
    found = evaluate_run(run, data=tmp_path / "other.csv", part="train")
    assert found.rows.classes == ("cancel", "greet", "refund", "track")
    assert found.found.accuracy > 0.8


def test_a_sentence_is_predicted(run: Path) -> None:
    found = predict_files(run, ["제 가방 환불하고 싶어요", "where is my parcel"])
    assert [one.name for one in found] == ["refund", "track"]
    for one in found:
        assert one.probabilities.sum() == pytest.approx(1, abs=1e-5)
        assert one.as_dict()["file"] == one.file
    (picked,) = predict_rows(run, [3])
    assert picked.label is not None


def test_the_word_that_decided_is_shown(run: Path, tmp_path: Path) -> None:
    found = explain_text(run, "제 가방 환불하고 싶어요", out=tmp_path)
    assert found.name == "refund"
    assert max(found.words, key=lambda part: part.weight).text == "환불하고"
    assert (tmp_path / "words.png").stat().st_size > 5000
    assert found.as_dict()["words"][0]["text"] == "제"
    with pytest.raises(DataError, match="no word"):
        explain_text(run, "   ", out=tmp_path)


def test_the_commands(run: Path, tmp_path: Path, sonmat_command: Any) -> None:
    said = sonmat_command("predict", run, "제 가방 환불하고 싶어요")
    assert said.status == 0, said.err
    assert "refund" in said.out
    said = sonmat_command("predict", run, "track my parcel", "--json")
    assert [one["class"] for one in json.loads(said.out)] == ["track"]
    said = sonmat_command("explain", run, "--text", "please cancel the order now", "--out", tmp_path)
    assert said.status == 0, said.err
    assert "cancel" in said.out
    assert "words.png" in said.out
    assert sonmat_command("explain", run, "--text", "a", "--layer", "b").status == 2


def test_a_picture_s_model_reads_no_sentence(tmp_path: Path, sentences: Path) -> None:
    sm.save_model(sm.build("notes-mlp"), tmp_path / "m.keras", inputs={"scale": 255.0}, classes=list("0123456789"))
    with pytest.raises(DataError, match="reads no sentences"):
        explain_text(tmp_path / "m.keras", "hello")
    with pytest.raises(DataError, match="sentences"):
        evaluate_run(tmp_path / "m.keras", data=sentences)


def test_an_export_takes_the_tokenizer_along(run: Path, tmp_path: Path) -> None:
    for name in ("m.keras", "m.h5"):
        export_run(run, tmp_path / name)
        (one,) = predict_files(tmp_path / name, ["제 가방 환불하고 싶어요"])
        (same,) = predict_files(run, ["제 가방 환불하고 싶어요"])
        np.testing.assert_allclose(one.probabilities, same.probabilities, atol=1e-6)
    with pytest.raises(UnsupportedError, match="sentences"):
        export_run(run, tmp_path / "run.py")


def test_onnx_gives_the_same_answer_from_the_tokenizer_beside_it(run: Path, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")
    import tokenizers

    done = export_run(run, tmp_path / "m.onnx")
    assert done.beside is not None
    told = json.loads(done.beside.read_text(encoding="utf-8"))
    cut = tokenizers.Tokenizer.from_str(json.dumps(told["tokenizer"]))
    ids = cut.encode("제 가방 환불하고 싶어요").ids[: told["length"]]
    row = np.array([ids + [0] * (told["length"] - len(ids))], np.int32)
    session = onnxruntime.InferenceSession(done.path)
    (found,) = session.run(None, {told["input"]["name"]: row})
    loaded = sm.load_run(run)
    np.testing.assert_allclose(found, loaded.model.predict(row, verbose=0), atol=1e-5)
    assert told["classes"][int(found[0].argmax())] == "refund"


@pytest.mark.slow
def test_an_interrupted_run_goes_on_to_the_same_weights(run: Path, sentences: Path, tmp_path: Path) -> None:
    settings = [*SETTINGS, "learning_rate=0.002"]
    whole = sm.train("textcnn", data=sentences, settings=settings, out=tmp_path / "whole")

    class Stop(Exception):
        pass

    class Stopping(sm.Listener):
        def on_epoch(self, epoch: int, logs: dict[str, float], seconds: float) -> None:
            raise Stop

    with pytest.raises(Stop):
        sm.train("textcnn", data=sentences, settings=settings, out=tmp_path / "cut", listeners=[Stopping()])
    again = sm.train("textcnn", data=sentences, settings=settings, out=tmp_path / "cut")
    for one, other in zip(whole.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_many_at_once_are_as_each_alone(sentences: Path) -> None:
    train, test = sm.load(sentences)
    train, test = sm.tokenize(train.take(slice(128)), test, vocabulary=200)

    def build(seed: int = 0, **settings: Any) -> Any:
        return sm.build(
            "textcnn",
            train,
            seed=seed,
            units=8,
            filters=8,
            dropout=0.0,
            token_dropout=0.0,
            **settings,
        )

    members = [{"seed": seed, "learning_rate": rate} for seed, rate in ((0, 0.001), (1, 0.003))]
    fitted = sm.fit_many(build, members, train, validation_data=test, epochs=2, batch_size=32)
    for number, member in enumerate(members):
        alone = build(**member)
        history = sm.fit(alone, train, validation_data=test, epochs=2, batch_size=32, seed=member["seed"], verbose=0)
        np.testing.assert_allclose(fitted[number].history.history["val_loss"], history.history["val_loss"], rtol=1e-3)


@pytest.mark.slow
def test_a_sweep_of_sentences(sentences: Path, tmp_path: Path) -> None:
    swept = sm.sweep(
        "textcnn", {"train.learning_rate": [0.001, 0.004]}, data=sentences, settings=[*SETTINGS, "epochs=2", "learning_rate=0.001"],
        trials=2, finalists=1, seeds=2, out=tmp_path / "study",
    )  # fmt: skip
    assert swept is not None
    with pytest.raises(sm.RecipeError, match="same rows"):
        sm.sweep(
            "textcnn",
            {"tokens.vocabulary": [200, 300]},
            data=sentences,
            settings=SETTINGS,
            trials=2,
            out=tmp_path / "no",
        )


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["summary", "diagnose", "report", "plot", "evaluate"])
def test_other_commands_take_a_run_of_sentences(run: Path, verb: str, sonmat_command: Any) -> None:
    said = sonmat_command(verb, run)
    assert said.status == 0, said.err


@pytest.mark.slow
def test_two_runs_are_compared_however_each_cuts(run: Path, sentences: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    sm.train("textcnn", data=sentences, settings=[*SETTINGS, "epochs=1", "tokens.kind=characters"], out=other)
    found = compare_runs([run, other])
    assert found.test is not None, found.why_not


def test_without_a_file_the_way_to_name_one_is_said() -> None:
    with pytest.raises(DataError, match=r"--data FILE\.csv"):
        sm.train("textcnn")


def test_a_folder_of_one_file_and_of_two(sentences: Path, tmp_path: Path) -> None:
    lines = sentences.read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "train.csv").write_text("".join(lines[:300]), encoding="utf-8")
    alone, held = sm.load(tmp_path)
    assert (len(alone), len(held)) == (239, 60)
    (tmp_path / "validate.csv").write_text("".join([lines[0], *lines[300:]]), encoding="utf-8")
    train, test = sm.load(tmp_path)
    assert (len(train), len(test)) == (299, 181)
    assert train.classes == test.classes == ("cancel", "greet", "refund", "track")


def test_a_sentence_of_the_test_set_is_explained_by_its_row(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from sonmat.cli import main
    from sonmat.jobs.explain import explain
    from sonmat.jobs.explain_text import picked_sentence

    test = rows_of(sm.load_run(run).recipe)[2]
    assert test.sentences is not None
    assert picked_sentence(run, 2, None) == test.sentences[2]
    with pytest.raises(DataError, match="rows 0 to"):
        picked_sentence(run, len(test), None)
    with pytest.raises(SystemExit) as ended:
        main(["explain", str(run), "--pick", "2", "--json"])
    assert not ended.value.code
    assert json.loads(capsys.readouterr().out)["text"] == test.sentences[2]
    with pytest.raises(DataError, match="sentences"):  # what draws images says so
        explain(run, pick=2)
