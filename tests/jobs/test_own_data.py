"""Data of one's own in whole jobs: trained, gone on with, swept and evaluated as they were first read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sonmat.data.fitting import fitted
from sonmat.data.image_file import open_image
from sonmat.errors import DataError, RecipeError
from sonmat.jobs.evaluate import evaluate_run
from sonmat.jobs.own_data import as_begun, look_over, settled, with_data
from sonmat.jobs.rows import part_of, rows_of
from sonmat.jobs.sweep import sweep
from sonmat.jobs.train import Begun, resume, train
from sonmat.models.recipe import Recipe, from_toml, to_toml
from sonmat.runs.folder import load_run, open_run


def shape(folder: Path, label: str, n: int, side: int = 20, *, coloured: bool = True) -> None:
    """A picture of a bright bar: upright for one class, lying for the other."""
    rng = np.random.default_rng(n)
    pixels = rng.integers(0, 60, (side, side, 3), dtype=np.uint8)
    at = int(rng.integers(2, side - side // 5 - 2))
    if label == "upright":
        pixels[:, at : at + side // 5] = (250, 200, 30)
    else:
        pixels[at : at + side // 5] = (250, 200, 30)
    (folder / label).mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels if coloured else pixels[..., 0]).save(folder / label / f"{n}.png")


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own") / "bars"
    for n in range(120):
        shape(folder, "upright" if n % 2 else "lying", n)
    return folder


QUICK = ["epochs=3", "batch_size=8", "hidden=[16]", "optimizer=adam"]


@pytest.mark.parametrize("own", [True, False])
def test_a_folder_s_own_validation_part_is_validated_on(own: bool, tmp_path: Path) -> None:
    for part, count in (("train", 8), ("val", 4), ("test", 2)):
        for n in range(count):
            shape(tmp_path / part, "upright" if n % 2 else "lying", n + 10 * len(part))
    read = {} if own else {"read": {"own_validation": False}}
    recipe = Recipe(data=str(tmp_path), split=0.5, **read)
    rows, validation, test = rows_of(recipe)
    assert (len(rows), len(validation), len(test)) == ((8, 4, 2) if own else (6, 6, 2))
    assert rows.reading is not None
    places = {rows.reading.names[n].split("/")[0] for n in validation.rows}
    assert (places == {"val"}) == own
    again = rows_of(replace(recipe, read=rows.reading.settings.as_dict()))
    assert [one.fingerprint for one in again] == [one.fingerprint for one in (rows, validation, test)]


def test_a_folder_is_trained_on_gone_on_with_and_evaluated(
    bars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Begun] = []
    done = train("mlp", data=bars, settings=[*QUICK, "size=12"], out=tmp_path / "run", begun=told.append)
    assert done.recipe.read == {"size": [12, 12], "channels": 3}
    assert done.model.input_shape == (None, 12, 12, 3)
    assert done.model.output_shape == (None, 2)
    assert any("12 × 12 × 3" in note for note in told[0].notes)
    kept = json.loads((tmp_path / "run" / "result.json").read_text(encoding="utf-8"))
    assert kept["data"]["notes"] == list(told[0].notes)
    run = open_run(tmp_path / "run")
    assert from_toml(to_toml(run.recipe)) == run.recipe
    longer = resume(tmp_path / "run", epochs=5)
    assert longer.model.input_shape == (None, 12, 12, 3)
    monkeypatch.chdir(bars.parent)
    found = evaluate_run(tmp_path / "run", data="bars")  # its own, by another path: its test rows alone, and counted
    assert (len(found.rows), found.readings) == (24, 3)
    again = train("mlp", data=bars, settings=[*QUICK, "size=12", "epochs=5"], out=tmp_path / "run")
    assert again.again


def test_what_was_chosen_by_the_data_stays_when_they_change(bars: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bars"
    shutil.copytree(bars, folder)
    recipe = Recipe(data=str(folder))
    recipe = settled(recipe, rows_of(recipe)[0])
    for n in range(200, 330):
        shape(folder, "upright", n, side=60)
    assert rows_of(recipe)[0].inputs.shape[1:] == (20, 20, 3)
    assert rows_of(Recipe(data=str(folder)))[0].inputs.shape[1:] == (60, 60, 3)


def test_another_folder_is_read_as_the_model_was_trained_and_all_of_it_evaluated(bars: Path, tmp_path: Path) -> None:
    done = train("mlp", data=bars, settings=QUICK, out=tmp_path / "run")
    other = tmp_path / "other"
    for n in range(500, 540):
        shape(other, "upright", n, side=47)
    found = evaluate_run(tmp_path / "run", data=other)
    files = [other / "upright" / f"{n}.png" for n in range(500, 540)]
    expected = np.stack([fitted(open_image(file), 20, 20) for file in files])
    np.testing.assert_array_equal(found.rows.inputs, expected)
    assert set(found.rows.labels) == {1}  # "upright" is the model's second class
    said = np.asarray(done.model(expected / np.float32(255))).argmax(1)
    assert found.found.accuracy == pytest.approx((said == 1).mean())
    assert found.readings is None
    shape(other, "slanted", 1)
    with pytest.raises(DataError, match="does not know the classes 'slanted'"):
        evaluate_run(tmp_path / "run", data=other)


def test_grey_pictures_fit_a_model_with_a_channel(tmp_path: Path) -> None:
    import keras

    from sonmat.runs.model_files import save_model

    model = keras.Sequential([keras.Input((10, 10, 1)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    save_model(model, tmp_path / "m.keras", classes=["lying", "upright"])
    for n in range(6):
        shape(tmp_path / "grey", "upright" if n % 2 else "lying", n)
    rows = part_of(load_run(tmp_path / "m.keras"), "test", tmp_path / "grey")
    assert rows.inputs.shape == (6, 10, 10, 1)


@pytest.mark.slow
def test_a_sweep_of_a_folder(bars: Path, tmp_path: Path) -> None:
    done = sweep(
        "mlp", ["learning_rate=0.001,0.01"], data=bars, settings=[*QUICK, "size=10"], trials=2, finalists=1, seeds=2,
        halving=None, out=tmp_path / "study",
    )  # fmt: skip
    assert done.study.asked.recipe.read == {"size": [10, 10], "channels": 3}
    assert done.winner is not None
    assert done.winner.recipe.read == {"size": [10, 10], "channels": 3}
    with pytest.raises(RecipeError, match=r"read\.size is not searched"):
        sweep("mlp", ["size=10,20"], data=bars)


def test_unreadable_pictures_stop_a_training_before_it_begins(bars: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bars"
    shutil.copytree(bars, folder)
    (folder / "upright" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    with pytest.raises(DataError, match="1 of 121 pictures"):
        train("mlp", data=folder, settings=QUICK, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    told: list[Begun] = []
    done = train("mlp", data=folder, settings=QUICK, skip_unreadable=True, out=tmp_path / "run", begun=told.append)
    assert done.recipe.read is not None
    assert done.recipe.read["skip_unreadable"] is True
    assert [one.code for one in told[0].findings if one.code == "left_out"] == ["left_out"]


def test_guards_speak_before_training(tmp_path: Path) -> None:
    for part, numbers in (("train", range(40)), ("test", range(40, 60))):
        for n in numbers:
            shape(tmp_path / part, "upright" if n % 2 else "lying", n)
    (tmp_path / "test" / "lying" / "copy.bmp").write_bytes(b"")
    Image.open(tmp_path / "train" / "lying" / "0.png").save(
        tmp_path / "test" / "lying" / "copy.bmp"
    )  # the same by content
    shutil.copy(tmp_path / "train" / "lying" / "2.png", tmp_path / "train" / "upright" / "2 (1).png")
    train_rows, validation, test = rows_of(Recipe(data=str(tmp_path), split=0.9))
    found = {one.code: one.evidence for one in look_over(train_rows, validation, test)}
    assert "For example train/lying/0.png and test/lying/copy.bmp." in found["test_leak"]
    assert "contradictory_labels" in found or "leak" in found


def test_published_data_and_arrays_are_passed_without_a_look(mnist: str) -> None:
    rows = rows_of(Recipe())
    assert look_over(*rows) == ()


def test_how_data_were_read_does_not_go_with_other_data(tmp_path: Path) -> None:
    old = Recipe(data=str(tmp_path), read={"size": [8, 8], "label": "kind"})
    assert with_data(old, "mnist").read is None
    assert with_data(old, "mnist", ["size=9", "epochs=2"]).read == {"size": [8, 8]}
    assert with_data(old, str(tmp_path)).read == old.read
    begun = Recipe(data="a", read={"size": [8, 8], "channels": 3})
    assert as_begun(Recipe(data="a", read={"size": 9}), begun).read == {"size": [9, 9], "channels": 3}
    assert as_begun(Recipe(data="b"), begun).read is None


def test_a_recipe_keeps_how_its_data_are_read(tmp_path: Path) -> None:
    recipe = Recipe(data="x", read={"size": 9, "text": 2, "skip_unreadable": False})
    assert recipe.read == {"size": [9, 9], "text": "2"}
    assert from_toml(to_toml(recipe)) == recipe
    assert Recipe(read={}).read is None
    with pytest.raises(RecipeError, match=r"'read\.colour'"):
        Recipe(read={"colour": 1})


def _texts(folder: Path, parts: dict[str, int]) -> None:
    first = 0
    for name, count in parts.items():
        rows = [f"sentence number {n},{'ab'[n % 2]}" for n in range(first, first + count)]
        (folder / name).write_text("\n".join(["text,label", *rows]), encoding="utf-8")
        first += count


def _pixels(folder: Path, parts: dict[str, int]) -> None:
    for number, (name, count) in enumerate(parts.items()):
        rows = [",".join(map(str, [n % 2, *[10 * number + n] * 16])) for n in range(count)]
        (folder / name).write_text("\n".join([",".join(["label", *(f"pixel{n}" for n in range(16))]), *rows]))


def _pictures(folder: Path, parts: dict[str, int]) -> None:
    for number, (name, count) in enumerate(parts.items()):
        rows = [(n, "upright" if n % 2 else "lying") for n in range(20 * number, 20 * number + count)]
        for n, label in rows:
            shape(folder / "pictures", label, n)
        (folder / name).write_text(
            "\n".join(["image,label", *(f"pictures/{label}/{n}.png,{label}" for n, label in rows)])
        )


@pytest.mark.parametrize("write", [_texts, _pixels, _pictures])
def test_a_validation_table_is_validated_on(write: Callable[[Path, dict[str, int]], None], tmp_path: Path) -> None:
    write(tmp_path, {"train.csv": 8, "valid.csv": 4, "test.csv": 2})
    recipe = Recipe(data=str(tmp_path), split=0.5)
    rows = rows_of(recipe)
    assert [len(part) for part in rows] == [8, 4, 2]
    assert rows[0].reading is not None
    assert any("validation table" in note for note in rows[0].reading.notes)
    kept = rows[0].reading.settings.as_dict()
    assert kept["own_validation"] is True
    assert [one.fingerprint for one in rows_of(replace(recipe, read=kept))] == [one.fingerprint for one in rows]
    joined = rows_of(replace(recipe, read={"own_validation": False}))
    assert [len(part) for part in joined] == [6, 6, 2]
    (tmp_path / "test.csv").unlink()
    assert [len(part) for part in rows_of(recipe)] == [4, 4, 4]
    with pytest.raises(DataError, match="validation part alone"):
        rows_of(replace(recipe, read={"own_validation": True}))


def test_a_test_table_without_labels_leaves_the_validation_table_to_be_it(tmp_path: Path) -> None:
    _texts(tmp_path, {"train.csv": 8, "valid.csv": 4})
    (tmp_path / "test.csv").write_text("text,number\n" + "\n".join(f"sentence {n},{n}" for n in range(9)))
    _, _, test = rows_of(Recipe(data=str(tmp_path), split=0.5))
    assert len(test) == 4
    assert test.reading is not None
    assert "test.csv has no labels, and was passed over." in test.reading.notes
