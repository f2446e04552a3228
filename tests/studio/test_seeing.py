"""Drawing, looking inside, and testing a run over HTTP, held against what the commands say."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sonmat.engine.answer import Answer
from sonmat.engine.sliding import convolved, pooled
from sonmat.jobs.evaluate import evaluate_run
from sonmat.jobs.predict import predict_files
from sonmat.jobs.rows import part_of
from sonmat.runs.folder import RunFolder, load_run
from sonmat.serve.predictor import Predictor
from tests.studio.conftest import BYTES, ONE, Studio, drawing, until

SEVEN = drawing((60, 60, 220, 60), (220, 60, 120, 240))


def numbers(told: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(told["values"]), "<f4").reshape(told["shape"])


def draw(studio: Studio, runs: str, content: bytes, **query: Any) -> list[dict[str, Any]]:
    answer = studio.client.post("/api/draw", params={"runs": runs, **query}, content=content, headers=BYTES)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["answers"])


def test_a_photograph_is_answered_as_the_command_does(studio: Studio, done: str, tmp_path: Path):
    for number, content in enumerate((ONE, SEVEN)):
        file = tmp_path / f"{number}.png"
        file.write_bytes(content)
        (expected,) = predict_files(studio.runs / done, [file])
        (found,) = draw(studio, done, content, mode="photo")
        np.testing.assert_allclose(found["probabilities"], expected.probabilities, atol=1e-6)
        assert (found["label"], found["unsure"]) == (expected.name, expected.unsure)
        seen = np.frombuffer(base64.b64decode(found["seen"]["pixels"]), np.uint8).reshape(found["seen"]["shape"])
        np.testing.assert_array_equal(seen, expected.image)


def test_a_stroke_is_seen_as_a_photograph_of_it(studio: Studio, done: str):
    for content in (ONE, SEVEN, drawing((60, 60, 220, 60), (220, 60, 120, 240), size=560, width=40)):
        strokes, photo = (draw(studio, done, content, mode=mode)[0]["seen"] for mode in ("strokes", "photo"))
        a, b = (np.frombuffer(base64.b64decode(one["pixels"]), np.uint8).astype(int) for one in (strokes, photo))
        assert np.abs(a - b).mean() < 8  # of 255


def test_several_runs_answer_and_show_their_layers(studio: Studio, done: str, convolved: str):
    first, second = draw(studio, f"{done},{convolved}", SEVEN, layers="1", mode="strokes")
    assert [first["run"], second["run"]] == [done, convolved]
    for one in (first, second):
        assert sum(one["probabilities"]) == pytest.approx(1, abs=1e-5)
        assert one["label"] == one["classes"][int(np.argmax(one["probabilities"]))]
    assert [(one["kind"], one["shape"]) for one in second["layers"]][1:5] == [
        ("Conv2D", [14, 14, 4]), ("MaxPooling2D", [7, 7, 4]), ("Conv2D", [5, 5, 3]), ("AveragePooling2D", [4, 4, 3]),
    ]  # fmt: skip
    last = second["layers"][-1]
    given = np.frombuffer(base64.b64decode(last["values"]), np.uint8) / 255 * (last["high"] - last["low"]) + last["low"]
    assert given.sum() == pytest.approx(1, abs=0.03)


def test_nothing_drawn_is_unsure(studio: Studio, done: str):
    for mode in ("strokes", "photo"):
        (found,) = draw(studio, done, drawing(), mode=mode, lang="ko")
        assert found["unsure"]
        assert found["reason"].endswith("습니다.")


def test_raw_rows_are_answered_as_the_predictor_does(studio: Studio, done: str):
    rows = np.random.default_rng(0).integers(0, 256, (2, 28, 28))
    found = studio.post("/api/draw/numbers", {"pixels": rows.tolist()}, runs=done)["answers"]
    expected = Predictor.open(studio.runs / done).rows(rows.astype(np.float32))
    for got, want in zip(found, expected, strict=True):
        np.testing.assert_allclose(got["probabilities"], want.probabilities, atol=1e-6)
    studio.post("/api/draw/numbers", {"pixels": [[1], [2, 3]]}, 422, runs=done)
    studio.post("/api/draw/numbers", {"pixels": [1, 2]}, 422, runs=done)


def test_what_is_no_picture_is_refused(studio: Studio, done: str):
    for content, query in ((b"", {}), (b"no picture", {}), (ONE[:80], {}), (ONE, {"mode": "x"}), (ONE, {"runs": ""})):
        answer = studio.client.post("/api/draw", params={"runs": done} | query, content=content, headers=BYTES)
        assert answer.status_code == 422, answer.text


def test_a_look_gives_the_numbers_that_the_network_works_with(studio: Studio, convolved: str):
    run = load_run(studio.runs / convolved)
    rows = part_of(run, "validation", None)
    for layer in ("conv_1", "conv_2"):
        told = studio.get("/api/look", run=convolved, pick=3, layer=layer)
        chosen, window = told["chosen"], told["chosen"]["window"]
        given, output, kernel = (numbers(chosen[name]) for name in ("input", "output", "kernel"))
        assert slid(given, window, kernel, chosen["bias"]) == pytest.approx(output, abs=1e-4)
    assert told["image"]["label"] == rows.classes[int(rows.labels[3])]
    pixels = np.frombuffer(base64.b64decode(told["image"]["pixels"]), np.uint8).reshape(28, 28)
    np.testing.assert_array_equal(pixels, rows.inputs[3])
    outputs = np.asarray(run.model(rows.inputs[3:4].astype(np.float32) / 255))[0]
    calibrated = Answer.from_card(run.answer).calibrated(outputs[None])[0]
    assert told["probabilities"] == pytest.approx(calibrated, abs=1e-4)
    assert [one["name"] for one in told["layers"]] == [one["name"] for one in told["maps"]]


def slid(given: np.ndarray, window: dict[str, Any], kernel: np.ndarray, bias: list[float]) -> np.ndarray:
    """A convolution by the numbers of a look, as the page does it; then ReLU."""
    (high, wide), (down, right), (above, left) = window["size"], window["stride"], window["before"]
    rows, columns = (int(text.rpartition("=")[2]) for text in window["formula"])
    framed = np.zeros((given.shape[0] + 40, given.shape[1] + 40, given.shape[2]), np.float32)
    framed[20 : 20 + given.shape[0], 20 : 20 + given.shape[1]] = given
    made = np.zeros((rows, columns, kernel.shape[3]), np.float32)
    for i in range(rows):
        for j in range(columns):
            top, start = 20 + i * down - above, 20 + j * right - left
            made[i, j] = np.tensordot(framed[top : top + high, start : start + wide], kernel, 3) + bias
    return np.maximum(made, 0)


def test_a_look_agrees_with_explain(studio: Studio, convolved: str):
    from sonmat.engine.activations import activations

    run = load_run(studio.runs / convolved)
    image = part_of(run, "validation", None).inputs[5]
    steps = {one.name: one for one in activations(run.model, image.astype(np.float32) / 255)}
    for name in ("conv_1", "pool_1", "pool_2"):
        told = studio.get("/api/look", run=convolved, pick=5, layer=name)["chosen"]
        np.testing.assert_allclose(numbers(told["output"]), steps[name].output, atol=1e-6)
    found = convolved_at(steps["conv_1"])
    assert numbers(studio.get("/api/look", run=convolved, pick=5, layer="conv_1")["chosen"]["output"])[1, 2, 0] == (
        pytest.approx(found, abs=1e-5)
    )
    assert pooled(steps["pool_1"], (1, 1), 0).value == pytest.approx(float(steps["pool_1"].output[1, 1, 0]), abs=1e-5)


def convolved_at(step: Any) -> float:
    return convolved(step, (1, 2), 0).value


def test_an_epoch_s_weights_are_looked_through(studio: Studio, convolved: str):
    first, last, trained = (
        studio.get("/api/look", run=convolved, pick=0, **({"epoch": epoch} if epoch else {})) for epoch in (1, 2, None)
    )
    assert first["epochs"] == [1, 2]
    assert last["probabilities"] == trained["probabilities"]
    assert first["probabilities"] != trained["probabilities"]
    studio.get("/api/look", 422, run=convolved, pick=0, epoch=9)


def test_a_drawing_is_looked_into(studio: Studio, convolved: str):
    answer = studio.client.post("/api/look", params={"run": convolved}, content=SEVEN, headers=BYTES)
    assert answer.status_code == 200, answer.text
    (drawn,) = draw(studio, convolved, SEVEN, mode="photo")
    assert answer.json()["image"]["pixels"] == drawn["seen"]["pixels"]


@pytest.mark.parametrize("query", [{"pick": 10**6}, {"pick": "x"}, {"part": "all"}, {"layer": "conv_9"}, {"epoch": 0}])
def test_what_cannot_be_looked_at_is_refused(studio: Studio, convolved: str, query: dict[str, Any]):
    assert studio.get("/api/look", 422, run=convolved, **query)["error"]


def test_a_test_is_the_command_s(studio: Studio, done: str):
    expected = evaluate_run(studio.runs / done, part="validation")
    told = studio.get(f"/api/test/{done}", part="validation")
    as_dict = expected.as_dict()
    for name in ("n", "accuracy", "loss", "confusion", "per_class"):
        assert told[name] == as_dict[name], name
    assert sum(one["n"] for one in told["calibration"]["bins"]) == told["n"] == 180
    rows = part_of(load_run(studio.runs / done), "validation", None)
    answers = Predictor.open(studio.runs / done).rows(rows.inputs)
    sure = np.array([max(one.probabilities) for one in answers])
    right = np.array(
        [int(np.argmax(one.probabilities)) == label for one, label in zip(answers, rows.labels, strict=True)]
    )
    places = np.minimum((sure * len(told["calibration"]["bins"])).astype(int), len(told["calibration"]["bins"]) - 1)
    gaps = [abs(sure[places == place].sum() - right[places == place].sum()) for place in set(places.tolist())]
    assert told["calibration"]["ece"] == pytest.approx(sum(gaps) / 180, abs=1e-4)
    seen = studio.get("/api/look", run=done, part="validation", pick=7)  # all screens say the same probabilities
    np.testing.assert_allclose(seen["probabilities"], answers[7].probabilities, atol=1e-5)
    assert told["wrong"] == round((1 - told["accuracy"]) * 180)
    margins = [one["margin"] for one in told["hardest"]]
    assert margins == sorted(margins, reverse=True)


def test_a_cell_holds_its_rows(studio: Studio, done: str):
    told = studio.get(f"/api/test/{done}", part="train")
    confusion = np.array(told["confusion"])
    rows = [(i, j) for i in range(10) for j in range(10) if confusion[i, j]]
    for i, j in rows[:6]:
        found = studio.get(f"/api/test/{done}/cell", part="train", row=i, column=j)
        assert len(found) == confusion[i, j]
        assert {(one["label"], one["said"]) for one in found} == {(i, j)}
        assert [one["p"] for one in found] == sorted((one["p"] for one in found), reverse=True)
    run = load_run(studio.runs / done)
    rows_there = part_of(run, "train", None)
    answer = studio.client.get(f"/api/image/{done}/train/{found[0]['index']}.png?scale=3")
    pixels = np.asarray(Image.open(io.BytesIO(answer.content)).convert("L"))
    np.testing.assert_array_equal(pixels[::3, ::3], rows_there.inputs[found[0]["index"]])
    assert pixels.shape == (84, 84)
    assert studio.client.get(f"/api/image/{done}/train/999999.png").status_code == 422


@pytest.mark.slow
def test_looks_at_the_test_set_are_counted(studio: Studio, small: Path):
    name = studio.trained(studio.recipe(small, epochs=1))
    refused = studio.client.get(f"/api/test/{name}?part=test")
    assert refused.status_code == 405
    studio.get(f"/api/test/{name}/cell", 422, part="test", row=0, column=0)
    studio.get("/api/look", 422, run=name, part="test", pick=0)
    assert studio.client.get(f"/api/image/{name}/test/0.png").status_code == 422
    assert studio.row(name)["test_readings"] == 0
    told = studio.post(f"/api/test/{name}/look")
    assert (told["n"], told["counted"], len(told["readings"])) == (200, 1, 1)
    assert told["accuracy"] == evaluate_run(studio.runs / name, part="test").found.accuracy  # a second look
    assert [one["by"] for one in RunFolder(studio.runs / name).readings] == ["evaluate", "evaluate"]
    until(lambda: studio.row(name)["test_readings"] == 2, "the count")
    assert studio.client.get(f"/api/image/{name}/test/0.png").status_code == 200
    studio.get(f"/api/test/{name}/cell", part="test", row=0, column=0)


@pytest.mark.slow
def test_own_drawings_are_kept_and_trained_on(studio: Studio):
    random = np.random.default_rng(0)
    for label, lines in (("가로", (40, 140, 240, 140)), ("세로", (140, 40, 140, 240))):
        for _ in range(12):
            moved = tuple(int(n + shift) for n, shift in zip(lines, random.integers(-20, 20, 4), strict=True))
            answer = studio.client.post(f"/api/drawings/my signs/{label}", content=drawing(moved), headers=BYTES)
            assert answer.status_code == 201, answer.text
    (kept,) = [one for one in studio.get("/api/start")["drawings"] if one["name"] == "my signs"]
    assert kept["classes"] == {"가로": 12, "세로": 12}
    drawings = studio.get("/api/drawings", set="my signs")["drawings"]
    identity = drawings["가로"][0]
    shown = studio.client.get(f"/api/drawings/my signs/가로/{identity}.png")
    assert Image.open(io.BytesIO(shown.content)).size == (280, 280)
    recipe = studio.recipe(kept["data"], epochs=30, batch_size=4, learning_rate=0.05)
    checked = studio.post("/api/check", {"recipe": recipe})
    assert checked["layers"][-1]["output"] == [2]
    name = studio.trained(recipe)
    for label, lines in (("가로", (40, 130, 240, 145)), ("세로", (150, 40, 140, 240))):
        (found,) = draw(studio, name, drawing(lines), mode="strokes")
        assert found["label"] == label
    n = studio.get(f"/api/test/{name}")["n"]
    for shift in range(24):  # more of them: what was read before is not taken for what there is now
        studio.client.post("/api/drawings/my signs/가로", content=drawing((40, 100 + shift, 240, 140)), headers=BYTES)
    second = studio.trained(recipe)
    more = studio.get(f"/api/test/{second}")
    assert more["n"] > n
    assert studio.get("/api/look", run=second, part="validation", pick=more["n"] - 1)["image"]["label"] in (
        "가로",
        "세로",
    )
    assert studio.client.get(f"/api/image/{second}/validation/{more['n'] - 1}.png").status_code == 200
    for method, path in (("DELETE", f"가로/{identity}"), ("GET", f"가로/{identity}.png")):
        answer = studio.client.request(method, f"/api/drawings/my signs/{path}")
        assert answer.status_code == (200 if method == "DELETE" else 404)
    for bad in ("a:b", "con", ".hidden", "x" * 70):
        assert studio.client.post(f"/api/drawings/{bad}/x", content=ONE, headers=BYTES).status_code == 422
    assert studio.client.post("/api/drawings/my signs/x", content=b"nothing", headers=BYTES).status_code == 422
    for label in ("가로", "세로"):
        for one in studio.get("/api/drawings", set="my signs")["drawings"].get(label, []):
            studio.client.delete(f"/api/drawings/my signs/{label}/{one}")
    assert studio.get("/api/drawings")["sets"] == []


def test_sizes_are_those_of_the_network(studio: Studio, convolved: str):
    run = load_run(studio.runs / convolved)
    recipe = studio.get(f"/api/runs/{convolved}")["recipe"]
    told = studio.post("/api/check", {"recipe": {**recipe, "data": "mnist"}})
    assert told["ok"]
    assert told["parameters"] == run.model.count_params()
    assert told["steps"] == 2100
    built = {layer.name: list(layer.output.shape[1:]) for layer in run.model.layers}
    assert {one["name"]: one["output"] for one in told["layers"]} == built
    other = studio.recipe("mnist", "notes-cnn")
    found = studio.post("/api/check", {"recipe": other})
    assert found["parameters"] == sum(one["parameters"] for one in found["layers"]) > 10_000


def test_impossible_sizes_are_explained(studio: Studio):
    layers = [{"layer": "max_pool", "size": 8, "stride": 8}, {"layer": "conv", "kernel": 5}]
    told = studio.post("/api/check", {"recipe": studio.recipe("mnist", "layers", {"layers": layers})}, lang="ko")
    assert (told["ok"], told["at"]) == (False, 1)
    assert "⌊(3 − 5) / 1⌋ + 1" in told["problem"]
    assert "커널" in told["problem"]
    assert told["layers"][-1]["output"] == [3, 3, 1]
    layers[0]["size"] = 0
    told = studio.post("/api/check", {"recipe": studio.recipe("mnist", "layers", {"layers": layers})})
    assert (told["ok"], told["at"]) == (False, 0)
    assert told["fix"]


@pytest.mark.slow
def test_sentences_are_answered_as_by_the_command(studio: Studio, tmp_path: Path):
    words = {"coffee": "a cup of coffee please", "train": "when does the train leave"}
    rows = [f"{text} {number},{label}" for number in range(30) for label, text in words.items()]
    (tmp_path / "said.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    recipe = studio.recipe(tmp_path / "said.csv", "textcnn", epochs=2)
    name = studio.trained(recipe)
    assert studio.row(name)["reads"] == "sentences"
    texts = ["coffee please", "the train", ""]
    answers = studio.post("/api/draw/texts", {"texts": texts}, runs=name)["answers"]
    for one, expected in zip(answers, Predictor.open(studio.runs / name).texts(texts), strict=True):
        assert (one["label"], one["unsure"]) == (expected.label, expected.unsure)
        np.testing.assert_allclose(one["probabilities"], expected.probabilities, atol=1e-6)
    assert answers[0]["label"] == "coffee"
    for bad in (None, [], ["x"] * 33, ["x" * 2001], [3], "text"):
        studio.post("/api/draw/texts", {"texts": bad}, 422, runs=name)
    assert "sentences" in studio.get("/api/look", 422, run=name)["error"]
