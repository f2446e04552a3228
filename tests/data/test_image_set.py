"""Folders of pictures as people have them."""

from __future__ import annotations

import os
import time
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sonmat.data import image_cache, image_folder, image_reading, picture_files
from sonmat.data.fitting import as_channels, choose_size, fitted
from sonmat.data.image_cache import images_folder
from sonmat.data.sources import load
from sonmat.errors import DataError, RecipeError


def drawn(seed: int, height: int = 12, width: int = 12, *, coloured: bool = False) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3) if coloured else (height, width), dtype=np.uint8)


def put(path: Path, pixels: np.ndarray, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    """Twenty grey pictures of 12 × 12 in two folders."""
    folder = tmp_path / "animals"
    for n in range(20):
        put(folder / ("dogs" if n % 2 else "cats") / f"IMG_{n}.png", drawn(n))
    return folder


def old(folder: Path) -> None:
    """Make files look as if they had lain there for a while."""
    for path in folder.rglob("*"):
        os.utime(path, (time.time() - 100,) * 2)


def test_a_folder_for_each_class(animals: Path) -> None:
    train, test = load(animals)
    assert (train.classes, train.name, len(train), len(test)) == (("cats", "dogs"), "animals", 16, 4)
    assert (train.inputs.shape[1:], train.inputs.dtype, train.scale) == ((12, 12), np.uint8, 255.0)
    assert list(np.bincount(test.labels)) == [2, 2]
    assert train.reading is not None
    for row, label, pixels in zip(train.rows, train.labels, train.inputs, strict=True):
        name = train.reading.names[row]
        assert name.startswith(train.classes[label])
        np.testing.assert_array_equal(pixels, drawn(int(name.split("_")[1].removesuffix(".png"))))
    assert "12 × 12" in train.reading.notes[0]
    assert "grey" in train.reading.notes[0]


def test_parts_are_kept_apart(tmp_path: Path) -> None:
    for part, count in (("Train", 6), ("test", 2)):
        for n in range(count):
            put(tmp_path / part / "ab"[n % 2] / f"{n}.png", drawn(n + (part == "test") * 50))
    train, test = load(tmp_path)
    assert (len(train), len(test), train.part, test.part) == (6, 2, "train", "test")


@pytest.mark.parametrize(("parts", "sizes"), [(("train", "val", "test"), (8, 4)), (("train", "valid"), (4, 4))])
def test_a_validation_folder_is_among_the_training_rows_or_is_the_test_part(
    tmp_path: Path, parts: tuple[str, ...], sizes: tuple[int, int]
) -> None:
    for place, part in enumerate(parts):
        for n in range(4):
            put(tmp_path / part / "ab"[n % 2] / f"{n}.png", drawn(10 * place + n))
    train, test = load(tmp_path)
    assert (len(train), len(test)) == sizes
    assert train.reading is not None
    assert any("validation folder" in note for note in train.reading.notes)
    own = train.reading.validation
    assert (own is None) == ("test" not in parts)
    if own is not None:
        assert train.reading.settings.own_validation is True
        assert {train.reading.names[n].split("/")[0] for n in own} == {"val"}
        assert {name.split("/")[0] for name in np.delete(np.array(train.reading.names), own)} == {"train"}


def test_what_systems_leave_behind_is_passed_over(animals: Path) -> None:
    plain = load(animals)[0].fingerprint
    for name in (
        ".DS_Store",
        "Thumbs.db",
        "cats/.DS_Store",
        "cats/._IMG_0.png",
        "cats/Thumbs.db",
        "__MACOSX/cats/._1.png",
    ):
        (animals / name).parent.mkdir(parents=True, exist_ok=True)
        (animals / name).write_bytes(b"\0\5\x16\7rubbish")
    (animals / ".hidden" / "x").mkdir(parents=True)
    assert load(animals)[0].fingerprint == plain


def test_other_files_are_told_of(animals: Path) -> None:
    (animals / "cats" / "notes.txt").write_text("hello")
    (animals / "cats" / "film.MOV").write_bytes(b"film")
    (animals / "fish").mkdir()
    put(animals / "loose.png", drawn(99))
    train, _ = load(animals)
    assert train.reading is not None
    told = " ".join(train.reading.notes)
    for said in ("1 .txt", "1 .mov", "without a picture: 'fish'", "1 pictures lie in no class's folder"):
        assert said in told
    assert train.classes == ("cats", "dogs")


def test_deeper_folders_and_wrappings(tmp_path: Path) -> None:
    for n in range(10):
        put(tmp_path / "data-main" / "data" / ("dogs" if n % 2 else "cats") / f"20{n}" / "a" / "1.png", drawn(n))
    (tmp_path / "__MACOSX").mkdir()
    train, test = load(tmp_path)
    assert train.classes == ("cats", "dogs")
    assert len(train) + len(test) == 10


def test_links_are_followed_but_not_in_a_circle(animals: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    linked.mkdir()
    try:
        for name in ("cats", "dogs"):
            (linked / name).symlink_to(animals / name)
        (animals / "cats" / "again").symlink_to(animals / "cats")
    except OSError:
        pytest.skip("this system makes no links")
    train, test = load(linked)
    assert len(train) + len(test) == 20


def test_names_in_hangul_are_the_same_name_from_any_system(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for name in ("강아지", "고양이"):
            form = "NFD" if part == "train" else "NFC"
            for n in range(3):
                put(tmp_path / part / unicodedata.normalize(form, name) / f"그림 {n}.png", drawn(n + 7 * len(part)))
    train, test = load(tmp_path)
    assert train.classes == test.classes == ("강아지", "고양이")


def test_numbers_are_in_their_order(tmp_path: Path) -> None:
    for n in range(12):
        put(tmp_path / str(n) / "1.png", drawn(n))
    assert load(tmp_path)[0].classes == tuple(map(str, range(12)))


def test_colours_and_mixed_sizes(tmp_path: Path) -> None:
    for n in range(6):
        put(tmp_path / "ab"[n % 2] / f"{n}.jpg", drawn(n, 300, 400, coloured=True))
    put(tmp_path / "a" / "tall.png", drawn(9, 400, 300))
    train, _ = load(tmp_path)
    assert train.inputs.shape[1:] == (84, 112, 3)
    assert train.reading is not None
    assert "are made 84 × 112" in train.reading.notes[0]
    assert "in colour; 1 of 7 are grey" in train.reading.notes[0]


def test_size_and_channels_may_be_chosen(tmp_path: Path) -> None:
    for n in range(6):
        put(tmp_path / "ab"[n % 2] / f"{n}.png", drawn(n, 40, 30, coloured=True))
    assert load(tmp_path, size=16)[0].inputs.shape[1:] == (16, 16, 3)
    assert load(tmp_path, size=(20, 15), channels=1)[0].inputs.shape[1:] == (20, 15)
    coloured, grey = load(tmp_path, size=(20, 15))[0], load(tmp_path, size=(20, 15), channels=1)[0]
    np.testing.assert_array_equal(grey.inputs[0], as_channels(coloured.inputs[0], 1))
    for wrong in (0, 5_000, "big", [3], (3, 4, 5), True):
        with pytest.raises(RecipeError, match="size should be"):
            load(tmp_path, size=wrong)  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match="channels should be"):
        load(tmp_path, channels=2)


def test_files_that_cannot_be_read_are_listed_and_left_out_only_when_told_to(animals: Path) -> None:
    (animals / "cats" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0broken")
    (animals / "dogs" / "page.png").write_bytes(b"<!DOCTYPE html>")
    (animals / "dogs" / "raw.cr2").write_bytes(b"II*\0raw")
    good = (animals / "cats" / "IMG_0.png").read_bytes()
    (animals / "cats" / "short.png").write_bytes(good[: len(good) // 2])
    with pytest.raises(DataError, match="4 of 24 pictures") as caught:
        load(animals)
    for told in ("cats/broken.jpg: ", "dogs/page.png: it is no picture but HTML", "cats/short.png: it is cut short"):
        assert told in caught.value.problem
    assert "--skip-unreadable" in caught.value.fix
    with pytest.warns(UserWarning, match="4 pictures or rows could not be read"):
        train, test = load(animals, skip_unreadable=True)
    assert len(train) + len(test) == 20
    assert train.reading is not None
    assert len(train.reading.left_out) == 4


def test_folders_that_hold_no_classes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no picture in it"):
        load(tmp_path)
    put(tmp_path / "1.png", drawn(1))
    with pytest.raises(DataError, match="1 pictures lie directly in it"):
        load(tmp_path)
    put(tmp_path / "cats" / "1.png", drawn(1))
    with pytest.raises(DataError, match="pictures of 'cats' alone") as caught:
        load(tmp_path)
    assert "cats/1.jpg" in caught.value.fix


def test_a_second_look_decodes_nothing(animals: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old(animals)
    monkeypatch.setattr(image_cache, "_FRESH", -(10**12))  # files made a moment ago count as old
    first = load(animals)[0]

    def never(*_: object, **__: object) -> None:
        raise AssertionError("decoded again")

    for name in ("decode", "content_of", "header_of"):
        monkeypatch.setattr(picture_files, name, never)
    assert load(animals)[0].fingerprint == first.fingerprint


def test_a_changed_file_is_read_anew_and_the_others_are_not(animals: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load(animals)
    changed = animals / "cats" / "IMG_0.png"
    before = changed.stat()
    put(changed, drawn(500))
    os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))  # as if it had never been touched
    put(animals / "dogs" / "new.png", drawn(501))
    decoded: list[int] = []
    decode = picture_files.decode
    monkeypatch.setattr(picture_files, "decode", lambda content, **how: decoded.append(1) or decode(content, **how))
    train, test = load(animals)
    found = {name: pixels for part in (train, test) for name, pixels in named(part)}
    np.testing.assert_array_equal(found["cats/IMG_0.png"], drawn(500))
    np.testing.assert_array_equal(found["dogs/new.png"], drawn(501))
    assert len(found) == 21
    assert len(decoded) == 2


def named(part: object) -> list[tuple[str, np.ndarray]]:
    return [(part.reading.names[row], pixels) for row, pixels in zip(part.rows, part.inputs, strict=True)]  # type: ignore[attr-defined]


def test_what_is_kept_may_be_lost_or_broken(animals: Path) -> None:
    first = load(animals)[0].fingerprint
    kept = sorted(images_folder().iterdir())
    assert len(kept) == 2
    kept[0].write_bytes(b"rubbish")
    kept[1].write_bytes(kept[1].read_bytes()[:300])
    assert load(animals)[0].fingerprint == first
    for path in images_folder().iterdir():
        path.unlink()
    assert load(animals)[0].fingerprint == first


def test_what_is_kept_is_bounded(animals: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load(animals)
    size = sum(path.stat().st_size for path in images_folder().iterdir())
    monkeypatch.setattr(image_cache, "MOST_BYTES", 2 * size)
    for side in range(8, 12):
        load(animals, size=side)
        time.sleep(0.01)
    assert sum(path.stat().st_size for path in images_folder().iterdir()) <= 2 * size


def test_what_does_not_fit_is_refused_before_any_pixel_is_decoded(
    animals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_reading, "room_for_data", lambda: 20 * 6 * 6)
    monkeypatch.setattr(picture_files, "decode", lambda *_, **__: pytest.fail("decoded"))
    with pytest.raises(DataError, match="20 pictures of 12 × 12 pixels would take") as caught:
        load(animals)
    assert "--set size=6" in caught.value.fix


def test_progress_counts_pictures(animals: Path) -> None:
    told: list[tuple[int, int | None]] = []
    load(animals, progress=lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1]
    assert all(done <= (total or 0) for done, total in told)


def test_a_table_names_pictures(animals: Path, tmp_path: Path) -> None:
    rows = [
        "image,label",
        *(f"{'dogs' if n % 2 else 'cats'}/IMG_{n}.png,{'멍멍' if n % 2 else '야옹'}" for n in range(20)),
    ]
    (animals / "labels.csv").write_bytes("\n".join(rows).encode("cp949"))
    train, test = load(animals / "labels.csv")
    assert (train.classes, len(train), len(test)) == (("멍멍", "야옹"), 16, 4)
    assert [name.split("/")[0] for name, _ in named(train)] == [
        "dogs" if label == 0 else "cats" for label in train.labels
    ]


def test_a_table_finds_pictures_by_name_alone(animals: Path) -> None:
    rows = ["id,label", *(f"IMG_{n},{n % 2}" for n in range(20))]
    (animals / "train.csv").write_text("\n".join(rows))
    train, _ = load(animals / "train.csv")
    assert train.inputs.shape[1:] == (12, 12)
    assert train.classes == ("0", "1")


def test_pictures_that_a_table_names_and_that_are_not_there_are_listed(animals: Path) -> None:
    (animals / "labels.csv").write_text(
        "image,label\ncats/IMG_0.png,a\nhttp://x.org/a.png,b\n../../etc/passwd.png,b\ncats/I\0MG_0.png,b\ndogs/IMG_1.png,b\n",
        encoding="utf-16",  # in UTF-8 a zero means that it is no text
    )
    with pytest.raises(DataError, match="3 of 5 pictures") as caught:
        load(animals / "labels.csv")
    assert "there is no such file" in caught.value.problem


def test_tables_of_pixels_with_a_part_each(tmp_path: Path) -> None:
    for name, count in (("mnist_train.csv", 12), ("mnist_test.csv", 6)):
        rows = [",".join([str(n % 3), *(str((n * 7 + k) % 256) for k in range(16))]) for n in range(count)]
        header = ",".join(["label", *(f"pixel{k}" for k in range(16))])
        (tmp_path / name).write_text("\n".join([header, *rows]))
    train, test = load(tmp_path)
    assert (len(train), len(test), train.inputs.shape[1:]) == (12, 6, (4, 4))
    (tmp_path / "mnist_test.csv").write_text(
        "\n".join([header.removeprefix("label,"), *(row.partition(",")[2] for row in rows)])
    )
    train, test = load(tmp_path)
    assert len(train) + len(test) == 12
    assert train.reading is not None
    assert any("mnist_test.csv has no labels" in note for note in train.reading.notes)


def test_settings_that_are_of_no_use_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((4, 2, 2), np.uint8), y=[0, 1, 0, 1])
    with pytest.raises(DataError, match="size: this is for pictures"):
        load(tmp_path / "a.npz", size=3)
    with pytest.raises(DataError, match="text: this is for pictures"):
        load("mnist", text="Q")


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([(28, 28)] * 60_000, (28, 28)),
        ([(32, 32)] * 60_000, (32, 32)),
        ([(40, 40)] * 60_000, (32, 32)),
        ([(3_000, 4_000)] * 200, (84, 112)),
        ([(3_000, 4_000), (4_000, 3_000)] * 100, (96, 96)),
        ([(20, 30), (22, 30), (24, 30)] * 5, (22, 30)),
        ([(10, 4_000)] * 5, (48, 192)),
        ([(64, 64)] * 100, (64, 64)),
    ],
)
def test_the_size_is_chosen_by_the_pictures(sizes: list[tuple[int, int]], expected: tuple[int, int]) -> None:
    heights, widths = zip(*sizes, strict=True)
    chosen = choose_size(heights, widths)
    assert (chosen.height, chosen.width) == expected
    assert chosen.height * chosen.width <= max(1.1 * 60_000 * 784 / len(sizes), 32 * 32)


def test_a_picture_keeps_its_shape() -> None:
    pixels = np.full((40, 20), 200, np.uint8)
    pixels[10:30, 5:15] = 0
    made = fitted(pixels, 20, 20)
    assert made.shape == (20, 20)
    assert (made[:, :5] == 200).all()  # the colour of its edge
    assert (made[:, 15:] == 200).all()
    assert made[8:12, 9:11].max() == 0
    assert fitted(pixels, 40, 20) is pixels
    assert fitted(drawn(1, 300, 401, coloured=True), 60, 80).shape == (60, 80, 3)


def test_digits_may_be_cleaned(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for n in range(6):
        paper = rng.integers(200, 230, (120, 90, 3), dtype=np.uint8)
        paper[30:90, 40:50] = 30  # a one
        if n % 2:
            paper[30:40, 20:70] = 30  # a seven, of sorts
        put(tmp_path / "17"[n % 2] / f"{n}.png", paper)
    train, test = load(tmp_path, clean=True)
    assert train.inputs.shape[1:] == test.inputs.shape[1:] == (28, 28)
    assert train.reading is not None
    assert train.reading.settings.as_dict() == {"size": [28, 28], "channels": 1, "clean": True}
    for pixels in train.inputs:
        assert pixels[0].max() == 0  # light strokes on black
        assert pixels.max() > 200
    with pytest.raises(RecipeError, match="one number where clean is on"):
        load(tmp_path, clean=True, size=(20, 30))
    assert load(tmp_path, clean=True, size=20)[0].inputs.shape[1:] == (20, 20)


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (3, 3, 3), (64, 2)])
def test_whatever_is_cleaned_has_the_size_of_a_digit(tmp_path: Path, shape: tuple[int, ...]) -> None:
    for n, value in enumerate((0, 255, 7, 90)):
        put(tmp_path / "ab"[n % 2] / f"{n}.png", np.full(shape, value, np.uint8))
    assert load(tmp_path, clean=True)[0].inputs.shape == (3, 28, 28)


def test_a_link_up_to_its_own_folder_adds_no_pictures(animals: Path) -> None:
    (animals / "cats" / "all").symlink_to("..")
    (animals / "dogs" / "more").symlink_to("../../elsewhere")
    put(animals.parent / "elsewhere" / "far.png", drawn(100))
    train, test = load(animals)
    assert train.reading is not None
    assert sorted(name.split("/")[0] for name, _ in [*named(train), *named(test)]) == ["cats"] * 10 + ["dogs"] * 11


@pytest.mark.parametrize("names", [r"C:\Users\kim\{}", "/home/kim/{}", "{}"])
def test_a_table_from_another_machine_names_pictures_by_how_their_paths_end(tmp_path: Path, names: str) -> None:
    rows = ["image,label"]
    for n in range(8):
        place = f"{'ab'[n % 2]}/{n // 2}.png"  # each folder has a 0.png of its own
        put(tmp_path / "pictures" / place, drawn(n))
        rows.append(f"{names.format(place)},{'ab'[n % 2]}")
    (tmp_path / "table.csv").write_text("\n".join(rows))
    train, test = load(tmp_path / "table.csv")
    for part in (train, test):
        for row, label, pixels in zip(part.rows, part.labels, part.inputs, strict=True):
            assert part.reading is not None
            number = int(part.reading.names[row].replace("\\", "/").split("/")[-1].removesuffix(".png"))
            np.testing.assert_array_equal(pixels, drawn(2 * number + label))
    (tmp_path / "away").mkdir()
    (tmp_path / "table.csv").rename(tmp_path / "away" / "table.csv")
    with pytest.raises(DataError, match="8 of 8 pictures") as caught:
        load(tmp_path / "away" / "table.csv")
    assert "put the table where the pictures are" in caught.value.fix


def test_links_that_cross_are_gone_through_once(animals: Path) -> None:
    """Each of twenty folders links to the nineteen others: there are 20! paths."""
    rooms = [animals / "cats" / f"room{n}" for n in range(20)]
    for room in rooms:
        room.mkdir()
    try:
        for room in rooms:
            for other in rooms:
                (room / other.name).symlink_to(other)
    except OSError:
        pytest.skip("this system makes no links")
    put(rooms[7] / "deep.png", drawn(50))
    train, test = load(animals)
    assert len(train) + len(test) == 21


def test_a_folder_of_everything_is_refused_soon(animals: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_folder, "_OTHERS", 50)
    for n in range(95):
        (animals / "cats" / f"z{n}.txt").touch()
        (animals / "dogs" / f"z{n}.txt").touch()
    train, test = load(animals)
    assert len(train) + len(test) == 20, "ten of them for each picture there may be"
    for n in range(2_000):
        (animals / "dogs" / f"{n}.so").touch()
    with pytest.raises(DataError, match="no folder of pictures"):
        load(animals)
